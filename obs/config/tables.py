"""The tables `[thresholds]` and `[pipeline]`, and one entry of `[[rates]]`."""

from __future__ import annotations

from decimal import Decimal
from pathlib import Path

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field

from obs.refreshing.config import LEAST_SECONDS, MOST_FILES, MOST_MINUTES, MOST_SECONDS, PipelineConfig
from obs.watch.thresholds import Limits

__all__ = ["ExchangeRate", "Pipeline", "Thresholds"]

_LIMITS = Limits()
_PIPELINE = PipelineConfig()


class Thresholds(BaseModel):
    """When a trading threshold is passed; each is a field of `obs.watch.thresholds.Limits`."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    trades: int = Field(_LIMITS.trades, ge=1, description="Trades within the window that are too many.")
    trades_window_s: int = Field(_LIMITS.trades_window_s, ge=1, description="Seconds.")
    losses: int = Field(_LIMITS.losses, ge=1, description="Losses of the last `losses_of` closed trades.")
    losses_of: int = Field(_LIMITS.losses_of, ge=1, le=300, description="Closed trades that are looked at.")
    slippage: Decimal = Field(_LIMITS.slippage, description="A fill worse than expected by more.")
    api_error_rate: Decimal = Field(
        _LIMITS.api_error_rate, gt=0, le=1, description="This share of failed requests, or more."
    )
    api_requests: int = Field(_LIMITS.api_requests, ge=1, description="Fewer requests give no verdict.")
    api_window_s: int = Field(_LIMITS.api_window_s, ge=1, le=1800, description="Seconds.")
    silence_s: int = Field(_LIMITS.silence_s, ge=60, description="Seconds without a word in open markets.")
    price_move: Decimal = Field(
        _LIMITS.price_move, gt=0, description="From one minute's close to the next, or more."
    )
    volume_times: Decimal = Field(
        _LIMITS.volume_times, gt=0, description="Times the mean of the `volume_bars` before, or more."
    )
    volume_bars: int = Field(_LIMITS.volume_bars, ge=1, le=120, description="Bars of the mean.")
    funding: Decimal = Field(_LIMITS.funding, description="More than this for one interval, up or down.")
    book_share: Decimal = Field(
        _LIMITS.book_share, gt=Decimal("0.5"), le=1, description="Bids or asks as a share of the book."
    )
    book_levels: int = Field(_LIMITS.book_levels, ge=1, description="Levels of the book that are counted.")
    book_hold_s: int = Field(_LIMITS.book_hold_s, ge=0, description="Seconds for which it must hold.")
    daily_loss: Decimal = Field(
        _LIMITS.daily_loss, gt=0, le=1, description="Of the day's first equity, or more."
    )


class Pipeline(BaseModel):
    """How the dashboard's data keep themselves fresh; see `obs.refreshing.config.PipelineConfig`."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    update_interval_seconds: float = Field(
        _PIPELINE.update_interval_seconds,
        ge=LEAST_SECONDS,
        le=MOST_SECONDS,
        description="Between two records for subscribers and files.",
    )
    cache_duration_minutes: float = Field(
        _PIPELINE.cache_duration_minutes, ge=0, le=MOST_MINUTES, description="How long a record answers."
    )
    enable_real_time_updates: bool = Field(
        _PIPELINE.enable_real_time_updates, description="Whether records are made without being asked for."
    )
    export_to_file: bool = Field(
        _PIPELINE.export_to_file, description="Whether each record is written as a file."
    )
    max_cache_files: int = Field(
        _PIPELINE.max_cache_files, ge=1, le=MOST_FILES, description="So many files stay; the oldest go."
    )
    cache_directory: Path | None = Field(
        _PIPELINE.cache_directory, description="Folder of the files [`dashboards/history` in `dir`]."
    )


class ExchangeRate(BaseModel):
    """What one unit of a currency was worth in another, and when."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    pair: str = Field(pattern=r"^[A-Za-z0-9]{2,10}/[A-Za-z0-9]{2,10}$", description="`USD/KRW`.")
    rate: Decimal = Field(
        gt=0, allow_inf_nan=False, description="So many of the second for one of the first."
    )
    at: AwareDatetime = Field(description="When it held, with a zone: 2026-11-20T09:00:00Z.")

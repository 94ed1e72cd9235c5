"""All settings as one frozen tree; each field has a default and a description, its documentation."""

from __future__ import annotations

from pathlib import Path
from zoneinfo import ZoneInfo

from pydantic import Field, SecretStr, field_validator
from pydantic_settings import BaseSettings, PydanticBaseSettingsSource, SettingsConfigDict

from obs.config.alerting import Alerts
from obs.config.opentelemetry import Otlp
from obs.config.tables import ExchangeRate, Pipeline, Thresholds
from obs.config.units import AMOUNT, DURATION
from obs.keeping import store_address
from obs.spooling.sizes import bytes_of, quota_of

__all__ = ["Settings"]

LEAST_HISTORY = 16 * 2**20


class Settings(BaseSettings):
    """Everything the sidecar and the command line can be told."""

    model_config = SettingsConfigDict(
        env_prefix="OBS_", env_nested_delimiter="__", extra="forbid", frozen=True, env_ignore_empty=True
    )

    dir: Path = Field(Path(".obs"), description="Folder of the spool, the database and the written views.")
    spool_quota: str = Field(
        "512MiB", description="Most that the spool of bots takes on the disk while nobody reads it."
    )
    store: str = Field(
        "",
        description="A PostgreSQL database that keeps what is remembered, `postgresql://…`; empty: `obs.db`.",
    )
    history_days: int = Field(
        90, ge=1, le=36_500, description="Days for which events, counts, trades and model calls are kept."
    )
    history_quota: str = Field(
        "2GiB",
        description="Most that the folder takes beside the spool; beyond it the oldest events and counts go.",
    )
    service: str = Field("", description="Name of the bot, where its records do not say.")
    timezone: str = Field(
        "UTC", description="Zone in which times without one are read and days are counted, e.g. `Asia/Seoul`."
    )
    budget: int = Field(2000, ge=50, le=1_000_000, description="Most tokens of a briefing.")
    lang: str = Field("en", pattern="^(en|ko)$", description="Language of briefings: `en` or `ko`.")
    host: str = Field("127.0.0.1", description="Address the sidecar listens on.")
    port: int = Field(8080, ge=0, le=65535, description="Port the sidecar listens on; 0 takes a free one.")
    token: SecretStr = Field(
        SecretStr(""),
        description="Token that allows reading and deciding; else that of the file `token` in `dir`.",
    )
    read_token: SecretStr = Field(SecretStr(""), description="Token that allows reading only.")
    allowed_hosts: tuple[str, ...] = Field(
        (), description="Further host names that requests may use, e.g. of a proxy before the sidecar."
    )
    allowed_origins: tuple[str, ...] = Field(
        (), description="Pages elsewhere that may ask, e.g. `https://desk.example.com`."
    )
    page: bool = Field(
        False, description="Whether a sidecar that a bot starts by itself serves the page and the API too."
    )
    rules: tuple[Path, ...] = Field((), description="Rule packs of your own: TOML files or folders of them.")
    templates: Path | None = Field(
        None, description="Folder of templates that replace ours of the same name."
    )
    follow: tuple[str, ...] = Field((), description="Log files or globs the sidecar follows.")
    calendars: Path | None = Field(
        None, description="Folder of session tables of your own (form: `obs/calendars/README.md`)."
    )
    markets: dict[str, str] = Field(
        {}, description="Bot, or `*`, and the session table of its market: `XKRX`, `ALWAYS`, ..."
    )
    cadence: dict[str, str] = Field(
        {}, description="Stage or component, or `bot stage`, and how often it shows: `30s`, `5m`, `off`."
    )
    prices: Path | None = Field(
        None, description="Your own prices of language models: a TOML file; see below."
    )
    rates: tuple[ExchangeRate, ...] = Field(
        (), description="Exchange rates with their date, as `[[rates]]`; see below."
    )
    llm_daily_budget: str = Field(
        "", description="What language models may cost in a day, e.g. `6.00 USD`; empty: no limit."
    )
    thresholds: Thresholds = Field(
        Thresholds.model_validate({}), description="When a trading threshold is passed; see below."
    )
    pipeline: Pipeline = Field(
        Pipeline.model_validate({}), description="How the dashboard's data keep themselves fresh; see below."
    )
    alerts: Alerts = Field(
        Alerts.model_validate({}), description="Who is told of issues by message, and when; see below."
    )
    otlp: Otlp = Field(
        Otlp.model_validate({}), description="Where logs, traces and metrics are sent; see below."
    )

    @field_validator("cadence")
    @classmethod
    def _cadences_have_a_unit(cls, value: dict[str, str]) -> dict[str, str]:
        for key, text in value.items():
            if text != "off" and DURATION.fullmatch(text) is None:
                raise ValueError(f'{key} = "{text}" has no unit: write it with one, e.g. "30s", "5m", "off"')
        return value

    @field_validator("llm_daily_budget")
    @classmethod
    def _budget_is_an_amount(cls, value: str) -> str:
        if value and AMOUNT.fullmatch(value.strip()) is None:
            raise ValueError('is no amount: write it with its currency, e.g. "6.00 USD"')
        return value.strip()

    @field_validator("store")
    @classmethod
    def _store_is_known(cls, value: str) -> str:
        if value:
            store_address.parse(value)
        return value

    @field_validator("history_quota")
    @classmethod
    def _history_has_room(cls, value: str) -> str:
        if bytes_of(value) < LEAST_HISTORY:
            raise ValueError('is too small for a history: write at least "16MiB"')
        return value

    @field_validator("spool_quota")
    @classmethod
    def _quota_is_a_size(cls, value: str) -> str:
        quota_of(value)
        return value

    @field_validator("timezone")
    @classmethod
    def _zone_exists(cls, value: str) -> str:
        try:
            ZoneInfo(value)
        except (KeyError, ValueError, OSError):
            raise ValueError("is no time zone: write an IANA name, e.g. UTC or Asia/Seoul") from None
        return value

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """Only what `load` gathers counts, as it must know where each value came from."""
        return (init_settings,)

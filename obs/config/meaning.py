"""What the settings mean to the parts they are for: expectations, data pipeline, OpenTelemetry's address."""

from __future__ import annotations

from decimal import Decimal

from obs.config.faults import ConfigError
from obs.config.opentelemetry import place_of
from obs.config.settings import Settings
from obs.config.units import AMOUNT, duration_ns
from obs.exporting.destination import Destination, DestinationError, destination
from obs.money import pricing
from obs.money.amounts import Money, Rate
from obs.refreshing.config import PipelineConfig
from obs.watch import sessions
from obs.watch.expectations import Expectations
from obs.watch.sessions import CalendarError
from obs.watch.thresholds import Limits

__all__ = ["destination_of", "expectations", "grpc_place", "pipeline_config"]


def expectations(settings: Settings) -> Expectations:
    """Return what the settings expect of the bots.

    Raises:
        ConfigError: If a session table is wrong, a market names one that is not there, or a price is wrong.
    """
    try:
        calendars = sessions.load(settings.calendars)
        for name in settings.markets.values():
            calendars.get(name)
    except CalendarError as error:
        raise ConfigError(f"markets or calendars: {error}") from None
    try:
        prices = pricing.load(settings.prices)
    except pricing.PriceError as error:
        raise ConfigError(f"prices: {error}") from None
    budget = AMOUNT.fullmatch(settings.llm_daily_budget)
    return Expectations(
        timezone=settings.timezone,
        prices=prices,
        rates=tuple(
            Rate(int(told.at.timestamp() * 1_000_000) * 1_000, told.pair.upper(), told.rate)
            for told in settings.rates
        ),
        llm_daily_budget=Money(Decimal(budget[1]), budget[2].upper()) if budget is not None else None,
        limits=Limits(**settings.thresholds.model_dump()),
        calendars=calendars,
        markets=settings.markets,
        cadence={key: duration_ns(text) for key, text in settings.cadence.items()},
    )


def pipeline_config(settings: Settings) -> PipelineConfig:
    """Return how the settings want the data pipeline."""
    return PipelineConfig(**settings.pipeline.model_dump())


def grpc_place(settings: Settings) -> tuple[str, int] | None:
    """Return the address and port where gRPC is taken in; None for nowhere."""
    return place_of(settings.otlp.grpc, settings.host) if settings.otlp.grpc else None


def destination_of(settings: Settings) -> tuple[Destination | None, str]:
    """Return where OpenTelemetry goes, None for nowhere, and what is wrong with its variables.

    They may be meant for the bot, so what is wrong there stops nothing.
    """
    own = [(settings.host, settings.port), *filter(None, (grpc_place(settings),))]
    try:
        found = destination(settings.otlp)
        for host, port in own if found is not None else ():
            shown = f"[{host}]" if ":" in host else host
            if found is not None and found.leads_to(f"http://{shown}:{port}"):
                raise DestinationError("the endpoint is this sidecar itself; it listens at `host` and `port`")
        return found, ""
    except DestinationError as error:
        return None, f"Nothing is sent by OpenTelemetry: {error}."

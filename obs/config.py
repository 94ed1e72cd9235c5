"""Settings: arguments, then environment, then `obs.toml` or `[tool.obs]`, then defaults, as one frozen tree.

Every field has a default and a description, from which the documentation is made; unknown keys are errors.
Each value's origin is kept, so that `obs config` can say where it came from.
"""

from __future__ import annotations

import os
import re
import tomllib
from collections.abc import Mapping
from decimal import Decimal
from pathlib import Path
from typing import Any, Literal
from zoneinfo import ZoneInfo

import msgspec
from pydantic import (
    AwareDatetime,
    BaseModel,
    ConfigDict,
    Field,
    SecretStr,
    ValidationError,
    field_validator,
    model_validator,
)
from pydantic_settings import (
    BaseSettings,
    EnvSettingsSource,
    PydanticBaseSettingsSource,
    SettingsConfigDict,
)

from obs.alerts.plan import amount_of, quiet_of
from obs.exporting.destination import Destination, DestinationError, check_address, destination
from obs.keeping import store_address
from obs.money import pricing
from obs.money.amounts import Money, Rate
from obs.refreshing.config import LEAST_SECONDS, MOST_FILES, MOST_MINUTES, MOST_SECONDS, PipelineConfig
from obs.snapshot import IssueSeverity
from obs.spooling.sizes import bytes_of, quota_of
from obs.watch import sessions
from obs.watch.expectations import Expectations
from obs.watch.sessions import CalendarError
from obs.watch.thresholds import Limits

__all__ = [
    "AlertRoute",
    "Alerts",
    "ConfigError",
    "Effective",
    "Otlp",
    "Pipeline",
    "Settings",
    "Thresholds",
    "destination_of",
    "duration_ns",
    "expectations",
    "load",
    "pipeline_config",
    "placed",
]

FILE = "obs.toml"
LEAST_HISTORY = 16 * 2**20
_LIMITS = Limits()
_PIPELINE = PipelineConfig()
_PERIOD = re.compile(r"(\d+(?:\.\d+)?)([smhd])")
_BUDGET = re.compile(r"(\d+(?:\.\d+)?)\s*([A-Za-z]{2,10})")
_UNITS = {"s": 1, "m": 60, "h": 3_600, "d": 86_400}


class ConfigError(ValueError):
    """Settings that cannot be used; the message names the place, the value and the mend."""


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


class Otlp(BaseModel):
    """Where OpenTelemetry goes; see `obs.exporting.destination`."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    endpoint: str = Field(
        "", description="`http://HOST:4318`; empty: as OpenTelemetry's variables say, else nothing is sent."
    )
    headers: dict[str, SecretStr] = Field({}, description="Sent with each request, e.g. `Authorization`.")
    signals: tuple[Literal["logs", "traces", "metrics"], ...] = Field(
        ("logs", "traces", "metrics"), description="What is sent."
    )
    level: Literal["TRACE", "DEBUG", "INFO", "WARN", "ERROR", "FATAL"] = Field(
        "INFO", description="Least severity of log records that are sent."
    )
    queue: str = Field("64MiB", description="Most that waits on disk, each of logs and traces.")
    timeout_s: float = Field(0, ge=0, le=300, description="Seconds for one request; 0: 10, or the variable.")
    interval_s: float = Field(
        0, ge=0, le=86_400, description="Seconds between two sets of metrics; 0: 60, or the variable."
    )

    @field_validator("endpoint")
    @classmethod
    def _endpoint_is_an_address(cls, value: str) -> str:
        if value:
            check_address(value, "endpoint")
        return value.strip()

    @field_validator("queue")
    @classmethod
    def _queue_is_a_size(cls, value: str) -> str:
        if bytes_of(value) < 2**20:
            raise ValueError('is too small: write at least "1MiB"')
        return value


class AlertRoute(BaseModel):
    """Which issues go to which channels; see `obs.alerts.plan.Route`."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    name: str = Field("", max_length=80, description="Of the route; its memory goes by it [`route N`].")
    severity: IssueSeverity = Field(IssueSeverity.ERROR, description="The least.")
    bots: tuple[str, ...] = Field(("*",), min_length=1, description="Bots, as globs.")
    money: str = Field("", description="The least money at risk, e.g. `100 USDT`; empty: whatever it is.")
    channels: tuple[str, ...] = Field(min_length=1, description="Who is told.")
    fallback: tuple[str, ...] = Field((), description="Who is told when one of those fails.")
    resolved: bool = Field(True, description="Whether the end is told.")
    also: bool = Field(False, description="Whether the routes after it are asked too.")

    @field_validator("money")
    @classmethod
    def _money_is_an_amount(cls, value: str) -> str:
        amount_of(value)
        return value


class Alerts(BaseModel):
    """Who is told what and when; see `obs.alerts`."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    channels: dict[str, SecretStr] = Field({}, description="Name and address, as Apprise writes it.")
    routes: tuple[AlertRoute, ...] = Field((), description="As `[[alerts.routes]]`; the first that fits.")
    quiet_hours: str = Field("", description="When only what is urgent goes out: `23:00-07:00`.")
    quiet_except: IssueSeverity = Field(
        IssueSeverity.CRITICAL, description="What is urgent: from this severity on."
    )
    group_wait: str = Field("10s", description="How long what belongs together is waited for.")
    again_after: str = Field("4h", description="After so long what came back is told again.")
    per_hour: int = Field(20, ge=1, le=1000, description="Messages of a channel in any hour.")

    @field_validator("quiet_hours")
    @classmethod
    def _hours_are_a_stretch(cls, value: str) -> str:
        quiet_of(value, ZoneInfo("UTC"))
        return value

    @field_validator("group_wait", "again_after")
    @classmethod
    def _times_have_a_unit(cls, value: str) -> str:
        if _PERIOD.fullmatch(value) is None:
            raise ValueError('has no unit: write it with one, e.g. "10s", "4h"')
        return value

    @model_validator(mode="after")
    def _routes_lead_somewhere(self) -> Alerts:
        names = [route.name for route in self.routes if route.name]
        if len(names) != len(set(names)):
            raise ValueError("two routes have the same name: name them apart")
        for number, route in enumerate(self.routes, 1):
            for channel in (*route.channels, *route.fallback):
                if channel not in self.channels:
                    known = ", ".join(self.channels) or "none"
                    raise ValueError(
                        f"route {number} names channel {channel}, which is not in [alerts.channels]: "
                        f"there are {known}"
                    )
        return self


class ExchangeRate(BaseModel):
    """What one unit of a currency was worth in another, and when."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    pair: str = Field(pattern=r"^[A-Za-z0-9]{2,10}/[A-Za-z0-9]{2,10}$", description="`USD/KRW`.")
    rate: Decimal = Field(
        gt=0, allow_inf_nan=False, description="So many of the second for one of the first."
    )
    at: AwareDatetime = Field(description="When it held, with a zone: 2026-11-20T09:00:00Z.")


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
            if text != "off" and _PERIOD.fullmatch(text) is None:
                raise ValueError(f'{key} = "{text}" has no unit: write it with one, e.g. "30s", "5m", "off"')
        return value

    @field_validator("llm_daily_budget")
    @classmethod
    def _budget_is_an_amount(cls, value: str) -> str:
        if value and _BUDGET.fullmatch(value.strip()) is None:
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
    budget = _BUDGET.fullmatch(settings.llm_daily_budget)
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
        cadence={key: _period(text) for key, text in settings.cadence.items()},
    )


def duration_ns(text: str) -> int:
    """Return the ns of a duration as the settings write it: `30s`, `4h`."""
    return _period(text)


def _period(text: str) -> int:
    match = _PERIOD.fullmatch(text)
    return int(float(match[1]) * _UNITS[match[2]] * 1_000_000_000) if match is not None else 0


def pipeline_config(settings: Settings) -> PipelineConfig:
    """Return how the settings want the data pipeline."""
    return PipelineConfig(**settings.pipeline.model_dump())


def destination_of(settings: Settings) -> tuple[Destination | None, str]:
    """Return where OpenTelemetry goes, None for nowhere, and what is wrong with its variables.

    They may be meant for the bot, so what is wrong there stops nothing.
    """
    host = f"[{settings.host}]" if ":" in settings.host else settings.host
    try:
        found = destination(settings.otlp)
        if found is not None and found.leads_to(f"http://{host}:{settings.port}"):
            raise DestinationError("the endpoint is this sidecar itself; it listens at `host` and `port`")
        return found, ""
    except DestinationError as error:
        return None, f"Nothing is sent by OpenTelemetry: {error}."


class Effective(msgspec.Struct, frozen=True):
    """The settings in force and where each came from."""

    settings: Settings
    origins: Mapping[str, str]
    """Field -> `default`, `environment OBS_PORT`, `obs.toml`, `argument`."""


def load(arguments: Mapping[str, Any] | None = None, *, folder: Path | None = None) -> Effective:
    """Return the effective settings.

    Args:
        arguments: What the caller was told, by field; None values count as not given.
        folder: Where `obs.toml` or `pyproject.toml` is looked for; the working directory when None.

    Raises:
        ConfigError: If a file cannot be read or a value is wrong.
    """
    place, from_file = _file(folder or Path.cwd())
    from_environment = _environment()
    given = {key: value for key, value in (arguments or {}).items() if value is not None}
    origins = dict.fromkeys(Settings.model_fields, "default")
    origins.update(dict.fromkeys(from_file, place))
    origins.update({key: f"environment {_variable(key)}" for key in from_environment})
    origins.update(dict.fromkeys(given, "argument"))
    try:
        settings = Settings(**_joined(from_file, from_environment, given))
    except ValidationError as error:
        raise ConfigError(_explained(error, origins)) from None
    return Effective(settings, {key: origins[key] for key in Settings.model_fields})


def placed(settings: Settings, folder: Path) -> Settings:
    """Return settings whose paths mean the same in every working directory: those of a folder's own file."""
    return settings.model_copy(
        update={
            "dir": folder / settings.dir,
            "rules": tuple(folder / path for path in settings.rules),
            "templates": folder / settings.templates if settings.templates else None,
            "calendars": folder / settings.calendars if settings.calendars else None,
            "prices": folder / settings.prices if settings.prices else None,
            "follow": tuple(path if path == "-" else str(folder / path) for path in settings.follow),
        }
    )


def _joined(*layers: Mapping[str, Any]) -> dict[str, Any]:
    """The layers as one, later ones first in force; of a table each key by itself."""
    joined: dict[str, Any] = {}
    for layer in layers:
        for key, value in layer.items():
            known = joined.get(key)
            both = isinstance(known, dict) and isinstance(value, dict)
            joined[key] = {**known, **value} if both and known is not None else value
    return joined


def _environment() -> dict[str, Any]:
    found = EnvSettingsSource(Settings)()
    named = os.environ.get("OTEL_SERVICE_NAME")
    if named and "service" not in found:
        found["service"] = named
    return {key: value for key, value in found.items() if key in Settings.model_fields}


def _variable(key: str) -> str:
    if key == "service" and "OBS_SERVICE" not in os.environ:
        return "OTEL_SERVICE_NAME"
    return f"OBS_{key.upper()}"


def _file(folder: Path) -> tuple[str, dict[str, Any]]:
    own = folder / FILE
    if own.is_file():
        return FILE, _toml(own)
    project = folder / "pyproject.toml"
    if project.is_file():
        try:
            table = _toml(project).get("tool", {}).get("obs", {})
        except ConfigError:
            return FILE, {}  # a broken pyproject.toml is not ours to complain about
        return "pyproject.toml [tool.obs]", dict(table)
    return FILE, {}


def _toml(path: Path) -> dict[str, Any]:
    try:
        return tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise ConfigError(
            f"{path}: cannot be read ({error.strerror}): make it readable or remove it"
        ) from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise ConfigError(f"{path}: is not TOML: {error}: mend that place, or remove the file") from None


_TABLES: Mapping[str, type[BaseModel]] = {
    "thresholds": Thresholds,
    "pipeline": Pipeline,
    "otlp": Otlp,
    "alerts": Alerts,
}


def _explained(error: ValidationError, origins: Mapping[str, str]) -> str:
    first = error.errors()[0]
    path = [str(part) for part in first["loc"]]
    key = ".".join(path)
    place = origins.get(path[0] if path else "", FILE)
    if first["type"] == "extra_forbidden":
        fields = _TABLES.get(path[0], Settings).model_fields if len(path) > 1 else Settings.model_fields
        known = ", ".join(fields)
        return f"{place}: {key}: no such setting: use one of {known}"
    message = str(first["msg"]).removeprefix("Value error, ")
    if path[0] == "alerts":
        # What stands there may be an address with its secrets.
        return f"{place}: {key}: {message[:1].lower()}{message[1:]}"
    if path[:1] == ["otlp"] and path[1:2] in (["endpoint"], ["headers"]):
        # What stands there may hold a password.
        return f"{place}: {key}: {message[:1].lower()}{message[1:]}"
    if key == "store":
        return f"{place}: store = {store_address.shown(str(first['input']))!r}: {message}"
    return f"{place}: {key} = {first['input']!r}: {message[:1].lower()}{message[1:]}"

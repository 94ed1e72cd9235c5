"""The settings of the core: one frozen tree, read from `trading.toml`.

Every field has a default and a docstring that says what it means. Unknown keys are errors. Secrets do not
stand here but in the file that `[notify] secret` names.
"""

from __future__ import annotations

import math
import tomllib
from pathlib import Path
from typing import Annotated, Any, Literal, get_args, get_type_hints
from zoneinfo import ZoneInfo

import msgspec

from trading.errors import TradingError

__all__ = ["FILE", "SettingsError", "TradingSettings", "load_settings"]

FILE = "trading.toml"


class SettingsError(TradingError):
    """Settings that cannot be read; the message names the file, the key and the mend."""


_Positive = Annotated[float, msgspec.Meta(gt=0)]
_NotNegative = Annotated[float, msgspec.Meta(ge=0)]
_Part = Annotated[float, msgspec.Meta(ge=0, lt=1)]
_Share = Annotated[float, msgspec.Meta(gt=0, le=1)]
_Count = Annotated[int, msgspec.Meta(ge=1)]
_EXAMPLES = {"currency": '"KRW" or "USD"', "quiet_hours": '"23:00-07:00"'}
_CLOCK = r"\s*([01]\d|2[0-3]):[0-5]\d\s*"
_HOURS = rf"^(\s*|{_CLOCK}-{_CLOCK})$"


class DataSettings(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Where bars come from."""

    source: Literal["files", "krx", "crypto"] = "files"
    """`files`: CSV or Parquet in `folder`; `krx`: pyKRX (extra `krx`); `crypto`: ccxt (extra `crypto`)."""
    folder: Path = Path("data/bars")
    """Where the files of the source `files` lie, one for each symbol."""
    exchange: str = "upbit"
    """Which exchange the source `crypto` asks."""
    cache: Path = Path("data/cache")
    """Where fetched bars are kept as Parquet."""
    days: _Count = 400
    """Calendar days of history that a daily run looks at."""
    decimal: Literal["auto", ".", ","] = "auto"
    """Which sign begins the decimals in CSV files; `auto` decides by the file."""
    adjusted: bool = False
    """Take the adjusted close of files that have one, and move open, high and low along with it."""
    actions: Path | None = None
    """A CSV of declared splits and cash dividends: `symbol,date,kind,value`."""
    returns: Literal["price", "total"] = "price"
    """`price`: dividends are not counted; `total`: declared ones are reinvested at the close before."""
    refresh_days: _Count = 30
    """Age at which a cached history with adjusted prices is fetched anew as a whole."""


class MarketSettings(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """The market whose sessions count."""

    calendar: str = "XKRX"
    """Name of a session table (`XKRX`, `XNYS`, `ALWAYS`)."""
    overrides: Path | None = None
    """A table of your own that adds holidays and days with hours of their own."""
    currency: Annotated[str, msgspec.Meta(pattern="^[A-Z][A-Z0-9]{1,9}$")] = "KRW"
    """ISO 4217, or the code of a coin: `KRW`, `USD`, `USDT`."""
    universe: Path = Path("universe.toml")
    """Which instruments are traded."""


class SignalSettings(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """How signals are made, and which pass."""

    params: Path = Path("best_params.json")
    """Parameters of the score; defaults hold where the file is absent."""


class AccountSettings(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """The paper account of the daily run."""

    cash: _Positive = 10_000_000.0
    """What it starts with, in the market's currency."""
    fee: _Part = 0.00015
    """Fraction of each fill's value."""
    duties: Path | None = None
    """A table of your own of what sales pay to law and exchange, in the form of `trading/duties.toml`."""
    slippage: _Part = 0.0005
    """How much worse than the open a fill is, a fraction."""
    band: _Part = 0.02
    """Share of the equity by which a position may be off its weight before it is traded."""
    stop_loss: _Part = 0.08
    """Close a position whose close is this far below its average cost, a fraction; 0: never."""
    trailing_stop: _Part = 0.0
    """Close it when the close is this far below the best since it was opened, a fraction; 0: never."""
    take_profit: _NotNegative = 0.0
    """Close it when the close is this far above its average cost, a fraction; 0: never."""
    cooldown_sessions: Annotated[int, msgspec.Meta(ge=0)] = 5
    """Closes, that of the sale counted, at which what a stop sold is not bought again; 0: at once."""
    max_weight: _Share = 0.40
    """The largest share of the equity in one position."""
    max_exposure: _Share = 1.0
    """The largest share of the equity in all positions together."""
    max_positions: _Count = 20
    """How many positions there may be at once."""
    target_volatility: _NotNegative = 0.0
    """Annualised; what moves more gets a smaller position in proportion; 0: size does not depend on it."""


class DailySettings(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """How the daily run treats data that are late or have holes."""

    least_share: Annotated[float, msgspec.Meta(ge=0, le=1)] = 0.5
    """Share of the universe that must have a bar of the session; with less it counts as not yet published."""
    patience_minutes: _NotNegative = 120.0
    """How long after the close data may be missing before the operator is told."""
    catch_up: Annotated[int, msgspec.Meta(ge=0)] = 60
    """How many missed sessions are caught up at most; older ones are left out, and the run says so."""


class PathSettings(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Where results go."""

    store: Path = Path("data/monitoring")
    """Folder of `signals.db` and `performance.db`."""
    reports: Path = Path("reports")
    """Folder of `daily/`, `weekly/` and `realtime/`."""
    backups: Path = Path("backups")
    """Where `trading store backup` puts its copies."""
    logs: Path = Path("logs")
    """Folder of the logs of unattended runs."""


class NotifySettings(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Messages to the operator."""

    secret: Path = Path("secret/config.yaml")
    """The file with tokens and channels; owner-only."""
    language: Literal["ko", "en"] = "ko"
    """Language of messages and reports."""
    channels: tuple[str, ...] = ()
    """In which order channels are tried; the next one serves when one fails. Empty: as in the secret file."""
    zone: str = "Asia/Seoul"
    """The operator's time zone."""
    quiet_hours: Annotated[str, msgspec.Meta(pattern=_HOURS)] = ""
    """Hours of the operator in which messages wait, `23:00-07:00`; empty: none."""
    urgent: Literal["info", "warning", "error", "critical"] = "error"
    """From this severity on messages do not wait."""
    per_hour: _Count = 30
    """Most messages of a channel in any hour, a fifth kept for errors; the rest waits for a digest."""
    tries: _Count = 3
    """How often a channel is tried before the next one is."""
    timeout_s: _Positive = 15.0
    """Seconds to wait for a connection, and for an answer."""
    patience_s: _NotNegative = 60.0
    """A service that asks for a longer pause than this gets it: the message is kept and tried later."""


class TradingSettings(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Everything that can be set."""

    data: DataSettings = DataSettings()
    market: MarketSettings = MarketSettings()
    signals: SignalSettings = SignalSettings()
    account: AccountSettings = AccountSettings()
    daily: DailySettings = DailySettings()
    paths: PathSettings = PathSettings()
    notify: NotifySettings = NotifySettings()


def load_settings(path: Path | None = None) -> TradingSettings:
    """Return the settings of a file; relative paths in it count from the file's folder.

    Args:
        path: The file, or `None` for `trading.toml` in the working directory (defaults where there is none).

    Raises:
        SettingsError: If the named file is missing, is no TOML, or has an unknown key or a wrong value.
    """
    file = path or Path(FILE)
    if not file.is_file():
        if path is not None:
            raise SettingsError(f"{path}: no such file. Write one, or leave --config out for the defaults.")
        return TradingSettings()
    try:
        said = tomllib.loads(file.read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError) as error:
        raise SettingsError(f"{file}: no TOML ({error}). Mend that line.") from error
    try:
        settings = msgspec.convert(said, TradingSettings, dec_hook=lambda _, value: Path(value))
    except msgspec.ValidationError as error:
        raise SettingsError(f"{file}: {_fault(str(error), said)} docs/trading.md lists every key.") from error
    _check_the_rest(settings, file)
    return _anchored(settings, file.resolve().parent)


def _fault(error: str, said: dict[str, Any]) -> str:
    """Return what msgspec says of a value with its key and the value itself, as they stand in the file."""
    why, _, place = error.partition(" - at `$")
    section, _, rest = place.strip("`").removeprefix(".").partition(".")
    key = rest.partition("[")[0]
    value = said.get(section)
    if not isinstance(value, dict) or key not in value:
        return f"[{section}] {why}." if section else f"{why}."
    allowed = get_args(get_type_hints(type(getattr(TradingSettings(), section)))[key])
    if why.startswith("Invalid enum value"):
        why = "use one of " + ", ".join(f'"{each}"' for each in allowed)
    elif "regex" in why:
        why = f"write it as {_EXAMPLES[key]}"
    return f"[{section}] {key} = {_written(value[key])}: {why}."


def _check_the_rest(settings: TradingSettings, file: Path) -> None:
    """Refuse what no type can: numbers that are none, zones that nobody knows, a night without length."""
    for section in settings.__struct_fields__:
        values = getattr(settings, section)
        for key in values.__struct_fields__:
            value = getattr(values, key)
            if isinstance(value, float) and not math.isfinite(value):
                raise SettingsError(f"{file}: [{section}] {key} = {value} is no number. Write one.")
    zone, hours = settings.notify.zone, settings.notify.quiet_hours
    try:
        ZoneInfo(zone)
    except (ValueError, OSError, KeyError) as error:
        raise SettingsError(
            f'{file}: [notify] zone = "{zone}" is no time zone. Write one as "Asia/Seoul" or "UTC".'
        ) from error
    begin, _, end = hours.partition("-")
    if hours.strip() and begin.strip() == end.strip():
        raise SettingsError(
            f'{file}: [notify] quiet_hours = "{hours}" has no length. Write "23:00-07:00", or "" for none.'
        )


def _written(value: object) -> str:
    return f'"{value}"' if isinstance(value, str) else str(value).lower() if value is True else str(value)


def _anchored(settings: TradingSettings, folder: Path) -> TradingSettings:
    return msgspec.structs.replace(
        settings,
        **{name: _anchored_section(getattr(settings, name), folder) for name in settings.__struct_fields__},
    )


def _anchored_section(section: msgspec.Struct, folder: Path) -> msgspec.Struct:
    paths = {
        name: folder / value
        for name in section.__struct_fields__
        if isinstance(value := getattr(section, name), Path)
    }
    return msgspec.structs.replace(section, **paths)

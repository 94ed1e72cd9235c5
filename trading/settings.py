"""The settings of the core: one frozen tree, read from `trading.toml`.

Every field has a default and a docstring that says what it means. Unknown keys are errors. Secrets do not
stand here but in the file that `[notify] secret` names.
"""

from __future__ import annotations

import tomllib
from pathlib import Path
from typing import Annotated, Literal

import msgspec

from trading.errors import TradingError

__all__ = ["FILE", "SettingsError", "TradingSettings", "load_settings"]

FILE = "trading.toml"


class SettingsError(TradingError):
    """Settings that cannot be read; the message names the file, the key and the mend."""


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
    days: int = 400
    """Calendar days of history that a daily run looks at."""
    decimal: Literal["auto", ".", ","] = "auto"
    """Which sign begins the decimals in CSV files; `auto` decides by the file."""
    adjusted: bool = False
    """Take the adjusted close of files that have one, and move open, high and low along with it."""
    refresh_days: int = 30
    """Age at which a cached history with adjusted prices is fetched anew as a whole."""


class MarketSettings(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """The market whose sessions count."""

    calendar: str = "XKRX"
    """Name of a session table (`XKRX`, `XNYS`, `ALWAYS`)."""
    overrides: Path | None = None
    """A table of your own that adds holidays and days with hours of their own."""
    currency: str = "KRW"
    """ISO 4217."""
    universe: Path = Path("universe.toml")
    """Which instruments are traded."""


class SignalSettings(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """How signals are made, and which pass."""

    params: Path = Path("best_params.json")
    """Parameters of the score; defaults hold where the file is absent."""


class AccountSettings(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """The paper account of the daily run."""

    cash: float = 10_000_000.0
    """What it starts with, in the market's currency."""
    fee: float = 0.00015
    """Fraction of each fill's value."""
    slippage: float = 0.0005
    """How much worse than the open a fill is, a fraction."""
    band: float = 0.02
    """Share of the equity by which a position may be off its weight before it is traded."""
    stop_loss: float = 0.08
    """Close a position whose close is this far below its average cost, a fraction; 0: never."""
    trailing_stop: float = 0.0
    """Close it when the close is this far below the best since it was opened, a fraction; 0: never."""
    take_profit: float = 0.0
    """Close it when the close is this far above its average cost, a fraction; 0: never."""
    cooldown_sessions: Annotated[int, msgspec.Meta(ge=0)] = 5
    """Closes, that of the sale counted, at which what a stop sold is not bought again; 0: at once."""
    max_weight: float = 0.40
    """The largest share of the equity in one position."""
    max_exposure: float = 1.0
    """The largest share of the equity in all positions together."""
    max_positions: int = 20
    """How many positions there may be at once."""
    target_volatility: float = 0.0
    """Annualised; what moves more gets a smaller position in proportion; 0: size does not depend on it."""


class DailySettings(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """How the daily run treats data that are late or have holes."""

    least_share: float = 0.5
    """Share of the universe that must have a bar of the session; with less it counts as not yet published."""
    patience_minutes: float = 120.0
    """How long after the close data may be missing before the operator is told."""
    catch_up: int = 60
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
    quiet_hours: str = ""
    """Hours of the operator in which messages wait, `23:00-07:00`; empty: none."""
    urgent: Literal["info", "warning", "error", "critical"] = "error"
    """From this severity on messages do not wait."""
    per_hour: int = 30
    """Most messages of a channel in any hour, a fifth kept for errors; the rest waits for a digest."""
    tries: int = 3
    """How often a channel is tried before the next one is."""
    timeout_s: float = 15.0
    """Seconds to wait for a connection, and for an answer."""
    patience_s: float = 60.0
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
        settings = msgspec.convert(
            tomllib.loads(file.read_text(encoding="utf-8")),
            TradingSettings,
            dec_hook=lambda _, value: Path(value),
        )
    except tomllib.TOMLDecodeError as error:
        raise SettingsError(f"{file}: no TOML ({error}). Mend that line.") from error
    except msgspec.ValidationError as error:
        raise SettingsError(f"{file}: {error}. docs/trading.md lists every key.") from error
    return _anchored(settings, file.resolve().parent)


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

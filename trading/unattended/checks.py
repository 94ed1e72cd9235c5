"""What an installation still needs before it can run alone: one check for each thing, with its mend.

Nothing is sent and nobody is asked over the network: `trading notify test` and `trading data fetch` do that.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from importlib.util import find_spec
from pathlib import Path

from trading.bars import SECOND_NS
from trading.errors import TradingError
from trading.sessions import load_sessions
from trading.settings import FILE, TradingSettings
from trading.unattended.status import Line, State

__all__ = ["checkup"]

LEAST_FREE = 500_000_000
"""Bytes that should be free on the disk."""
AHEAD = timedelta(days=60)
"""How far ahead the session table should reach."""
_EXTRAS = {"krx": ("pykrx", "krx"), "crypto": ("ccxt", "crypto")}


def checkup(settings: TradingSettings, config: Path | None, now: int) -> list[Line]:
    """Return the result of every check; one that breaks is a failed check, and the others go on."""
    lines: list[Line] = []
    checks: dict[str, Callable[[], Iterator[Line]]] = {
        "python": lambda: _python(settings),
        "settings": lambda: _settings(config),
        "calendar": lambda: _calendar(settings, now),
        "universe": lambda: _universe(settings),
        "parameters": lambda: _parameters(settings),
        "history": lambda: _history(settings, now),
        "data": lambda: _data(settings),
        "store": lambda: _store(settings),
        "folders": lambda: _folders(settings),
        "channels": lambda: _channels(settings),
        "schedule": lambda: _schedule(),
    }
    for name, check in checks.items():
        try:
            lines += check()
        except (TradingError, OSError) as error:
            lines.append(Line(name, "fail", str(error)))
    return lines


def _python(settings: TradingSettings) -> Iterator[Line]:
    version = ".".join(map(str, sys.version_info[:3]))
    module, extra = _EXTRAS.get(settings.data.source, ("polars", ""))
    if find_spec(module) is None:
        mend = f'pip install "trading-core[{extra}]"'
        yield Line("python", "fail", f"{version}; source {settings.data.source} needs {module}", mend)
    else:
        yield Line("python", "ok", f"{version}, {module} is there")


def _settings(config: Path | None) -> Iterator[Line]:
    file = config or Path(FILE)
    if file.is_file():
        yield Line("settings", "ok", str(file.resolve()))
    else:
        yield Line("settings", "warn", f"no {file}: defaults hold", "write one (docs/trading.md, Settings)")


def _calendar(settings: TradingSettings, now: int) -> Iterator[Line]:
    sessions = load_sessions(settings.market.calendar, settings.market.overrides)
    today = datetime.fromtimestamp(now // SECOND_NS, UTC).date()
    known = f"{sessions.name}, known {sessions.first} to {sessions.last}"
    if sessions.last - today >= AHEAD:
        yield Line("calendar", "ok", known)
    else:
        mend = "update the core, or name the coming holidays in a table of your own ([market] overrides)"
        yield Line("calendar", "fail" if sessions.last < today else "warn", known, mend)


def _universe(settings: TradingSettings) -> Iterator[Line]:
    from trading.market.universe import load_universe

    universe = load_universe(settings.market.universe)
    shown = ", ".join(universe.symbols[:5]) + (", …" if len(universe) > 5 else "")
    yield Line("universe", "ok", f"{len(universe)} instruments: {shown}")


def _parameters(settings: TradingSettings) -> Iterator[Line]:
    from trading.signals.fitting import chosen_params, unfit, year_of

    path, calendar = settings.signals.params, settings.market.calendar
    year = year_of(calendar)
    params = chosen_params(path, year)
    yield Line("parameters", "ok", str(path) if path.is_file() else f"no {path}: defaults of the score")
    for misfit in unfit(params, calendar, year, path):
        yield Line("parameters", "warn", misfit.what, misfit.mend)


def _history(settings: TradingSettings, now: int) -> Iterator[Line]:
    """Say whether `[data] days` reaches back far enough; whether the source does is seen when it is asked."""
    from trading.signals.fitting import chosen_params, history_word, mend_of, year_of

    params = chosen_params(settings.signals.params, year_of(settings.market.calendar))
    sessions = load_sessions(settings.market.calendar, settings.market.overrides)
    last, days = sessions.last_closed(now), settings.data.days
    have = len(sessions.between(last - timedelta(days=days), last))
    needed = max(params.score_sessions, params.market_sessions)
    word = history_word(params, have, "").strip()
    if word:
        state: State = "fail" if have < params.score_sessions else "warn"
        yield Line("history", state, word, mend_of(sessions, last, days, needed))
    else:
        yield Line("history", "ok", f"{days} days are {have} sessions, the parameters need {needed}")


def _data(settings: TradingSettings) -> Iterator[Line]:
    if settings.data.source == "files":
        folder = settings.data.folder
        count = sum(file.is_file() for file in folder.iterdir()) if folder.is_dir() else 0
        if count:
            yield Line("data", "ok", f"{count} files in {folder}")
        else:
            yield Line(
                "data", "fail", f"no files in {folder}", "put CSV or Parquet there, one for each symbol"
            )
    elif settings.data.source == "krx":
        missing = [name for name in ("KRX_ID", "KRX_PW") if not os.environ.get(name)]
        if missing:
            yield Line(
                "data",
                "fail",
                f"KRX asks for a login: no {', '.join(missing)}",
                "set them in the environment",
            )
        else:
            yield Line("data", "ok", "KRX, credentials from the environment")
    else:
        yield Line("data", "ok", f"{settings.data.exchange}, public prices")


def _store(settings: TradingSettings) -> Iterator[Line]:
    from trading.store.store import open_store

    with open_store(settings.paths.store) as store:
        newest = store.journal.newest_finished()
    yield Line("store", "ok", f"{settings.paths.store}, newest session {newest or 'none yet'}")


def _folders(settings: TradingSettings) -> Iterator[Line]:
    paths = settings.paths
    for folder in (paths.store, paths.reports, paths.logs, settings.data.cache):
        folder.mkdir(parents=True, exist_ok=True)
        if not os.access(folder, os.W_OK):
            yield Line("folders", "fail", f"{folder} cannot be written", f"chown it to user {os.getuid()}")
    free = shutil.disk_usage(paths.store).free
    state: State = "ok" if free >= LEAST_FREE else "fail"
    mend = "" if state == "ok" else "make space: old logs, old back-ups"
    yield Line("disk", state, f"{free / 1e9:.1f} GB free", mend)


def _channels(settings: TradingSettings) -> Iterator[Line]:
    from trading.notify.secret import read_secrets

    if find_spec("apprise") is None:
        yield Line("channels", "fail", "apprise is not installed", 'pip install "trading-core[notify]"')
        return
    secrets = read_secrets(settings.notify.secret)
    names = ", ".join(secrets.channels)
    yield Line("channels", "ok", f"{names}; try one: python -m trading notify test CHANNEL")


def _schedule() -> Iterator[Line]:
    found = [what for what, command in _SCHEDULES.items() if "trading" in _printed(command)]
    if found:
        yield Line("schedule", "ok", " and ".join(found))
    else:
        mend = "install.sh --cron, or deploy/systemd/install.sh"
        yield Line("schedule", "warn", "no line of this user's crontab and no timer names the core", mend)


_SCHEDULES = {
    "crontab": ("crontab", "-l"),
    "systemd timers": ("systemctl", "list-unit-files", "trading-*.timer", "--no-legend"),
}


def _printed(command: tuple[str, ...]) -> str:
    if shutil.which(command[0]) is None:
        return ""
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=10)
    return done.stdout

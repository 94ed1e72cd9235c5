"""How an unattended core stands: last and next run, account, messages, copies, sizes. Reads, never writes."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, datetime
from pathlib import Path
from typing import Any, Literal, NamedTuple

from trading.amounts import amount, percent, signed_percent
from trading.bars import SECOND_NS
from trading.sessions import Sessions, load_sessions
from trading.settings import TradingSettings

__all__ = ["Line", "State", "standing"]

State = Literal["ok", "warn", "fail"]
MINUTE_NS = 60 * SECOND_NS


class Line(NamedTuple):
    """One fact for the operator."""

    name: str
    state: State
    """`fail`: somebody must look."""
    text: str
    mend: str = ""
    """What to do about it; empty when it is fine."""


def standing(settings: TradingSettings, now: int) -> list[Line]:
    """Return how the core of these settings stands at `now` (Unix ns).

    Raises:
        SessionsError: If the market's session table cannot be read.
        StoreError: If a database cannot be read.
    """
    sessions = load_sessions(settings.market.calendar, settings.market.overrides)
    lines = [_market(sessions, now)]
    if any((settings.paths.store / name).is_file() for name in ("signals.db", "performance.db")):
        lines += _of_store(settings, sessions, now)
    else:
        due = sessions.last_closed(now)
        lines.append(Line("daily run", "warn", f"never ran; {due} could be the first", "trading daily"))
    lines += _messages(settings.paths.store)
    lines.append(_copies(settings, now))
    lines.append(Line("sizes", "ok", ", ".join(_sizes(settings))))
    return lines


def _market(sessions: Sessions, now: int) -> Line:
    today = datetime.fromtimestamp(now // SECOND_NS, sessions.zone).date()
    hours = sessions.hours(today)
    if any(begin <= now < end for begin, end in hours):
        text = f"open until {_clock(sessions.close_of(today), sessions)}"
    elif hours and now < hours[0][0]:
        text = f"opens at {_clock(hours[0][0], sessions)}"
    else:
        why = sessions.why_closed(today)
        text = f"closed{f' ({why})' if why else ''}"
    closed = sessions.last_closed(now)
    after = sessions.next(closed)
    closes = _clock(sessions.close_of(after), sessions)
    return Line("market", "ok", f"{sessions.name} {text}; last session {closed}, next closes {closes}")


def _of_store(settings: TradingSettings, sessions: Sessions, now: int) -> list[Line]:
    # SQLAlchemy takes longer to import than all the rest here.
    from trading.store.store import open_store

    with open_store(settings.paths.store) as store:
        finished = store.journal.newest_finished()
        runs = store.journal.runs(limit=1)
        newest = store.ledger.newest()
        row = store.ledger.performance(newest, newest)[0] if newest else None
        held = store.ledger.positions(newest) if newest else []
        lines = [_daily(settings, sessions, now, finished, runs[0] if runs else None)]
        if row is not None:
            lines.append(_account(row, held))
            lines.append(Line("signals", "ok", _said(store.signals, date.fromisoformat(row["session"]))))
    return lines


def _daily(settings: TradingSettings, sessions: Sessions, now: int, finished: date | None, run: Any) -> Line:
    due = sessions.last_closed(now)
    after = sessions.close_of(due)
    if run is not None and run["status"] == "failed":
        text = f"{run['session']} failed at try {run['attempts']}: {run['error']}"
        return Line("daily run", "fail", text, "mend it; the next call goes on from the failed step")
    if finished is not None and finished >= due:
        ended = run["finished_ns"] if run is not None else None
        when = f", {_clock(ended, sessions)}" if ended else ""
        return Line("daily run", "ok", f"{finished} done{when}")
    if finished is None and run is None:
        return Line("daily run", "warn", f"never ran; {due} could be the first", "trading daily")
    waited = (now - after) / MINUTE_NS
    last = f"last done {finished}" if finished else "none done yet"
    if run is not None and run["status"] == "running" and run["session"] == str(due):
        return Line("daily run", "ok" if waited < 60 else "warn", f"{due} at work; {last}")
    if waited <= settings.daily.patience_minutes:
        return Line("daily run", "ok", f"{due} is due since {_clock(after, sessions)}; {last}")
    text = f"overdue: {due} closed {waited / 60:.0f} h ago; {last}"
    return Line("daily run", "fail", text, "trading daily; then the schedule (crontab -l, or the timers)")


def _account(row: Any, held: list[Any]) -> Line:
    currency = row["currency"]
    day = "first day" if row["day_return"] is None else f"{signed_percent(row['day_return'])} on the day"
    names = ", ".join(f"{each['symbol']} {percent(each['weight'])}" for each in held[:6])
    more = f" and {len(held) - 6} more" if len(held) > 6 else ""
    text = (
        f"{amount(row['equity'], currency, 'en')} at {row['session']}, {day}, "
        f"{signed_percent(row['total_return'])} since the start; {len(held)} positions"
    )
    return Line("account", "ok", f"{text}: {names}{more}" if names else text)


def _said(signals: Any, session: date) -> str:
    passed = [row["action"] for row in signals.signals(session)]
    filtered = len(signals.filtered(session))
    counts = ", ".join(f"{passed.count(action)} {action}" for action in ("buy", "sell", "hold"))
    return f"{session}: {counts}; {filtered} stopped by a gate"


def _messages(folder: Path) -> list[Line]:
    if not (folder / "notifications.db").is_file():
        return [Line("messages", "warn", "none yet", "trading notify test CHANNEL")]
    import contextlib

    from trading.notify.outbox import Outbox

    with contextlib.closing(Outbox(folder)) as outbox:
        newest = outbox.latest(20)
    bad = [entry for entry in newest if entry.state in ("failed", "unknown")]
    waiting = sum(entry.state in ("queued", "sending") for entry in newest)
    text = f"of the newest {len(newest)}: {len(newest) - len(bad) - waiting} sent, {waiting} waiting"
    if not bad:
        return [Line("messages", "ok", text)]
    unknown = sum(entry.state == "unknown" for entry in bad)
    text += f", {len(bad) - unknown} failed, {unknown} of unknown outcome"
    return [Line("messages", "fail" if newest[0] in bad else "warn", text, "trading notify status")]


def _copies(settings: TradingSettings, now: int) -> Line:
    from trading.store.copies import copies

    found = copies(settings.paths.backups)
    if not found:
        return Line("back-ups", "warn", "none", "trading store backup (the schedule does it at 03:00)")
    age = now / SECOND_NS - datetime.fromisoformat(found[0].made).timestamp()
    days = age / 86_400
    state: State = "ok" if days < 3 else "warn"
    mend = "" if state == "ok" else "trading store backup; is it in the schedule?"
    return Line("back-ups", state, f"{len(found)}, newest {found[0].path.name} ({days:.1f} days old)", mend)


def _sizes(settings: TradingSettings) -> Iterator[str]:
    for name, path in (
        ("databases", settings.paths.store),
        ("bars", settings.data.cache),
        ("reports", settings.paths.reports),
        ("logs", settings.paths.logs),
    ):
        size = sum(file.stat().st_size for file in path.rglob("*") if file.is_file()) if path.is_dir() else 0
        yield f"{name} {size / 1e6:.1f} MB"


def _clock(time: int, sessions: Sessions) -> str:
    return f"{datetime.fromtimestamp(time // SECOND_NS, sessions.zone):%Y-%m-%d %H:%M %Z}"

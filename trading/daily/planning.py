"""What a daily run has to do now: which sessions are due, and in words why none is. Pure functions.

The as-of date is the newest session whose close has passed. Sessions between the last finished one and it
were missed and are done first, in order. On a day without a session, and before the close, nothing is due but
what an earlier run left undone; a store that never ran has left nothing undone.
"""

from __future__ import annotations

from collections.abc import Collection
from datetime import date, datetime
from typing import NamedTuple
from zoneinfo import ZoneInfo

from trading.bars import SECOND_NS
from trading.errors import TradingError
from trading.sessions import Sessions

__all__ = ["Plan", "PlanError", "clock_of", "day_of", "plan"]


class PlanError(TradingError):
    """A session day that cannot be asked for; the message says why and which can."""


class Plan(NamedTuple):
    """What is due."""

    due: tuple[date, ...]
    """Session days, oldest first; the last one is the as-of date. Empty: nothing to do."""
    notes: tuple[str, ...]
    """Why, in words for people."""
    left_out: tuple[date, ...] = ()
    """Missed sessions that are too many to catch up."""
    anew: bool = False
    """Whether the days are done again although they are finished."""


def plan(
    sessions: Sessions,
    now: int,
    finished: date | None,
    *,
    as_of: date | None = None,
    again: bool = False,
    most: int = 60,
    unfinished: Collection[date] = (),
) -> Plan:
    """Return what is due at `now`.

    Args:
        sessions: Of the market.
        now: Unix ns.
        finished: The newest session that is finished; `None` when none ever was.
        as_of: A session day that was asked for; `None`: the newest whose close has passed.
        again: Do a finished session again.
        most: How many sessions are done at most.
        unfinished: Sessions with a run that was begun and did not end.

    Raises:
        PlanError: If the day asked for is no session, has not closed, or lies before what is finished.
    """
    newest = sessions.last_closed(now)
    notes: list[str] = []
    if as_of is not None:
        _check(sessions, as_of, newest, finished, again)
        newest = as_of
    elif note := _closed_now(sessions, now, newest):
        notes.append(note)
        if finished is None and not unfinished:
            hint = f"The first run will be for {sessions.next(newest)}; for {newest}: --as-of {newest}."
            return Plan((), (*notes, hint))
    if again and finished is not None and newest <= finished:
        return Plan(tuple(sessions.between(newest, finished)), tuple(notes), anew=True)
    # One that was left out may stay unfinished for ever: what counts is what comes after the newest finished.
    first = min([newest, *unfinished]) if finished is None else sessions.next(finished)
    due = sessions.between(first, newest)
    if not due:
        # The note names the next session already.
        coming = "" if notes else f" The next session, {_next(sessions, newest)}."
        return Plan((), (*notes, f"{newest} is done: nothing to do.{coming}"))
    left_out, due = due[: max(len(due) - most, 0)], due[-most:]
    if len(due) > 1:
        missed = ", ".join(str(day) for day in due[:-1])
        notes.append(f"Missed before it, and caught up first: {missed}.")
    return Plan(tuple(due), tuple(notes), tuple(left_out))


def clock_of(time: int, zone: ZoneInfo) -> str:
    """Return a time for people, in a zone: `2025-01-02 15:30 KST`."""
    return f"{datetime.fromtimestamp(time // SECOND_NS, zone):%Y-%m-%d %H:%M %Z}"


def day_of(now: int, zone: ZoneInfo) -> date:
    """Return which day it is in a zone."""
    return datetime.fromtimestamp(now // SECOND_NS, zone).date()


def _check(sessions: Sessions, as_of: date, newest: date, finished: date | None, again: bool) -> None:
    if not sessions.is_session(as_of):
        near = sessions.previous(as_of)
        raise PlanError(
            f"{as_of} is no session of {sessions.name} ({sessions.why_closed(as_of)}). "
            f"Ask for one, e.g. --as-of {near}."
        )
    if as_of > newest:
        closes = clock_of(sessions.close_of(as_of), sessions.zone)
        raise PlanError(f"{as_of} closes at {closes}: there is nothing to work on before. Wait for it.")
    if finished is not None and as_of < finished and not again:
        raise PlanError(
            f"{as_of} lies before {finished}, which is done: the account cannot go back. "
            "With --again it and all sessions after it are done again."
        )


def _closed_now(sessions: Sessions, now: int, newest: date) -> str:
    """Return why there is no close of today, or "" when there was one."""
    today = day_of(now, sessions.zone)
    # A market that never closes ends its session at midnight: the close was today, the session yesterday's.
    if today == day_of(sessions.close_of(newest), sessions.zone):
        return ""
    if not sessions.is_session(today):
        why = sessions.why_closed(today)
        return f"{today} is no session of {sessions.name} ({why}). The next one, {_next(sessions, today)}."
    opens, closes = sessions.hours(today)[0][0], sessions.close_of(today)
    hours = f"{clock_of(opens, sessions.zone)[11:16]} to {clock_of(closes, sessions.zone)[11:]}"
    return (
        f"{today} is a session of {sessions.name} ({hours}) that has not closed yet: "
        f"now it is {clock_of(now, sessions.zone)[11:]}."
    )


def _next(sessions: Sessions, day: date) -> str:
    following = sessions.next(day)
    return f"{following}, closes at {clock_of(sessions.close_of(following), sessions.zone)}"

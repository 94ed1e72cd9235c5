"""Rules about sessions: bars where there is none, bars that are not complete, and bars that are missing."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, datetime, timedelta
from itertools import pairwise

from trading.bars import SECOND_NS, Bar
from trading.market.findings import Finding, Subject, shown
from trading.market.source import DAY_NS, INTERVAL_NS
from trading.market.zones import is_always_open, session_day
from trading.sessions import Sessions

__all__ = ["gaps_of", "missing", "outside_sessions", "unfinished"]

FOREIGN = 0.2
"""Share of traded bars on closed days beyond which the calendar must be that of another market."""
LONGEST_HOLIDAY_DAYS = 11
"""Days between two daily bars that a holiday explains: Chuseok of 2017, New Year in China."""
THIN = 0.5
"""Share of missing daily bars beyond which the bars are not daily."""
FEWEST = 20

Outcome = tuple[list[Bar], list[Finding]]


def unfinished(bars: list[Bar], subject: Subject, sessions: Sessions | None, now: int | None) -> Outcome:
    """Drop bars of the future and bars that are still being made at `now`."""
    if now is None:
        return bars, []
    length = INTERVAL_NS[subject.interval]
    kept: list[Bar] = []
    future: list[int] = []
    open_: list[int] = []
    for bar in bars:
        if bar.time > now:
            future.append(bar.time)
        elif bar.time > now - 2 * DAY_NS and _end(bar.time, length, subject, sessions) > now:
            open_.append(bar.time)
        else:
            kept.append(bar)
    findings = []
    if future:
        ahead = (future[-1] - now) / 3600e9
        text = (
            f"{len(future)} bars lie in the future (up to {ahead:.1f} h) and were dropped. "
            "Check the clock of this machine and the zone of the source."
        )
        findings.append(subject.finding("future", "dropped", future, text, value=round(ahead, 3)))
    if open_:
        text = f"the bar {subject.since(open_)} is not complete yet and was dropped."
        findings.append(subject.finding("unfinished", "dropped", open_, text))
    return kept, findings


def outside_sessions(bars: list[Bar], subject: Subject, sessions: Sessions | None) -> Outcome:
    """Drop bars outside of sessions; keep and tell those that were traded on a day we believe closed."""
    if sessions is None or is_always_open(sessions):
        return bars, []
    if subject.interval != "1d":
        return _outside_hours(bars, subject, sessions)
    off = [bar for bar in bars if _is_closed(session_day(bar.time), sessions)]
    if not off:
        return bars, []
    traded = [bar.time for bar in off if bar.volume > 0]
    quiet = {bar.time for bar in off if bar.volume == 0}
    if len(bars) >= FEWEST and len(traded) > FOREIGN * len(bars):
        text = (
            f"{len(traded)} of {len(bars)} bars were traded on days without a session of {sessions.name}. "
            "Set [market] calendar to the market of this symbol."
        )
        return [], [subject.finding("off_session", "refused", traded, text, value=len(traded) / len(bars))]
    findings = []
    if traded:
        why = sessions.why_closed(session_day(traded[0]))
        text = (
            f"{len(traded)} bars were traded on days without a session of {sessions.name} "
            f"({subject.since(traded)}: {why}). They were kept; mend the calendar with [market] overrides."
        )
        findings.append(subject.finding("off_session", "kept", traded, text))
    if quiet:
        times = sorted(quiet)
        text = (
            f"{len(times)} bars on days without a session ({subject.since(times)}) have no volume: dropped."
        )
        findings.append(subject.finding("off_session", "dropped", times, text))
    return [bar for bar in bars if bar.time not in quiet], findings


def missing(times: Sequence[int], subject: Subject, sessions: Sessions | None) -> list[Finding]:
    """Tell which bars are missing between the first and the last; nothing is filled in."""
    absent, expected = gaps_of(times, subject, sessions)
    if not absent:
        return []
    share = len(absent) / expected
    where = f"{len(absent)} of {expected} bars are missing ({subject.since(absent)}"
    where += f", last on {shown(absent[-1], subject.interval)})" if len(absent) > 1 else ")"
    if subject.interval == "1d" and share > THIN and expected >= FEWEST:
        text = f"{where}: these are not daily bars. Fetch daily ones."
        return [subject.finding("missing", "refused", absent, text, value=round(share, 6))]
    text = f"{where}; nothing was filled in, those sessions are skipped."
    return [subject.finding("missing", "kept", absent, text, value=round(share, 6))]


def gaps_of(times: Sequence[int], subject: Subject, sessions: Sessions | None) -> tuple[list[int], int]:
    """Return the times at which a bar is missing, and how many there should have been."""
    if len(times) < 2:
        return [], len(times)
    if subject.interval == "1d":
        wanted = _daily(times, sessions)
    elif sessions is None:
        return [], len(times)
    else:
        wanted = _within_hours(times, INTERVAL_NS[subject.interval], sessions)
    there = set(times)
    absent = [time for time in wanted if time not in there]
    return absent, len(there) + len(absent)


def _daily(times: Sequence[int], sessions: Sessions | None) -> list[int]:
    days = range(times[0], times[-1] + 1, DAY_NS)
    if sessions is not None:
        return [time for time in days if (day := session_day(time)) and sessions.is_session(day)]
    if any(session_day(time).isoweekday() > 5 for time in times):
        return list(days)
    # Without a calendar only what no holiday explains is a gap.
    return [
        time
        for earlier, later in pairwise(times)
        if later - earlier > LONGEST_HOLIDAY_DAYS * DAY_NS
        for time in range(earlier + DAY_NS, later, DAY_NS)
        if session_day(time).isoweekday() < 6
    ]


def _within_hours(times: Sequence[int], length: int, sessions: Sessions) -> list[int]:
    first = datetime.fromtimestamp(times[0] // SECOND_NS, sessions.zone).date()
    last = datetime.fromtimestamp(times[-1] // SECOND_NS, sessions.zone).date()
    return [
        time
        for day in sessions.between(first - timedelta(days=1), last)
        for begin, end in sessions.hours(day)
        for time in range(begin, end, length)
        if times[0] <= time <= times[-1]
    ]


def _outside_hours(bars: list[Bar], subject: Subject, sessions: Sessions) -> Outcome:
    hours: dict[date, tuple[tuple[int, int], ...]] = {}
    kept: list[Bar] = []
    off: list[int] = []
    for bar in bars:
        day = datetime.fromtimestamp(bar.time // SECOND_NS, sessions.zone).date()
        if day not in hours:
            hours[day] = sessions.hours(day)
        # The closing auction is a bar of its own at the minute of the close.
        is_inside = any(begin <= bar.time <= end for begin, end in hours[day])
        if is_inside:
            kept.append(bar)
        else:
            off.append(bar.time)
    if not off:
        return bars, []
    text = f"{len(off)} bars outside of the hours of {sessions.name} ({subject.since(off)}) were dropped."
    return kept, [subject.finding("off_session", "dropped", off, text)]


def _is_closed(day: date, sessions: Sessions) -> bool:
    return sessions.knows(day) and not sessions.is_session(day)


def _end(time: int, length: int, subject: Subject, sessions: Sessions | None) -> int:
    if subject.interval == "1d" and sessions is not None:
        day = session_day(time)
        if sessions.is_session(day):
            return sessions.close_of(day)
    return time + length

"""Rules about sessions: bars where there is none, bars that are not complete, and bars that are missing."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import date, timedelta
from itertools import pairwise

from trading.bars import Bar
from trading.market.findings import Action, Finding, Subject, counted, shown
from trading.market.source import DAY_NS, INTERVAL_NS
from trading.market.zones import is_always_open, local_day, opens, session_day
from trading.sessions import Sessions

__all__ = ["Gaps", "gaps_of", "missing", "outside_sessions", "unfinished"]

FOREIGN = 0.2
"""Share of traded bars on closed days beyond which the calendar must be that of another market."""
LONGEST_HOLIDAY_DAYS = 11
"""Days between two daily bars that a holiday explains: Chuseok of 2017, New Year in China."""
THIN = 0.5
"""Share of missing daily bars beyond which the bars are not daily."""
FEWEST = 20

Outcome = tuple[list[Bar], list[Finding]]


@dataclass(frozen=True, slots=True)
class Gaps:
    """Which bars are missing between the first and the last that are there."""

    count: int
    first: int
    """Time of the first missing bar, Unix ns; 0 when none is."""
    last: int
    expected: int
    """How many bars there should have been."""


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
            f"{counted(future, 'bar')} of the future (up to {ahead:.1f} h ahead), dropped. "
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
    off = [bar for bar in bars if opens(sessions, bar.time // DAY_NS) is False]
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
            f"trade in {counted(traded, 'bar')} on days without a session of {sessions.name} "
            f"({subject.since(traded)}: {why}), kept; mend the calendar with [market] overrides."
        )
        findings.append(subject.finding("off_session", "kept", traded, text))
    if quiet:
        times = sorted(quiet)
        text = (
            f"{counted(times, 'bar')} without volume and without a session ({subject.since(times)}), dropped."
        )
        findings.append(subject.finding("off_session", "dropped", times, text))
    return [bar for bar in bars if bar.time not in quiet], findings


def missing(times: Sequence[int], subject: Subject, sessions: Sessions | None) -> list[Finding]:
    """Tell which bars are missing between the first and the last; nothing is filled in."""
    gaps = gaps_of(times, subject, sessions)
    if not gaps.count:
        return []
    share = gaps.count / gaps.expected
    ends = [gaps.first, gaps.last][: gaps.count]
    where = f"{gaps.count} of {gaps.expected} bars are missing ({subject.since(ends)}"
    where += f", last on {shown(gaps.last, subject.interval)})" if len(ends) > 1 else ")"
    is_other = subject.interval == "1d" and share > THIN and gaps.expected >= FEWEST
    text = f"{where}; nothing was filled in, those sessions are skipped."
    if is_other:
        text = f"{where}: these are not daily bars. Fetch daily ones."
    action: Action = "refused" if is_other else "kept"
    finding = subject.finding("missing", action, ends, text, value=round(share, 6))
    return [replace(finding, count=gaps.count)]


def gaps_of(times: Sequence[int], subject: Subject, sessions: Sessions | None) -> Gaps:
    """Return which bars are missing; `times` are sorted and unlike."""
    if len(times) < 2:
        return Gaps(0, 0, 0, len(times))
    if subject.interval == "1d":
        wanted = _daily(times, sessions)
    elif sessions is None:
        return Gaps(0, 0, 0, len(times))
    elif is_always_open(sessions):
        return _in_grid(times, INTERVAL_NS[subject.interval])
    else:
        wanted = _within_hours(times, INTERVAL_NS[subject.interval], sessions)
    there = set(times)
    absent = [time for time in wanted if time not in there]
    first, last = (absent[0], absent[-1]) if absent else (0, 0)
    return Gaps(len(absent), first, last, len(times) + len(absent))


def _in_grid(times: Sequence[int], length: int) -> Gaps:
    holes = [(a, b) for a, b in pairwise(times) if b - a > length]
    count = sum((b - a - 1) // length for a, b in holes)
    if not count:
        return Gaps(0, 0, 0, len(times))
    return Gaps(count, holes[0][0] + length, holes[-1][1] - length, len(times) + count)


def _daily(times: Sequence[int], sessions: Sessions | None) -> list[int]:
    days = range(times[0], times[-1] + 1, DAY_NS)
    if sessions is not None:
        return [time for time in days if _is_due(time, sessions)]
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


def _is_due(time: int, sessions: Sessions) -> bool:
    is_open = opens(sessions, time // DAY_NS)
    # Beyond the table the usual weekdays are all that is known.
    return sessions.is_session(session_day(time)) if is_open is None else is_open


def _within_hours(times: Sequence[int], length: int, sessions: Sessions) -> list[int]:
    first, last = local_day(times[0], sessions.zone), local_day(times[-1], sessions.zone)
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
        day = local_day(bar.time, sessions.zone)
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
    text = f"{counted(off, 'bar')} outside of the hours of {sessions.name} ({subject.since(off)}), dropped."
    return kept, [subject.finding("off_session", "dropped", off, text)]


def _end(time: int, length: int, subject: Subject, sessions: Sessions | None) -> int:
    if subject.interval == "1d" and sessions is not None:
        day = session_day(time)
        if sessions.is_session(day):
            return sessions.close_of(day)
    return time + length

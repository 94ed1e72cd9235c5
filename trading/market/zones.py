"""Rules about times: what day a daily bar belongs to, and minutes that were read in the wrong zone."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from datetime import UTC, date, datetime, timedelta
from functools import lru_cache
from zoneinfo import ZoneInfo

from trading.bars import SECOND_NS, Bar
from trading.market.findings import Finding, Subject
from trading.market.source import DAY_NS
from trading.sessions import Sessions

__all__ = ["in_market_time", "is_always_open", "local_day", "opens", "session_day"]

SURE = 0.98
"""Share of the bars that must fall into sessions before times are moved."""
CREDIBLE = 0.9
"""Share of daily bars that must fall on session days, or their dates mean something else."""
DISTINCT = 0.9
"""Share of daily bars that must have a day of their own."""
FEWEST = 5
"""Bars from which shares are judged."""
EPOCH = date(1970, 1, 1)

Outcome = tuple[list[Bar], list[Finding]]


def in_market_time(
    bars: list[Bar], subject: Subject, sessions: Sessions | None, zone: ZoneInfo | None
) -> Outcome:
    """Give daily bars midnight UTC of their session date, and move minutes that were read in a wrong zone.

    Times are moved only where all but a few bars then fall into sessions; otherwise the symbol is refused.
    """
    if subject.interval == "1d":
        if any(bar.time % DAY_NS for bar in bars):
            return _dated(bars, subject, sessions, zone)
        return _shifted(bars, subject, sessions)
    if sessions is None or is_always_open(sessions):
        return bars, []
    return _in_hours(bars, subject, sessions)


def is_always_open(sessions: Sessions) -> bool:
    """Return whether the market never closes, so that no bar can be outside of its hours."""
    monday = date(2024, 1, 1)
    week = [sessions.hours(monday + timedelta(days=n)) for n in range(7)]
    return all(sum(end - begin for begin, end in hours) >= DAY_NS for hours in week)


def session_day(time: int) -> date:
    """Return the date of a bar; a daily one of an exchange has midnight UTC of its session date."""
    return EPOCH + timedelta(days=time // DAY_NS)


@lru_cache(maxsize=1 << 16)
def opens(sessions: Sessions, day: int) -> bool | None:
    """Return whether a day (counted from 1970) has a session; `None` where the table does not say.

    Remembered, since all symbols of a market ask about the same days.
    """
    known = EPOCH + timedelta(days=day)
    return sessions.is_session(known) if sessions.knows(known) else None


def local_day(time: int, zone: ZoneInfo) -> date:
    """Return the date at the exchange; in Sydney a session begins on the UTC day before."""
    return datetime.fromtimestamp(time // SECOND_NS, zone).date()


def _dated(bars: list[Bar], subject: Subject, sessions: Sessions | None, zone: ZoneInfo | None) -> Outcome:
    times = [bar.time for bar in bars]
    if zone is None:
        text = (
            f"its daily bars stand at {_clock(times[0])} UTC, so their dates cannot be known without the "
            "market's zone. Name the calendar, or write dates alone."
        )
        return [], [subject.finding("wrong_zone", "refused", times, text)]
    if sessions is not None and is_always_open(sessions):
        # A day that ends on D may not be known before D ends: the date is that of the bar's end.
        readings = [[session_day(time + DAY_NS - 1) for time in times]]
    else:
        local = [local_day(time, zone) for time in times]
        readings = [local, [session_day(time) for time in times]]
    hits = [_share(days, sessions) for days in readings]
    days = readings[hits.index(max(hits))]
    if len(set(days)) < DISTINCT * len(set(times)):
        text = f"{len(set(times))} bars fall on {len(set(days))} days: not daily bars. Name their interval."
        return [], [subject.finding("unusable", "refused", times, text, value=float(len(times)))]
    if max(hits) < CREDIBLE and len(times) >= FEWEST:
        return [], [_unplaced(subject, times, max(hits), sessions)]
    text = (
        f"daily bars stand at {_clocks(times)} UTC, which is not midnight: they were given the session dates "
        f"of {zone.key} (the first: {days[0]})."
    )
    moved = [bar._replace(time=_midnight(day)) for bar, day in zip(bars, days, strict=True)]
    off = [time for time in times if time % DAY_NS]
    # Rows may have crossed: one stamped at midnight and one at the close of the day before.
    moved.sort(key=lambda bar: bar.time)
    return moved, [subject.finding("wrong_zone", "adjusted", off, text, value=off[0] % DAY_NS / 3600e9)]


def _shifted(bars: list[Bar], subject: Subject, sessions: Sessions | None) -> Outcome:
    times = [bar.time for bar in bars]
    if sessions is None or is_always_open(sessions):
        return bars, []
    days = [session_day(time) for time in times]
    share = _share(days, sessions)
    if share >= CREDIBLE or len(set(days)) < FEWEST:
        return bars, []
    for step in (1, -1):
        if _share((day + timedelta(days=step) for day in days), sessions) >= SURE:
            off = sum(1 for day in days if sessions.knows(day) and not sessions.is_session(day))
            text = (
                f"every date is one day too {'early' if step > 0 else 'late'} ({off} bars on days without a "
                f"session of {sessions.name}), as a wrong zone makes it; all were moved by a day."
            )
            moved = [bar._replace(time=bar.time + step * DAY_NS) for bar in bars]
            return moved, [subject.finding("wrong_zone", "adjusted", times, text, value=24.0 * step)]
    return bars, []


def _in_hours(bars: list[Bar], subject: Subject, sessions: Sessions) -> Outcome:
    times = [bar.time for bar in bars]
    inside = _Inside(sessions)
    share = inside.share(times)
    if share >= SURE or len(times) < FEWEST:
        return bars, []
    zone = sessions.zone
    readings: list[tuple[str, Callable[[int], int]]] = [
        (f"hours of {zone.key} were read as UTC", lambda time: _local_as_utc(time, zone)),
        (f"UTC was read as hours of {zone.key}", lambda time: time + _offset(time, zone)),
    ]
    for how, mended in readings:
        moved = [mended(time) for time in times]
        if (better := inside.share(moved)) >= SURE:
            hours = (moved[0] - times[0]) / 3600e9
            text = (
                f"only {share:.0%} of its bars lie in the hours of {sessions.name}: {how}. "
                f"They were moved by {hours:+g} h, and {better:.0%} lie in the hours."
            )
            placed = [bar._replace(time=time) for bar, time in zip(bars, moved, strict=True)]
            placed.sort(key=lambda bar: bar.time)
            return placed, [subject.finding("wrong_zone", "adjusted", times, text, value=hours)]
    # Half of the bars outside may be trade before and after the session; nearly all of them outside may not.
    if share < 0.25:
        return [], [_unplaced(subject, times, share, sessions)]
    return bars, []


class _Inside:
    """Whether moments lie in a session; remembers each day's hours."""

    def __init__(self, sessions: Sessions) -> None:
        self._sessions = sessions
        self._hours: dict[date, tuple[tuple[int, int], ...]] = {}

    def share(self, times: Iterable[int]) -> float:
        inside = [self._holds(time) for time in times]
        return sum(inside) / len(inside)

    def _holds(self, time: int) -> bool:
        day = local_day(time, self._sessions.zone)
        if day not in self._hours:
            self._hours[day] = self._sessions.hours(day)
        return any(begin <= time <= end for begin, end in self._hours[day])


def _unplaced(subject: Subject, times: list[int], share: float, sessions: Sessions | None) -> Finding:
    name = sessions.name if sessions else "the market"
    text = (
        f"only {share:.0%} of its bars fall into sessions of {name}, in whatever zone its times are read. "
        "Check the zone of the source and [market] calendar."
    )
    return subject.finding("wrong_zone", "refused", times, text, value=share)


def _share(days: Iterable[date], sessions: Sessions | None) -> float:
    if sessions is None:
        return 1.0
    known = [is_open for day in days if (is_open := opens(sessions, (day - EPOCH).days)) is not None]
    return sum(known) / len(known) if known else 1.0


def _midnight(day: date) -> int:
    return (day - EPOCH).days * DAY_NS


def _offset(time: int, zone: ZoneInfo) -> int:
    offset = datetime.fromtimestamp(time // SECOND_NS, zone).utcoffset()
    return int((offset or timedelta()).total_seconds()) * SECOND_NS


def _local_as_utc(time: int, zone: ZoneInfo) -> int:
    wall = datetime.fromtimestamp(time // SECOND_NS, UTC).replace(tzinfo=zone)
    return int(wall.timestamp()) * SECOND_NS + time % SECOND_NS


def _clock(time: int) -> str:
    minutes = time % DAY_NS // (60 * SECOND_NS)
    return f"{minutes // 60:02}:{minutes % 60:02}"


def _clocks(times: Iterable[int]) -> str:
    clocks = sorted({_clock(time) for time in times})
    return " and ".join(clocks) if len(clocks) < 3 else f"{clocks[0]} to {clocks[-1]}"

"""Scales of charts: round steps, dates that people read, and lines thinned out so that extremes stay."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, datetime, timedelta, tzinfo

__all__ = ["Point", "date_text", "drawdowns", "nice_ticks", "segments", "thinned", "time_ticks"]

Point = tuple[int, float]
"""(Unix ns, value); a value that is no finite number is a gap."""

_SECOND = 1_000_000_000
_DAY = 86_400
_STEPS: tuple[tuple[int, str], ...] = (
    *((n * 60, "minute") for n in (1, 2, 5, 10, 15, 30)),
    *((n * 3600, "hour") for n in (1, 2, 3, 6, 12)),
    *((n * _DAY, "day") for n in (1, 2, 4, 7, 14)),
)
_ROOM = {"minute": 62, "hour": 62, "day": 78, "month": 78, "year": 56}
"""Pixels for a label and the gap beside it."""
_MONTHS = (1, 2, 3, 6, 12, 24, 60, 120, 240, 600, 1200)


def nice_ticks(low: float, high: float, most: int) -> list[float]:
    """Return at most `most` round values within low..high, evenly apart (steps of 1, 2, 2.5, 5 times 10^n).

    Args:
        low: The least value to be shown.
        high: The greatest; may equal `low`.
        most: At least 2.
    """
    if high <= low:
        return [low]
    raw = (high - low) / most
    power = 10.0 ** math.floor(math.log10(raw))
    for factor in (1, 2, 2.5, 5, 10, 20):
        step = factor * power
        first, last = math.ceil(low / step - 1e-9), math.floor(high / step + 1e-9)
        if last - first + 1 <= most:
            # A product, not a sum: ten times 0.1 is to be 1.
            return [float(f"{index * step:.12g}") + 0.0 for index in range(first, last + 1)]
    return [low]


def time_ticks(
    first: int, last: int, room: float, zone: tzinfo = UTC, least: float = 60
) -> list[tuple[int, str]]:
    """Return (Unix ns, label) on round times of a zone: years, months, days or hours.

    Args:
        first: Unix ns.
        last: Unix ns.
        room: Pixels between both.
        zone: Whose midnights and months are meant.
        least: Seconds; no finer step is taken, since nothing happened between.
    """
    if last <= first:
        return [(first, date_text(first, zone))]
    start, end = _moment(first, zone), _moment(last, zone)
    span = (last - first) / _SECOND
    for seconds, unit in _STEPS:
        if seconds >= least and span / seconds * _ROOM[unit] <= room:
            return _labelled(_every(start, end, seconds), unit)
    months = (end.year - start.year) * 12 + end.month - start.month
    for step in _MONTHS:
        unit = "year" if step >= 12 else "month"
        if months / step * _ROOM[unit] <= room:
            return _labelled(_every_month(start, end, step), unit)
    return [(first, date_text(first, zone))]


def _every(start: datetime, end: datetime, seconds: int) -> Iterator[datetime]:
    midnight = start.replace(hour=0, minute=0, second=0, microsecond=0)
    if seconds >= 7 * _DAY:
        midnight -= timedelta(days=midnight.weekday())
    moment = midnight
    while moment <= end:
        if moment >= start:
            yield moment
        moment += timedelta(seconds=seconds)


def _every_month(start: datetime, end: datetime, step: int) -> Iterator[datetime]:
    months = start.year * 12 + start.month - 1
    months -= months % step
    while True:
        year, month = divmod(months, 12)
        months += step
        if year > end.year:
            return
        moment = datetime(year, month + 1, 1, tzinfo=start.tzinfo)
        if moment > end:
            return
        if moment >= start:
            yield moment


def _labelled(moments: Iterator[datetime], unit: str) -> list[tuple[int, str]]:
    ticks: list[tuple[int, str]] = []
    shown: datetime | None = None
    for moment in moments:
        ticks.append((round(moment.timestamp()) * _SECOND, _label(moment, shown, unit)))
        shown = moment
    return ticks


def _label(moment: datetime, before: datetime | None, unit: str) -> str:
    """Say the year, or the day, only where it is new."""
    if unit == "year":
        return f"{moment:%Y}"
    if unit == "month":
        return f"{moment:%Y-%m}"
    if unit == "day":
        return f"{moment:%Y-%m-%d}" if before is None or before.year != moment.year else f"{moment:%m-%d}"
    if before is None:
        return f"{moment:%m-%d %H:%M}"
    is_new_day = (moment.hour, moment.minute) == (0, 0) or (
        before is not None and before.date() != moment.date()
    )
    return f"{moment:%m-%d}" if is_new_day else f"{moment:%H:%M}"


def _moment(time: int, zone: tzinfo) -> datetime:
    return datetime.fromtimestamp(time // _SECOND, zone)


def date_text(time: int, zone: tzinfo = UTC) -> str:
    """Return the date of a time, with the minute where it is no midnight."""
    moment = _moment(time, zone)
    return f"{moment:%Y-%m-%d}" if (moment.hour, moment.minute) == (0, 0) else f"{moment:%Y-%m-%d %H:%M}"


def drawdowns(points: Sequence[Point], start: float = -math.inf) -> list[Point]:
    """Return each value over the highest so far, less 1; a gap stays one.

    Args:
        points: Oldest first. A highest value of zero or less has no meaningful fall: there a gap comes out.
        start: The value before the first point; without it a fall at the beginning would be hidden.
    """
    highest = start
    falls: list[Point] = []
    for time, value in points:
        if math.isfinite(value):
            highest = max(highest, value)
        falls.append((time, value / highest - 1 if highest > 0 and math.isfinite(value) else math.nan))
    return falls


def segments(points: Sequence[Point]) -> list[list[Point]]:
    """Return the stretches between gaps."""
    parts: list[list[Point]] = [[]]
    for point in points:
        if math.isfinite(point[1]):
            parts[-1].append(point)
        elif parts[-1]:
            parts.append([])
    return [part for part in parts if part]


def thinned(points: Sequence[Point], column: Callable[[int], int]) -> list[Point]:
    """Return first, least, greatest and last of each pixel column: the line looks the same, extremes stay.

    Args:
        points: Without gaps, oldest first.
        column: Time to pixel column; never falling.

    Source: Jugel et al., "M4: A Visualization-Oriented Time Series Data Aggregation", VLDB 2014.
    """
    kept: list[Point] = []
    start = 0
    for index in range(1, len(points) + 1):
        if index < len(points) and column(points[index][0]) == column(points[start][0]):
            continue
        group = range(start, index)
        chosen = {
            start,
            index - 1,
            min(group, key=lambda i: points[i][1]),
            max(group, key=lambda i: points[i][1]),
        }
        kept += [points[i] for i in sorted(chosen)]
        start = index
    return kept

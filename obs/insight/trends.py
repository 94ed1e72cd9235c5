"""Slow growth towards a limit: memory, disk, clock, request weight; and when the limit is reached.

`Gauges` is a part of `State` and a monoid: of each minute the least and the greatest value stay. The slope is
the median of all pairwise slopes (Theil 1950, Sen 1968): a few wild samples do not move it, and its bounds
come from Kendall's statistic without any assumption about the noise.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Mapping, Sequence

import msgspec

from obs.events import Event
from obs.series import MINUTE_NS

__all__ = ["MEASURES", "Gauge", "Gauges", "Reach", "Slope", "keeps_growing", "reaches", "theil_sen"]

KEPT_MINUTES = 1_440
MAX_GAUGES = 500
MAX_POINTS = 90
"""Points a slope is made of; more are put together by equal spans of time."""
LEAST_POINTS = 10
Z = 2.58
"""Bounds at 99 %."""

MEASURES: Mapping[str, tuple[str, str]] = {
    "process.memory.usage": ("memory", "system.memory.limit"),
    "system.filesystem.free": ("disk", ""),
    "clock.offset_ms": ("clock", ""),
    "ratelimit.used": ("weight", "ratelimit.limit"),
}
"""Attribute -> (what it measures, the attribute with its limit)."""


class Gauge(msgspec.Struct):
    """Samples of one measure of one service."""

    minutes: dict[int, tuple[float, float]] = {}
    """Minute since 1970 -> (least, greatest) value; the newest only."""
    limit: tuple[int, float] = (0, 0.0)
    """(time, value) of the latest word about the limit; 0.0 when nobody told."""
    count: int = 0
    latest: tuple[int, str, tuple[str, int, str, str, str]] | None = None
    """(time, uid, quote) of the newest event that measured."""

    def put(self, time: int, low: float, high: float, count: int = 1) -> None:
        """Take in samples of one minute."""
        self.count += count
        minute = time // MINUTE_NS
        known = self.minutes.get(minute)
        self.minutes[minute] = (min(low, known[0]), max(high, known[1])) if known else (low, high)
        while len(self.minutes) > KEPT_MINUTES:
            del self.minutes[min(self.minutes)]

    def merge(self, other: Gauge) -> None:
        """Fold in all samples of `other`."""
        self.limit = max(self.limit, other.limit)
        self.latest = max((one for one in (self.latest, other.latest) if one is not None), default=None)
        for minute, (low, high) in other.minutes.items():
            self.put(minute * MINUTE_NS, low, high, 0)
        self.count += other.count

    def since(self, time: int) -> Gauge:
        """Return the samples of the minutes from `time` (Unix ns) on; all when none is as new."""
        kept = {minute: both for minute, both in self.minutes.items() if (minute + 1) * MINUTE_NS > time}
        return msgspec.structs.replace(self, minutes=kept) if kept else self

    def highs(self) -> list[tuple[int, float]]:
        """Return (Unix ns, greatest value) of each minute, oldest first."""
        return [(minute * MINUTE_NS, high) for minute, (_, high) in sorted(self.minutes.items())]

    def lows(self) -> list[tuple[int, float]]:
        """Return (Unix ns, least value) of each minute, oldest first."""
        return [(minute * MINUTE_NS, low) for minute, (low, _) in sorted(self.minutes.items())]


class Gauges(msgspec.Struct):
    """All gauges: service -> measure (`memory`, `weight binance`) -> samples."""

    of: dict[str, dict[str, Gauge]] = {}
    overflow: int = 0
    """Samples of measures that found no room."""

    def add(self, event: Event, service: str, quote: tuple[str, int, str, str, str]) -> None:
        """Take in what an event measures, and how it is shown; most measure nothing."""
        values = event.attributes
        if not event.time or values.get("run.mode") == "backtest":
            return
        for attribute, (measure, limit) in MEASURES.items():
            value = _number(values.get(attribute))
            if value is None:
                continue
            name = f"{measure} {values.get('exchange.id') or ''}".strip() if measure == "weight" else measure
            most = _number(values.get(limit)) if limit else None
            one = Gauge(limit=(event.time, most) if most else (0, 0.0), latest=(event.time, event.uid, quote))
            one.put(event.time, value, value)
            self._merge(service, name, one)

    def sample(self, service: str, measure: str, time: int, value: float, limit: float = 0.0) -> None:
        """Take in one sample of our own."""
        one = Gauge(limit=(time, limit) if limit else (0, 0.0))
        one.put(time, value, value)
        self._merge(service, measure, one)

    def merge(self, other: Gauges) -> None:
        """Fold in all that `other` has seen."""
        self.overflow += other.overflow
        for service, gauges in other.of.items():
            for measure, gauge in gauges.items():
                self._merge(service, measure, gauge)

    def _merge(self, service: str, measure: str, gauge: Gauge) -> None:
        self.of.setdefault(service, {}).setdefault(measure, Gauge()).merge(gauge)
        while sum(map(len, self.of.values())) > MAX_GAUGES:
            last = max(self.of)
            gauges = self.of[last]
            self.overflow += gauges.pop(max(gauges)).count
            if not gauges:
                del self.of[last]


class Slope(msgspec.Struct, frozen=True):
    """A robust line through samples; slopes per second."""

    slope: float
    low: float
    high: float
    """Bounds of the slope at 99 %."""
    level: float
    """The line's value at the last sample."""
    last: int
    """Unix ns of the last sample."""
    span_ns: int
    grown: float
    """How much the line rose from the first sample to the last."""


class Reach(msgspec.Struct, frozen=True):
    """When a line meets its limit, as Unix ns; 0 for the latest means: perhaps never."""

    at: int
    earliest: int
    latest: int


def theil_sen(points: Sequence[tuple[int, float]]) -> Slope | None:
    """Return the robust line through (Unix ns, value), oldest first; None for fewer than `LEAST_POINTS`.

    Source: P. K. Sen, "Estimates of the regression coefficient based on Kendall's tau", 1968.
    """
    if len(points) < LEAST_POINTS:
        return None
    points = _thinned(points)
    n, origin = len(points), points[0][0]
    line = [((time - origin) / 1e9, value) for time, value in points]
    slopes = sorted(
        (b[1] - a[1]) / (b[0] - a[0]) for i, a in enumerate(line) for b in line[i + 1 :] if b[0] > a[0]
    )
    if not slopes:
        return None
    slope = _median(slopes)
    margin = Z * math.sqrt(n * (n - 1) * (2 * n + 5) / 18)
    low = slopes[max(0, math.floor((len(slopes) - margin) / 2))]
    high = slopes[min(len(slopes) - 1, math.ceil((len(slopes) + margin) / 2))]
    base = _median(sorted(value - slope * at for at, value in line))
    span = line[-1][0]
    return Slope(slope, low, high, base + slope * span, points[-1][0], int(span * 1e9), slope * span)


def reaches(slope: Slope, limit: float) -> Reach | None:
    """Return when the line meets the limit, from whichever side; None when it moves away from it."""
    gap = limit - slope.level
    if slope.slope == 0 or gap / slope.slope < 0:
        return None

    def at(rate: float) -> int:
        return slope.last + int(gap / rate * 1e9) if rate and gap / rate >= 0 else 0

    times = sorted(time for time in (at(slope.low), at(slope.high)) if time)
    never = at(slope.low) == 0 or at(slope.high) == 0
    return Reach(at(slope.slope), times[0] if times else 0, 0 if never or not times else times[-1])


def keeps_growing(points: Sequence[tuple[int, float]], least: float) -> Slope | None:
    """Return the line through samples that rise all the time by at least `least`; else None.

    What rises after a start and then stays is no trend: each quarter of the time must lie above the one
    before, and the last half must rise nearly as fast as the whole.
    """
    whole = theil_sen(points)
    if whole is None or whole.low <= 0 or whole.grown < least:
        return None
    late = theil_sen([point for point in points if point[0] >= points[0][0] + whole.span_ns // 2])
    if late is None or late.low <= 0 or late.slope < whole.slope / 2:
        return None
    size = len(points) // 4
    quarters = [_median(sorted(v for _, v in points[i * size : (i + 1) * size])) for i in range(4)]
    return whole if all(a < b for a, b in itertools.pairwise(quarters)) else None


def _thinned(points: Sequence[tuple[int, float]]) -> Sequence[tuple[int, float]]:
    """At most `MAX_POINTS` points: medians of equal spans of time."""
    if len(points) <= MAX_POINTS:
        return points
    first, span = points[0][0], points[-1][0] - points[0][0] + 1
    buckets: dict[int, list[tuple[int, float]]] = {}
    for time, value in points:
        buckets.setdefault((time - first) * MAX_POINTS // span, []).append((time, value))
    return [
        (bucket[len(bucket) // 2][0], _median(sorted(value for _, value in bucket)))
        for _, bucket in sorted(buckets.items())
    ]


def _median(ordered: Sequence[float]) -> float:
    middle = len(ordered) // 2
    return ordered[middle] if len(ordered) % 2 else (ordered[middle - 1] + ordered[middle]) / 2


def _number(value: object) -> float | None:
    if isinstance(value, bool) or not isinstance(value, (int, float, str)):
        return None
    try:
        number = float(value)
    except (ValueError, OverflowError):
        return None
    return number if math.isfinite(number) else None

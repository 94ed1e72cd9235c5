"""Counts over time that merge exactly: the same numbers from any split of a stream, in any order."""

from __future__ import annotations

import heapq
from bisect import insort
from collections.abc import Sequence
from itertools import pairwise

import msgspec

__all__ = ["MINUTE_NS", "Newest", "Series"]

MINUTE_NS = 60_000_000_000
KEPT_TIMES = 256
KEPT_MINUTES = 1_440
"""A day of minutes; older minutes leave the histogram but not `count`, `first` and `last`."""


class Newest(msgspec.Struct):
    """The newest moments of something regular, so that a gap between them shows."""

    times: list[int] = []
    """Unix ns, ascending, the `KEPT_TIMES` newest only."""

    def add(self, time: int) -> None:
        """Remember one moment (Unix ns; 0: unknown)."""
        if time:
            insort(self.times, time)
            del self.times[:-KEPT_TIMES]

    def merge(self, other: Newest) -> None:
        """Take over the newest of both."""
        self.times = sorted([*self.times, *other.times])[-KEPT_TIMES:]

    def rhythm(self) -> tuple[int, int]:
        """Return the usual distance (ns, the median) and how many moments are missing; (0, 0): too few."""
        gaps = sorted(late - early for early, late in pairwise(self.times))
        if len(gaps) < 3 or not gaps[len(gaps) // 2]:
            return 0, 0
        usual = gaps[len(gaps) // 2]
        return usual, sum(round(gap / usual) - 1 for gap in gaps if gap > usual * 1.5)


class Series(msgspec.Struct):
    """How often something happened, when first, when last, and how many in each of the newest minutes."""

    count: int = 0
    first: int = 0
    """Unix ns of the earliest; 0 when no occurrence carried a time."""
    last: int = 0
    minutes: dict[int, int] = {}
    """Minute since 1970 -> count, the `KEPT_MINUTES` newest only."""

    def add(self, time: int, count: int = 1) -> None:
        """Count `count` occurrences at `time` (Unix ns; 0: unknown)."""
        self.count += count
        if not time:
            return
        first = self.first
        if not first or time < first:
            self.first = time
        if time > self.last:
            self.last = time
        minute, minutes = time // MINUTE_NS, self.minutes
        if minute in minutes:
            minutes[minute] += count
            return
        minutes[minute] = count
        if len(minutes) > KEPT_MINUTES:
            # Only the newest are kept, which any order of merging agrees on.
            del minutes[min(minutes)]

    def add_all(self, times: Sequence[int]) -> None:
        """Count one occurrence at each of the times (Unix ns, none of them 0), as `add` would one by one."""
        if not times:
            return
        first, last = min(times), max(times)
        self.count += len(times)
        self.first = min(self.first, first) if self.first else first
        self.last = max(self.last, last)
        minutes, minute = self.minutes, first // MINUTE_NS
        if minute == last // MINUTE_NS:
            minutes[minute] = minutes.get(minute, 0) + len(times)
        else:
            for time in times:
                minute = time // MINUTE_NS
                minutes[minute] = minutes.get(minute, 0) + 1
        self._bound()

    def merge(self, other: Series) -> None:
        """Add all of `other`'s occurrences."""
        self.count += other.count
        if other.first:
            self.first = min(self.first, other.first) if self.first else other.first
            self.last = max(self.last, other.last)
        for minute, count in other.minutes.items():
            self.minutes[minute] = self.minutes.get(minute, 0) + count
        self._bound()

    def _bound(self) -> None:
        if len(self.minutes) > KEPT_MINUTES:
            newest = heapq.nlargest(KEPT_MINUTES, self.minutes)
            self.minutes = {minute: self.minutes[minute] for minute in newest}

    def since(self, time: int) -> int:
        """Return how many fell into minutes after the one that holds `time`; exact to the minute."""
        minute = time // MINUTE_NS
        return sum(count for at, count in self.minutes.items() if at > minute)

    def rate_per_minute(self) -> float:
        """Return occurrences per minute from first to last; the bare count when they share a minute."""
        span = (self.last - self.first) / MINUTE_NS
        return self.count / span if span >= 1 else float(self.count)

    def trend(self) -> str:
        """Return `steady`, `worse` or `burst`, judged by thirds of the time it went on."""
        span = self.last - self.first
        if self.count < 6 or span < 3 * MINUTE_NS:
            return "steady"
        third = span // 3
        early = sum(n for at, n in self.minutes.items() if at * MINUTE_NS < self.first + third)
        late = sum(n for at, n in self.minutes.items() if at * MINUTE_NS >= self.last - third)
        if late >= 1.5 * early and late - early >= 5:
            return "worse"
        if max(self.minutes.values(), default=0) >= 0.6 * self.count:
            return "burst"
        return "steady"

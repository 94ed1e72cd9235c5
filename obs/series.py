"""Counts over time that merge exactly: the same numbers from any split of a stream, in any order."""

from __future__ import annotations

import heapq

import msgspec

__all__ = ["MINUTE_NS", "Series"]

MINUTE_NS = 60_000_000_000
KEPT_MINUTES = 1_440
"""A day of minutes; older minutes leave the histogram but not `count`, `first` and `last`."""


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
        self.first = min(self.first, time) if self.first else time
        self.last = max(self.last, time)
        minute = time // MINUTE_NS
        self.minutes[minute] = self.minutes.get(minute, 0) + count
        if len(self.minutes) > KEPT_MINUTES:
            # Only the newest are kept, which any order of merging agrees on.
            del self.minutes[min(self.minutes)]

    def merge(self, other: Series) -> None:
        """Add all of `other`'s occurrences."""
        self.count += other.count
        if other.first:
            self.first = min(self.first, other.first) if self.first else other.first
            self.last = max(self.last, other.last)
        for minute, count in other.minutes.items():
            self.minutes[minute] = self.minutes.get(minute, 0) + count
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

"""Counts over time that merge exactly: the same numbers from any split of a stream, in any order."""

from __future__ import annotations

from bisect import insort
from collections.abc import Mapping, Sequence
from heapq import nlargest
from itertools import pairwise

import msgspec

__all__ = ["MINUTE_NS", "Newest", "Series", "newest_minutes", "newest_of"]

MINUTE_NS = 60_000_000_000
HOUR_NS = 60 * MINUTE_NS
KEPT_TIMES = 256
KEPT_MINUTES = 1_440
KEPT_HOURS = 24 * 62
"""What is older leaves the histogram but not `count`, `first` and `last`."""


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
    """How often something happened, when first, when last, and how it was spread over time."""

    count: int = 0
    first: int = 0
    """Unix ns of the earliest; 0 when no occurrence carried a time."""
    last: int = 0
    minutes: dict[int, int] = {}
    """Minute since 1970 -> count, for the day that ends with the newest minute."""
    hours: dict[int, int] = {}
    """Hour since 1970 -> count of what is older than that day, for `KEPT_HOURS` hours."""

    def add(self, time: int, count: int = 1) -> None:
        """Count `count` occurrences at `time` (Unix ns; 0: unknown)."""
        self.count += count
        if not time:
            return
        newest = self.last // MINUTE_NS
        first = self.first
        if not first or time < first:
            self.first = time
        if time > self.last:
            self.last = time
        minute, minutes = time // MINUTE_NS, self.minutes
        if minute in minutes:
            minutes[minute] += count
        else:
            self._open(minute, newest, count)

    def add_all(self, times: Sequence[int]) -> None:
        """Count one occurrence at each of the times (Unix ns, none of them 0), as `add` would one by one."""
        if not times:
            return
        first, last = min(times), max(times)
        if first // MINUTE_NS != last // MINUTE_NS:
            for time in times:
                self.add(time)
            return
        # They share a minute, as a batch mostly does.
        self.add(first, len(times))
        self.last = max(self.last, last)

    def merge(self, other: Series) -> None:
        """Add all of `other`'s occurrences."""
        self.count += other.count
        if other.first:
            self.first = min(self.first, other.first) if self.first else other.first
            self.last = max(self.last, other.last)
        for mine, theirs in ((self.minutes, other.minutes), (self.hours, other.hours)):
            for at, count in theirs.items():
                mine[at] = mine.get(at, 0) + count
        self._slide(self.last // MINUTE_NS)

    def _open(self, minute: int, newest: int, count: int) -> None:
        """Begin a minute; what is thereby older than a day moves to the hours."""
        oldest = max(minute, newest) - KEPT_MINUTES
        if minute <= oldest:
            self._age(minute, count)
            return
        self.minutes[minute] = count
        if minute - newest > KEPT_MINUTES:
            self._slide(minute)
            return
        # One minute at a time, so that a long stream does not look through the whole day each minute.
        for late in range(newest - KEPT_MINUTES + 1, oldest + 1):
            if late in self.minutes:
                self._age(late, self.minutes.pop(late))
        if minute // 60 > newest // 60:
            self._forget()

    def _slide(self, newest: int) -> None:
        for minute in [minute for minute in self.minutes if minute <= newest - KEPT_MINUTES]:
            self._age(minute, self.minutes.pop(minute))
        self._forget()

    def _age(self, minute: int, count: int) -> None:
        hour = minute // 60
        if hour in self.hours:
            self.hours[hour] += count
        else:
            self.hours[hour] = count
            self._forget()

    def _forget(self) -> None:
        oldest = self.last // HOUR_NS - KEPT_HOURS
        if self.hours and min(self.hours) <= oldest:
            self.hours = {hour: count for hour, count in self.hours.items() if hour > oldest}

    def since(self, time: int) -> int:
        """Return how many came after the minute of `time`; to the hour when that is over a day old."""
        minute, hour = time // MINUTE_NS, time // HOUR_NS
        fresh = sum(count for at, count in self.minutes.items() if at > minute)
        return fresh + sum(count for at, count in self.hours.items() if at > hour)

    def over_time(self) -> list[tuple[int, int]]:
        """Return (Unix ns, count) of each kept hour and minute, in no order."""
        old = [(hour * HOUR_NS, count) for hour, count in self.hours.items()]
        return old + [(minute * MINUTE_NS, count) for minute, count in self.minutes.items()]

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
        spread = self.over_time()
        early = sum(count for at, count in spread if at < self.first + third)
        late = sum(count for at, count in spread if at >= self.last - third)
        if late >= 1.5 * early and late - early >= 5:
            return "worse"
        if max((count for _, count in spread), default=0) >= 0.6 * self.count:
            return "burst"
        return "steady"


SHOWN_MINUTES = 120


def newest_minutes(series: Series) -> tuple[tuple[int, int], ...]:
    """Return (minute since 1970, count) of the newest minutes in which it happened, oldest first."""
    return newest_of(series.minutes)


def newest_of(minutes: Mapping[int, int]) -> tuple[tuple[int, int], ...]:
    """Return the newest of counts by minute, oldest first: as many as a view shows."""
    if len(minutes) <= SHOWN_MINUTES:
        return tuple(sorted(minutes.items()))
    return tuple(sorted(nlargest(SHOWN_MINUTES, minutes.items())))

"""What metrics are made of, as a part of the Snapshot: counts, sums, latest values and histograms by label.

Only types and how keys are written. `obs.meters` folds them from events, `obs.metrics` shows them.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Mapping
from decimal import Decimal

import msgspec

from obs.scale import LAST, place

__all__ = [
    "ABOVE",
    "BOUNDS",
    "OTHER",
    "AgentResult",
    "Count",
    "Histogram",
    "Latest",
    "Mark",
    "Readings",
    "Release",
    "Result",
    "label_key",
    "label_values",
]

OTHER = "other"
"""Stands for all names that found no room."""
_BETWEEN = "\x1f"
MAX_LABEL = 80
"""Characters of a label's value that are kept."""

BOUNDS: Mapping[str, tuple[str, ...]] = {
    "trading_order_latency_seconds": ("0.01", "0.025", "0.05", "0.1", "0.25", "0.5", "1", "2.5", "10"),
    "trading_slippage_ratio": ("0", "0.0001", "0.0002", "0.0005", "0.001", "0.002", "0.005", "0.02"),
    "trading_api_duration_seconds": ("0.05", "0.1", "0.25", "0.5", "1", "2.5", "5", "10", "30"),
    "trading_llm_duration_seconds": ("0.25", "0.5", "1", "2", "5", "10", "20", "60", "120"),
    "obs_fold_lag_seconds": ("0.01", "0.05", "0.1", "0.25", "0.5", "1", "2.5", "10", "60", "600", "3600"),
    "obs_briefing_render_duration_seconds": (
        "0.005", "0.01", "0.025", "0.05", "0.1", "0.25", "0.5", "1", "5",
    ),
}  # fmt: skip
"""Upper bounds of each histogram's buckets, as they are written; what is above counts under `+Inf`."""
_BOUNDS = {name: tuple(map(Decimal, bounds)) for name, bounds in BOUNDS.items()}
ABOVE = "+Inf"


class Mark(msgspec.Struct, frozen=True, array_like=True, order=True):
    """One record that stands for a number: an exemplar."""

    time: int
    """Unix ns."""
    uid: str
    value: Decimal = Decimal(1)
    ids: tuple[tuple[str, str], ...] = ()
    """What it belongs to: `issue`, `decision`, `order`, `trace_id`, `evidence`."""


class Count(msgspec.Struct, frozen=True, array_like=True):
    """How often something happened, and the newest record of it that belongs to anything."""

    value: int = 0
    mark: Mark | None = None

    def plus(self, other: Count) -> Count:
        """Return both together."""
        return Count(self.value + other.value, later(self.mark, other.mark))


class Latest(msgspec.Struct, frozen=True, array_like=True, order=True):
    """What was said last of one thing."""

    time: int
    """Unix ns."""
    uid: str
    value: Decimal
    word: str = ""
    """Mode of an amount, kind of an anomaly."""


class Histogram(msgspec.Struct):
    """How values were spread: over few buckets of their own, and finely over those of a scale."""

    buckets: dict[str, int] = {}
    """Upper bound as written in `BOUNDS` -> values above the bound before it and not above this."""
    total: Decimal = Decimal(0)
    marks: dict[str, Mark] = {}
    """Bucket -> the newest record in it that belongs to anything."""
    fine: dict[int, int] = {}
    """Number of a bucket of `obs.scale` -> values in it; with `nothing` as many as in `buckets`."""
    nothing: int = 0
    """Values that count as 0 on that scale."""

    def __post_init__(self) -> None:
        # Stored before there was a scale: all of a bucket is put where the bucket ends, so that counts agree.
        if self.buckets and not self.fine and not self.nothing:
            for bound, count in self.buckets.items():
                self._spread(LAST if bound == ABOVE else place(float(bound)), count)

    @property
    def count(self) -> int:
        """How many values there were."""
        return sum(self.buckets.values())

    def observe(self, name: str, value: Decimal, mark: Mark | None = None) -> None:
        """Count one value.

        Args:
            name: The metric, one of `BOUNDS`.
            value: In its unit, not negative.
            mark: The record, when it belongs to anything.
        """
        at = bisect_left(_BOUNDS[name], value)
        bounds = BOUNDS[name]
        bucket = bounds[at] if at < len(bounds) else ABOVE
        self.buckets[bucket] = self.buckets.get(bucket, 0) + 1
        self._spread(place(float(value)), 1)
        self.total += value
        if mark is not None:
            self.marks[bucket] = max(self.marks.get(bucket, mark), mark)

    def merge(self, other: Histogram) -> None:
        """Add all of the other's values."""
        for bucket, count in other.buckets.items():
            self.buckets[bucket] = self.buckets.get(bucket, 0) + count
        for number, count in other.fine.items():
            self.fine[number] = self.fine.get(number, 0) + count
        self.nothing += other.nothing
        self.total += other.total
        for bucket, mark in other.marks.items():
            self.marks[bucket] = max(self.marks.get(bucket, mark), mark)

    def copy(self) -> Histogram:
        """Return one that no longer changes with this."""
        return Histogram(dict(self.buckets), self.total, dict(self.marks), dict(self.fine), self.nothing)

    def _spread(self, number: int | None, count: int) -> None:
        if number is None:
            self.nothing += count
        else:
            self.fine[number] = self.fine.get(number, 0) + count


class Result(msgspec.Struct, frozen=True, array_like=True):
    """The closed trades of one bot, mode and currency."""

    service: str
    mode: str
    currency: str
    settled: int
    won: int
    lost: int
    pnl: Decimal


class AgentResult(msgspec.Struct, frozen=True, array_like=True):
    """What one agent did with one kind of money over the last days."""

    agent: str
    mode: str
    contribution: tuple[tuple[str, Decimal], ...]
    """Currency and amount."""
    efficiency: float | None
    """What it brought for each unit of what its models cost."""
    hits: float | None
    """Share of its judged signals that were right."""


class Release(msgspec.Struct, frozen=True, array_like=True):
    """Which release a bot runs, as it says."""

    service: str
    version: str
    """Empty when it says only the commit."""
    commit: str
    since: int
    """When it first said so, of the newest stretch; Unix ns."""


class Readings(msgspec.Struct, frozen=True, kw_only=True):
    """Everything that is counted for metrics, by metric and by its labels' values (`label_values`)."""

    counts: Mapping[str, Mapping[str, Count]] = {}
    sums: Mapping[str, Mapping[str, Decimal]] = {}
    latest: Mapping[str, Mapping[str, Latest]] = {}
    histograms: Mapping[str, Mapping[str, Histogram]] = {}
    results: tuple[Result, ...] = ()
    releases: tuple[Release, ...] = ()
    agents: tuple[AgentResult, ...] = ()


def later(a: Mark | None, b: Mark | None) -> Mark | None:
    """Return the newer of two marks."""
    if a is None or b is None:
        return a or b
    return max(a, b)


def label_key(*values: object) -> str:
    """Return the values of a metric's labels as one key."""
    return _BETWEEN.join(str(value).replace(_BETWEEN, " ")[:MAX_LABEL] for value in values)


def label_values(key: str) -> tuple[str, ...]:
    """Return the values that `label_key` joined."""
    return tuple(key.split(_BETWEEN))

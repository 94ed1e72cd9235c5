"""Meters: what bots said, counted for metrics. A part of `State` and a monoid like it.

Counts and sums are kept for the least keys of each metric; what belongs to others moves to keys that say
`other`, so that nothing is lost and nothing counted twice, whatever order events come in.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from decimal import Decimal
from typing import TypeVar

import msgspec

from obs.readings import OTHER, Count, Histogram, Latest, Mark, Readings, label_key, label_values

__all__ = ["MAX_KEYS", "MAX_LATEST", "Meters"]

MAX_KEYS = 150
"""Sets of labels that are told apart in each metric."""
MAX_HISTOGRAMS = 40
MAX_OTHERS = 40
"""Sets of labels with `other` in them, of each metric; beyond that the least stay and the rest is dropped."""
MAX_LATEST = 200
"""Things of each metric whose latest value is known, the newest."""
CLOSED = frozenset(
    {"mode", "currency", "outcome", "severity", "kind"},
)
"""Labels that keep their value when a key moves to `other`."""

LABELS: Mapping[str, tuple[str, ...]] = {
    "obs_events_total": ("severity",),
    "trading_fees_total": ("bot", "mode", "currency"),
    "trading_volume_total": ("bot", "mode", "currency"),
    "trading_orders_total": ("bot", "outcome"),
    "trading_orders_refused_total": ("outcome", "reason"),
    "trading_order_latency_seconds": ("bot",),
    "trading_slippage_ratio": ("bot",),
    "trading_api_requests_total": ("exchange", "outcome"),
    "trading_api_duration_seconds": ("exchange",),
    "trading_signals_total": ("bot",),
    "trading_signals_filtered_total": ("bot", "gate"),
    "trading_decisions_total": ("bot",),
    "trading_llm_calls_total": ("bot", "agent", "model", "outcome"),
    "trading_llm_tokens_total": ("bot", "agent", "model", "kind"),
    "trading_llm_cost_total": ("bot", "agent", "model", "currency"),
    "trading_llm_unpriced_calls_total": ("model",),
    "trading_llm_duration_seconds": ("model",),
    "trading_anomalies_total": ("kind", "severity"),
    "trading_breaker_trips_total": ("bot",),
    "trading_notifications_total": ("channel", "outcome"),
}
"""What is counted or summed here, and by what."""

T = TypeVar("T")


class Meters(msgspec.Struct):
    """Counts, sums, latest values and histograms of all bots."""

    counts: dict[str, dict[str, Count]] = {}
    sums: dict[str, dict[str, Decimal]] = {}
    latest: dict[str, dict[str, Latest]] = {}
    histograms: dict[str, dict[str, Histogram]] = {}

    def count(self, name: str, *labels: str, by: int = 1, mark: Mark | None = None) -> None:
        """Count something.

        Args:
            name: The metric.
            labels: Their values, in the order of `LABELS`.
            by: How much.
            mark: The record, when it belongs to anything.
        """
        known = self.counts.setdefault(name, {})
        key = label_key(*labels)
        said = Count(by, mark)
        if key in known:
            known[key] = known[key].plus(said)
            return
        known[key] = said
        _bound(name, known, MAX_KEYS, Count.plus)

    def sum(self, name: str, *labels: str, amount: Decimal) -> None:
        """Add an amount that is not negative."""
        known = self.sums.setdefault(name, {})
        key = label_key(*labels)
        if key in known:
            known[key] += amount
            return
        known[key] = amount
        _bound(name, known, MAX_KEYS, Decimal.__add__)

    def say(self, name: str, *labels: str, latest: Latest) -> None:
        """Remember the latest value of one thing."""
        known = self.latest.setdefault(name, {})
        key = label_key(*labels)
        if key in known:
            known[key] = max(known[key], latest)
            return
        known[key] = latest
        _forget(known)

    def observe(self, name: str, *labels: str, value: Decimal, mark: Mark | None = None) -> None:
        """Count one value of a histogram."""
        known = self.histograms.setdefault(name, {})
        key = label_key(*labels)
        if key in known:
            known[key].observe(name, value, mark)
            return
        known[key] = Histogram()
        known[key].observe(name, value, mark)
        _bound(name, known, MAX_HISTOGRAMS, _merged)

    def merge(self, other: Meters) -> None:
        """Add all that `other` has counted."""
        for name, counts in other.counts.items():
            _join(name, self.counts.setdefault(name, {}), counts, MAX_KEYS, Count.plus)
        for name, sums in other.sums.items():
            _join(name, self.sums.setdefault(name, {}), sums, MAX_KEYS, Decimal.__add__)
        for name, histograms in other.histograms.items():
            theirs = {key: one.copy() for key, one in histograms.items()}
            _join(name, self.histograms.setdefault(name, {}), theirs, MAX_HISTOGRAMS, _merged)
        for name, latest in other.latest.items():
            mine = self.latest.setdefault(name, {})
            for key, one in latest.items():
                mine[key] = max(mine.get(key, one), one)
            _forget(mine)

    def readings(self) -> Readings:
        """Return all of it as it stands now, without what depends on other books."""
        return Readings(
            counts={name: dict(known) for name, known in self.counts.items()},
            sums={name: dict(known) for name, known in self.sums.items()},
            latest={name: dict(known) for name, known in self.latest.items()},
            histograms={
                name: {key: one.copy() for key, one in known.items()}
                for name, known in self.histograms.items()
            },
        )


def _merged(a: Histogram, b: Histogram) -> Histogram:
    a.merge(b)
    return a


def _join(
    name: str, mine: dict[str, T], theirs: Mapping[str, T], most: int, plus: Callable[[T, T], T]
) -> None:
    for key, value in theirs.items():
        mine[key] = plus(mine[key], value) if key in mine else value
    _bound(name, mine, most, plus)


def _bound(name: str, known: dict[str, T], most: int, plus: Callable[[T, T], T]) -> None:
    if len(known) <= most:
        return
    others = {key for key in known if OTHER in key and OTHER in label_values(key)}
    while len(known) - len(others) > most:
        # The greatest key leaves: the same ones stay whatever came first.
        last = max(key for key in known if key not in others)
        value = known.pop(last)
        into = label_key(
            *(
                part if label in CLOSED else OTHER
                for label, part in zip(LABELS[name], label_values(last), strict=True)
            )
        )
        known[into] = plus(known[into], value) if into in known else value
        others.add(into)
    while len(others) > MAX_OTHERS:
        known.pop(max(others))
        others.remove(max(others))


def _forget(known: dict[str, Latest]) -> None:
    while len(known) > MAX_LATEST:
        del known[min(known, key=lambda key: (known[key], key))]

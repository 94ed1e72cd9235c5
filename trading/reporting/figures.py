"""Figures that reports make from rows and curves: the tracker of performance over time."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Sequence
from datetime import UTC, datetime
from typing import NamedTuple, TypeVar

from trading.reporting.facts import NONE, Blank, Curve, Figure

__all__ = ["Settled", "deepest", "monthly_returns", "profit_factor", "settled", "yearly_returns"]


_Key = TypeVar("_Key")


class Settled(NamedTuple):
    """Closed trades, counted; see `settled`."""

    trades: int
    wins: int
    """With a profit; exactly zero is no win."""
    losses: int
    profit: float
    """Of all, after fees."""


def settled(profits: Iterable[float]) -> Settled:
    """Return how many trades were closed and won, from their profits after fees."""
    known = list(profits)
    return Settled(len(known), sum(p > 0 for p in known), sum(p < 0 for p in known), math.fsum(known) + 0.0)


def profit_factor(profits: Iterable[float]) -> Figure:
    """Return all gains over all losses; `NONE` when nothing was lost, or nothing traded."""
    known = list(profits)
    lost = -math.fsum(p for p in known if p < 0)
    return math.fsum(p for p in known if p > 0) / lost if lost > 0 else NONE


def deepest(values: Sequence[float], start: float | None = None) -> float | Blank:
    """Return the largest fall from a highest value so far, negative or 0; `NONE` without any value.

    Args:
        values: Equity at each close; values that are no finite numbers are left out.
        start: The value before the first close; without it a fall on the first day would be hidden.
    """
    first = [] if start is None else [start]
    known = [value for value in (*first, *values) if math.isfinite(value)]
    highest, low = -math.inf, math.inf
    for value in known:
        highest = max(highest, value)
        if highest > 0:
            low = min(low, value / highest - 1)
    return NONE if math.isinf(low) else low + 0.0


def monthly_returns(equity: Curve, start: float) -> dict[tuple[int, int], float]:
    """Return (year, month) to the return from the last value of the month before; empty months are absent.

    Args:
        equity: At each close; a month is one of UTC, which for daily bars is that of the session's date.
        start: What the account began with.
    """
    return _returns(equity, start, lambda moment: (moment.year, moment.month))


def yearly_returns(equity: Curve, start: float) -> dict[int, float]:
    """Return year to its return; see `monthly_returns`."""
    return _returns(equity, start, lambda moment: moment.year)


def _returns(equity: Curve, start: float, key: Callable[[datetime], _Key]) -> dict[_Key, float]:
    ends: dict[_Key, float] = {}
    for time, value in equity:
        if math.isfinite(value):
            ends[key(datetime.fromtimestamp(time // 10**9, UTC))] = value
    returns: dict[_Key, float] = {}
    before = start
    for period, end in ends.items():
        returns[period] = end / before - 1 if before > 0 else math.nan
        before = end
    return returns

"""Statistics of returns and equity: what a stretch of trading was worth, and what it cost in nerves.

Returns are simple, one for each bar, as fractions; lists, numpy arrays and pandas series are taken alike.
What is undefined follows the libraries that our figures are held against (empyrical):

* A return that is no number is no observation: it is left out. None left: `nan`.
* A deviation needs two returns, else `nan`.
* Divided by a deviation of exactly 0: `inf` with the sign of the mean, and `nan` when the mean is 0 too
  (a flat account has no Sharpe ratio).
* Everything lost (wealth at 0 or below) is a return of -1 a year; what comes after it does not bring it back.

The risk-free rate is annual and taken off evenly: `risk_free / periods_per_year` from each return.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from itertools import pairwise
from typing import NamedTuple

__all__ = [
    "Summary",
    "cagr",
    "calmar",
    "max_drawdown",
    "returns_of",
    "sharpe",
    "sortino",
    "summary",
    "total_return",
    "volatility",
]


class Summary(NamedTuple):
    """All statistics of one equity curve."""

    total_return: float
    cagr: float
    volatility: float
    sharpe: float
    sortino: float
    max_drawdown: float
    """Negative, over the equity including the starting value."""
    calmar: float


def sharpe(returns: Iterable[float], *, periods_per_year: float = 252, risk_free: float = 0.0) -> float:
    """Return mean over sample deviation (ddof 1) of the excess returns, annualised by √N.

    Args:
        returns: Simple returns, fractions.
        periods_per_year: N: 252 for shares by day, 365 for coins by day.
        risk_free: Annual rate, a fraction.
    """
    excess = _excess(returns, periods_per_year, risk_free)
    if len(excess) < 2:
        return math.nan
    return _ratio(_mean(excess), _deviation(excess)) * math.sqrt(periods_per_year)


def sortino(returns: Iterable[float], *, periods_per_year: float = 252, risk_free: float = 0.0) -> float:
    """Return mean over downside deviation of the excess returns, annualised by √N.

    The downside deviation is the root of the mean of all squared returns, gains counted as 0.
    """
    excess = _excess(returns, periods_per_year, risk_free)
    if len(excess) < 2:
        return math.nan
    downside = math.sqrt(_squares(min(value, 0.0) for value in excess) / len(excess))
    return _ratio(_mean(excess), downside) * math.sqrt(periods_per_year)


def cagr(returns: Iterable[float], *, periods_per_year: float = 252, risk_free: float = 0.0) -> float:
    """Return the yearly growth that leads to the same end: years are bars over N, not the calendar's.

    Args:
        returns: Simple returns, fractions.
        periods_per_year: N.
        risk_free: Taken so that all can be called alike; growth is what it is.
    """
    observed = _observed(returns)
    if not observed:
        return math.nan
    wealth = _wealth(observed)
    if wealth <= 0:
        return -1.0
    try:
        return math.exp(math.log(wealth) * periods_per_year / len(observed)) - 1
    except OverflowError:
        return math.inf


def volatility(returns: Iterable[float], *, periods_per_year: float = 252, risk_free: float = 0.0) -> float:
    """Return the sample deviation (ddof 1) of the returns × √N.

    Args:
        returns: Simple returns, fractions.
        periods_per_year: N.
        risk_free: Taken so that all four can be called alike; a constant changes no deviation.
    """
    observed = _observed(returns)
    return _deviation(observed) * math.sqrt(periods_per_year) if len(observed) > 1 else math.nan


def max_drawdown(equity: Iterable[float]) -> float:
    """Return the deepest fall from a peak so far, over that peak: 0 or negative; `nan` without a value.

    Args:
        equity: Values in any currency, the starting one first: left out, a fall on the first day is hidden.
    """
    deepest, peak = math.nan, -math.inf
    for value in equity:
        if not math.isfinite(value):
            continue
        peak = max(peak, value)
        fall = float(value) / peak - 1 if peak > 0 else 0.0
        deepest = fall if math.isnan(deepest) else min(deepest, fall)
    return deepest


def calmar(returns: Iterable[float], *, periods_per_year: float = 252, risk_free: float = 0.0) -> float:
    """Return the CAGR over the size of the maximum drawdown; `nan` when nothing ever fell."""
    observed = _observed(returns)
    growth = cagr(observed, periods_per_year=periods_per_year, risk_free=risk_free)
    return _calmar(growth, max_drawdown(_curve(observed)))


def total_return(returns: Iterable[float]) -> float:
    """Return what all returns come to, compounded, a fraction."""
    observed = _observed(returns)
    return _wealth(observed) - 1 if observed else math.nan


def returns_of(equity: Sequence[float]) -> list[float]:
    """Return the simple returns between values; one from 0 or below does not exist and is `nan`."""
    return [after / before - 1 if before > 0 else math.nan for before, after in pairwise(equity)]


def summary(
    equity: Sequence[float],
    *,
    start: float | None = None,
    periods_per_year: float = 252,
    risk_free: float = 0.0,
) -> Summary:
    """Return all statistics of an equity curve.

    Args:
        equity: Values at each bar.
        start: The value before the first bar, when it is not in `equity`.
        periods_per_year: Bars in a year.
        risk_free: Annual rate.
    """
    curve = [*([] if start is None else [start]), *(float(value) for value in equity)]
    returns = returns_of(curve)
    growth = cagr(returns, periods_per_year=periods_per_year)
    deepest = max_drawdown(curve)
    return Summary(
        total_return=curve[-1] / curve[0] - 1 if curve and curve[0] > 0 else math.nan,
        cagr=growth,
        volatility=volatility(returns, periods_per_year=periods_per_year),
        sharpe=sharpe(returns, periods_per_year=periods_per_year, risk_free=risk_free),
        sortino=sortino(returns, periods_per_year=periods_per_year, risk_free=risk_free),
        max_drawdown=deepest,
        calmar=_calmar(growth, deepest),
    )


def _observed(returns: Iterable[float]) -> list[float]:
    return [float(value) for value in returns if math.isfinite(value)]


def _excess(returns: Iterable[float], periods_per_year: float, risk_free: float) -> list[float]:
    rate = risk_free / periods_per_year
    return [value - rate for value in _observed(returns)]


def _mean(values: Sequence[float]) -> float:
    return math.fsum(values) / len(values)


def _deviation(values: Sequence[float]) -> float:
    # Equal values have no deviation at all; through their mean, which is rounded, they would have a tiny one.
    if min(values) == max(values):
        return 0.0
    mean = _mean(values)
    return math.sqrt(_squares(value - mean for value in values) / (len(values) - 1))


def _squares(values: Iterable[float]) -> float:
    try:
        # A product that is too large is inf, where a power would be an error.
        return math.fsum(value * value for value in values)
    except OverflowError:
        return math.inf


def _ratio(mean: float, deviation: float) -> float:
    if deviation > 0:
        return mean / deviation
    return math.copysign(math.inf, mean) if mean else math.nan


def _wealth(returns: Iterable[float]) -> float:
    return _curve(returns)[-1]


def _curve(returns: Iterable[float]) -> list[float]:
    curve = [1.0]
    for value in returns:
        curve.append(max(curve[-1] * (1 + value), 0.0))
    return curve


def _calmar(growth: float, deepest: float) -> float:
    return growth / -deepest if deepest < 0 else math.nan

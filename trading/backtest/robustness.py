"""How much of a backtest is luck: its returns in another order, and its parameters a little off.

Both tests are seeded and free of I/O. They do not say whether a strategy will earn money; they say how far
its figures would have been from what they are, had a few things come differently.
"""

from __future__ import annotations

import math
import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass, fields, replace
from typing import NamedTuple

from trading.backtest.results import BacktestResult, PortfolioResult
from trading.errors import TradingError
from trading.performance import max_drawdown, returns_of, sharpe
from trading.signals.params import Params

__all__ = ["Perturbed", "Quantiles", "Shuffled", "perturbed", "quantiles", "shuffled"]

SHARES = (0.05, 0.5, 0.95)

WINDOWS = ("fast", "slow", "rsi", "momentum", "volatility")
LEVELS = ("entry", "exit", "min_confidence", "trend_share", "momentum_share", "rsi_share")


class Quantiles(NamedTuple):
    """What 5 %, half and 95 % of the outcomes stay below."""

    low: float
    middle: float
    high: float


@dataclass(frozen=True, kw_only=True)
class Shuffled:
    """A backtest whose returns had come in another order, many times."""

    runs: int
    total_return: Quantiles
    max_drawdown: Quantiles
    """Negative; `low` is the bad end."""
    sharpe: Quantiles
    losing: float
    """Share of the runs that ended below where they began."""


@dataclass(frozen=True, kw_only=True)
class Perturbed:
    """A backtest with parameters a little off, many times."""

    runs: int
    share: float
    """By how much each parameter was changed at most."""
    original: float
    """Sharpe ratio with the parameters as they are."""
    sharpe: Quantiles
    worse_than_half: float
    """Share of the neighbours with less than half the Sharpe ratio: a peak instead of a plateau."""


def shuffled(
    result: BacktestResult | PortfolioResult, *, runs: int = 1000, seed: int = 0, block: int = 10
) -> Shuffled | None:
    """Return what would have come of the same returns drawn again, in blocks; `None` with too few of them.

    Blocks of neighbouring returns are drawn with replacement, so that calm and rough stretches stay what
    they are (moving block bootstrap).

    Args:
        result: A backtest.
        runs: How many times.
        seed: The same one gives the same outcome.
        block: Returns that stay together.

    Source: Künsch, "The jackknife and the bootstrap for general stationary observations", 1989.
    """
    returns = returns_of([result.cash, *result.equity])
    returns = [value for value in returns if math.isfinite(value)]
    if len(returns) < 2 * block:
        return None
    dice = random.Random(seed)
    totals, falls, sharpes = [], [], []
    for _ in range(runs):
        drawn: list[float] = []
        while len(drawn) < len(returns):
            first = dice.randrange(len(returns) - block + 1)
            drawn += returns[first : first + block]
        del drawn[len(returns) :]
        curve = [1.0]
        for value in drawn:
            curve.append(curve[-1] * (1 + value))
        totals.append(curve[-1] - 1)
        falls.append(max_drawdown(curve))
        sharpes.append(sharpe(drawn, periods_per_year=result.periods_per_year))
    return Shuffled(
        runs=runs,
        total_return=quantiles(totals),
        max_drawdown=quantiles(falls),
        sharpe=quantiles(sharpes),
        losing=sum(total < 0 for total in totals) / runs,
    )


def perturbed(
    params: Params,
    scored: Callable[[Params], float],
    *,
    runs: int = 30,
    share: float = 0.1,
    seed: int = 0,
    told: Callable[[int], None] = lambda done: None,
) -> Perturbed:
    """Return how the Sharpe ratio moves when every parameter is moved by up to a share of itself.

    Args:
        params: The ones in question.
        scored: Returns the Sharpe ratio that parameters have; `nan` counts as 0 (they never traded).
        runs: How many neighbours are tried.
        share: How far each parameter is moved at most, a fraction; windows by one bar at least.
        seed: The same one gives the same neighbours.
        told: Called after each neighbour with how many are done.
    """
    dice = random.Random(seed)
    original = scored(params)
    scores = []
    for done in range(runs):
        score = scored(_neighbour(params, dice, share))
        scores.append(score if math.isfinite(score) else 0.0)
        told(done + 1)
    half = original / 2 if math.isfinite(original) and original > 0 else 0.0
    return Perturbed(
        runs=runs,
        share=share,
        original=original,
        sharpe=quantiles(scores),
        worse_than_half=sum(score < half for score in scores) / runs if runs else math.nan,
    )


def quantiles(values: Sequence[float]) -> Quantiles:
    """Return the 5 %, 50 % and 95 % points, straight lines between the values; `nan` of nothing."""
    ranked = sorted(value for value in values if not math.isnan(value))
    if not ranked:
        return Quantiles(math.nan, math.nan, math.nan)
    found = []
    for share in SHARES:
        place = share * (len(ranked) - 1)
        below = math.floor(place)
        above = min(below + 1, len(ranked) - 1)
        found.append(ranked[below] + (place - below) * (ranked[above] - ranked[below]))
    return Quantiles(*found)


def _neighbour(params: Params, dice: random.Random, share: float) -> Params:
    """Return parameters that are a little off, and still fit together."""
    names = {each.name for each in fields(params)}
    for _ in range(100):
        changed: dict[str, float | int] = {}
        for name in WINDOWS:
            value = getattr(params, name)
            reach = max(round(value * share), 1)
            changed[name] = max(value + dice.randint(-reach, reach), 2)
        for name in LEVELS:
            value = getattr(params, name)
            changed[name] = value + dice.uniform(-1, 1) * share * (abs(value) or 1.0)
        changed["min_confidence"] = min(max(changed["min_confidence"], 0.0), 1.0)
        try:
            return replace(params, **{key: value for key, value in changed.items() if key in names})  # type: ignore[arg-type]
        except TradingError:
            continue
    raise TradingError("parameters with no neighbours that fit together: take a smaller share.")

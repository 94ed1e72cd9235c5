"""Gates: what stops a buy. They keep risk out and never in: a sell passes all of them.

In this order, and the first that stops a buy is the one it is told by:

| gate | stops a buy when | value | threshold |
|---|---|---|---|
| `halted` | the price stood still: no range, no change | bars in a row | `halted_bars` |
| `regime` | the market is of a kind in `closed_regimes` | the figure that makes it so | its bound |
| `confidence` | it is below the least | confidence | `min_confidence` |
| `volatility` | the symbol's annualised volatility is above the highest | volatility | `max_volatility` |
| `correlation` | its returns go along with a held or just bought symbol's | correlation | `max_correlation` |

A halted share keeps the RSI it had when trading stopped, and its volatility falls to nothing while it stands:
it must look neither oversold nor calm.
"""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Iterable
from operator import mul

from trading.regime import MarketState
from trading.signals.maps import Reading
from trading.signals.params import Params

__all__ = ["Correlations", "Stop", "stop_of"]

Stop = tuple[str, float, float]
"""(filter, value, threshold)."""


def stop_of(
    reading: Reading, confidence: float, still: int, market: MarketState | None, params: Params
) -> Stop | None:
    """Return the gate that stops a buy on its own figures, or `None`; correlation is asked apart.

    Args:
        reading: The symbol's score and figures.
        confidence: Of the buy.
        still: Bars in a row without any movement.
        market: The market's state.
        params: Those that hold in this regime.
    """
    if still >= params.halted_bars:
        return "halted", float(still), float(params.halted_bars)
    if market is not None and market.regime in params.closed_regimes:
        return _regime_stop(market, params)
    if confidence < params.min_confidence:
        return "confidence", confidence, params.min_confidence
    volatility = reading.volatility * math.sqrt(params.periods_per_year)
    if volatility > params.max_volatility:
        return "volatility", volatility, params.max_volatility
    return None


def _regime_stop(market: MarketState, params: Params) -> Stop:
    rules = params.market
    if market.regime == "volatile":
        return "regime", market.volatility, rules.calm_below
    return "regime", market.trend, rules.band if market.regime == "bull" else -rules.band


class Correlations:
    """The last returns of each symbol, session by session, and how two of them go along."""

    def __init__(self, symbols: Iterable[str], window: int, least: int) -> None:
        """Keep `window` sessions; tell no correlation from fewer than `least` common returns."""
        self._returns: dict[str, deque[float]] = {
            symbol: deque([math.nan] * window, maxlen=window) for symbol in symbols
        }
        self._least = least
        self._centred: dict[str, tuple[list[float], float] | None] = {}

    def add(self, returns: dict[str, float]) -> None:
        """Take in one session: the return of each symbol that has one; all others have none."""
        self._centred.clear()
        for symbol, kept in self._returns.items():
            kept.append(returns.get(symbol, math.nan))

    def highest_first(self, symbol: str, others: Iterable[str], most: float) -> float | None:
        """Return the first correlation with one of `others` that is above `most`, or `None`."""
        if most < 1:
            for other in others:
                value = self.between(symbol, other)
                if value > most:
                    return value
        return None

    def between(self, one: str, other: str) -> float:
        """Return the correlation of two symbols over their common sessions, or `nan` when those are few."""
        if one > other:
            one, other = other, one
        left, right = self._whole(one), self._whole(other)
        if left is None or right is None:
            return self._over_common(one, other)
        size = left[1] * right[1]
        return sum(map(mul, left[0], right[0])) / size if size > 0 else math.nan

    def _whole(self, symbol: str) -> tuple[list[float], float] | None:
        """Return the symbol's returns less their mean, and their length; `None` if a session is missing."""
        if symbol not in self._centred:
            returns = self._returns.get(symbol)
            total = math.fsum(returns) if returns is not None else math.nan
            self._centred[symbol] = None if returns is None or math.isnan(total) else _centred(list(returns))
        return self._centred[symbol]

    def _over_common(self, one: str, other: str) -> float:
        pairs = [
            (left, right)
            for left, right in zip(self._returns.get(one, ()), self._returns.get(other, ()), strict=False)
            if not math.isnan(left + right)
        ]
        if len(pairs) < self._least:
            return math.nan
        left, right = _centred([pair[0] for pair in pairs]), _centred([pair[1] for pair in pairs])
        size = left[1] * right[1]
        return sum(map(mul, left[0], right[0])) / size if size > 0 else math.nan


def _centred(values: list[float]) -> tuple[list[float], float]:
    mean = math.fsum(values) / len(values)
    centred = [value - mean for value in values]
    return centred, math.sqrt(math.fsum(map(mul, centred, centred)))

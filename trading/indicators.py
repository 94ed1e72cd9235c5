"""Indicators, one update for each bar; the same update serves live trading and history.

Edge rules, which libraries do not agree on:

* Nothing is known before the window is full: `nan`.
* A close that is no price (not finite, or beyond 1e100) is skipped: `nan` for that bar, and the window is as
  if it had not been.
* RSI of a flat price is 50, of a price that only rose 100, that only fell 0.
* A return from a price of 0 does not exist: `nan` while it stands in the window.

Windows are summed anew at each bar, exactly: a running sum drifts, and one huge price would stay in it for
ever. It costs a microsecond for 60 closes.
"""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Iterable
from typing import Protocol

__all__ = [
    "Ema",
    "Indicator",
    "Momentum",
    "Rsi",
    "Sma",
    "Volatility",
    "ema",
    "momentum",
    "rsi",
    "sma",
    "volatility",
]

LARGEST = 1e100
"""No price is larger; below it no sum can overflow."""


class Indicator(Protocol):
    """A number that follows the closes."""

    def update(self, close: float) -> float:
        """Take in the close of one more bar and return the value at that bar, or `nan`."""


def sma(closes: Iterable[float], n: int) -> list[float]:
    """Return the mean of the last `n` closes, at each bar; first value at bar n-1."""
    return _over(closes, Sma(n))


def ema(closes: Iterable[float], n: int) -> list[float]:
    """Return the exponential mean with α = 2/(n+1), seeded with the mean of the first `n` closes."""
    return _over(closes, Ema(n))


def rsi(closes: Iterable[float], n: int = 14) -> list[float]:
    """Return Wilder's relative strength index, 0..100; first value at bar n.

    Source: J. Welles Wilder, "New Concepts in Technical Trading Systems", 1978.
    """
    return _over(closes, Rsi(n))


def momentum(closes: Iterable[float], n: int) -> list[float]:
    """Return the rate of change over `n` bars in percent; first value at bar n."""
    return _over(closes, Momentum(n))


def volatility(closes: Iterable[float], n: int, *, periods_per_year: float = 252) -> list[float]:
    """Return the annualised deviation of the last `n` simple returns, a fraction; first value at bar n.

    Args:
        closes: Prices, oldest first.
        n: Returns in the window, at least 2 (the deviation is the sample's, ddof 1).
        periods_per_year: Bars in a year: 252 for shares by day, 365 for coins by day.
    """
    return _over(closes, Volatility(n, periods_per_year=periods_per_year))


class Sma:
    """Mean of the last `n` closes."""

    def __init__(self, n: int) -> None:
        self._n = _window(n)
        self._closes: deque[float] = deque(maxlen=n)

    def update(self, close: float) -> float:
        """Take in one more close."""
        if not -LARGEST < close < LARGEST:
            return math.nan
        closes = self._closes
        closes.append(close)
        return math.fsum(closes) / self._n if len(closes) == self._n else math.nan


class Ema:
    """Exponential mean, α = 2/(n+1)."""

    def __init__(self, n: int) -> None:
        self._alpha = 2 / (_window(n) + 1)
        self._seed = Sma(n)
        self._value = math.nan

    def update(self, close: float) -> float:
        """Take in one more close."""
        if not -LARGEST < close < LARGEST:
            return math.nan
        if math.isnan(self._value):
            self._value = self._seed.update(close)
        else:
            self._value += self._alpha * (close - self._value)
        return self._value


class Rsi:
    """Wilder's index of rises against falls."""

    def __init__(self, n: int = 14) -> None:
        self._n = _window(n)
        self._seen = 0
        self._last = math.nan
        self._gain = 0.0
        self._loss = 0.0

    def update(self, close: float) -> float:
        """Take in one more close."""
        if not -LARGEST < close < LARGEST:
            return math.nan
        change = close - self._last
        self._last = close
        if change != change:
            return math.nan
        # The first n changes make a plain mean, which is what this weight gives.
        n = self._seen = min(self._seen + 1, self._n)
        gain, loss = self._gain, self._loss
        self._gain = gain = gain + ((change if change > 0 else 0.0) - gain) / n
        self._loss = loss = loss + ((-change if change < 0 else 0.0) - loss) / n
        if n < self._n:
            return math.nan
        return 100 * gain / (gain + loss) if gain or loss else 50.0


class Momentum:
    """Rate of change over `n` bars, in percent."""

    def __init__(self, n: int) -> None:
        self._size = _window(n) + 1
        self._closes: deque[float] = deque(maxlen=self._size)

    def update(self, close: float) -> float:
        """Take in one more close."""
        if not -LARGEST < close < LARGEST:
            return math.nan
        closes = self._closes
        closes.append(close)
        first = closes[0]
        return 100 * (close / first - 1) if len(closes) == self._size and first != 0 else math.nan


class Volatility:
    """Annualised sample deviation of the last `n` simple returns."""

    def __init__(self, n: int, *, periods_per_year: float = 252) -> None:
        if n < 2:
            raise ValueError(f"n = {n} returns have no sample deviation: use 2 or more")
        self._n = n
        self._returns: deque[float] = deque(maxlen=n)
        self._scale = math.sqrt(periods_per_year)
        self._last = math.nan

    def update(self, close: float) -> float:
        """Take in one more close."""
        if not -LARGEST < close < LARGEST:
            return math.nan
        last, self._last = self._last, close
        if last != last:
            return math.nan
        returns, n = self._returns, self._n
        change = close / last - 1 if last != 0 else math.nan
        returns.append(change if change < math.inf else math.nan)
        if len(returns) < n:
            return math.nan
        mean = math.fsum(returns) / n
        # The mean square less the squared mean would lose what a small deviation is made of.
        return self._scale * math.dist(returns, (mean,) * n) / math.sqrt(n - 1)


def _over(closes: Iterable[float], indicator: Indicator) -> list[float]:
    return [indicator.update(float(close)) for close in closes]


def _window(n: int) -> int:
    if n < 1:
        raise ValueError(f"n = {n} bars make no window: use 1 or more")
    return n

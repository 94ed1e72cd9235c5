"""Strategies: bars in, signals out. No orders, no clock, no logging.

A strategy sees each bar once, in order, and may only remember what it saw.
"""

from __future__ import annotations

import math
from typing import Literal, Protocol

from trading.bars import Bar
from trading.indicators import Momentum, Rsi, Sma, Volatility
from trading.signals.signal import Signal

__all__ = [
    "Grid",
    "MeanReversion",
    "MomentumEntry",
    "Quiet",
    "SmaCross",
    "Strategy",
    "filtered_by",
    "sma_cross",
]


class Strategy(Protocol):
    """A rule that trades one symbol."""

    def on_bar(self, bar: Bar, held: float) -> Signal | None:
        """Take in one more complete bar.

        Args:
            bar: The bar.
            held: Units held now.
        """


def filtered_by(signal: Signal, *, confidence: float, volatility: float) -> tuple[str, float, float] | None:
    """Return the gate that stops a signal as (filter, value, threshold), or `None`.

    Args:
        signal: The signal.
        confidence: The least confidence that passes.
        volatility: The largest deviation of a bar's return at which a position may be opened.
    """
    if signal.confidence < confidence:
        return "confidence", signal.confidence, confidence
    if signal.action == "buy" and signal.volatility is not None and signal.volatility > volatility:
        return "volatility", signal.volatility, volatility
    return None


class MomentumEntry:
    """Buys strength while flat; the trailing stop sells."""

    def __init__(self, window: int = 10, threshold: float = 0.4) -> None:
        """Watch the rate of change over `window` bars; `threshold` is in percent."""
        self._momentum = Momentum(window)
        self._mean = Sma(20)
        self._rsi = Rsi(14)
        self._volatility = Volatility(20, periods_per_year=1)
        self._threshold = threshold
        self._was_strong = False

    def on_bar(self, bar: Bar, held: float) -> Signal | None:
        """Take in one more bar; a signal comes when strength begins, not on each bar of it."""
        close = bar.close
        change, mean = self._momentum.update(close), self._mean.update(close)
        strength, deviation = self._rsi.update(close), self._volatility.update(close)
        if math.isnan(deviation):
            return None
        is_strong = change > self._threshold and close > mean
        is_news, self._was_strong = is_strong and not self._was_strong, is_strong
        if not is_news or held > 0:
            return None
        return Signal(
            action="buy",
            confidence=_confidence(0.5 + change / 3),
            reason=f"up {change:.2f} % in 10 minutes",
            rsi=round(strength, 2),
            ma_ratio=round(close / mean - 1, 6),
            momentum=round(change / 100, 6),
            volatility=round(deviation, 6),
        )


class MeanReversion:
    """Buys a price far below its mean and sells it at the mean."""

    def __init__(self, *, entry: float = 0.3, oversold: float = 49.0) -> None:
        """Speak up `entry` deviations (of a 20-bar move) below the mean, with the RSI under `oversold`."""
        self._mean = Sma(20)
        self._rsi = Rsi(14)
        self._volatility = Volatility(20, periods_per_year=20)
        self._entry = entry
        self._oversold = oversold

    def on_bar(self, bar: Bar, held: float) -> Signal | None:
        """Take in one more bar."""
        close = bar.close
        mean, strength = self._mean.update(close), self._rsi.update(close)
        deviation = self._volatility.update(close)
        if math.isnan(deviation) or deviation == 0:
            return None
        ratio = close / mean - 1
        score = -ratio / deviation
        if held > 0 and ratio >= 0:
            action: Literal["buy", "sell"] = "sell"
            confidence, reason = 0.82, "mean reached"
        elif held == 0 and score > self._entry and strength < self._oversold:
            action = "buy"
            confidence, reason = _confidence(0.4 + score / 2), f"{score:.2f} deviations below the mean"
        else:
            return None
        return Signal(
            action=action,
            confidence=confidence,
            reason=reason,
            rsi=round(strength, 2),
            ma_ratio=round(ratio, 6),
            volatility=round(deviation / math.sqrt(20), 6),
        )


class Grid:
    """Buys a unit at each line the price falls through and sells one at each it rises through."""

    def __init__(self, step: float = 0.002, least: float = 0.0) -> None:
        """Draw lines `step` (a fraction) apart; never sell below `least` units."""
        self._step = step
        self._least = least
        self._line: float | None = None

    def on_bar(self, bar: Bar, held: float) -> Signal | None:
        """Take in one more bar."""
        if self._line is None:
            self._line = bar.close
            return None
        if bar.close <= self._line * (1 - self._step):
            self._line = bar.close
            return Signal("buy", 0.75, "line crossed downwards", price=bar.close)
        if bar.close >= self._line * (1 + self._step):
            self._line = bar.close
            if held > self._least:
                return Signal("sell", 0.75, "line crossed upwards", price=bar.close)
        return None


def sma_cross(fast: int, slow: int) -> SmaCross:
    """Return a rule that buys when the fast mean crosses above the slow one and sells when it crosses below.

    Args:
        fast: Bars of the fast mean.
        slow: Bars of the slow mean, more than `fast`.
    """
    return SmaCross(fast, slow)


class SmaCross:
    """Two moving averages of the close; speaks on the bar at which they have crossed."""

    def __init__(self, fast: int, slow: int) -> None:
        if not 0 < fast < slow:
            raise ValueError(f"sma_cross({fast}, {slow}): the fast mean must be shorter than the slow one")
        self._fast = Sma(fast)
        self._slow = Sma(slow)
        self._above: bool | None = None

    def on_bar(self, bar: Bar, held: float) -> Signal | None:
        """Take in one more bar; means that only touch have not crossed."""
        fast, slow = self._fast.update(bar.close), self._slow.update(bar.close)
        if math.isnan(slow) or fast == slow:
            return None
        was_above, self._above = self._above, fast > slow
        if was_above is None or was_above == self._above:
            return None
        action: Literal["buy", "sell"] = "buy" if self._above else "sell"
        word = "above" if self._above else "below"
        return Signal(action, 1.0, f"fast mean crossed {word} the slow one", ma_ratio=fast / slow - 1)


class Quiet:
    """Never speaks: for a bot whose signals come from an agent."""

    def on_bar(self, bar: Bar, held: float) -> Signal | None:
        """Take in one more bar."""
        return None


def _confidence(value: float) -> float:
    return round(min(max(value, 0.0), 0.99), 2)

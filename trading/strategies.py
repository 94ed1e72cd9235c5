"""Strategies: bars in, signals out. No orders, no clock, no logging.

A strategy sees each bar once, in order, and may only remember what it saw.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace
from typing import Literal, Protocol

from trading.bars import Bar
from trading.indicators import Momentum, Rsi, Sma, Volatility
from trading.signals.engine import SignalEngine
from trading.signals.params import Params
from trading.signals.signal import Signal

__all__ = [
    "Combined",
    "Grid",
    "MapsRule",
    "MeanReversion",
    "MomentumEntry",
    "Quiet",
    "SmaCross",
    "Strategy",
    "combined",
    "filtered_by",
    "maps",
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
        # Two means of one flat price may differ in their last digit.
        if math.isnan(slow) or math.isclose(fast, slow, rel_tol=1e-12):
            return None
        was_above, self._above = self._above, fast > slow
        if was_above is None or was_above == self._above:
            return None
        action: Literal["buy", "sell"] = "buy" if self._above else "sell"
        word = "above" if self._above else "below"
        return Signal(action, 1.0, f"fast mean crossed {word} the slow one", ma_ratio=fast / slow - 1)


def maps(params: Params | None = None) -> MapsRule:
    """Return the signal engine's rule for one symbol: bought and sold by its score, through the same gates.

    Args:
        params: Of the engine; `None` for the defaults. Weights play no part: the position is all or nothing.
    """
    return MapsRule(params or Params())


class MapsRule:
    """The signal engine with one symbol."""

    def __init__(self, params: Params) -> None:
        # Named, so that a regime by that symbol's own closes is told too.
        self._symbol = params.market_symbol or "it"
        self._engine = SignalEngine(params, [self._symbol])

    def on_bar(self, bar: Bar, held: float) -> Signal | None:
        """Take in one more bar; the time of each must be later than the one before."""
        verdict = self._engine.on_session(bar.time, {self._symbol: bar}, {self._symbol: held})
        for signal in verdict.signals:
            if signal.action != "hold":
                return replace(signal, symbol="", weight=None)
        return None


def combined(rules: Sequence[Strategy], *, least: float = 0.5) -> Combined:
    """Return a rule that holds while more than a share of several rules would hold.

    Args:
        rules: Those that are asked; none of them may be used elsewhere.
        least: The share that must be passed: 0.5 asks for a majority, 0 for any of them.
    """
    return Combined(rules, least)


class Combined:
    """Several rules that vote; each is told that it holds what it alone would hold."""

    def __init__(self, rules: Sequence[Strategy], least: float) -> None:
        if not rules:
            raise ValueError("combined() has no rules: give it one or more")
        if not 0 <= least < 1:
            raise ValueError(f"least = {least}: use 0 or more and less than 1")
        self._rules = list(rules)
        self._least = least
        self._sure: list[float | None] = [None] * len(rules)

    def on_bar(self, bar: Bar, held: float) -> Signal | None:
        """Take in one more bar; a buy is as sure as those who hold were, a sell as many as do not hold."""
        for index, rule in enumerate(self._rules):
            signal = rule.on_bar(bar, 0.0 if self._sure[index] is None else 1.0)
            if signal is not None and signal.action != "hold":
                self._sure[index] = signal.confidence if signal.action == "buy" else None
        sure = [each for each in self._sure if each is not None]
        votes, all_votes = len(sure), len(self._rules)
        is_wanted = votes > self._least * all_votes
        if is_wanted == (held > 0):
            return None
        reason = f"{votes} of {all_votes} rules hold"
        if is_wanted:
            return Signal("buy", math.fsum(sure) / votes, reason, close=bar.close)
        return Signal("sell", 1 - votes / all_votes, reason, close=bar.close)


class Quiet:
    """Never speaks: for a bot whose signals come from an agent."""

    def on_bar(self, bar: Bar, held: float) -> Signal | None:
        """Take in one more bar."""
        return None


def _confidence(value: float) -> float:
    return round(min(max(value, 0.0), 0.99), 2)

"""The kind of market: bull, bear, sideways or volatile, told by rules on its closes so far.

Rules, in this order (risk first):

* *volatile*: the 20-bar volatility reached `volatile_from`, and has not fallen below `calm_below` since.
* *bull*: the close is more than `band` above its mean and momentum is positive; it ends when either turns.
* *bear*: the close is more than `band` below its mean and momentum is negative; it ends when either turns.
* *sideways*: none of these.

So that the word does not flap, volatility and trend each have one threshold to enter and another to leave,
and a new kind must be seen `confirm` bars in a row; only *volatile* counts at once. One update for each bar:
nothing is smoothed backwards, so what was said of a day never changes later.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal, NamedTuple

from trading.errors import TradingError
from trading.indicators import Momentum, Sma, Volatility

__all__ = ["REGIMES", "MarketState", "Regime", "RegimeRules", "Regimes"]

Regime = Literal["bull", "bear", "sideways", "volatile"]

REGIMES: tuple[Regime, ...] = ("bull", "bear", "sideways", "volatile")


class MarketState(NamedTuple):
    """The kind of market after a bar, and the figures behind it."""

    regime: Regime
    trend: float
    """Close over its mean, minus 1."""
    momentum: float
    """Rate of change, a fraction."""
    volatility: float
    """Annualised, a fraction."""


@dataclass(frozen=True)
class RegimeRules:
    """Windows and thresholds of the kinds of market."""

    trend: int = 120
    """Bars in the mean that the close is compared with."""
    momentum: int = 60
    """Bars over which the rate of change is taken."""
    volatility: int = 20
    """Returns in the volatility."""
    band: float = 0.01
    """How far from its mean the close must be for a trend to begin, a fraction."""
    volatile_from: float = 0.20
    """Annualised volatility at which a market becomes volatile."""
    calm_below: float = 0.18
    """Annualised volatility under which it no longer is."""
    confirm: int = 3
    """Bars in a row that must say a new kind before it counts."""
    periods_per_year: float = 252.0
    """Bars in a year; left out of a file, what the parameters say."""

    def __post_init__(self) -> None:
        for name in ("trend", "momentum", "confirm"):
            if getattr(self, name) < 1:
                raise TradingError(f"market.{name} = {getattr(self, name)}: use 1 bar or more.")
        if self.volatility < 2:
            raise TradingError(f"market.volatility = {self.volatility}: use 2 bars or more.")
        if not 0 < self.calm_below <= self.volatile_from:
            raise TradingError(
                f"market.calm_below = {self.calm_below} and market.volatile_from = {self.volatile_from}: "
                "write 0 < calm_below <= volatile_from."
            )
        if not (self.band >= 0 and self.periods_per_year > 0):
            raise TradingError(
                f"market.band = {self.band}, market.periods_per_year = {self.periods_per_year}: "
                "the band is 0 or more, a year has more than 0 bars."
            )


class Regimes:
    """Follows one series of closes."""

    def __init__(self, rules: RegimeRules | None = None) -> None:
        self._rules = rules or RegimeRules()
        self._mean = Sma(self._rules.trend)
        self._momentum = Momentum(self._rules.momentum)
        self._volatility = Volatility(self._rules.volatility, periods_per_year=self._rules.periods_per_year)
        self._pending: Regime | None = None
        self._pending_bars = 0
        self.state: MarketState | None = None
        """The newest state; `None` until the windows are full."""

    def update(self, close: float) -> MarketState | None:
        """Take in the close of one more bar and return the state of the market after it.

        A close that is no positive number is skipped: the state stays as it was.
        """
        if not (math.isfinite(close) and close > 0):
            return self.state
        mean, momentum = self._mean.update(close), self._momentum.update(close)
        volatility = self._volatility.update(close)
        if math.isnan(mean) or math.isnan(momentum) or math.isnan(volatility):
            return self.state
        trend = close / mean - 1
        regime = self._settled(self._seen(trend, momentum, volatility))
        self.state = MarketState(regime, trend, momentum / 100, volatility)
        return self.state

    def _seen(self, trend: float, momentum: float, volatility: float) -> Regime:
        rules, now = self._rules, self.state.regime if self.state else None
        if volatility >= (rules.calm_below if now == "volatile" else rules.volatile_from):
            return "volatile"
        if trend > (0.0 if now == "bull" else rules.band) and momentum > 0:
            return "bull"
        if trend < (0.0 if now == "bear" else -rules.band) and momentum < 0:
            return "bear"
        return "sideways"

    def _settled(self, seen: Regime) -> Regime:
        if self.state is None or seen == "volatile" or seen == self.state.regime:
            self._pending, self._pending_bars = None, 0
            return seen
        self._pending_bars = self._pending_bars + 1 if seen == self._pending else 1
        self._pending = seen
        if self._pending_bars < self._rules.confirm:
            return self.state.regime
        self._pending, self._pending_bars = None, 0
        return seen

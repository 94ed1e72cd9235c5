"""The MAPS score: moving averages, momentum and RSI in one number from -10 to +10.

Every part is first measured in what the symbol itself usually moves, σ = the deviation of its last returns,
so that a bond fund and a coin share one scale; then squashed to -1..1 by s(z) = z / √(1 + z²), so that
neither a bad price nor an unadjusted split can outweigh everything else:

* trend: the mean of s over both moving averages, z = (close / SMA_n - 1) / (σ √(n/3)): under a random walk
  the distance of a price from its mean over n bars deviates by σ √(n/3), so z is 1 where it is ordinary;
* momentum: s of z = ROC_n / (σ √n), for the same reason;
* RSI: (50 - RSI) / 50: among rising symbols the one that has just fallen back is the better entry, and one
  that everybody has bought already the worse.

MAPS = 10 × (trend_share · trend + momentum_share · momentum + rsi_share · RSI), the shares divided by their
sum. With the default shares the RSI gives 2 at most, and a buy needs more than 2: an oversold price alone is
no reason to buy. Where σ is 0, as with a price that stands still, there is no score but 0.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import NamedTuple, Protocol

from trading.bars import Bar
from trading.indicators import Momentum, Rsi, Sma, Volatility
from trading.signals.params import Params, ParamsError

__all__ = ["SCORES", "Maps", "Reading", "Reversal", "Score", "confidence_of", "score_of"]

FULL = 10.0
"""Largest score."""
LEAST = 1e-9
"""A deviation below it is no movement but the last digits of equal closes."""


class Reading(NamedTuple):
    """A score and what it was made from."""

    score: float
    """-10..10; above 0 speaks for holding the symbol."""
    rsi: float
    ma_ratio: float
    """Close over its longer mean, minus 1."""
    momentum: float
    """Rate of change, a fraction."""
    volatility: float
    """Deviation of one bar's return, a fraction."""


class Score(Protocol):
    """A number that follows the bars of one symbol."""

    def update(self, bar: Bar) -> Reading | None:
        """Take in one more bar and return the score after it, or `None` while bars are too few."""


class Maps:
    """The score named `maps`."""

    def __init__(self, params: Params) -> None:
        self._fast, self._slow = Sma(params.fast), Sma(params.slow)
        self._rsi, self._momentum = Rsi(params.rsi), Momentum(params.momentum)
        self._volatility = Volatility(params.volatility, periods_per_year=1)
        self._fast_root = math.sqrt(params.fast / 3)
        self._slow_root = math.sqrt(params.slow / 3)
        self._momentum_root = math.sqrt(params.momentum)
        scale = FULL / (params.trend_share + params.momentum_share + params.rsi_share)
        self._trend_points = params.trend_share * scale / 2
        self._momentum_points = params.momentum_share * scale
        self._rsi_points = params.rsi_share * scale

    def update(self, bar: Bar) -> Reading | None:
        """Take in one more bar and return the score after it."""
        close = bar.close
        fast, slow = self._fast.update(close), self._slow.update(close)
        strength, change = self._rsi.update(close), self._momentum.update(close) / 100
        sigma = self._volatility.update(close)
        # A sum is finite only if all its terms are. A mean of 0 needs closes that are no prices.
        if not math.isfinite(fast + slow + strength + change + sigma) or fast == 0 or slow == 0:
            return None
        ratio = close / slow - 1
        if sigma < LEAST:
            return Reading(0.0, strength, ratio, change, sigma)
        score = (
            self._trend_points * _squashed((close / fast - 1) / (sigma * self._fast_root))
            + self._trend_points * _squashed(ratio / (sigma * self._slow_root))
            + self._momentum_points * _squashed(change / (sigma * self._momentum_root))
            + self._rsi_points * (50 - strength) / 50
        )
        return Reading(score, strength, ratio, change, sigma)


class Reversal:
    """The score named `reversal`: while the longer trend is up, a price under its shorter mean comes back.

    10 × s(z) of the distance below the shorter mean, z as for the trend of `maps`, while the close is above
    its longer mean; below that mean the score is -10: a falling price is not cheap.
    """

    def __init__(self, params: Params) -> None:
        self._fast, self._slow = Sma(params.fast), Sma(params.slow)
        self._rsi, self._momentum = Rsi(params.rsi), Momentum(params.momentum)
        self._volatility = Volatility(params.volatility, periods_per_year=1)
        self._root = math.sqrt(params.fast / 3)

    def update(self, bar: Bar) -> Reading | None:
        """Take in one more bar and return the score after it."""
        close = bar.close
        fast, slow = self._fast.update(close), self._slow.update(close)
        strength, change = self._rsi.update(close), self._momentum.update(close) / 100
        sigma = self._volatility.update(close)
        if not math.isfinite(fast + slow + strength + change + sigma) or fast == 0 or slow == 0:
            return None
        ratio = close / slow - 1
        if sigma < LEAST:
            score = 0.0
        elif ratio < 0:
            score = -FULL
        else:
            score = FULL * _squashed((1 - close / fast) / (sigma * self._root))
        return Reading(score, strength, ratio, change, sigma)


SCORES: dict[str, Callable[[Params], Score]] = {"maps": Maps, "reversal": Reversal}
"""Every score by its name; `score` in the parameters picks one. Packages add theirs as entry points."""

ENTRY_POINTS = "trading.scores"
"""Group of the entry points: a name, and what makes a `Score` from `Params`."""


def score_of(params: Params) -> Score:
    """Return a new score for one symbol; names joined by `+`, as in `maps+reversal`, make their mean.

    Raises:
        ParamsError: If there is no score of that name.
    """
    makers = [_maker(name) for name in params.score.split("+")]
    return makers[0](params) if len(makers) == 1 else _Mean([make(params) for make in makers])


def _maker(name: str) -> Callable[[Params], Score]:
    if name not in SCORES:
        # Takes 30 ms, which a run with the scores of the house need not spend.
        from importlib.metadata import entry_points

        found = tuple(entry_points(group=ENTRY_POINTS, name=name))
        if not found:
            known = sorted({*SCORES, *entry_points(group=ENTRY_POINTS).names})
            raise ParamsError(f"score = {name!r} is unknown: known are {', '.join(known)}.")
        SCORES[name] = found[0].load()
    return SCORES[name]


class _Mean:
    """The mean of several scores; the other figures are the first one's."""

    def __init__(self, scores: list[Score]) -> None:
        self._scores = scores

    def update(self, bar: Bar) -> Reading | None:
        readings = [score.update(bar) for score in self._scores]
        known = [reading for reading in readings if reading is not None]
        if len(known) < len(readings):
            return None
        return known[0]._replace(score=math.fsum(reading.score for reading in known) / len(known))


def confidence_of(score: float) -> float:
    """Return how sure a score is that the symbol should be held, 0..1.

    0.5 says nothing either way, 1 that every part is at its best, 0 at its worst; it rises with the score,
    evenly: 0.5 + score / 20. A sell is as sure as holding is not. It ranks signals; it is no probability.
    """
    return min(max(0.5 + score / (2 * FULL), 0.0), 1.0)


def _squashed(value: float) -> float:
    # Farther out the square would overflow, and the result is 1 to the last digit.
    return value / math.sqrt(1 + value * value) if -1e9 < value < 1e9 else math.copysign(1.0, value)

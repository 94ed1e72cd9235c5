"""Bursts: a sudden rise of what used to be seldom.

The usual rate is an exponentially weighted mean of the minutes before, robust because a minute counts at most
a few times what is usual; how rare the present count is comes from the Poisson tail, widened by how unevenly
the past came. Small counts never alarm. Pure functions of minute counts.
"""

from __future__ import annotations

import math
from collections.abc import Mapping

import msgspec

from obs.series import MINUTE_NS

__all__ = ["Spike", "poisson_tail", "spike"]

WINDOW = 5
"""Minutes whose count is judged."""
LEAST_HISTORY = 30
"""Minutes that must lie before them: a start is no spike."""
HALF_LIFE = 60.0
"""Minutes after which the past weighs half."""
LEAST_COUNT = 12
LEAST_RATIO = 4.0
"""So many times the usual, at least: twice a small number is nothing to wake a person for."""
TAIL = 1e-7
"""A few hundred series looked at each minute of a month are 10^7 looks: one false alarm a month."""
CLIP = 4.0


class Spike(msgspec.Struct, frozen=True):
    """A burst against what was usual before."""

    count: int
    """Occurrences in the last `WINDOW` minutes."""
    expected: float
    """Usual number in as many minutes."""
    began: int
    """Unix ns: the first minute of the window that lies above the usual."""


def spike(minutes: Mapping[int, int], now: int, since: int) -> Spike | None:
    """Return the burst that goes on at `now`, or None.

    Args:
        minutes: Minute since 1970 -> occurrences.
        now: Unix ns.
        since: Unix ns from which on the bot was watched; minutes without an entry after it counted zero.
    """
    last = now // MINUTE_NS
    begin = max(since // MINUTE_NS, last - 1_440)
    window = [minutes.get(minute, 0) for minute in range(last - WINDOW + 1, last + 1)]
    count = sum(window)
    if count < LEAST_COUNT or last - WINDOW + 1 - begin < LEAST_HISTORY:
        return None
    history = [minutes.get(minute, 0) for minute in range(begin, last - WINDOW + 1)]
    rate = _usual(history)
    expected = rate * WINDOW
    if count < LEAST_RATIO * max(expected, 1.0):
        return None
    # What came in clumps before comes in clumps again: a clump then counts as one.
    clump = max(1.0, _unevenness(history))
    # The rate itself is only known from so many occurrences; take the upper end of it.
    seen = rate * min(len(history), HALF_LIFE)
    careful = (seen + 2 * math.sqrt(seen) + 2) / min(len(history), HALF_LIFE) * WINDOW
    if poisson_tail(int(count / clump), careful / clump) > TAIL:
        return None
    first = next(i for i, n in enumerate(window) if n > max(rate * 2, 1))
    return Spike(count, expected, (last - WINDOW + 1 + first) * MINUTE_NS)


def poisson_tail(count: int, expected: float) -> float:
    """Return the chance of `count` or more where `expected` are usual.

    Each term is taken in logarithms first, so it holds for any size.
    """
    if count <= 0:
        return 1.0
    if expected <= 0:
        return 0.0
    term = math.exp(count * math.log(expected) - expected - math.lgamma(count + 1))
    total, k = 0.0, count
    while k <= expected or term > total * 1e-12:
        total += term
        k += 1
        term *= expected / k
    return min(1.0, total)


def _usual(history: list[int]) -> float:
    """The exponentially weighted mean, in which one wild minute counts a few times the usual at most."""
    weight = 1 - 0.5 ** (1 / HALF_LIFE)
    first = sorted(history[:LEAST_HISTORY])
    rate = sum(first[: max(1, len(first) * 9 // 10)]) / max(1, len(first) * 9 // 10)
    for n in history:
        rate += weight * (min(n, CLIP * max(rate, 1.0)) - rate)
    return rate


def _unevenness(history: list[int]) -> float:
    """Variance over mean of the counts in windows of the judged length: 1 for what comes independently."""
    sums = [sum(history[i : i + WINDOW]) for i in range(0, len(history) - WINDOW + 1, WINDOW)]
    mean = sum(sums) / len(sums)
    if mean == 0:
        return 1.0
    return sum((n - mean) ** 2 for n in sums) / len(sums) / mean

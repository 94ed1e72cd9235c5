"""Cash dividends that were declared: reinvested on demand, and looked for where a source may have done so.

Total return, by definition: who gets a dividend D and buys more of the share at the last close C before the
ex-day holds C / (C - D) shares for each; so all prices before the ex-day are multiplied by (C - D) / C.
Volumes stay. Dividends and prices must be in one scale: amounts per share as the source prices shares.

Whether prices hold a dividend already shows on ex-days only: an unadjusted price opens lower by the dividend,
on average, an adjusted one does not. The slope of the overnight fall over the yield is 1 for the one and 0
for the other; how well it is known follows from how much the price moves on other nights.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from datetime import date
from itertools import pairwise
from statistics import median
from typing import NamedTuple

from trading.bars import Bar
from trading.market.findings import Finding, Subject
from trading.market.splits import announced
from trading.sessions import Sessions

__all__ = ["Fall", "fall_of", "reinvested"]

BETWEEN = 0.5
"""Half-way between a price that falls by the dividend and one that does not."""
SURE = 2.0
"""So many deviations below half-way, the prices have told."""
KNOWN = 0.2
"""A slope that is not known better than that tells nothing: few or small dividends, wild nights."""

Outcome = tuple[list[Bar], list[Finding]]


class Fall(NamedTuple):
    """By how much of the dividends a price fell on the ex-days."""

    slope: float
    """1: by the whole dividend, 0: not at all."""
    error: float
    """Its standard error."""

    @property
    def is_adjusted(self) -> bool:
        """Whether the dividends are in the prices already, for sure."""
        return self.error <= KNOWN and self.slope + SURE * self.error < BETWEEN


def reinvested(
    bars: list[Bar],
    subject: Subject,
    sessions: Sessions | None,
    dividends: Mapping[date, float],
    *,
    is_wanted: bool,
) -> Outcome:
    """Return the bars with declared dividends reinvested where that is wanted, and what is odd about them.

    Args:
        bars: Oldest first, not yet adjusted for splits.
        subject: Whose.
        sessions: The market's, for the days of bars that are shorter than one.
        dividends: Ex-day → cash for one share.
        is_wanted: Whether total returns are; else the prices stay and are only looked at.
    """
    places = announced(bars, dividends, subject, sessions)
    findings = []
    yields: dict[int, float] = {}
    for index, (day, amount) in sorted(places.items()):
        before = bars[index - 1].close
        if amount < before:
            yields[index] = amount / before
            continue
        text = (
            f"a dividend of {amount:g} on {day} is declared, but a share closed at {before:g} before it. "
            "Nothing was adjusted; mend the amount: cash for one share, in the scale of these prices."
        )
        findings.append(subject.finding("dividend", "kept", [bars[index].time], text, value=amount))
    fall = fall_of(bars, yields)
    if fall is not None and fall.is_adjusted:
        times = [bars[index].time for index in yields]
        done = "Nothing was adjusted again" if is_wanted else "What is told as price return is total return"
        text = (
            f"on {len(yields)} ex-days the price fell by {fall.slope:.2f} of the dividend "
            f"(± {fall.error:.2f}): the source has them in its prices already. {done}; take its unadjusted "
            "prices, or declare none."
        )
        return bars, [*findings, subject.finding("dividend", "kept", times, text, value=fall.slope)]
    return (_multiplied(bars, yields) if is_wanted else bars), findings


def fall_of(bars: Sequence[Bar], yields: Mapping[int, float]) -> Fall | None:
    """Return by how much of the dividends the price fell; `None` where there is nothing to tell it by.

    Args:
        bars: Oldest first.
        yields: Place of the first bar without the dividend → dividend over the close before.
    """
    weight = math.fsum(each**2 for each in yields.values())
    falls = {n: math.log(before.close / bar.open) for n, (before, bar) in enumerate(pairwise(bars), 1)}
    others = [abs(fall) for n, fall in falls.items() if n not in yields]
    if not weight or not others:
        return None
    # The median of the sizes, so that splits and crashes do not make everything uncertain.
    usual = median(others) * 1.4826
    slope = math.fsum(each * falls[n] for n, each in yields.items()) / weight
    return Fall(slope, max(usual, 1e-12) / math.sqrt(weight))


def _multiplied(bars: list[Bar], yields: Mapping[int, float]) -> list[Bar]:
    if not yields:
        return bars
    factor, made = 1.0, []
    for index in range(len(bars) - 1, -1, -1):
        bar = bars[index]
        made.append(Bar._make((bar.time, *(price * factor for price in bar[1:5]), bar.volume)))
        factor *= 1 - yields.get(index, 0.0)
    return made[::-1]

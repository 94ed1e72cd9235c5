"""Rules about jumps: a split is mended, a bad print dropped, what may be a crash is kept and told.

A split changes the price of a share and the number of shares, and nothing else: the price opens at 1/n of the
last close, the *value* traded stays what it was, and the day is as calm as others. A crash comes with many
times the usual value and a wide day. Only where all three speak for a split are the bars before it divided.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from datetime import date
from itertools import pairwise
from statistics import median
from typing import NamedTuple

from trading.bars import Bar
from trading.market.findings import Finding, Subject, counted, shown
from trading.market.source import DAY_NS
from trading.market.zones import is_always_open, local_day, session_day
from trading.sessions import Sessions

__all__ = ["announced", "spikes", "split_adjusted"]

RATIOS = (1.5, 2, 2.5, 3, 4, 5, 6, 7, 8, 9, 10, 12, 15, 20, 25, 30, 40, 50, 100)
"""Splits that occur: one share becomes so many, or so many become one."""
WINDOW = 20
"""Bars before the jump that say what is usual."""
SUSPICIOUS = 1.4
"""How far a price opens from the last close, as a ratio, before a split is thought of."""
LEAST_SPLIT = 1.1
"""Nearer to the last close than that an open tells of no split, so none is suggested."""
JUMP = 1.5
"""Close to close, as a ratio: told, whatever it is."""
SPIKE = 2.0
NEIGHBOURS = 1.2
BAD_OPEN = 1.8
WICK = 1.8
LONGEST_HALT_DAYS = 100
"""Over a longer gap no split is read out of prices."""
HIDDEN = 4
"""A known split of less than so many usual overnight moves is hidden among them."""
PLAUSIBLE = 1.35
"""How far the market may have moved over a split that is known."""

Outcome = tuple[list[Bar], list[Finding]]


class _Split(NamedTuple):
    place: int
    """Of the first bar at the new price."""
    ratio: float


def spikes(bars: list[Bar], subject: Subject) -> Outcome:
    """Drop prints that nothing around them knows of; tell highs and lows far away from open and close.

    A close is one when it is at least twice or half of both neighbours, while those two agree; an open when
    it is so far from both the last close and its own, while those two agree.
    """
    off = {}
    for before, bar, after in zip(bars, bars[1:], [*bars[2:], None], strict=False):
        if _is_alone(bar.open, before.close, bar.close, BAD_OPEN):
            off[bar.time] = bar.open / before.close
        elif after is not None and _is_alone(bar.close, before.close, after.close, SPIKE):
            off[bar.time] = bar.close / before.close
    findings = []
    if off:
        times = list(off)
        text = (
            f"{counted(off, 'bar')} with an open or close {off[times[0]]:.3g} times the prices before and "
            f"after ({subject.since(times)}): a bad print, dropped."
        )
        findings.append(subject.finding("spike", "dropped", times, text, value=off[times[0]]))
    kept = [bar for bar in bars if bar.time not in off]
    wicks = [bar for bar in kept if max(_wick(bar)) >= WICK]
    if wicks:
        times = [bar.time for bar in wicks]
        text = (
            f"{counted(wicks, 'bar')} with a high or low {WICK:g} times away from open and close "
            f"({subject.since(times)}: high {wicks[0].high:g}, low {wicks[0].low:g}); kept."
        )
        findings.append(subject.finding("spike", "kept", times, text, value=max(_wick(wicks[0]))))
    return kept, findings


def split_adjusted(
    bars: list[Bar], subject: Subject, sessions: Sessions | None, known: Mapping[date, float]
) -> Outcome:
    """Divide the bars before each split by its ratio (volume times it); tell jumps that are none."""
    findings: list[Finding] = []
    splits: list[_Split] = []
    told = announced(bars, known, subject, sessions)
    is_coin = sessions is not None and is_always_open(sessions)
    may_split = subject.interval == "1d" and not is_coin
    for index, (before, bar) in enumerate(pairwise(bars), 1):
        if index in told:
            day, ratio = told[index]
            found, finding = _by_word(index, before, bar, day, ratio, subject, _usual(bars, index))
        elif may_split and _ratio(before.close, bar.open) >= SUSPICIOUS:
            found, finding = _by_evidence(index, bars, subject)
        elif _ratio(before.close, bar.close) >= JUMP and _is_near(before, bar, subject):
            found, finding = None, _jump(before, bar, "", subject, may_split=not is_coin)
        else:
            continue
        splits += [found] if found else []
        findings += [finding] if finding else []
    return _divided(bars, splits), findings


def _is_near(before: Bar, bar: Bar, subject: Subject) -> bool:
    # Days of minutes with weeks between them are told as gaps; that prices have moved meanwhile is no news.
    return subject.interval == "1d" or bar.time - before.time <= 4 * DAY_NS


def announced(
    bars: Sequence[Bar], known: Mapping[date, float], subject: Subject, sessions: Sessions | None
) -> dict[int, tuple[date, float]]:
    """Return what was declared for days, by the place of the first bar of that day or after it."""
    zone = sessions.zone if sessions and subject.interval != "1d" else None
    days = [local_day(bar.time, zone) if zone else session_day(bar.time) for bar in bars] if known else []
    told = {}
    for day, ratio in known.items():
        index = next((n for n, its in enumerate(days) if its >= day), 0)
        if index:
            told[index] = (day, ratio)
    return told


def _by_word(
    index: int, before: Bar, bar: Bar, day: date, ratio: float, subject: Subject, usual: float
) -> tuple[_Split | None, Finding | None]:
    if ratio == 1:
        return None, None
    fell = before.close / bar.open
    if _is_adjusted(fell, ratio, usual):
        return None, None
    if _ratio(fell, ratio) > PLAUSIBLE:
        text = (
            f"the universe names a split of {ratio:g} on {day}, but the price went from {before.close:g} to "
            f"{bar.open:g}. Nothing was adjusted; mend the date or the ratio."
        )
        return None, subject.finding("jump", "kept", [bar.time], text, value=before.close / bar.open)
    split = _Split(index, ratio)
    return split, _split(split, bar, "as the universe says", subject)


def _is_adjusted(fell: float, ratio: float, usual: float) -> bool:
    """Whether the source has divided by a known split: it opens nearer to the last close than to 1/n of it.

    A split so small that an ordinary night hides it cannot be seen; then the word of the universe holds.
    """
    far = abs(math.log(ratio))
    if far < HIDDEN * usual:
        return False
    # Over a long pause the market may have moved by anything; a known split is believed to lie near.
    return abs(math.log(fell)) < abs(math.log(fell / ratio)) and _ratio(fell, 1) <= PLAUSIBLE


def _usual(bars: Sequence[Bar], index: int) -> float:
    """Return the size of a usual overnight move before a bar, as a logarithm."""
    past = bars[max(0, index - WINDOW) : index]
    return median([abs(math.log(b.open / a.close)) for a, b in pairwise(past)] or [0.0])


def _by_evidence(index: int, bars: list[Bar], subject: Subject) -> tuple[_Split | None, Finding]:
    before, bar = bars[index - 1], bars[index]
    past = bars[max(0, index - WINDOW) : index]
    ratio = before.close / bar.open
    split = _nearest(ratio)
    moves = [abs(math.log(b.close / a.close)) for a, b in pairwise(past)]
    usual = median(moves) if moves else 0.0
    off = abs(math.log(ratio / split))
    bodies = median([abs(math.log(one.close / one.open)) for one in past])
    values = [one.close * one.volume for one in past if one.volume > 0]
    value = bar.close * bar.volume / median(values) if values else 0.0
    doubts = []
    if off > min(max(4 * usual, 0.02), 0.10):
        doubts.append(f"{ratio:.3g} is no usual ratio")
    if not 0.25 <= value <= 4:
        doubts.append(f"the value traded is {value:.2g} times the usual" if value else "no volume tells")
    if abs(math.log(bar.close / bar.open)) > max(4 * bodies, 0.05):
        doubts.append("the day is wild")
    if (days := (bar.time - before.time) // DAY_NS) > LONGEST_HALT_DAYS:
        doubts.append(f"{days} days lie between")
    if doubts:
        return None, _jump(before, bar, "; no split, since " + ", ".join(doubts), subject)
    found = _Split(index, split)
    why = f"{before.close:g} to {bar.open:g} overnight at {value:.2g} times the usual value on a calm day"
    return found, _split(found, bar, why, subject)


def _split(split: _Split, bar: Bar, why: str, subject: Subject) -> Finding:
    text = (
        f"split {_worded(split.ratio)} on {shown(bar.time, subject.interval)} ({why}); "
        f"the {split.place} bars before it were divided by {split.ratio:g}."
    )
    return subject.finding("split", "adjusted", [bar.time], text, value=split.ratio)


def _jump(before: Bar, bar: Bar, doubt: str, subject: Subject, *, may_split: bool = True) -> Finding:
    change = bar.close / before.close - 1
    when = shown(bar.time, subject.interval)
    text = f"{change:+.1%} from {before.close:g} to {bar.close:g} on {when}{doubt}. Kept as it is"
    if may_split and _ratio(before.close, bar.open) >= LEAST_SPLIT:
        splits = f'splits = {{ "{session_day(bar.time)}" = {before.close / bar.open:.3g} }}'
        text += f"; if it was a split, name it in the universe: {splits}, if not, write 1"
    return subject.finding("jump", "kept", [bar.time], f"{text}.", value=change)


def _divided(bars: list[Bar], splits: Sequence[_Split]) -> list[Bar]:
    if not splits:
        return bars
    by_index = {split.place: split.ratio for split in splits}
    factor = 1.0
    divided = []
    for index in range(len(bars) - 1, -1, -1):
        bar = bars[index]
        prices = [price / factor for price in bar[1:5]]
        divided.append(Bar._make((bar.time, *prices, bar.volume * factor)))
        factor *= by_index.get(index, 1.0)
    return divided[::-1]


def _nearest(ratio: float) -> float:
    forward = min(RATIOS, key=lambda known: abs(math.log(max(ratio, 1 / ratio) / known)))
    return forward if ratio >= 1 else 1 / forward


def _worded(ratio: float) -> str:
    return f"{ratio:g}:1" if ratio >= 1 else f"1:{1 / ratio:g}"


def _wick(bar: Bar) -> tuple[float, float]:
    return bar.high / max(bar.open, bar.close), min(bar.open, bar.close) / bar.low


def _is_alone(price: float, before: float, after: float, far: float) -> bool:
    return _ratio(before, after) <= NEIGHBOURS and min(_ratio(price, before), _ratio(price, after)) >= far


def _ratio(one: float, other: float) -> float:
    return max(one / other, other / one)

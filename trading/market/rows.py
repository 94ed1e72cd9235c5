"""Rules about single rows: no number, no price, high below low, twice the same time, out of order."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from itertools import pairwise

from trading.bars import Bar
from trading.market.findings import Finding, Subject, counted, shown
from trading.market.source import DAY_NS, INTERVAL_NS, Interval

__all__ = ["broken", "doubled", "misdated", "ordered"]

ROUNDING = 0.005
"""How far an open or close may lie outside of high and low, as a fraction: adjusted prices are rounded."""
GRID_NS: Mapping[Interval, int] = {**INTERVAL_NS, "1h": INTERVAL_NS["15m"] * 2, "1d": 1}
"""Hours begin at half past nine where the exchange does; what a daily bar's time means, `zones` says."""
OFF_GRID = 0.1
LATEST = 150 * 366 * DAY_NS
"""No bar is that late (year 2120); such a time is in another unit."""

LARGEST, SMALLEST = 1e15, 1e-15
"""No price and no volume is beyond these; they would run over in sums and ratios."""

Outcome = tuple[list[Bar], list[Finding]]


def misdated(bars: list[Bar], subject: Subject) -> Outcome:
    """Refuse times in a wrong unit (all on 1970-01-01, past the year 2100) or on a wrong grid."""
    times = [bar.time for bar in bars]
    grid = GRID_NS.get(subject.interval, 1)
    if len(off := sorted(time for time in times if time % grid)) > OFF_GRID * len(times):
        text = (
            f"{len(off)} of {len(times)} bars do not open at a multiple of {subject.interval} (the first: "
            f"{shown(off[0], subject.interval, seconds=True)}): another interval, or times at which bars end."
        )
        return [], [subject.finding("unusable", "refused", off, text, value=len(off) / len(times))]
    is_early = len(times) > 1 and all(0 <= time < DAY_NS for time in times)
    if not is_early and max(times) < LATEST:
        return bars, []
    text = (
        f"its times are in a wrong unit: they lie {'on 1970-01-01' if is_early else 'past the year 2100'}. "
        "Times are Unix seconds, ms, us or ns, or dates."
    )
    return [], [subject.finding("unusable", "refused", sorted(times), text)]


def ordered(bars: list[Bar], subject: Subject) -> Outcome:
    """Sort the bars by time; rows of one time keep their order."""
    behind = [later.time for earlier, later in pairwise(bars) if later.time < earlier.time]
    if not behind:
        return bars, []
    newest_first = len(behind) == len(bars) - 1
    how = "the newest row comes first" if newest_first else f"{counted(behind, 'row')} behind later ones"
    finding = subject.finding("unsorted", "adjusted", sorted(behind), f"{how}; the bars were sorted by time.")
    return sorted(bars, key=lambda bar: bar.time), [finding]


def doubled(bars: list[Bar], subject: Subject) -> Outcome:
    """Leave one bar for each time: that with more volume (the other was incomplete), else the later row."""
    kept: list[Bar] = []
    again: list[int] = []
    unlike: list[int] = []
    for bar in bars:
        if not kept or kept[-1].time != bar.time:
            kept.append(bar)
            continue
        again.append(bar.time)
        if _figures(bar) != _figures(kept[-1]):
            unlike.append(bar.time)
        if _rank(bar) >= _rank(kept[-1]):
            kept[-1] = bar
    if not again:
        return bars, []
    text = f"{counted(again, 'row')} with a time that was already there ({subject.since(again)}), dropped"
    text += (
        f"; of these, {len(unlike)} with other figures: the row with more volume stands." if unlike else "."
    )
    return kept, [subject.finding("duplicate", "dropped", again, text, value=float(len(unlike)))]


def broken(bars: list[Bar], subject: Subject) -> Outcome:
    """Drop rows that are no bar at all; mend those that rounding or a missing volume explains."""
    whole: list[Bar] = []
    no_number: list[Bar] = []
    no_price: list[Bar] = []
    crossed: list[Bar] = []
    no_volume: list[int] = []
    widened: list[int] = []
    for bar in bars:
        prices = bar[1:5]
        if not all(map(math.isfinite, prices)) or max(map(abs, (*prices, bar.volume))) > LARGEST:
            no_number.append(bar)
        elif min(prices) < SMALLEST or bar.volume < 0:
            no_price.append(bar)
        elif not _is_coherent(bar, ROUNDING):
            crossed.append(bar)
        else:
            if not math.isfinite(bar.volume):
                no_volume.append(bar.time)
                bar = bar._replace(volume=0.0)
            if not _is_coherent(bar, 0.0):
                widened.append(bar.time)
                bar = bar._replace(high=max(prices), low=min(prices))
            whole.append(bar)
    findings = _without_number(no_number, whole, subject) + _without_price(no_price, subject)
    findings += _crossed(crossed, widened, subject)
    if no_volume:
        text = f"{counted(no_volume, 'row')} without a volume ({subject.since(no_volume)}); it counts as 0."
        findings.append(subject.finding("volume", "adjusted", no_volume, text))
    return whole, findings


def _is_coherent(bar: Bar, tolerance: float) -> bool:
    low, high = bar.low * (1 - tolerance), bar.high * (1 + tolerance)
    return bar.low <= bar.high and low <= bar.open <= high and low <= bar.close <= high


def _without_number(rows: Sequence[Bar], whole: Sequence[Bar], subject: Subject) -> list[Finding]:
    # Frames of many symbols begin with empty cells for those listed later: that is no fault of the rest.
    begin = whole[0].time if whole else None
    early = [bar.time for bar in rows if begin is not None and bar.time < begin and _is_blank(bar)]
    others = [bar.time for bar in rows if begin is None or bar.time >= begin or not _is_blank(bar)]
    findings = []
    if early:
        text = f"{counted(early, 'empty row')} before the first price (not listed yet?), dropped."
        findings.append(subject.finding("empty", "dropped", early, text))
    if others:
        text = f"{counted(others, 'row')} with a price that is no number ({subject.since(others)}), dropped."
        findings.append(subject.finding("not_a_number", "dropped", others, text))
    return findings


def _without_price(rows: Sequence[Bar], subject: Subject) -> list[Finding]:
    if not rows:
        return []
    times = [bar.time for bar in rows]
    worst = min(min(bar[1:]) if not math.isnan(bar.volume) else min(bar[1:5]) for bar in rows)
    text = (
        f"{counted(rows, 'row')} with a price of 0 or less or a volume below 0 "
        f"(the least is {worst:g}, {subject.since(times)}), dropped."
    )
    return [subject.finding("not_positive", "dropped", times, text, value=worst)]


def _crossed(rows: Sequence[Bar], widened: Sequence[int], subject: Subject) -> list[Finding]:
    findings = []
    if rows:
        times = [bar.time for bar in rows]
        bar = rows[0]
        text = (
            f"{counted(rows, 'row')} with a high below the low, or an open or close outside of both "
            f"({subject.since(times)}: open {bar.open:g}, high {bar.high:g}, low {bar.low:g}, "
            f"close {bar.close:g}), dropped."
        )
        findings.append(subject.finding("crossed", "dropped", times, text, value=bar.high - bar.low))
    if widened:
        text = (
            f"{counted(widened, 'row')} with an open or close up to {ROUNDING:.1%} outside of high and low "
            f"({subject.since(widened)}), as rounding makes it; high and low were widened."
        )
        findings.append(subject.finding("crossed", "adjusted", widened, text))
    return findings


def _is_blank(bar: Bar) -> bool:
    return all(map(math.isnan, bar[1:5]))


def _figures(bar: Bar) -> tuple[str, ...]:
    # As text, so that a row of NaN equals its copy.
    return tuple(map(repr, bar[1:]))


def _rank(bar: Bar) -> tuple[bool, float]:
    is_whole = all(map(math.isfinite, bar[1:5])) and min(bar[1:5]) > 0
    return is_whole, bar.volume if math.isfinite(bar.volume) else -1.0

"""Rules about prices that do not move: halted shares, stuck feeds.

A halted share must not look like a quiet one: no strategy may be given a price at which nobody could trade.
"""

from __future__ import annotations

from collections.abc import Sequence

from trading.bars import Bar
from trading.market.findings import Finding, Subject, counted, shown

__all__ = ["halted", "stuck"]

STUCK_BARS = {"1d": 5}
"""Equal bars in a row that are told, for each interval; 60 for shorter ones."""


def halted(bars: list[Bar], subject: Subject) -> tuple[list[Bar], list[Finding]]:
    """Drop daily bars on which nobody traded, where the series has a volume on other days.

    KRX writes a halted day as open, high and low 0 with the last close and volume 0, other sources as one
    flat price with volume 0.
    """
    is_daily = subject.interval == "1d"
    has_volume = any(bar.volume > 0 for bar in bars)
    kept: list[Bar] = []
    dropped: list[int] = []
    for bar in bars:
        if _is_marked(bar) or (
            is_daily and has_volume and _is_untraded(bar) and (not kept or kept[-1].close == bar.close)
        ):
            dropped.append(bar.time)
        else:
            kept.append(bar)
    if not dropped:
        return bars, []
    is_halted_now = dropped[-1] == bars[-1].time
    state = (
        f"; it has not traded since {shown(kept[-1].time, subject.interval)}"
        if is_halted_now and kept
        else ""
    )
    text = (
        f"halted or untraded on {counted(dropped, 'day')} ({subject.since(dropped)}): flat price, volume 0. "
        f"Dropped, so that nothing trades at their price{state}."
    )
    return kept, [subject.finding("halted", "dropped", dropped, text, value=float(len(dropped)))]


def stuck(bars: list[Bar], subject: Subject) -> tuple[list[Bar], list[Finding]]:
    """Tell runs of bars with the very same prices: a feed that repeats itself, or a price nobody makes."""
    least = STUCK_BARS.get(subject.interval, 60)
    runs = [run for run in _runs(bars) if len(run) >= least]
    if not runs:
        return bars, []
    longest = max(runs, key=len)
    times = [bar.time for run in runs for bar in run]
    more = f", and {len(runs) - 1} such runs more" if runs[1:] else ""
    text = (
        f"the price stands still: {len(longest)} bars from {shown(longest[0].time, subject.interval)} are "
        f"the same (close {longest[0].close:g}){more}. "
        "They were kept; a flat price gives an RSI of 50 and no volatility. Check whether the feed is alive."
    )
    return bars, [subject.finding("flat", "kept", times, text, value=float(len(longest)))]


def _is_marked(bar: Bar) -> bool:
    return bar.volume == 0 and bar.open == bar.high == bar.low == 0 < bar.close


def _is_untraded(bar: Bar) -> bool:
    return bar.volume == 0 and bar.open == bar.high == bar.low == bar.close


def _runs(bars: Sequence[Bar]) -> list[list[Bar]]:
    runs: list[list[Bar]] = []
    for bar in bars:
        if runs and runs[-1][-1][1:5] == bar[1:5]:
            runs[-1].append(bar)
        else:
            runs.append([bar])
    return runs

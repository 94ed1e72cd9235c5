"""Results that turned when something changed: more losses since a release or a configuration."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from decimal import Decimal
from math import comb

from obs.books import BotFacts
from obs.hazards.making import issue
from obs.hazards.positions import exposure
from obs.healthrows import clock
from obs.insight.timeline import Timeline, changes_of
from obs.quoting import plain
from obs.snapshot import Category, Evidence, Issue, IssueSeverity
from obs.watch.tape import Tapes, Trade

__all__ = ["losses_since"]

LEAST_TRADES = 8
"""Fewer closed trades on either side of the change prove nothing."""
CHANCE = 0.05
"""So likely, or less, must it be that the same odds gave both sides."""


def losses_since(bots: Mapping[str, BotFacts], tapes: Tapes, timeline: Timeline) -> Iterator[Issue]:
    """Yield an issue for the latest change of each bot since which its trades lose much more often.

    At least twice the share of losing trades as before it, and no play of chance (Fisher's exact test).
    """
    for name, bot in bots.items():
        tape = tapes.bots.get(name)
        changes = changes_of(timeline, name)
        if tape is None or not changes:
            continue
        trades = list({trade.trade: trade for trade in reversed(tape.trades)}.values())
        trades.sort()
        for index in range(len(changes) - 1, -1, -1):
            change = changes[index]
            begin = changes[index - 1].time if index else 0
            before = [trade for trade in trades if begin <= trade.time < change.time]
            after = [trade for trade in trades if trade.time >= change.time]
            if len(before) >= LEAST_TRADES and len(after) >= LEAST_TRADES and _is_worse(before, after):
                yield _turned(name, bot, change.what, change.time, before, after)
                break


def _is_worse(before: Sequence[Trade], after: Sequence[Trade]) -> bool:
    lost, lost_before = _lost(after), _lost(before)
    if lost * len(before) < 2 * lost_before * len(after):
        return False
    return chance_of(lost_before, len(before), lost, len(after)) <= CHANCE


def chance_of(lost_before: int, before: int, lost_after: int, after: int) -> float:
    """Return how likely so many of the losses, or more, fall on the later trades by chance alone.

    Source: Fisher's exact test, one-sided (hypergeometric tail).
    """
    total, lost = before + after, lost_before + lost_after
    ways = sum(
        comb(after, n) * comb(before, lost - n)
        for n in range(lost_after, min(after, lost) + 1)
        if lost - n <= before
    )
    return ways / comb(total, lost)


def _turned(
    name: str, bot: BotFacts, what: str, time: int, before: Sequence[Trade], after: Sequence[Trade]
) -> Issue:
    # `what` is our own word with values made plain already.
    losing = [trade for trade in after if Decimal(trade.pnl) < 0]
    chance = chance_of(_lost(before), len(before), _lost(after), len(after))
    return issue(
        ("losses-since", name, what),
        Category.TRADING,
        IssueSeverity.ERROR,
        f"More losses since {what}",
        name,
        first=losing[0].time,
        last=losing[-1].time,
        count=len(losing),
        explanation=f"{_share(after)} lost since then, {_share(before)} before; changed at {clock(time)}. "
        f"Chance alone gives this in {max(chance, 0.001):.1%} of cases; the market may have turned too.",
        fix_in="config or code: what this change touched",
        actions=(
            f"[read] What differs between the two: {what}.",
            f"[ask] Operator: take {plain(name)} back to what ran before, until the reason is known?",
            "[read] The losing trades: entries, exits or sizes that the old one would not have made?",
            "[code] A backtest of both over the same hours.",
        ),
        do_not="change more settings at once: then nobody knows which one it was",
        minutes=30,
        money=exposure(bot),
        evidence=[_shown(trade, name) for trade in (losing[0], *losing[-2:])],
        grouped_by=f"closed trades of {plain(name)} before and after {what}",
    )


def _lost(trades: Sequence[Trade]) -> int:
    return sum(Decimal(trade.pnl) < 0 for trade in trades)


def _share(trades: Sequence[Trade]) -> str:
    return f"{_lost(trades)} of {len(trades)} trades ({_sum(trades)})"


def _sum(trades: Sequence[Trade]) -> str:
    sums: dict[str, Decimal] = {}
    for trade in trades:
        sums[trade.currency] = sums.get(trade.currency, Decimal(0)) + Decimal(trade.pnl)
    return ", ".join(
        f"{round(total, 2):+,f} {plain(currency)}".replace("-", "−")
        for currency, total in sorted(sums.items())
    )


def _shown(trade: Trade, name: str) -> Evidence:
    text = f"trade.id={trade.trade} symbol={trade.symbol} pnl.net={trade.pnl} currency={trade.currency}"
    return Evidence(id=trade.id, time=trade.time, severity="", source=name, text=text)

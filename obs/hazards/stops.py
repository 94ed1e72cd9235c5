"""Stops that should have sold and did not: the price has passed them, and nobody says so."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from decimal import Decimal

from obs.books import BotFacts, Thing, decimal
from obs.hazards.making import SECOND_NS, issue, shown
from obs.hazards.positions import RESTING, open_positions, protection
from obs.healthrows import clock
from obs.quoting import plain
from obs.snapshot import Category, Evidence, Issue, IssueSeverity, Money
from obs.watch.tape import Bar, Tapes
from obs.watch.thresholds import exact

__all__ = ["missed_stops"]

GRACE_NS = 60 * SECOND_NS
"""A stop that fires takes a moment to fill; so long after the crossing it has missed."""


def missed_stops(bots: Mapping[str, BotFacts], tapes: Tapes, now: int) -> Iterator[Issue]:
    """Yield an issue for each resting stop whose price the market has passed while its position stayed open.

    Args:
        bots: The facts of each bot.
        tapes: The bars that any of them told: the market is the same for all.
        now: Unix ns.
    """
    for name, bot in bots.items():
        for key, position in open_positions(bot):
            _, _, stops = protection(bot, key, position)
            for stop in stops:
                if stop.last.name in RESTING:
                    yield from _missed(name, key, position, stop, tapes, now)


def _missed(name: str, key: str, position: Thing, stop: Thing, tapes: Tapes, now: int) -> Iterator[Issue]:
    quantity = decimal(position.values.get("position.quantity"))
    level = decimal(stop.values.get("order.stop_price")) or decimal(stop.values.get("order.price"))
    symbol = str(position.values.get("symbol") or "")
    if not quantity or level is None or not symbol:
        return
    # The stop may have been moved: only what came after its latest word counts.
    bars = sorted(
        (bar.seen, bar)
        for tape in tapes.bots.values()
        for group in tape.bars.values()
        for bar in (group if group[-1].symbol == symbol else ())
        if bar.seen > stop.last.time
    )
    beyond = [
        bar for _, bar in bars if (exact(bar.close) < level if quantity > 0 else exact(bar.close) > level)
    ]
    if not beyond or now - beyond[0].seen < GRACE_NS:
        return
    newest, crossed = bars[-1][1], beyond[0]
    price = exact(newest.close)
    currency = str(position.values.get("currency") or stop.values.get("currency") or "?")
    worse = (level - price) * quantity
    since = f"{(now - crossed.seen) // (60 * SECOND_NS)} min"
    state = (
        f"The last price is {newest.close:.10g}, {_money(worse)} {plain(currency)} beyond the stop"
        if worse > 0
        else f"The price has come back to {newest.close:.10g}, but the position was to be closed"
    )
    passed = (
        f"Close {crossed.close:.10g} at {clock(crossed.seen)} is beyond the stop at {level.normalize():f}"
    )
    yield issue(
        ("missed-stop", name, str(stop.values.get("order.id") or key)),
        Category.TRADING,
        IssueSeverity.CRITICAL,
        f"Stop passed and not filled: {plain(symbol)}",
        name,
        first=crossed.seen,
        last=newest.seen,
        count=1,
        trend="worse",
        explanation=f"{passed}; {since} later it still rests by the bot's own words, no fill came. {state}.",
        fix_in="a person decides on the position first, then exchange or code",
        actions=(
            f"[read] The exchange: does this stop of {plain(name)} rest there, with which trigger? Is the "
            "position still open?",
            "[ask] Operator: close the position now, or move the stop?",
            "[read] The order: triggered by last, mark or index price? A limit too close to it (stop-limit)?",
            "[code] Watch the price against every resting stop and close at market when it is passed.",
        ),
        do_not="send a second exit before the first step: two can sell twice",
        minutes=10,
        money=(Money(abs(quantity) * price, currency),),
        evidence=[shown(stop.last), _bar(crossed, name), shown(position.last)],
        grouped_by=f"the stop {plain(str(stop.values.get('order.id') or key))} of {plain(name)}",
    )


def _bar(bar: Bar, name: str) -> Evidence:
    text = f"market.bar symbol={bar.symbol} close={bar.close:.10g}"
    return Evidence(id=bar.id, time=bar.seen, severity="", source=name, text=text)


def _money(value: Decimal) -> str:
    return f"{round(value, 2):,f}"

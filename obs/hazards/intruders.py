"""Orders that two writers place on one account, and orders that a bot never sent."""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Mapping

from obs.adapters import PROGRAM
from obs.books import BotFacts, Thing
from obs.hazards.making import issue, shown
from obs.insight.tallies import Tallies, parted
from obs.insight.writers import UNKNOWN_ACCOUNT
from obs.quoting import plain
from obs.series import Series
from obs.snapshot import Category, Evidence, Issue, IssueSeverity

__all__ = ["foreign_orders", "second_writers"]

LEAST_SENT = 5
"""A bot that told of so many orders it sent tells of all of them."""
ORDERS_SHOWN = 4
_STEPS = (
    "[read] Every process and service that holds this key: hosts, containers, cron, an old terminal.",
    "[ask] Which of them shall trade? Stop the other, then look at open orders and positions.",
    "[config] One key for each bot, or one sub-account, and a lock that refuses a second start.",
)
_Sender = tuple[str, str]
"""Service and process."""
_Sent = tuple[_Sender, Series]
_Pair = tuple[str, str, _Sender, _Sender]
"""Exchange, account, and two writers."""
_DO_NOT = "restart either of them before open orders are compared: both may send the same order again"


def second_writers(writers: Tallies, bots: Mapping[str, BotFacts]) -> Iterator[Issue]:
    """Yield an issue for each account on which two processes sent orders in turn.

    Two bots on different markets of one account are no fault. One after the other neither: that is a restart.
    """
    markets: dict[tuple[str, str, str], dict[tuple[str, str], Series]] = {}
    for name, series in sorted(writers.series.items()):
        exchange, account, symbol, service, process = parted(name)
        markets.setdefault((exchange, account, symbol), {})[service, process] = series
    clashes: dict[_Pair, list[tuple[str, Series, Series]]] = {}
    for (exchange, account, symbol), senders in sorted(markets.items()):
        for (a, first), (b, second) in _pairs(senders, is_shared=account != UNKNOWN_ACCOUNT):
            if max(first.first, second.first) < min(first.last, second.last):
                clashes.setdefault((exchange, account, a, b), []).append((symbol, first, second))
    for pair, found in sorted(clashes.items()):
        yield _second_writer(*pair, found, bots)


def _pairs(senders: Mapping[_Sender, Series], *, is_shared: bool) -> Iterator[tuple[_Sent, _Sent]]:
    """Yield every two senders that may hold one account: all, or where none is told those of one service."""
    in_order = sorted(senders.items())
    if is_shared:
        yield from itertools.combinations(in_order, 2)
        return
    for _, of_one in itertools.groupby(in_order, key=lambda sent: sent[0][0]):
        yield from itertools.combinations(of_one, 2)


def _second_writer(
    exchange: str,
    account: str,
    a: tuple[str, str],
    b: tuple[str, str],
    found: list[tuple[str, Series, Series]],
    bots: Mapping[str, BotFacts],
) -> Issue:
    twice = a[0] == b[0]
    where = plain(exchange) or "the exchange"
    names = " and ".join(f"{plain(s)} (process {plain(p) or 'unknown'})" for s, p in (a, b))
    symbols = ", ".join(plain(symbol) for symbol, _, _ in found[:3]) + (", …" if len(found) > 3 else "")
    counts = sum(one.count for _, one, _ in found), sum(one.count for _, _, one in found)
    on = f" of account {plain(account)}" if account else ""
    return issue(
        ("second-writer", exchange, account, a[0], b[0]),
        Category.TRADING,
        IssueSeverity.CRITICAL,
        f"Two processes of {plain(a[0])} trade at once" if twice else f"Two bots trade one market at {where}",
        a[0],
        services=tuple(sorted({a[0], b[0]})),
        first=min(max(x.first, y.first) for _, x, y in found),
        last=max(max(x.last, y.last) for _, x, y in found),
        count=sum(counts),
        explanation=f"{names} both sent orders for {symbols}{on} at {where}, in turn: {counts[0]} and "
        f"{counts[1]}. Each takes the other's fills for its own or cancels its orders: "
        "sizes and stops no longer hold.",
        fix_in="a person decides which one trades; then config",
        actions=_STEPS,
        do_not=_DO_NOT,
        minutes=20,
        place=where,
        evidence=_newest_orders({a[0], b[0]}, {symbol for symbol, _, _ in found}, bots),
        grouped_by=f"orders for one market{on} at {where} from two processes whose times interleave",
    )


def _newest_orders(services: set[str], symbols: set[str], bots: Mapping[str, BotFacts]) -> list[Evidence]:
    orders = [
        order
        for service in services
        if service in bots
        for order in bots[service].orders.values()
        if str(order.values.get("symbol")) in symbols
    ]
    orders.sort(key=lambda order: (order.last.time, order.last.order))
    return [shown(order.last) for order in orders[-ORDERS_SHOWN:]]


def foreign_orders(name: str, bot: BotFacts) -> Iterator[Issue]:
    """Yield an issue for orders that a bot, which tells of all it sends, never sent."""
    things = {**bot.orders, **bot.stops}
    sent = [thing for thing in things.values() if thing.said.get("order.submitted")]
    if len(sent) < LEAST_SENT:
        return
    since = min(thing.began for thing in sent)
    foreign = sorted(
        (thing for thing in things.values() if _is_foreign(thing, since)), key=lambda thing: thing.began
    )
    if not foreign:
        return
    yield issue(
        ("foreign-orders", name),
        Category.TRADING,
        IssueSeverity.ERROR,
        f"{len(foreign)} order(s) on the account that the bot never sent",
        name,
        first=foreign[0].began,
        last=foreign[-1].last.time,
        count=len(foreign),
        explanation=f"The bot told of {len(sent)} orders it sent; these are none of them. Another program, "
        "a person or an earlier run trades on this account.",
        fix_in="a person: who else trades here?",
        actions=_STEPS,
        do_not=_DO_NOT,
        minutes=20,
        evidence=[shown(thing.last) for thing in foreign[:4]],
        grouped_by=f"order ids in the exchange's words to {plain(name)} that it never submitted",
    )


def _is_foreign(thing: Thing, since: int) -> bool:
    values = thing.values
    if thing.said.get("order.submitted") or PROGRAM in values or thing.began <= since:
        return False
    told = any(thing.said.get(word) for word in ("order.accepted", "order.filled", "order.canceled"))
    return told and values.get("reconciliation") is not True

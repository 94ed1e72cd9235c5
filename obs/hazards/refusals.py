"""Orders that came to nothing: refused by the exchange, or denied by the bot's own check."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from decimal import Decimal

from obs.books import BotFacts, Thing, decimal
from obs.hazards.making import issue, shown
from obs.hazards.positions import exposure, open_positions
from obs.quoting import plain
from obs.snapshot import Category, Issue, IssueSeverity

__all__ = ["denied_orders", "refused_orders"]

LEAST_DENIED = 5
"""So many in a row, with none that was sent after them: fewer are what a limit is for."""


def refused_orders(name: str, bot: BotFacts) -> Iterator[Issue]:
    """Yield an issue for orders that the exchange refused, and a graver one for exits of open positions."""
    refused = [o for o in bot.orders.values() if o.last.name == "order.rejected"]
    refused.sort(key=lambda order: order.last.time)
    held = {str(p.values.get("symbol") or key): p for key, p in open_positions(bot)}
    exits = [o for o in refused if _is_exit(o, held.get(str(o.values.get("symbol"))))]
    if exits:
        yield _refused_exits(name, bot, exits)
    refused = [order for order in refused if order not in exits]
    if not refused:
        return
    yield issue(
        ("rejected", name),
        Category.TRADING,
        IssueSeverity.WARNING,
        "Orders are rejected by the exchange",
        name,
        first=refused[0].last.time,
        last=refused[-1].last.time,
        count=len(refused),
        explanation="The exchange refused these orders; the intended trades did not happen.",
        fix_in="config or code",
        actions=(
            "[read] The reason in each rejection.",
            "[read] Balance and the symbol's limits at the exchange.",
            "[code] Check balance, lot size and price filters before sending.",
        ),
        minutes=15,
        evidence=[shown(order.last) for order in refused[:4]],
        grouped_by=f"rejected orders of {plain(name)}",
    )


def denied_orders(name: str, bot: BotFacts) -> Iterator[Issue]:
    """Yield an issue when a bot's own check has denied every one of its newest orders: it trades nothing."""
    known = sorted(
        bot.orders.values(), key=lambda order: (order.last.time, str(order.values.get("order.id")))
    )
    passed = [at for at, order in enumerate(known) if order.last.name != "order.denied"]
    denied = known[passed[-1] + 1 :] if passed else known
    if len(denied) < LEAST_DENIED:
        return
    count = bot.order_outcomes.get("order.denied", 0) if not passed else len(denied)
    reasons = Counter(str(order.values.get("reason") or "unknown") for order in denied)
    told = ", ".join(f"{plain(reason)} {times}×" for reason, times in reasons.most_common(3))
    yield issue(
        ("denied", name),
        Category.TRADING,
        IssueSeverity.ERROR,
        "Every order is denied by the bot's own check",
        name,
        first=denied[0].last.time,
        last=denied[-1].last.time,
        count=max(count, len(denied)),
        trend="worse",
        explanation=f"None of the newest {len(denied)} orders was sent: {told}. "
        "The bot runs and trades nothing.",
        fix_in="config: the limit that denies; or code",
        actions=(
            "[read] The limit and the value in each denial.",
            "[read] Balance, open orders and the bot's state: what has used the limit up?",
            "[config] The limit or the order size, whichever is wrong.",
        ),
        minutes=15,
        evidence=[shown(order.last) for order in (denied[0], *denied[-3:])],
        grouped_by=f"denied orders of {plain(name)} with none accepted after them",
    )


def _refused_exits(name: str, bot: BotFacts, exits: list[Thing]) -> Issue:
    symbols = sorted({str(order.values.get("symbol")) for order in exits})
    tries = sum(order.said.get("order.rejected", 1) for order in exits)
    return issue(
        ("exit-refused", name),
        Category.TRADING,
        IssueSeverity.CRITICAL,
        f"Exit refused, position still open: {', '.join(map(plain, symbols[:3]))}",
        name,
        first=min(order.last.time for order in exits),
        last=max(order.last.time for order in exits),
        count=tries,
        trend="worse" if len(exits) > 1 else "steady",
        explanation=f"The bot wanted to leave and the exchange refused {tries} time(s): the position stands. "
        "Whether the bot tries again is not known.",
        fix_in="a person decides on the position first, then code",
        actions=(
            f"[read] The exchange: the position and open orders of {plain(name)}.",
            "[ask] Operator: close the position by hand, or protect it.",
            "[read] The reason in each refusal: balance, lot size, price limits, a closed market.",
            "[code] Round to lot and tick size; try a refused exit again until the exchange confirms it.",
        ),
        do_not="send the exit again before the position is read: it may have been closed meanwhile",
        minutes=15,
        money=exposure(bot, symbols=symbols),
        evidence=[shown(order.last) for order in exits[:4]],
        grouped_by=f"refused orders of {plain(name)} that would have closed an open position",
    )


def _is_exit(order: Thing, position: Thing | None) -> bool:
    """Whether an order was to close the position that is still open."""
    if position is None or order.last.time < position.began:
        return False
    values = order.values
    if values.get("order.reduce_only") is True or values.get("order.slot") == "exit":
        return True
    quantity = decimal(position.values.get("position.quantity")) or Decimal(0)
    short = quantity < 0 or position.values.get("position.side") == "short"
    return values.get("order.side") == ("buy" if short else "sell")

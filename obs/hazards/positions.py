"""Money that stands in the market: open positions, their stops, and orders that were refused."""

from __future__ import annotations

from collections.abc import Container, Iterator, Mapping
from decimal import Decimal
from typing import Any

from obs.books import BotFacts, Thing, decimal
from obs.hazards.making import issue, shown
from obs.healthrows import clock
from obs.quoting import plain
from obs.snapshot import Category, Issue, IssueSeverity, Money

__all__ = [
    "exposure",
    "mark_price",
    "open_positions",
    "protection",
    "stop_at_exchange",
    "unguarded",
    "unprotected",
]

PATIENCE_NS = 60_000_000_000
"""After so long without another try a stop is not being placed any more."""
_SIMULATED = ("paper", "dry_run", "backtest")
RESTING = ("order.accepted", "order.confirmed")


def open_positions(bot: BotFacts) -> list[tuple[str, Thing]]:
    """Return the positions that are open, as far as the bot's words tell."""
    return [
        (key, thing)
        for key, thing in sorted(bot.positions.items())
        if thing.last.name != "position.closed" and decimal(thing.values.get("position.quantity")) != 0
    ]


def exposure(*bots: BotFacts, symbols: Container[str] | None = None) -> tuple[Money, ...] | None:
    """Return what is open, valued at the last price told, by currency, largest first; None: nothing known.

    Args:
        bots: The bots, together.
        symbols: Count only these; all when None.
    """
    sums: dict[str, Decimal] = {}
    for _, position in (one for bot in bots for one in open_positions(bot)):
        values = position.values
        quantity, price = decimal(values.get("position.quantity")), mark_price(values)
        if quantity is None or price is None or (symbols is not None and values.get("symbol") not in symbols):
            continue
        currency = str(values.get("currency") or "?")
        sums[currency] = sums.get(currency, Decimal(0)) + abs(quantity) * price
    ordered = sorted(sums.items(), key=lambda item: (-item[1], item[0]))
    return tuple(Money(amount, currency) for currency, amount in ordered) or None


def mark_price(values: Mapping[str, Any]) -> Decimal | None:
    """Return the price a position was last valued at: as told, or from its average and unrealized P&L."""
    price = decimal(values.get("market.mark") or values.get("price"))
    if price is not None:
        return price
    average = decimal(values.get("position.average_price"))
    quantity = decimal(values.get("position.quantity"))
    if average is None or not quantity:
        return average
    pnl = decimal(values.get("pnl.unrealized"))
    return average if pnl is None else average + pnl / quantity


def protection(bot: BotFacts, key: str, position: Thing) -> tuple[str, int, list[Thing]]:
    """Return whether a position has a stop: `stop`, `none` or `unknown`, since when, and its stop orders."""
    values = position.values
    stops = [
        stop
        for order_id, stop in sorted(bot.stops.items())
        if stop.values.get("position.id") == key
        or (not stop.values.get("position.id") and stop.values.get("symbol") == values.get("symbol"))
    ]
    stops = [stop for stop in stops if stop.last.time >= position.began and not _adds(stop, values)]
    if not stops:
        return "unknown", 0, []
    if any(stop.last.name in RESTING for stop in stops):
        return "stop", 0, stops
    pulled = [s.last.time for s in stops if s.last.name in ("order.canceled", "order.expired")]
    refused = [s.began for s in stops if s.last.name in ("order.rejected", "order.denied", "order.submitted")]
    since = min((t for t in pulled + refused if t), default=position.began)
    # The gap begins when the last stop that ever rested went away, not when its successor was refused.
    return "none", max(pulled, default=since), stops


def stop_at_exchange(bot: BotFacts) -> bool | None:
    """Return whether the bot lets its stops rest at the exchange; None when it did not say."""
    told = {str(settings.values.get("stop.at_exchange")) for settings in bot.settings.values()}
    return True if "True" in told else False if "False" in told else None


def unguarded(name: str, bot: BotFacts) -> Iterator[Issue]:
    """Yield an issue for each position whose stop lives in a bot that is down; not for simulated money."""
    down = bot.process.time if bot.process.name == "process.exited" else 0
    if bot.state.name == "bot.stopped" and bot.state.values.get("bot.state") != "stopping":
        down = down or bot.state.time
    if not down or str(bot.mode.values.get("run.mode")) in _SIMULATED:
        return
    for key, position in open_positions(bot):
        verdict, _, stops = protection(bot, key, position)
        emulated = verdict == "stop" and all(stop.values.get("order.emulated") for stop in stops)
        if not emulated and not (verdict == "unknown" and stop_at_exchange(bot) is False):
            continue
        values = position.values
        quantity, price = decimal(values.get("position.quantity")), mark_price(values)
        currency = str(values.get("currency") or "?")
        yield issue(
            ("unguarded", name, key),
            Category.TRADING,
            IssueSeverity.CRITICAL,
            "Position without a stop: its bot is down",
            name,
            first=down,
            last=down,
            count=1,
            explanation=f"The stop of this position lives in the bot, which ended at {clock(down)}: "
            "until it runs again, nothing closes the position.",
            fix_in="a person decides on the position; then start the bot or place a stop at the exchange",
            actions=(
                f"[read] The exchange: the position of {plain(name)}, its open orders and the price.",
                "[ask] Operator: start the bot again, place a stop at the exchange, or close.",
                "[config] Let stops rest at the exchange, if it offers them.",
            ),
            do_not="place a stop at the exchange and start the bot without telling it: both can sell",
            minutes=10,
            money=(Money(abs(quantity) * price, currency),)
            if price is not None and quantity is not None
            else None,
            evidence=[shown(bot.process if bot.process.name else bot.state), shown(position.last)],
            grouped_by=f"the open position {plain(key)} of {plain(name)}, whose bot is down",
        )


def _adds(stop: Thing, position: Mapping[str, Any]) -> bool:
    """Whether a stop order would make the position larger: an entry above the market is no protection."""
    quantity = decimal(position.get("position.quantity")) or Decimal(0)
    is_short = str(position.get("position.side") or "").lower() == "short" or quantity < 0
    side = str(stop.values.get("order.side") or "").lower()
    return side == ("sell" if is_short else "buy")


def unprotected(name: str, bot: BotFacts) -> Iterator[Issue]:
    for key, position in open_positions(bot):
        verdict, since, stops = protection(bot, key, position)
        if verdict != "none":
            continue
        values = position.values
        quantity = decimal(values.get("position.quantity")) or Decimal(0)
        price = mark_price(values)
        currency = str(values.get("currency") or "?")
        money = (Money(abs(quantity) * price, currency),) if price is not None else None
        tries = sum(stop.said.get(name, 0) for stop in stops for name in ("order.rejected", "order.denied"))
        pulled = next((s for s in _telling(stops, since) if s.last.name == "order.canceled"), None)
        why = plain(str(pulled.values.get("reason") or "")) if pulled else ""
        reason = f" ({why})" if why else ""
        gone = f"The stop was canceled{reason}. " if pulled else ""
        last_try = max((stop.last.time for stop in stops), default=0)
        still = (
            ", not retried since " + clock(last_try) if position.last.time > last_try + PATIENCE_NS else ""
        )
        tried = f" {tries} tries of a new stop were refused or timed out{still}." if tries else ""
        yield issue(
            ("unprotected", name, key),
            Category.TRADING,
            IssueSeverity.CRITICAL,
            f"{plain(values.get('symbol') or key)} has no stop-loss",
            name,
            first=since,
            last=max(position.last.time, *(stop.last.time for stop in stops)),
            count=1,
            trend="worse",
            explanation=f"{gone}No stop order is known to rest for this position.{tried} "
            "A refused or timed-out order may still have reached the exchange.",
            fix_in="a person decides on the position first, then code",
            actions=(
                f"[read] The exchange: open orders and the position of {plain(name)}.",
                "[ask] Operator: close the position, or place a new stop on the right side of the price.",
                "[code] Place the new stop before canceling the old; retry while the position is open.",
            ),
            do_not="send the same stop again before the first step: two stops can sell twice",
            minutes=15,
            money=money,
            evidence=[
                *(shown(stop.last) for stop in _telling(stops, since)),
                shown(position.last),
            ],
            grouped_by=f"the open position {plain(key)} of {plain(name)}",
        )


def _telling(stops: list[Thing], since: int) -> list[Thing]:
    """The stop that went away and the newest that were refused; earlier ones say nothing."""
    late = sorted((s for s in stops if s.last.time >= since), key=lambda stop: stop.last.time)
    return [*late[:1], *late[1:][-3:]]

"""What a bot says of its orders, positions and trades."""

from __future__ import annotations

from typing import Any

import msgspec

from obs.books.facts import BotFacts, Register, note, put, tally
from obs.events import Event

__all__ = ["account", "equity", "order", "position", "trade", "with_stops"]

_REFUSED = ("denied", "rejected", "expired", "canceled")
_STOPS = ("stop_market", "stop_limit", "stop")


def account(bot: BotFacts, event: Event, register: Register) -> None:
    bot.account.put(register)


def equity(bot: BotFacts, event: Event, register: Register) -> None:
    bot.equity.put(register)


def position(bot: BotFacts, event: Event, register: Register) -> None:
    values = register.values
    key = str(values.get("position.id") or values.get("symbol") or "")
    put(bot.positions, key, register)
    if values.get("order.event"):
        # The line that tells of the position tells of its order's fill too.
        order(bot, event, msgspec.structs.replace(register, name=str(values["order.event"])))


def order(bot: BotFacts, event: Event, register: Register) -> None:
    values = register.values
    # Programs that do not name the order name what it is for: one entry, exit and stop per symbol.
    slot = str(values.get("order.slot") or "")
    kind = register.name.removeprefix("order.")
    if kind != "initialized":
        # A stop follows a position, not a signal: its moves are no steps of the way from signal to fill.
        place = slot or ("stop" if _is_stop(values) else "")
        tally(bot.order_outcomes, f"{place}.{kind}" if place in ("exit", "stop") else register.name)
    if _is_entry(values, slot):
        # A gate of its own for each reason why risk checks deny.
        gate = f"denied {values.get('reason') or ''}".strip() if kind == "denied" else f"entry.{kind}"
        note(bot, gate, event.time, register if kind in _REFUSED else None)
    if kind == "canceled":
        tally(bot.cancels, str(values.get("reason") or "unknown"))
    key = f"{values.get('symbol')} {slot}" if slot else str(values.get("order.id") or "")
    if not key:
        return
    stop = _is_stop(values) or "stop" in key
    put(bot.stops if stop or key in bot.stops else bot.orders, key, register)
    if stop:
        with_stops(bot)


def _is_entry(values: dict[str, Any], slot: str) -> bool:
    """Whether an order is to open something: neither a stop nor an exit, as far as it says."""
    return (
        slot not in ("exit", "stop") and not _is_stop(values) and values.get("order.reduce_only") is not True
    )


def _is_stop(values: dict[str, Any]) -> bool:
    return str(values.get("order.type") or "") in _STOPS or "order.stop_price" in values


def with_stops(bot: BotFacts) -> None:
    """Hold an order among the stops as soon as one of its records says that it is one."""
    for key in bot.orders.keys() & bot.stops.keys():
        bot.stops[key].merge(bot.orders.pop(key))


def trade(bot: BotFacts, event: Event, register: Register) -> None:
    """Its result is `obs.money`'s affair."""
    values = register.values
    if values.get("position.id"):
        # A closed trade ends its position, also when no word of the position itself says so.
        ended = msgspec.structs.replace(register, name="position.closed")
        put(bot.positions, str(values["position.id"]), ended)

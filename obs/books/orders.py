"""What a bot says of its orders, positions and trades."""

from __future__ import annotations

import msgspec

from obs.books.facts import BotFacts, Register, Trades, decimal, put, tally
from obs.events import Event

__all__ = ["account", "equity", "order", "position", "trade"]

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
    tally(bot.order_outcomes, f"{slot}.{kind}" if slot in ("exit", "stop") else register.name)
    if kind == "canceled":
        tally(bot.cancels, str(values.get("reason") or "unknown"))
    key = f"{values.get('symbol')} {slot}" if slot else str(values.get("order.id") or "")
    if not key:
        return
    stop = str(values.get("order.type") or "") in _STOPS or "order.stop_price" in values or "stop" in key
    put(bot.stops if stop else bot.orders, key, register)


def trade(bot: BotFacts, event: Event, register: Register) -> None:
    values = register.values
    if values.get("position.id"):
        # A closed trade ends its position, also when no word of the position itself says so.
        ended = msgspec.structs.replace(register, name="position.closed")
        put(bot.positions, str(values["position.id"]), ended)
    if values.get("reconciliation") is True:
        return
    pnl = decimal(values.get("pnl.net"))
    trades = bot.trades.setdefault(str(values.get("currency") or "?"), Trades())
    if pnl is None:
        return
    trades.settled += 1
    trades.won += pnl > 0
    trades.pnl += pnl

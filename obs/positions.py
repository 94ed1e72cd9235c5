"""Open positions as facts: size, price, value, and whether anything would close them.

What a bot does not tell stays unknown; a value is made of its own figures only.
"""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal

from obs.books import BotFacts, Thing, decimal
from obs.hazards.positions import RESTING, mark_price, open_positions, protection, stop_at_exchange
from obs.holdings import SIMULATED
from obs.quoting import plain
from obs.standing import Holding

__all__ = ["MOST", "holdings"]

MOST = 500
"""Positions that a Snapshot carries, the largest first."""


def holdings(bots: Mapping[str, BotFacts]) -> tuple[Holding, ...]:
    """Return what all bots hold open, largest value first."""
    found = [
        _holding(name, bot, key, position)
        for name, bot in sorted(bots.items())
        if bot.mode.values.get("run.mode") != "backtest"
        for key, position in open_positions(bot)
    ]
    found.sort(key=lambda one: (one.currency, -(one.value or Decimal(0)), one.service, one.symbol))
    return tuple(found[:MOST])


def _holding(name: str, bot: BotFacts, key: str, position: Thing) -> Holding:
    values = position.values
    quantity, price = decimal(values.get("position.quantity")), mark_price(values)
    how, since, stops = protection(bot, key, position)
    emulated = how == "stop" and all(stop.values.get("order.emulated") for stop in stops)
    if emulated or (how == "unknown" and stop_at_exchange(bot) is False):
        how = "bot"
    return Holding(
        service=name,
        symbol=plain(values.get("symbol") or key),
        side=plain(values.get("position.side") or ("short" if quantity is not None and quantity < 0 else "")),
        quantity=abs(quantity) if quantity is not None else None,
        entry=decimal(values.get("position.average_price")),
        price=price,
        currency=plain(values.get("currency") or "") or "?",
        value=abs(quantity) * price if quantity is not None and price is not None else None,
        unrealized=decimal(values.get("pnl.unrealized")),
        protection=how,
        unprotected_at=since if how == "none" else 0,
        stop=_level(stops),
        opened_at=position.began,
        is_simulated=str(bot.mode.values.get("run.mode")) in SIMULATED,
    )


def _level(stops: list[Thing]) -> Decimal | None:
    """The price of the stop that rests, else of the newest that was meant to."""
    newest = max(stops, key=lambda stop: (stop.last.name in RESTING, stop.last.time), default=None)
    if newest is None:
        return None
    return decimal(newest.values.get("order.stop_price")) or decimal(newest.values.get("order.price"))

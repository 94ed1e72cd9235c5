"""Limits that can say no, with the reason, and where a stop belongs. Pure functions.

A *denied* order never left the house; a *rejected* one was refused by the exchange.
"""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from typing import Literal

__all__ = ["Account", "Denial", "Limits", "Proposal", "TrailingStop", "denial_of"]

Reason = Literal["halted", "reducing", "notional", "balance", "rate_limit", "duplicate"]
State = Literal["running", "reducing", "halted"]


@dataclass(frozen=True, slots=True)
class Limits:
    """What a bot may do."""

    max_order_notional: Decimal = Decimal(50_000)
    """The largest order, in the currency of its price."""
    max_orders_per_minute: int = 20
    """Orders within 60 seconds; more is a runaway loop."""


@dataclass(frozen=True, slots=True)
class Account:
    """What the limits look at."""

    cash: Decimal
    held: Decimal
    """Units of the asset, negative when short."""
    state: State = "running"
    orders_last_minute: int = 0
    is_twin_open: bool = False
    """Whether an order of the same side, type and price already rests."""


@dataclass(frozen=True, slots=True)
class Proposal:
    """An order before anybody has seen it."""

    side: Literal["buy", "sell"]
    quantity: Decimal
    price: Decimal
    """What a unit will cost, as far as we know."""

    @property
    def notional(self) -> Decimal:
        """What all of it will cost."""
        return self.quantity * self.price


@dataclass(frozen=True, slots=True)
class Denial:
    """A no, its reason and the two numbers that were compared."""

    reason: Reason
    value: Decimal
    threshold: Decimal


@dataclass(frozen=True, slots=True)
class TrailingStop:
    """A stop that follows a rising price and never goes back."""

    distance: Decimal
    """How far below the price it stands, a fraction."""
    step: Decimal
    """How much higher the stop must get before it is worth moving, a fraction."""

    def price(self, seen: Decimal, tick: Decimal) -> Decimal:
        """Return where the stop belongs when the best price seen is `seen`, on the exchange's tick."""
        return (seen * (1 - self.distance)).quantize(tick)

    def is_due(self, present: Decimal, wanted: Decimal) -> bool:
        """Whether a stop at `present` is to be replaced by one at `wanted`."""
        return wanted >= present * (1 + self.step)


def denial_of(order: Proposal, account: Account, limits: Limits) -> Denial | None:
    """Return why an order may not be sent, or `None`.

    Orders that shrink the position pass all limits but those of a halted bot and the rate: a limit
    must never keep a bot from getting out.
    """
    rate = Decimal(account.orders_last_minute)
    if account.state == "halted":
        return Denial("halted", Decimal(1), Decimal(0))
    if rate >= limits.max_orders_per_minute:
        return Denial("rate_limit", rate, Decimal(limits.max_orders_per_minute))
    if account.is_twin_open:
        return Denial("duplicate", Decimal(2), Decimal(1))
    if _shrinks(order, account.held):
        return None
    if account.state == "reducing":
        return Denial("reducing", order.quantity, abs(account.held))
    if order.notional > limits.max_order_notional:
        return Denial("notional", order.notional, limits.max_order_notional)
    if order.side == "buy" and order.notional > account.cash:
        return Denial("balance", order.notional, account.cash)
    return None


def _shrinks(order: Proposal, held: Decimal) -> bool:
    opposite = held > 0 if order.side == "sell" else held < 0
    return opposite and order.quantity <= abs(held)

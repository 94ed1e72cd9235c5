"""Positions and closed trades: a fold over fills, in `Decimal`.

No clock, no logging: a position is what its fills make it, so it can be rebuilt from the record.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from decimal import Decimal
from typing import Literal

__all__ = ["Fill", "Position", "Side", "Trade", "applied", "closed_trade", "marked"]

Side = Literal["buy", "sell"]

ZERO = Decimal(0)


@dataclass(frozen=True, slots=True)
class Fill:
    """A part of an order that was traded."""

    fill_id: str
    order_id: str
    side: Side
    quantity: Decimal
    price: Decimal
    fee: Decimal
    """In the currency of the price."""
    time: int
    """Unix time in nanoseconds."""

    @property
    def signed(self) -> Decimal:
        """The quantity, negative for a sale."""
        return self.quantity if self.side == "buy" else -self.quantity


@dataclass(frozen=True, slots=True)
class Position:
    """What is held of one asset. Negative quantity: sold short."""

    quantity: Decimal = ZERO
    average_price: Decimal = ZERO
    """What the held units cost on average, without fees."""
    realized: Decimal = ZERO
    """What closed units earned, without fees."""
    entry_fees: Decimal = ZERO
    """Fees paid for the units still held."""
    fees: Decimal = ZERO
    """All fees paid so far."""
    opened: int = 0
    """When the first of the held units was bought; Unix ns."""
    best: Decimal = ZERO
    """The highest price seen while held."""
    worst: Decimal = ZERO
    """The lowest price seen while held."""

    @property
    def side(self) -> str:
        """`long`, `short` or `flat`."""
        return "flat" if self.quantity == 0 else "long" if self.quantity > 0 else "short"

    def unrealized(self, price: Decimal) -> Decimal:
        """Return what closing at `price` would earn, before fees."""
        return (price - self.average_price) * self.quantity


@dataclass(frozen=True, slots=True)
class Trade:
    """Units bought and sold again by one closing order."""

    quantity: Decimal
    entry_price: Decimal
    exit_price: Decimal
    entry_time: int
    exit_time: int
    fees: Decimal
    pnl_net: Decimal
    """What it earned after the fees of both sides."""
    pnl_ratio: Decimal
    """`pnl_net` as a fraction of what the units had cost."""
    mae_ratio: Decimal
    """The worst the price stood against the position, a fraction of the entry price (0 or less)."""
    mfe_ratio: Decimal
    """The best it stood in favour, a fraction of the entry price (0 or more)."""


def applied(position: Position, fill: Fill) -> Position:
    """Return the position after one more fill; a fill larger than the position turns it round."""
    held, change = position.quantity, fill.signed
    if held == 0 or held * change > 0:
        return _added(position, fill)
    closing = min(abs(held), fill.quantity)
    share = closing / abs(held)
    sign = 1 if held > 0 else -1
    left = replace(
        position,
        quantity=held - sign * closing,
        realized=position.realized + sign * closing * (fill.price - position.average_price),
        entry_fees=position.entry_fees * (1 - share),
        fees=position.fees + fill.fee * closing / fill.quantity,
    )
    rest = fill.quantity - closing
    if left.quantity == 0:
        left = Position(realized=left.realized, fees=left.fees)
    if rest == 0:
        return left
    return _added(left, replace(fill, quantity=rest, fee=fill.fee * rest / fill.quantity))


def marked(position: Position, price: Decimal) -> Position:
    """Return the position with `price` seen while it was held."""
    if position.quantity == 0:
        return position
    return replace(position, best=max(position.best, price), worst=min(position.worst, price))


def closed_trade(before: Position, fills: Sequence[Fill]) -> Trade:
    """Return the trade that one closing order made of a position.

    Args:
        before: The position before the order's first fill.
        fills: The order's fills, oldest first; together no larger than the position.

    Raises:
        ValueError: If the fills do not close a part of the position.
    """
    quantity = sum((fill.quantity for fill in fills), ZERO)
    if quantity == 0 or quantity > abs(before.quantity) or before.quantity * fills[0].signed > 0:
        raise ValueError(f"fills of {quantity} close nothing of a position of {before.quantity}")
    sign = 1 if before.quantity > 0 else -1
    exit_price = sum((fill.quantity * fill.price for fill in fills), ZERO) / quantity
    fees = sum((fill.fee for fill in fills), ZERO) + before.entry_fees * quantity / abs(before.quantity)
    pnl = sign * quantity * (exit_price - before.average_price) - fees
    prices = [before.best, before.worst, *(fill.price for fill in fills)]
    moves = [sign * (price / before.average_price - 1) for price in prices]
    return Trade(
        quantity=quantity,
        entry_price=before.average_price,
        exit_price=exit_price,
        entry_time=before.opened,
        exit_time=fills[-1].time,
        fees=fees,
        pnl_net=pnl,
        pnl_ratio=pnl / (quantity * before.average_price),
        mae_ratio=min(*moves, ZERO),
        mfe_ratio=max(*moves, ZERO),
    )


def _added(position: Position, fill: Fill) -> Position:
    quantity = abs(position.quantity) + fill.quantity
    cost = abs(position.quantity) * position.average_price + fill.quantity * fill.price
    is_new = position.quantity == 0
    return replace(
        position,
        quantity=position.quantity + fill.signed,
        average_price=cost / quantity,
        entry_fees=position.entry_fees + fill.fee,
        fees=position.fees + fill.fee,
        opened=fill.time if is_new else position.opened,
        best=fill.price if is_new else max(position.best, fill.price),
        worst=fill.price if is_new else min(position.worst, fill.price),
    )

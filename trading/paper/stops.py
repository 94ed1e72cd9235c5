"""Keeps a stop under a position: places it, moves it up, tries again when it is refused.

It moves a stop by canceling the old one first, because a spot account can sell its coins only once.
That leaves a gap, and whoever gives up inside the gap leaves the position without protection.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import dataclass
from decimal import Decimal

from trading.logs import BotLog
from trading.paper.broker import Order, PaperBroker, Status
from trading.paper.clock import Clock
from trading.paper.notifications import Notifier
from trading.positions import Fill, Position
from trading.risk import Standing, TrailingStop

__all__ = ["StopKeeper"]

TRIES = 5
SETTLE_S = 2.0
"""How long the exchange takes to free the coins of a canceled order."""
RETRY_S = 14.0


@dataclass
class StopKeeper:
    """The stop of one position at a time."""

    broker: PaperBroker
    clock: Clock
    log: BotLog
    notifier: Notifier
    rule: TrailingStop
    new_id: Callable[[str], str]
    standing: Callable[[], Standing]
    position: Callable[[], tuple[str, Position]]
    take: Callable[[list[Fill]], None]
    """Who books the fills of a stop that fires the moment it is placed."""
    stop: Order | None = None
    is_busy: bool = False
    """Whether a stop is on its way to the exchange."""
    has_given_up: bool = False
    cause: str | None = None
    """Id of the fill that made the stop necessary."""

    def adopt(self, order: Order) -> None:
        """Take over a stop that rests at the exchange already."""
        self.stop = order
        self.broker.confirm(order)

    def on_position(self, cause: str | None = None) -> None:
        """Bring the stop in line with the position; call when it has changed, with the id of the fill."""
        self.cause = cause
        _, position = self.position()
        self.stop = self.broker.orders.get(self.stop.order_id) if self.stop else None
        if position.quantity == 0:
            self.has_given_up = False
            if self.stop is not None and self.broker.cancel(self.stop, "position_closed"):
                self.stop = None
        elif self.stop is None and not self.is_busy and not self.has_given_up:
            self._place(tries=1)
        elif self.stop is not None and self.stop.remaining != position.quantity:
            self._replace("position_changed")

    def on_price(self) -> None:
        """Move the stop up when the best price seen allows it."""
        _, position = self.position()
        if self.stop is None or self.stop.price is None or position.quantity <= 0:
            return
        wanted = self._wanted(position)
        if self.rule.is_due(self.stop.price, wanted):
            self._replace("trailing_update")

    def _replace(self, reason: str) -> None:
        assert self.stop is not None
        if self.is_busy or not self.broker.cancel(self.stop, reason):
            return
        self.stop = None
        self.is_busy = True
        self.clock.after(SETTLE_S, lambda: self._place(tries=1))

    def _place(self, tries: int, order_id: str | None = None) -> None:
        position_id, position = self.position()
        self.is_busy = False
        if position.quantity <= 0:
            return
        order_id = order_id or self.new_id("stop-")
        order = Order(
            order_id=order_id,
            side="sell",
            type="stop_market",
            quantity=position.quantity,
            price=self._wanted(position),
            position_id=position_id,
            reduce_only=True,
            reason="stop_loss",
            cause=self.cause,
            tries=tries,
        )
        order, fills = self.broker.submit(order, self.standing(), words=f" (try {tries} of {TRIES})")
        if order.is_open or order.status is Status.FILLED:
            self.stop = order
            self.take(fills)
        elif order.status is Status.REJECTED and tries < TRIES:
            self.is_busy = True
            self.clock.after(RETRY_S, lambda: self._place(tries + 1, order_id))
        elif order.status is Status.REJECTED:
            self._give_up(order_id, position_id)

    def _give_up(self, order_id: str, position_id: str) -> None:
        self.has_given_up = True
        words = "giving up on stop %s after %d tries, position %s stays open"
        self.log.line("execution", logging.ERROR, words, order_id, TRIES, position_id)
        self.notifier.send(f"position {position_id} has no stop")

    def _wanted(self, position: Position) -> Decimal:
        return self.rule.price(position.best, self.broker.exchange.venue.tick)

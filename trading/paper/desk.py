"""A desk: one symbol of one bot. Its position, its stop, its orders under way, and what closing them earned.

The bot decides and owns the money; the desk carries out and keeps the position.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from decimal import Decimal
from typing import NamedTuple

from trading.bars import Bar, exact
from trading.logs import BotLog
from trading.paper.books import BookedTrade, Books, Holding
from trading.paper.broker import Order, PaperBroker
from trading.paper.clock import SECOND_NS, Clock
from trading.paper.guard import Guard
from trading.paper.notifications import Notifier
from trading.paper.replay import Market
from trading.paper.reports import Reports
from trading.paper.stops import StopKeeper
from trading.positions import Fill, Position, Side, applied, closed_trade, marked
from trading.risk import Standing, TrailingStop

__all__ = ["Desk", "Units"]


class Units(NamedTuple):
    """A position in floats, as the rules of `trading.risk` read it."""

    quantity: float
    average_price: float
    best: float


@dataclass
class Desk:
    """One symbol of one bot."""

    symbol: str
    market: Market
    broker: PaperBroker
    books: Books
    reports: Reports
    clock: Clock
    log: BotLog
    notifier: Notifier
    stop_rule: TrailingStop
    patience_s: float
    """How long a limit order waits."""
    new_id: Callable[[str], str]
    standing: Callable[[Desk], Standing]
    """How the bot stands when this desk proposes an order."""
    position: Position = field(default_factory=Position)
    position_id: str = ""
    exits: dict[str, tuple[Position, list[Fill]]] = field(default_factory=dict)
    """Closing orders under way: the position before them, and their fills."""
    regime: str | None = None
    """The kind of market when it was last judged."""
    opened_by: tuple[str | None, str | None] = (None, None)
    """Decision and agent that the position came from; neither is known of one that was taken over."""
    guard: Guard | None = None
    """Hears of candles and closed trades."""
    stopped: int | None = None
    """Sessions since a stop-loss closed the position; `None`: none did, or something was bought since."""

    def __post_init__(self) -> None:
        self.mark = exact(self.market.last().close)
        self.stops = StopKeeper(
            self.broker, self.clock, self.log, self.notifier, self.stop_rule, self.new_id,
            lambda: self.standing(self), lambda: (self.position_id, self.position), self.take,
        )  # fmt: skip

    @property
    def value(self) -> Decimal:
        """What is held, at the last candle's close."""
        return self.position.quantity * self.mark

    @property
    def units(self) -> Units:
        """What is held, in floats."""
        held = self.position
        return Units(float(held.quantity), float(held.average_price), float(held.best))

    @property
    def reserved(self) -> Decimal:
        """What resting orders to buy will cost, fees included."""
        costs = 1 + self.broker.exchange.venue.fee
        waiting = [order for order in self.broker.orders.values() if order.side == "buy"]
        return sum(
            (order.remaining * (order.price or self.mark) * costs for order in waiting), start=Decimal(0)
        )

    @property
    def holding(self) -> Holding:
        """The position as the books show it."""
        stop = self.stops.stop
        return Holding(self.symbol, self.position, self.mark, stop is not None and stop.is_open)

    def adopt(self, quantity: Decimal) -> None:
        """Take over units, and the stop under them, that were found at the exchange."""
        self.position_id = self.new_id("p")
        fill = Fill("adopted", "adopted", "buy", quantity, self.mark, Decimal(0), self.clock.now_ns)
        self.position = applied(self.position, fill)
        self._say("position.opened", reconciliation=True)
        price = self.stop_rule.price(self.mark, self.broker.exchange.venue.tick)
        self.stops.adopt(
            Order(
                self.new_id("stop-"), "sell", "stop_market", quantity, price,
                position_id=self.position_id, reduce_only=True, reason="stop_loss", exchange_id="8800",
            )
        )  # fmt: skip

    def settle(self) -> None:
        """Book what the exchange filled since the last look."""
        self.take(self.broker.match(self.position.quantity))
        # A closing order that ended with only a part of it filled has made a trade all the same.
        for order_id in [order_id for order_id in self.exits if order_id not in self.broker.orders]:
            self._close(order_id)

    def on_bar(self, bar: Bar) -> None:
        """Value the position at a new bar, and move its stop."""
        self.mark = exact(bar.close)
        self.reports.bar(bar)
        if self.guard is not None:
            self.guard.bar(self.symbol, bar)
        self.position = marked(self.position, self.mark)
        if self.position.quantity:
            self._say("position.changed")
        self.stops.on_price()

    def count_session(self) -> None:
        """Note that one more session has closed since a stop-loss, if one there was."""
        if self.stopped is not None:
            self.stopped += 1

    def is_free(self) -> bool:
        """Whether no order is under way; a limit order that still waits is taken back for a newer one."""
        waiting = [order for order in self.broker.orders.values() if not order.is_stop]
        return all(order.type == "limit" and self.broker.cancel(order, "replaced") for order in waiting)

    def order(
        self,
        side: Side,
        quantity: Decimal,
        *,
        decision_id: str,
        price: Decimal | None = None,
        reason: str = "signal",
        agent: str | None = None,
    ) -> None:
        """Send an order that was decided: a limit order at `price`, else at the market."""
        expires = self.clock.now_ns + round(self.patience_s * SECOND_NS)
        order = Order(
            order_id=self.new_id("o"),
            side=side,
            type="market" if price is None else "limit",
            quantity=quantity,
            price=price,
            reference_price=self.mark,
            decision_id=decision_id,
            position_id=self.position_id if self.position.quantity else None,
            reason=reason,
            agent=agent,
            expires=None if price is None else expires,
            cause=decision_id,
        )
        _, fills = self.broker.submit(order, self.standing(self))
        self.take(fills)

    def take(self, fills: list[Fill]) -> None:
        """Book fills: position, money, and the trade when a closing order is done."""
        for fill in fills:
            before, self.position = self.position, applied(self.position, fill)
            self.books.pay(fill)
            if before.quantity == 0:
                self.stopped = None
                self.position_id = self.new_id("p")
                order = self.books.orders[fill.order_id]
                self.opened_by = (order.decision_id, order.agent)
                self._say("position.opened", cause=fill.fill_id)
                self.notifier.send(f"bought {fill.quantity} {self.symbol} at {fill.price}")
            elif self.position.quantity == 0:
                self._say("position.closed", cause=fill.fill_id)
            else:
                self._say("position.changed", cause=fill.fill_id)
            if before.quantity * fill.signed < 0:
                self._on_exit(before, fill)
        if fills:
            self.reports.balance(self.books.cash, self.standing(self).cash)
            self.stops.on_position(fills[-1].fill_id)

    def _on_exit(self, before: Position, fill: Fill) -> None:
        _, fills = self.exits.setdefault(fill.order_id, (before, []))
        fills.append(fill)
        if fill.order_id not in self.broker.orders:
            self._close(fill.order_id)

    def _close(self, order_id: str) -> None:
        first, fills = self.exits.pop(order_id)
        order = self.books.orders[order_id]
        booked = BookedTrade(self.new_id("t"), self.symbol, order.reason, closed_trade(first, fills))
        self.books.trades.append(booked)
        # A trade belongs to the decision that opened it; the one that closed it stands behind its cause.
        decision, agent = self.opened_by
        self.reports.trade(
            booked, self.position_id, regime=self.regime, decision=decision, cause=fills[-1].fill_id
        )
        if (credited := agent or order.agent) is not None:
            self.reports.attribution(booked, credited)
        if self.guard is not None:
            self.guard.trade(self.symbol, booked.trade.pnl_net)
        if order.reason == "stop_loss" and not self.position.quantity:
            self.stopped = 0
        net = booked.trade.pnl_net
        self.notifier.send(f"sold {booked.trade.quantity} {self.symbol}, {net:+.2f} {self.books.currency}")

    def _say(self, name: str, *, cause: str | None = None, reconciliation: bool | None = None) -> None:
        self.reports.position(
            name, self.position_id, self.position, self.mark, cause=cause, reconciliation=reconciliation
        )

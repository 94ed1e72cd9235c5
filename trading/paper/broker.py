"""The paper broker: an order's life from proposal to its end, each step an event.

It asks `risk` before it asks the exchange: *denied* is our own no, *rejected* the exchange's.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from decimal import Decimal
from enum import StrEnum
from typing import Protocol

from trading.logs import BotLog, Value
from trading.paper.clock import SECOND_NS
from trading.paper.exchange import ExchangeError, PaperExchange, Prices
from trading.positions import Fill, Side
from trading.risk import Limits, Proposal, Standing, denial_of

__all__ = ["IllegalMoveError", "Order", "PaperBroker", "Status", "moved"]


class Status(StrEnum):
    """Where an order stands."""

    INITIALIZED = "initialized"
    DENIED = "denied"
    SUBMITTED = "submitted"
    REJECTED = "rejected"
    ACCEPTED = "accepted"
    PARTIALLY_FILLED = "partially_filled"
    FILLED = "filled"
    CANCELED = "canceled"
    EXPIRED = "expired"


_OPEN = {Status.PARTIALLY_FILLED, Status.FILLED, Status.CANCELED, Status.EXPIRED}
_MOVES: Mapping[Status, set[Status]] = {
    Status.INITIALIZED: {Status.DENIED, Status.SUBMITTED},
    Status.SUBMITTED: {Status.ACCEPTED, Status.REJECTED},
    Status.ACCEPTED: _OPEN,
    Status.PARTIALLY_FILLED: _OPEN,
}


_FIRST = {"order.submitted", "order.denied"}


class IllegalMoveError(ValueError):
    """An order was asked to go where it cannot, e.g. to be filled after it was canceled."""


@dataclass(frozen=True, slots=True)
class Order:
    """An order and where it stands."""

    order_id: str
    side: Side
    type: str
    """`market`, `limit` or `stop_market`."""
    quantity: Decimal
    price: Decimal | None = None
    """The limit, or the price at which a stop fires."""
    reference_price: Decimal | None = None
    """The price when it was decided; slippage is measured against it."""
    decision_id: str | None = None
    position_id: str | None = None
    reduce_only: bool = False
    reason: str = "signal"
    """What its fills will be: `signal`, `stop_loss`, `take_profit`."""
    agent: str | None = None
    """Whose signal led to it; `None`: nobody's, a stop or a limit did."""
    expires: int | None = None
    """When the exchange gives it up, Unix ns; `None`: never."""
    cause: str | None = None
    """Id of the event that led to it."""
    tries: int = 1
    """Which try to send it this is."""
    status: Status = Status.INITIALIZED
    exchange_id: str | None = None
    filled: Decimal = Decimal(0)

    @property
    def remaining(self) -> Decimal:
        """What is not filled yet."""
        return self.quantity - self.filled

    @property
    def is_stop(self) -> bool:
        """Whether it protects a position; else a decision led to it."""
        return self.type == "stop_market"

    @property
    def is_open(self) -> bool:
        """Whether it rests at the exchange."""
        return self.status in (Status.ACCEPTED, Status.PARTIALLY_FILLED)


def moved(order: Order, status: Status) -> Order:
    """Return the order in its new status.

    Raises:
        IllegalMoveError: If no order goes from its status to that one.
    """
    if status not in _MOVES.get(order.status, set()):
        raise IllegalMoveError(f"order {order.order_id} cannot go from {order.status} to {status}")
    return replace(order, status=status)


class Register(Protocol):
    """Who writes down what becomes of orders."""

    def note(self, order: Order, reason: str = "") -> None:
        """Enter an order as it now stands; `reason` says why it was denied or rejected."""


@dataclass
class PaperBroker:
    """The orders of one bot at one exchange."""

    exchange: PaperExchange
    market: Prices
    log: BotLog
    symbol: str
    currency: str
    register: Register
    """Where the bot writes down what becomes of its orders."""
    limits: Limits = field(default_factory=Limits)
    orders: dict[str, Order] = field(default_factory=dict)
    """Every order that rests at the exchange, by id."""
    sent: deque[int] = field(default_factory=deque)
    """When orders were sent, Unix ns; brokers of one bot share it, because the limit is the bot's."""
    on_fill: Callable[[str, str, Decimal], None] | None = None
    """Hears of each fill: id of the order, symbol, and how much worse than its reference, a fraction."""

    def submit(self, order: Order, standing: Standing, *, words: str = "") -> tuple[Order, list[Fill]]:
        """Send an order and return it as it then stands, with what was filled at once.

        Args:
            order: A new order.
            standing: What the limits look at; the broker adds what it knows of open orders.
            words: What people shall read beside a refusal, e.g. which try this is.
        """
        price = order.price or order.reference_price or self.market.price()
        standing = replace(
            standing,
            orders_last_minute=self._orders_last_minute(),
            is_twin_open=any(_is_twin(order, other) for other in self.orders.values()),
        )
        denial = denial_of(Proposal(order.side, order.quantity, price), standing, self.limits)
        if denial is not None:
            about: dict[str, Value] = {
                "reason": denial.reason,
                "value": denial.value,
                "threshold": denial.threshold,
            }
            self._say("order.denied", order, about, "order %s denied: %s", order.order_id, denial.reason)
            return self._noted(moved(order, Status.DENIED), denial.reason), []
        self.sent.append(self.exchange.clock.now_ns)
        order = self._noted(moved(order, Status.SUBMITTED))
        self._say(
            "order.submitted",
            order,
            {},
            "submit %s %s %s %s",
            order.type,
            order.side,
            order.quantity,
            self.symbol,
        )
        started = self.exchange.clock.now_ns
        try:
            exchange_id, fills = self.exchange.submit(
                order, self.market, cash=standing.cash, held=standing.held
            )
        except ExchangeError as error:
            about = {
                "reason": error.error_type,
                "error.type": error.error_type,
                "exchange.code": error.code,
            }
            text = "%s order %s rejected: %s%s"
            self._say(
                "order.rejected", order, about, text, order.type, order.order_id, error, words, error=error
            )
            return self._noted(moved(order, Status.REJECTED), error.error_type), []
        order = self._noted(moved(replace(order, exchange_id=exchange_id), Status.ACCEPTED))
        latency = round((self.exchange.clock.now_ns - started) / 1_000_000)
        self._say("order.accepted", order, {"latency_ms": latency}, "order %s accepted", order.order_id)
        self.orders[order.order_id] = order
        self._take(fills)
        return self.orders.get(order.order_id, moved(order, Status.FILLED)), fills

    def confirm(self, order: Order) -> None:
        """Take over an order that was found at the exchange when the bot started."""
        order = self._noted(replace(order, status=Status.ACCEPTED))
        self.orders[order.order_id] = order
        about: dict[str, Value] = {"order.confirmed": True, "checked.time": self.exchange.clock.now_ns}
        self._say("order.accepted", order, about, "%s order %s is in place", order.type, order.order_id)

    def cancel(self, order: Order, reason: str) -> bool:
        """Take an order back; return whether the exchange confirmed it."""
        try:
            self.exchange.cancel(order)
        except ExchangeError:
            # The failed request is an event already, and the order still rests: the caller decides.
            return False
        canceled = self._noted(moved(self.orders.pop(order.order_id), Status.CANCELED))
        self._say(
            "order.canceled", canceled, {"reason": reason}, "order %s canceled: %s", order.order_id, reason
        )
        return True

    def match(self, held: Decimal) -> list[Fill]:
        """Let the exchange fill or end what rests there, with `held` units to sell; return the fills."""
        if not self.exchange.is_down():
            self._expire()
        fills = self.exchange.match(list(self.orders.values()), self.market, held)
        self._take(fills)
        return fills

    def _expire(self) -> None:
        now = self.exchange.clock.now_ns
        for order in list(self.orders.values()):
            if order.expires is None or now < order.expires:
                continue
            ended = self._noted(moved(self.orders.pop(order.order_id), Status.EXPIRED))
            words = "order %s expired, %s of %s not filled"
            about: dict[str, Value] = {"reason": "time in force"}
            self._say("order.expired", ended, about, words, order.order_id, order.remaining, order.quantity)

    def _noted(self, order: Order, reason: str = "") -> Order:
        self.register.note(order, reason)
        return order

    def _take(self, fills: list[Fill]) -> None:
        for fill in fills:
            order = self.orders[fill.order_id]
            status = Status.FILLED if fill.quantity == order.remaining else Status.PARTIALLY_FILLED
            order = self._noted(moved(replace(order, filled=order.filled + fill.quantity), status))
            self.orders[fill.order_id] = order
            if status is Status.FILLED:
                del self.orders[fill.order_id]
            self._say_filled(order, fill)

    def _say_filled(self, order: Order, fill: Fill) -> None:
        reference = order.reference_price or order.price or fill.price
        sign = 1 if fill.side == "buy" else -1
        slippage = sign * (fill.price - reference) / reference
        about: dict[str, Value] = {
            "fill.id": fill.fill_id,
            "fill.quantity": fill.quantity,
            "fill.price": fill.price,
            "fill.fee": fill.fee,
            "fill.fee_currency": self.currency,
            "fill.liquidity": "maker" if order.type == "limit" else "taker",
            "order.remaining": order.remaining,
            "slippage.ratio": round(float(slippage), 6),
            "reconciliation": False,
        }
        words = "order %s: %s %s %s at %s"
        self._say(
            "order.filled",
            order,
            about,
            words,
            order.order_id,
            fill.side,
            fill.quantity,
            self.symbol,
            fill.price,
        )
        if self.on_fill is not None:
            self.on_fill(order.order_id, self.symbol, round(slippage, 6))

    def _say(
        self,
        name: str,
        order: Order,
        about: Mapping[str, Value],
        body: str,
        *args: object,
        error: BaseException | None = None,
    ) -> None:
        attributes: dict[str, Value] = {
            "order.id": order.order_id,
            "order.exchange_id": order.exchange_id,
            "symbol": self.symbol,
            "exchange.id": self.exchange.venue.exchange_id,
            "order.side": order.side,
            "order.type": order.type,
            "order.quantity": order.quantity,
            "order.price": order.price,
            "order.stop_price": order.price if order.is_stop else None,
            "order.reference_price": order.reference_price,
            "order.reduce_only": True if order.reduce_only else None,
            "order.remaining": order.remaining,
            "position.id": order.position_id,
            "decision.id": order.decision_id,
            "currency": self.currency,
            # An order begins with its decision; what comes after it was led to by its being sent.
            "cause.id": order.cause if name in _FIRST else order.order_id,
            "log.record.uid": _uid(name, order, about),
        }
        self.log.event(name, {**attributes, **about}, body, *args, error=error)

    def _orders_last_minute(self) -> int:
        while self.sent and self.exchange.clock.now_ns - self.sent[0] > 60 * SECOND_NS:
            self.sent.popleft()
        return len(self.sent)


def _is_twin(order: Order, other: Order) -> bool:
    return (order.side, order.type, order.price) == (other.side, other.type, other.price)


def _uid(name: str, order: Order, about: Mapping[str, Value]) -> Value:
    """The id by which later events name this one as their cause; most are nobody's cause."""
    if name == "order.filled":
        return about["fill.id"]
    return order.order_id if name == "order.submitted" and order.tries == 1 else None

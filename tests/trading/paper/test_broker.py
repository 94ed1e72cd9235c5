"""The paper broker: fees, slippage, fills in parts, and the two kinds of no."""

from __future__ import annotations

import logging
import random
from collections.abc import Iterator
from dataclasses import dataclass, replace
from decimal import Decimal

import pytest

from tests.trading.conftest import START_NS, collected
from trading.logs import BotLog
from trading.paper.books import Books
from trading.paper.broker import IllegalMoveError, Order, PaperBroker, Status, moved
from trading.paper.clock import SECOND_NS, Clock
from trading.paper.exchange import BINANCE, PaperExchange
from trading.paper.faults import FaultPlan, Window
from trading.risk import Limits, Standing

D = Decimal
ACCOUNT = Standing(cash=D(100_000), held=D(10))


@dataclass
class Market:
    """A market that stands where it is put."""

    at: Decimal
    traded: Decimal

    def price(self) -> Decimal:
        return self.at

    def volume(self) -> Decimal:
        return self.traded


@dataclass
class Desk:
    """A broker, its market and what it said."""

    market: Market
    clock: Clock
    broker: PaperBroker
    records: list[logging.LogRecord]
    books: Books

    def said(self) -> list[str]:
        return [record.__dict__["event_name"] for record in self.records if record.levelno > logging.DEBUG]

    def last(self, name: str) -> dict[str, object]:
        return next(vars(r) for r in reversed(self.records) if r.__dict__["event_name"] == name)


@pytest.fixture
def desk() -> Iterator[Desk]:
    market, clock, log = Market(D(100), D(1000)), Clock(START_NS), BotLog("bot-1", "test")
    plan = FaultPlan(outages={"binance": Window(600, 1200)})
    books = Books("bot-1", "test", "USD", D(0))
    exchange = PaperExchange(BINANCE, clock, log, "bot-1", plan, random.Random(1))
    with collected() as records:
        broker = PaperBroker(exchange, market, log, "BTC/USD", "USD", books, Limits())
        yield Desk(market, clock, broker, records, books)


def order(kind: str = "market", side: str = "buy", quantity: str = "2", price: str | None = None) -> Order:
    return Order(
        order_id=f"o-{kind}-{side}-{quantity}-{price}",
        side="buy" if side == "buy" else "sell",
        type=kind,
        quantity=D(quantity),
        price=None if price is None else D(price),
        reference_price=D(100),
    )


def test_a_market_order_pays_slippage_and_the_fee(desk: Desk) -> None:
    sent, fills = desk.broker.submit(order(), ACCOUNT)

    assert sent.status is Status.FILLED
    assert [(one.quantity, one.price, one.fee) for one in fills] == [(D(2), D("100.03"), D("0.2001"))]
    assert desk.said() == ["order.submitted", "order.accepted", "order.filled"]
    assert desk.last("order.filled")["slippage.ratio"] == 0.0003


def test_an_order_larger_than_the_market_is_filled_in_parts(desk: Desk) -> None:
    desk.market.traded = D(15)

    sent, first = desk.broker.submit(order(quantity="2"), ACCOUNT)
    rest = desk.broker.match(D(0))

    assert sent.status is Status.PARTIALLY_FILLED
    assert [one.quantity for one in (*first, *rest)] == [D("1.500"), D("0.500")]
    assert desk.broker.orders == {}
    assert desk.last("order.filled")["order.remaining"] == "0.000"


def test_a_limit_order_rests_until_its_price_comes_and_pays_no_slippage(desk: Desk) -> None:
    sent, fills = desk.broker.submit(order("limit", price="98"), ACCOUNT)
    assert (sent.status, fills) == (Status.ACCEPTED, [])

    desk.market.at = D(97)

    assert [one.price for one in desk.broker.match(D(0))] == [D("98.00")]


def test_a_stop_fires_below_its_price_and_is_filled_at_the_market(desk: Desk) -> None:
    desk.broker.submit(order("stop_market", "sell", price="95"), ACCOUNT)
    assert desk.broker.match(D(10)) == []

    desk.market.at = D(94)

    assert [one.price for one in desk.broker.match(D(10))] == [D("93.97")]


def test_no_coin_is_sold_twice(desk: Desk) -> None:
    desk.broker.submit(order("stop_market", "sell", price="95"), ACCOUNT)
    desk.broker.submit(order("stop_market", "sell", price="96"), ACCOUNT)
    desk.market.at = D(90)

    fills = desk.broker.match(D(2))

    assert sum(one.quantity for one in fills) == D(2)


def test_our_own_no_never_reaches_the_exchange(desk: Desk) -> None:
    sent, fills = desk.broker.submit(order(quantity="1001"), ACCOUNT)

    assert (sent.status, fills) == (Status.DENIED, [])
    assert desk.said() == ["order.denied"]
    assert desk.last("order.denied")["reason"] == "notional"
    assert [r for r in desk.records if r.__dict__["event_name"] == "api.requested"] == []


def test_a_runaway_loop_is_denied_after_twenty_orders_in_a_minute(desk: Desk) -> None:
    for _ in range(25):
        desk.broker.submit(order(quantity="1"), ACCOUNT)

    assert desk.said().count("order.denied") == 5
    assert desk.last("order.denied")["reason"] == "rate_limit"


@pytest.mark.parametrize(
    ("wanted", "standing", "code", "word"),
    [
        (("market", "buy", "0.01"), ACCOUNT, "-1013", "NOTIONAL"),
        (("market", "buy", "1.0005"), ACCOUNT, "-1013", "LOT_SIZE"),
        (
            ("stop_market", "sell", "11", "95"),
            Standing(cash=D(0), held=D(10)),
            "-2010",
            "insufficient balance",
        ),
    ],
)
def test_the_exchange_refuses_by_its_own_rules(
    desk: Desk, wanted: tuple[str, ...], standing: Standing, code: str, word: str
) -> None:
    sent, fills = desk.broker.submit(order(*wanted), standing)

    said = desk.last("order.rejected")
    assert (sent.status, fills) == (Status.REJECTED, [])
    assert (said["error.type"], said["exchange.code"]) == ("invalid", code)
    assert word in str(said["msg"] % said["args"])  # type: ignore[operator]


def test_money_that_pays_for_the_order_but_not_for_its_fee_is_refused(desk: Desk) -> None:
    desk.broker.limits = Limits(costs=D(0))

    sent, _ = desk.broker.submit(order(quantity="2"), Standing(cash=D("200.1"), held=D(0)))
    assert sent.status is Status.REJECTED
    sent, _ = desk.broker.submit(order(quantity="2"), Standing(cash=D("200.2"), held=D(0)))

    assert sent.status is Status.FILLED


def test_a_limit_order_is_given_up_when_its_time_is_over(desk: Desk) -> None:
    waiting = replace(order("limit", price="98"), expires=desk.clock.now_ns + 300 * SECOND_NS)
    desk.broker.submit(waiting, ACCOUNT)
    desk.clock.wait(299)
    assert desk.broker.match(D(0)) == []
    assert desk.broker.orders

    desk.clock.wait(1)
    desk.market.at = D(97)

    assert desk.broker.match(D(0)) == []
    assert desk.broker.orders == {}
    assert desk.last("order.expired")["order.remaining"] == "2"
    assert desk.books.orders[waiting.order_id].status is Status.EXPIRED


def test_the_exchange_refuses_an_order_that_is_too_small(desk: Desk) -> None:
    sent, _ = desk.broker.submit(order(quantity="0.01"), ACCOUNT)

    said = desk.last("order.rejected")
    assert sent.status is Status.REJECTED
    assert (said["error.type"], said["exchange.code"], said["levelno"]) == ("invalid", "-1013", logging.ERROR)


def test_an_order_in_an_outage_is_rejected_with_the_chain_of_causes(desk: Desk) -> None:
    desk.clock.wait(601)

    sent, _ = desk.broker.submit(order(), ACCOUNT)

    record = desk.records[-1]
    assert sent.status is Status.REJECTED
    assert record.__dict__["error.type"] == "timeout"
    assert record.exc_info is not None
    assert record.exc_info[1] is not None
    assert isinstance(record.exc_info[1].__cause__, TimeoutError)


def test_an_order_whose_cancel_failed_still_rests(desk: Desk) -> None:
    resting, _ = desk.broker.submit(order("limit", price="98"), ACCOUNT)
    desk.clock.wait(700)

    assert desk.broker.cancel(resting, "replaced") is False
    assert list(desk.broker.orders) == [resting.order_id]


def test_a_canceled_order_cannot_be_filled() -> None:
    canceled = moved(moved(moved(order(), Status.SUBMITTED), Status.ACCEPTED), Status.CANCELED)

    with pytest.raises(IllegalMoveError, match="from canceled to filled"):
        moved(canceled, Status.FILLED)

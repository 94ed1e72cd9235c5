"""A stop follows its position; a refused one is tried again, five times."""

from __future__ import annotations

import itertools
import logging
import random
from collections.abc import Iterator
from dataclasses import dataclass, field
from decimal import Decimal

import pytest

from tests.trading.conftest import START_NS, collected
from trading.logs import BotLog
from trading.paper.books import Books
from trading.paper.broker import PaperBroker
from trading.paper.clock import Clock
from trading.paper.exchange import BINANCE, PaperExchange
from trading.paper.faults import FaultPlan, Window
from trading.paper.notifications import Notifier
from trading.paper.stops import StopKeeper
from trading.positions import Fill, Position, applied, marked
from trading.risk import Standing, TrailingStop

D = Decimal


@dataclass
class Market:
    """A market that stands where it is put."""

    at: Decimal

    def price(self) -> Decimal:
        return self.at

    def volume(self) -> Decimal:
        return D(1000)


@dataclass
class Desk:
    """A position of two units, its stop, and what was said."""

    clock: Clock
    market: Market
    broker: PaperBroker
    records: list[logging.LogRecord]
    keeper: StopKeeper = field(init=False)
    position: Position = field(init=False)

    def move(self, price: str) -> None:
        self.market.at = D(price)
        self.position = marked(self.position, D(price))
        self.keeper.on_price()

    def take(self, fills: list[Fill]) -> None:
        for fill in fills:
            self.position = applied(self.position, fill)

    def stop_price(self) -> Decimal | None:
        return self.keeper.stop.price if self.keeper.stop else None

    def said(self, name: str) -> int:
        return sum(record.__dict__.get("event_name") == name for record in self.records)


@pytest.fixture(name="desk")
def desk_fixture(request: pytest.FixtureRequest) -> Iterator[Desk]:
    clock, log = Clock(START_NS), BotLog("bot-1", "test")
    plan = FaultPlan(outages={"binance": getattr(request, "param", Window(0, 0))})
    market = Market(D(100))
    exchange = PaperExchange(BINANCE, clock, log, "bot-1", plan, random.Random(1))
    books = Books("bot-1", "test", "USD", D(0))
    broker = PaperBroker(exchange, market, log, "BTC/USD", "USD", books)
    notifier = Notifier("bot-1", clock, log, plan)
    ids = itertools.count(1)
    with collected() as records:
        desk = Desk(clock, market, broker, records)
        desk.position = applied(Position(), Fill("f", "o", "buy", D(2), D(100), D(0), START_NS))
        desk.keeper = StopKeeper(
            broker,
            clock,
            log,
            notifier,
            TrailingStop(D("0.01"), D("0.001")),
            new_id=lambda kind: f"{kind}{next(ids)}",
            standing=lambda: Standing(cash=D(0), held=desk.position.quantity),
            position=lambda: ("p1", desk.position),
            take=desk.take,
        )
        yield desk


def test_a_position_gets_a_stop_and_a_higher_one_as_the_price_rises(desk: Desk) -> None:
    desk.keeper.on_position()
    assert desk.stop_price() == D("99.00")

    desk.move("110")
    assert desk.stop_price() is None
    desk.clock.run_until(10)

    assert desk.stop_price() == D("108.90")
    assert list(desk.broker.orders) == ["stop-2"]


def test_a_stop_that_fires_the_moment_it_is_placed_is_booked(desk: Desk) -> None:
    desk.keeper.on_position()
    desk.move("110")
    desk.market.at = D(105)

    desk.clock.run_until(10)

    assert desk.position.quantity == 0
    assert desk.said("order.filled") == 1


def test_a_stop_is_taken_back_when_the_position_is_closed(desk: Desk) -> None:
    desk.keeper.on_position()
    desk.position = Position()

    desk.keeper.on_position()

    assert desk.broker.orders == {}
    assert desk.said("order.canceled") == 1


@pytest.mark.parametrize("desk", [Window(0, 30)], indirect=True)
def test_a_stop_refused_in_a_short_outage_gets_through_in_the_end(desk: Desk) -> None:
    desk.keeper.on_position()

    desk.clock.run_until(120)

    assert desk.said("order.rejected") == 2
    assert list(desk.broker.orders) == ["stop-1"]


@pytest.mark.parametrize("desk", [Window(0, 300)], indirect=True)
def test_after_five_refusals_it_gives_up_for_as_long_as_the_position_lives(desk: Desk) -> None:
    desk.keeper.on_position()
    desk.clock.run_until(400)
    assert desk.said("order.rejected") == 5
    assert desk.said("notification.sent") == 1

    desk.keeper.on_position()

    assert desk.stop_price() is None
    assert desk.said("order.submitted") == 5

"""A stop follows its position; a refused one is tried again, five times."""

from __future__ import annotations

import itertools
import logging
import random
from collections.abc import Iterator
from dataclasses import dataclass
from decimal import Decimal

import pytest

from tests.trading.conftest import START_NS, collected
from trading.broker import PaperBroker
from trading.clock import Clock
from trading.exchange import BINANCE, PaperExchange
from trading.faults import FaultPlan, Window
from trading.logs import BotLog
from trading.notifications import Notifier
from trading.positions import Fill, Position, applied, marked
from trading.risk import Account, TrailingStop
from trading.stops import StopKeeper

D = Decimal


class Market:
    """A market that stands at 100."""

    def price(self) -> Decimal:
        return D(100)

    def volume(self) -> Decimal:
        return D(1000)


@dataclass
class Desk:
    """A position of two units, its stop, and what was said."""

    clock: Clock
    keeper: StopKeeper
    position: Position
    records: list[logging.LogRecord]

    def stop_price(self) -> Decimal | None:
        return self.keeper.stop.price if self.keeper.stop else None

    def said(self, name: str) -> int:
        return sum(record.__dict__.get("event_name") == name for record in self.records)


@pytest.fixture
def desk(request: pytest.FixtureRequest) -> Iterator[Desk]:
    clock, log = Clock(START_NS), BotLog("bot-1", "test")
    plan = FaultPlan(outages={"binance": getattr(request, "param", Window(0, 0))})
    exchange = PaperExchange(BINANCE, Market(), clock, log, "bot-1", plan, random.Random(1))
    broker, notifier = PaperBroker(exchange, log, "BTC/USD", "USD"), Notifier("bot-1", clock, log, plan)
    ids = itertools.count(1)
    with collected() as records:
        keeper = StopKeeper(
            broker,
            clock,
            log,
            notifier,
            TrailingStop(D("0.01"), D("0.001")),
            new_id=lambda kind: f"{kind}{next(ids)}",
            account=lambda: Account(cash=D(0), held=D(2)),
            position=lambda: ("p1", desk.position),
        )
        held = applied(Position(), Fill("f", "o", "buy", D(2), D(100), D(0), START_NS))
        desk = Desk(clock, keeper, held, records)
        yield desk


def test_a_position_gets_a_stop_and_a_higher_one_as_the_price_rises(desk: Desk) -> None:
    desk.keeper.on_position()
    assert desk.stop_price() == D("99.00")

    desk.position = marked(desk.position, D(110))
    desk.keeper.on_price()
    assert desk.stop_price() is None
    desk.clock.run_until(10)

    assert desk.stop_price() == D("108.90")
    assert list(desk.keeper.broker.orders) == ["stop-2"]


def test_a_stop_is_taken_back_when_the_position_is_closed(desk: Desk) -> None:
    desk.keeper.on_position()
    desk.position = Position()

    desk.keeper.on_position()

    assert desk.keeper.broker.orders == {}
    assert desk.said("order.canceled") == 1


@pytest.mark.parametrize("desk", [Window(0, 30)], indirect=True)
def test_a_stop_refused_in_a_short_outage_gets_through_in_the_end(desk: Desk) -> None:
    desk.keeper.on_position()

    desk.clock.run_until(120)

    assert desk.said("order.rejected") == 2
    assert list(desk.keeper.broker.orders) == ["stop-1"]


@pytest.mark.parametrize("desk", [Window(0, 300)], indirect=True)
def test_after_five_refusals_it_gives_up_for_as_long_as_the_position_lives(desk: Desk) -> None:
    desk.keeper.on_position()
    desk.clock.run_until(400)
    assert desk.said("order.rejected") == 5
    assert desk.said("notification.sent") == 1

    desk.keeper.on_position()

    assert desk.stop_price() is None
    assert desk.said("order.submitted") == 5

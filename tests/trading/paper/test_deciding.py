"""Traders decide by signals, gates and risk limits; desks carry out and keep count of what is promised."""

from __future__ import annotations

import random
from collections.abc import Mapping, Sequence
from dataclasses import replace
from decimal import Decimal
from typing import Any

import pytest

from tests.trading.conftest import START_NS, collected
from trading.bars import Bar
from trading.paper.bot import Bot, BotConfig
from trading.paper.clock import SECOND_NS
from trading.paper.exchange import COINBASE
from trading.paper.faults import FaultPlan
from trading.paper.fleet import FLEET, run_bot
from trading.risk import RiskLimits
from trading.signals.signal import Signal

D = Decimal
MINUTE_NS = 60 * SECOND_NS


class Script:
    """A rule that says what it was told to say, bar by bar of the run; nothing in the warm-up."""

    def __init__(self, signals: Mapping[float, Signal]) -> None:
        self._signals = signals

    def on_bar(self, bar: Bar, held: float) -> Signal | None:
        return self._signals.get(bar.close)


def bars(closes: Sequence[float], volume: float = 1000.0) -> list[Bar]:
    """Return bars of which each opens where the one before closed."""
    opens = [closes[0], *closes]
    return [
        Bar(index * MINUTE_NS, begin, max(begin, end), min(begin, end), end, volume)
        for index, (begin, end) in enumerate(zip(opens, closes, strict=False))
    ]


def played(
    config: BotConfig, series: Mapping[str, Sequence[Bar]], minutes: float
) -> tuple[Bot, list[dict[str, Any]]]:
    """Run a bot on bars and return it with its events."""
    with collected() as records:
        bot = run_bot(config, start_ns=START_NS, duration_s=minutes * 60, faults=FaultPlan(), bars=series)
    return bot, [vars(record) for record in records if hasattr(record, "event_name")]


def scripted(signals: Mapping[float, Signal], **more: Any) -> BotConfig:
    return BotConfig(
        bot_id="s-1", strategy_name="script", symbols=("BTC/USD",), venue=COINBASE, cash=D(20_000),
        strategy=lambda: Script(signals), **more,
    )  # fmt: skip


def said(events: list[dict[str, Any]], name: str) -> list[dict[str, Any]]:
    return [event for event in events if event["event_name"] == name]


def test_a_closing_order_that_expired_half_filled_has_made_a_trade() -> None:
    signals = {101.0: Signal("buy", 0.9, "in"), 102.0: Signal("sell", 0.9, "out", price=103.0)}
    # The price reaches the limit for one minute, in which a tenth of the volume is one unit.
    closes = [100.0] * 60 + [100.0, 101.0, 101.5, 102.0, 103.5, 102.5, *[102.6] * 20]
    series = {"BTC/USD": bars(closes)}
    series["BTC/USD"][65] = series["BTC/USD"][65]._replace(volume=10.0)

    bot, events = played(scripted(signals, unit=D(2), patience_s=300.0), series, 25)

    (expired,) = said(events, "order.expired")
    (trade,) = said(events, "trade.closed")
    assert (expired["order.remaining"], trade["quantity"]) == ("1.000", "1.000")
    assert D(trade["pnl.net"]) == bot.books.trades[0].trade.pnl_net
    assert bot.desks["BTC/USD"].position.quantity == 1


def test_money_that_waits_in_a_limit_order_is_not_free() -> None:
    price = bars([100.0] * 60 + [100.0, 101.0, 102.0, 103.0, 103.0])
    dearest = FLEET["grid-1"].limits.max_order_notional
    signals = {101.0: Signal("buy", 0.9, "wait", price=50.0)}

    bot, events = played(scripted(signals, unit=D(2)), {"BTC/USD": price}, 4)

    (accepted,) = said(events, "order.accepted")
    waiting = D(2) * D(50) * (1 + COINBASE.fee)
    desk = bot.desks["BTC/USD"]
    assert accepted["order.price"] == "50.0"
    assert desk.standing(desk).cash == bot.books.cash - waiting
    assert dearest > waiting


@pytest.mark.parametrize(("cooldown", "stopped", "bought_again"), [(0, 0, True), (3, 2, True), (9, 4, False)])
def test_a_bot_does_not_buy_back_at_once_what_its_stop_sold(
    cooldown: int, stopped: int, *, bought_again: bool
) -> None:
    falling = [100.0, 101.0, 101.0, 90.0]
    after = [90.1, 90.2, 90.3, 90.4]
    signals = {close: Signal("buy", 0.9, "in") for close in (101.0, *after)}
    config = scripted(signals, unit=D(1), risk=RiskLimits(stop_loss=None, cooldown_sessions=cooldown))

    bot, events = played(config, {"BTC/USD": bars([100.0] * 60 + falling + after + [90.5] * 4)}, 10)

    (trade,) = said(events, "trade.closed")
    gates = [(each["filter"], each["threshold"]) for each in said(events, "signal.filtered")]
    assert trade["exit.reason"] == "stop_loss"
    assert gates == [("cooldown", float(cooldown))] * stopped
    assert bot.books.filtered["cooldown"] == stopped
    assert (bot.desks["BTC/USD"].position.quantity > 0) == bought_again


def test_profit_is_taken_at_the_limit_that_is_set() -> None:
    signals = {101.0: Signal("buy", 0.9, "in")}
    closes = [100.0] * 60 + [100.0, 101.0, 103.0, 105.9, 106.5, *[107.0] * 6]
    config = scripted(signals, unit=D(1), risk=RiskLimits(stop_loss=None, take_profit=0.05))

    _, events = played(config, {"BTC/USD": bars(closes)}, 7)

    (trade,) = said(events, "trade.closed")
    (order,) = [event for event in said(events, "order.filled") if event["order.side"] == "sell"]
    assert trade["exit.reason"] == "take_profit"
    # Bought at 101.03 with slippage: 106.08 is reached at the close of 106.5.
    assert D(order["order.reference_price"]) == D("106.5")


def rising(seed: int, count: int = 1200) -> list[Bar]:
    """Return a price that wanders for long and then rises."""
    rng, price, closes = random.Random(seed), 100.0, []
    for index in range(count):
        price *= 1 + rng.gauss(0.0003 if index > count - 200 else 0.0, 0.0006)
        closes.append(round(price, 4))
    return bars(closes, volume=100_000.0)


@pytest.mark.parametrize(
    ("limits", "positions", "most"),
    [
        (RiskLimits(stop_loss=None, max_weight=0.30, max_positions=3), 3, 0.30),
        (RiskLimits(stop_loss=None, max_weight=0.05, max_positions=3), 3, 0.05),
        (RiskLimits(stop_loss=None, max_weight=0.30, max_positions=1), 1, 0.30),
        (RiskLimits(stop_loss=None, max_weight=0.30, max_positions=3, target_volatility=0.1), 3, 0.09),
    ],
)
def test_a_basket_holds_what_its_limits_allow(limits: RiskLimits, positions: int, most: float) -> None:
    config = FLEET["maps-5"]
    assert config.params is not None
    params = replace(config.params, max_volatility=9.0, closed_regimes=(), min_confidence=0.5)
    series = {f"{name}/USD": rising(seed) for seed, name in enumerate("ABC")}

    bot, events = played(replace(config, params=params, risk=limits), series, 180)

    cash = bot.config.cash
    opened = [event for event in said(events, "order.submitted") if event["order.side"] == "buy"]
    worth = [D(event["order.quantity"]) * D(event["order.reference_price"]) / cash for event in opened]
    held_at_once = max((event["positions.open"] for event in said(events, "heartbeat")), default=0)
    assert opened
    assert held_at_once == positions
    assert max(worth) <= D(str(most)) * D("1.1")


def test_a_basket_takes_its_profit_within_a_session() -> None:
    config = FLEET["maps-5"]
    assert config.params is not None
    params = replace(config.params, max_volatility=9.0, closed_regimes=(), min_confidence=0.5)
    limits = RiskLimits(stop_loss=None, take_profit=0.003)
    series = {f"{name}/USD": rising(seed) for seed, name in enumerate("ABC")}

    _, events = played(replace(config, params=params, risk=limits), series, 180)

    taken = [event for event in said(events, "trade.closed") if event["exit.reason"] == "take_profit"]
    minutes = {int(event["created"] - START_NS / 1e9) // 60 for event in taken}
    assert taken
    assert any(minute % config.session_bars for minute in minutes)


def test_the_events_of_a_basket_are_those_of_the_engine_and_nothing_is_decided_twice() -> None:
    series = {f"{name}/USD": rising(seed) for seed, name in enumerate("ABC")}

    bot, events = played(FLEET["maps-5"], series, 180)

    told = counted(said(events, "signal.filtered"), "filter")
    assert told == dict(bot.books.filtered)
    assert len(said(events, "signal.generated")) == bot.books.signals
    decided = [event["signal.ids"] for event in said(events, "decision.made") if "signal.ids" in event]
    assert len(decided) == len(set(decided))


def counted(events: list[dict[str, Any]], key: str) -> dict[str, int]:
    counts: dict[str, int] = {}
    for event in events:
        counts[event[key]] = counts.get(event[key], 0) + 1
    return counts

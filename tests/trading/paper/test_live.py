"""Bots on a live market: the newest candles as they come, none twice, and old ones while nobody answers."""

from __future__ import annotations

import random
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from typing import Any

import pytest

from tests.trading.conftest import START_NS, collected
from trading.__main__ import main
from trading.bars import Bar
from trading.logs import BotLog
from trading.market.source import Interval, SourceError
from trading.paper.bot import Bot
from trading.paper.clock import Clock, stamped_records
from trading.paper.faults import FaultPlan
from trading.paper.fleet import FLEET, LIVE_DELAY_S, placed
from trading.paper.live import LiveFeed
from trading.paper.replay import MarketError

MINUTE_NS = 60_000_000_000


@dataclass
class Exchange:
    """An exchange on which each symbol trades in each minute but the quiet ones, by the clock it has."""

    clock: Clock
    quiet: dict[str, set[int]] = field(default_factory=dict)
    """Symbol → minutes of the run (0 is its first) without a trade."""
    is_down: bool = False

    def newest(self, symbol: str, interval: Interval, count: int) -> list[Bar]:
        if self.is_down:
            raise SourceError("upbit: no answer after five tries")
        minute = self.clock.now_ns // MINUTE_NS
        first = START_NS // MINUTE_NS
        return [
            self.bar(index)
            for index in range(minute - count, minute)
            if index - first not in self.quiet.get(symbol, set())
        ]

    def bar(self, minute: int) -> Bar:
        rng = random.Random(minute)
        low, high = sorted((rng.uniform(99, 101), rng.uniform(99, 101)))
        return Bar(minute * MINUTE_NS, low, high, low, high, 500.0)


@dataclass
class Run:
    clock: Clock
    exchange: Exchange
    feed: LiveFeed
    bot: Bot
    records: list[Any]

    def said(self, name: str) -> list[dict[str, Any]]:
        return [vars(r) for r in self.records if getattr(r, "event_name", "") == name]


@pytest.fixture
def run(request: pytest.FixtureRequest) -> Iterator[Run]:
    """A bot whose feed is refreshed two seconds after each minute, as the thread does."""
    name = getattr(request, "param", "momo-2")
    clock = Clock(START_NS)
    exchange, log = Exchange(clock), BotLog(name, "test")
    symbols = ["BTC/KRW", "ETH/KRW", "XRP/KRW"]
    feed = LiveFeed(exchange, symbols, log, history=120, now=lambda: clock.now_ns)
    config = replace(placed(FLEET[name], feed.history, 120), candle_delay_s=LIVE_DELAY_S)
    markets = {symbol: feed.markets[symbol] for symbol in config.symbols}
    clock.every(60, feed.refresh, first=62)
    with collected() as records, stamped_records(clock):
        bot = Bot(config, clock, markets, FaultPlan(), random.Random(1))
        bot.start()
        yield Run(clock, exchange, feed, bot, records)


def test_each_complete_candle_is_seen_once_within_seconds(run: Run) -> None:
    run.clock.run_until(600)

    bars = run.said("market.bar")
    first = START_NS // MINUTE_NS
    assert [bar["bar.time"] // MINUTE_NS - first for bar in bars] == list(range(9))
    assert [float(bar["close"]) for bar in bars] == [run.exchange.bar(first + n).close for n in range(9)]
    assert all(bar["created"] - (bar["bar.time"] + MINUTE_NS) / 1e9 < 10 for bar in bars)
    # What the bot started from ends where the run begins: no candle twice, none from the future.
    assert run.said("data.collected")[0]["data.end"] == START_NS - MINUTE_NS


def test_a_minute_in_which_nobody_traded_is_flat(run: Run) -> None:
    run.exchange.quiet["ETH/KRW"] = {2, 3}

    run.clock.run_until(400)

    bars = run.said("market.bar")
    assert [float(bar["volume"]) for bar in bars] == [500, 500, 0, 0, 500, 500]
    assert bars[3]["close"] == bars[2]["close"] == bars[1]["close"]


def test_while_nobody_answers_the_candle_grows_old_and_the_bot_beats_on(run: Run) -> None:
    run.clock.run_until(200)
    run.exchange.is_down = True
    run.clock.run_until(800)

    beats = run.said("heartbeat")
    warned = [r for r in run.records if "no new candle of ETH/KRW" in r.getMessage()]
    assert len(run.said("market.bar")) == 3
    assert beats[-1]["candle.age_s"] > 550
    assert len(warned) == 10

    run.exchange.is_down = False
    run.clock.run_until(1000)

    assert len(run.said("market.bar")) == 3 + 3
    assert run.said("heartbeat")[-1]["candle.age_s"] < 60


@pytest.mark.parametrize("run", ["maps-5"], indirect=True)
def test_a_basket_sees_the_same_minute_of_all_symbols(run: Run) -> None:
    run.exchange.quiet["XRP/KRW"] = {4}

    run.clock.run_until(600)

    minutes: dict[int, set[str]] = {}
    for bar in run.said("market.bar"):
        minutes.setdefault(bar["bar.time"], set()).add(bar["symbol"])
    assert len(minutes) == 9
    assert set(map(frozenset, minutes.values())) == {frozenset({"BTC/KRW", "ETH/KRW", "XRP/KRW"})}


def test_a_symbol_that_is_not_traded_is_refused_at_the_start() -> None:
    clock = Clock(START_NS)
    exchange = Exchange(clock, quiet={"DOGE/KRW": set(range(-200, 1))})

    with pytest.raises(MarketError, match="DOGE/KRW was not traded within 120 minutes"):
        LiveFeed(exchange, ["DOGE/KRW"], BotLog("bot-1", "test"), history=120, now=lambda: clock.now_ns)


@pytest.mark.parametrize(
    "more", [[], ["--symbols", "A/KRW", "--speed", "60"], ["--symbols", "A/KRW", "--candles", "."]]
)
def test_options_that_do_not_go_with_a_live_market_are_refused(
    more: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["run", "--paper", "--market", "live", *more]) == 2
    assert "--market live needs --symbols" in capsys.readouterr().err

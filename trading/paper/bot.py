"""One bot: its desks, its money, its rhythm. What to trade its trader decides; see `deciding`.

What goes wrong is the fault plan's business, not the bot's: it reads no plan but for the candles that do
not come. Every order is judged by `state`: what stops a bot, a circuit breaker say, changes that alone.
"""

from __future__ import annotations

import hashlib
import itertools
import logging
import random
import time
from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from decimal import Decimal
from typing import Any

from trading.logs import BotLog, Value
from trading.paper.agents import NewsAnalyst
from trading.paper.books import Books, told
from trading.paper.broker import PaperBroker
from trading.paper.clock import SECOND_NS, Clock
from trading.paper.deciding import BasketTrader, NewsTrader, RuleTrader, Trader
from trading.paper.desk import Desk
from trading.paper.exchange import ExchangeError, PaperExchange, Venue
from trading.paper.faults import FaultPlan
from trading.paper.guard import Guard
from trading.paper.live import LiveFeed
from trading.paper.notifications import Notifier
from trading.paper.replay import BAR_S, Market
from trading.paper.reports import Reports
from trading.paper.vitals import memory_bytes, memory_limit
from trading.protections import Thresholds
from trading.risk import Limits, RiskLimits, Standing, State, TrailingStop
from trading.signals.params import Params
from trading.strategies import Strategy

__all__ = ["Bot", "BotConfig"]

DEFAULT_STOP = TrailingStop(Decimal("0.02"), Decimal("0.002"))
DEFAULT_LIMITS = Limits()
DEFAULT_THRESHOLDS = Thresholds()
DEFAULT_RISK = RiskLimits(stop_loss=None)
"""The stop of a paper bot rests at the exchange; `TrailingStop` says where."""


@dataclass(frozen=True)
class BotConfig:
    """What makes one bot differ from another."""

    bot_id: str
    strategy_name: str
    symbols: tuple[str, ...]
    venue: Venue
    cash: Decimal
    strategy: Callable[[], Strategy] | None = None
    """The rule of a bot that trades one symbol."""
    params: Params | None = None
    """The parameters of the signal engine, for a bot that trades several."""
    session_bars: int = 5
    """Bars that the signal engine sees as one."""
    reads_news: bool = False
    unit: Decimal = Decimal(1)
    """What a rule buys at a time."""
    held: Decimal = Decimal(0)
    """What it holds of its first symbol when it starts."""
    stop: TrailingStop = DEFAULT_STOP
    risk: RiskLimits = DEFAULT_RISK
    limits: Limits = DEFAULT_LIMITS
    """What one order may be."""
    thresholds: Thresholds = DEFAULT_THRESHOLDS
    """What it watches of itself, and the loss of a day that ends its buying."""
    patience_s: float = 600.0
    """How long a limit order waits before it expires."""
    sells_units: bool = False
    """Whether a sell signal sells one unit, not all."""
    min_confidence: float = 0.65
    max_volatility: float = 0.01
    history: int = 60
    """Bars it looks at before it starts."""
    candle_delay_s: float = 0.4
    """How long after the end of a minute it looks for the candle."""
    data_source: str = "cache"
    """Where its candles are from: `cache` (bundled), `files` or `ccxt`."""
    quote: str = "USD"
    """The currency of symbols whose name tells none."""
    phase: float = 0.0
    """Seconds by which its rhythms are shifted, so that bots do not speak all at once."""

    @property
    def currency(self) -> str:
        """The currency of the prices."""
        return self.symbols[0].partition("/")[2] or self.quote

    @property
    def digest(self) -> str:
        """A short hash of the settings."""
        settings = replace(self, strategy=None, venue=self.venue)
        return hashlib.sha256(repr(settings).encode()).hexdigest()[:6]


@dataclass
class Bot:
    """One running bot."""

    config: BotConfig
    clock: Clock
    markets: Mapping[str, Market]
    """Symbol → its market."""
    faults: FaultPlan
    rng: random.Random
    feed: LiveFeed | None = None
    """A live market, where there is one."""
    state: State = "running"
    desks: dict[str, Desk] = field(default_factory=dict)

    def __post_init__(self) -> None:
        config = self.config
        self.log = BotLog(config.bot_id, config.strategy_name)
        self.books = Books(config.bot_id, config.strategy_name, config.currency, config.cash)
        self.notifier = Notifier(config.bot_id, self.clock, self.log, self.faults)
        self.exchange = PaperExchange(
            config.venue, self.clock, self.log, config.bot_id, self.faults, self.rng
        )
        self.analyst = NewsAnalyst(config.bot_id, self.clock, self.log, self.faults, self.rng, self.books)
        self.candle_at = self.clock.now_ns
        self._bar_time = 0
        self._turn_ms = 0.0
        self._ids = itertools.count(1)
        self._beats = itertools.count(1)
        self._polls = itertools.count()
        # Ids hold the minute of the start: a second run must not repeat the first one's.
        self._prefix = f"{config.bot_id}-{_base36(self.clock.start_ns // (60 * SECOND_NS))}-"
        self.guard = Guard(
            self.log,
            config.currency,
            config.bot_id,
            self.new_id,
            lambda: self.clock.now_ns,
            config.thresholds,
        )
        self.exchange.on_answer = lambda failed: self.guard.request(config.venue.exchange_id, failed=failed)
        sent: deque[int] = deque()
        self.desks = {symbol: self._desk(symbol, sent) for symbol in config.symbols}
        self.trader = self._trader()
        self.day_start = self.peak = config.cash + config.held * self._first.mark
        # The day begins with what is taken over, before the first minute moves it.
        self.guard.measure(self.day_start)

    def start(self) -> None:
        """Take over what is held, and set all rhythms going."""
        phase = self.config.phase
        about: dict[str, Value] = {
            "bot.state": self.state,
            "reason": "schedule",
            "config.hash": self.config.digest,
        }
        self.log.event("bot.started", about, "bot started")
        history = {symbol: desk.market.history(self.config.history) for symbol, desk in self.desks.items()}
        for symbol, bars in history.items():
            self.desks[symbol].reports.history(bars, self.config.data_source)
        self.trader.warm_up(history)
        if self.config.held:
            self._first.adopt(self.config.held)
        self.clock.every(BAR_S, self._on_minute, first=BAR_S + self.config.candle_delay_s + phase)
        self.clock.every(30, self._heartbeat, first=5 + phase)
        self.clock.every(15, self._poll, first=8 + phase)
        self.clock.every(60, self._measure_equity, first=1 + phase)
        self.trader.start()

    def stop(self) -> None:
        """Say goodbye; positions and their stops stay where they are."""
        self._measure_equity()
        about: dict[str, Value] = {
            "bot.state": "stopped",
            "reason": "schedule",
            "config.hash": self.config.digest,
        }
        self.log.event("bot.stopped", about, "bot stopped")

    @property
    def equity(self) -> Decimal:
        """Cash, and what is held at the last candles' closes."""
        return self.books.cash + sum((desk.value for desk in self.desks.values()), Decimal(0))

    def new_id(self, kind: str) -> str:
        """Return an id that no other event of any run has; `kind` says what it names."""
        return f"{self._prefix}{kind}{next(self._ids)}"

    def told_books(self) -> dict[str, Any]:
        """Return the books of this run as they are written."""
        holdings = [desk.holding for desk in self.desks.values()]
        return told(
            self.books,
            holdings,
            day_start=self.day_start,
            start_ns=self.clock.start_ns,
            end_ns=self.clock.now_ns,
        )

    @property
    def _first(self) -> Desk:
        return self.desks[self.config.symbols[0]]

    def _desk(self, symbol: str, sent: deque[int]) -> Desk:
        config, market = self.config, self.markets[symbol]
        broker = PaperBroker(
            self.exchange, market, self.log, symbol, config.currency, self.books, config.limits, sent=sent,
            on_fill=self.guard.fill,
        )  # fmt: skip
        reports = Reports(self.log, symbol, config.currency)
        return Desk(
            symbol, market, broker, self.books, reports, self.clock, self.log, self.notifier,
            config.stop, config.patience_s, self.new_id, self._standing, guard=self.guard,
        )  # fmt: skip

    def _trader(self) -> Trader:
        if self.config.params is not None:
            return BasketTrader(self)
        return NewsTrader(self) if self.config.reads_news else RuleTrader(self)

    def _standing(self, desk: Desk) -> Standing:
        reserved = sum((other.reserved for other in self.desks.values()), Decimal(0))
        return Standing(cash=self.books.cash - reserved, held=desk.position.quantity, state=self.state)

    def _on_minute(self) -> None:
        began = time.perf_counter()
        self._turn()
        self._turn_ms = round((time.perf_counter() - began) * 1000, 1)

    def _turn(self) -> None:
        for desk in self.desks.values():
            desk.settle()
        if self.faults.is_feed_stale(self.config.bot_id, self.clock.elapsed):
            return
        bars = {symbol: desk.market.last() for symbol, desk in self.desks.items()}
        if (newest := min(bar.time for bar in bars.values())) == self._bar_time:
            # A live feed that has nothing new: nobody acts on the same candle twice.
            return
        self.candle_at, self._bar_time = self.clock.now_ns, newest
        for symbol, desk in self.desks.items():
            desk.on_bar(bars[symbol])
        self.trader.on_bars(bars)

    def _poll(self) -> None:
        venue = self.config.venue
        self._ask(
            (venue.depth, venue.open_orders, venue.depth, venue.account)[next(self._polls) % 4], retry=0
        )

    def _ask(self, route: str, retry: int) -> None:
        try:
            self.exchange.request("GET", route, retry=retry, is_background=True)
        except ExchangeError:
            # The failed request is an event already; after two retries the next poll asks anyway.
            if retry < 2:
                self.clock.after(11, lambda: self._ask(route, retry + 1))

    def _heartbeat(self) -> None:
        desks = self.desks.values()
        about: dict[str, Value] = {
            "bot.state": self.state,
            "loop.duration_ms": self._turn_ms if self.feed else 40 + self.rng.randrange(40),
            "tick.age_s": round(self.rng.random(), 1),
            "candle.age_s": round((self.clock.now_ns - self.candle_at) / SECOND_NS, 1),
            "orders.open": sum(len(desk.broker.orders) for desk in desks),
            "positions.open": sum(desk.position.quantity != 0 for desk in desks),
            "market.open": True,
            "queue.dropped": 0,
            "seq": next(self._beats),
            "process.memory.usage": memory_bytes(),
            "system.memory.limit": memory_limit(),
            "clock.offset_ms": self.feed.clock_offset_ms if self.feed else None,
        }
        self.log.event("heartbeat", about, "heartbeat")

    def _measure_equity(self) -> None:
        equity = self.equity
        self.peak = max(self.peak, equity)
        moved = self.guard.measure(equity)
        start = self.guard.breaker.day_start
        self._first.reports.equity(self.books.cash, equity - self.books.cash, start, self.peak)
        if moved == "tripped":
            self._become("reducing", "daily loss")
            self._take_back_purchases()
        elif moved == "reset":
            self._become("running", "a new day")

    def _become(self, state: State, reason: str) -> None:
        before, self.state = self.state, state
        about: dict[str, Value] = {
            "bot.state": state,
            "bot.state.previous": before,
            "reason": reason,
            "actor": "breaker",
        }
        level = logging.INFO if state == "running" else logging.WARNING
        self.log.event("bot.state_changed", about, "bot is %s: %s", state, reason, level=level)

    def _take_back_purchases(self) -> None:
        """Cancel orders that would still buy: a limit that is reached later must not add to the loss."""
        for desk in self.desks.values():
            for order in [each for each in desk.broker.orders.values() if each.side == "buy"]:
                desk.broker.cancel(order, "breaker")


def _base36(number: int) -> str:
    digits = "0123456789abcdefghijklmnopqrstuvwxyz"
    text = ""
    while number:
        number, digit = divmod(number, 36)
        text = digits[digit] + text
    return text

"""One bot: candles in, signals, gates, decisions, orders, positions; and the books it keeps of them.

The only module that knows all the parts. What goes wrong is the fault plan's business, not the bot's:
it reads no plan but for the candles that do not come.
"""

from __future__ import annotations

import functools
import hashlib
import itertools
import logging
import random
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from decimal import Decimal

from trading.bars import exact
from trading.logs import BotLog, Value
from trading.paper.agents import HEADLINES, NewsAnalyst
from trading.paper.broker import Order, PaperBroker
from trading.paper.clock import SECOND_NS, Clock
from trading.paper.exchange import ExchangeError, PaperExchange, Venue
from trading.paper.faults import HOSTILE_HEADLINE, FaultPlan
from trading.paper.notifications import Notifier
from trading.paper.replay import BAR_S, Replay
from trading.paper.reports import Reports
from trading.paper.stops import StopKeeper
from trading.positions import Fill, Position, applied, closed_trade, marked
from trading.risk import Standing, TrailingStop
from trading.signals.signal import Signal
from trading.strategies import Strategy, filtered_by

__all__ = ["Bot", "BotConfig"]


DEFAULT_STOP = TrailingStop(Decimal("0.02"), Decimal("0.002"))


@dataclass(frozen=True)
class BotConfig:
    """What makes one bot differ from another."""

    bot_id: str
    strategy_name: str
    symbol: str
    venue: Venue
    strategy: Callable[[], Strategy]
    cash: Decimal
    unit: Decimal
    """What it buys at a time."""
    held: Decimal = Decimal(0)
    """What it holds when it starts."""
    stop: TrailingStop = DEFAULT_STOP
    sells_units: bool = False
    """Whether a sell signal sells one unit, not all."""
    reads_news: bool = False
    min_confidence: float = 0.65
    max_volatility: float = 0.01
    phase: float = 0.0
    """Seconds by which its rhythms are shifted, so that bots do not speak all at once."""

    @property
    def currency(self) -> str:
        """The currency of the price."""
        return self.symbol.partition("/")[2]

    @property
    def digest(self) -> str:
        """A short hash of the settings."""
        return hashlib.sha256(repr((self.symbol, self.unit, self.stop, self.cash)).encode()).hexdigest()[:6]


@dataclass
class Bot:
    """One running bot."""

    config: BotConfig
    clock: Clock
    market: Replay
    faults: FaultPlan
    rng: random.Random
    position: Position = field(default_factory=Position)
    exits: dict[str, tuple[Position, list[Fill]]] = field(default_factory=dict)
    """Closing orders under way: the position before them, and their fills."""

    def __post_init__(self) -> None:
        config = self.config
        self.log = BotLog(config.bot_id, config.strategy_name)
        self.reports = Reports(self.log, config.symbol, config.currency)
        self.notifier = Notifier(config.bot_id, self.clock, self.log, self.faults)
        exchange = PaperExchange(
            config.venue, self.market, self.clock, self.log, config.bot_id, self.faults, self.rng
        )
        self.broker = PaperBroker(exchange, self.log, config.symbol, config.currency)
        self.strategy = config.strategy()
        self.analyst = NewsAnalyst(config.bot_id, self.clock, self.log, self.faults, self.rng)
        self.cash = config.cash
        self.position_id = ""
        self.candle_at = self.clock.now_ns
        self.mark = exact(self.market.last().close)
        self.day_start = self.peak = self.cash + config.held * self.mark
        self._ids = itertools.count(1)
        self._beats = itertools.count(1)
        self._polls = itertools.count()
        start = datetime.fromtimestamp(self.clock.start_ns / SECOND_NS, UTC)
        # Ids hold the start, or a second run on the same day would repeat the first one's.
        self._prefix = f"{config.bot_id}-{start:%d%H%M}-"
        self.stops = StopKeeper(
            self.broker, self.clock, self.log, self.notifier, config.stop,
            self._new_id, self._account, lambda: (self.position_id, self.position), self._take,
        )  # fmt: skip

    def start(self) -> None:
        """Take over what is held, and set all rhythms going."""
        phase = self.config.phase
        about = {"bot.state": "running", "reason": "schedule", "config.hash": self.config.digest}
        self.log.event("bot.started", about, "bot started")
        self._warm_up()
        if self.config.held:
            self._adopt()
        self.clock.every(BAR_S, self._on_minute, first=BAR_S + 0.4 + phase)
        self.clock.every(30, self._heartbeat, first=5 + phase)
        self.clock.every(15, self._poll, first=8 + phase)
        self.clock.every(60, self._measure_equity, first=1 + phase)
        if self.config.reads_news:
            for index, (headline, mood) in enumerate(HEADLINES):
                self.clock.at(100 + 300 * index, functools.partial(self._on_news, headline, mood))
            for at in self.faults.hostile_headlines.get(self.config.bot_id, ()):
                self.clock.at(at, functools.partial(self._on_news, HOSTILE_HEADLINE, 0.0))

    def stop(self) -> None:
        """Say goodbye; positions and their stops stay where they are."""
        about = {"bot.state": "stopped", "reason": "schedule", "config.hash": self.config.digest}
        self.log.event("bot.stopped", about, "bot stopped")

    @property
    def equity(self) -> Decimal:
        """Cash, and what is held at the last candle's close."""
        return self.cash + self.position.quantity * self.mark

    def _warm_up(self) -> None:
        history = self.market.history(60)
        for bar in history:
            self.strategy.on_bar(bar, float(self.config.held))
        self.reports.history(history)

    def _adopt(self) -> None:
        held, price = self.config.held, self.mark
        self.position_id = self._new_id("p")
        fill = Fill("adopted", "adopted", "buy", held, price, Decimal(0), self.clock.now_ns)
        self.position = applied(self.position, fill)
        self._say_position("position.opened", reconciliation=True)
        stop_price = self.config.stop.price(price, self.config.venue.tick)
        self.stops.adopt(
            Order(
                self._new_id("stop-"), "sell", "stop_market", held, stop_price,
                position_id=self.position_id, reduce_only=True, reason="stop_loss", exchange_id="8800",
            )
        )  # fmt: skip

    def _on_minute(self) -> None:
        self._take(self.broker.match(self.position.quantity))
        if self.faults.is_feed_stale(self.config.bot_id, self.clock.elapsed):
            return
        bar = self.market.last()
        self.candle_at, self.mark = self.clock.now_ns, exact(bar.close)
        self.reports.bar(bar)
        self.position = marked(self.position, self.mark)
        if self.position.quantity:
            self._say_position("position.changed")
        self.stops.on_price()
        signal = self.strategy.on_bar(bar, float(self.position.quantity))
        if signal is not None:
            self._on_signal(signal, bar.time)

    def _on_news(self, headline: str, mood: float) -> None:
        self.log.line("news", logging.INFO, "headline: %s", headline)
        signal = self.analyst.read(headline, mood)
        if signal is not None:
            self._on_signal(signal, self.market.last().time)

    def _on_signal(self, signal: Signal, bar_time: int) -> None:
        signal_id = self._new_id("s")
        self.reports.signal(signal, signal_id, bar_time)
        gate = filtered_by(
            signal, confidence=self.config.min_confidence, volatility=self.config.max_volatility
        )
        if gate is not None:
            self.reports.filtered(signal_id, gate)
            return
        self._decide(signal, signal_id)

    def _decide(self, signal: Signal, signal_id: str) -> None:
        quantity = self._quantity(signal) if self._is_free() else Decimal(0)
        target = self.position.quantity + (quantity if signal.action == "buy" else -quantity)
        decision_id = self._new_id("d")
        least = self.config.min_confidence
        self.reports.decision(decision_id, signal_id, signal, quantity, target, least)
        if quantity > 0:
            self._order(signal, quantity, decision_id)

    def _quantity(self, signal: Signal) -> Decimal:
        held, unit = self.position.quantity, self.config.unit
        if signal.action == "sell":
            return min(unit, held) if self.config.sells_units else held
        return unit if held == 0 or self.config.sells_units else Decimal(0)

    def _is_free(self) -> bool:
        """Whether no order is under way; a limit order that still waits is taken back for a newer one."""
        waiting = [order for order in self.broker.orders.values() if order.type != "stop_market"]
        return all(order.type == "limit" and self.broker.cancel(order, "replaced") for order in waiting)

    def _order(self, signal: Signal, quantity: Decimal, decision_id: str) -> None:
        order = Order(
            order_id=self._new_id("o"),
            side="buy" if signal.action == "buy" else "sell",
            type="market" if signal.price is None else "limit",
            quantity=quantity,
            price=None if signal.price is None else exact(signal.price),
            reference_price=self.mark,
            decision_id=decision_id,
            position_id=self.position_id or None,
        )
        _, fills = self.broker.submit(order, self._account())
        self._take(fills)

    def _take(self, fills: list[Fill]) -> None:
        for fill in fills:
            before, self.position = self.position, applied(self.position, fill)
            self.cash -= fill.signed * fill.price + fill.fee
            if before.quantity == 0:
                self.position_id = self._new_id("p")
                self._say_position("position.opened")
                self.notifier.send(f"bought {fill.quantity} {self.config.symbol} at {fill.price}")
            elif self.position.quantity == 0:
                self._say_position("position.closed")
            else:
                self._say_position("position.changed")
            if before.quantity * fill.signed < 0:
                self._on_exit(before, fill)
        if fills:
            self.reports.balance(self.cash)
            self.stops.on_position()

    def _on_exit(self, before: Position, fill: Fill) -> None:
        first, fills = self.exits.setdefault(fill.order_id, (before, []))
        fills.append(fill)
        if fill.order_id in self.broker.orders:
            return
        del self.exits[fill.order_id]
        trade = closed_trade(first, fills)
        stop = self.stops.stop
        is_stop = stop is not None and stop.order_id == fill.order_id
        reason = "stop_loss" if is_stop else "signal"
        self.reports.trade(self._new_id("t"), self.position_id, trade, reason)
        self.notifier.send(
            f"sold {trade.quantity} {self.config.symbol}, {trade.pnl_net:+.2f} {self.config.currency}"
        )

    def _poll(self) -> None:
        venue = self.config.venue
        self._ask(
            (venue.depth, venue.open_orders, venue.depth, venue.account)[next(self._polls) % 4], retry=0
        )

    def _ask(self, route: str, retry: int) -> None:
        try:
            self.broker.exchange.request("GET", route, retry=retry, is_background=True)
        except ExchangeError:
            # The failed request is an event already; after two retries the next poll asks anyway.
            if retry < 2:
                self.clock.after(11, lambda: self._ask(route, retry + 1))

    def _account(self) -> Standing:
        return Standing(cash=self.cash, held=self.position.quantity)

    def _new_id(self, kind: str) -> str:
        return f"{self._prefix}{kind}{next(self._ids)}"

    def _heartbeat(self) -> None:
        about: dict[str, Value] = {
            "bot.state": "running",
            "loop.duration_ms": 40 + self.rng.randrange(40),
            "tick.age_s": round(self.rng.random(), 1),
            "candle.age_s": round((self.clock.now_ns - self.candle_at) / SECOND_NS, 1),
            "orders.open": len(self.broker.orders),
            "positions.open": int(self.position.quantity != 0),
            "market.open": True,
            "queue.dropped": 0,
            "seq": next(self._beats),
        }
        self.log.event("heartbeat", about, "heartbeat")

    def _measure_equity(self) -> None:
        self.peak = max(self.peak, self.equity)
        self.reports.equity(self.cash, self.equity - self.cash, self.day_start, self.peak)

    def _say_position(self, name: str, *, reconciliation: bool | None = None) -> None:
        self.reports.position(name, self.position_id, self.position, self.mark, reconciliation=reconciliation)

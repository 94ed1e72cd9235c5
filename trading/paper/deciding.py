"""What a paper bot trades: by a rule for one symbol, by headlines, or by the signal engine for a basket.

Each trader turns bars into signals, tells which gate stopped one, decides, and gives orders to the desks.
"""

from __future__ import annotations

import functools
import logging
from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import TYPE_CHECKING, Protocol

from trading.accounts import Account, Action, Holding
from trading.bars import Bar, exact
from trading.paper.agents import HEADLINES
from trading.paper.desk import Desk
from trading.paper.faults import HOSTILE_HEADLINE
from trading.positions import Side
from trading.risk import cooldown_of, exits
from trading.signals.engine import SignalEngine
from trading.signals.signal import Signal, Verdict
from trading.strategies import Quiet, filtered_by
from trading.tracking import actions_of, changes, cooled

if TYPE_CHECKING:
    from trading.paper.bot import Bot

__all__ = ["BasketTrader", "NewsTrader", "RuleTrader", "Trader"]


class Trader(Protocol):
    """Decides for one bot."""

    def warm_up(self, history: Mapping[str, Sequence[Bar]]) -> None:
        """Take in what happened before the run, without acting on it."""

    def start(self) -> None:
        """Set going what does not wait for bars."""

    def on_bars(self, bars: Mapping[str, Bar]) -> None:
        """Act on one more bar of each symbol."""


class RuleTrader:
    """One symbol by one rule."""

    def __init__(self, bot: Bot) -> None:
        self._bot = bot
        (self._desk,) = bot.desks.values()
        self._strategy = bot.config.strategy() if bot.config.strategy else Quiet()

    def warm_up(self, history: Mapping[str, Sequence[Bar]]) -> None:
        """Let the rule see the bars before the run."""
        for bar in history[self._desk.symbol]:
            self._strategy.on_bar(bar, float(self._bot.config.held))

    def start(self) -> None:
        """Nothing comes but bars."""

    def on_bars(self, bars: Mapping[str, Bar]) -> None:
        """Take profit where the limits say so, and follow the rule."""
        self._desk.count_session()
        taken = _take_profits(self._bot, bars)
        bar = bars[self._desk.symbol]
        signal = self._strategy.on_bar(bar, float(self._desk.position.quantity))
        if signal is not None and self._desk.symbol not in taken:
            self.on_signal(signal, bar.time)

    def on_signal(self, signal: Signal, bar_time: int) -> None:
        """Tell a signal, and act on it unless a gate stops it."""
        config = self._bot.config
        signal_id = _told(self._bot, self._desk, signal, bar_time)
        gate = filtered_by(signal, confidence=config.min_confidence, volatility=config.max_volatility)
        if gate is None and signal.action == "buy":
            gate = cooldown_of(self._desk.stopped, config.risk)
        if gate is not None:
            _stopped(self._bot, self._desk, signal_id, gate)
            return
        side: Side = "buy" if signal.action == "buy" else "sell"
        quantity = self._quantity(signal) if self._desk.is_free() else Decimal(0)
        _decide(
            self._bot, self._desk, side, quantity,
            score=signal.confidence, threshold=config.min_confidence, signal_id=signal_id, agent=signal.agent,
            price=None if signal.price is None else exact(signal.price),
        )  # fmt: skip

    def _quantity(self, signal: Signal) -> Decimal:
        config, held = self._bot.config, self._desk.position.quantity
        if signal.action == "sell":
            return min(config.unit, held) if config.sells_units else held
        return config.unit if held == 0 or config.sells_units else Decimal(0)


class NewsTrader(RuleTrader):
    """One symbol by what a language model makes of headlines."""

    def start(self) -> None:
        """Lay out the day's headlines."""
        bot = self._bot
        for index, (headline, mood) in enumerate(HEADLINES):
            bot.clock.at(100 + 300 * index, functools.partial(self._on_news, headline, mood))
        for at in bot.faults.hostile_headlines.get(bot.config.bot_id, ()):
            bot.clock.at(at, functools.partial(self._on_news, HOSTILE_HEADLINE, 0.0))

    def _on_news(self, headline: str, mood: float) -> None:
        self._bot.log.line("news", logging.INFO, "headline: %s", headline)
        signal = self._bot.analyst.read(headline, mood)
        if signal is not None:
            self.on_signal(signal, self._desk.market.last().time)


class BasketTrader:
    """Several symbols by the signal engine: the same that backtests and the daily run use."""

    def __init__(self, bot: Bot) -> None:
        assert bot.config.params is not None
        self._bot = bot
        self._params = bot.config.params
        self._engine = SignalEngine(self._params, bot.config.symbols)
        self._pending: list[Mapping[str, Bar]] = []

    def warm_up(self, history: Mapping[str, Sequence[Bar]]) -> None:
        """Let the engine see the sessions before the run; the newest bars count, whole sessions only."""
        count = min(map(len, history.values()))
        rows = [
            {symbol: bars[len(bars) - count + i] for symbol, bars in history.items()} for i in range(count)
        ]
        size = self._bot.config.session_bars
        for index in range(count % size, count, size):
            session = _joined(rows[index : index + size])
            market = self._engine.observe(_opened(session), session)
            if market is not None:
                self._remember(market.regime)

    def start(self) -> None:
        """Nothing comes but bars."""

    def on_bars(self, bars: Mapping[str, Bar]) -> None:
        """Take profit each minute; judge the market at the end of each session."""
        taken = _take_profits(self._bot, bars)
        self._pending.append(bars)
        if len(self._pending) < self._bot.config.session_bars:
            return
        session, self._pending = _joined(self._pending), []
        for desk in self._bot.desks.values():
            desk.count_session()
        held = {symbol: desk.units.quantity for symbol, desk in self._bot.desks.items()}
        verdict = self._engine.on_session(_opened(session), session, held)
        self._on_verdict(cooled(verdict, _account(self._bot), self._bot.config.risk), taken)

    def _on_verdict(self, verdict: Verdict, taken: set[str]) -> None:
        bot = self._bot
        if verdict.market is not None and self._remember(verdict.market.regime):
            bot.desks[bot.config.symbols[0]].reports.regime(verdict.market, self._before)
        for stopped in verdict.filtered:
            desk = bot.desks[stopped.signal.symbol]
            signal_id = _told(bot, desk, stopped.signal, verdict.time)
            _stopped(bot, desk, signal_id, (stopped.filter, stopped.value, stopped.threshold))
        signals = {signal.symbol: signal for signal in verdict.signals if signal.symbol not in taken}
        prices = {symbol: float(desk.mark) for symbol, desk in bot.desks.items()}
        actions = actions_of(
            _account(bot),
            signals.values(),
            prices,
            float(bot.equity),
            lots=dict.fromkeys(bot.desks, float(bot.config.venue.lot)),
            limits=bot.config.risk,
            periods_per_year=self._params.periods_per_year,
        )
        # What is sold pays for what is bought.
        for action in sorted(changes(actions), key=lambda one: one.kind not in ("close", "reduce")):
            self._act(action, signals.pop(action.symbol, None), verdict.time)
        for signal in signals.values():
            if signal.action != "hold":
                # It asks for what is so already, or for less than a lot: decided, and nothing to be done.
                self._act(None, signal, verdict.time)

    def _act(self, action: Action | None, signal: Signal | None, time: int) -> None:
        bot = self._bot
        symbol = action.symbol if action else signal.symbol if signal else ""
        desk = bot.desks[symbol]
        signal_id = _told(bot, desk, signal, time) if signal else None
        side: Side = "buy" if action and action.kind in ("open", "increase") else "sell"
        quantity = exact(action.quantity).quantize(bot.config.venue.lot) if action else Decimal(0)
        if side == "sell":
            quantity = min(quantity, desk.position.quantity)
        if not desk.is_free():
            quantity = Decimal(0)
        _decide(
            bot, desk, side, quantity,
            score=signal.score if signal else None, threshold=self._threshold(side), signal_id=signal_id,
            agent=signal.agent if signal else None,
            reason="rebalance" if action and action.reason == "rebalance" else "signal",
        )  # fmt: skip

    def _threshold(self, side: Side) -> float:
        return self._params.entry if side == "buy" else self._params.exit

    def _remember(self, regime: str) -> bool:
        """Note the kind of market on each desk; return whether it is another than before."""
        desks = list(self._bot.desks.values())
        self._before = desks[0].regime
        for desk in desks:
            desk.regime = regime
        return self._before is not None and self._before != regime


def _take_profits(bot: Bot, bars: Mapping[str, Bar]) -> set[str]:
    """Close what has earned enough by the risk limits; return its symbols."""
    units = {symbol: desk.units for symbol, desk in bot.desks.items()}
    taken = set()
    for found in exits(units, bars, bot.config.risk):
        desk = bot.desks[found.symbol]
        if desk.is_free():
            _decide(
                bot, desk, "sell", desk.position.quantity,
                score=found.price, threshold=found.level, reason=found.reason,
            )  # fmt: skip
            taken.add(found.symbol)
    return taken


def _told(bot: Bot, desk: Desk, signal: Signal, bar_time: int) -> str:
    signal_id = bot.new_id("s")
    bot.books.signals += 1
    desk.reports.signal(signal, signal_id, bar_time)
    return signal_id


def _stopped(bot: Bot, desk: Desk, signal_id: str, gate: tuple[str, float, float]) -> None:
    bot.books.filtered[gate[0]] += 1
    desk.reports.filtered(signal_id, gate)


def _decide(
    bot: Bot,
    desk: Desk,
    side: Side,
    quantity: Decimal,
    *,
    score: float | None,
    threshold: float,
    signal_id: str | None = None,
    agent: str | None = None,
    price: Decimal | None = None,
    reason: str = "signal",
) -> None:
    """Say what was decided, also when it is to do nothing, and order it."""
    decision_id = bot.new_id("d")
    bot.books.decisions += 1
    target = desk.position.quantity + (quantity if side == "buy" else -quantity)
    desk.reports.decision(
        decision_id, side, quantity, target, signal_id=signal_id, score=score, threshold=threshold
    )
    if quantity > 0:
        bot.books.acted += 1
        desk.order(side, quantity, decision_id=decision_id, price=price, reason=reason, agent=agent)


def _account(bot: Bot) -> Account:
    holdings = {}
    for symbol, desk in bot.desks.items():
        if not desk.position.quantity:
            continue
        held, price = desk.units, float(desk.mark)
        worst = float(desk.position.worst)
        holdings[symbol] = Holding(
            held.quantity, held.average_price, desk.position.opened, price, held.best, worst
        )
    stopped = {symbol: desk.stopped for symbol, desk in bot.desks.items() if desk.stopped is not None}
    return Account(float(bot.books.cash), holdings, currency=bot.config.currency, stopped=stopped)


def _joined(rows: Sequence[Mapping[str, Bar]]) -> dict[str, Bar]:
    """Return bars in a row as one bar for each symbol."""
    joined = {}
    for symbol in rows[0]:
        bars = [row[symbol] for row in rows]
        high, low = max(bar.high for bar in bars), min(bar.low for bar in bars)
        volume = sum(bar.volume for bar in bars)
        joined[symbol] = Bar(bars[0].time, bars[0].open, high, low, bars[-1].close, volume)
    return joined


def _opened(session: Mapping[str, Bar]) -> int:
    return next(iter(session.values())).time

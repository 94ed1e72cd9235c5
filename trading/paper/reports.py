"""What a bot says of itself: its bars, signals, positions, trades and equity as events.

Only words: nothing here decides, and nothing is remembered.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal

from trading.bars import Bar, exact
from trading.logs import BotLog, Value
from trading.paper.books import BookedTrade
from trading.paper.clock import SECOND_NS
from trading.positions import Position, Side
from trading.regime import MarketState
from trading.signals.signal import Signal

__all__ = ["Reports"]

CENT = Decimal("0.01")
EXACT = Decimal("0.00000001")
"""Amounts are told to the satoshi: whoever adds them up comes to the same cent as the books."""


@dataclass(frozen=True)
class Reports:
    """The reports of one bot on one symbol."""

    log: BotLog
    symbol: str
    currency: str

    def history(self, bars: Sequence[Bar], source: str) -> None:
        """Say which candles the bot starts from, and where they are from: `cache`, `files` or `ccxt`."""
        about: dict[str, Value] = {
            "data.source": source,
            "symbol": self.symbol,
            "interval": "1m",
            "data.rows": len(bars),
            "data.gaps": sum(bar.volume == 0 for bar in bars),
            "data.start": bars[0].time,
            "data.end": bars[-1].time,
            "cache.hit": source == "cache",
        }
        self.log.event("data.collected", about, "%d candles of %s from %s", len(bars), self.symbol, source)

    def bar(self, bar: Bar) -> None:
        """Say that a candle is complete."""
        about: dict[str, Value] = {
            "symbol": self.symbol,
            "interval": "1m",
            "open": exact(bar.open),
            "high": exact(bar.high),
            "low": exact(bar.low),
            "close": exact(bar.close),
            "volume": exact(bar.volume),
            "bar.time": bar.time,
        }
        self.log.event("market.bar", about, "%s %s", self.symbol, exact(bar.close))

    def signal(self, signal: Signal, signal_id: str, bar_time: int) -> None:
        """Say what a strategy or an agent would do."""
        about: dict[str, Value] = {
            "signal.id": signal_id,
            "agent.name": signal.agent,
            "symbol": self.symbol,
            "signal.action": signal.action,
            "signal.confidence": round(signal.confidence, 4),
            "signal.score": _rounded(signal.score, 4),
            "signal.weight": _rounded(signal.weight, 6),
            "indicator.rsi": _rounded(signal.rsi, 2),
            "indicator.ma_ratio": _rounded(signal.ma_ratio, 6),
            "indicator.momentum": _rounded(signal.momentum, 6),
            "bar.time": bar_time,
            "reason": signal.reason,
            "log.record.uid": signal_id,
        }
        self.log.event("signal.generated", about, "%s signal for %s", signal.action, self.symbol)

    def filtered(self, signal_id: str, gate: tuple[str, float, float]) -> None:
        """Say which gate stopped a signal, and the two numbers it compared."""
        name, value, threshold = gate
        about: dict[str, Value] = {
            "signal.id": signal_id,
            "symbol": self.symbol,
            "filter": name,
            "value": round(value, 6),
            "threshold": threshold,
            "cause.id": signal_id,
        }
        self.log.event("signal.filtered", about, "signal %s stopped by %s", signal_id, name)

    def decision(
        self,
        decision_id: str,
        side: Side,
        quantity: Decimal,
        target: Decimal,
        *,
        signal_id: str | None,
        score: float | None,
        threshold: float,
    ) -> None:
        """Say what was decided, also when it is to do nothing (a `quantity` of 0)."""
        about: dict[str, Value] = {
            "decision.id": decision_id,
            "symbol": self.symbol,
            "position.target": target,
            "decision.score": _rounded(score, 4),
            "decision.threshold": threshold,
            "signal.ids": signal_id,
            "cause.id": signal_id,
            "log.record.uid": decision_id,
        }
        words = "%s %s %s" if quantity else "no %s of %s %s: nothing to be done"
        self.log.event("decision.made", about, words, side, quantity, self.symbol)

    def position(
        self,
        name: str,
        position_id: str,
        position: Position,
        mark: Decimal,
        *,
        cause: str | None = None,
        reconciliation: bool | None = None,
    ) -> None:
        """Say what is held, valued at `mark`; `name` is which of the three position events it is."""
        about: dict[str, Value] = {
            "position.id": position_id,
            "symbol": self.symbol,
            "position.side": position.side,
            "position.quantity": position.quantity,
            "position.average_price": _amount(position.average_price),
            "price": mark,
            "entry.time": position.opened or None,
            "pnl.unrealized": _amount(position.unrealized(mark)),
            "pnl.realized": _amount(position.realized),
            "currency": self.currency,
            "reconciliation": reconciliation,
            "cause.id": cause,
        }
        self.log.event(name, about, "position %s: %s %s", position_id, position.quantity, self.symbol)

    def balance(self, cash: Decimal, free: Decimal) -> None:
        """Say how much money is left, by our own books, and how much no order is waiting to spend."""
        total = _amount(cash)
        about: dict[str, Value] = {
            "asset": self.currency,
            "balance.total": total,
            "balance.free": _amount(free),
            "reported": False,
        }
        self.log.event("balance.updated", about, "balance %s %s", total.quantize(CENT), self.currency)

    def equity(self, cash: Decimal, exposure: Decimal, day_start: Decimal, peak: Decimal) -> None:
        """Say what the account is worth: cash and what is held."""
        equity = cash + exposure
        about: dict[str, Value] = {
            "equity": _amount(equity),
            "equity.day_start": _amount(day_start),
            "equity.peak": _amount(peak),
            "pnl.day": _amount(equity - day_start),
            "drawdown.ratio": round(float(1 - equity / peak), 6),
            "exposure.ratio": round(float(exposure / equity), 4),
            "currency": self.currency,
        }
        self.log.event("equity.measured", about, "equity %s %s", equity.quantize(CENT), self.currency)

    def trade(
        self,
        booked: BookedTrade,
        position_id: str,
        *,
        regime: str | None,
        decision: str | None,
        cause: str,
    ) -> None:
        """Say what a closed trade earned."""
        trade = booked.trade
        about: dict[str, Value] = {
            "trade.id": booked.trade_id,
            "position.id": position_id,
            "symbol": self.symbol,
            "entry.price": _amount(trade.entry_price),
            "exit.price": _amount(trade.exit_price),
            "entry.time": trade.entry_time,
            "exit.time": trade.exit_time,
            "quantity": trade.quantity,
            "pnl.net": _amount(trade.pnl_net),
            "pnl.ratio": round(float(trade.pnl_ratio), 6),
            "fees": _amount(trade.fees),
            "mae.ratio": round(float(trade.mae_ratio), 6),
            "mfe.ratio": round(float(trade.mfe_ratio), 6),
            "duration_s": (trade.exit_time - trade.entry_time) // SECOND_NS,
            "exit.reason": booked.reason,
            "regime": regime,
            "decision.id": decision,
            "currency": self.currency,
            "cause.id": cause,
            "log.record.uid": booked.trade_id,
        }
        net = trade.pnl_net.quantize(CENT)
        self.log.event("trade.closed", about, "trade closed: %s %s", net, self.currency)

    def attribution(self, booked: BookedTrade, agent: str) -> None:
        """Say whose work a trade was: of a single agent its Shapley value is the whole result."""
        about: dict[str, Value] = {
            "trade.id": booked.trade_id,
            "agent.name": agent,
            "contribution": _amount(booked.trade.pnl_net),
            "contribution.method": "shapley",
            "currency": self.currency,
            "cause.id": booked.trade_id,
        }
        self.log.event("attribution.computed", about, "trade %s is the work of %s", booked.trade_id, agent)

    def regime(self, market: MarketState, before: str | None) -> None:
        """Say that the market is of another kind now."""
        about: dict[str, Value] = {
            "symbol": self.symbol,
            "regime": market.regime,
            "regime.previous": before,
            "trend": round(market.trend, 6),
            "momentum": round(market.momentum, 6),
            "volatility": round(market.volatility, 6),
        }
        self.log.event("regime.changed", about, "market is %s, was %s", market.regime, before)


def _amount(amount: Decimal) -> Decimal:
    """Return an amount with two decimals, or with as many as it has, eight at most."""
    short, long = amount.quantize(CENT), amount.quantize(EXACT)
    return short if short == long else long.normalize()


def _rounded(value: float | None, digits: int) -> float | None:
    return None if value is None else round(value, digits)

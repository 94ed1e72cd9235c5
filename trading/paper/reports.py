"""What a bot says of itself: its bars, signals, positions, trades and equity as events.

Only words: nothing here decides, and nothing is remembered.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal

from trading.bars import Bar, exact
from trading.logs import BotLog, Value
from trading.paper.clock import SECOND_NS
from trading.positions import Position, Trade
from trading.signals.signal import Signal

__all__ = ["Reports"]

CENT = Decimal("0.01")


@dataclass(frozen=True)
class Reports:
    """The reports of one bot on one symbol."""

    log: BotLog
    symbol: str
    currency: str

    def history(self, bars: Sequence[Bar]) -> None:
        """Say which candles the bot starts from."""
        about: dict[str, Value] = {
            "data.source": "cache",
            "symbol": self.symbol,
            "interval": "1m",
            "data.rows": len(bars),
            "data.gaps": sum(bar.volume == 0 for bar in bars),
            "data.start": bars[0].time,
            "data.end": bars[-1].time,
            "cache.hit": True,
            "duration_ms": 3,
        }
        self.log.event("data.collected", about, "%d candles of %s from the cache", len(bars), self.symbol)

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
            "signal.confidence": signal.confidence,
            "indicator.rsi": signal.rsi,
            "indicator.ma_ratio": signal.ma_ratio,
            "indicator.momentum": signal.momentum,
            "bar.time": bar_time,
            "reason": signal.reason,
        }
        self.log.event("signal.generated", about, "%s signal for %s", signal.action, self.symbol)

    def filtered(self, signal_id: str, gate: tuple[str, float, float]) -> None:
        """Say which gate stopped a signal, and the two numbers it compared."""
        name, value, threshold = gate
        about: dict[str, Value] = {
            "signal.id": signal_id,
            "symbol": self.symbol,
            "filter": name,
            "value": value,
            "threshold": threshold,
        }
        self.log.event("signal.filtered", about, "signal %s stopped by %s", signal_id, name)

    def decision(
        self,
        decision_id: str,
        signal_id: str,
        signal: Signal,
        quantity: Decimal,
        target: Decimal,
        least: float,
    ) -> None:
        """Say what was decided, also when it is to do nothing."""
        about: dict[str, Value] = {
            "decision.id": decision_id,
            "symbol": self.symbol,
            "position.target": target,
            "decision.score": signal.confidence,
            "decision.threshold": least,
            "signal.ids": signal_id,
        }
        self.log.event("decision.made", about, "%s %s %s", signal.action, quantity, self.symbol)

    def position(
        self,
        name: str,
        position_id: str,
        position: Position,
        mark: Decimal,
        *,
        reconciliation: bool | None = None,
    ) -> None:
        """Say what is held, valued at `mark`; `name` is which of the three position events it is."""
        about: dict[str, Value] = {
            "position.id": position_id,
            "symbol": self.symbol,
            "position.side": position.side,
            "position.quantity": position.quantity,
            "position.average_price": position.average_price.quantize(CENT),
            "pnl.unrealized": position.unrealized(mark).quantize(CENT),
            "pnl.realized": position.realized.quantize(CENT),
            "currency": self.currency,
            "reconciliation": reconciliation,
        }
        self.log.event(name, about, "position %s: %s %s", position_id, position.quantity, self.symbol)

    def balance(self, cash: Decimal) -> None:
        """Say how much money is left, by our own books."""
        total = cash.quantize(CENT)
        about: dict[str, Value] = {
            "asset": self.currency,
            "balance.total": total,
            "balance.free": total,
            "reported": False,
        }
        self.log.event("balance.updated", about, "balance %s %s", total, self.currency)

    def equity(self, cash: Decimal, exposure: Decimal, day_start: Decimal, peak: Decimal) -> None:
        """Say what the account is worth: cash and what is held."""
        equity = cash + exposure
        about: dict[str, Value] = {
            "equity": equity.quantize(CENT),
            "equity.day_start": day_start.quantize(CENT),
            "equity.peak": peak.quantize(CENT),
            "pnl.day": (equity - day_start).quantize(CENT),
            "drawdown.ratio": round(float(1 - equity / peak), 6),
            "exposure.ratio": round(float(exposure / equity), 4),
            "currency": self.currency,
        }
        self.log.event("equity.measured", about, "equity %s %s", about["equity"], self.currency)

    def trade(self, trade_id: str, position_id: str, trade: Trade, reason: str) -> None:
        """Say what a closed trade earned."""
        about: dict[str, Value] = {
            "trade.id": trade_id,
            "position.id": position_id,
            "symbol": self.symbol,
            "entry.price": trade.entry_price.quantize(CENT),
            "exit.price": trade.exit_price.quantize(CENT),
            "entry.time": trade.entry_time,
            "exit.time": trade.exit_time,
            "quantity": trade.quantity,
            "pnl.net": trade.pnl_net.quantize(CENT),
            "pnl.ratio": round(float(trade.pnl_ratio), 6),
            "fees": trade.fees.quantize(CENT),
            "mae.ratio": round(float(trade.mae_ratio), 6),
            "mfe.ratio": round(float(trade.mfe_ratio), 6),
            "duration_s": (trade.exit_time - trade.entry_time) // SECOND_NS,
            "exit.reason": reason,
            "currency": self.currency,
        }
        self.log.event("trade.closed", about, "trade closed: %s %s", about["pnl.net"], self.currency)

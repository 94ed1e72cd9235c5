"""What a backtest gives back: trades, the equity at each close, and the statistics of both."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

from trading.accounts import Account, Fill
from trading.accounts import Trade as AccountTrade
from trading.performance import Summary, summary

__all__ = ["BacktestResult", "PortfolioResult", "Trade"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Trade:
    """Units that were bought and sold again, or that are still held at the end."""

    entry_time: Any
    """Time of the bar at whose open it was bought, in the type that the bars came with."""
    exit_time: Any
    """Time of the bar at whose open it was sold; of an open one: of the last bar, at which it is valued."""
    entry_price: float
    """Of one unit, slippage included."""
    exit_price: float
    """Of one unit; of an open one: the last close."""
    quantity: float
    return_ratio: float
    """Net of fees, over the value at entry before fees, a fraction."""
    pnl: float
    """Net of the fees of both sides; an open one has paid only the first."""
    fees: float
    entry_bar: int
    """Index of the bar, from 0."""
    exit_bar: int
    is_open: bool = False
    """Whether it was still held at the end: then it is valued at the last close, not sold."""


@dataclass(frozen=True, kw_only=True)
class _Curve:
    equity: list[float]
    """At each bar's close."""
    cash: float
    """What it started with."""
    fee: float
    """Fraction of each fill's value."""
    slippage: float = 0.0
    periods_per_year: float = 252
    risk_free: float = 0.0

    @cached_property
    def statistics(self) -> Summary:
        """All statistics of the equity, the starting cash included."""
        return summary(
            self.equity,
            start=self.cash,
            periods_per_year=self.periods_per_year,
            risk_free=self.risk_free,
        )

    @property
    def final_equity(self) -> float:
        """The equity at the last close; the starting cash when there was no bar."""
        return self.equity[-1] if self.equity else self.cash

    @property
    def total_return(self) -> float:
        """Final equity over starting cash, less 1."""
        return self.final_equity / self.cash - 1

    @property
    def sharpe(self) -> float:
        """Annualised; see `trading.performance.sharpe`."""
        return self.statistics.sharpe

    @property
    def sortino(self) -> float:
        """Annualised; see `trading.performance.sortino`."""
        return self.statistics.sortino

    @property
    def cagr(self) -> float:
        """Yearly growth by bars."""
        return self.statistics.cagr

    @property
    def volatility(self) -> float:
        """Annualised deviation of the returns between closes."""
        return self.statistics.volatility

    @property
    def max_drawdown(self) -> float:
        """Negative, over the equity including the starting cash."""
        return self.statistics.max_drawdown

    @property
    def calmar(self) -> float:
        """CAGR over the size of the maximum drawdown."""
        return self.statistics.calmar


@dataclass(frozen=True, kw_only=True)
class BacktestResult(_Curve):
    """A strategy on one symbol."""

    times: list[Any]
    """Time of each bar, as it came."""
    trades: list[Trade] = field(default_factory=list)
    """Oldest first; the last one may be open."""

    @property
    def closed(self) -> list[Trade]:
        """The trades that were sold."""
        return [trade for trade in self.trades if not trade.is_open]

    @property
    def win_rate(self) -> float | None:
        """Share of the closed trades with a profit; `None` without any. What is open is neither."""
        return _win_rate([trade.pnl for trade in self.closed])

    @property
    def fees(self) -> float:
        """All fees paid."""
        return sum(trade.fees for trade in self.trades)

    @property
    def exposure(self) -> float:
        """Share of bars at whose close something was held."""
        held = sum(trade.exit_bar - trade.entry_bar + trade.is_open for trade in self.trades)
        return held / len(self.equity) if self.equity else 0.0


@dataclass(frozen=True, kw_only=True)
class PortfolioResult(_Curve):
    """Several symbols in one account."""

    times: list[int]
    """Unix ns of each session."""
    trades: list[AccountTrade] = field(default_factory=list)
    """By exit; what is still held comes last, `is_open`."""
    fills: list[Fill] = field(default_factory=list)
    exposures: list[float] = field(default_factory=list)
    """Share of the equity that was held at each close."""
    signals: int = 0
    """How many passed the gates."""
    filtered: dict[str, int] = field(default_factory=dict)
    """Gate to how many it stopped."""
    account: Account
    """As it stands after the last close."""

    @property
    def closed(self) -> list[AccountTrade]:
        """The trades that were sold."""
        return [trade for trade in self.trades if not trade.is_open]

    @property
    def win_rate(self) -> float | None:
        """Share of the closed trades with a profit; `None` without any. What is still held is neither."""
        return _win_rate([trade.pnl for trade in self.closed])

    @property
    def fees(self) -> float:
        """All fees paid."""
        return sum(fill.fee for fill in self.fills)

    @property
    def exposure(self) -> float:
        """Share of sessions at whose close something was held."""
        return sum(share > 0 for share in self.exposures) / len(self.exposures) if self.exposures else 0.0

    @property
    def turnover(self) -> float:
        """Value traded over the mean equity, a year; 0 without a bar."""
        if not self.equity:
            return 0.0
        traded = sum(fill.quantity * fill.price for fill in self.fills)
        mean = sum(self.equity) / len(self.equity)
        return traded / mean / len(self.equity) * self.periods_per_year if mean > 0 else 0.0


def _win_rate(pnls: Sequence[float]) -> float | None:
    return sum(pnl > 0 for pnl in pnls) / len(pnls) if pnls else None

"""A named strategy on loaded data: one call from what was asked for to a result. No I/O."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from trading.backtest.loading import Data
from trading.backtest.naming import Subject
from trading.backtest.portfolio import run_portfolio
from trading.backtest.results import BacktestResult, PortfolioResult
from trading.backtest.single import run
from trading.risk import RiskLimits
from trading.tracking import BAND

__all__ = ["Terms", "outcome_of"]


@dataclass(frozen=True, kw_only=True)
class Terms:
    """The account that a strategy is tested in, and what trading costs."""

    cash: float
    fee: float = 0.0
    slippage: float = 0.0
    limits: RiskLimits | None = None
    """Risk rules of a portfolio; a rule for one symbol knows none."""
    band: float = BAND
    periods_per_year: float = 252
    risk_free: float = 0.0

    def portfolio(self, data: Data) -> dict[str, Any]:
        """Return the arguments that `run_portfolio` wants."""
        return {
            "cash": self.cash,
            "fee": self.fee,
            "slippage": self.slippage,
            "limits": self.limits,
            "band": self.band,
            "lots": data.lots,
            "duties": data.duties,
            "periods_per_year": self.periods_per_year,
            "risk_free": self.risk_free,
        }


def outcome_of(subject: Subject, data: Data, terms: Terms) -> BacktestResult | PortfolioResult:
    """Return what a strategy would have done.

    A rule for one symbol on one symbol trades all the cash, in parts of a share, as `trading.backtest.run`
    does; everything else is a portfolio of whole lots, its windows full when trading begins.
    """
    if subject.strategy is None or len(data.series) != 1:
        return run_portfolio(
            data.series, subject.engine(data.symbols), **terms.portfolio(data), start=data.start
        )
    ((symbol, bars),) = data.series.items()
    return run(
        [bar for bar in bars if bar.time >= data.start],
        subject.strategy(),
        cash=terms.cash,
        fee=terms.fee,
        slippage=terms.slippage,
        duties=data.duties,
        symbol=symbol,
        periods_per_year=terms.periods_per_year,
        risk_free=terms.risk_free,
    )

"""Backtests: strategies and portfolios over recorded bars, with fills that could have happened.

`run` takes one symbol and a strategy, `run_portfolio` several symbols and a signal engine. Both are free of
files, clocks and logging.
"""

from __future__ import annotations

from trading.backtest.portfolio import run_portfolio
from trading.backtest.results import BacktestResult, PortfolioResult, Trade
from trading.backtest.single import BacktestError, run

__all__ = ["BacktestError", "BacktestResult", "PortfolioResult", "Trade", "run", "run_portfolio"]

"""A backtest as facts for a report: figures, curve, trades, and the same money simply held."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

from trading.accounts import Trade as AccountTrade
from trading.backtest.loading import Data
from trading.backtest.naming import Subject
from trading.backtest.results import BacktestResult, PortfolioResult, Trade
from trading.backtest.walkforward import Step
from trading.bars import Bar, day_of, time_of
from trading.reporting.facts import NONE, BacktestFacts, Figure, TradeFacts, WindowFacts

__all__ = ["facts_of", "held_equally"]


def facts_of(
    result: BacktestResult | PortfolioResult,
    subject: Subject,
    data: Data,
    *,
    made: int | None = None,
    seconds: float | None = None,
    warnings: Sequence[str] = (),
    steps: Sequence[Step] = (),
) -> BacktestFacts:
    """Return what a report says of a backtest.

    Args:
        result: The backtest.
        subject: What was tested.
        data: On which bars.
        made: Unix ns of now.
        seconds: How long it took.
        warnings: What its reader must know first.
        steps: Of a walk-forward.
    """
    times = [time_of(time) for time in result.times]
    figures = result.statistics
    symbol = data.symbols[0] if data.symbols else ""
    trades = [_trade(trade, data.names, symbol) for trade in result.trades]
    return BacktestFacts(
        strategy=subject.name,
        symbols=data.symbols,
        currency=data.currency,
        made=made,
        first=times[0] if times else None,
        last=times[-1] if times else None,
        bars=sum(bar.time >= data.start for bars in data.series.values() for bar in bars),
        interval=data.interval,
        cash=result.cash,
        fee=result.fee,
        returns=data.returns,
        duties=tuple(data.duties.lines(day_of(times[0]))) if times else (),
        slippage=result.slippage,
        risk_free=result.risk_free,
        periods_per_year=result.periods_per_year,
        parameters=subject.parameters,
        data_hash=data.hash,
        sources=(data.source,),
        equity=tuple(zip(times, result.equity, strict=True)),
        benchmark=tuple(zip(times, held_equally(data.series, times, result.cash), strict=True)),
        trades=tuple(trades),
        total_return=result.total_return,
        cagr=_figure(figures.cagr),
        volatility=_figure(figures.volatility),
        sharpe=_figure(figures.sharpe),
        sortino=_figure(figures.sortino),
        calmar=_figure(figures.calmar),
        max_drawdown=_figure(figures.max_drawdown),
        fees=result.fees,
        exposure=result.exposure,
        turnover=result.turnover if isinstance(result, PortfolioResult) else None,
        windows=tuple(_window(step) for step in steps),
        warnings=tuple(warnings),
        seconds=seconds,
    )


def held_equally(series: Mapping[str, Sequence[Bar]], times: Sequence[int], cash: float) -> list[float]:
    """Return what the same money would be worth in equal parts, bought at the first close and never touched.

    A symbol that has no bar yet is cash until its first close; one that has none any more keeps its last.
    No fees.
    """
    if not series or not times:
        return [cash] * len(times)
    part = cash / len(series)
    worth = [0.0] * len(times)
    for bars in series.values():
        closes = {bar.time: bar.close for bar in bars if 0 < bar.close < math.inf}
        bought = math.nan
        value = part
        for index, time in enumerate(times):
            close = closes.get(time)
            if close is not None:
                bought = close if math.isnan(bought) else bought
                value = part * close / bought
            worth[index] += value
    return worth


def _trade(trade: Trade | AccountTrade, names: Mapping[str, str], symbol: str) -> TradeFacts:
    symbol = trade.symbol if isinstance(trade, AccountTrade) else symbol
    return TradeFacts(
        symbol=symbol,
        name=names.get(symbol, ""),
        entry_time=time_of(trade.entry_time),
        exit_time=None if trade.is_open else time_of(trade.exit_time),
        quantity=trade.quantity,
        entry_price=trade.entry_price,
        exit_price=trade.exit_price,
        profit=trade.pnl,
        return_ratio=trade.return_ratio,
        reason="" if trade.is_open or not isinstance(trade, AccountTrade) else trade.reason,
    )


def _window(step: Step) -> WindowFacts:
    return WindowFacts(
        train_first=step.window.train_first,
        train_last=step.window.train_last,
        test_first=step.window.test_first,
        test_last=step.window.test_last,
        train_score=_figure(step.train_score),
        test_score=_figure(step.test_score),
        test_return=_figure(step.test_return),
        parameters=step.parameters,
    )


def _figure(value: float) -> Figure:
    return value if math.isfinite(value) else NONE

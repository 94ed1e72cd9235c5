"""The page of a backtest: figures, chart, months, trades, and all that is needed to make it again."""

from __future__ import annotations

import math
from collections import defaultdict

from trading import amounts
from trading.charts import Mark
from trading.reporting.daily import curve, foot
from trading.reporting.facts import BacktestFacts, Figure, TradeFacts, WindowFacts
from trading.reporting.figures import profit_factor, settled
from trading.reporting.months import months_table
from trading.reporting.page import Block, Cell, Figures, Page, Remark, Section, Table
from trading.reporting.weekly import trades_table, win_rate
from trading.reporting.wording import Wording, is_known, table
from trading.reporting.words import Language
from trading.scales import date_text

__all__ = ["MOST_TRADES", "backtest_page", "profit_by_symbol"]

MOST_TRADES = 1000
"""More rows than these nobody reads; the newest are shown, the rest counted."""


def backtest_page(facts: BacktestFacts, language: Language) -> Page:
    """Return the page of a backtest."""
    say = Wording(language, facts.currency)
    return Page(
        language=language,
        title=f"{say('backtest')}: {facts.strategy}",
        lead=_lead(facts, say),
        sections=(
            Section(say("warnings"), tuple(Remark(text, "warn") for text in facts.warnings)),
            Section(say("performance"), (_performance(facts, say), _curve(facts, say))),
            Section(say("monthly"), (months_table(facts.equity, facts.cash, say),)),
            Section(say("windows"), (_windows(facts, say),) if facts.windows else ()),
            Section(say("trades"), _trades(facts, say)),
            Section(say("parameters"), (_parameters(facts, say),)),
            Section(say("assumptions"), (_assumptions(facts, say),)),
        ),
        foot=foot(facts.made, say, "past"),
    )


def _lead(facts: BacktestFacts, say: Wording) -> tuple[str, ...]:
    period = ""
    if facts.first is not None and facts.last is not None:
        period = say("period", first=date_text(facts.first), last=date_text(facts.last))
    symbols = ", ".join(facts.symbols[:12])
    if len(facts.symbols) > 12:
        symbols += f" … +{len(facts.symbols) - 12}"
    bars = say("bars", count=amounts.count(facts.bars), interval=facts.interval)
    took = (
        say("took", seconds=amounts.number(facts.seconds, 2 if facts.seconds >= 1 else 3))
        if facts.seconds is not None
        else ""
    )
    sources = say("source", name=", ".join(facts.sources)) if facts.sources else ""
    return tuple(line for line in (period, symbols, " · ".join(filter(None, (bars, sources, took)))) if line)


def _performance(facts: BacktestFacts, say: Wording) -> Figures:
    closed = [trade for trade in facts.trades if trade.exit_time is not None]
    profits = [float(trade.profit) for trade in closed if isinstance(trade.profit, float | int)]
    counts = settled(profits)
    final: Figure = facts.equity[-1][1] if facts.equity else None
    rows = [
        (say("return"), say.change(facts.total_return)),
        (say("cagr"), say.change(facts.cagr)),
        (say("sharpe"), say.number(facts.sharpe)),
        (say("max_drawdown"), say.share(facts.max_drawdown, 2)),
        (say("sortino"), say.number(facts.sortino)),
        (say("calmar"), say.number(facts.calmar)),
        (say("volatility"), say.share(facts.volatility)),
        (say("equity"), say.amount(final)),
        (
            say("trade_count"),
            Cell(say("trades_open", closed=len(closed), open=len(facts.trades) - len(closed))),
        ),
        (say("win_rate"), win_rate(counts.wins, counts.trades, say)),
        (say("profit_factor"), say.number(profit_factor(profits))),
        (say("fees"), say.amount(facts.fees)),
    ]
    if facts.exposure is not None:
        rows.append((say("exposure"), say.share(facts.exposure)))
    if facts.turnover is not None:
        rows.append((say("turnover"), say.number(facts.turnover)))
    return Figures(tuple(rows))


def _curve(facts: BacktestFacts, say: Wording) -> Block:
    marks = [Mark(trade.entry_time, "entry") for trade in facts.trades]
    marks += [
        Mark(trade.exit_time, "exit", float(trade.profit) if isinstance(trade.profit, float | int) else 0.0)
        for trade in facts.trades
        if trade.exit_time is not None
    ]
    return curve(facts.equity, say, facts.cash, marks, facts.benchmark)


def _windows(facts: BacktestFacts, say: Wording) -> Table:
    heads = ("train", "test", "train_score#", "test_score#", "test_return#", "parameters")
    return table(say, heads, [_window_row(window, say) for window in facts.windows], "no_sessions")


def _window_row(window: WindowFacts, say: Wording) -> tuple[Cell, ...]:
    return (
        Cell(say("period", first=date_text(window.train_first), last=date_text(window.train_last))),
        Cell(say("period", first=date_text(window.test_first), last=date_text(window.test_last))),
        say.number(window.train_score),
        say.number(window.test_score),
        say.change(window.test_return),
        Cell(
            ", ".join(f"{name}={_plain(value)}" for name, value in sorted(window.parameters.items())) or "-"
        ),
    )


def _trades(facts: BacktestFacts, say: Wording) -> tuple[Block, ...]:
    shown = facts.trades[-MOST_TRADES:]
    blocks: list[Block] = [trades_table(shown, say)]
    if len(facts.trades) > len(shown):
        blocks.insert(0, Remark(say("more", count=amounts.count(len(facts.trades) - len(shown))), "warn"))
    profits = profit_by_symbol(facts.trades)
    if len(profits) > 1:
        blocks.insert(0, say.bars("profit", "chart_trades", profits.items(), say.profit))
    return tuple(blocks)


def profit_by_symbol(trades: tuple[TradeFacts, ...]) -> dict[str, float]:
    """Return each symbol's closed profit, the largest first; one unknown makes the sum unknown."""
    sums: defaultdict[str, float] = defaultdict(float)
    for trade in trades:
        if trade.exit_time is not None:
            sums[trade.name or trade.symbol] += float(trade.profit) if is_known(trade.profit) else math.nan  # type: ignore[arg-type]
    return dict(sorted(sums.items(), key=lambda item: (-item[1] if math.isfinite(item[1]) else 0.0, item[0])))


def _parameters(facts: BacktestFacts, say: Wording) -> Table:
    rows = [(Cell(name), Cell(_plain(value))) for name, value in sorted(facts.parameters.items())]
    return table(say, ("parameter", "value#"), rows, "no_parameters")


def _assumptions(facts: BacktestFacts, say: Wording) -> Table:
    rows = [
        (say("fill_rule"), say("fill_rule_is")),
        (say("fee_rule"), amounts.percent(facts.fee, 4)),
        (say("returns_rule"), facts.returns or "?"),
        (say("duty_rule"), "; ".join(facts.duties) or say("duty_rule_none")),
        (say("slippage_rule"), amounts.percent(facts.slippage, 4)),
        (say("open_rule"), say("open_rule_is")),
        (say("start_rule"), say.amount(facts.cash).text),
        (say("free_rule"), amounts.percent(facts.risk_free, 2)),
        (say("year_rule"), _plain(facts.periods_per_year)),
        (say("data_rule"), facts.data_hash or "?"),
    ]
    if facts.benchmark:
        rows.append((say("held_rule"), say("held_rule_is")))
    return table(say, ("setting", "note"), [(Cell(name), Cell(text)) for name, text in rows], "no_parameters")


def _plain(value: float | int | str | bool) -> str:
    return f"{value:.10g}" if isinstance(value, float) else str(value)

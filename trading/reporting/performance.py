"""The report of an account since its start: performance, months, symbols, regimes, and past signals."""

from __future__ import annotations

from trading.amounts import count
from trading.charts import Mark
from trading.reporting.backtests import MOST_TRADES, profit_by_symbol
from trading.reporting.daily import curve, foot
from trading.reporting.facts import PerformanceFacts
from trading.reporting.figures import profit_factor, settled
from trading.reporting.history import LEAST_SESSIONS
from trading.reporting.months import months_table
from trading.reporting.page import Block, Cell, Figures, Page, Remark, Section, Table
from trading.reporting.weekly import counted, trades_table, win_rate
from trading.reporting.wording import Wording, is_known, table
from trading.reporting.words import Language, day

__all__ = ["performance_page"]

_MOST_DAYS = 10
"""Missed sessions that are named; the rest is counted."""


def performance_page(facts: PerformanceFacts, language: Language, symbol: str | None = None) -> Page:
    """Return the report of an account; of one symbol's signals and trades when one is named."""
    say = Wording(language, facts.currency)
    start = float(facts.cash) if is_known(facts.cash) else 0.0  # type: ignore[arg-type]
    return Page(
        language=language,
        title=say("performance_report") + (f": {symbol}" if symbol else ""),
        lead=_lead(facts, symbol, say),
        sections=(
            Section(say("warnings"), _warnings(facts, say)),
            Section(say("account"), (_figures(facts, say), _curve(facts, say))),
            Section(say("monthly"), (months_table(facts.equity, start, say),)),
            Section(say("by_symbol"), _symbols(facts, say)),
            Section(say("by_regime"), (_regimes(facts, say),)),
            Section(say("filtered"), (Remark(_gates(facts, say)),)),
            Section(say("trades"), _trades(facts, say)),
            Section(say("history"), (_history(facts, say),)),
        ),
        foot=foot(facts.made, say),
    )


def _lead(facts: PerformanceFacts, symbol: str | None, say: Wording) -> tuple[str, ...]:
    lines = [say("no_as_of")]
    if facts.since is not None and facts.as_of is not None:
        last = day(facts.as_of, say.language)
        lines = [say("since_to", since=facts.since, as_of=last, count=count(facts.sessions))]
    if symbol:
        lines.append(say("only", symbol=symbol))
    return (*lines, say("calendar", name=facts.calendar))


def _warnings(facts: PerformanceFacts, say: Wording) -> tuple[Remark, ...]:
    remarks = []
    if facts.missed:
        days = ", ".join(map(str, facts.missed[:_MOST_DAYS]))
        rest = len(facts.missed) - _MOST_DAYS
        remarks.append(say("missed_sessions", days=days + (f" … +{count(rest)}" if rest > 0 else "")))
    if facts.left_out:
        remarks.append(say("left_out", count=count(facts.left_out)))
    if 0 < facts.sessions < LEAST_SESSIONS:
        remarks.append(say("too_few", count=LEAST_SESSIONS))
    return tuple(Remark(text, "warn") for text in remarks)


def _figures(facts: PerformanceFacts, say: Wording) -> Figures:
    profits = [float(trade.profit) for trade in facts.trades if isinstance(trade.profit, float | int)]
    counts = settled(profits)
    return Figures(
        (
            (say("equity"), say.amount(facts.account.equity)),
            (say("total_return"), say.change(facts.account.total_return)),
            (say("max_drawdown"), say.share(facts.max_drawdown, 2)),
            (say("drawdown"), say.share(facts.account.drawdown, 2)),
            (say("cagr"), say.change(facts.cagr)),
            (say("volatility"), say.share(facts.volatility)),
            (say("sharpe"), say.number(facts.sharpe)),
            (say("sortino"), say.number(facts.sortino)),
            (say("calmar"), say.number(facts.calmar)),
            (say("win_rate"), win_rate(counts.wins, counts.trades, say)),
            (say("profit_factor"), say.number(profit_factor(profits))),
            (say("cash"), say.amount(facts.account.cash)),
        )
    )


def _curve(facts: PerformanceFacts, say: Wording) -> Block:
    marks = [Mark(trade.entry_time, "entry") for trade in facts.trades]
    marks += [
        Mark(trade.exit_time, "exit", float(trade.profit) if isinstance(trade.profit, float | int) else 0.0)
        for trade in facts.trades
        if trade.exit_time is not None
    ]
    return curve(facts.equity, say, facts.cash, marks)


def _symbols(facts: PerformanceFacts, say: Wording) -> tuple[Block, ...]:
    rows = [
        (
            *say.names(one.symbol, one.name),
            say.count(one.buys),
            say.count(one.sells),
            say.count(one.holds),
            say.count(one.filtered),
            say.count(one.trades),
            say.count(one.wins),
            say.profit(one.profit),
        )
        for one in facts.symbols
    ]
    heads = ("symbol", "name", "buys#", "sells#", "holds#", "filtered#", "trade_count#", "wins#", "profit#")
    shown = table(say, heads, rows, "no_signals")
    profits = profit_by_symbol(facts.trades)
    if len(profits) < 2:
        return (shown,)
    return (say.bars("profit", "chart_trades", profits.items(), say.profit), shown)


def _regimes(facts: PerformanceFacts, say: Wording) -> Table:
    rows = [
        (
            say.term(one.regime) if one.regime else Cell("?", "warn"),
            say.count(one.sessions),
            say.change(one.total_return),
        )
        for one in facts.regimes
    ]
    return table(say, ("regime", "session_count#", "following#"), rows, "no_sessions")


def _gates(facts: PerformanceFacts, say: Wording) -> str:
    gates = counted(facts.filtered, say)
    return say("gates", gates=gates) if gates else say("no_gates")


def _trades(facts: PerformanceFacts, say: Wording) -> tuple[Block, ...]:
    shown = facts.trades[-MOST_TRADES:]
    left = len(facts.trades) - len(shown)
    more = (Remark(say("more", count=count(left)), "warn"),) if left else ()
    return (*more, trades_table(shown, say))


def _history(facts: PerformanceFacts, say: Wording) -> Table:
    rows = [
        (
            Cell(str(session)),
            *say.names(signal.symbol, signal.name),
            say.term(signal.action),
            say.share(signal.confidence),
            say.share(signal.weight),
            say.amount(signal.price),
            say.number(signal.score),
            say.number(signal.rsi, 0),
            say.reason(signal.reason),
        )
        for session, signal in facts.history
    ]
    heads = (
        "day",
        "symbol",
        "name",
        "action",
        "confidence#",
        "weight#",
        "price#",
        "score#",
        "rsi#",
        "reason",
    )
    return table(say, heads, rows, "no_signals")

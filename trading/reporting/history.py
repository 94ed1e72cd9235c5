"""The whole account and all its signals, from the rows of the store."""

from __future__ import annotations

import math
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from datetime import date
from itertools import pairwise
from typing import TYPE_CHECKING, Any

from trading.performance import summary
from trading.reporting.facts import (
    NONE,
    Figure,
    PerformanceFacts,
    RegimeFacts,
    SignalFacts,
    SymbolFacts,
)
from trading.reporting.figures import settled
from trading.reporting.tracker import account_of, equity_of, started_with, trades_of
from trading.sessions import Sessions

if TYPE_CHECKING:
    from trading.store.store import Store

__all__ = ["LEAST_SESSIONS", "NEWEST_SIGNALS", "performance_facts"]

Row = Mapping[str, Any]

LEAST_SESSIONS = 20
"""With fewer, a yearly figure would be noise: there is none."""
NEWEST_SIGNALS = 300
"""How many signals the history shows."""


def performance_facts(
    store: Store,
    sessions: Sessions,
    *,
    currency: str,
    made: int,
    symbol: str | None = None,
    periods_per_year: float = 252,
) -> PerformanceFacts:
    """Return the facts of an account since its start.

    Args:
        store: Where the daily runs left their rows.
        sessions: Of the market: they say for which days a row must be there.
        currency: Of the account; rows in another one are counted and left out.
        made: Unix ns.
        symbol: Show the signals and trades of this one only.
        periods_per_year: Sessions in a year.
    """
    rows = store.ledger.performance()
    ours = [row for row in rows if row["currency"] == currency]
    trades = [row for row in store.ledger.trades() if row["currency"] == currency and _is(symbol, row)]
    if not ours:
        return PerformanceFacts(currency=currency, made=made, calendar=sessions.name, left_out=len(rows))
    since, as_of = (date.fromisoformat(ours[index]["session"]) for index in (0, -1))
    passed = [row for row in store.signals.signals(since, as_of) if _is(symbol, row)]
    filtered = [row for row in store.signals.filtered(since, as_of) if _is(symbol, row)]
    have = {row["session"] for row in ours}
    return PerformanceFacts(
        currency=currency,
        as_of=as_of,
        since=since,
        made=made,
        calendar=sessions.name,
        cash=started_with(ours),
        sessions=len(ours),
        missed=tuple(day for day in sessions.between(since, as_of) if str(day) not in have),
        left_out=len(rows) - len(ours),
        account=account_of(ours[-1]),
        **_statistics(ours, periods_per_year),
        equity=equity_of(ours),
        trades=tuple(trades_of(trades)),
        symbols=tuple(_symbols(passed, filtered, trades)),
        regimes=tuple(_regimes(ours)),
        filtered=Counter(row["filter"] for row in filtered),
        history=tuple(
            (date.fromisoformat(row["session"]), _signal(row)) for row in reversed(passed[-NEWEST_SIGNALS:])
        ),
    )


def _is(symbol: str | None, row: Row) -> bool:
    return symbol is None or row["symbol"] == symbol


def _statistics(rows: Sequence[Row], periods_per_year: float) -> dict[str, Figure]:
    figures = summary(
        [row["equity"] for row in rows], start=started_with(rows), periods_per_year=periods_per_year
    )
    names = ["max_drawdown"]
    if len(rows) >= LEAST_SESSIONS:
        names += ["cagr", "volatility", "sharpe", "sortino", "calmar"]
    values = {name: getattr(figures, name) for name in names}
    return {name: value if math.isfinite(value) else NONE for name, value in values.items()}


def _symbols(passed: Iterable[Row], filtered: Iterable[Row], trades: Iterable[Row]) -> list[SymbolFacts]:
    said: defaultdict[str, Counter[str]] = defaultdict(Counter)
    names: dict[str, str] = {}
    profits: defaultdict[str, list[float]] = defaultdict(list)
    for row in passed:
        said[row["symbol"]][row["action"]] += 1
        names[row["symbol"]] = row["name"]
    for row in filtered:
        said[row["symbol"]]["filtered"] += 1
        names[row["symbol"]] = row["name"]
    for row in trades:
        profits[row["symbol"]].append(row["profit"])
        names[row["symbol"]] = row["name"] or names.get(row["symbol"], "")
    return [
        _symbol(symbol, names.get(symbol, ""), said[symbol], profits[symbol])
        for symbol in sorted({*said, *profits})
    ]


def _symbol(symbol: str, name: str, said: Counter[str], profits: list[float]) -> SymbolFacts:
    counts = settled(profits)
    return SymbolFacts(
        symbol=symbol,
        name=name,
        buys=said["buy"],
        sells=said["sell"],
        holds=said["hold"],
        filtered=said["filtered"],
        trades=counts.trades,
        wins=counts.wins,
        profit=counts.profit if profits else NONE,
    )


def _regimes(rows: Sequence[Row]) -> list[RegimeFacts]:
    """Return what followed each regime: the return of a session belongs to the regime known before it."""
    growth: dict[str, float] = {}
    count: Counter[str] = Counter()
    for before, row in pairwise(rows):
        name = before["regime"]
        count[name] += 1
        step = row["equity"] / before["equity"] if before["equity"] > 0 else math.nan
        growth[name] = growth.get(name, 1.0) * step
    return [
        RegimeFacts(
            regime=name,
            sessions=count[name],
            total_return=growth[name] - 1 if math.isfinite(growth[name]) else None,
        )
        for name in sorted(growth, key=lambda name: (-count[name], name))
    ]


def _signal(row: Row) -> SignalFacts:
    return SignalFacts(
        symbol=row["symbol"],
        name=row["name"],
        action=row["action"],
        confidence=row["confidence"],
        weight=NONE if row["weight"] is None else row["weight"],
        price=row["price"],
        score=row["score"],
        rsi=row["rsi"],
        reason=row["reason"],
    )

"""A session as rows of the store and as facts of the report. Pure functions."""

from __future__ import annotations

import math
from collections.abc import Mapping
from datetime import UTC, date, datetime
from typing import Any

import msgspec

from trading.accounts import Action, Fill, Trade, valued
from trading.bars import SECOND_NS
from trading.daily.book import Book
from trading.daily.products import Chosen, Dated, Judged, Phase, Summed
from trading.reporting.facts import (
    NONE,
    AccountFacts,
    ActionFacts,
    DailyFacts,
    FailureFacts,
    Figure,
    FillFacts,
    FilteredFacts,
    PositionFacts,
    SignalFacts,
)
from trading.signals.signal import Filtered, Signal

__all__ = [
    "action_rows",
    "facts_of",
    "fill_rows",
    "filtered_row",
    "performance_row",
    "position_rows",
    "signal_row",
    "summed",
    "trade_rows",
]

Row = dict[str, Any]

_DIGITS = 12
"""Digits of a figure that are kept: more than any price has, and no noise of the last bit."""


def signal_row(signal: Signal, name: str, *, strategy: str, regime: str, currency: str) -> Row:
    """Return a signal as a row of `signals`."""
    return {
        "symbol": signal.symbol,
        "name": name,
        "action": signal.action,
        "confidence": _known(signal.confidence),
        "weight": _known(signal.weight),
        "price": _known(signal.close),
        "score": _known(signal.score),
        "rsi": _known(signal.rsi),
        "ma_ratio": _known(signal.ma_ratio),
        "momentum": _known(signal.momentum),
        "volatility": _known(signal.volatility),
        "reason": signal.reason,
        "agent": signal.agent,
        "strategy": strategy,
        "regime": regime,
        "currency": currency,
    }


def filtered_row(stopped: Filtered, name: str, *, strategy: str, regime: str, currency: str) -> Row:
    """Return a signal that a gate stopped as a row of `filtered_signals`."""
    row = signal_row(stopped.signal, name, strategy=strategy, regime=regime, currency=currency)
    return {
        **row,
        "filter": stopped.filter,
        "value": _known(stopped.value),
        "threshold": _known(stopped.threshold),
    }


def action_rows(judged: Judged, currency: str) -> list[Row]:
    """Return what was decided as rows of `actions`."""
    return [
        {
            "symbol": action.symbol,
            "name": judged.names.get(action.symbol, action.symbol),
            "kind": action.kind,
            "quantity": _known(action.quantity),
            "price": _known(action.price),
            "weight_before": _known(action.weight_before),
            "weight_after": _known(action.weight_after),
            "reason": _why(action),
            "currency": currency,
        }
        for action in judged.actions
    ]


def summed(judged: Judged, paid: float) -> Summed:
    """Return the portfolio summary: what is held at the close and what it is worth.

    Args:
        judged: The session.
        paid: Fees of the session's fills.
    """
    book, before = judged.book, judged.equity_before
    equity = book.equity
    day_profit: Figure = NONE if before is None else equity - before
    day_return: Figure = NONE if before is None or before <= 0 else equity / before - 1
    account = AccountFacts(
        equity=equity,
        cash=book.account.cash,
        day_profit=day_profit,
        day_return=day_return,
        total_return=equity / book.start_cash - 1,
        drawdown=equity / book.peak - 1,
        fees=paid,
    )
    positions = tuple(
        _position(book, symbol, judged.names.get(symbol, symbol), without=symbol in judged.without_bar)
        for symbol in sorted(book.account.holdings)
    )
    exposure = 1 - book.account.cash / equity if equity > 0 else 0.0
    return Summed(account=account, positions=positions, exposure=exposure)


def facts_of(
    dated: Dated,
    chosen: Chosen,
    judged: Judged,
    total: Summed,
    phase: Phase,
    *,
    currency: str,
    now: int,
    equity: tuple[tuple[int, float], ...],
    missed: tuple[date, ...],
    failures: tuple[FailureFacts, ...],
    following: date,
) -> DailyFacts:
    """Return what the report and the messages of a session are made from.

    Args:
        dated: Product of step 1.
        chosen: Of step 2.
        judged: Of step 3.
        total: Of step 4.
        phase: Of step 7.
        currency: Of every amount.
        now: When, Unix ns.
        equity: (time, equity) at each close up to this one.
        missed: Sessions that were caught up and have no message of their own.
        failures: What went wrong since the last message.
        following: The next session.
    """
    names = judged.names
    return DailyFacts(
        as_of=dated.as_of,
        currency=currency,
        made=now,
        calendar=dated.calendar,
        strategy=str(chosen.document["params"]["score"]),
        source=judged.source,
        instruments=len(names),
        without_bar=judged.without_bar,
        regime=phase.regime,
        regime_before=phase.previous,
        account=total.account,
        positions=total.positions,
        signals=tuple(_signal(row) for row in judged.signals),
        filtered=tuple(
            FilteredFacts(
                symbol=row["symbol"],
                name=row["name"],
                action=row["action"],
                confidence=row["confidence"],
                filter=row["filter"],
                value=row["value"],
                threshold=row["threshold"],
            )
            for row in judged.filtered
        ),
        actions=tuple(_action(row) for row in action_rows(judged, currency)),
        fills=tuple(_fill(fill, judged) for fill in judged.fills),
        returns=judged.returns,
        duties=judged.duties,
        findings=judged.findings,
        missed=missed,
        failures=failures,
        equity=equity,
        next_session=following,
    )


def performance_row(judged: Judged, total: Summed, phase: Phase, *, strategy: str, currency: str) -> Row:
    """Return the row of `daily_performance`."""
    account = total.account
    return {
        "equity": _known(account.equity),
        "cash": _known(account.cash),
        "day_profit": _known(account.day_profit),
        "day_return": _known(account.day_return),
        "total_return": _known(account.total_return),
        "drawdown": _known(account.drawdown),
        "fees": _known(account.fees),
        "exposure": _known(total.exposure),
        "positions": len(total.positions),
        "signals": len(judged.signals),
        "filtered": len(judged.filtered),
        "actions": sum(action.kind != "keep" for action in judged.actions),
        "regime": phase.regime or "",
        "strategy": strategy,
        "currency": currency,
    }


def position_rows(total: Summed, currency: str) -> list[Row]:
    """Return the rows of `position_snapshots`."""
    rows = []
    for position in total.positions:
        row = {name: _known(value) for name, value in msgspec.structs.asdict(position).items()}
        rows.append({**row, "opened": str(position.opened or ""), "currency": currency})
    return rows


def fill_rows(judged: Judged, currency: str) -> list[Row]:
    """Return the rows of `fills`, in the order in which they happened."""
    return [
        {
            "symbol": fill.symbol,
            "name": judged.names.get(fill.symbol, fill.symbol),
            "side": fill.side,
            "quantity": _known(fill.quantity),
            "price": _known(fill.price),
            "fee": _known(fill.fee),
            "profit": _known(_profit(fill, judged)),
            "reason": fill.reason,
            "currency": currency,
        }
        for fill in judged.fills
    ]


def trade_rows(judged: Judged, currency: str) -> list[Row]:
    """Return the rows of `trades`, in the order in which they were closed."""
    return [
        {
            "symbol": trade.symbol,
            "name": judged.names.get(trade.symbol, trade.symbol),
            "entry_time": trade.entry_time,
            "exit_time": trade.exit_time,
            "quantity": _known(trade.quantity),
            "entry_price": _known(trade.entry_price),
            "exit_price": _known(trade.exit_price),
            "profit": _known(trade.pnl),
            "return_ratio": _known(trade.return_ratio),
            "reason": trade.reason,
            "currency": currency,
        }
        for trade in judged.trades
    ]


def _position(book: Book, symbol: str, name: str, *, without: bool) -> PositionFacts:
    held = book.account.holdings[symbol]
    equity = valued(book.account)
    value = held.quantity * held.last
    cost = held.quantity * held.average_price
    return PositionFacts(
        symbol=symbol,
        name=name,
        quantity=held.quantity,
        average_price=held.average_price,
        # Without a bar the last close is what it is valued at, but it is no price of this session.
        price=None if without else held.last,
        value=value,
        weight=value / equity if equity > 0 else None,
        profit=value - cost,
        profit_ratio=value / cost - 1 if cost > 0 else None,
        opened=datetime.fromtimestamp(held.opened // SECOND_NS, UTC).date(),
    )


def _signal(row: Mapping[str, Any]) -> SignalFacts:
    weight = NONE if row["weight"] is None or row["action"] == "sell" else row["weight"]
    return SignalFacts(
        symbol=row["symbol"],
        name=row["name"],
        action=row["action"],
        confidence=row["confidence"],
        weight=weight,
        price=row["price"],
        score=row["score"],
        rsi=row["rsi"],
        reason=row["reason"],
    )


def _action(row: Mapping[str, Any]) -> ActionFacts:
    wanted = {name: row[name] for name in ActionFacts.__struct_fields__}
    return ActionFacts(**wanted)


def _fill(fill: Fill, judged: Judged) -> FillFacts:
    profit = _profit(fill, judged)
    return FillFacts(
        symbol=fill.symbol,
        name=judged.names.get(fill.symbol, fill.symbol),
        side=fill.side,
        quantity=fill.quantity,
        price=fill.price,
        fee=fill.fee,
        profit=NONE if profit is None else profit,
    )


def _profit(fill: Fill, judged: Judged) -> float | None:
    """Return what a sale settled; each sale has made one trade."""
    if fill.side == "buy":
        return None
    settled = [trade for trade in judged.trades if _is_of(trade, fill)]
    return settled[0].pnl if settled else None


def _is_of(trade: Trade, fill: Fill) -> bool:
    return (trade.symbol, trade.exit_time, trade.quantity) == (fill.symbol, fill.time, fill.quantity)


def _why(action: Action) -> str:
    # The reason is a word of the vocabulary; the note says it in figures.
    if action.reason in ("signal", "rebalance"):
        return action.note or action.reason
    return action.note or action.reason.replace("_", " ")


def _known(value: Any) -> Any:
    if isinstance(value, float):
        return float(f"{value:.{_DIGITS}g}") if math.isfinite(value) else None
    return None if value is NONE else value

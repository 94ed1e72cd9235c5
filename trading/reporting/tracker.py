"""Performance over time, from the rows of the store: what the report of a week says.

Nothing here reads a clock: whoever asks says until when sessions count as over.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from datetime import date, datetime, timedelta
from typing import TYPE_CHECKING, Any

from trading.bars import time_of
from trading.reporting.facts import (
    NONE,
    AccountFacts,
    ActionFacts,
    ClosedDay,
    Curve,
    DayFacts,
    FailureFacts,
    Figure,
    PositionFacts,
    SessionHours,
    TradeFacts,
    WeeklyFacts,
)
from trading.reporting.figures import deepest, settled
from trading.sessions import Sessions

if TYPE_CHECKING:
    from trading.store.store import Store

__all__ = ["account_of", "changes", "equity_of", "started_with", "trades_of", "week_of", "weekly_facts"]

Row = Mapping[str, Any]


def week_of(day: date) -> tuple[date, date]:
    """Return Monday and Sunday of a day's week."""
    first = day - timedelta(days=day.weekday())
    return first, first + timedelta(days=6)


def weekly_facts(
    store: Store, sessions: Sessions, day: date, *, over: date, currency: str, made: int
) -> WeeklyFacts:
    """Return the facts of a week from the rows that the daily runs left.

    Args:
        store: Where they left them.
        sessions: Of the market: they say for which days a row must be there.
        day: Any day of the week.
        over: The newest session that is over; those after it are not missed.
        currency: Of the account. Rows in another one are not added but told.
        made: Unix ns.
    """
    first, last = week_of(day)
    rows = store.ledger.performance(None, last)
    ours = [row for row in rows if row["currency"] == currency]
    week = {row["session"]: row for row in ours if row["session"] >= str(first)}
    before = [row for row in ours if row["session"] < str(first)]
    newest = ours[-1] if ours else None
    start = started_with(ours)
    at_start = before[-1]["equity"] if before else start
    trades = [row for row in store.ledger.trades(None, last) if row["currency"] == currency]
    counts = settled(row["profit"] for row in trades)
    as_of = date.fromisoformat(newest["session"]) if newest else None
    held = store.ledger.positions(as_of) if as_of else []
    held_before = store.ledger.positions(date.fromisoformat(before[-1]["session"])) if before else []
    values = [row["equity"] for row in week.values()]
    return WeeklyFacts(
        first=first,
        last=last,
        as_of=as_of,
        currency=currency,
        made=made,
        calendar=sessions.name,
        week_return=values[-1] / at_start - 1 if values and at_start else NONE,
        week_profit=values[-1] - at_start if values and at_start else NONE,
        since=date.fromisoformat(ours[0]["session"]) if ours else None,
        total_return=newest["total_return"] if newest else NONE,
        max_drawdown=deepest([row["equity"] for row in ours], start),
        week_drawdown=deepest(values, at_start) if values else NONE,
        days=_days(sessions.between(first, min(last, over)), week),
        trades=tuple(trades_of(row for row in trades if row["session"] >= str(first))),
        settled=counts.trades,
        wins=counts.wins,
        signals=Counter(row["action"] for row in store.signals.signals(first, last)),
        filtered=Counter(row["filter"] for row in store.signals.filtered(first, last)),
        changes=changes(held_before, held) if week else (),
        positions=tuple(_position(row) for row in held),
        account=account_of(newest) if newest else AccountFacts(),
        equity=equity_of(ours),
        failures=_failures(store, first, last, len(rows) - len(ours), currency),
        next_sessions=_ahead(sessions, last),
        closed_days=_closed(sessions, last),
    )


def started_with(rows: Sequence[Row]) -> float | None:
    """Return what the account began with, before its first session; `None` without a row."""
    return rows[0]["equity"] / (1 + rows[0]["total_return"]) if rows else None


def equity_of(rows: Iterable[Row]) -> Curve:
    """Return the equity at each session's close."""
    return tuple((time_of(date.fromisoformat(row["session"])), row["equity"]) for row in rows)


def trades_of(rows: Iterable[Row]) -> Iterable[TradeFacts]:
    """Return rows of `trades` as facts."""
    for row in rows:
        yield TradeFacts(
            symbol=row["symbol"],
            name=row["name"],
            entry_time=row["entry_time"],
            exit_time=row["exit_time"],
            quantity=row["quantity"],
            entry_price=row["entry_price"],
            exit_price=row["exit_price"],
            profit=row["profit"],
            return_ratio=row["return_ratio"],
            reason=row["reason"],
        )


def changes(before: Sequence[Row], after: Sequence[Row]) -> tuple[ActionFacts, ...]:
    """Return what changed between two sets of positions; what was bought and sold between does not show."""
    old, new = ({row["symbol"]: row for row in rows} for rows in (before, after))
    found = []
    for symbol in sorted({*old, *new}):
        had, has = old.get(symbol), new.get(symbol)
        quantity = (has["quantity"] if has else 0.0) - (had["quantity"] if had else 0.0)
        if quantity == 0:
            continue
        row = has or had or {}
        kind = "open" if had is None else "close" if has is None else "increase" if quantity > 0 else "reduce"
        found.append(
            ActionFacts(
                symbol=symbol,
                name=row["name"],
                kind=kind,
                quantity=abs(quantity),
                price=row["price"],
                weight_before=had["weight"] if had else 0.0,
                weight_after=has["weight"] if has else 0.0,
            )
        )
    return tuple(found)


def _days(due: Iterable[date], rows: Mapping[str, Row]) -> tuple[DayFacts, ...]:
    days = {str(day) for day in due} | rows.keys()
    return tuple(_day(date.fromisoformat(day), rows.get(day)) for day in sorted(days))


def _day(day: date, row: Row | None) -> DayFacts:
    if row is None:
        return DayFacts(day=day)
    return DayFacts(
        day=day,
        equity=row["equity"],
        day_return=_or_none(row["day_return"]),
        regime=row["regime"] or None,
        positions=row["positions"],
        signals=row["signals"],
        filtered=row["filtered"],
    )


def account_of(row: Row) -> AccountFacts:
    """Return a row of `daily_performance` as the account after its session."""
    return AccountFacts(
        equity=row["equity"],
        cash=row["cash"],
        day_profit=_or_none(row["day_profit"]),
        day_return=_or_none(row["day_return"]),
        total_return=row["total_return"],
        drawdown=row["drawdown"],
        fees=row["fees"],
    )


def _or_none(value: float | None) -> Figure:
    """Return a figure that only the first session has not."""
    return NONE if value is None else value


def _position(row: Row) -> PositionFacts:
    return PositionFacts(
        symbol=row["symbol"],
        name=row["name"],
        quantity=row["quantity"],
        average_price=row["average_price"],
        price=row["price"],
        value=row["value"],
        weight=row["weight"],
        profit=row["profit"],
        profit_ratio=row["profit_ratio"],
        opened=date.fromisoformat(row["opened"][:10]) if row["opened"] else None,
    )


def _failures(store: Store, first: date, last: date, foreign: int, currency: str) -> tuple[FailureFacts, ...]:
    found = [
        FailureFacts(
            step=_failed_step(store, row), error=row["error"], day=date.fromisoformat(row["session"])
        )
        for row in store.journal.runs(status="failed")
        if str(first) <= row["session"] <= str(last)
    ]
    if foreign:
        found.append(
            FailureFacts(step="currency", error=f"{foreign} sessions are not in {currency} and were left out")
        )
    return tuple(reversed(found))


def _failed_step(store: Store, run: Row) -> str:
    steps = store.journal.steps(date.fromisoformat(run["session"]))
    return next((row["step"] for row in steps if row["status"] == "failed"), "?")


def _ahead(sessions: Sessions, last: date) -> tuple[SessionHours, ...]:
    return tuple(
        SessionHours(
            day=day,
            opens=_clock(sessions.hours(day)[0][0], sessions),
            closes=_clock(sessions.hours(day)[-1][1], sessions),
            note=sessions.note(day),
        )
        for day in sessions.between(last + timedelta(days=1), last + timedelta(days=7))
    )


def _clock(time: int, sessions: Sessions) -> str:
    return f"{datetime.fromtimestamp(time // 10**9, sessions.zone):%H:%M}"


def _closed(sessions: Sessions, last: date) -> tuple[ClosedDay, ...]:
    """Return the days without a session that are not closed every week."""
    days = [last + timedelta(days=ahead) for ahead in range(1, 8)]
    closed = [(day, sessions.why_closed(day)) for day in days if not sessions.is_session(day)]
    return tuple(ClosedDay(day=day, reason=why) for day, why in closed if why != f"{day:%A}")

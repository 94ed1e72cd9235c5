"""A store with three weeks of sessions, as daily runs leave it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import date
from pathlib import Path
from typing import Any

import msgspec
import pytest

from trading.bars import time_of
from trading.reporting.facts import AccountFacts, DailyFacts
from trading.sessions import Sessions, load_sessions
from trading.store.store import Store, open_store

EQUITY = (100.0, 110.0, 99.0, 104.0, 104.0, 105.0, 120.0, 90.0, 95.0, 100.0)
"""From Monday 2025-10-27 on: two weeks."""
FIRST = date(2025, 10, 27)


@pytest.fixture
def xkrx() -> Sessions:
    """Korea's sessions; 2025-11-13 is the exam day."""
    return load_sessions("XKRX")


@pytest.fixture
def store(tmp_path: Path, xkrx: Sessions) -> Iterator[Store]:
    """Two weeks; the account began with 100 USD."""
    with open_store(tmp_path / "store") as opened:
        fill(opened, xkrx)
        yield opened


def fill(store: Store, sessions: Sessions, curve: Sequence[float] = EQUITY) -> None:
    """Write the rows of one session after the other."""
    day, before, highest = FIRST, 100.0, 100.0
    for index, equity in enumerate(curve):
        highest = max(highest, equity)
        performance = {
            "equity": equity,
            "cash": 10.0,
            "day_profit": equity - before if index else None,
            "day_return": equity / before - 1 if index else None,
            "total_return": equity / 100.0 - 1,
            "drawdown": equity / highest - 1,
            "fees": 0.5,
            "exposure": 0.9,
            "positions": 1,
            "signals": 2,
            "filtered": 1,
            "actions": 1,
            "regime": "bull" if index else "",
            "strategy": "maps",
            "currency": "USD",
            "made_ns": 0,
        }
        trades = (
            [trade("A|B", 20.0), trade("C", -5.0)] if index == 6 else [trade("D", 0.0)] if index == 1 else []
        )
        store.ledger.save(
            day,
            performance=performance,
            positions=held(index),
            fills=[],
            trades=trades,
            state="{}",
        )
        store.signals.save(
            day,
            passed=[{"symbol": "A|B", "action": "buy"}, {"symbol": "C", "action": "hold"}],
            filtered=[
                {"symbol": "D", "action": "buy", "filter": "correlation", "value": 0.9, "threshold": 0.8}
            ],
            actions=[],
        )
        store.journal.begin(day, 0)
        store.journal.end(day, "done", 0)
        facts = DailyFacts(as_of=day, currency="USD", account=AccountFacts(equity=equity))
        store.signals.save_facts(day, msgspec.json.encode(facts).decode(), 0)
        before = equity
        day = sessions.next(day)


def held(index: int) -> list[Mapping[str, Any]]:
    """Return what was held: A grows, C is sold in the second week, D is bought."""
    rows = [position("A|B", 10.0 + index)]
    rows += [position("C", 5.0)] if index < 7 else [position("D", 1.0)]
    return rows


def position(symbol: str, quantity: float) -> Mapping[str, Any]:
    """Return a row of `position_snapshots`."""
    return {
        "symbol": symbol,
        "name": f"Name of {symbol}",
        "quantity": quantity,
        "average_price": 4.0,
        "price": 5.0,
        "value": quantity * 5.0,
        "weight": 0.25,
        "profit": quantity,
        "profit_ratio": 0.25,
        "opened": "2025-10-27",
        "currency": "USD",
    }


def trade(symbol: str, profit: float) -> Mapping[str, Any]:
    """Return a row of `trades`."""
    return {
        "symbol": symbol,
        "name": "",
        "entry_time": time_of(date(2025, 10, 27)),
        "exit_time": time_of(date(2025, 11, 4)),
        "quantity": 1.0,
        "entry_price": 100.0,
        "exit_price": 100.0 + profit,
        "profit": profit,
        "return_ratio": profit / 100.0,
        "reason": "signal",
        "currency": "USD",
    }

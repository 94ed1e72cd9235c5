"""Strategies, their backtests and the results, with the moves a backtest may make.

A backtest is `pending` until a process takes it (`running`, with its owner) and ends `completed`, `failed`
or, when its process was gone, `interrupted`; an interrupted one may be queued again. The row of the result
and the word `completed` are written in one transaction, so one is never there without the other.
"""

from __future__ import annotations

import math
import secrets
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Literal

import msgspec
import sqlalchemy as sa

from trading.store import tables
from trading.store.database import Database, StoreError
from trading.store.owners import is_alive, this_process
from trading.store.results import Kept, packed
from trading.store.rows import Row, insert, put, select

if TYPE_CHECKING:
    from trading.backtest.results import BacktestResult, PortfolioResult

__all__ = ["Backtest", "Backtests", "StateError", "Status", "Strategy"]

Status = Literal["pending", "running", "completed", "failed", "interrupted"]

_MOVES: Mapping[Status, frozenset[Status]] = {
    "pending": frozenset({"running", "failed", "interrupted"}),
    "running": frozenset({"completed", "failed", "interrupted"}),
    "interrupted": frozenset({"pending"}),
    "completed": frozenset(),
    "failed": frozenset(),
}


class StateError(StoreError):
    """A move that a backtest cannot make."""


class Strategy(msgspec.Struct, frozen=True, kw_only=True):
    """A named rule with its settings."""

    id: str
    name: str
    kind: str = ""
    """Which rule: `maps`, `sma_cross`, or one of your own."""
    description: str = ""
    config: Mapping[str, Any] = {}
    created_ns: int = 0
    updated_ns: int = 0


class Backtest(msgspec.Struct, frozen=True, kw_only=True):
    """A backtest that was asked for, and how far it is."""

    id: str
    strategy_id: str
    status: Status = "pending"
    name: str = ""
    description: str = ""
    config: Mapping[str, Any] = {}
    """Symbols, period (`start`, `end` as ISO dates), cash, fee, whatever is needed to run it again."""
    trigger: str = ""
    """manual, schedule or chat."""
    requested_by: str = ""
    owner: str = ""
    """The process that runs it."""
    error_type: str = ""
    error: str = ""
    created_ns: int = 0
    started_ns: int | None = None
    finished_ns: int | None = None


class Backtests:
    """The rows of `strategies`, `backtests` and `backtest_results`."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def save_strategy(self, strategy: Strategy, now: int) -> Strategy:
        """Write a strategy in place of the one with its id; return it as it now stands."""
        before = self.strategy(strategy.id)
        created = before.created_ns if before else now
        saved = msgspec.structs.replace(strategy, created_ns=created, updated_ns=now)
        with self._database.writing() as connection:
            put(connection, tables.strategies, _row(saved))
        return saved

    def strategy(self, strategy_id: str) -> Strategy | None:
        """Return a strategy by its id."""
        with self._database.reading() as connection:
            found = select(connection, tables.strategies, tables.strategies.c.id == strategy_id)
        return msgspec.convert(_opened(found[0]), Strategy) if found else None

    def strategies(self) -> list[Strategy]:
        """Return all strategies, by id."""
        with self._database.reading() as connection:
            return [msgspec.convert(_opened(row), Strategy) for row in select(connection, tables.strategies)]

    def create(
        self,
        strategy_id: str,
        config: Mapping[str, Any],
        now: int,
        *,
        name: str = "",
        description: str = "",
        trigger: str = "manual",
        requested_by: str = "",
    ) -> Backtest:
        """Queue a backtest of a strategy; return it, pending.

        Raises:
            StoreError: If there is no such strategy.
        """
        if self.strategy(strategy_id) is None:
            raise StoreError(f'no strategy "{strategy_id}". Save it first.')
        backtest = Backtest(
            id=secrets.token_hex(12),
            strategy_id=strategy_id,
            config=config,
            name=name,
            description=description,
            trigger=trigger,
            requested_by=requested_by,
            created_ns=now,
        )
        with self._database.writing() as connection:
            insert(connection, tables.backtests, [_row(backtest)])
        return backtest

    def backtest(self, backtest_id: str) -> Backtest | None:
        """Return a backtest by its id."""
        with self._database.reading() as connection:
            found = select(connection, tables.backtests, tables.backtests.c.id == backtest_id)
        return msgspec.convert(_opened(found[0]), Backtest) if found else None

    def newest_completed(self, strategy_id: str) -> Backtest | None:
        """Return the completed backtest of a strategy that was asked for last."""
        found = self.find(strategy_id=strategy_id, status="completed", limit=1)
        return found[0] if found else None

    def find(
        self, *, strategy_id: str | None = None, status: Status | None = None, limit: int | None = None
    ) -> list[Backtest]:
        """Return backtests, newest first."""
        table = tables.backtests
        wanted = [] if strategy_id is None else [table.c.strategy_id == strategy_id]
        wanted += [] if status is None else [table.c.status == status]
        with self._database.reading() as connection:
            order = [table.c.created_ns.desc(), table.c.id]
            rows = select(connection, table, *wanted, order=order, limit=limit)
        return [msgspec.convert(_opened(row), Backtest) for row in rows]

    def start(self, backtest_id: str, now: int) -> Backtest:
        """Take a pending backtest for this process; of two that try, one gets it.

        Raises:
            StateError: If it is not pending.
        """
        return self._moved(backtest_id, "running", owner=this_process(), started_ns=now)

    def complete(
        self,
        backtest_id: str,
        result: BacktestResult | PortfolioResult,
        now: int,
        *,
        currency: str = "",
        data_hash: str = "",
    ) -> Backtest:
        """Store the result of a running backtest and call it completed, both or neither.

        Raises:
            StateError: If it is not running.
        """
        figures = {
            name: _finite(getattr(result, name, None))
            for name in (
                "cagr",
                "volatility",
                "sharpe",
                "sortino",
                "calmar",
                "max_drawdown",
                "win_rate",
                "fees",
            )
        }
        row = {
            **figures,
            "backtest_id": backtest_id,
            "total_return": result.total_return,
            "trades": len(result.trades),
            "currency": currency,
            "data_hash": data_hash,
            "result": packed(result),
            "made_ns": now,
        }
        return self._moved(backtest_id, "completed", result=row, finished_ns=now)

    def fail(self, backtest_id: str, now: int, *, error_type: str, error: str) -> Backtest:
        """Note that a backtest failed, and why.

        Raises:
            StateError: If it had ended before.
        """
        return self._moved(backtest_id, "failed", error_type=error_type, error=error, finished_ns=now)

    def requeue(self, backtest_id: str) -> Backtest:
        """Queue an interrupted backtest again.

        Raises:
            StateError: If it was not interrupted.
        """
        return self._moved(backtest_id, "pending", owner="", started_ns=None, finished_ns=None, error="")

    def reconcile(self, now: int) -> list[str]:
        """Call each running backtest whose process is gone interrupted; return their ids."""
        gone = [backtest.id for backtest in self.find(status="running") if not is_alive(backtest.owner)]
        for backtest_id in gone:
            self._moved(backtest_id, "interrupted", finished_ns=now, error="its process ended before it did")
        return gone

    def result(self, backtest_id: str) -> Kept | None:
        """Return the result of a backtest, or `None` when it has none."""
        table = tables.backtest_results
        with self._database.reading() as connection:
            found = select(connection, table, table.c.backtest_id == backtest_id)
        return msgspec.convert(found[0], Kept) if found else None

    def _moved(self, backtest_id: str, to: Status, *, result: Row | None = None, **values: Any) -> Backtest:
        table = tables.backtests
        with self._database.writing() as connection:
            found = select(connection, table, table.c.id == backtest_id)
            if not found:
                raise StoreError(f'no backtest "{backtest_id}".')
            status: Status = found[0]["status"]
            if to not in _MOVES[status]:
                raise StateError(f"backtest {backtest_id} is {status}: it cannot become {to}.")
            if result is not None:
                started = found[0]["started_ns"]
                took = None if started is None else (values["finished_ns"] - started) / 1e6
                insert(connection, tables.backtest_results, [{**result, "duration_ms": took}])
            connection.execute(sa.update(table).where(table.c.id == backtest_id).values(status=to, **values))
            moved = select(connection, table, table.c.id == backtest_id)[0]
        return msgspec.convert(_opened(moved), Backtest)


def _row(struct: msgspec.Struct) -> Row:
    row = msgspec.structs.asdict(struct)
    return {**row, "config": msgspec.json.encode(row["config"]).decode()}


def _opened(row: Row) -> Row:
    return {**row, "config": msgspec.json.decode(row["config"])}


def _finite(value: float | None) -> float | None:
    return None if value is None or not math.isfinite(value) else float(value)

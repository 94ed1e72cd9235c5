"""What came of the signals: the paper account after each session, its positions, fills and trades."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import date
from typing import Any

import sqlalchemy as sa

from trading.store import tables
from trading.store.database import Database
from trading.store.rows import Row, insert, put, select

__all__ = ["Ledger"]


class Ledger:
    """The rows of `daily_performance` and of the tables that hang on it."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def save(
        self,
        session: date,
        *,
        performance: Mapping[str, Any],
        positions: Iterable[Mapping[str, Any]],
        fills: Iterable[Mapping[str, Any]],
        trades: Iterable[Mapping[str, Any]],
        state: str,
    ) -> None:
        """Write a session's account in place of what stood there: all or nothing.

        Args:
            session: The session day.
            performance: Its row of `daily_performance`.
            positions: What is held at the close.
            fills: What was bought and sold in the session, in order.
            trades: What was closed in the session, in order.
            state: The whole account as JSON: the next session goes on from it.
        """
        day = {"session": str(session)}
        with self._database.writing() as connection:
            put(connection, tables.daily_performance, {**performance, **day})
            for table in (tables.position_snapshots, tables.fills, tables.trades):
                connection.execute(sa.delete(table).where(table.c.session == str(session)))
            insert(connection, tables.position_snapshots, [{**row, **day} for row in positions])
            insert(connection, tables.fills, _numbered(fills, day))
            insert(connection, tables.trades, _numbered(trades, day))
            put(connection, tables.account_states, {**day, "state": state})

    def state_before(self, session: date) -> tuple[date, str] | None:
        """Return the newest account before a session, with the session it stands at; `None` at the start."""
        states = tables.account_states
        with self._database.reading() as connection:
            found = select(
                connection,
                states,
                states.c.session < str(session),
                order=[states.c.session.desc()],
                limit=1,
            )
        return (date.fromisoformat(found[0]["session"]), found[0]["state"]) if found else None

    def performance(self, first: date | None = None, last: date | None = None) -> list[Row]:
        """Return the rows of `daily_performance`, oldest first; of all sessions unless told."""
        return self._between(tables.daily_performance, first, last)

    def positions(self, session: date) -> list[Row]:
        """Return what was held at a session's close."""
        return self._between(tables.position_snapshots, session, session)

    def fills(self, first: date | None = None, last: date | None = None) -> list[Row]:
        """Return what was bought and sold."""
        return self._between(tables.fills, first, last)

    def trades(self, first: date | None = None, last: date | None = None) -> list[Row]:
        """Return what was closed, by the session in which it was."""
        return self._between(tables.trades, first, last)

    def newest(self) -> date | None:
        """Return the newest session that has a row."""
        column = tables.daily_performance.c.session
        with self._database.reading() as connection:
            found = connection.execute(sa.select(sa.func.max(column))).scalar()
        return None if found is None else date.fromisoformat(found)

    def _between(self, table: sa.Table, first: date | None, last: date | None) -> list[Row]:
        conditions = []
        if first is not None:
            conditions.append(table.c.session >= str(first))
        if last is not None:
            conditions.append(table.c.session <= str(last))
        with self._database.reading() as connection:
            return select(connection, table, *conditions)


def _numbered(rows: Iterable[Mapping[str, Any]], day: Mapping[str, Any]) -> list[Row]:
    return [{**row, **day, "number": number} for number, row in enumerate(rows, 1)]

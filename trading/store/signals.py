"""What was said each session day: signals, filtered signals, actions, and the facts of the report."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import date
from typing import Any

import sqlalchemy as sa

from trading.store import tables
from trading.store.database import Database
from trading.store.rows import Row, insert, put, select

__all__ = ["SignalHistory"]


class SignalHistory:
    """The rows of `signals`, `filtered_signals`, `actions` and `facts`."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def save(
        self,
        session: date,
        *,
        passed: Iterable[Mapping[str, Any]],
        filtered: Iterable[Mapping[str, Any]],
        actions: Iterable[Mapping[str, Any]],
    ) -> None:
        """Write everything that was said on a session day, in place of what stood there: all or nothing."""
        with self._database.writing() as connection:
            for table, rows in (
                (tables.passed, passed),
                (tables.filtered, filtered),
                (tables.actions, actions),
            ):
                connection.execute(sa.delete(table).where(table.c.session == str(session)))
                insert(connection, table, [{**row, "session": str(session)} for row in rows])

    def signals(self, first: date, last: date | None = None) -> list[Row]:
        """Return the signals that passed, of one session or of a stretch, oldest first."""
        return self._between(tables.passed, first, last)

    def filtered(self, first: date, last: date | None = None) -> list[Row]:
        """Return the signals that a gate stopped."""
        return self._between(tables.filtered, first, last)

    def actions(self, first: date, last: date | None = None) -> list[Row]:
        """Return the actions that were decided."""
        return self._between(tables.actions, first, last)

    def of_symbol(self, symbol: str, *, limit: int | None = None) -> list[Row]:
        """Return the signals of one symbol, newest first."""
        passed = tables.passed
        with self._database.reading() as connection:
            return select(
                connection, passed, passed.c.symbol == symbol, order=[passed.c.session.desc()], limit=limit
            )

    def save_facts(self, session: date, facts: str, now: int) -> None:
        """Write what the report of a session is made from, as JSON."""
        with self._database.writing() as connection:
            put(connection, tables.facts, {"session": str(session), "made_ns": now, "facts": facts})

    def facts(self, session: date | None = None) -> str | None:
        """Return the facts of a session as JSON, or of the newest one; `None` when there are none."""
        wanted = [] if session is None else [tables.facts.c.session == str(session)]
        with self._database.reading() as connection:
            order = [tables.facts.c.session.desc()]
            found = select(connection, tables.facts, *wanted, order=order, limit=1)
        return found[0]["facts"] if found else None

    def _between(self, table: sa.Table, first: date, last: date | None) -> list[Row]:
        with self._database.reading() as connection:
            return select(connection, table, table.c.session.between(str(first), str(last or first)))

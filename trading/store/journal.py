"""The journal of the daily runs: how far the run of each session is, and what each step produced."""

from __future__ import annotations

from datetime import date
from typing import Literal

import sqlalchemy as sa

from trading.store import tables
from trading.store.database import Database
from trading.store.rows import Row, put, select

__all__ = ["Journal", "Status"]

Status = Literal["running", "done", "failed", "skipped"]


class Journal:
    """The rows of `runs` and `run_steps`; every call is one transaction, on the disk when it returns."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def run(self, session: date) -> Row | None:
        """Return the run of a session, or `None`."""
        with self._database.reading() as connection:
            found = select(connection, tables.runs, tables.runs.c.session == str(session))
        return found[0] if found else None

    def runs(self, *, status: Status | None = None, limit: int | None = None) -> list[Row]:
        """Return runs, newest session first."""
        wanted = [] if status is None else [tables.runs.c.status == status]
        with self._database.reading() as connection:
            return select(connection, tables.runs, *wanted, order=[tables.runs.c.session.desc()], limit=limit)

    def newest_finished(self) -> date | None:
        """Return the newest session that is done or skipped."""
        ended = tables.runs.c.status.in_(["done", "skipped"])
        with self._database.reading() as connection:
            found = connection.execute(sa.select(sa.func.max(tables.runs.c.session)).where(ended)).scalar()
        return None if found is None else date.fromisoformat(found)

    def begin(self, session: date, now: int) -> int:
        """Note that the run of a session begins, or goes on; return which attempt this is."""
        before = self.run(session)
        attempts = 1 + (before["attempts"] if before else 0)
        row = {"session": str(session), "status": "running", "attempts": attempts, "finished_ns": None}
        with self._database.writing() as connection:
            put(
                connection,
                tables.runs,
                {**row, "started_ns": before["started_ns"] if before else now, "error": ""},
            )
        return attempts

    def end(self, session: date, status: Status, now: int, *, error: str = "", told_with: str = "") -> None:
        """Note how the run of a session ended."""
        with self._database.writing() as connection:
            connection.execute(
                sa.update(tables.runs)
                .where(tables.runs.c.session == str(session))
                .values(status=status, finished_ns=now, error=error, told_with=told_with)
            )

    def forget(self, session: date) -> None:
        """Remove the run of a session and its steps, so that it is done anew."""
        with self._database.writing() as connection:
            connection.execute(sa.delete(tables.runs).where(tables.runs.c.session == str(session)))

    def steps(self, session: date) -> list[Row]:
        """Return the steps of a session's run, in their order."""
        steps = tables.run_steps
        with self._database.reading() as connection:
            return select(connection, steps, steps.c.session == str(session), order=[steps.c.number])

    def begin_step(self, session: date, number: int, step: str, now: int) -> None:
        """Note that a step begins."""
        key = {"session": str(session), "step": step}
        steps = tables.run_steps
        with self._database.writing() as connection:
            found = select(connection, steps, steps.c.session == str(session), steps.c.step == step)
            attempts = 1 + (found[0]["attempts"] if found else 0)
            row = {**key, "number": number, "status": "running", "attempts": attempts, "started_ns": now}
            put(connection, steps, {**row, "finished_ns": None, "produced": "", "error": ""})

    def end_step(
        self, session: date, step: str, now: int, *, produced: str = "", error: str | None = None
    ) -> None:
        """Note what a step produced, as JSON, or the error with which it failed."""
        steps = tables.run_steps
        with self._database.writing() as connection:
            connection.execute(
                sa.update(steps)
                .where(steps.c.session == str(session), steps.c.step == step)
                .values(
                    status="done" if error is None else "failed",
                    finished_ns=now,
                    produced=produced,
                    error=error or "",
                )
            )

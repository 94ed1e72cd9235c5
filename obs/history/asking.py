"""The parts of questions: engines that only read, conditions, rows."""

from __future__ import annotations

import sqlite3
import time
from decimal import Decimal
from pathlib import Path
from typing import Any

import sqlalchemy as sa

from obs.events import Severity
from obs.history.answers import EventRow
from obs.history.days import total
from obs.history.tables import CONTRIBUTIONS, EXEMPLARS

LONGEST_SECONDS = 5.0
"""A question that takes longer is given up."""
STEPS = 20_000
"""How often, in steps of SQLite's machine, the clock is looked at: each some tenths of a millisecond."""
MOST_ROWS = 10_000
_DECIDED = sa.table("lifecycle", sa.column("fingerprint"), sa.column("status"), sa.column("detail"))
"""What people decided: it stands in the same store."""


def file_engine(path: Path) -> sa.Engine:
    engine = sa.create_engine(
        "sqlite://",
        # Opened for each question: a store that was set aside or deleted is not held on to.
        poolclass=sa.NullPool,
        creator=lambda: sqlite3.connect(
            f"{path.absolute().as_uri()}?mode=ro", uri=True, timeout=LONGEST_SECONDS, check_same_thread=False
        ),
    )

    @sa.event.listens_for(engine, "connect")
    def _only_reads(raw: Any, _: object) -> None:
        raw.execute("PRAGMA query_only=ON")

    return engine


def give_up_after(connection: sa.Connection, seconds: float) -> None:
    deadline = time.monotonic() + seconds
    raw = connection.connection.dbapi_connection
    assert isinstance(raw, sqlite3.Connection)
    raw.set_progress_handler(lambda: time.monotonic() > deadline, STEPS)


def explained(error: BaseException, name: str) -> str:
    original = getattr(error, "orig", None) or error
    told = original.args[0] if original.args else ""
    if isinstance(told, dict):
        # pg8000's errors are the fields of the server's message.
        told = f"{told.get('M', '')} ({told.get('C', '')})"
    words = " ".join(str(told or original).split())[:200]
    if "interrupted" in words or "57014" in words:
        return (
            f"{name}: the question took over {LONGEST_SECONDS:.0f} s: ask for a shorter time or rarer words"
        )
    if "no such table" in words or "unable to open" in words:
        return f"{name} holds no history yet ({words}): start `obs up`"
    return f"{name} cannot be read ({words}): look whether the store is there and started"


def at_least(severity: int) -> sa.ColumnElement[bool]:
    at_least = EXEMPLARS.c.severity >= severity
    if severity < Severity.WARN:
        return at_least
    # Said in the very words of the index, so that only trouble is walked through.
    return sa.and_(sa.text("exemplars.severity >= 13"), at_least)


def named(event_name: str) -> sa.ColumnElement[bool]:
    name = EXEMPLARS.c.event_name
    if event_name.endswith("*"):
        return sa.and_(sa.text("event_name <> ''"), name.startswith(event_name[:-1], autoescape=True))
    return sa.and_(sa.text("event_name <> ''"), name == event_name)


def of_issue(connection: sa.Connection, start: str) -> sa.ColumnElement[bool]:
    """Records of the issues whose fingerprints begin so, and of all that a person merged into them."""
    query = sa.select(_DECIDED.c.fingerprint, _DECIDED.c.detail).where(_DECIDED.c.status == "merged")
    into = {str(row.fingerprint): str(row.detail) for row in connection.execute(query)}
    wanted = [start]
    # A part may have parts of its own; each is looked through once, so a circle ends.
    for name in wanted:
        wanted += [part for part, whole in into.items() if whole.startswith(name) and part not in wanted]
    return sa.or_(*(EXEMPLARS.c.fingerprint.between(name, name + "g") for name in wanted))


def seqs(connection: sa.Connection, since: int | None, until: int | None) -> tuple[int, int] | None:
    """Return the least and greatest number of what was in a span; None when nothing was."""
    query = sa.select(sa.func.min(EXEMPLARS.c.seq), sa.func.max(EXEMPLARS.c.seq))
    low, high = connection.execute(query.where(*span(EXEMPLARS, since, until))).one()
    return None if low is None else (int(low), int(high))


def between(since: int | None, until: int | None) -> list[sa.ColumnElement[bool]]:
    at = EXEMPLARS.c.time + 0
    return [*([at >= since] if since is not None else []), *([at < until] if until is not None else [])]


def span(table: sa.Table, since: int | None, until: int | None) -> list[sa.ColumnElement[bool]]:
    at = table.c.time
    return [*([at >= since] if since is not None else []), *([at < until] if until is not None else [])]


def of(table: sa.Table, **wanted: str | None) -> list[sa.ColumnElement[bool]]:
    return [table.c[name] == value for name, value in wanted.items() if value is not None]


def rows(connection: sa.Connection, query: sa.Select[Any], limit: int) -> list[dict[str, Any]]:
    found = connection.execute(query.limit(max(0, min(limit, MOST_ROWS)))).mappings()
    return [{key: value for key, value in row.items() if key not in ("id", "seen")} for row in found]


def contributions(
    connection: sa.Connection, known: set[tuple[str, str]]
) -> dict[tuple[str, str], list[dict[str, Any]]]:
    found: dict[tuple[str, str], list[dict[str, Any]]] = {}
    trades = sorted({trade for _, trade in known})
    for start in range(0, len(trades), 500):
        query = sa.select(CONTRIBUTIONS).where(CONTRIBUTIONS.c.trade.in_(trades[start : start + 500]))
        for row in rows(connection, query.order_by(CONTRIBUTIONS.c.id), MOST_ROWS):
            found.setdefault((row["service"], row["trade"]), []).append(row)
    return found


def sums(
    connection: sa.Connection,
    table: sa.Table,
    amount: str,
    since: int | None,
    until: int | None,
    *where: sa.ColumnElement[bool],
) -> tuple[int, dict[str, Decimal]]:
    """Return how many rows there are and the exact sum of an amount by currency."""
    amounts: dict[str, list[str]] = {}
    count = 0
    query = sa.select(table.c.currency, table.c[amount]).where(*span(table, since, until), *where)
    for currency, value in connection.execute(query):
        count += 1
        if value is not None:
            amounts.setdefault(currency, []).append(value)
    return count, {currency: total(values) for currency, values in sorted(amounts.items())}


def event(row: Any) -> EventRow:
    return EventRow(
        seq=row["seq"],
        id=row["short"],
        uid=row["uid"],
        time=row["time"],
        severity=Severity(row["severity"]),
        service=row["service"],
        component=row["component"],
        logger=row["logger"],
        event_name=row["event_name"],
        fingerprint=row["fingerprint"],
        body=row["body"],
        detail=row["detail"],
    )

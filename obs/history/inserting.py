"""Many rows into one table by one statement; a row that the database will not take costs only itself."""

from __future__ import annotations

import functools
from typing import Any

import orjson
import sqlalchemy as sa

__all__ = ["NUMBERS", "Row", "insert"]

Row = tuple[Any, ...]
NUMBERS = ("seq", "id")
"""Columns whose values the database gives."""


def insert(
    connection: sa.Connection,
    table: sa.Table,
    rows: list[Row],
    conflict: str = "",
    *,
    with_numbers: bool = False,
) -> int:
    """Insert rows; return how many the database refused for what is in them.

    Args:
        connection: In a transaction.
        table: Of the history.
        rows: Values in the order of the table's columns.
        conflict: What stands after ON CONFLICT; such rows are passed over when empty.
        with_numbers: The rows hold the numbers that the database gives else.
    """
    if not rows:
        return 0
    try:
        # A failed statement would otherwise end the whole transaction on a server.
        with connection.begin_nested():
            _send(connection, table, rows, conflict or "DO NOTHING", with_numbers)
    except (sa.exc.DBAPIError, OverflowError, ValueError) as error:
        if not _blames_row(error):
            raise
        if len(rows) == 1:
            return 1
        half = len(rows) // 2
        return sum(
            insert(connection, table, part, conflict, with_numbers=with_numbers)
            for part in (rows[:half], rows[half:])
        )
    return 0


def _send(
    connection: sa.Connection, table: sa.Table, rows: list[Row], conflict: str, with_numbers: bool
) -> None:
    if connection.dialect.name == "sqlite":
        connection.exec_driver_sql(_statement(table, "sqlite", conflict, with_numbers), rows)
        return
    # One statement with one argument: the driver would send rows one by one, and wait for each.
    names = _names(table, with_numbers)
    text = orjson.dumps([dict(zip(names, row, strict=True)) for row in rows]).decode()
    connection.execute(sa.text(_statement(table, "postgresql", conflict, with_numbers)), {"rows": text})


def _names(table: sa.Table, with_numbers: bool) -> list[str]:
    return [str(column.name) for column in table.columns if with_numbers or column.name not in NUMBERS]


@functools.cache
def _statement(table: sa.Table, dialect: str, conflict: str, with_numbers: bool) -> str:
    names = [f'"{name}"' for name in _names(table, with_numbers)]
    into = f"INSERT INTO {table.name} ({', '.join(names)})"
    if dialect == "sqlite":
        return f"{into} VALUES ({', '.join('?' * len(names))}) ON CONFLICT {conflict}"
    types = [table.columns[name.strip('"')].type.compile(_server_dialect()) for name in names]
    columns = ", ".join(f"{name} {kind}" for name, kind in zip(names, types, strict=True))
    # Without a condition the parser would take ON for that of a join.
    return (
        f"{into} SELECT {', '.join(names)} FROM json_to_recordset(CAST(:rows AS json)) AS r({columns})"
        f" WHERE true ON CONFLICT {conflict}"
    )


@functools.cache
def _server_dialect() -> sa.Dialect:
    from sqlalchemy.dialects.postgresql.pg8000 import PGDialect_pg8000

    return PGDialect_pg8000()  # type: ignore[no-untyped-call]


def _blames_row(error: BaseException) -> bool:
    """Whether the data of the row is at fault, and not the database or the way to it."""
    if isinstance(error, (OverflowError, ValueError)):
        return True
    original = getattr(error, "orig", None)
    told = original.args[0] if original is not None and original.args else None
    if isinstance(told, dict):
        # SQLSTATE classes: 22 data exception, 23 integrity constraint violation, 54 limit exceeded.
        return str(told.get("C", ""))[:2] in ("22", "23", "54")
    return isinstance(error, (sa.exc.DataError, sa.exc.IntegrityError))

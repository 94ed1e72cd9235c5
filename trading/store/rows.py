"""Rows in and out of tables, as every part of the store writes and reads them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import sqlalchemy as sa
from sqlalchemy.dialects import sqlite

__all__ = ["Row", "insert", "put", "select"]

Row = dict[str, Any]


def insert(connection: sa.Connection, table: sa.Table, rows: Iterable[Mapping[str, Any]]) -> None:
    """Add rows; one that is there already is an error."""
    if given := [dict(row) for row in rows]:
        connection.execute(sa.insert(table), given)


def put(connection: sa.Connection, table: sa.Table, row: Mapping[str, Any]) -> None:
    """Write one row in place of the one with the same key; columns that are not named keep their values."""
    statement = sqlite.insert(table).values(**row)
    keys = [column.name for column in table.primary_key]
    news = {name: statement.excluded[name] for name in row if name not in keys}
    connection.execute(statement.on_conflict_do_update(index_elements=keys, set_=news))


def select(
    connection: sa.Connection,
    table: sa.Table,
    *conditions: sa.ColumnElement[bool],
    order: Sequence[sa.ColumnElement[Any]] = (),
    limit: int | None = None,
) -> list[Row]:
    """Return rows as mappings, in the order of the key unless told."""
    statement = sa.select(table).where(*conditions).order_by(*(order or table.primary_key)).limit(limit)
    # The driver's keys are strings of a class of their own.
    rows = connection.execute(statement).mappings()
    return [{str(name): value for name, value in row.items()} for row in rows]

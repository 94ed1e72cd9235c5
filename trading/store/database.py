"""One SQLite file of the store: opened owner-only, its tables made or moved on, used in transactions.

Write-ahead logging lets readers work beside a writer; every transaction is on the disk when it is said to be.
"""

from __future__ import annotations

import contextlib
import os
import sqlite3
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Literal

import sqlalchemy as sa
from sqlalchemy.pool import NullPool

from trading.errors import TradingError
from trading.write_ahead import keep_write_ahead

__all__ = ["NEWEST", "Database", "Kind", "StoreError"]

Kind = Literal["signals", "performance"]

NEWEST: dict[Kind, str] = {"signals": "s0001", "performance": "p0001"}
"""Revision of each file that this code reads and writes: the newest in `trading/store/migrations`."""

BUSY_SECONDS = 15.0
"""How long a transaction waits for that of another process."""


class StoreError(TradingError):
    """The store cannot be read or written; the message names the file and the mend."""


class Database:
    """One file and our connection to it."""

    def __init__(self, path: Path, kind: Kind, *, busy_seconds: float = BUSY_SECONDS) -> None:
        """Open the file; it is made when missing, and moved to the newest tables.

        Args:
            path: The file; its folder is made when missing.
            kind: Which tables it holds.
            busy_seconds: How long to wait for another process's transaction.

        Raises:
            StoreError: If it cannot be opened, is no such file, or was written by a newer version.
        """
        self.path = path
        self.kind = kind
        self._busy_seconds = busy_seconds
        self._connection: sa.Connection | None = None
        with self._explained():
            self._open()

    def close(self) -> None:
        """Let go of the file."""
        connection, self._connection = self._connection, None
        if connection is not None:
            connection.close()
            connection.engine.dispose()

    @contextlib.contextmanager
    def reading(self) -> Iterator[sa.Connection]:
        """Give the connection in a transaction that sees one state of the file."""
        with self._transaction("DEFERRED") as connection:
            yield connection

    @contextlib.contextmanager
    def writing(self) -> Iterator[sa.Connection]:
        """Give the connection in a transaction that is committed at the end, and undone by any error."""
        with self._transaction("IMMEDIATE") as connection:
            yield connection

    @contextlib.contextmanager
    def _transaction(self, begin: str) -> Iterator[sa.Connection]:
        connection = self._connection
        if connection is None:
            raise StoreError(f"{self.path}: the store is closed. Open it again.")
        connection.execution_options(how_to_begin=begin)
        with self._explained(), connection.begin():
            yield connection

    def _open(self) -> None:
        self.path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        # SQLite gives its side files the mode of the file it finds.
        os.close(os.open(self.path, os.O_RDWR | os.O_CREAT, 0o600))
        self._connection = _engine(self.path, self._busy_seconds).connect()
        try:
            with self._transaction("IMMEDIATE") as connection:
                migrate(connection, self.path, self.kind)
        except BaseException:
            self.close()
            raise

    @contextlib.contextmanager
    def _explained(self) -> Iterator[None]:
        try:
            yield
        except sa.exc.IntegrityError:
            # A broken rule of the tables is the caller's fault, not the file's.
            raise
        except (sa.exc.DBAPIError, sqlite3.Error, OSError) as error:
            reason = " ".join(str(getattr(error, "orig", None) or error).split())
            raise StoreError(f"{self.path}: {reason}. {_mend(error)}") from error


def migrate(connection: sa.Connection, path: Path, kind: Kind) -> None:
    """Bring the tables to the newest revision; the connection holds the transaction.

    Raises:
        StoreError: If they were made by a newer version, or by something else.
    """
    tables = sa.inspect(connection).get_table_names()
    found = ""
    if "alembic_version" in tables:
        found = str(connection.exec_driver_sql("SELECT version_num FROM alembic_version").scalar() or "")
    elif tables:
        raise StoreError(f"{path}: it has tables of something else ({tables[0]}). Name another folder.")
    if found == NEWEST[kind]:
        return
    # Only a first start or an upgrade pays for this import.
    from alembic import command
    from alembic.config import Config
    from alembic.script import ScriptDirectory

    folder = Path(__file__).with_name("migrations")
    config = Config()
    config.set_main_option("path_separator", "newline")
    config.set_main_option("script_location", str(folder).replace("%", "%%"))
    config.set_main_option("version_locations", str(folder / kind).replace("%", "%%"))
    config.attributes["connection"] = connection
    known = {script.revision for script in ScriptDirectory.from_config(config).walk_revisions()}
    if found and found not in known:
        raise StoreError(
            f"{path}: its tables are of revision {found}, this version knows {kind} up to {NEWEST[kind]}. "
            "Install the version that wrote it, or name another folder."
        )
    command.upgrade(config, NEWEST[kind])


def _engine(path: Path, busy_seconds: float) -> sa.Engine:
    engine = sa.create_engine(
        sa.URL.create("sqlite", database=str(path)),
        poolclass=NullPool,
        connect_args={"timeout": busy_seconds, "check_same_thread": False},
    )

    @sa.event.listens_for(engine, "connect")
    def _prepare(raw: Any, _: object) -> None:
        # The driver would commit before DDL; so we say BEGIN ourselves.
        raw.isolation_level = None
        keep_write_ahead(raw, busy_seconds)
        for pragma in ("synchronous=FULL", "foreign_keys=ON"):
            raw.execute(f"PRAGMA {pragma}").fetchall()

    @sa.event.listens_for(engine, "begin")
    def _begin(connection: sa.Connection) -> None:
        how = connection.get_execution_options().get("how_to_begin", "DEFERRED")
        connection.exec_driver_sql(f"BEGIN {how}")

    return engine


def _mend(error: BaseException) -> str:
    original = getattr(error, "orig", None) or error
    code = int(getattr(original, "sqlite_errorcode", 0) or 0) & 0xFF
    return _MENDS.get(code, "Check the folder, its permissions and the space on its disk.")


_MENDS = {
    sqlite3.SQLITE_BUSY: "Another process holds it: wait for it, or end it.",
    sqlite3.SQLITE_FULL: "Free some space on its disk.",
    sqlite3.SQLITE_READONLY: "Make it and its folder writable.",
    sqlite3.SQLITE_CORRUPT: "It is damaged: bring a back-up back (trading store restore).",
    sqlite3.SQLITE_NOTADB: "It is no database: bring a back-up back (trading store restore).",
}

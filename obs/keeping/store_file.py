"""The store as one SQLite file, `obs.db`: opened, verified, set aside when it is malformed."""

from __future__ import annotations

import contextlib
import os
import sqlite3
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import sqlalchemy as sa
from sqlalchemy.pool import NullPool

from obs.keeping import store_tables as tables
from obs.keeping.store_schema import migrate
from obs.keeping.stored import MalformedError, StoreBusyError, StoreError

__all__ = ["WAL_BYTES", "FilePlace", "engine_of"]

WAL_BYTES = 64 * 2**20
"""Beyond this the write-ahead log is folded back even if that makes one save slow."""
CHECKED_BYTES = 32 * 2**20
"""A larger file is not looked through as a whole on opening, only the tables that are needed to go on."""
KEPT_MALFORMED = 3
INCREMENTAL = 2


class FilePlace:
    """One SQLite file and our connection to it."""

    def __init__(self, path: Path, *, busy_seconds: float) -> None:
        """Name the file; nothing is opened.

        Args:
            path: The database file; its folder is made when missing.
            busy_seconds: How long to wait for another process's transaction.
        """
        self.path = path
        self.where = str(path)
        self.notices: list[str] = []
        self._busy_seconds = busy_seconds
        self._inode = (0, 0)
        self._is_suspect = False
        self._engine: sa.Engine | None = None
        self._connection: sa.Connection | None = None

    def open(self) -> None:
        """Open the file, make or move its schema, set a malformed one aside."""
        try:
            self._connect()
        except (sa.exc.DatabaseError, sqlite3.DatabaseError, ValueError) as error:
            if _code(error) in _OUTSIDE:
                raise
            self.close()
            self._set_aside(_reason(error))
            self._connect()

    def close(self) -> None:
        """Fold the write-ahead log back and let go of the file."""
        connection, engine = self._connection, self._engine
        self._connection = self._engine = None
        if connection is not None:
            with contextlib.suppress(sa.exc.DatabaseError):
                connection.close()
        if engine is not None:
            engine.dispose()

    def reopen(self) -> None:
        """Close and open again, setting a malformed file aside and making a missing one."""
        lost = not self.is_intact()
        self.close()
        self.open()
        if lost:
            self.notices.append(f"{self.path.name} was deleted or replaced while in use; written anew")

    @contextlib.contextmanager
    def transaction(self, *, writes: bool) -> Iterator[sa.Connection]:
        """Give the connection, in a transaction; `writes` keeps other writers out from its start."""
        connection = self._connection
        if connection is None:
            raise StoreError(f"{self.path}: the store is closed: open it again")
        connection.execution_options(obs_begin="IMMEDIATE" if writes else "DEFERRED")
        with connection.begin():
            yield connection

    def is_intact(self) -> bool:
        """Whether the open file is still the one at `path`."""
        try:
            found = self.path.stat()
        except OSError:
            return False
        return (found.st_dev, found.st_ino) == self._inode

    def settle(self) -> None:
        """After a write: keep the write-ahead log within its bounds."""
        if self.wal_bytes > WAL_BYTES:
            self.pragma("wal_checkpoint(TRUNCATE)")

    def fold_back(self) -> None:
        """Empty the write-ahead log."""
        self.pragma("wal_checkpoint(TRUNCATE)")

    def shrink(self, pages: int) -> None:
        """Give up to so many free pages of the file back to the disk."""
        if int(self.pragma("freelist_count")):
            assert self._connection is not None
            raw = self._connection.connection.dbapi_connection
            assert isinstance(raw, sqlite3.Connection)
            # As a script: a cursor takes one step of a statement without columns, and that frees one page.
            raw.executescript(f"PRAGMA incremental_vacuum({pages})")
            # Only with the log folded back does the file itself grow shorter.
            self.pragma("wal_checkpoint(PASSIVE)")

    @property
    def wal_bytes(self) -> int:
        """Size of the write-ahead log."""
        return _size(self.path.with_name(self.path.name + "-wal"))

    def size(self) -> int:
        """Return the bytes on the disk, with the write-ahead log."""
        return _size(self.path) + self.wal_bytes

    def live_bytes(self) -> int:
        """Return the bytes of pages in use and of the write-ahead log."""
        pages = int(self.pragma("page_count")) - int(self.pragma("freelist_count"))
        return pages * int(self.pragma("page_size")) + self.wal_bytes

    def changes_elsewhere(self) -> int:
        """Return a number that differs from the last one when another process has written since."""
        return int(self.pragma("data_version"))

    def pragma(self, statement: str) -> str:
        """Run a PRAGMA to its end; return the first value it gives."""
        assert self._connection is not None
        cursor = self._connection.connection.cursor()
        try:
            cursor.execute(f"PRAGMA {statement}")
            # Some do their work as their rows are fetched.
            rows = cursor.fetchall()
        finally:
            cursor.close()
        return str(rows[0][0]) if rows else ""

    def explain(self, error: BaseException) -> StoreError:
        """Return the error in words, with its mend."""
        if _code(error) in {sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED}:
            return StoreBusyError(f"{self.path} is locked by another process: end that process, or wait")
        if _code(error) in (sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB):
            self._is_suspect = True
        mend = _MENDS.get(_code(error), "check the folder, its permissions and the space on its disk")
        if isinstance(error, OSError):
            return StoreError(f"{self.path} cannot be opened ({error.strerror or error}): {mend}")
        return StoreError(f"{self.path} cannot be used ({_reason(error)}): {mend}")

    def _connect(self) -> None:
        self.path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        # SQLite gives its side files the mode of the file it finds.
        os.close(os.open(self.path, os.O_RDWR | os.O_CREAT | getattr(os, "O_CLOEXEC", 0), 0o600))
        found = self.path.stat()
        self._inode = (found.st_dev, found.st_ino)
        if found.st_size:
            _verify_header(self.path)
        self._engine = engine_of(self.path, self._busy_seconds)
        self._connection = self._engine.connect()
        if not found.st_size:
            # Heard by an empty file only.
            self.pragma(f"auto_vacuum={INCREMENTAL}")
        for pragma in ("journal_mode=WAL", "synchronous=FULL", f"journal_size_limit={WAL_BYTES}"):
            self.pragma(pragma)
        if found.st_size:
            self._check(found.st_size)
        with self.transaction(writes=True) as connection:
            revision = migrate(connection, self.where)
            # Read once what will be needed, so that a flipped byte is found now and not in the middle.
            tables.load(connection)
        if revision == "0001" and self.pragma("auto_vacuum") != str(INCREMENTAL):
            # Once, while the file is small: afterwards what the history frees can be given back in steps.
            self.pragma(f"auto_vacuum={INCREMENTAL}")
            self._rebuild()

    def _check(self, size: int) -> None:
        is_whole = size <= CHECKED_BYTES or self._is_suspect
        for what in ("1",) if is_whole else [table.name for table in tables.CORE]:
            verdict = self.pragma(f"quick_check({what})")
            if verdict != "ok":
                raise MalformedError(verdict)
        self._is_suspect = False

    def _rebuild(self) -> None:
        assert self._connection is not None
        cursor = self._connection.connection.cursor()
        # Busy, or no space for a second copy: it stays as it is, and grows no worse.
        with contextlib.suppress(sqlite3.OperationalError):
            cursor.execute("VACUUM")
        cursor.close()

    def _set_aside(self, reason: str) -> None:
        aside = self.path.with_name(f"{self.path.name}.malformed-{time.time_ns()}")
        for suffix in ("", "-wal", "-shm"):
            with contextlib.suppress(FileNotFoundError):
                self.path.with_name(self.path.name + suffix).rename(aside.with_name(aside.name + suffix))
        self.notices.append(
            f"{self.path.name} was malformed ({reason}): set aside as {aside.name}; counts start anew"
        )
        old = sorted(self.path.parent.glob(f"{self.path.name}.malformed-*"), reverse=True)
        kept = {path.name.split("-")[1] for path in old}
        for path in old:
            if path.name.split("-")[1] not in sorted(kept, reverse=True)[:KEPT_MALFORMED]:
                path.unlink(missing_ok=True)


def engine_of(path: Path, busy_seconds: float) -> sa.Engine:
    """Return an engine for the file, on which we say BEGIN ourselves."""
    engine = sa.create_engine(
        sa.URL.create("sqlite", database=str(path)),
        poolclass=NullPool,
        connect_args={"check_same_thread": False, "timeout": busy_seconds},
    )

    # The driver's own idea of transactions commits before DDL; so we say BEGIN ourselves.
    @sa.event.listens_for(engine, "connect")
    def _no_hidden_transactions(raw: Any, _: object) -> None:
        raw.isolation_level = None

    @sa.event.listens_for(engine, "begin")
    def _begin(connection: sa.Connection) -> None:
        connection.exec_driver_sql(f"BEGIN {connection.get_execution_options().get('obs_begin', 'DEFERRED')}")

    return engine


def _size(path: Path) -> int:
    try:
        return path.stat().st_size
    except OSError:
        return 0


def _verify_header(path: Path) -> None:
    with path.open("rb") as file:
        header = file.read(20)
    # Bytes 18 and 19 are the format versions; with others SQLite says "read-only" and means "damaged".
    if header[:16] != b"SQLite format 3\0" or not set(header[18:20]) <= {1, 2}:
        raise MalformedError("its header is not SQLite's")


def _code(error: BaseException) -> int:
    original = getattr(error, "orig", None) or error
    # The low byte is the primary code, the rest says more of the same.
    return int(getattr(original, "sqlite_errorcode", 0) or 0) & 0xFF


def _reason(error: BaseException) -> str:
    return " ".join(str(getattr(error, "orig", None) or error).split())[:200]


_OUTSIDE = {
    sqlite3.SQLITE_BUSY,
    sqlite3.SQLITE_LOCKED,
    sqlite3.SQLITE_FULL,
    sqlite3.SQLITE_IOERR,
    sqlite3.SQLITE_READONLY,
    sqlite3.SQLITE_CANTOPEN,
    sqlite3.SQLITE_NOMEM,
    sqlite3.SQLITE_PERM,
}
"""Codes that blame the file's surroundings; any other error on opening is the file's own."""
_MENDS = {
    sqlite3.SQLITE_FULL: "free some space on its disk",
    sqlite3.SQLITE_IOERR: "check the disk and the folder's permissions",
    sqlite3.SQLITE_READONLY: "make it and its folder writable",
    sqlite3.SQLITE_CANTOPEN: "make its folder writable; a folder of this name must go",
    sqlite3.SQLITE_CORRUPT: "it is set aside at the next opening",
    sqlite3.SQLITE_NOTADB: "it is set aside at the next opening",
}

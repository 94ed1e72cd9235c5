"""What survives a restart: checkpoints, State, life cycle, cursors and history, in one SQLite file or schema.

All that belongs together is written in one transaction, so after any kill the spool is read on exactly where
the stored State ends. The schema comes from `migrations` beside it; what the blobs mean is their makers'
matter. `store_file` and `store_server` are the two places where a store can be.
"""

from __future__ import annotations

import contextlib
import sqlite3
import struct
import threading
from collections.abc import Iterator
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Protocol

import sqlalchemy as sa

from obs.keeping import store_tables as tables
from obs.keeping.store_address import AddressError, parse
from obs.keeping.store_file import FilePlace
from obs.keeping.store_schema import SCHEMA
from obs.keeping.stored import (
    Change,
    Cursor,
    LifecycleEntry,
    Saved,
    StoreBusyError,
    StoreError,
    StoreTakenError,
)

__all__ = [
    "SCHEMA",
    "Change",
    "Cursor",
    "LifecycleEntry",
    "Place",
    "Saved",
    "Store",
    "StoreBusyError",
    "StoreError",
    "StoreTakenError",
]

BUSY_SECONDS = 5.0


class Place(Protocol):
    """Where a store is: a file or a schema, and the one connection to it."""

    where: str
    """Its name for people, without a password."""
    notices: list[str]

    def open(self) -> None: ...

    def close(self) -> None: ...

    def reopen(self) -> None: ...

    def transaction(self, *, writes: bool) -> AbstractContextManager[sa.Connection]: ...

    def is_intact(self) -> bool: ...

    def settle(self) -> None: ...

    def shrink(self, pages: int) -> None: ...

    def fold_back(self) -> None: ...

    @property
    def wal_bytes(self) -> int: ...

    def size(self) -> int: ...

    def live_bytes(self) -> int: ...

    def changes_elsewhere(self) -> int: ...

    def explain(self, error: BaseException) -> StoreError: ...


class Store:
    """One open store; safe to share between threads, and between processes that are brief."""

    def __init__(self, where: Path | str, *, busy_seconds: float = BUSY_SECONDS) -> None:
        """Open it, make or move its schema, set a malformed one aside.

        Args:
            where: The database file, whose folder is made when missing, or `postgresql://…`.
            busy_seconds: How long to wait for another process's transaction.

        Raises:
            StoreError: If it was written by a newer version, or cannot be opened at all.
            StoreBusyError: If another process keeps it locked.
        """
        self._place = _place(where, busy_seconds)
        self._lock = threading.RLock()
        with self._lock, self._explained():
            self._place.open()

    @property
    def where(self) -> str:
        """Its name for people, without a password."""
        return self._place.where

    @property
    def notices(self) -> list[str]:
        """What happened to the store that a reader of the briefing has to know, oldest first."""
        return self._place.notices

    def claim(self, owner: str) -> Saved:
        """Make `owner` the only one whose checkpoints are taken from now on, and return what is stored.

        A sidecar that still runs and was thought dead can so never overwrite what its successor has read.
        """
        with self.transaction() as connection:
            tables.claim(connection, owner)
            return tables.load(connection)

    def load(self) -> Saved:
        """Return everything stored but the history.

        Raises:
            StoreError: If the store cannot be read.
        """
        with self.reading() as connection:
            return tables.load(connection)

    def save(self, change: Change) -> None:
        """Write the change in one transaction; when it returns, the change survives a power loss.

        Raises:
            StoreTakenError: If another sidecar has claimed the store.
            StoreError: If nothing was written (disk full, locked, malformed, file or server gone): the caller
                keeps what it has and tries again; `is_intact` tells whether the earlier saves are there.
        """
        with self.transaction() as connection:
            tables.write(connection, change)

    @contextlib.contextmanager
    def transaction(self) -> Iterator[sa.Connection]:
        """Give the connection, in a transaction that writes.

        Raises:
            StoreError: If nothing was written.
        """
        with self._lock, self._explained():
            with self._place.transaction(writes=True) as connection:
                yield connection
            self._place.settle()

    @contextlib.contextmanager
    def reading(self) -> Iterator[sa.Connection]:
        """Give the connection, in a transaction that sees one instant.

        Raises:
            StoreError: If the store cannot be read.
        """
        with self._lock, self._explained(), self._place.transaction(writes=False) as connection:
            yield connection

    def is_intact(self) -> bool:
        """Whether the open file is still the one at its path: false when someone deleted or replaced it."""
        return self._place.is_intact()

    def reopen(self) -> None:
        """Close and open again, setting a malformed store aside and making a missing one.

        Raises:
            StoreError: As on opening.
        """
        with self._lock, self._explained():
            self._place.reopen()

    def shrink(self, pages: int) -> None:
        """Give up to so many free pages back to the disk, where that is ours to do.

        Raises:
            StoreError: If that cannot be done now.
        """
        with self._lock, self._explained():
            self._place.shrink(pages)
            self._place.settle()

    def fold_back(self) -> None:
        """Empty the write-ahead log, where there is one of ours.

        Raises:
            StoreError: If that cannot be done now.
        """
        with self._lock, self._explained():
            self._place.fold_back()

    def size(self) -> int:
        """Return how many bytes the store takes.

        Raises:
            StoreError: If a server does not say.
        """
        with self._lock, self._explained():
            return self._place.size()

    def live_bytes(self) -> int:
        """Return how many bytes of it are in use: what was freed and can be used again is not counted.

        Raises:
            StoreError: If the store does not say.
        """
        with self._lock, self._explained():
            return self._place.live_bytes()

    @property
    def wal_bytes(self) -> int:
        """Size of the write-ahead log; large when another process keeps a read transaction open."""
        return self._place.wal_bytes

    def changes_elsewhere(self) -> int:
        """Return a number that differs from the last one when another process has written since."""
        with self._lock, self._explained():
            return self._place.changes_elsewhere()

    def close(self) -> None:
        """Let go of the store."""
        with self._lock:
            self._place.close()

    def __enter__(self) -> Store:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    @contextlib.contextmanager
    def _explained(self) -> Iterator[None]:
        try:
            yield
        except (sa.exc.SQLAlchemyError, sqlite3.DatabaseError, ValueError, OSError, struct.error) as error:
            raise self._place.explain(error) from error


def _place(where: Path | str, busy_seconds: float) -> Place:
    if isinstance(where, Path):
        return FilePlace(where, busy_seconds=busy_seconds)
    try:
        address = parse(where)
        # Imported here: whoever keeps a file needs no driver for servers.
        from obs.keeping.store_server import ServerPlace

        return ServerPlace(address, busy_seconds=busy_seconds)
    except AddressError as error:
        raise StoreError(f"store: {error}") from None

"""What survives a restart: checkpoints, State, life cycle and reader cursors, in one SQLite file.

All that belongs together is written in one transaction, so after any kill the spool is read on exactly where
the stored State ends. The schema comes from `migrations` beside it; what the blobs mean is their makers'
matter.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import sqlite3
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import msgspec
import orjson
import sqlalchemy as sa
from sqlalchemy.dialects.sqlite import insert
from sqlalchemy.pool import NullPool

__all__ = [
    "SCHEMA",
    "Change",
    "Cursor",
    "LifecycleEntry",
    "Saved",
    "Store",
    "StoreBusyError",
    "StoreError",
    "StoreTakenError",
]

SCHEMA = "0001"
"""Revision of the schema this code reads and writes: the newest in `obs.keeping.migrations`."""
BUSY_SECONDS = 5.0
WAL_BYTES = 64 * 2**20
"""Beyond this the write-ahead log is folded back even if that makes one save slow."""
KEPT_MALFORMED = 3

_metadata = sa.MetaData()
_checkpoint = sa.Table(
    "checkpoint",
    _metadata,
    sa.Column("source", sa.Text, primary_key=True),
    sa.Column("position", sa.Text),
    sa.Column("digest", sa.Text),
)
_state = sa.Table(
    "state",
    _metadata,
    sa.Column("id", sa.Integer, primary_key=True),
    sa.Column("data", sa.LargeBinary),
    sa.Column("digest", sa.Text),
)
_lifecycle = sa.Table(
    "lifecycle",
    _metadata,
    sa.Column("fingerprint", sa.Text, primary_key=True),
    *(sa.Column(name, sa.Text) for name in ("status", "who", "why", "detail")),
    *(sa.Column(name, sa.BigInteger) for name in ("at", "expires", "first_seen", "last_seen")),
)
_cursors = sa.Table(
    "cursors",
    _metadata,
    sa.Column("reader", sa.Text, primary_key=True),
    sa.Column("looked", sa.BigInteger),
    sa.Column("digest", sa.Text),
    sa.Column("snapshot", sa.Text),
)
_notes = sa.Table(
    "notes", _metadata, sa.Column("key", sa.Text, primary_key=True), sa.Column("value", sa.Text)
)


class StoreError(Exception):
    """The store cannot be used; the message is one line that names the file, the fault and the mend."""


class StoreTakenError(StoreError):
    """Another sidecar has claimed the store since; whoever gets this must stop."""


class StoreBusyError(StoreError):
    """Another process held the store longer than the busy limit; trying again later is right."""


class LifecycleEntry(msgspec.Struct, frozen=True, kw_only=True):
    """What is remembered of an issue's life, by a person's decision or by our own observation."""

    fingerprint: str
    status: str
    at: int
    """Unix ns of the decision; of two entries for one issue the later stands."""
    who: str = ""
    why: str = ""
    expires: int = 0
    """Unix ns at which the entry no longer holds; 0 is never."""
    first_seen: int = 0
    last_seen: int = 0
    detail: str = ""


class Cursor(msgspec.Struct, frozen=True, kw_only=True):
    """When a reader last looked, and what it saw then."""

    reader: str
    looked: int
    """Unix ns."""
    digest: str = ""
    snapshot: str = ""
    """The Snapshot of that look as JSON, to compare the present with; empty when only the time is known."""


class Change(msgspec.Struct, frozen=True, kw_only=True):
    """What one transaction writes; everything in it, or nothing of it."""

    checkpoints: Mapping[str, Any] = {}
    """Source -> how far it is read, as JSON; `None` forgets the source."""
    state: bytes | None = None
    lifecycle: Sequence[LifecycleEntry] = ()
    cursors: Sequence[Cursor] = ()
    notes: Mapping[str, str] = {}
    owner: str = ""
    """The claim under which it is written; empty for what anyone may write (life cycle, cursors)."""


class Saved(msgspec.Struct, frozen=True, kw_only=True):
    """Everything the store holds, as of one instant."""

    checkpoints: Mapping[str, Any]
    state: bytes | None
    lifecycle: Mapping[str, LifecycleEntry]
    cursors: Mapping[str, Cursor]
    notes: Mapping[str, str]


class Store:
    """One open `obs.db`; safe to share between threads, and between processes that are brief."""

    def __init__(self, path: Path, *, busy_seconds: float = BUSY_SECONDS) -> None:
        """Open the file, make or move its schema, set a malformed one aside.

        Args:
            path: The database file; its folder is made when missing.
            busy_seconds: How long to wait for another process's transaction.

        Raises:
            StoreError: If the file was written by a newer version, or cannot be opened at all.
            StoreBusyError: If another process keeps it locked.
        """
        self.path = path
        self.notices: list[str] = []
        """What happened to the file that a reader of the briefing has to know, oldest first."""
        self._busy_seconds = busy_seconds
        self._lock = threading.RLock()
        self._inode = (0, 0)
        self._engine: sa.Engine | None = None
        self._connection: sa.Connection | None = None
        with self._lock, self._explained():
            self._open()

    def claim(self, owner: str) -> Saved:
        """Make `owner` the only one whose checkpoints are taken from now on, and return what is stored.

        A sidecar that still runs and was thought dead can so never overwrite what its successor has read.
        """
        with self._lock, self._explained(), self._transaction("IMMEDIATE") as connection:
            _upsert(connection, _notes, [{"key": "owner", "value": owner}])
            return _load(connection)

    def load(self) -> Saved:
        """Return everything stored.

        Raises:
            StoreError: If the file cannot be read.
        """
        with self._lock, self._explained(), self._transaction("DEFERRED") as connection:
            return _load(connection)

    def save(self, change: Change) -> None:
        """Write the change in one transaction; when it returns, the change survives a power loss.

        Raises:
            StoreTakenError: If another sidecar has claimed the store.
            StoreError: If nothing was written (disk full, locked, malformed, file gone): the caller keeps
                what it has and tries again; `is_intact` tells whether the file still holds the earlier saves.
        """
        with self._lock, self._explained():
            with self._transaction("IMMEDIATE") as connection:
                _write(connection, change)
            if self.wal_bytes > WAL_BYTES:
                self._execute("PRAGMA wal_checkpoint(TRUNCATE)")

    def is_intact(self) -> bool:
        """Whether the open file is still the one at `path`: false when someone deleted or replaced it."""
        try:
            found = self.path.stat()
        except OSError:
            return False
        return (found.st_dev, found.st_ino) == self._inode

    def reopen(self) -> None:
        """Close and open again, setting a malformed file aside and making a missing one.

        Raises:
            StoreError: As on opening.
        """
        with self._lock, self._explained():
            lost = not self.is_intact()
            self._close()
            self._open()
            if lost:
                self.notices.append(f"{self.path.name} was deleted or replaced while in use; written anew")

    @property
    def wal_bytes(self) -> int:
        """Size of the write-ahead log; large when another process keeps a read transaction open."""
        try:
            return self.path.with_name(self.path.name + "-wal").stat().st_size
        except OSError:
            return 0

    def changes_elsewhere(self) -> int:
        """Return a number that differs from the last one when another process has written since."""
        with self._lock, self._explained():
            return int(self._execute("PRAGMA data_version"))

    def close(self) -> None:
        """Fold the write-ahead log back and let go of the file."""
        with self._lock:
            self._close()

    def __enter__(self) -> Store:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _open(self) -> None:
        try:
            self._connect()
        except (sa.exc.DatabaseError, sqlite3.DatabaseError, ValueError) as error:
            if _code(error) in _OUTSIDE:
                raise
            self._close()
            self._set_aside(_reason(error))
            self._connect()

    def _connect(self) -> None:
        self.path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        # SQLite gives its side files the mode of the file it finds.
        os.close(os.open(self.path, os.O_RDWR | os.O_CREAT | getattr(os, "O_CLOEXEC", 0), 0o600))
        found = self.path.stat()
        self._inode = (found.st_dev, found.st_ino)
        if found.st_size:
            _verify_header(self.path)
        self._engine = _engine(self.path, self._busy_seconds)
        self._connection = self._engine.connect()
        for pragma in ("journal_mode=WAL", "synchronous=FULL", f"journal_size_limit={WAL_BYTES}"):
            self._execute(f"PRAGMA {pragma}")
        if found.st_size:
            verdict = self._execute("PRAGMA quick_check(1)")
            if verdict != "ok":
                raise _MalformedError(verdict)
        with self._transaction("IMMEDIATE") as connection:
            _migrate(connection, self.path)
            # Read once what will be needed, so that a flipped byte is found now and not in the middle.
            _load(connection)

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

    def _close(self) -> None:
        connection, engine = self._connection, self._engine
        self._connection = self._engine = None
        if connection is not None:
            with contextlib.suppress(sa.exc.DatabaseError):
                connection.close()
        if engine is not None:
            engine.dispose()

    @contextlib.contextmanager
    def _transaction(self, kind: str) -> Iterator[sa.Connection]:
        connection = self._connection
        if connection is None:
            raise StoreError(f"{self.path}: the store is closed: open it again")
        connection.execution_options(obs_begin=kind)
        with connection.begin():
            yield connection

    def _execute(self, statement: str) -> str:
        assert self._connection is not None
        cursor = self._connection.connection.cursor()
        try:
            cursor.execute(statement)
            row = cursor.fetchone()
        finally:
            cursor.close()
        return str(row[0]) if row else ""

    @contextlib.contextmanager
    def _explained(self) -> Iterator[None]:
        try:
            yield
        except (sa.exc.DatabaseError, sqlite3.DatabaseError, ValueError, OSError) as error:
            raise _explain(error, self.path) from error


class _MalformedError(ValueError):
    """What SQLite accepts and our digests do not."""


def _engine(path: Path, busy_seconds: float) -> sa.Engine:
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
        connection.exec_driver_sql(f"BEGIN {connection.get_execution_options()['obs_begin']}")

    return engine


def _migrate(connection: sa.Connection, path: Path) -> None:
    found = _revision(connection)
    if found == SCHEMA:
        return
    # Imported here: 300 ms and 20 MB that only a first start or an upgrade needs.
    from alembic import command
    from alembic.config import Config
    from alembic.script import ScriptDirectory

    folder = Path(__file__).with_name("migrations")
    config = Config()
    config.set_main_option("script_location", str(folder).replace("%", "%%"))
    config.set_main_option("path_separator", "os")
    config.attributes["connection"] = connection
    known = {script.revision for script in ScriptDirectory.from_config(config).walk_revisions()}
    if found and found not in known:
        raise StoreError(
            f"{path} has schema {found}, this obs knows {SCHEMA}: it was written by a newer version."
            " Install that version, or move the file away to start anew."
        )
    command.upgrade(config, SCHEMA)


def _revision(connection: sa.Connection) -> str:
    tables = connection.exec_driver_sql("SELECT name FROM sqlite_master WHERE type = 'table'").scalars().all()
    if "alembic_version" not in tables:
        if tables:
            raise _MalformedError("tables without a schema version")
        return ""
    return str(connection.exec_driver_sql("SELECT version_num FROM alembic_version").scalar() or "")


def _load(connection: sa.Connection) -> Saved:
    checkpoints = {}
    for row in connection.execute(sa.select(_checkpoint)):
        _verify(row.position.encode(), row.digest, f"checkpoint of {row.source}")
        checkpoints[row.source] = orjson.loads(row.position)
    state = connection.execute(sa.select(_state)).first()
    if state is not None:
        _verify(state.data, state.digest, "State")
    return Saved(
        checkpoints=checkpoints,
        state=None if state is None else bytes(state.data),
        lifecycle={
            row["fingerprint"]: LifecycleEntry(**row)
            for row in connection.execute(sa.select(_lifecycle)).mappings()
        },
        cursors={row["reader"]: Cursor(**row) for row in connection.execute(sa.select(_cursors)).mappings()},
        notes={row.key: row.value for row in connection.execute(sa.select(_notes))},
    )


def _write(connection: sa.Connection, change: Change) -> None:
    if change.owner:
        owner = connection.execute(sa.select(_notes.c.value).where(_notes.c.key == "owner")).scalar()
        if owner not in (None, change.owner):
            raise StoreTakenError("another sidecar has taken over this directory: this one must stop")
    rows = []
    for source, position in change.checkpoints.items():
        if position is None:
            connection.execute(sa.delete(_checkpoint).where(_checkpoint.c.source == source))
            continue
        text = orjson.dumps(position, option=orjson.OPT_NON_STR_KEYS).decode()
        rows.append({"source": source, "position": text, "digest": _digest(text.encode())})
    _upsert(connection, _checkpoint, rows)
    if change.state is not None:
        _upsert(connection, _state, [{"id": 1, "data": change.state, "digest": _digest(change.state)}])
    entries = [msgspec.structs.asdict(entry) for entry in change.lifecycle]
    # A person may have decided in another process since we read: the later decision stands.
    _upsert(connection, _lifecycle, entries, newest_by="at")
    _upsert(connection, _cursors, [msgspec.structs.asdict(cursor) for cursor in change.cursors], "looked")
    _upsert(connection, _notes, [{"key": key, "value": value} for key, value in change.notes.items()])


def _upsert(
    connection: sa.Connection, table: sa.Table, rows: Sequence[Mapping[str, Any]], newest_by: str = ""
) -> None:
    if not rows:
        return
    statement = insert(table)
    new = {column.name: statement.excluded[column.name] for column in table.columns if not column.primary_key}
    condition = statement.excluded[newest_by] >= table.c[newest_by] if newest_by else None
    connection.execute(
        statement.on_conflict_do_update(index_elements=list(table.primary_key), set_=new, where=condition),
        rows,
    )


def _verify_header(path: Path) -> None:
    with path.open("rb") as file:
        header = file.read(20)
    # Bytes 18 and 19 are the format versions; with others SQLite says "read-only" and means "damaged".
    if header[:16] != b"SQLite format 3\0" or not set(header[18:20]) <= {1, 2}:
        raise _MalformedError("its header is not SQLite's")


def _digest(data: bytes) -> str:
    return hashlib.blake2b(data, digest_size=8).hexdigest()


def _verify(data: bytes, digest: str, what: str) -> None:
    if _digest(data) != digest:
        raise _MalformedError(f"the digest of the {what} does not fit")


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


def _explain(error: BaseException, path: Path) -> StoreError:
    if _code(error) in {sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED}:
        return StoreBusyError(f"{path} is locked by another process: end that process, or wait")
    mend = _MENDS.get(_code(error), "check the folder, its permissions and the space on its disk")
    if isinstance(error, OSError):
        return StoreError(f"{path} cannot be opened ({error.strerror or error}): {mend}")
    return StoreError(f"{path} cannot be used ({_reason(error)}): {mend}")

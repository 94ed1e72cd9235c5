"""The store as one schema of a PostgreSQL database.

The driver is pg8000: pure Python with a free licence, and it blocks like SQLite does. asyncpg would need an
event loop in the thread that folds, and psycopg a C library on every machine.
"""

from __future__ import annotations

import contextlib
import os
import socket
import ssl
import struct
import time
from collections.abc import Iterator
from typing import Any

import sqlalchemy as sa
from sqlalchemy.pool import NullPool

from obs.keeping import store_tables as tables
from obs.keeping.store_address import Address
from obs.keeping.store_schema import migrate
from obs.keeping.stored import MalformedError, StoreBusyError, StoreError

__all__ = ["ServerPlace", "engine_of"]

SERVER_SECONDS = 10.0
"""A server that does not answer for so long is given up; the spool keeps what comes."""
MIGRATION_LOCK = 0x6F6273
"""Number of the advisory lock under which schemas are made."""


class ServerPlace:
    """One schema and our connection to it."""

    def __init__(self, address: Address, *, busy_seconds: float) -> None:
        """Name the schema; nothing is opened.

        Args:
            address: Database and schema; the schema is made when missing.
            busy_seconds: How long to wait for another process's transaction.
        """
        self.where = str(address)
        self.notices: list[str] = []
        self._address = address
        self._busy_seconds = busy_seconds
        self._was_open = False
        self._own_writes = 0
        self._engine: sa.Engine | None = None
        self._connection: sa.Connection | None = None

    def open(self) -> None:
        """Connect, make or move the schema, rename a malformed one."""
        try:
            self._connect()
        except MalformedError as error:
            self._set_aside(str(error))
            self._connect()

    def close(self) -> None:
        """Let go of the connection."""
        connection, engine = self._connection, self._engine
        self._connection = self._engine = None
        with contextlib.suppress(*FAULTS):
            if connection is not None:
                connection.close()
        if engine is not None:
            engine.dispose()

    def reopen(self) -> None:
        """Connect anew, whatever became of the old connection."""
        self._abandon()
        self.open()

    @contextlib.contextmanager
    def transaction(self, *, writes: bool) -> Iterator[sa.Connection]:
        """Give the connection, in a transaction; one that only reads sees one instant."""
        connection = self._connection
        if connection is None:
            raise StoreError(f"{self.where}: the store is closed: open it again")
        with connection.begin():
            if writes:
                tables.count_write(connection)
            else:
                connection.exec_driver_sql("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY")
            yield connection
        self._own_writes += writes

    def is_intact(self) -> bool:
        """Whether we may go on: a lost schema shows when it is used."""
        return True

    def settle(self) -> None:
        """After a write: nothing, the server keeps its own house."""

    def fold_back(self) -> None:
        """Nothing: the server's log is not ours."""

    def shrink(self, pages: int) -> None:
        """Nothing: autovacuum makes the space of deleted rows free for new ones."""

    @property
    def wal_bytes(self) -> int:
        """The server's log is not ours: 0."""
        return 0

    def size(self) -> int:
        """Return the bytes of all our tables and indexes."""
        with self.transaction(writes=False) as connection:
            query = sa.text(
                "SELECT coalesce(sum(pg_total_relation_size(oid)), 0) FROM pg_catalog.pg_class"
                " WHERE relkind = 'r' AND relnamespace = CAST(CAST(:schema AS text) AS regnamespace)"
            )
            return int(connection.execute(query, {"schema": self._address.schema}).scalar() or 0)

    def live_bytes(self) -> int:
        """Return the bytes of rows that live, as the server's statistics know them."""
        with self.transaction(writes=False) as connection:
            query = sa.text(
                "SELECT coalesce(sum(pg_total_relation_size(relid) * (n_live_tup + 1.0)"
                " / (n_live_tup + n_dead_tup + 1.0)), 0) FROM pg_catalog.pg_stat_user_tables"
                " WHERE schemaname = :schema"
            )
            return int(connection.execute(query, {"schema": self._address.schema}).scalar() or 0)

    def changes_elsewhere(self) -> int:
        """Return a number that differs from the last one when another process has written since."""
        with self.transaction(writes=False) as connection:
            return tables.writes(connection) - self._own_writes

    def explain(self, error: BaseException) -> StoreError:
        """Return the error in words, with its mend."""
        told = _told(error)
        code, words = str(told.get("C", "")), " ".join(str(told.get("M", "")).split())[:200]
        for beginning, (mend, kind) in _MENDS.items():
            if code.startswith(beginning):
                return kind(f"{self.where} cannot be used ({words}): {mend}")
        if not code:
            self._abandon()
            reason = getattr(error, "orig", None) or error
            words = " ".join(str(reason).split())[:200] or type(reason).__name__
            return StoreError(
                f"{self.where} cannot be reached ({words}): start the server, or mend the setting store"
            )
        return StoreError(f"{self.where} cannot be used ({words}, {code}): look into the server's log")

    def _connect(self) -> None:
        self._engine = engine_of(self._address, self._busy_seconds)
        self._connection = self._engine.connect()
        with self._connection.begin():
            self._connection.exec_driver_sql(f"SELECT pg_advisory_xact_lock({MIGRATION_LOCK})")
            is_new = self._make_schema(self._connection)
            found = migrate(self._connection, self.where)
            tables.load(self._connection)
            self._own_writes = 0
        if self._was_open and (is_new or not found):
            self.notices.append(f"schema {self._address.schema} was dropped while in use; written anew")
        self._was_open = True

    def _make_schema(self, connection: sa.Connection) -> bool:
        query = sa.text("SELECT 1 FROM pg_catalog.pg_namespace WHERE nspname = :name")
        if connection.execute(query, {"name": self._address.schema}).scalar():
            return False
        # Not IF NOT EXISTS: that asks for the right to make schemas even when there is one.
        connection.exec_driver_sql(f'CREATE SCHEMA "{self._address.schema}"')
        return True

    def _set_aside(self, reason: str) -> None:
        schema = self._address.schema
        aside = f"{schema[:30]}_malformed_{time.time_ns()}"
        self.close()
        engine = engine_of(self._address, self._busy_seconds)
        with engine.begin() as connection:
            connection.exec_driver_sql(f'ALTER SCHEMA "{schema}" RENAME TO "{aside}"')
        engine.dispose()
        self._was_open = False
        self.notices.append(
            f"schema {schema} was malformed ({reason}): set aside as {aside}; counts start anew"
        )

    def _abandon(self) -> None:
        """Drop a connection of which nobody knows where it stands, without a word to the server."""
        connection, engine = self._connection, self._engine
        self._connection = self._engine = None
        with contextlib.suppress(*FAULTS):
            if connection is not None:
                connection.invalidate()
                connection.close()
        if engine is not None:
            engine.dispose()


def engine_of(address: Address, busy_seconds: float, *, reads_only: bool = False) -> sa.Engine:
    """Return an engine whose connections see the schema and give up after a while.

    Args:
        address: Database and schema.
        busy_seconds: How long to wait for a lock.
        reads_only: Connections may write nothing.
    """
    # libpq's variable, so that no password need stand in a file of settings.
    password = address.password or os.environ.get("PGPASSWORD") or None
    arguments: dict[str, Any] = {
        "timeout": SERVER_SECONDS,
        "application_name": "obs",
        "startup_params": {
            "search_path": f'"{address.schema}"',
            "lock_timeout": str(int(busy_seconds * 1_000)),
            "statement_timeout": str(int(SERVER_SECONDS * 900)),
            "default_transaction_read_only": "on" if reads_only else "off",
        },
    }
    if address.sslmode != "prefer":
        arguments["ssl_context"] = _tls(address.sslmode)
    url = sa.URL.create(
        "postgresql+pg8000",
        username=address.user,
        password=password,
        host=None if address.host.startswith("/") else address.host,
        port=None if address.host.startswith("/") else address.port,
        database=address.database,
    )
    engine = sa.create_engine(url, poolclass=NullPool, connect_args=arguments, hide_parameters=True)

    # The driver leaves the socket of a refused connection open, so the socket is ours.
    @sa.event.listens_for(engine, "do_connect")
    def _connect(dialect: Any, _: object, more: list[Any], named: dict[str, Any]) -> Any:
        found = _socket(address)
        try:
            return dialect.loaded_dbapi.Connection(*more, **named, sock=found)
        except BaseException:
            found.close()
            raise

    return engine


def _socket(address: Address) -> socket.socket:
    if address.host.startswith("/"):
        found = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        found.settimeout(SERVER_SECONDS)
        try:
            found.connect(f"{address.host}/.s.PGSQL.{address.port}")
        except OSError:
            found.close()
            raise
        return found
    found = socket.create_connection((address.host, address.port), SERVER_SECONDS)
    found.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
    return found


def _tls(mode: str) -> ssl.SSLContext | bool:
    if mode == "disable":
        return False
    context = ssl.create_default_context()
    if mode == "require":
        # As libpq means it: encrypted, whoever answers.
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
    return context


def _told(error: BaseException) -> dict[str, Any]:
    original = getattr(error, "orig", None) or error
    told = original.args[0] if original.args else None
    return told if isinstance(told, dict) else {}


FAULTS = (sa.exc.SQLAlchemyError, OSError, struct.error)
_MENDS: dict[str, tuple[str, type[StoreError]]] = {
    "55P03": ("another process holds it: end that process, or wait", StoreBusyError),
    "40": ("another process was faster; it is tried again", StoreBusyError),
    "57014": ("it took too long; it is tried again", StoreBusyError),
    "53300": ("raise the server's max_connections, or wait", StoreBusyError),
    "57P": ("the server is stopping or starting: wait, or start it", StoreError),
    "28": ("mend user or password in the setting store, or in PGPASSWORD", StoreError),
    "3D000": ("create the database, or mend its name in the setting store", StoreError),
    "42501": ("grant CREATE on the database to the user, or make the schema for it", StoreError),
    "53100": ("free some space on the server's disk", StoreError),
    "25006": ("name the primary in the setting store, not a standby", StoreError),
    "42P01": ("it is made again at the next opening", StoreError),
    "3F000": ("it is made again at the next opening", StoreError),
}
"""By the beginning of an SQLSTATE: what to do, and whether trying again is right."""

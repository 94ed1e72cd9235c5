"""Copies of a store: a portable `obs.db` file, made while the sidecar works, and brought back.

A file is copied page by page by SQLite itself; of a server the rows are written into a new file. So a back-up
of either can be restored to either.
"""

from __future__ import annotations

import contextlib
import os
import sqlite3
from collections.abc import Iterator
from pathlib import Path

import sqlalchemy as sa

from obs.history import tables
from obs.history.inserting import NUMBERS, Row, insert
from obs.keeping.store import SCHEMA, Store
from obs.keeping.store_tables import CORE

__all__ = ["BackupError", "backup", "restore"]

PAGES = 2_000
"""Copied at once; between two such steps a writer gets its turn."""
ROWS = 2_000
TABLES = (*CORE, *tables.metadata.sorted_tables)


class BackupError(Exception):
    """No back-up was made, or none was restored; the message says why and what to do."""


def backup(where: Path | str, target: Path) -> int:
    """Copy a store into one file, verified; whatever was at `target` is replaced at the very end.

    Args:
        where: An `OBS_DIR`, its `obs.db`, or `postgresql://…`.
        target: The file to write.

    Returns:
        Its size in bytes.

    Raises:
        BackupError: If the store cannot be read or the copy is not whole.
        StoreError: If a server cannot be reached.
        OSError: If the target cannot be written.
    """
    target.parent.mkdir(parents=True, exist_ok=True)
    part = target.with_name(f".{target.name}.part")
    _remove(part)
    try:
        if isinstance(where, Path):
            _copy_file(_database(where), part)
        else:
            with Store(part) as copy, Store(where) as source:
                _copy_rows(source, copy)
            _make_single(part)
        _verify(part)
        part.chmod(0o600)
        part.replace(target)
    finally:
        _remove(part)
    return target.stat().st_size


def restore(source: Path, where: Path | str) -> None:
    """Bring a back-up back, in place of what the store holds now; the sidecar must not run.

    A file that is replaced is kept beside the new one, as `obs.db.before-restore`.

    Args:
        source: A file that `backup` made.
        where: An `OBS_DIR`, its `obs.db`, or `postgresql://…`.

    Raises:
        BackupError: If the file is no back-up of this or an older version, or a sidecar runs.
        StoreError: If a server cannot be reached.
        OSError: If the files cannot be read or written.
    """
    _verify(source)
    if not isinstance(where, Path):
        _restore_rows(source, where)
        return
    path = where if where.name.endswith(".db") else where / "obs.db"
    _refuse_if_watched(path.parent)
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    part = path.with_name(f".{path.name}.part")
    _remove(part)
    _copy_file(source, part)
    part.chmod(0o600)
    kept = path.with_name(f"{path.name}.before-restore")
    _remove(kept)
    for suffix in ("-wal", "-shm", ""):
        with contextlib.suppress(FileNotFoundError):
            path.with_name(path.name + suffix).rename(kept.with_name(kept.name + suffix))
    part.rename(path)
    # Opened once: an older schema is moved on now, and a fault shows now.
    Store(path).close()


def _database(where: Path) -> Path:
    path = where / "obs.db" if where.is_dir() else where
    if not path.is_file():
        raise BackupError(f"{path} is not there: name the folder in which `obs up` works")
    return path


def _copy_file(source: Path, target: Path) -> None:
    os.close(os.open(target, os.O_RDWR | os.O_CREAT, 0o600))
    try:
        with (
            contextlib.closing(sqlite3.connect(f"{source.absolute().as_uri()}?mode=ro", uri=True)) as old,
            contextlib.closing(sqlite3.connect(target)) as new,
        ):
            old.backup(new, pages=PAGES)
        _make_single(target)
    except sqlite3.Error as error:
        raise BackupError(
            f"{source} cannot be copied ({error}): make some space, or look at the file"
        ) from error


def _make_single(path: Path) -> None:
    """Make it one file, without side files to forget."""
    with contextlib.closing(sqlite3.connect(path)) as raw:
        raw.execute("PRAGMA journal_mode=DELETE")


def _verify(path: Path) -> None:
    try:
        with contextlib.closing(sqlite3.connect(f"{path.absolute().as_uri()}?mode=ro", uri=True)) as raw:
            verdict = raw.execute("PRAGMA integrity_check(1)").fetchone()[0]
            revision = raw.execute("SELECT version_num FROM alembic_version").fetchone()
    except sqlite3.Error as error:
        raise BackupError(f"{path} is no back-up of obs ({error}): take another file") from error
    if verdict != "ok":
        raise BackupError(f"{path} is damaged ({verdict}): take another back-up")
    if revision is None or revision[0] > SCHEMA:
        raise BackupError(f"{path} was written by a newer version of obs: install that version")


def _copy_rows(source: Store, copy: Store) -> None:
    """Copy all rows as of one instant of the source."""
    with source.reading() as old:
        for table in TABLES:
            for rows in _in_parts(old, table):
                with copy.transaction() as new:
                    _bring(new, table, rows)


def _restore_rows(source: Path, where: str) -> None:
    moved = source.with_name(f".{source.name}.restored")
    _remove(moved)
    try:
        _copy_file(source, moved)
        with Store(moved) as old, Store(where) as store, old.reading() as reader, store.transaction() as new:
            for table in reversed(TABLES):
                new.execute(sa.delete(table))
            for table in TABLES:
                for rows in _in_parts(reader, table):
                    _bring(new, table, rows)
            for table in tables.metadata.sorted_tables:
                _go_on_counting(new, table)
    finally:
        _remove(moved)


def _bring(connection: sa.Connection, table: sa.Table, rows: list[Row]) -> None:
    if table in CORE:
        names = [column.name for column in table.columns]
        connection.execute(sa.insert(table), [dict(zip(names, row, strict=True)) for row in rows])
    elif insert(connection, table, rows, with_numbers=True):
        raise BackupError(f"rows of {table.name} are not taken: look into the database's log")


def _go_on_counting(connection: sa.Connection, table: sa.Table) -> None:
    """Numbers that a server gives by itself go on after those that were brought."""
    number = next(iter(table.primary_key))
    if number.name in NUMBERS:
        sequence = sa.func.pg_get_serial_sequence(table.name, number.name)
        greatest = sa.select(sa.func.coalesce(sa.func.max(number), 0) + 1).scalar_subquery()
        connection.execute(sa.select(sa.func.setval(sequence, greatest, False)))


def _in_parts(connection: sa.Connection, table: sa.Table) -> Iterator[list[Row]]:
    """Yield all rows in the order of their keys; never all of them in memory."""
    keys = list(table.primary_key)
    places = [list(table.columns).index(key) for key in keys]
    query = sa.select(table).order_by(*keys).limit(ROWS)
    rows = connection.execute(query).all()
    while rows:
        yield [tuple(row) for row in rows]
        last = sa.tuple_(*(sa.literal(rows[-1][place]) for place in places))
        rows = connection.execute(query.where(sa.tuple_(*keys) > last)).all()


def _refuse_if_watched(directory: Path) -> None:
    from obs.keeping.presence import running_pid

    pid = running_pid(directory)
    if pid:
        raise BackupError(f"{directory} is watched by process {pid}: end it, then restore")


def _remove(path: Path) -> None:
    for suffix in ("", "-wal", "-shm", "-journal"):
        path.with_name(path.name + suffix).unlink(missing_ok=True)

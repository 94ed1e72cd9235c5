"""The tables of checkpoint, State, life cycle, cursors and notes, read and written in one transaction."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from typing import Any

import msgspec
import orjson
import sqlalchemy as sa
from sqlalchemy.dialects import postgresql, sqlite

from obs.history.writing import write as write_rows
from obs.keeping.stored import Change, Cursor, LifecycleEntry, MalformedError, Saved, StoreTakenError

__all__ = ["BATCH", "CORE", "REFUSED", "claim", "count_write", "load", "put_note", "write", "writes"]

BATCH = "history.batch"
"""Note that holds the number of the last batch of history that is stored."""
REFUSED = "history.refused"
"""Note that counts rows the database would not take."""
WRITES = "store.writes"
"""Note that counts transactions where nothing else tells one process of another's."""

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


CORE = (_checkpoint, _state, _lifecycle, _cursors, _notes)
"""Without these nothing goes on."""


def load(connection: sa.Connection) -> Saved:
    """Return everything stored but the history.

    Raises:
        MalformedError: If something is not what was written.
    """
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
        notes={row.key: row.value for row in connection.execute(sa.select(_notes)) if row.key != WRITES},
    )


def claim(connection: sa.Connection, owner: str) -> None:
    """Make `owner` the only one whose checkpoints are taken from now on."""
    _upsert(connection, _notes, [{"key": "owner", "value": owner}])


def write(connection: sa.Connection, change: Change) -> None:
    """Write a change.

    Raises:
        StoreTakenError: If another sidecar has claimed the store.
    """
    if change.owner:
        # Locked where many may write at once: whoever claims waits for us, and then sees what we wrote.
        owner = _note(connection, "owner", locked=True)
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
    notes = dict(change.notes)
    if change.rows:
        notes |= _write_history(connection, change)
    _upsert(connection, _notes, [{"key": key, "value": value} for key, value in notes.items()])


def put_note(connection: sa.Connection, key: str, value: str) -> None:
    """Write one note."""
    _upsert(connection, _notes, [{"key": key, "value": value}])


def writes(connection: sa.Connection) -> int:
    """Return how many transactions have counted themselves."""
    return int(_note(connection, WRITES) or 0)


def count_write(connection: sa.Connection) -> None:
    """Count this transaction."""
    value = sa.cast(sa.cast(_notes.c.value, sa.BigInteger) + 1, sa.Text)
    if not connection.execute(sa.update(_notes).where(_notes.c.key == WRITES).values(value=value)).rowcount:
        _upsert(connection, _notes, [{"key": WRITES, "value": "1"}])


def _write_history(connection: sa.Connection, change: Change) -> dict[str, str]:
    stored = int(_note(connection, BATCH) or 0)
    # The answer to an earlier commit may have been lost: what is stored is not counted again.
    batches = [batch for batch in change.rows if batch.number > stored]
    if not batches:
        return {}
    refused = write_rows(connection, batches)
    notes = {BATCH: str(batches[-1].number)}
    if refused:
        notes[REFUSED] = str(int(_note(connection, REFUSED) or 0) + refused)
    return notes


def _note(connection: sa.Connection, key: str, *, locked: bool = False) -> str | None:
    query = sa.select(_notes.c.value).where(_notes.c.key == key)
    found = connection.execute(query.with_for_update() if locked else query).scalar()
    return None if found is None else str(found)


def _upsert(
    connection: sa.Connection, table: sa.Table, rows: Sequence[Mapping[str, Any]], newest_by: str = ""
) -> None:
    if not rows:
        return
    on_server = connection.dialect.name == "postgresql"
    statement = postgresql.insert(table) if on_server else sqlite.insert(table)
    if on_server:
        rows = [{key: _without_nul(value) for key, value in row.items()} for row in rows]
    new = {column.name: statement.excluded[column.name] for column in table.columns if not column.primary_key}
    condition = statement.excluded[newest_by] >= table.c[newest_by] if newest_by else None
    connection.execute(
        statement.on_conflict_do_update(index_elements=list(table.primary_key), set_=new, where=condition),
        rows,
    )


def _without_nul(value: Any) -> Any:
    return value.replace("\0", "") if isinstance(value, str) else value


def _digest(data: bytes) -> str:
    return hashlib.blake2b(data, digest_size=8).hexdigest()


def _verify(data: bytes, digest: str, what: str) -> None:
    if _digest(data) != digest:
        raise MalformedError(f"the digest of the {what} does not fit")

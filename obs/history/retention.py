"""Keeps the history within its age and the directory within its quota, in slices that take little time.

What is over age goes everywhere. Over the quota the oldest examples go first, then the oldest counts by
minute; trades and model calls never go for want of space. What went is counted and said.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import msgspec
import orjson
import sqlalchemy as sa

from obs.history.tables import (
    AGENT_DAYS,
    CALLS,
    CONTRIBUTIONS,
    EXEMPLARS,
    MODEL_DAYS,
    ROLLUPS,
    TRADES,
)
from obs.keeping.store import Store, StoreError
from obs.keeping.store_tables import put_note

__all__ = ["Bounds", "Keeper"]

DROPPED = "history.dropped"
"""Note that counts what went for want of space."""
SLICE = 2_000
"""Rows that go at once: some tens of milliseconds."""
PAUSE_SECONDS = 30.0
BUSY_SECONDS = 0.5
"""Between two slices while there is more to do."""
TARGET = 0.95
"""Over the quota it is brought down to this share of it, so that not each new row makes work."""
SHRUNK_PAGES = 2_000
DAY_NS = 86_400_000_000_000


class Bounds(msgspec.Struct, frozen=True, kw_only=True):
    """How much history is kept."""

    days: int = 90
    quota: int = 2 * 2**30
    """Bytes of the whole directory; the spool has a quota of its own and is not counted."""


class Keeper:
    """Keeps one store within its bounds; called from the thread that writes."""

    def __init__(
        self,
        store: Store,
        directory: Path,
        bounds: Bounds,
        *,
        clock: Callable[[], int] = time.time_ns,
    ) -> None:
        """Take over what an earlier one counted.

        Args:
            store: Where the history is.
            directory: The `OBS_DIR`, whose files count for the quota.
            bounds: Age and quota.
            clock: Unix ns now.
        """
        self.bounds = bounds
        self._store, self._directory, self._clock = store, directory, clock
        self._due = 0.0
        self._is_over = False
        self._oldest = 0
        self.dropped: dict[str, int] = {}
        """Rows that went for want of space, by table; since the store began."""
        self._recall()

    def tick(self) -> None:
        """Do one slice of work when it is due; a store that refuses is asked again later."""
        now = time.monotonic()
        if now < self._due:
            return
        self._due = now + PAUSE_SECONDS
        try:
            if self.work():
                self._due = now + BUSY_SECONDS
        except StoreError:
            return

    def work(self) -> bool:
        """Do one slice of work; return whether there is more to do.

        Raises:
            StoreError: If the store refuses.
        """
        aged = self._drop_old()
        limit = self.bounds.quota * (TARGET if self._is_over else 1)
        self._is_over = self.size() > limit
        if self._is_over:
            # The log of what was just deleted weighs as much as what went.
            self._store.fold_back()
            self._is_over = self.size() > limit
        dropped = self._drop_for_space() if self._is_over else 0
        self._store.shrink(SHRUNK_PAGES)
        return aged >= SLICE or dropped >= SLICE

    def size(self) -> int:
        """Return the bytes that count for the quota: rows that live, and all other files but the spool."""
        return self._store.live_bytes() + _files(self._directory)

    @property
    def said(self) -> str:
        """What a reader has to know of what went, in one sentence; empty when nothing went."""
        if not self.dropped:
            return ""
        what = " and ".join(f"{count:,} {_WORDS[name]}" for name, count in sorted(self.dropped.items()))
        since = (
            f"; examples reach back to {datetime.fromtimestamp(self._oldest / 1e9, UTC):%Y-%m-%d %H:%M} UTC"
        )
        return (
            f"Older history: {what} went, because the directory is at its quota of"
            f" {self.bounds.quota / 2**20:,.0f} MiB (`history_quota`){since if self._oldest else ''}."
        )

    def _drop_old(self) -> int:
        before = self._clock() - self.bounds.days * DAY_NS
        gone = 0
        with self._store.transaction() as connection:
            for table in (EXEMPLARS, TRADES, CONTRIBUTIONS, CALLS):
                gone += _drop_first(connection, table, before)
            for table in (ROLLUPS, AGENT_DAYS, MODEL_DAYS):
                gone += _drop_seen(connection, table, before)
        return gone

    def _drop_for_space(self) -> int:
        table = EXEMPLARS
        with self._store.transaction() as connection:
            gone = _drop_first(connection, EXEMPLARS, None)
            if not gone:
                table, gone = ROLLUPS, _drop_minutes(connection)
            if not gone:
                return 0
            query = sa.select(EXEMPLARS.c.time).order_by(EXEMPLARS.c.seq).limit(1)
            oldest = int(connection.execute(query).scalar() or 0)
            dropped = {**self.dropped, str(table.name): self.dropped.get(table.name, 0) + gone}
            put_note(connection, DROPPED, orjson.dumps([dropped, oldest]).decode())
        self.dropped, self._oldest = dropped, oldest
        return gone

    def _recall(self) -> None:
        known = self._store.load().notes.get(DROPPED)
        if known is not None:
            self.dropped, self._oldest = orjson.loads(known)


_WORDS = {EXEMPLARS.name: "example events", ROLLUPS.name: "counts by minute"}


def _drop_first(connection: sa.Connection, table: sa.Table, before: int | None) -> int:
    """Delete the rows that were stored first, `SLICE` of them at most; of those stored `before` (Unix ns)."""
    number = next(iter(table.primary_key))
    first = sa.select(number, table.c.seen).order_by(number).limit(SLICE).subquery()
    last = sa.select(sa.func.max(first.c[number.name]))
    if before is not None:
        last = last.where(first.c.seen < before)
    until = connection.execute(last).scalar()
    if until is None:
        return 0
    return connection.execute(sa.delete(table).where(number <= until)).rowcount


def _drop_seen(connection: sa.Connection, table: sa.Table, before: int) -> int:
    """Delete the rows that were last written `before`, about `SLICE` of them."""
    query = sa.select(table.c.seen).where(table.c.seen < before).order_by(table.c.seen)
    until = connection.execute(query.offset(SLICE - 1).limit(1)).scalar()
    return connection.execute(
        sa.delete(table).where(table.c.seen < before if until is None else table.c.seen <= until)
    ).rowcount


def _drop_minutes(connection: sa.Connection) -> int:
    """Delete the counts of the oldest minutes, about `SLICE` of them."""
    query = sa.select(ROLLUPS.c.minute).order_by(ROLLUPS.c.minute).offset(SLICE - 1).limit(1)
    until = connection.execute(query).scalar()
    if until is None:
        return 0
    return connection.execute(sa.delete(ROLLUPS).where(ROLLUPS.c.minute <= until)).rowcount


def _files(directory: Path) -> int:
    """Return the bytes of all files but the spool and the store, which tells its own."""
    total = 0
    for folder, names, files in os.walk(directory):
        if Path(folder) == directory:
            names[:] = [name for name in names if name != "spool"]
            files = [name for name in files if not name.startswith("obs.db") or "malformed" in name]
        for name in files:
            try:
                total += (Path(folder) / name).lstat().st_size
            except OSError:
                continue
    return total

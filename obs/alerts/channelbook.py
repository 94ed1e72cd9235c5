"""What is known of each channel: what it carried, since when it fails, how long it wants to be left alone."""

from __future__ import annotations

import sqlite3
from typing import NamedTuple

__all__ = ["ChannelBook", "Standing"]

_SCHEMA = """
CREATE TABLE IF NOT EXISTS channels (
    name TEXT PRIMARY KEY, sent INTEGER NOT NULL DEFAULT 0, failed INTEGER NOT NULL DEFAULT 0,
    unknown INTEGER NOT NULL DEFAULT 0, failing_ns INTEGER NOT NULL DEFAULT 0,
    works_ns INTEGER NOT NULL DEFAULT 0,
    why TEXT NOT NULL DEFAULT '', blocked_ns INTEGER NOT NULL DEFAULT 0) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS marks (name TEXT PRIMARY KEY, at_ns INTEGER NOT NULL) WITHOUT ROWID;
"""


class Standing(NamedTuple):
    """Of one channel."""

    sent: int = 0
    failed: int = 0
    unknown: int = 0
    failing: int = 0
    """Unix ns since when it takes nothing; 0 while it works."""
    works: int = 0
    """Unix ns at which it last worked again."""
    why: str = ""
    blocked: int = 0
    """Unix ns until which it asks to be left alone."""


class ChannelBook:
    """The tables, within the connection of the desk."""

    def __init__(self, database: sqlite3.Connection) -> None:
        """Make the tables if there are none.

        Args:
            database: The desk's.
        """
        self._database = database
        database.executescript(_SCHEMA)

    def all(self) -> dict[str, Standing]:
        """Return all channels that were ever used."""
        rows = self._database.execute(
            "SELECT name, sent, failed, unknown, failing_ns, works_ns, why, blocked_ns FROM channels"
        )
        return {row[0]: Standing(*row[1:]) for row in rows}

    def of(self, name: str) -> Standing:
        """Return one channel."""
        return self.all().get(name, Standing())

    def settled(self, name: str, state: str, now: int, why: str) -> None:
        """Count how a message ended: `sent`, `failed` or `unknown`."""
        self._make(name)
        if state == "sent":
            self._database.execute(
                "UPDATE channels SET sent = sent + 1, works_ns = iif(failing_ns, ?, works_ns), "
                "failing_ns = 0, why = '', blocked_ns = 0 WHERE name = ?",
                (now, name),
            )
            return
        counted = "failed" if state == "failed" else "unknown"
        self._database.execute(
            f"UPDATE channels SET {counted} = {counted} + 1, "
            "failing_ns = iif(failing_ns, failing_ns, ?), why = ? WHERE name = ?",
            (now, why, name),
        )

    def fails(self, name: str, now: int, why: str) -> None:
        """Write down that a channel takes nothing, though its message is not given up."""
        self._make(name)
        self._database.execute(
            "UPDATE channels SET failing_ns = iif(failing_ns, failing_ns, ?), why = ? WHERE name = ?",
            (now, why, name),
        )

    def mended(self, name: str, now: int) -> None:
        """Write down that a channel that failed works: a person has tried it."""
        self._database.execute(
            "UPDATE channels SET works_ns = ?, failing_ns = 0, why = '', blocked_ns = 0 "
            "WHERE name = ? AND failing_ns",
            (now, name),
        )

    def block(self, name: str, until: int) -> None:
        """Leave a channel alone until Unix ns."""
        self._make(name)
        self._database.execute("UPDATE channels SET blocked_ns = ? WHERE name = ?", (until, name))

    def marked(self, name: str) -> int:
        """Return the Unix ns at which something was last done; 0 for never."""
        row = self._database.execute("SELECT at_ns FROM marks WHERE name = ?", (name,)).fetchone()
        return int(row[0]) if row is not None else 0

    def mark(self, name: str, now: int) -> None:
        """Write down that something was done."""
        self._database.execute("INSERT OR REPLACE INTO marks VALUES (?, ?)", (name, now))

    def _make(self, name: str) -> None:
        self._database.execute("INSERT OR IGNORE INTO channels (name) VALUES (?)", (name,))

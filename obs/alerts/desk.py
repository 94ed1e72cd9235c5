"""`alerts.db`: what was told, what waits to be told, and what became of each message; survives a kill.

A message and the memory that it was made are one transaction; that it is being sent is on the disk before it
is sent. So after a kill nothing is told twice in silence and nothing is lost: what was being sent is
told as not known.
"""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

import msgspec

from obs.alerts import FILE
from obs.alerts.channelbook import ChannelBook
from obs.alerts.news import Memory
from obs.alerts.plan import HOUR_NS
from obs.alerts.silencebook import SilenceBook
from obs.alerts.wording import Note
from obs.snapshot import IssueSeverity

__all__ = ["Delivery", "Desk", "DeskError", "Waiting"]

VERSION = 3
FAR_NS = 2 * HOUR_NS
"""Nothing is put off for longer: what is due later was written by a clock that has gone back since."""
_SCHEMA = """
CREATE TABLE IF NOT EXISTS told (
    channel TEXT, issue TEXT, severity INTEGER NOT NULL, told_ns INTEGER NOT NULL, state TEXT NOT NULL,
    returns INTEGER NOT NULL, money TEXT NOT NULL, PRIMARY KEY (channel, issue)) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS waiting (
    channel TEXT, issue TEXT, route TEXT NOT NULL, note BLOB NOT NULL, since_ns INTEGER NOT NULL,
    ready_ns INTEGER NOT NULL, PRIMARY KEY (channel, issue)) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS messages (
    id INTEGER PRIMARY KEY AUTOINCREMENT, routes TEXT NOT NULL, severity INTEGER NOT NULL,
    title TEXT NOT NULL, body TEXT NOT NULL, notes BLOB NOT NULL, made_ns INTEGER NOT NULL);
CREATE TABLE IF NOT EXISTS deliveries (
    message INTEGER REFERENCES messages ON DELETE CASCADE, channel TEXT, state TEXT NOT NULL,
    tries INTEGER NOT NULL DEFAULT 0, due_ns INTEGER NOT NULL, changed_ns INTEGER NOT NULL,
    why TEXT NOT NULL DEFAULT '', is_repeat INTEGER NOT NULL DEFAULT 0, instead_of TEXT NOT NULL DEFAULT '',
    is_perhaps INTEGER NOT NULL DEFAULT 0, PRIMARY KEY (message, channel)) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS by_state ON deliveries (state, due_ns);
"""


class DeskError(ValueError):
    """The file cannot be used; the message names it and the mend."""


class Waiting(NamedTuple):
    """A note that waits to be told by a channel."""

    note: Note
    route: str
    """The one that leads there."""
    since: int
    ready: int
    """Unix ns before which it is not told."""


class Delivery(NamedTuple):
    """One message on its way by one channel."""

    message: int
    channel: str
    state: str
    """`queued`, `sending`, `sent`, `failed` or `unknown`."""
    tries: int
    due: int
    changed: int
    why: str
    is_repeat: bool
    instead_of: str
    is_perhaps: bool
    routes: str
    """Names of the routes behind it, as JSON."""
    severity: int
    title: str
    body: str
    notes: bytes
    """What it tells, as JSON; empty for one that is only text."""


_DELIVERY = (
    "SELECT message, channel, state, tries, due_ns, changed_ns, why, is_repeat, instead_of, is_perhaps, "
    "routes, severity, title, body, notes FROM deliveries JOIN messages ON messages.id = message "
)


class Desk:
    """The file, opened by one thread."""

    def __init__(self, directory: Path) -> None:
        """Open it, or make it.

        Args:
            directory: The sidecar's folder.

        Raises:
            DeskError: If it cannot be opened or made.
        """
        self.path = directory / FILE
        self._told: dict[str, dict[str, Memory]] = {}
        """What was read of the table `told`, which nobody else writes."""
        try:
            directory.mkdir(parents=True, exist_ok=True, mode=0o700)
            os.close(os.open(self.path, os.O_CREAT | os.O_RDWR, 0o600))
            self.database = sqlite3.connect(self.path, isolation_level=None, timeout=10)
            for pragma in ("journal_mode = WAL", "synchronous = FULL", "foreign_keys = ON"):
                self.database.execute(f"PRAGMA {pragma}")
            self._prepare()
            self.channels, self.silences = ChannelBook(self.database), SilenceBook(self.database)
        except (OSError, sqlite3.Error) as error:
            raise DeskError(
                f"{self.path}: cannot be used ({error}): look at rights and space, or move a broken file away"
            ) from None

    def _prepare(self) -> None:
        (version,) = self.database.execute("PRAGMA user_version").fetchone()
        if version > VERSION:
            raise DeskError(f"{self.path}: was written by a newer obs: upgrade this one, or move it away")
        if version < VERSION:
            # Before the first release the file knew routes in place of channels: nothing of it is used.
            for table in ("deliveries", "messages", "waiting", "told"):
                self.database.execute(f"DROP TABLE IF EXISTS {table}")
        self.database.executescript(_SCHEMA)
        self.database.execute(f"PRAGMA user_version = {VERSION}")

    def close(self) -> None:
        """Close the file."""
        self.database.close()

    @contextmanager
    def at_once(self) -> Iterator[None]:
        """Do all that is in the block, or nothing of it."""
        self.database.execute("BEGIN IMMEDIATE")
        try:
            yield
        except BaseException:
            self.database.execute("ROLLBACK")
            self._told.clear()
            raise
        self.database.execute("COMMIT")

    def memories(self, channel: str) -> dict[str, Memory]:
        """Return what a channel was told, by issue; not to be changed."""
        if channel in self._told:
            return self._told[channel]
        rows = self.database.execute(
            "SELECT issue, severity, told_ns, state, returns, money FROM told WHERE channel = ?", (channel,)
        )
        self._told[channel] = {row[0]: Memory(*row[1:]) for row in rows}
        return self._told[channel]

    def remember(self, channel: str, issue: str, memory: Memory) -> None:
        """Write down what a channel is told of an issue."""
        self.database.execute(
            "INSERT OR REPLACE INTO told VALUES (?, ?, ?, ?, ?, ?, ?)", (channel, issue, *memory)
        )
        if channel in self._told:
            self._told[channel][issue] = memory

    def forget(self, before: int) -> None:
        """Drop what is settled and older than Unix ns: messages, silences, and what was told."""
        self._told.clear()
        with self.at_once():
            self.database.execute(
                "DELETE FROM messages WHERE made_ns < ? AND NOT EXISTS (SELECT 1 FROM deliveries "
                "WHERE message = messages.id AND state IN ('queued', 'sending'))",
                (before,),
            )
            self.database.execute("DELETE FROM told WHERE told_ns < ?", (before,))
            self.silences.forget(before)

    def wait(self, channel: str, note: Note, route: str, now: int, ready: int) -> None:
        """Let a note wait to be told; with one of the same issue that waits already it becomes one.

        Args:
            channel: By which it is told.
            note: What.
            route: The one that leads there.
            now: Unix ns.
            ready: Unix ns before which it is not told.
        """
        row = self.database.execute(
            "SELECT note, ready_ns FROM waiting WHERE channel = ? AND issue = ?", (channel, note.issue)
        ).fetchone()
        if row is not None:
            before = msgspec.json.decode(row[0], type=Note).kind
            if note.kind == "over" and before in ("new", "again"):
                note, ready = msgspec.structs.replace(note, kind="brief"), row[1]
            elif note.kind in ("worse", "still"):
                note, ready = msgspec.structs.replace(note, kind=before), row[1]
        self.database.execute(
            "INSERT INTO waiting VALUES (?, ?, ?, ?, ?, ?) ON CONFLICT DO UPDATE SET note = excluded.note, "
            "ready_ns = excluded.ready_ns",
            (channel, note.issue, route, msgspec.json.encode(note), now, ready),
        )

    def take_back(self, channel: str, note: Note) -> None:
        """Take an end back that waits to be told; what began before it was told has begun still.

        Args:
            channel: By which it would be told.
            note: How the issue stands.
        """
        row = self.database.execute(
            "SELECT note FROM waiting WHERE channel = ? AND issue = ?", (channel, note.issue)
        ).fetchone()
        if row is None:
            return
        if msgspec.json.decode(row[0], type=Note).kind == "brief":
            self.database.execute(
                "UPDATE waiting SET note = ? WHERE channel = ? AND issue = ?",
                (msgspec.json.encode(note), channel, note.issue),
            )
            return
        self.database.execute("DELETE FROM waiting WHERE channel = ? AND issue = ?", (channel, note.issue))

    def waiting(self, channel: str) -> list[Waiting]:
        """Return the notes that wait for a channel, oldest first."""
        rows = self.database.execute(
            "SELECT note, route, since_ns, ready_ns FROM waiting WHERE channel = ? ORDER BY since_ns, issue",
            (channel,),
        )
        return [Waiting(msgspec.json.decode(row[0], type=Note), *row[1:]) for row in rows]

    def newest_sent(self) -> dict[str, int]:
        """Return when each channel took its newest message that is remembered, Unix ns."""
        rows = self.database.execute(
            "SELECT channel, MAX(changed_ns) FROM deliveries WHERE state = 'sent' GROUP BY channel"
        )
        return {row[0]: row[1] for row in rows}

    def waiting_channels(self) -> list[str]:
        """Return the channels for which notes wait."""
        return [row[0] for row in self.database.execute("SELECT DISTINCT channel FROM waiting ORDER BY 1")]

    def waiting_counts(self) -> dict[str, int]:
        """Return how many notes wait for each channel."""
        return dict(
            self.database.execute("SELECT channel, count(*) FROM waiting GROUP BY channel").fetchall()
        )

    def hand_over(self, channel: str, issue: str, other: str) -> bool:
        """Let another channel tell what waits; False when that one tells of the issue already."""
        moved = self.database.execute(
            "UPDATE OR IGNORE waiting SET channel = ? WHERE channel = ? AND issue = ?",
            (other, channel, issue),
        )
        self.database.execute("DELETE FROM waiting WHERE channel = ? AND issue = ?", (channel, issue))
        return moved.rowcount > 0

    def make(
        self,
        channel: str,
        waiting: Sequence[Waiting],
        severity: IssueSeverity,
        title: str,
        now: int,
    ) -> None:
        """Make a message for a channel of notes that waited."""
        routes = list(dict.fromkeys(each.route for each in waiting))
        notes = msgspec.json.encode([each.note for each in waiting])
        with self.at_once():
            self._insert(channel, (routes, severity.rank, title, "", notes), now)
            self.database.executemany(
                "DELETE FROM waiting WHERE channel = ? AND issue = ?",
                [(channel, each.note.issue) for each in waiting],
            )

    def say(self, channel: str, title: str, body: str, now: int) -> None:
        """Make a message for a channel that is only text."""
        self._insert(channel, ([], 0, title, body, b""), now)

    def _insert(self, channel: str, message: tuple[list[str], int, str, str, bytes], now: int) -> None:
        routes, *rest = message
        number = self.database.execute(
            "INSERT INTO messages (routes, severity, title, body, notes, made_ns) VALUES (?, ?, ?, ?, ?, ?)",
            (msgspec.json.encode(routes).decode(), *rest, now),
        ).lastrowid
        self._queue(int(number or 0), channel, now)

    def due(self, now: int) -> list[Delivery]:
        """Return what is to be sent now, the gravest first."""
        rows = self.database.execute(
            _DELIVERY + "WHERE state = 'queued' AND (due_ns <= ? OR due_ns > ?) "
            "ORDER BY severity DESC, message, channel",
            (now, now + FAR_NS),
        )
        return [Delivery(*row) for row in rows]

    def interrupted(self) -> list[Delivery]:
        """Return what is being sent, or was when its sender ended."""
        rows = self.database.execute(_DELIVERY + "WHERE state = 'sending' ORDER BY message, channel")
        return [Delivery(*row) for row in rows]

    def latest(self, count: int) -> list[Delivery]:
        """Return the newest deliveries, the newest first."""
        rows = self.database.execute(_DELIVERY + "ORDER BY message DESC, channel LIMIT ?", (count,))
        return [Delivery(*row) for row in rows]

    def under_way(self) -> dict[str, int]:
        """Return how many messages of each channel are not settled."""
        return dict(
            self.database.execute(
                "SELECT channel, count(*) FROM deliveries WHERE state IN ('queued', 'sending') "
                "GROUP BY channel"
            ).fetchall()
        )

    def sends(self, delivery: Delivery, now: int) -> None:
        """Write down that it is being sent."""
        self.database.execute(
            "UPDATE deliveries SET state = 'sending', tries = tries + 1, changed_ns = ? "
            "WHERE message = ? AND channel = ?",
            (now, delivery.message, delivery.channel),
        )

    def put_off(self, delivery: Delivery, due: int, now: int, why: str, *, repeat: bool = False) -> None:
        """Let it be sent later."""
        self.database.execute(
            "UPDATE deliveries SET state = 'queued', due_ns = ?, changed_ns = ?, why = ?, is_repeat = ? "
            "WHERE message = ? AND channel = ?",
            (due, now, why, delivery.is_repeat or repeat, delivery.message, delivery.channel),
        )

    def settle(
        self, delivery: Delivery, state: str, now: int, why: str, instead: Sequence[str] = ()
    ) -> list[str]:
        """Write down how it ended, and let further channels carry it; return those that did not yet.

        Args:
            delivery: Which.
            state: `sent`, `failed` or `unknown`.
            now: Unix ns.
            why: In our words.
            instead: Channels that shall carry it.
        """
        with self.at_once():
            self.database.execute(
                "UPDATE deliveries SET state = ?, changed_ns = ?, why = ? WHERE message = ? AND channel = ?",
                (state, now, why, delivery.message, delivery.channel),
            )
            self.channels.settled(delivery.channel, state, now, why)
            return [
                channel
                for channel in instead
                if self._queue(
                    delivery.message, channel, now, instead_of=delivery.channel, perhaps=state == "unknown"
                )
            ]

    def sent_at(self, channel: str) -> list[int]:
        """Return when a channel carried its newest messages, or may have, oldest first."""
        rows = self.database.execute(
            "SELECT changed_ns FROM deliveries WHERE channel = ? AND state IN ('sent', 'unknown', 'sending') "
            "ORDER BY message DESC LIMIT 1000",
            (channel,),
        )
        return sorted(row[0] for row in rows)

    def _queue(
        self, message: int, channel: str, now: int, *, instead_of: str = "", perhaps: bool = False
    ) -> bool:
        made = self.database.execute(
            "INSERT OR IGNORE INTO deliveries (message, channel, state, due_ns, changed_ns, instead_of, "
            "is_perhaps) VALUES (?, ?, 'queued', ?, ?, ?, ?)",
            (message, channel, now, now, instead_of, perhaps),
        )
        return made.rowcount > 0

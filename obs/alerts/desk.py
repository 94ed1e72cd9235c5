"""`alerts.db`: what was told, what waits to be told, and what became of each message; survives a kill.

A message and the memory that it was made are one transaction; that it is being sent is on the disk before it
is sent. So after a kill nothing is told twice in silence and nothing is lost: what was being sent is
told as not known.
"""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

import msgspec

from obs.alerts.plan import Silence
from obs.alerts.wording import Note
from obs.snapshot import IssueSeverity

__all__ = ["FILE", "Delivery", "Desk", "DeskError", "Memory"]

FILE = "alerts.db"
_SCHEMA = """
CREATE TABLE IF NOT EXISTS told (
    route TEXT, issue TEXT, severity INTEGER NOT NULL, told_ns INTEGER NOT NULL, is_open INTEGER NOT NULL,
    PRIMARY KEY (route, issue)) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS waiting (
    route TEXT, issue TEXT, note BLOB NOT NULL, since_ns INTEGER NOT NULL,
    PRIMARY KEY (route, issue)) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS messages (
    id INTEGER PRIMARY KEY AUTOINCREMENT, route TEXT NOT NULL, severity INTEGER NOT NULL, title TEXT NOT NULL,
    body TEXT NOT NULL, made_ns INTEGER NOT NULL);
CREATE TABLE IF NOT EXISTS deliveries (
    message INTEGER REFERENCES messages ON DELETE CASCADE, channel TEXT, state TEXT NOT NULL,
    tries INTEGER NOT NULL DEFAULT 0, due_ns INTEGER NOT NULL, changed_ns INTEGER NOT NULL,
    why TEXT NOT NULL DEFAULT '', is_repeat INTEGER NOT NULL DEFAULT 0, instead_of TEXT NOT NULL DEFAULT '',
    is_perhaps INTEGER NOT NULL DEFAULT 0, PRIMARY KEY (message, channel)) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS by_state ON deliveries (state, due_ns);
CREATE TABLE IF NOT EXISTS silences (
    id INTEGER PRIMARY KEY AUTOINCREMENT, bot TEXT NOT NULL, component TEXT NOT NULL, severity TEXT NOT NULL,
    until_ns INTEGER NOT NULL, who TEXT NOT NULL, why TEXT NOT NULL);
"""


class DeskError(ValueError):
    """The file cannot be used; the message names it and the mend."""


class Memory(NamedTuple):
    """What a route was last told of an issue."""

    severity: int
    """Rank."""
    told: int
    is_open: bool


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
    route: str
    severity: int
    title: str
    body: str


_DELIVERY = (
    "SELECT message, channel, state, tries, due_ns, changed_ns, why, is_repeat, instead_of, is_perhaps, "
    "route, severity, title, body FROM deliveries JOIN messages ON messages.id = message "
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
        try:
            directory.mkdir(parents=True, exist_ok=True, mode=0o700)
            os.close(os.open(self.path, os.O_CREAT | os.O_RDWR, 0o600))
            self._database = sqlite3.connect(self.path, isolation_level=None, timeout=10)
            for pragma in ("journal_mode = WAL", "synchronous = FULL", "foreign_keys = ON"):
                self._database.execute(f"PRAGMA {pragma}")
            self._database.executescript(_SCHEMA)
        except (OSError, sqlite3.Error) as error:
            raise DeskError(
                f"{self.path}: cannot be used ({error}): look at rights and space, or move a broken file away"
            ) from None

    def close(self) -> None:
        """Close the file."""
        self._database.close()

    @contextmanager
    def at_once(self) -> Iterator[None]:
        """Do all that is in the block, or nothing of it."""
        self._database.execute("BEGIN IMMEDIATE")
        try:
            yield
        except BaseException:
            self._database.execute("ROLLBACK")
            raise
        self._database.execute("COMMIT")

    def memories(self, route: str) -> dict[str, Memory]:
        """Return what a route was told, by issue."""
        rows = self._database.execute(
            "SELECT issue, severity, told_ns, is_open FROM told WHERE route = ?", (route,)
        )
        return {row[0]: Memory(row[1], row[2], bool(row[3])) for row in rows}

    def remember(self, route: str, issue: str, memory: Memory) -> None:
        """Write down what a route is told of an issue."""
        self._database.execute("INSERT OR REPLACE INTO told VALUES (?, ?, ?, ?, ?)", (route, issue, *memory))

    def forget(self, before: int) -> None:
        """Drop what is settled and older than Unix ns: messages, silences, and ends that were told."""
        with self.at_once():
            self._database.execute(
                "DELETE FROM messages WHERE made_ns < ? AND NOT EXISTS (SELECT 1 FROM deliveries "
                "WHERE message = messages.id AND state IN ('queued', 'sending'))",
                (before,),
            )
            self._database.execute("DELETE FROM told WHERE told_ns < ? AND NOT is_open", (before,))
            self._database.execute("DELETE FROM silences WHERE until_ns < ?", (before,))

    def wait(self, route: str, note: Note, now: int) -> None:
        """Let a note wait to be told; with one of the same issue that waits already it becomes one."""
        row = self._database.execute(
            "SELECT note FROM waiting WHERE route = ? AND issue = ?", (route, note.issue)
        ).fetchone()
        if row is not None:
            waiting = msgspec.json.decode(row[0], type=Note)
            if note.kind == "over" and waiting.kind != "over":
                note = msgspec.structs.replace(note, kind="brief")
            elif note.kind == "worse" and waiting.kind in ("new", "again"):
                note = msgspec.structs.replace(note, kind=waiting.kind)
        self._database.execute(
            "INSERT INTO waiting VALUES (?, ?, ?, ?) ON CONFLICT DO UPDATE SET note = excluded.note",
            (route, note.issue, msgspec.json.encode(note), now),
        )

    def waiting(self, route: str) -> list[tuple[Note, int]]:
        """Return the notes that wait for a route with the time since when, oldest first."""
        rows = self._database.execute(
            "SELECT note, since_ns FROM waiting WHERE route = ? ORDER BY since_ns, issue", (route,)
        )
        return [(msgspec.json.decode(row[0], type=Note), row[1]) for row in rows]

    def make(
        self,
        route: str,
        notes: Sequence[Note],
        severity: IssueSeverity,
        told: tuple[str, str],
        channels: Iterable[str],
        now: int,
    ) -> None:
        """Make a message of notes that waited, to be sent by each of the channels."""
        with self.at_once():
            number = self._database.execute(
                "INSERT INTO messages (route, severity, title, body, made_ns) VALUES (?, ?, ?, ?, ?)",
                (route, severity.rank, *told, now),
            ).lastrowid
            for channel in channels:
                self._queue(int(number or 0), channel, now)
            self._database.executemany(
                "DELETE FROM waiting WHERE route = ? AND issue = ?", [(route, note.issue) for note in notes]
            )

    def due(self, now: int) -> list[Delivery]:
        """Return what is to be sent now, the gravest first."""
        rows = self._database.execute(
            _DELIVERY + "WHERE state = 'queued' AND due_ns <= ? ORDER BY severity DESC, message, channel",
            (now,),
        )
        return [_delivery(row) for row in rows]

    def interrupted(self) -> list[Delivery]:
        """Return what was being sent when its sender ended."""
        rows = self._database.execute(_DELIVERY + "WHERE state = 'sending' ORDER BY message, channel")
        return [_delivery(row) for row in rows]

    def latest(self, count: int) -> list[Delivery]:
        """Return the newest deliveries, the newest first."""
        rows = self._database.execute(_DELIVERY + "ORDER BY message DESC, channel LIMIT ?", (count,))
        return [_delivery(row) for row in rows]

    def sends(self, delivery: Delivery, now: int) -> None:
        """Write down that it is being sent."""
        self._database.execute(
            "UPDATE deliveries SET state = 'sending', tries = tries + 1, changed_ns = ? "
            "WHERE message = ? AND channel = ?",
            (now, delivery.message, delivery.channel),
        )

    def put_off(self, delivery: Delivery, due: int, now: int, why: str, *, repeat: bool = False) -> None:
        """Let it be sent later."""
        self._database.execute(
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
            self._database.execute(
                "UPDATE deliveries SET state = ?, changed_ns = ?, why = ? WHERE message = ? AND channel = ?",
                (state, now, why, delivery.message, delivery.channel),
            )
            return [
                channel
                for channel in instead
                if self._queue(
                    delivery.message, channel, now, instead_of=delivery.channel, perhaps=state == "unknown"
                )
            ]

    def sent_at(self, channel: str, since: int) -> list[int]:
        """Return when a channel carried messages, or may have, oldest first."""
        rows = self._database.execute(
            "SELECT changed_ns FROM deliveries WHERE channel = ? AND changed_ns > ? "
            "AND state IN ('sent', 'unknown', 'sending') ORDER BY changed_ns",
            (channel, since),
        )
        return [row[0] for row in rows]

    def silence(self, wanted: Silence) -> int:
        """Write a silence down; return its number."""
        made = self._database.execute(
            "INSERT INTO silences (bot, component, severity, until_ns, who, why) VALUES (?, ?, ?, ?, ?, ?)",
            (wanted.bot, wanted.component, str(wanted.severity), wanted.until, wanted.by, wanted.why),
        )
        return int(made.lastrowid or 0)

    def silences(self, now: int) -> list[Silence]:
        """Return the silences in force."""
        rows = self._database.execute("SELECT * FROM silences WHERE until_ns > ? ORDER BY until_ns", (now,))
        return [Silence(row[0], row[1], row[2], IssueSeverity(row[3]), *row[4:]) for row in rows]

    def end_silence(self, number: int) -> bool:
        """End a silence; False when there is none of that number."""
        return self._database.execute("DELETE FROM silences WHERE id = ?", (number,)).rowcount > 0

    def _queue(
        self, message: int, channel: str, now: int, *, instead_of: str = "", perhaps: bool = False
    ) -> bool:
        made = self._database.execute(
            "INSERT OR IGNORE INTO deliveries (message, channel, state, due_ns, changed_ns, instead_of, "
            "is_perhaps) VALUES (?, ?, 'queued', ?, ?, ?, ?)",
            (message, channel, now, now, instead_of, perhaps),
        )
        return made.rowcount > 0


def _delivery(row: Sequence[object]) -> Delivery:
    return Delivery(*row)  # type: ignore[arg-type]

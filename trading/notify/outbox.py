"""The outbox: every message, its pages and what became of them, in an SQLite file that survives a kill.

A page is written down as `sending` before it is handed over and as `sent` after the answer. Whoever has the
turn (a lock on a file beside it) is the only one who sends; a page found in `sending` then belongs to nobody
alive, and it is not known whether it arrived.
"""

from __future__ import annotations

import json
import os
import sqlite3
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any, NamedTuple

from trading.errors import TradingError
from trading.notify.message import Message, State
from trading.write_ahead import keep_write_ahead

if sys.platform == "win32":
    import msvcrt
else:
    import fcntl

__all__ = ["FILE", "Entry", "Outbox", "OutboxError", "PageRow"]

FILE = "notifications.db"

_SCHEMA = """
CREATE TABLE IF NOT EXISTS messages (
    id INTEGER PRIMARY KEY, key TEXT NOT NULL, kind TEXT NOT NULL, severity TEXT NOT NULL,
    message TEXT NOT NULL, channels TEXT NOT NULL, made_ns INTEGER NOT NULL, state TEXT NOT NULL,
    reason TEXT NOT NULL DEFAULT '', due_ns INTEGER NOT NULL, channel TEXT NOT NULL DEFAULT '',
    error_type TEXT NOT NULL DEFAULT '', detail TEXT NOT NULL DEFAULT '', folded_into INTEGER,
    ended_ns INTEGER
);
CREATE UNIQUE INDEX IF NOT EXISTS one_of_a_key ON messages (key) WHERE state != 'failed';
CREATE INDEX IF NOT EXISTS by_state ON messages (state, due_ns);
CREATE TABLE IF NOT EXISTS pages (
    message_id INTEGER NOT NULL REFERENCES messages (id) ON DELETE CASCADE, channel TEXT NOT NULL,
    recipient INTEGER NOT NULL, number INTEGER NOT NULL, text TEXT NOT NULL, state TEXT NOT NULL,
    tries INTEGER NOT NULL DEFAULT 0, changed_ns INTEGER NOT NULL,
    PRIMARY KEY (message_id, channel, recipient, number)
);
CREATE INDEX IF NOT EXISTS by_channel ON pages (channel, state, changed_ns);
"""


class OutboxError(TradingError):
    """The outbox cannot be used; the message names the file and the mend."""


class Entry(NamedTuple):
    """One message of the outbox."""

    id: int
    message: Message
    channels: tuple[str, ...]
    """In the order in which they are tried."""
    made_ns: int
    state: State
    reason: str
    due_ns: int
    channel: str
    error_type: str
    detail: str


class PageRow(NamedTuple):
    """One page to one recipient."""

    recipient: int
    number: int
    text: str
    state: str
    tries: int


_COLUMNS = "id, message, channels, made_ns, state, reason, due_ns, channel, error_type, detail"


class Outbox:
    """The file, opened."""

    def __init__(self, folder: Path, *, patience_s: float = 60.0) -> None:
        self.path = folder / FILE
        self._patience_s = patience_s
        try:
            folder.mkdir(parents=True, exist_ok=True)
            # What stands here is the operator's alone: positions, amounts.
            os.close(os.open(self.path, os.O_CREAT | os.O_RDWR, 0o600))
            self._database = sqlite3.connect(self.path, isolation_level=None, timeout=patience_s)
            keep_write_ahead(self._database, patience_s)
            self._database.execute("PRAGMA synchronous = FULL")
            self._database.execute("PRAGMA foreign_keys = ON")
            self._database.executescript(_SCHEMA)
        except (OSError, sqlite3.Error) as error:
            raise OutboxError(
                f"{self.path}: no outbox ({error}). Check rights and space; a broken file can be moved away, "
                "and what waited in it is lost."
            ) from error

    def close(self) -> None:
        """Close the file."""
        self._database.close()

    @contextmanager
    def turn(self) -> Iterator[None]:
        """Be the only one who sends, until the end of the block.

        Raises:
            OutboxError: If another process has the turn for longer than the patience.
        """
        with (self.path.with_suffix(".lock")).open("a") as lock:
            end = time.monotonic() + self._patience_s
            while True:
                try:
                    _lock(lock)
                    break
                except OSError:
                    if time.monotonic() > end:
                        raise OutboxError(
                            f"{self.path}: another process is sending since {self._patience_s:g} s. "
                            "Wait for it, or end it."
                        ) from None
                    time.sleep(0.05)
            try:
                yield
            except sqlite3.Error as error:
                raise OutboxError(
                    f"{self.path}: the outbox cannot be written ({error}). Check rights and space."
                ) from error

    def add(self, message: Message, channels: Sequence[str], now_ns: int) -> int:
        """Write down a message to be sent now; return its id."""
        row = self._database.execute(
            "INSERT INTO messages (key, kind, severity, message, channels, made_ns, state, due_ns) "
            "VALUES (?, ?, ?, ?, ?, ?, 'queued', ?) RETURNING id",
            (
                message.key,
                message.kind,
                message.severity,
                _packed(message),
                json.dumps(list(channels)),
                now_ns,
                now_ns,
            ),
        ).fetchone()
        return int(row[0])

    def fold(self, members: Sequence[int], digest: Message, channels: Sequence[str], now_ns: int) -> int:
        """Write down a digest, and its members as folded into it, in one step; return its id."""
        self._database.execute("BEGIN IMMEDIATE")
        try:
            into = self.add(digest, channels, now_ns)
            self._database.executemany(
                "UPDATE messages SET state = 'folded', reason = '', folded_into = ? WHERE id = ?",
                [(into, member) for member in members],
            )
        except BaseException:
            self._database.execute("ROLLBACK")
            raise
        self._database.execute("COMMIT")
        return into

    def named(self, key: str) -> Entry | None:
        """Return the message of that key that has not failed; of a folded one its digest's state is told."""
        row = self._database.execute(
            f"SELECT {_COLUMNS}, folded_into FROM messages WHERE key = ? ORDER BY state = 'failed', id DESC",
            (key,),
        ).fetchone()
        if row is None:
            return None
        entry = _entry(row[:-1])
        if row[-1] is not None and (digest := self.entry(int(row[-1]))).state != "sent":
            return entry._replace(state=digest.state, reason=digest.reason, due_ns=digest.due_ns)
        return entry

    def entry(self, number: int) -> Entry:
        """Return the message with that id."""
        return _entry(
            self._database.execute(f"SELECT {_COLUMNS} FROM messages WHERE id = ?", (number,)).fetchone()
        )

    def entries(self, *states: State, due_ns: int | None = None) -> list[Entry]:
        """Return the messages in these states, oldest first; those due by then, if a time is given."""
        marks = ", ".join("?" for _ in states)
        rows = self._database.execute(
            f"SELECT {_COLUMNS} FROM messages WHERE state IN ({marks}) AND due_ns <= ? ORDER BY id",
            (*states, 2**63 - 1 if due_ns is None else due_ns),
        )
        return [_entry(row) for row in rows]

    def latest(self, count: int) -> list[Entry]:
        """Return the newest messages, newest first."""
        rows = self._database.execute(f"SELECT {_COLUMNS} FROM messages ORDER BY id DESC LIMIT ?", (count,))
        return [_entry(row) for row in rows]

    def settle(
        self,
        number: int,
        state: State,
        now_ns: int,
        *,
        reason: str = "",
        due_ns: int | None = None,
        channel: str = "",
        error_type: str = "",
        detail: str = "",
    ) -> None:
        """Write down what became of a message."""
        self._database.execute(
            "UPDATE messages SET state = ?, reason = ?, due_ns = coalesce(?, due_ns), channel = ?, "
            "error_type = ?, detail = ?, ended_ns = ? WHERE id = ?",
            (state, reason, due_ns, channel, error_type, detail, now_ns, number),
        )

    def lay_out(self, number: int, channel: str, recipients: int, texts: Sequence[str], now_ns: int) -> None:
        """Write down the pages of a message for a channel; those that stand already stay as they are."""
        self._database.execute("BEGIN IMMEDIATE")
        self._database.executemany(
            "INSERT OR IGNORE INTO pages (message_id, channel, recipient, number, text, state, changed_ns) "
            "VALUES (?, ?, ?, ?, ?, 'queued', ?)",
            [
                (number, channel, recipient, page, text, now_ns)
                for recipient in range(recipients)
                for page, text in enumerate(texts, 1)
            ],
        )
        self._database.execute("COMMIT")

    def pages(self, number: int, channel: str) -> list[PageRow]:
        """Return a message's pages for a channel, recipient after recipient."""
        rows = self._database.execute(
            "SELECT recipient, number, text, state, tries FROM pages WHERE message_id = ? AND channel = ? "
            "ORDER BY recipient, number",
            (number, channel),
        )
        return [PageRow(*row) for row in rows]

    def mark(self, number: int, channel: str, page: PageRow, state: State, now_ns: int) -> None:
        """Write down what becomes of a page; `sending` counts as a try."""
        self._database.execute(
            "UPDATE pages SET state = ?, tries = tries + ?, changed_ns = ? "
            "WHERE message_id = ? AND channel = ? AND recipient = ? AND number = ?",
            (state, state == "sending", now_ns, number, channel, page.recipient, page.number),
        )

    def orphans(self, now_ns: int) -> list[tuple[Entry, str]]:
        """Make unknown what was being sent when its sender ended; return those messages and their channels.

        Only for who has the turn.
        """
        rows = self._database.execute(
            "SELECT DISTINCT message_id, channel FROM pages WHERE state = 'sending'"
        ).fetchall()
        found = [(self.entry(int(number)), str(channel)) for number, channel in rows]
        self._database.execute("BEGIN IMMEDIATE")
        self._database.execute(
            "UPDATE pages SET state = 'unknown', changed_ns = ? WHERE state = 'sending'", (now_ns,)
        )
        for number, channel in rows:
            self._database.execute(
                "UPDATE messages SET state = 'unknown', channel = ?, ended_ns = ? WHERE id = ?",
                (channel, now_ns, number),
            )
        # Taken up, but nothing was handed over yet: it waits as before.
        self._database.execute("UPDATE messages SET state = 'queued' WHERE state = 'sending'")
        self._database.execute("COMMIT")
        return found

    def sent_at(self, channel: str, since_ns: int) -> list[int]:
        """Return when the channel sent pages, or may have, oldest first."""
        rows = self._database.execute(
            "SELECT changed_ns FROM pages WHERE channel = ? AND state IN ('sent', 'unknown', 'sending') "
            "AND changed_ns > ? ORDER BY changed_ns",
            (channel, since_ns),
        )
        return [int(row[0]) for row in rows]

    def release(self, key: str, number: int) -> None:
        """Let the key be used again: what was known under it keeps a name of its own."""
        self._database.execute("UPDATE messages SET key = ? WHERE id = ?", (f"{key}#{number}", number))

    def forget(self, before_ns: int) -> int:
        """Delete settled messages made before then; return how many."""
        return self._database.execute(
            "DELETE FROM messages WHERE made_ns < ? AND state IN ('sent', 'failed', 'unknown', 'folded')",
            (before_ns,),
        ).rowcount


def _lock(file: IO[str]) -> None:
    # Let go by the system when the file is closed, or its process killed.
    if sys.platform == "win32":
        msvcrt.locking(file.fileno(), msvcrt.LK_NBLCK, 1)
    else:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)


def _packed(message: Message) -> str:
    import msgspec

    return msgspec.json.encode(message).decode()


def _entry(row: Sequence[Any]) -> Entry:
    import msgspec

    number, message, channels, *rest = row
    return Entry(number, msgspec.json.decode(message, type=Message), tuple(json.loads(channels)), *rest)

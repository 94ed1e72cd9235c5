"""Silences as `alerts.db` keeps them: our own, those seen in Alertmanager, and what they have archived."""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence
from typing import NamedTuple

import msgspec

from obs.alerts.silences import Silence, own

__all__ = ["Archived", "Own", "SilenceBook"]

_SCHEMA = """
CREATE TABLE IF NOT EXISTS silences (
    id INTEGER PRIMARY KEY AUTOINCREMENT, bot TEXT NOT NULL, component TEXT NOT NULL, severity TEXT NOT NULL,
    until_ns INTEGER NOT NULL, who TEXT NOT NULL, why TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS foreign_silences (
    one INTEGER PRIMARY KEY, told BLOB NOT NULL, seen_ns INTEGER NOT NULL);
CREATE TABLE IF NOT EXISTS archived (
    issue TEXT PRIMARY KEY, silence TEXT NOT NULL, at_ns INTEGER NOT NULL,
    until_ns INTEGER NOT NULL) WITHOUT ROWID;
"""


class Own(NamedTuple):
    """A silence made with `obs alert silence`, as it was asked for."""

    number: int
    bot: str
    """Glob."""
    component: str
    """Glob."""
    severity: str
    """The gravest that is silenced."""
    until: int
    """Unix ns."""
    by: str = ""
    why: str = ""

    def silence(self) -> Silence:
        """Return what it silences."""
        return own(*self)


class Archived(NamedTuple):
    """An issue that a silence has archived."""

    silence: str
    """Its key."""
    at: int
    """Unix ns of the decision."""
    until: int


class SilenceBook:
    """The tables, within the connection of the desk."""

    def __init__(self, database: sqlite3.Connection) -> None:
        """Make the tables if there are none.

        Args:
            database: The desk's.
        """
        self._database = database
        database.executescript(_SCHEMA)

    def add(self, wanted: Own) -> int:
        """Write one of our own down; return its number."""
        made = self._database.execute(
            "INSERT INTO silences (bot, component, severity, until_ns, who, why) VALUES (?, ?, ?, ?, ?, ?)",
            wanted[1:],
        )
        return int(made.lastrowid or 0)

    def own(self, now: int) -> list[Own]:
        """Return our own that are in force."""
        rows = self._database.execute("SELECT * FROM silences WHERE until_ns > ? ORDER BY until_ns", (now,))
        return [Own(*row) for row in rows]

    def end(self, number: int) -> bool:
        """End one of our own; False when there is none of that number."""
        return self._database.execute("DELETE FROM silences WHERE id = ?", (number,)).rowcount > 0

    def see(self, silences: Sequence[Silence], now: int) -> None:
        """Write down which silences Alertmanager has now."""
        self._database.execute(
            "INSERT OR REPLACE INTO foreign_silences VALUES (1, ?, ?)", (msgspec.json.encode(silences), now)
        )

    def foreign(self) -> list[Silence]:
        """Return the silences that Alertmanager had when it last answered."""
        row = self._database.execute("SELECT told FROM foreign_silences").fetchone()
        return msgspec.json.decode(row[0], type=list[Silence]) if row is not None else []

    def archived(self) -> dict[str, Archived]:
        """Return what silences have archived, by issue."""
        rows = self._database.execute("SELECT issue, silence, at_ns, until_ns FROM archived")
        return {row[0]: Archived(*row[1:]) for row in rows}

    def archive(self, issue: str, archived: Archived) -> None:
        """Write down that a silence has archived an issue."""
        self._database.execute("INSERT OR REPLACE INTO archived VALUES (?, ?, ?, ?)", (issue, *archived))

    def release(self, issue: str) -> None:
        """Write down that no silence holds an issue any more."""
        self._database.execute("DELETE FROM archived WHERE issue = ?", (issue,))

    def forget(self, before: int) -> None:
        """Drop what ended before Unix ns."""
        self._database.execute("DELETE FROM silences WHERE until_ns < ?", (before,))
        self._database.execute("DELETE FROM archived WHERE until_ns < ?", (before,))

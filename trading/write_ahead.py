"""Opening an SQLite file beside others that open it."""

from __future__ import annotations

import sqlite3
import time

__all__ = ["keep_write_ahead"]

_PAUSE_SECONDS = 0.02


def keep_write_ahead(connection: sqlite3.Connection, patience_s: float) -> None:
    """Have the journal of a file written ahead of it (WAL): readers and the writer need not wait.

    Of two processes that open a new file at once SQLite refuses one at once, whatever its timeout
    (https://www.sqlite.org/c3ref/busy_handler.html: the busy handler is not asked where a deadlock could be).

    Args:
        connection: Freshly opened.
        patience_s: How long to try.

    Raises:
        sqlite3.Error: If it cannot be done, or another holds the file for longer.
    """
    end = time.monotonic() + patience_s
    while True:
        try:
            connection.execute("PRAGMA journal_mode = WAL").fetchall()
            return
        except sqlite3.OperationalError as error:
            if error.sqlite_errorcode & 0xFF != sqlite3.SQLITE_BUSY or time.monotonic() >= end:
                raise
            time.sleep(_PAUSE_SECONDS)

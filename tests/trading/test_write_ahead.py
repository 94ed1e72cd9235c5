"""Many that open a new file at once."""

from __future__ import annotations

import sqlite3
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from pathlib import Path
from threading import Barrier

import pytest

from trading.write_ahead import keep_write_ahead


def test_whoever_opens_a_new_file_beside_others_gets_it(tmp_path: Path) -> None:
    barrier = Barrier(8)

    def opened(path: Path) -> str:
        barrier.wait(20)
        with closing(sqlite3.connect(path, isolation_level=None, timeout=20)) as connection:
            keep_write_ahead(connection, 20)
            connection.execute("CREATE TABLE IF NOT EXISTS t (a)")
            return str(connection.execute("PRAGMA journal_mode").fetchone()[0])

    with ThreadPoolExecutor(8) as pool:
        for number in range(20):
            modes = list(pool.map(opened, [tmp_path / f"{number}.db"] * 8))
            assert modes == ["wal"] * 8


def test_who_waits_in_vain_is_told(tmp_path: Path) -> None:
    with (
        closing(sqlite3.connect(tmp_path / "a.db", isolation_level=None)) as first,
        closing(sqlite3.connect(tmp_path / "a.db", isolation_level=None, timeout=0)) as second,
    ):
        first.execute("BEGIN EXCLUSIVE")

        with pytest.raises(sqlite3.OperationalError, match="locked"):
            keep_write_ahead(second, 0.1)

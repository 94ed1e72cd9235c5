"""Killed at any moment and run again: one message, one row, one report."""

from __future__ import annotations

import json
import sqlite3
import subprocess
import sys
from datetime import date
from pathlib import Path
from typing import Any

import pytest

from tests.trading.daily.stage import REPO, Stage, phone, recorded

NOW = "2025-01-10T15:40+09:00"
DAY = date(2025, 1, 10)
UNTIMED = frozenset({"made_ns", "started_ns", "finished_ns", "attempts"})
"""Columns that tell when, not what."""


def rows_of(file: Path) -> dict[str, list[dict[str, Any]]]:
    """Return every row of a database but for what tells when."""
    raw = sqlite3.connect(file)
    raw.row_factory = sqlite3.Row
    names = [row[0] for row in raw.execute("SELECT name FROM sqlite_master WHERE type = 'table'")]
    found = {
        name: [
            {key: value for key, value in dict(row).items() if key not in UNTIMED}
            for row in sorted(
                raw.execute(f'SELECT * FROM "{name}"').fetchall(), key=lambda row: str(tuple(row))
            )
        ]
        for name in names
        if name != "run_steps"
    }
    raw.close()
    return found


def files_of(folder: Path) -> list[str]:
    return sorted(str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file())


@pytest.mark.parametrize(
    ("which", "least"),
    [pytest.param("steps", 12, id="each step"), pytest.param("all", 120, id="all", marks=pytest.mark.slow)],
)
@pytest.mark.timeout(1200)
def test_a_run_killed_at_any_moment_and_run_again_leaves_one_message_one_row_and_one_report(
    which: str, least: int, corpus: Path, tmp_path: Path
) -> None:
    with phone() as heard:
        base = Stage(tmp_path / "base")
        base.connect(heard.port, "/base")
        base.put(recorded(corpus))
        for now in ("2025-01-08T15:40+09:00", "2025-01-09T15:40+09:00"):
            assert base.run(now=now).returncode == 0
        done = subprocess.run(
            [sys.executable, "-m", "tests.trading.daily.killing", str(tmp_path), NOW, which],
            cwd=REPO,
            capture_output=True,
            text=True,
            check=False,
        )

    assert done.returncode == 0, done.stderr
    whole, *tries = [json.loads(line) for line in done.stdout.splitlines()]
    assert whole["again"]["code"] == 0, whole
    assert len(tries) >= least
    wanted = Seen(tmp_path / "0", heard.titles("/0"))
    assert len(wanted.titles) == 2
    for tried in tries:
        n, killed, again = tried["n"], tried["killed"], tried["again"]
        assert killed["code"] == -9, tried
        seen = Seen(tmp_path / str(n), heard.titles(f"/{n}"))
        assert seen.files == wanted.files, tried
        assert seen.rows == wanted.rows, tried
        assert seen.steps == wanted.steps, tried
        if seen.titles == wanted.titles:
            continue
        # Between the note "I hand this over now" and the answer nobody knows: it is not sent again, but said.
        assert killed["moment"] == "connect", tried
        assert set(seen.titles) < set(wanted.titles), tried
        assert len(seen.titles) == 1, tried
        assert "message is unknown" in again["said"], tried
        assert again["code"] == 1, tried


class Seen:
    """What a run left."""

    def __init__(self, folder: Path, titles: list[str]) -> None:
        store = folder / "data" / "monitoring"
        self.titles = titles
        self.rows = {name: rows_of(store / name) for name in ("signals.db", "performance.db")}
        del self.rows["signals.db"]["facts"]
        self.files = files_of(folder / "reports")
        raw = sqlite3.connect(store / "signals.db")
        query = "SELECT step, status FROM run_steps WHERE session = ? ORDER BY number"
        self.steps = raw.execute(query, [str(DAY)]).fetchall()
        raw.close()

"""Copies of the store: whole, verified, pruned, and brought back."""

from __future__ import annotations

import os
import signal
import sqlite3
import stat
import subprocess
import sys
import time
from datetime import date
from pathlib import Path

import pytest

from trading.__main__ import main
from trading.store.copies import copies, restore, save_copy, verify
from trading.store.database import StoreError
from trading.store.locks import locked
from trading.store.store import Store, open_store

REPO = Path(__file__).resolve().parents[3]
SECOND = 1_000_000_000
DAY = date(2025, 1, 2)


def begun(folder: Path, *days: date) -> Store:
    store = open_store(folder)
    for day in days:
        store.journal.begin(day, 1)
    return store


def test_a_copy_of_a_store_in_use_holds_what_was_committed(tmp_path: Path) -> None:
    with begun(tmp_path / "store", DAY):
        copy, _ = save_copy(tmp_path / "store", tmp_path / "backups", 5 * SECOND, keep=3)

        assert sorted(path.name for path in copy.path.iterdir()) == [
            "manifest.json",
            "performance.db",
            "signals.db",
        ]
    assert copy.files["signals.db"]["rows"]["runs"] == 1
    assert verify(copy.path) == copy
    assert {stat.S_IMODE(path.stat().st_mode) for path in copy.path.iterdir()} == {0o600}


def test_only_the_newest_copies_stay(tmp_path: Path) -> None:
    begun(tmp_path / "store").close()
    backups = tmp_path / "backups"

    for second in (1, 2, 2, 3):
        save_copy(tmp_path / "store", backups, second * SECOND, keep=2)

    names = [copy.path.name for copy in copies(backups)]
    assert names == ["19700101T000003Z", "19700101T000002Z-2"]
    assert sorted(path.name for path in backups.iterdir()) == [".lock", *sorted(names)]


def test_a_copy_brought_back_is_what_it_was_and_the_present_is_kept(tmp_path: Path) -> None:
    store = tmp_path / "store"
    begun(store, DAY).close()
    copy, _ = save_copy(store, tmp_path / "backups", SECOND, keep=2)
    begun(store, date(2025, 1, 3)).close()

    _, kept = restore(copy.path, store, 2 * SECOND)

    with open_store(store) as back:
        assert [row["session"] for row in back.journal.runs()] == ["2025-01-02"]
    assert kept is not None
    with open_store(kept) as before:
        assert [row["session"] for row in before.journal.runs()] == ["2025-01-03", "2025-01-02"]


@pytest.mark.parametrize("harm", ["flipped", "missing", "cut"])
def test_a_copy_that_is_not_whole_is_never_brought_back(harm: str, tmp_path: Path) -> None:
    store = tmp_path / "store"
    begun(store, DAY).close()
    copy, _ = save_copy(store, tmp_path / "backups", SECOND, keep=2)
    file = copy.path / "signals.db"
    content = file.read_bytes()
    if harm == "missing":
        file.unlink()
    else:
        changed = content[:5000] + bytes([content[5000] ^ 1]) + content[5001:]
        file.write_bytes(changed if harm == "flipped" else content[:-4096])
    before = (store / "signals.db").read_bytes()

    with pytest.raises(StoreError, match=r"signals\.db is (missing|not what was written)"):
        restore(copy.path, store, 2 * SECOND)

    assert (store / "signals.db").read_bytes() == before


def test_nothing_is_brought_back_under_a_run_at_work(tmp_path: Path) -> None:
    store = tmp_path / "store"
    begun(store, DAY).close()
    copy, _ = save_copy(store, tmp_path / "backups", SECOND, keep=2)

    with locked(store / "daily.lock", "a daily run"), pytest.raises(StoreError, match="at work already"):
        restore(copy.path, store, 2 * SECOND)


def test_a_copy_that_was_killed_leaves_nothing_that_looks_like_one(tmp_path: Path) -> None:
    store, backups = tmp_path / "store", tmp_path / "backups"
    with begun(store, DAY):
        pass
    with sqlite3.connect(store / "signals.db") as raw:
        raw.execute("CREATE TABLE ballast (data BLOB)")
        raw.executemany("INSERT INTO ballast VALUES (?)", [(os.urandom(100_000),) for _ in range(300)])
    raw.close()
    program = (
        "from pathlib import Path; from trading.store.copies import save_copy\n"
        f"save_copy(Path({str(store)!r}), Path({str(backups)!r}), 10**9, keep=2)"
    )
    with subprocess.Popen([sys.executable, "-c", program], cwd=REPO) as process:
        while process.poll() is None and not list(backups.glob("*.part/signals.db")):
            time.sleep(0.001)
        process.send_signal(signal.SIGKILL)
    assert list(backups.glob("*.part"))
    assert copies(backups) == []

    copy, _ = save_copy(store, backups, 2 * SECOND, keep=2)

    assert [each.path for each in copies(backups)] == [copy.path]
    assert not list(backups.glob("*.part"))


def test_the_command_copies_tells_and_brings_back(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    assert main(["store", "backup"]) == 2
    assert "no database there. Run `trading daily` first" in capsys.readouterr().err
    begun(tmp_path / "data" / "monitoring", DAY).close()

    assert main(["store", "backup", "--keep", "2"]) == 0
    assert main(["store", "status"]) == 0
    assert main(["store", "restore", "newest"]) == 0

    said = capsys.readouterr().out
    assert "2 databases" in said
    assert "signals.db: 60 KiB, sound, revision s0001; alembic_version 1, runs 1" in said
    assert "Copies in backups: 1, the newest " in said
    assert "verified, and brought back to data/monitoring: performance.db, signals.db." in said


def test_a_damaged_file_is_told_by_the_status(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    folder = tmp_path / "data" / "monitoring"
    begun(folder, DAY).close()
    content = bytearray((folder / "signals.db").read_bytes())
    content[8192:12288] = b"\xff" * 4096
    (folder / "signals.db").write_bytes(content)

    assert main(["store", "status"]) == 1
    assert "signals.db: 60 KiB, DAMAGED" in capsys.readouterr().out


def test_a_copy_is_checked_without_being_brought_back(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    with begun(tmp_path / "data/monitoring", DAY):
        assert main(["store", "backup"]) == 0

    assert main(["store", "check"]) == 0
    assert "whole. 2 databases" in capsys.readouterr().out

    (file,) = (tmp_path / "backups").glob("*/signals.db")
    file.write_bytes(file.read_bytes()[:-1] + b"x")
    assert main(["store", "check"]) == 1
    assert "digest differs" in capsys.readouterr().out


def test_a_copy_is_brought_into_another_folder_to_try_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    with begun(tmp_path / "data/monitoring", DAY):
        assert main(["store", "backup"]) == 0
    before = sorted((tmp_path / "data/monitoring").iterdir())

    assert main(["store", "restore", "newest", "--into", "tried"]) == 0

    with open_store(tmp_path / "tried") as tried:
        assert tried.journal.run(DAY) is not None
    assert sorted((tmp_path / "data/monitoring").iterdir()) == before


def test_a_folder_that_cannot_be_made_is_one_line(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")

    with pytest.raises(StoreError, match="cannot be written"), locked(tmp_path / "file/lock", "a daily run"):
        pass

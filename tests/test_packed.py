"""Packed logs among the followed files: taken in once, whatever happens in between."""

from __future__ import annotations

import gzip
from pathlib import Path

import pytest

from obs.keeping import packed
from obs.keeping.tails import Tails
from obs.sidecar import Sidecar

LINES = 50


def write_log(path: Path, lines: int = LINES) -> Path:
    text = "".join(f"2026-11-20 10:00:{n:02d} bot ERROR order {n} failed\n" for n in range(lines))
    with gzip.open(path, "wt", encoding="utf-8") as file:
        file.write(text)
    return path


def take_all(tails: Tails) -> list[str]:
    found = [event.body for event in tails.poll()]
    while tails.pending_bytes:
        found += [event.body for event in tails.poll()]
    return found


def test_a_packed_log_is_unpacked_and_understood(tmp_path: Path) -> None:
    with Sidecar(tmp_path / "o", follow=[write_log(tmp_path / "bot.log.gz")]) as sidecar:
        assert sidecar.flush()
        snapshot = sidecar.snapshot()

    assert snapshot.events == LINES
    assert snapshot.by_severity == {"ERROR": LINES}


def test_after_a_restart_in_the_middle_each_record_comes_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(packed, "SLICE", 7)
    log = write_log(tmp_path / "bot.log.gz")
    first = Tails([log], {})
    taken = [event.body for event in [*first.poll(), *first.poll()]]
    checkpoints = first.checkpoints()
    first.close()

    taken += take_all(Tails([log], checkpoints))

    assert len(taken) == len(set(taken)) == LINES


def test_a_rotated_name_does_not_make_it_another_log(tmp_path: Path) -> None:
    log = write_log(tmp_path / "bot.log.1.gz")
    tails = Tails([tmp_path / "*.gz"], {})
    assert len(take_all(tails)) == LINES
    log.rename(tmp_path / "bot.log.2.gz")
    write_log(tmp_path / "bot.log.1.gz", 3)

    again = Tails([tmp_path / "*.gz"], tails.checkpoints())

    assert len(take_all(again)) == 3


def test_what_is_no_log_is_not_followed_and_the_page_says_so(tmp_path: Path) -> None:
    (tmp_path / "trades.sqlite").write_bytes(b"SQLite format 3\x00" + bytes(100))

    with Sidecar(tmp_path / "o", follow=[tmp_path / "trades.sqlite"]) as sidecar:
        assert sidecar.flush()
        snapshot = sidecar.snapshot()

    assert snapshot.events == 0
    assert "What trades.sqlite holds: an SQLite database, not a log." in " ".join(snapshot.not_known)

"""Each call that macOS or Windows lacks is taken away, and the spool still works."""

from __future__ import annotations

import importlib
import os
import sys
import threading
from pathlib import Path
from typing import Any

import pytest

from obs.spool_reader import SpoolBusyError, SpoolReader
from obs.spooling import ownership, segment_files
from obs.spooling.reader_lock import has_living_reader
from tests.spool.spooling import drain, is_true, line, writer
from tests.spool.spooling import segment_files as segments_of

POSIX: dict[str, list[tuple[Any, str]]] = {
    "no posix_fallocate": [(os, "posix_fallocate")],
    "no flock": [("fcntl", "flock")],
    "no O_NOFOLLOW and friends": [(os, "O_NOFOLLOW"), (os, "O_CLOEXEC"), (os, "O_NONBLOCK")],
    "no fchmod": [(os, "fchmod")],
    "no getuid": [(os, "getuid")],
    "no fork hooks": [(os, "register_at_fork")],
    "no mmap": [("mmap", "mmap")],
}


@pytest.fixture(params=[*POSIX, "none of them"])
def without(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    name = str(request.param)
    for owner, attribute in POSIX.get(name, [call for calls in POSIX.values() for call in calls]):
        module = importlib.import_module(owner) if isinstance(owner, str) else owner
        monkeypatch.delattr(module, attribute)
    return name


def test_lines_are_written_and_read_without_it(tmp_path: Path, without: str) -> None:
    made = writer(tmp_path, room=8_192)
    numbers = range(1, 501)

    assert all(made.write(line(number)) for number in numbers), (without, made.fault)
    made.set_counters({"emitted": 500})
    made.close()

    found = drain(tmp_path)
    assert found.numbers == list(numbers)
    assert all(is_true(entry) for entry in found.lines)
    assert [(end.clean, end.lost) for end in found.ended] == [(True, 0)]
    assert found.losses == []
    assert segments_of(tmp_path) == []


def test_a_living_writer_is_followed_and_not_taken_for_dead_without_it(tmp_path: Path, without: str) -> None:
    made = writer(tmp_path)
    reader = SpoolReader(tmp_path)

    for number in range(1, 50):
        made.write(line(number))
        batch = reader.poll()
        reader.release(batch.checkpoint)
        assert [entry.seq for entry in batch.lines] == [number], without
        assert batch.ended == []

    made.close()
    assert len(reader.poll().ended) == 1
    reader.close()


def test_a_second_reader_is_refused_without_it(
    tmp_path: Path, without: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    reader = SpoolReader(tmp_path)
    if without in ("no flock", "none of them"):
        # Without locks the file's word counts; then the second one must be another process.
        monkeypatch.setattr(os, "getpid", lambda: os.getppid())

    with pytest.raises(SpoolBusyError):
        SpoolReader(tmp_path)

    assert has_living_reader(tmp_path)
    monkeypatch.undo()
    reader.close()


def test_threads_write_to_an_appended_file_as_well(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "mmap", None)
    made = writer(tmp_path, room=16_384)
    threads = [
        threading.Thread(target=lambda first=first: [made.write(line(n)) for n in range(first, 2_001, 4)])
        for first in range(1, 5)
    ]

    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    made.close()

    assert drain(tmp_path).numbers == list(range(1, 2_001))


def test_windows_locks_are_used_where_there_is_no_flock(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The interface of msvcrt, over the locks of this system: one byte, far past the end, one holder."""
    import fcntl

    class Msvcrt:
        LK_NBLCK, LK_UNLCK = 2, 0

        @staticmethod
        def locking(descriptor: int, mode: int, count: int) -> None:
            assert os.lseek(descriptor, 0, os.SEEK_CUR) > 1 << 29
            assert count == 1
            # Open-file locks, as Windows has them: also between two openings in one process.
            flock(descriptor, fcntl.LOCK_UN if mode == 0 else fcntl.LOCK_EX | fcntl.LOCK_NB)

    flock = fcntl.flock
    monkeypatch.delattr(fcntl, "flock")
    modules: dict[str, Any] = sys.modules
    monkeypatch.setitem(modules, "msvcrt", Msvcrt)

    reader = SpoolReader(tmp_path)
    with pytest.raises(SpoolBusyError):
        SpoolReader(tmp_path)
    made = writer(tmp_path)
    made.write(line(1))
    assert [entry.seq for entry in reader.poll().lines] == [1]
    reader.close()
    made.close()

    assert drain(tmp_path).numbers == [1]


def test_where_an_open_file_cannot_be_renamed_a_half_made_segment_is_waited_for(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """On Windows a segment has its name from the start, so the reader may see it before its header."""
    monkeypatch.setattr(segment_files, "renames_open_files", lambda: False)
    made = writer(tmp_path)
    made.write(line(1))
    [path] = segments_of(tmp_path)
    whole = path.read_bytes()
    half = tmp_path / "0123456789abcdef-00000001.seg"
    half.write_bytes(bytes(100))
    reader = SpoolReader(tmp_path)

    first = reader.poll()
    half.write_bytes(whole)
    made.close()
    second = reader.poll()

    reader.close()
    assert [entry.seq for entry in first.lines] == [1]
    assert first.losses == second.losses == []
    assert not list(tmp_path.glob("*.new"))


def test_a_file_system_without_locks_leaves_it_to_the_process_id(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(ownership, "_lock", lambda descriptor, shared: None)
    made = writer(tmp_path)
    made.write(line(1))

    found = drain(tmp_path)

    made.close()
    assert found.numbers == [1]
    assert found.ended == []

"""A reader of a view file sees the whole old or the whole new one; dated files keep within their quota."""

from __future__ import annotations

import os
import resource
import signal
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from obs.keeping.viewfiles import DatedFiles, dated_name, write_whole


def test_a_file_is_replaced_as_a_whole_and_is_the_owners(tmp_path: Path) -> None:
    path = tmp_path / "briefings" / "latest.md"

    write_whole(path, "old")
    write_whole(path, "new and longer", durable=True)

    assert path.read_text() == "new and longer"
    assert path.stat().st_mode & 0o777 == 0o600
    assert [file.name for file in path.parent.iterdir()] == ["latest.md"]


def test_readers_during_writing_never_see_a_part(tmp_path: Path) -> None:
    """Fault 70: whole old or whole new."""
    path = tmp_path / "latest.md"
    write_whole(path, "0" * 50_000)
    seen: set[tuple[int, int]] = set()
    stop = threading.Event()

    def read() -> None:
        while not stop.is_set():
            text = path.read_text()
            seen.add((len(text), len(set(text))))

    reader = threading.Thread(target=read)
    reader.start()
    until = time.monotonic() + 0.5
    number = 0
    while time.monotonic() < until:
        number += 1
        write_whole(path, str(number % 10) * 50_000)
    stop.set()
    reader.join()

    assert seen == {(50_000, 1)}
    assert number > 20


@contextmanager
def no_file_larger_than(size: int) -> Iterator[None]:
    """A disk without room: the kernel refuses to write beyond `size` (and sends a signal, ignored here)."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    handler = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
        signal.signal(signal.SIGXFSZ, handler)


def test_without_room_the_old_file_stays_and_nothing_is_left_behind(tmp_path: Path) -> None:
    """Fault 28: a full disk costs the new file only."""
    path = tmp_path / "latest.md"
    write_whole(path, "old")

    with no_file_larger_than(4_096), pytest.raises(OSError, match="too large"):
        write_whole(path, "n" * 100_000)

    assert path.read_text() == "old"
    assert [file.name for file in tmp_path.iterdir()] == ["latest.md"]


def test_text_that_is_no_unicode_is_written_escaped(tmp_path: Path) -> None:
    write_whole(tmp_path / "latest.md", "half \ud83d")

    assert (tmp_path / "latest.md").read_text() == "half \\ud83d"


def test_dated_names_sort_by_time_and_hold_no_foreign_path() -> None:
    early = dated_name(1_763_632_800_000_000_000, "post-mortem-../../etc/passwd", ".md")
    late = dated_name(1_763_632_800_250_000_000, "\n", ".md")

    assert early == "20251120T100000.000Z-post-mortem-.._.._etc_passwd.md"
    assert late == "20251120T100000.250Z-bot.md"
    assert early < late


def test_the_oldest_dated_files_go_first_and_others_are_left_alone(tmp_path: Path) -> None:
    files = DatedFiles(tmp_path, most_files=3, most_bytes=10_000)
    write_whole(tmp_path / "latest.md", "x" * 50_000)

    for second in range(6):
        files.add(dated_name(second * 10**9, "briefing", ".md"), "x" * 100)

    kept = sorted(file.name for file in tmp_path.iterdir())
    assert kept == [*(f"19700101T00000{second}.000Z-briefing.md" for second in (3, 4, 5)), "latest.md"]


def test_dated_files_keep_within_their_size_but_the_newest_stays(tmp_path: Path) -> None:
    files = DatedFiles(tmp_path, most_bytes=1_000)

    for second in range(4):
        files.add(dated_name(second * 10**9, "briefing", ".md"), "x" * 900)
    files.add(dated_name(9 * 10**9, "huge", ".md"), "x" * 5_000)

    assert [file.name for file in tmp_path.iterdir()] == ["19700101T000009.000Z-huge.md"]


def test_what_a_killed_process_left_half_written_is_cleared_away(tmp_path: Path) -> None:
    (tmp_path / ".latest.md.1.tmp").write_text("half")
    own = tmp_path / f".latest.md.{os.getpid()}.tmp"
    own.write_text("being written")

    DatedFiles(tmp_path).prune()

    assert [file.name for file in tmp_path.iterdir()] == [own.name]

"""Faults 28 and 42: full disks, lost folders and rights. The writer refuses, never raises, and comes back."""

from __future__ import annotations

import contextlib
import os
import resource
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from obs.spool import SpoolWriter
from obs.spooling.segments import HEADER_BYTES
from tests.spool.spooling import drain, line, run, segment_files, writer

NOBODY = 65_534


def back_within_a_second(made: SpoolWriter, number: int) -> bool:
    end = time.monotonic() + 1.0
    while time.monotonic() < end:
        if made.write(line(number)):
            return True
        time.sleep(0.01)
    return False


def refused_cheaply(made: SpoolWriter, number: int) -> bool:
    """Whether a thousand writes in a row are refused without a storm of tries."""
    began = time.thread_time()
    kept = [made.write(line(number)) for _ in range(1_000)]
    return not any(kept) and time.thread_time() - began < 0.1


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of 1 MiB in memory."""
    disk = tmp_path / "disk"
    disk.mkdir()
    if os.getuid() != 0 or shutil.which("mount") is None:
        pytest.skip("only root may mount a small file system")
    done = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=1m", "none", disk], capture_output=True, check=False
    )
    if done.returncode:
        pytest.skip(f"no file system may be mounted here: {done.stderr.decode().strip()}")
    try:
        yield disk
    finally:
        subprocess.run(["umount", "-l", disk], check=True)


def test_a_full_disk_refuses_lines_and_is_used_again_when_it_has_room(small_disk: Path) -> None:
    """Capture trap 5: with a file that merely claims its size, the copy would kill the bot (SIGBUS)."""
    made = writer(small_disk / "spool", room=250_000)
    ballast = small_disk / "ballast"
    ballast.write_bytes(bytes(600_000))
    number, kept = 0, []

    for _ in range(6_000):
        number += 1
        if made.write(line(number)):
            kept.append(number)
    assert "No space" in made.fault
    assert refused_cheaply(made, number)
    ballast.unlink()
    assert back_within_a_second(made, number + 1)
    kept.append(number + 1)
    made.set_counters({"emitted": number + 1, "dropped.spool.INFO.bot": number + 1 - len(kept)})
    made.close()

    assert 100 < len(kept) < 6_000
    found = drain(small_disk / "spool")
    assert found.numbers == kept
    assert found.losses == []
    assert [(end.emitted, end.delivered + end.dropped, end.lost) for end in found.ended] == [
        (6_001, 6_001, 0)
    ]


def test_a_line_written_in_part_to_an_appended_file_spoils_no_other(
    small_disk: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Without a map the disk may be full in the middle of a line; that line was refused and counted."""
    monkeypatch.setitem(sys.modules, "mmap", None)
    made = writer(small_disk / "spool", room=700_000)
    ballast = small_disk / "ballast"
    made.write(line(1))
    ballast.write_bytes(bytes(700_000))
    kept, number = [1], 1

    while made.write(line(number + 1)):
        number += 1
        kept.append(number)
    torn = segment_files(small_disk / "spool")[0].read_bytes()[-1:] != b"\n"
    ballast.unlink()
    assert back_within_a_second(made, number + 2)
    kept.append(number + 2)
    assert made.write(line(number + 3))
    kept.append(number + 3)
    made.set_counters({"emitted": number + 3, "dropped.spool.INFO.bot": 1})
    made.close()

    found = drain(small_disk / "spool")
    assert torn
    assert found.numbers == kept
    assert found.lost == 0
    assert [(end.delivered, end.dropped, end.lost) for end in found.ended] == [(len(kept), 1, 0)]


def test_a_limit_on_file_sizes_refuses_lines_and_kills_nobody(tmp_path: Path) -> None:
    program = """
import resource, sys
from pathlib import Path
from tests.spool.spooling import line, writer
from tests.spool.test_broken_places import back_within_a_second
made = writer(Path(sys.argv[1]))
soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
resource.setrlimit(resource.RLIMIT_FSIZE, (30_000, hard))
assert not made.write(line(1))
assert "large" in made.fault, made.fault
resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
assert back_within_a_second(made, 2)
made.close()
"""
    run(program, tmp_path)

    assert drain(tmp_path).numbers == [2]


def test_no_free_descriptor_refuses_a_new_segment_only(tmp_path: Path) -> None:
    made = writer(tmp_path, room=4_096)
    assert made.write(line(1))
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    taken = []
    resource.setrlimit(resource.RLIMIT_NOFILE, (64, hard))
    try:
        with contextlib.suppress(OSError):
            while True:
                taken.append(os.open("/dev/null", os.O_RDONLY))
        kept = [number for number in range(2, 100) if made.write(line(number))]
        assert "Too many open files" in made.fault
        assert refused_cheaply(made, 100)
    finally:
        for descriptor in taken:
            os.close(descriptor)
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))

    assert back_within_a_second(made, 101)
    made.close()
    assert 10 < len(kept) < 98
    assert drain(tmp_path).numbers == [1, *kept, 101]


@pytest.mark.parametrize("moved", [False, True], ids=["deleted", "moved away"])
def test_a_folder_that_goes_under_the_writer_costs_no_line_of_the_open_segment(
    tmp_path: Path, moved: bool
) -> None:
    folder = tmp_path / "spool"
    made = writer(folder)
    for number in range(1, 101):
        assert made.write(line(number))

    if moved:
        folder.rename(tmp_path / "elsewhere")
    else:
        shutil.rmtree(folder)
    for number in range(101, 121):
        assert made.write(line(number))
        time.sleep(0.05)
    made.close()

    found = drain(folder)
    assert found.numbers == list(range(1, 121))
    assert found.lost == 0


def test_a_folder_that_goes_just_before_the_close_costs_no_line(tmp_path: Path) -> None:
    folder = tmp_path / "spool"
    made = writer(folder)
    for number in range(1, 101):
        assert made.write(line(number))

    shutil.rmtree(folder)
    made.close()

    assert drain(folder).numbers == list(range(1, 101))


def test_a_folder_that_cannot_be_made_again_refuses_until_it_can(tmp_path: Path) -> None:
    folder = tmp_path / "spool"
    made = writer(folder)
    assert made.write(line(1))

    shutil.rmtree(folder)
    folder.write_text("in the way")
    time.sleep(0.6)
    assert refused_cheaply(made, 2)
    folder.unlink()
    assert back_within_a_second(made, 3)
    made.close()

    assert drain(folder).numbers == [1, 3]


@pytest.fixture
def public() -> Iterator[Path]:
    """A folder that another user may enter."""
    if os.getuid() != 0:
        pytest.skip("needs root, to become somebody without rights in a child")
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        folder.chmod(0o755)
        if not all(parent.stat().st_mode & 0o001 for parent in folder.parents):
            pytest.skip(f"{folder} may not be entered by another user")
        yield folder


def test_lost_rights_refuse_new_segments_until_they_are_back(public: Path) -> None:

    def without_rights() -> None:
        made = writer(public / "closed" / "spool", room=4_096)
        assert refused_cheaply(made, 1)
        assert "ermission" in made.fault
        os.close(go_wait)
        os.read(allowed, 1)
        assert back_within_a_second(made, 2)
        (public / "closed" / "spool").chmod(0o500)
        kept = [number for number in range(3, 100) if made.write(line(number))]
        assert 10 < len(kept) < 90
        (public / "closed" / "spool").chmod(0o700)
        assert back_within_a_second(made, 100)
        made.close()

    (public / "closed").mkdir(mode=0o500)
    os.chown(public / "closed", NOBODY, NOBODY)
    waiting, go_wait = os.pipe()
    allowed, allow = os.pipe()
    child = _child(without_rights)
    os.close(go_wait)
    os.read(waiting, 1)
    (public / "closed").chmod(0o700)
    os.write(allow, b"!")

    _, status = os.waitpid(child, 0)

    for descriptor in (waiting, allowed, allow):
        os.close(descriptor)
    assert os.waitstatus_to_exitcode(status) == 0
    found = drain(public / "closed" / "spool")
    assert found.numbers[0] == 2
    assert found.numbers[-1] == 100


def test_a_segment_that_may_not_be_read_is_said_once_and_read_when_it_may(public: Path) -> None:
    folder = public / "spool"
    made = writer(folder)
    made.write(line(1))
    made.close()
    [path] = segment_files(folder)
    path.chmod(0)
    os.chown(folder, NOBODY, NOBODY)
    os.chown(path, NOBODY, NOBODY)

    def read() -> None:
        first = drain(folder)
        assert first.lines == []
        assert [(loss.reason, loss.detail) for loss in first.losses] == [("unreadable", "Permission denied")]
        assert drain(folder, first.checkpoint).losses == []
        path.chmod(0o600)
        assert drain(folder, first.checkpoint).numbers == [1]

    _, status = os.waitpid(_child(read), 0)
    assert os.waitstatus_to_exitcode(status) == 0


def test_close_with_a_backlog_leaves_it_for_the_next_reader_and_may_come_twice(tmp_path: Path) -> None:
    """Fault 42: nothing waits for a reader; what is on the disk stays there."""
    made = writer(tmp_path)
    for number in range(1, 1_001):
        made.write(line(number))

    began = time.monotonic()
    made.close()
    made.close()
    took = time.monotonic() - began

    assert took < 0.5
    found = drain(tmp_path)
    assert found.numbers == list(range(1, 1_001))
    assert [end.clean for end in found.ended] == [True]


@pytest.mark.parametrize("end", [signal.SIGTERM, signal.SIGKILL])
def test_a_stopped_writer_leaves_every_line_whose_write_had_returned(
    tmp_path: Path, end: signal.Signals
) -> None:
    """Fault 42: SIGTERM with its default action, or SIGKILL after it."""
    program = """
import os, sys, time
from pathlib import Path
from tests.spool.spooling import line, writer
made = writer(Path(sys.argv[1]))
for number in range(1, 501):
    assert made.write(line(number))
os.kill(os.getpid(), int(sys.argv[2]))
time.sleep(10)
"""
    run(program, tmp_path, int(end), code=-end)

    found = drain(tmp_path)

    assert found.numbers == list(range(1, 501))
    assert [ended.clean for ended in found.ended] == [False]


def test_a_broken_place_never_makes_the_header_too_big(tmp_path: Path) -> None:
    made = SpoolWriter(tmp_path, resource={f"key.{n}": "x" * 500 for n in range(50)})
    counters = {f"dropped.queue_full.INFO.bot.part{n}": 1 for n in range(5_000)}

    made.set_counters({"emitted": 5_001, "sequenced": 1, **counters})
    assert made.write(line(1))
    made.close()

    found = drain(tmp_path)
    [end] = found.ended
    assert (end.emitted, end.dropped, end.delivered, end.lost) == (5_001, 5_000, 1, 0)
    assert len(found.lines[0].resource) > 1
    assert HEADER_BYTES < 20_000


def _child(work: Callable[[], None]) -> int:
    child = os.fork()
    if child == 0:
        try:
            os.setgroups([])
            os.setgid(NOBODY)
            os.setuid(NOBODY)
            work()
        except BaseException as error:  # the child must end here, whatever happened
            print(repr(error), flush=True)
            os._exit(1)
        os._exit(0)
    return child

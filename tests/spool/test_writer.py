"""What the bot's side of the spool promises."""

from __future__ import annotations

import json
import os
import shutil
import signal
import stat
import subprocess
import sys
import threading
from collections.abc import Callable
from pathlib import Path
from types import FrameType
from typing import Any

import pytest

from obs.spool_reader import SpoolReader
from obs.spooling import segment_files as files_module
from tests.spool.spooling import REPO, Drained, drain, is_true, line, run, segment_files, writer, written


def test_what_is_written_is_read_once_and_in_order(tmp_path: Path) -> None:
    made = written(tmp_path, 3_000, room=16_384)

    found = drain(tmp_path)

    assert [entry.seq for entry in found.lines] == list(range(1, 3_001))
    assert all(is_true(entry) and entry.process == made.process for entry in found.lines)
    assert found.lines[0].raw == line(1)
    assert found.lines[0].resource == {"service.name": "grid-1", "process.pid": 4711}
    assert found.losses == []
    assert [(end.clean, end.emitted, end.delivered, end.lost) for end in found.ended] == [
        (True, 3_000, 3_000, 0)
    ]
    assert segment_files(tmp_path) == []


def test_files_are_for_their_owner_only(tmp_path: Path) -> None:
    folder = tmp_path / "deep" / "spool"
    before = os.umask(0)
    try:
        made = writer(folder)
        made.write(line(1))
    finally:
        os.umask(before)

    modes = {stat.S_IMODE(path.stat().st_mode) for path in segment_files(folder)}

    made.close()
    assert modes == {0o600}
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700


def test_a_folder_that_others_may_enter_is_closed_to_them(tmp_path: Path) -> None:
    tmp_path.chmod(0o755)

    written(tmp_path, 1)

    assert stat.S_IMODE(tmp_path.stat().st_mode) == 0o700


def test_nothing_is_opened_before_the_first_line(tmp_path: Path) -> None:
    made = writer(tmp_path / "spool")

    made.set_counters({"emitted": 0})
    made.close()

    assert not (tmp_path / "spool").exists()


def test_books_reach_the_reader_when_no_line_was_ever_kept(tmp_path: Path) -> None:
    made = writer(tmp_path)

    made.set_counters({"emitted": 7, "sequenced": 0, "dropped.queue_full.INFO.bot": 7})
    made.close()

    [end] = drain(tmp_path).ended
    assert (end.emitted, end.dropped, end.lost) == (7, 7, 0)


@pytest.mark.parametrize(
    "bad", [b"", b"{}", b"text", b'{"seq":1}\n', b'{"a":"\n","seq":1}', b'{"a":"\0","seq":1}']
)
def test_what_is_not_one_object_on_one_line_is_refused(tmp_path: Path, bad: bytes) -> None:
    made = writer(tmp_path)

    assert not made.write(bad)
    assert "one JSON object" in made.fault


def test_a_line_longer_than_a_segment_is_cut_and_says_so(tmp_path: Path) -> None:
    made = writer(tmp_path, room=20_000)
    long = line(2, length=1_000_000, severity="ERROR")

    assert made.write(line(1))
    assert made.write(long)
    assert made.write(line(3))
    made.close()

    found = drain(tmp_path)
    assert found.numbers == [1, 2, 3]
    record = json.loads(next(entry.raw for entry in found.lines if entry.seq == 2))
    assert record["attributes"] == {"log.record.cut_bytes": len(long)}
    assert (record["severity"], record["logger"]) == ("ERROR", "bot.execution")
    assert record["body"].startswith("f") or len(record["body"]) > 500
    assert "characters cut" in record["body"]
    assert found.losses == []


def test_a_long_line_of_any_shape_is_cut_to_valid_json_or_refused(tmp_path: Path) -> None:
    made = writer(tmp_path, room=8_192)
    shapes = [
        {"seq": 1, "body": "\u0000" * 50_000},
        {"seq": 2, "body": "한" * 50_000, "exception": {"type": "X" * 9_999, "stacktrace": "\\" * 99_999}},
        {"seq": 3, "attributes": {"a": ["x" * 50_000]}},
        {"seq": 4, "body": ["x" * 50_000], "logger": "l" * 50_000},
    ]

    kept = [made.write(json.dumps(shape).encode()) for shape in shapes]
    refused = made.write(b'{"seq":5,"broken":' + b"x" * 50_000 + b"}")
    made.close()

    assert kept == [True] * 4
    assert not refused
    assert drain(tmp_path).numbers == [1, 2, 3, 4]


def test_many_threads_write_and_rotate_without_losing_a_line(tmp_path: Path) -> None:
    made = writer(tmp_path, room=8_192)
    refused: list[int] = []

    def work(first: int) -> None:
        refused.extend(number for number in range(first, 8_001, 8) if not made.write(line(number)))

    threads = [threading.Thread(target=work, args=(first,)) for first in range(1, 9)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    made.close()

    found = drain(tmp_path)
    assert refused == []
    assert found.numbers == list(range(1, 8_001))
    assert found.losses == []


@pytest.mark.parametrize("mapped", [True, False], ids=["mapped", "appended"])
def test_a_segment_that_says_it_is_finished_never_gets_another_line(
    tmp_path: Path, mapped: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A reader beside rotating threads must not delete a segment that a late thread still writes to."""
    if not mapped:
        monkeypatch.setitem(sys.modules, "mmap", None)
    made = writer(tmp_path, room=2_048)
    reader = SpoolReader(tmp_path)
    refused: list[int] = []
    before = sys.getswitchinterval()

    def work(first: int) -> None:
        # Short lines find room in a segment that is too full for the long one that ends it.
        lines = ((number, line(number, length=900 if number % 3 else 1)) for number in range(first, 3_001, 6))
        refused.extend(number for number, raw in lines if not made.write(raw))

    threads = [threading.Thread(target=work, args=(first,)) for first in range(1, 7)]
    sys.setswitchinterval(1e-5)
    try:
        for thread in threads:
            thread.start()
        numbers: list[int] = []
        while any(thread.is_alive() for thread in threads):
            numbers += Drained(reader).numbers
    finally:
        sys.setswitchinterval(before)
        for thread in threads:
            thread.join()
    made.close()
    numbers += Drained(reader).numbers

    reader.close()
    assert refused == []
    assert sorted(numbers) == list(range(1, 3_001))


def test_a_writer_that_lost_its_file_but_lives_is_not_given_up(tmp_path: Path) -> None:
    """What it holds in memory it writes again with its next line; until then nothing is called lost."""
    folder = tmp_path / "spool"
    made = writer(folder)
    for number in (1, 2, 5):
        made.write(line(number))
    made.set_counters({"emitted": 5})
    reader = SpoolReader(folder)
    reader.poll()
    shutil.rmtree(folder)

    while_gone = reader.poll()
    made._look_at = 0.0
    for number in (3, 4):
        assert made.write(line(number))
    made.close()
    after = Drained(reader)

    reader.close()
    assert while_gone.ended == []
    assert [loss.count for loss in while_gone.losses] == [0]
    assert after.numbers == [3, 4]
    assert [(end.delivered, end.lost) for end in after.ended] == [(5, 0)]


def test_a_program_that_replaced_itself_has_ended(tmp_path: Path) -> None:
    """Fault 14: exec keeps the process id and its start time, but not the writer."""
    program = """
import os, sys, time
from collections.abc import Callable
from pathlib import Path
from tests.spool.spooling import line, writer
made = writer(Path(sys.argv[1]))
made.write(line(1))
if len(sys.argv) == 2:
    made.set_counters({"emitted": 3})
    os.execv(sys.executable, [sys.executable, *sys.orig_argv[1:], "again"])
print("up", flush=True)
time.sleep(30)
"""
    command = [sys.executable, "-c", program, str(tmp_path)]
    process = subprocess.Popen(command, cwd=REPO, stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    assert process.stdout.readline() == "up\n"

    found = drain(tmp_path)

    process.kill()
    process.communicate()
    assert found.numbers == [1, 1]
    assert [(end.clean, end.delivered, end.lost) for end in found.ended] == [(False, 1, 2)]


def test_a_signal_handler_may_write_at_any_moment(tmp_path: Path) -> None:
    """Fault 10: a rotation interrupted by a handler that rotates as well leaves no line out."""
    made = writer(tmp_path, room=4_096)
    numbers = iter(range(1, 1_000_000))
    kept: list[int] = []

    def put() -> None:
        number = next(numbers)
        if made.write(line(number)):
            kept.append(number)

    def handle(*_: object) -> None:
        put()
        signal.setitimer(signal.ITIMER_REAL, 0.0003)

    before = signal.signal(signal.SIGALRM, handle)
    signal.setitimer(signal.ITIMER_REAL, 0.0003)
    try:
        for _ in range(6_000):
            put()
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)
    made.close()

    found = drain(tmp_path)
    assert len(kept) > 6_000
    assert found.numbers == sorted(kept)
    assert segment_files(tmp_path) == []


@pytest.mark.parametrize("how", ["write", "write_all", "set_counters"])
def test_what_a_signal_handler_raises_during_a_call_reaches_the_program(tmp_path: Path, how: str) -> None:
    """Fault 10: a `TimeoutError` is an `OSError` too, yet no trouble of the disk: the bot waits for it."""
    made = writer(tmp_path, room=4_096)
    calls: dict[str, Callable[[int], object]] = {
        "write": lambda number: made.write(line(number)),
        "write_all": lambda number: made.write_all([line(number)]),
        "set_counters": lambda number: made.set_counters({"emitted": number}),
    }

    def ring(*_: object) -> None:
        raise TimeoutError("the bot's own alarm")

    def interrupted(number: int, wanted: int) -> str:
        """Call with an alarm at the `wanted`-th step inside the spool; says what came of it."""
        steps = 0

        def trace(frame: FrameType, what: str, _: object) -> Any:
            nonlocal steps
            if "/obs/spool" not in frame.f_code.co_filename:
                return None
            steps += what == "line"
            if steps == wanted and what == "line":
                sys.settrace(None)
                signal.raise_signal(signal.SIGALRM)
            return trace

        sys.settrace(trace)
        try:
            calls[how](number)
        except TimeoutError:
            return "raised"
        finally:
            sys.settrace(None)
        return "over" if steps < wanted else "swallowed"

    before = signal.signal(signal.SIGALRM, ring)
    try:
        ends = [interrupted(number, wanted) for number in range(1, 30) for wanted in range(1, 12)]
    finally:
        signal.signal(signal.SIGALRM, before)

    assert set(ends) <= {"raised", "over"}
    assert ends.count("raised") > 29
    assert made.write(line(30))
    made.close()
    assert 30 in drain(tmp_path).numbers


def test_words_after_the_close_are_kept(tmp_path: Path) -> None:
    """Fault 15: finalizers log when everything is shut already."""
    made = written(tmp_path, 3)

    assert made.write(line(4))
    made.close()

    found = drain(tmp_path)
    assert found.numbers == [1, 2, 3, 4]
    assert found.lost == 0


def test_late_words_after_the_end_was_seen_are_no_loss(tmp_path: Path) -> None:
    """Fault 15: the numbers of a closed writer are remembered as long as its process runs."""
    made = written(tmp_path, 3)
    first = drain(tmp_path)

    made.write(line(4))
    made.close()

    second = drain(tmp_path, first.checkpoint)
    assert second.numbers == [4]
    assert second.lost == 0
    assert [(end.delivered, end.lost) for end in second.ended] == [(4, 0)]


def test_a_dead_writer_whose_files_are_gone_is_forgotten(tmp_path: Path) -> None:
    """The checkpoint must not grow with every process that ever was."""
    program = """
import sys
from collections.abc import Callable
from pathlib import Path
from tests.spool.spooling import written
written(Path(sys.argv[1]), 3)
"""
    run(program, tmp_path)

    found = drain(tmp_path)

    assert found.numbers == [1, 2, 3]
    assert found.checkpoint["segments"] == found.checkpoint["writers"] == {}


def test_a_forked_child_lets_go_of_the_parents_segment_and_writes_its_own(tmp_path: Path) -> None:
    """Fault 13: the child delivers under its own name; the parent goes on undisturbed."""
    made = writer(tmp_path)
    made.write(line(1))

    child = os.fork()
    if child == 0:
        made.forget_inherited()
        links = [path.readlink() for path in Path("/proc/self/fd").glob("*") if path.is_symlink()]
        # Its own: other tests of this process may play bots that live on, with segments of theirs open.
        if any(link.parent == tmp_path for link in links):
            os._exit(1)
        made.write(line(1))
        made.write(line(2))
        made.close()
        os._exit(0)
    _, status = os.waitpid(child, 0)
    assert os.waitstatus_to_exitcode(status) == 0
    made.write(line(2))
    made.close()

    found = drain(tmp_path)
    assert sorted(entry.seq for entry in found.lines) == [1, 1, 2, 2]
    assert len({entry.process for entry in found.lines}) == 2
    assert {entry.resource["process.pid"] for entry in found.lines} == {4711, child}
    assert found.losses == []


def test_a_child_that_keeps_the_descriptor_does_not_keep_its_dead_parent_alive(tmp_path: Path) -> None:
    """Fault 13: a lock outlives its process in a forked child; the process id says that it is dead."""
    program = """
import os, sys, time
from collections.abc import Callable
from pathlib import Path
from tests.spool.spooling import line, writer
made = writer(Path(sys.argv[1]))
made.write(line(1))
child = os.fork()
if child == 0:
    os.close(1); os.close(2)
    time.sleep(30)
    os._exit(0)
print(child, flush=True)
os._exit(0)
"""
    child = int(run(program, tmp_path))

    found = drain(tmp_path)

    os.kill(child, signal.SIGKILL)
    assert found.numbers == [1]
    assert [end.clean for end in found.ended] == [False]


def test_descriptors_closed_by_the_program_are_not_written_to_by_us(tmp_path: Path) -> None:
    """Fault 14: a daemon closes all descriptors and opens its own files under the same numbers."""
    program = """
import os, sys
from collections.abc import Callable
from pathlib import Path
from tests.spool.spooling import line, writer
folder = Path(sys.argv[1])
made = writer(folder / "spool", room=16384)
for number in range(1, 20):
    assert made.write(line(number))
os.closerange(3, 64)
strangers = [os.open(folder / f"own-{n}", os.O_RDWR | os.O_CREAT) for n in range(20)]
for number in range(20, 1001):
    assert made.write(line(number)), made.fault
made.set_counters({"emitted": 1000})
made.close()
for stranger in strangers:
    os.write(stranger, b"mine")
    os.fsync(stranger)
"""
    run(program, tmp_path)

    found = drain(tmp_path / "spool")

    assert found.numbers == list(range(1, 1_001))
    assert {path.read_bytes() for path in tmp_path.glob("own-*")} == {b"mine"}


def test_preallocation_makes_a_full_disk_an_error_and_not_a_deadly_signal(tmp_path: Path) -> None:
    """Capture trap 5: every segment owns its blocks before the first line goes in."""
    made = writer(tmp_path, room=1 << 20)
    made.write(line(1))

    [path] = segment_files(tmp_path)

    made.close()
    assert path.stat().st_blocks * 512 >= path.stat().st_size > 1 << 20


def test_a_draft_never_shows_as_a_segment(tmp_path: Path) -> None:
    """Fault 24: until header, room and lock are there, the file has another name."""
    seen: list[list[str]] = []
    allocate = files_module._allocate

    def looking(descriptor: int, size: int) -> None:
        seen.append([path.name for path in tmp_path.iterdir()])
        allocate(descriptor, size)

    files_module._allocate = looking
    try:
        written(tmp_path, 1)
    finally:
        files_module._allocate = allocate
    assert [name.endswith(".new") for [name] in seen] == [True]

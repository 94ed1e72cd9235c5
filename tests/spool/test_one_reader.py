"""Fault 30: one reader for one spool, whoever died with the lock in hand."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from obs.spool_reader import SpoolBusyError, SpoolReader
from obs.spooling import ownership
from obs.spooling.reader_lock import LOCK_NAME, has_living_reader
from tests.spool.spooling import REPO, run, written

READ = """
import sys
from pathlib import Path
from obs.spool_reader import SpoolBusyError, SpoolReader
try:
    reader = SpoolReader(Path(sys.argv[1]))
except SpoolBusyError as error:
    print("refused", error)
else:
    print("reads", flush=True)
    sys.stdin.read()
"""


def start(folder: Path) -> subprocess.Popen[str]:
    command = [sys.executable, "-c", READ, str(folder)]
    return subprocess.Popen(command, cwd=REPO, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)


def test_of_ten_that_start_at_once_one_reads_and_nine_say_why_not(tmp_path: Path) -> None:
    started = [start(tmp_path) for _ in range(10)]

    words = [process.stdout.readline() for process in started if process.stdout is not None]

    for process in started:
        process.communicate(timeout=30)
    refusals = [word for word in words if word.startswith("refused")]
    assert sorted(words)[0] == "reads\n"
    assert len(refusals) == 9
    assert all("reads this spool already" in word and "Stop it first" in word for word in refusals)


def test_the_lock_of_a_killed_reader_is_taken_over(tmp_path: Path) -> None:
    victim = start(tmp_path)
    assert victim.stdout is not None
    assert victim.stdout.readline() == "reads\n"
    assert has_living_reader(tmp_path)
    with pytest.raises(SpoolBusyError, match=f"process {victim.pid} reads"):
        SpoolReader(tmp_path)

    victim.send_signal(signal.SIGKILL)
    victim.communicate(timeout=30)

    assert not has_living_reader(tmp_path)
    SpoolReader(tmp_path).close()


@pytest.mark.parametrize("start_time", ["1", ""], ids=["other start", "unknown start"])
def test_a_process_id_that_somebody_else_has_by_now_holds_nothing(tmp_path: Path, start_time: str) -> None:
    """The lock names our own process id, with a start time or a date that is not ours."""
    owner = {**ownership.describe_process(), "start": start_time, "created_ns": 1, "locked": False}
    (tmp_path / LOCK_NAME).write_text(json.dumps({**owner, "pid": os.getppid()}))

    assert not has_living_reader(tmp_path)
    SpoolReader(tmp_path).close()


def test_a_child_of_a_dead_reader_does_not_hold_its_lock(tmp_path: Path) -> None:
    program = """
import os, sys, time
from pathlib import Path
from obs.spool_reader import SpoolReader
reader = SpoolReader(Path(sys.argv[1]))
child = os.fork()
if child == 0:
    os.close(1); os.close(2)
    time.sleep(30)
print(child, flush=True)
os._exit(0)
"""
    child = int(run(program, tmp_path))
    try:
        assert not has_living_reader(tmp_path)
        reader = SpoolReader(tmp_path)
        with pytest.raises(SpoolBusyError):
            SpoolReader(tmp_path)
        reader.poll()
        reader.close()
    finally:
        os.kill(child, signal.SIGKILL)


def test_a_lock_file_of_garbage_stops_nobody(tmp_path: Path) -> None:
    (tmp_path / LOCK_NAME).write_bytes(os.urandom(100))

    assert not has_living_reader(tmp_path)
    SpoolReader(tmp_path).close()


def test_a_reader_whose_folder_was_deleted_takes_the_lock_of_the_new_one(tmp_path: Path) -> None:
    folder = tmp_path / "spool"
    reader = SpoolReader(folder)
    shutil.rmtree(folder)
    written(folder, 3)

    numbers = [entry.seq for entry in reader.poll().lines]

    assert numbers == [1, 2, 3]
    assert has_living_reader(folder)
    reader.close()


def test_a_reader_that_was_overtaken_after_a_deletion_gives_way(tmp_path: Path) -> None:
    folder = tmp_path / "spool"
    first = SpoolReader(folder)
    shutil.rmtree(folder)
    second = SpoolReader(folder)

    with pytest.raises(SpoolBusyError):
        first.poll()

    second.poll()
    second.close()
    first.close()


def test_a_finished_process_that_nobody_waited_for_is_not_running() -> None:
    process = subprocess.Popen(["sleep", "30"])
    stat = Path(f"/proc/{process.pid}/stat")
    if not stat.exists():
        pytest.skip("no /proc here")
    start_time = stat.read_text().rpartition(")")[2].split()[19]
    owner = {**ownership.describe_process(), "pid": process.pid, "start": start_time}
    assert ownership.is_running(owner)

    process.kill()
    os.waitid(os.P_PID, process.pid, os.WEXITED | os.WNOWAIT)

    assert ownership.is_running(owner) is False
    process.wait()


def test_process_ids_of_another_container_mean_nothing() -> None:
    owner = {**ownership.describe_process(), "space": "another boot pid:[1]"}

    assert ownership.is_running({**owner, "pid": 2**22}) is None


def test_a_folder_that_cannot_be_made_is_said_and_read_when_it_can(tmp_path: Path) -> None:
    folder = tmp_path / "file" / "spool"
    (tmp_path / "file").write_text("in the way")

    reader = SpoolReader(folder)
    first, second = reader.poll(), reader.poll()
    (tmp_path / "file").unlink()
    written(folder, 3)
    third = reader.poll()

    reader.close()
    assert {loss.reason for loss in first.losses} == {"unreadable"}
    assert "reading without a lock" in first.losses[0].detail
    assert second.losses == []
    assert [entry.seq for entry in third.lines] == [1, 2, 3]

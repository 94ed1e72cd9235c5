"""Faults 16, 23 and 24: death at any moment loses nothing that was acknowledged and shows nothing twice."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from types import FrameType
from typing import Any

from obs.spool_reader import SpoolReader
from tests.spool.killing import kill_readers, kill_writers
from tests.spool.spooling import drain, line, segment_files, writer, written

STEPS = {"spool.py", "segment_files.py", "quota.py", "spool_reader.py", "segment_store.py", "reader_lock.py"}


def test_a_reader_killed_again_and_again_loses_and_doubles_nothing(tmp_path: Path) -> None:
    """Fault 23; the long loop is `python -m tests.spool.killing reader 200`."""
    verdict = kill_readers(tmp_path, 20)

    assert verdict.acknowledged > 1_000
    assert (verdict.lost, verdict.doubled, verdict.false, verdict.said_lost) == (0, 0, 0, 0)
    assert verdict.delivered == verdict.acknowledged
    assert verdict.slowest_start_seconds < 10


def test_a_writer_killed_in_full_flight_leaves_all_it_acknowledged(tmp_path: Path) -> None:
    """Fault 16; the long loop is `python -m tests.spool.killing writer 200`."""
    verdict = kill_writers(tmp_path, 10)

    assert verdict.acknowledged > 1_000
    assert (verdict.lost, verdict.doubled, verdict.false, verdict.said_lost) == (0, 0, 0, 0)


def test_a_writer_may_die_between_any_two_steps_of_a_rotation(tmp_path: Path) -> None:
    """Fault 24: at each line of the program once."""

    def rotate(folder: Path, acknowledged: Callable[[int], None]) -> None:
        made = writer(folder, room=4_096)
        for number in range(1, 41):
            if made.write(line(number)):
                acknowledged(number)
            if number % 10 == 0:
                made.set_counters({"emitted": number})
        made.close()

    for folder, numbers in _dying_at_each_step(tmp_path, rotate):
        found = drain(folder)

        assert set(numbers) <= set(found.numbers), folder.name
        assert len(found.numbers) - len(numbers) in (0, 1)
        assert found.lost == 0, found.losses
        assert len(found.ended) <= 1
        assert segment_files(folder) == []


def test_a_writer_may_die_between_any_two_steps_of_making_room(tmp_path: Path) -> None:
    """Fault 24: copying the warnings and deleting the rest is no place to lose one either."""

    def overflow(folder: Path, acknowledged: Callable[[int], None]) -> None:
        made = writer(folder, room=4_096, quota=90_000)
        for number in range(1, 101):
            if made.write(line(number, severity="ERROR" if number % 5 == 0 else "INFO")):
                acknowledged(number)
        made.close()

    for folder, numbers in _dying_at_each_step(tmp_path, overflow, every=17):
        found = drain(folder)

        errors = {number for number in numbers if number % 5 == 0}
        assert errors <= set(found.numbers), folder.name
        assert len(found.numbers) == len(set(found.numbers))


def test_a_reader_may_die_between_any_two_steps(tmp_path: Path) -> None:
    """Fault 24: of reading, storing, deleting and moving to the quarantine."""
    count = 60

    def read(folder: Path, acknowledged: Callable[[int], None]) -> None:
        _read_and_store(folder, folder.parent / f"{folder.name}.json")

    def prepare(folder: Path) -> None:
        written(folder, count, room=4_096)
        path = segment_files(folder)[1]
        path.write_bytes(path.read_bytes().replace(b'"seq":30,', b'"seq":31,'))

    for folder, _ in _dying_at_each_step(tmp_path, read, prepare=prepare, every=13):
        stored = _read_and_store(folder, tmp_path / f"{folder.name}.json")

        assert sorted(stored["numbers"]) == [number for number in range(1, count + 1) if number != 30]
        assert [loss for loss in stored["losses"] if loss[1]] == [["damaged", 1]]
        assert segment_files(folder) == []


def _read_and_store(folder: Path, state: Path) -> dict[str, Any]:
    """Read to the end; what was read and the checkpoint are put in place in one step."""
    stored = (
        json.loads(state.read_text()) if state.exists() else {"numbers": [], "losses": [], "checkpoint": None}
    )
    reader = SpoolReader(folder, stored["checkpoint"])
    while True:
        batch = reader.poll(25)
        stored["numbers"] += [entry.seq for entry in batch.lines]
        stored["losses"] += [(loss.reason, loss.count) for loss in batch.losses]
        stored["checkpoint"] = batch.checkpoint
        draft = state.with_suffix(".draft")
        draft.write_text(json.dumps(stored))
        draft.replace(state)
        reader.release(batch.checkpoint)
        if batch.is_empty:
            reader.close()
            return json.loads(state.read_text())  # type: ignore[no-any-return]


def _dying_at_each_step(
    tmp_path: Path,
    program: Callable[[Path, Callable[[int], None]], None],
    *,
    prepare: Callable[[Path], None] = lambda folder: None,
    every: int = 5,
) -> Iterator[tuple[Path, list[int]]]:
    """Run `program` in a child that dies at its n-th line, for each n-th line it has; give what it left."""
    step = 1
    while True:
        folder = tmp_path / f"step-{step}"
        prepare(folder)
        got, give = os.pipe()
        child = os.fork()
        if child == 0:
            _die_after(step)
            program(folder, partial(_say, give))
            os._exit(7)
        os.close(give)
        with os.fdopen(got) as ledger:
            numbers = [int(entry) for entry in ledger]
        _, status = os.waitpid(child, 0)
        assert os.waitstatus_to_exitcode(status) in (0, 7)
        yield folder, numbers
        if os.waitstatus_to_exitcode(status) == 7:
            assert step > 100
            return
        step += every


def _say(descriptor: int, number: int) -> None:
    os.write(descriptor, b"%d\n" % number)


def _die_after(step: int) -> None:
    left = step

    def trace(frame: FrameType, event: str, _: object) -> Any:
        nonlocal left
        if os.path.basename(frame.f_code.co_filename) not in STEPS:  # noqa: PTH119
            return None
        if event == "line":
            left -= 1
            if left == 0:
                os._exit(0)
        return trace

    sys.settrace(trace)

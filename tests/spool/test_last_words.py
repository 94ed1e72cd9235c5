"""A caller's last words and the whole line under the same number: one of the two, once, and soon."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from obs.rules import RuleSet
from obs.sidecar import Sidecar
from obs.spool import SpoolWriter
from obs.spool_reader import SpoolBatch, SpoolReader
from obs.spooling import intervals, ownership
from obs.spooling.last_words import HOLD_SECONDS, MAX_BYTES, MAX_LINES, PATIENCE_SECONDS
from tests.spool.spooling import REPO, body, drain, line, segment_files, words, writer


class Clock:
    """The reader's seconds, which the test moves."""

    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


class Reading:
    """One writer and one reader of a folder, on a clock that stands still."""

    def __init__(self, folder: Path, *, room: int = 64 * 1024) -> None:
        self.folder = folder
        self.clock = Clock()
        self.writer: SpoolWriter = writer(folder, room=room)
        self.reader = SpoolReader(folder, clock=self.clock)

    def poll(self, limit: int = 5_000) -> SpoolBatch:
        return self.reader.poll(limit)

    def start_again(self, checkpoint: dict[str, Any]) -> None:
        self.reader.close()
        self.reader = SpoolReader(self.folder, json.loads(json.dumps(checkpoint)), clock=self.clock)

    def close(self) -> None:
        self.writer.close()
        self.reader.close()


@pytest.fixture
def reading(tmp_path: Path) -> Iterator[Reading]:
    made = Reading(tmp_path)
    yield made
    made.close()


def told(batch: SpoolBatch) -> list[tuple[int, bool]]:
    """Each line's number, and whether it is only last words."""
    return [(entry.seq, "provisional" in json.loads(entry.raw)) for entry in batch.lines]


def test_the_whole_line_is_delivered_in_place_of_the_last_words(reading: Reading) -> None:
    reading.writer.write(words(1))
    reading.writer.write(line(2))

    first = reading.poll()
    reading.writer.write(line(1))
    second = reading.poll()

    assert told(first) == [(2, False)]
    assert told(second) == [(1, False)]


def test_last_words_without_a_whole_line_are_known_within_a_second(reading: Reading) -> None:
    reading.writer.write(words(1))
    began = reading.clock.now
    reading.poll()

    reading.clock.now = began + HOLD_SECONDS - 0.01
    early = reading.poll()
    reading.clock.now = began + HOLD_SECONDS
    due = reading.poll()
    reading.writer.write(line(1))
    late = reading.poll()

    assert HOLD_SECONDS < 1
    assert told(early) == []
    assert told(due) == [(1, True)]
    assert told(late) == []


def test_a_reader_that_slept_reads_before_it_gives_up(reading: Reading) -> None:
    reading.writer.write(words(1))
    reading.poll()
    reading.writer.write(line(1))
    reading.clock.now += 60

    assert told(reading.poll()) == [(1, False)]


def test_a_reader_that_is_behind_waits_for_what_it_has_not_read(reading: Reading) -> None:
    reading.writer.write(words(1))
    for number in range(2, 100):
        reading.writer.write(line(number))
    reading.writer.write(line(1))
    reading.poll(10)

    reading.clock.now += HOLD_SECONDS
    behind = reading.poll(10)
    through = reading.poll()

    assert (1, True) not in told(behind)
    assert (1, False) in told(through)


def test_a_reader_that_stays_behind_does_not_wait_for_ever(reading: Reading) -> None:
    """However many new lines there are to read: part of each batch is for what was held."""
    reading.writer.write(words(1))
    for number in range(2, 200):
        reading.writer.write(line(number))
    reading.poll(10)

    reading.clock.now += PATIENCE_SECONDS
    batch = reading.poll(10)

    assert told(batch)[-1] == (1, True)
    assert len(batch.lines) == 11


def test_what_is_held_survives_a_restart_and_needs_no_segment(tmp_path: Path) -> None:
    reading = Reading(tmp_path, room=2_048)
    reading.writer.write(words(1))
    for number in range(2, 30):
        reading.writer.write(line(number))
    first = reading.poll()
    reading.reader.release(first.checkpoint)
    left = segment_files(tmp_path)

    reading.start_again(first.checkpoint)
    silent = reading.poll()
    reading.clock.now += HOLD_SECONDS
    due = reading.poll()

    reading.close()
    assert not any(path.name.endswith("-00000001.seg") for path in left)
    assert told(silent) == []
    assert told(due) == [(1, True)]


def test_a_restart_between_last_words_and_whole_line_delivers_the_whole_one(reading: Reading) -> None:
    reading.writer.write(words(1))
    first = reading.poll()

    reading.start_again(first.checkpoint)
    reading.writer.write(line(1))
    second = reading.poll()
    reading.start_again(second.checkpoint)
    reading.clock.now += PATIENCE_SECONDS
    third = reading.poll()

    assert [told(batch) for batch in (first, second, third)] == [[], [(1, False)], []]


def test_a_batch_that_could_not_be_stored_is_held_again(reading: Reading) -> None:
    reading.writer.write(words(1))
    first = reading.poll()
    reading.clock.now += HOLD_SECONDS
    lost = reading.poll()

    reading.reader.rewind(json.loads(json.dumps(first.checkpoint)))
    reading.clock.now += HOLD_SECONDS
    again = reading.poll()

    assert told(lost) == told(again) == [(1, True)]


def test_no_more_than_a_bounded_number_is_held_the_oldest_go_first(tmp_path: Path) -> None:
    reading = Reading(tmp_path, room=1 << 20)
    for number in range(1, MAX_LINES + 51):
        reading.writer.write(words(number))

    batch = reading.poll()

    reading.close()
    assert told(batch) == [(number, True) for number in range(1, 51)]
    assert len(batch.checkpoint["writers"][reading.writer.process]["last_words"]) == MAX_LINES


def test_no_more_than_a_bounded_number_of_bytes_is_held(tmp_path: Path) -> None:
    reading = Reading(tmp_path, room=1 << 20)
    for number in range(1, 31):
        reading.writer.write(words(number, length=16_384))

    batch = reading.poll()

    reading.close()
    held = batch.checkpoint["writers"][reading.writer.process]["last_words"].values()
    assert MAX_BYTES - 20_000 < sum(map(len, held)) <= MAX_BYTES
    assert told(batch) == [(number, True) for number in range(1, 31 - len(held))]


def test_what_is_held_counts_as_pending(reading: Reading) -> None:
    reading.writer.write(words(1))
    held = reading.poll()
    reading.clock.now += HOLD_SECONDS
    through = reading.poll()

    assert held.pending_bytes == held.held_bytes == len(words(1))
    assert held.held_since == 100.0
    assert (through.pending_bytes, through.held_bytes, through.held_since) == (0, 0, None)


def test_the_end_of_the_writer_ends_the_wait_and_the_books_are_exact(reading: Reading) -> None:
    """Two numbers were given out that never came: one was dropped, one died with the process."""
    for number in (1, 2, 3):
        reading.writer.write(words(number))
    reading.writer.write(line(2))
    reading.writer.set_counters({"emitted": 5, "dropped.spool.ERROR.bot": 1})
    reading.writer.close()

    batch = reading.poll()

    [end] = batch.ended
    assert sorted(told(batch)) == [(1, True), (2, False), (3, True)]
    assert (end.emitted, end.delivered, end.dropped, end.damaged, end.lost) == (5, 3, 1, 0, 1)


def test_one_line_at_a_time_is_one_also_at_the_end(reading: Reading) -> None:
    """A careful sidecar asks for single lines; the account is closed when the last of them has come."""
    for number in range(1, 6):
        reading.writer.write(words(number))
    reading.writer.set_counters({"emitted": 5})
    reading.writer.close()

    batches = [reading.poll(1) for _ in range(12)]

    came = [entry.seq for batch in batches for entry in batch.lines]
    assert came == [1, 2, 3, 4, 5]
    assert max(len(batch.lines) for batch in batches) == 1
    assert [end.lost for batch in batches for end in batch.ended] == [0]


def test_overdue_last_words_come_one_at_a_time_as_well(reading: Reading) -> None:
    """Also where a new line is there to be read: a careful sidecar names the one it is about to take."""
    for number in range(1, 6):
        reading.writer.write(words(number))
    reading.poll()
    reading.writer.write(line(6))
    reading.clock.now += PATIENCE_SECONDS

    batches = [reading.poll(1) for _ in range(7)]

    came = [told(batch) for batch in batches]
    assert came == [[(6, False)], *([(number, True)] for number in range(1, 6)), []]


def test_last_words_said_twice_are_held_once(reading: Reading) -> None:
    """A writer whose folder was deleted writes all of its lines again."""
    reading.writer.write(words(1))
    reading.writer.write(words(1))

    assert reading.poll().held_bytes == len(words(1))


def test_last_words_behind_their_whole_line_are_not_held(reading: Reading) -> None:
    reading.writer.write(line(1))
    reading.writer.write(words(1))

    assert reading.poll().held_bytes == 0


def test_last_words_whose_gap_was_closed_do_not_keep_the_account_open(
    reading: Reading, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With too many gaps the oldest are given up; what is held for one of them cannot be delivered."""
    monkeypatch.setattr(intervals, "MAX_INTERVALS", 2)
    reading.writer.write(line(1))
    reading.writer.write(words(2))
    for number in (3, 5, 7):
        reading.writer.write(line(number))
    reading.writer.close()

    batch = reading.poll()

    assert (batch.held_bytes, len(batch.ended)) == (0, 1)


def test_a_whole_line_that_was_damaged_leaves_the_last_words(tmp_path: Path) -> None:
    made = writer(tmp_path)
    made.write(words(1))
    made.write(line(1))
    made.set_counters({"emitted": 1})
    made.close()
    [path] = segment_files(tmp_path)
    content = path.read_bytes()
    path.write_bytes(content[:-64_000].replace(body(1).encode() + b'","seq":1,"crc', b"x" * 48 + b',"crc', 1))
    os.truncate(path, len(content))

    found = drain(tmp_path)

    [end] = found.ended
    assert found.numbers == [1]
    assert end.emitted == end.delivered + end.dropped + end.damaged + end.lost == 1


@pytest.mark.parametrize("odd", [b"\xff", b""], ids=["no text", "no number"])
def test_last_words_that_no_checkpoint_could_keep_are_not_held(reading: Reading, odd: bytes) -> None:
    seq = b'"seq":1' if odd else b'"seq":-1'
    reading.writer.write(b'{"body":"' + odd + b'",' + seq + b',"provisional":true}')

    batch = reading.poll()

    assert json.dumps(batch.checkpoint)
    assert (batch.held_bytes, len(batch.lines) + len(batch.losses)) == (0, 1)


def test_the_quota_keeps_the_whole_line_of_an_error(tmp_path: Path) -> None:
    """When a segment has to go, its errors go to a reserve: once each, and whole."""
    made = writer(tmp_path, room=20_000, quota=400_000)
    for number in range(1, 11):
        made.write(words(number, severity="ERROR"))
        made.write(line(number, severity="ERROR"))
    for number in range(11, 3_500):
        made.write(line(number))
    made.set_counters({"emitted": 3_499})
    made.close()

    found = drain(tmp_path)

    assert found.numbers[:10] == list(range(1, 11))
    assert found.numbers[10] > 11
    assert [entry.seq for entry in found.lines if b'"provisional"' in entry.raw] == []
    assert (found.ended[0].lost, found.losses) == (0, [])


def test_a_request_is_not_answered_while_something_is_held(tmp_path: Path) -> None:
    """`wait_processed` promises what stood in the spool, whatever else comes meanwhile."""
    made = writer(tmp_path / "spool")
    made.write(words(1))
    request = tmp_path / "flush" / "1-1"
    with Sidecar(tmp_path, ruleset=RuleSet(())) as sidecar:
        request.parent.mkdir(exist_ok=True)
        request.touch()
        sidecar.step()
        for number in range(2, 100):
            made.write(line(number))
            sidecar.step()
        still_open = request.exists() and sidecar.pending_bytes > 0
        made.write(line(1))
        while request.exists():
            sidecar.step()
        counted = sum(sidecar.state.by_severity.values())
    made.close()

    assert still_open
    assert counted == 99


def counted_calls(monkeypatch: pytest.MonkeyPatch) -> list[object]:
    calls: list[object] = []
    really: Callable[..., bool | None] = ownership.is_running

    def counting(owner: Any) -> bool | None:
        calls.append(owner)
        return really(owner)

    monkeypatch.setattr(ownership, "is_running", counting)
    return calls


def test_the_system_is_asked_for_a_writer_once_a_second(
    reading: Reading, monkeypatch: pytest.MonkeyPatch
) -> None:
    reading.writer.write(line(1))
    calls = counted_calls(monkeypatch)

    for _ in range(50):
        reading.poll()
        reading.clock.now += 0.1

    assert 5 <= len(calls) <= 6


def test_a_writer_that_closed_and_goes_on_is_asked_for_once_a_second(
    reading: Reading, monkeypatch: pytest.MonkeyPatch
) -> None:
    reading.writer.write(line(1))
    reading.writer.close()
    reading.reader.release(reading.poll().checkpoint)
    calls = counted_calls(monkeypatch)

    for _ in range(50):
        reading.poll()
        reading.clock.now += 0.1

    assert 4 <= len(calls) <= 6


BOT = """
import os, sys, time
from pathlib import Path
from tests.spool.spooling import line, writer
made = writer(Path(sys.argv[1]))
made.write(line(1))
child = os.fork() if sys.argv[2] == "forks" else 0
if child == 0 and sys.argv[2] == "forks":
    os.close(1); os.close(2)
    time.sleep(30)
    os._exit(0)
print(child, flush=True)
sys.stdin.read()
os._exit(0)
"""


@pytest.mark.parametrize(("way", "seconds"), [("forks", 1.0), ("alone", 0.0)])
def test_the_end_of_a_process_is_seen_at_once_or_a_second_later(
    tmp_path: Path, way: str, seconds: float
) -> None:
    """Fault 13: a free lock says it at once; when a child still holds it, the process id does."""
    clock = Clock()
    command = [sys.executable, "-c", BOT, str(tmp_path), way]
    with subprocess.Popen(command, cwd=REPO, stdin=-1, stdout=-1, text=True) as bot:
        assert bot.stdout is not None
        child = int(bot.stdout.readline())
        reader = SpoolReader(tmp_path, clock=clock)
        alive = reader.poll()
    clock.now += seconds
    dead = reader.poll()

    reader.close()
    if child:
        os.kill(child, signal.SIGKILL)
    assert alive.ended == []
    assert len(dead.ended) == 1

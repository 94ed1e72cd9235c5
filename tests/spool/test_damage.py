"""Fault 26: whatever is in the folder, the reader opens, skips exactly the bad records, counts, goes on."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from obs.recording.handoff import BATCH
from obs.spool_reader import SpoolReader
from obs.spooling.segment_lines import TOGETHER, settled, take_lines
from obs.spooling.segments import HEADER_BYTES, SLOT_OFFSETS, best_slot, seal
from tests.spool.spooling import Drained, drain, is_true, line, run, segment_files, writer, written

COUNT = 8


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> tuple[str, bytes]:
    """A closed segment of `COUNT` lines: its name and its bytes, with a little unused room."""
    folder = tmp_path_factory.mktemp("whole")
    # In a process of its own, so that its end is beyond doubt whatever the header says.
    run(
        f"""
import sys
from pathlib import Path
from tests.spool.spooling import written
written(Path(sys.argv[1]), {COUNT}, room=1_800)
""",
        folder,
    )
    [path] = segment_files(folder)
    return path.name, path.read_bytes()


def reading(folder: Path, name: str, content: bytes) -> Drained:
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir()
    (folder / name).write_bytes(content)
    return drain(folder)


@pytest.mark.parametrize(
    "change", [lambda byte: byte ^ 0x01, lambda byte: 0, lambda byte: 10], ids=["bit", "zero", "feed"]
)
def test_every_damaged_byte_costs_its_own_record_and_no_other(
    tmp_path: Path, whole: tuple[str, bytes], change: Callable[[int], int]
) -> None:
    name, content = whole
    end = HEADER_BYTES + sum(len(seal(line(number))) for number in range(1, COUNT + 1))
    used = [at for at in range(end) if content[at] not in (0, 0x20)]
    # Of the header every seventh byte, of the lines each one.
    for at in [at for at in used if at >= HEADER_BYTES or at % 7 == 0]:
        damaged = bytearray(content)
        damaged[at] = change(content[at])
        if damaged[at] == content[at]:
            continue

        found = reading(tmp_path / "spool", name, bytes(damaged))

        hit = _number_at(content, at)
        expected = [number for number in range(1, COUNT + 1) if number != hit]
        assert [number for number in found.numbers if number != hit] == expected, at
        assert len(found.numbers) + found.lost == COUNT, (at, found.losses)
        assert all(is_true(entry) for entry in found.lines)
        assert len(found.ended) == 1


def test_every_truncation_keeps_the_lines_before_it(tmp_path: Path, whole: tuple[str, bytes]) -> None:
    name, content = whole
    for size in [*range(0, HEADER_BYTES, 509), *range(HEADER_BYTES, len(content), 7)]:
        found = reading(tmp_path / "spool", name, content[:size])

        complete = content[HEADER_BYTES : max(size, HEADER_BYTES)].count(b"\n")
        assert len(found.numbers) in (complete, complete + 1), size
        assert all(is_true(entry) for entry in found.lines)
        if size >= HEADER_BYTES:
            assert len(found.numbers) + found.lost == COUNT, (size, found.losses)
        else:
            assert found.losses[0].reason == "header"
            assert "not known" in found.losses[0].detail


def test_garbage_behind_the_end_is_said_and_costs_no_record(tmp_path: Path, whole: tuple[str, bytes]) -> None:
    name, content = whole

    found = reading(tmp_path, name, content + b"\xff\n{garbage}\n" * 50)

    assert found.numbers == list(range(1, COUNT + 1))
    assert [(loss.reason, loss.count) for loss in found.losses] == [("damaged", 0)]
    assert [path.name for path in (tmp_path / "quarantine").iterdir()] == [name]


def test_a_damaged_segment_is_kept_in_the_quarantine(tmp_path: Path, whole: tuple[str, bytes]) -> None:
    name, content = whole
    damaged = content.replace(b'"seq":7,', b'"seq":8,')

    found = reading(tmp_path, name, damaged)

    assert found.numbers == [number for number in range(1, COUNT + 1) if number != 7]
    assert [(loss.reason, loss.count, loss.segment) for loss in found.losses] == [("damaged", 1, name)]
    assert (tmp_path / "quarantine" / name).read_bytes() == damaged
    assert segment_files(tmp_path) == []


def test_a_lost_page_costs_its_records_only(tmp_path: Path) -> None:
    """Fault 25: after a power loss pages may be missing in the middle; the lines behind them still count."""
    written(tmp_path, 200, room=64 * 1024)
    [path] = segment_files(tmp_path)
    content = bytearray(path.read_bytes())
    content[20_480:24_576] = bytes(4_096)
    path.write_bytes(content)

    found = drain(tmp_path)

    assert 160 < len(found.numbers) < 180
    assert found.numbers[0] == 1
    assert found.numbers[-1] == 200
    assert len(found.numbers) + found.lost == 200


def test_strangers_in_the_folder_are_left_alone_and_named_once(tmp_path: Path) -> None:
    outside = tmp_path / "outside.seg"
    folder = tmp_path / "spool"
    made = written(folder, 5)
    outside.write_bytes(segment_files(folder)[0].read_bytes())
    (folder / "notes.txt").write_text("mine")
    (folder / "0123456789abcdef-00000001.seg").symlink_to(outside)
    (folder / "0123456789abcdef-00000002.seg").mkdir()
    os.mkfifo(folder / "0123456789abcdef-00000003.seg")
    (folder / "sub").mkdir()

    first = drain(folder)
    second = drain(folder, first.checkpoint)

    assert first.numbers == [1, 2, 3, 4, 5]
    assert {entry.process for entry in first.lines} == {made.process}
    assert {(loss.reason, loss.count) for loss in first.losses} == {("foreign", 0)}
    assert len(first.losses) == 5
    assert second.losses == []
    assert (folder / "notes.txt").read_text() == "mine"
    assert outside.exists()


def test_an_empty_file_and_one_of_garbage_stop_nothing(tmp_path: Path) -> None:
    (tmp_path / "0123456789abcdef-00000001.seg").write_bytes(b"")
    (tmp_path / "0123456789abcdef-00000002.seg").write_bytes(os.urandom(300_000))
    (tmp_path / "0123456789abcdef-00000003.seg").write_bytes(bytes(300_000))
    written(tmp_path, 5)

    found = drain(tmp_path)

    assert found.numbers == [1, 2, 3, 4, 5]
    assert {loss.reason for loss in found.losses} >= {"header"}
    assert segment_files(tmp_path) == []


def test_a_segment_of_a_newer_version_is_left_for_the_newer_reader(tmp_path: Path) -> None:
    written(tmp_path, 5)
    [path] = segment_files(tmp_path)
    header, feed, rest = path.read_bytes().partition(b"\n")
    newer = seal(header.rstrip()[:-18].replace(b'"obs_spool":1', b'"obs_spool":2') + b"}")[:-1]
    path.write_bytes(newer.ljust(len(header)) + feed + rest)

    found = drain(tmp_path)

    assert found.lines == []
    assert [(loss.reason, loss.count) for loss in found.losses] == [("unknown_version", 0)]
    assert path.exists()


def test_a_line_without_a_number_is_counted_and_the_rest_delivered(tmp_path: Path) -> None:
    made = writer(tmp_path)
    for raw in (
        line(1),
        b'{"body":"no number"}',
        b'{"seq":"two"}',
        b'{"seq":-3}',
        b'{"seq":0}',
        b"{not json}",
        line(2),
    ):
        assert made.write(raw)
    made.set_counters({"emitted": 2})
    made.close()

    found = drain(tmp_path)

    assert found.numbers == [1, 2]
    assert [(loss.reason, loss.count) for loss in found.losses] == [("damaged", 1)] * 5


def test_a_hole_in_a_growing_segment_holds_the_reader_back_until_it_is_filled() -> None:
    """Capture trap 4: a line feed may be seen before the bytes in front of it."""
    one, two = seal(line(1)), seal(line(2))
    hole = two[:10] + bytes(4) + two[14:]

    assert settled(one + hole + bytes(100)) == len(one)
    assert settled(one + two + bytes(100)) == len(one + two)


def test_a_hole_in_lines_that_are_copied_together_is_waited_for() -> None:
    """Several lines are one copy, whose pages may be seen in any order: a line of zeros, others behind it."""
    lines = [seal(line(number)) for number in range(TOGETHER + 1)]
    together = b"".join(lines)
    start = len(lines[0])
    hole = together[:start] + bytes(len(lines[1])) + together[start + len(lines[1]) :]

    assert TOGETHER == BATCH
    assert settled(hole + bytes(100)) == start
    assert settled(together + bytes(100)) == len(together)


def test_a_hole_with_more_lines_behind_it_than_are_copied_together_is_damage_and_not_waited_for() -> None:
    one, two = seal(line(1)), seal(line(2))
    rest = [seal(line(number)) for number in range(3, 3 + TOGETHER)]
    hole = two[:10] + bytes(4) + two[14:]
    data = b"".join((one, hole, *rest))

    end = settled(data + bytes(100))
    taken = take_lines(data[:end], 100, is_last=False)

    assert end == len(data)
    assert taken.lines == [line(1), *(line(number) for number in range(3, 3 + TOGETHER))]
    assert [damage.records for damage in taken.damage] == [1]


@pytest.mark.parametrize("characters", [100, 20_000])
def test_damage_in_a_living_segment_does_not_hold_back_what_follows(tmp_path: Path, characters: int) -> None:
    """Also where the lines behind it are longer than what is read at one time."""
    made = writer(tmp_path, room=1 << 20)
    long = b"x" * characters
    for number in range(1, TOGETHER + 10):
        made.write(line(number)[:-1] + b',"more":"' + long + b'"}')
    [path] = segment_files(tmp_path)
    with path.open("r+b") as file:
        file.seek(HEADER_BYTES + 10)
        file.write(bytes(4))

    reader = SpoolReader(tmp_path)
    batches = [reader.poll() for _ in range(3)]
    reader.close()
    made.close()

    assert sum(len(batch.lines) for batch in batches) == TOGETHER + 8
    assert sum(loss.count for batch in batches for loss in batch.losses if loss.reason == "damaged") == 1


def test_a_torn_write_of_the_books_leaves_the_books_before_it(tmp_path: Path) -> None:
    made = writer(tmp_path)
    made.write(line(1))
    for emitted in (10, 20):
        made.set_counters({"emitted": emitted})
    [path] = segment_files(tmp_path)
    header = bytearray(path.read_bytes()[:HEADER_BYTES])
    newest = max(SLOT_OFFSETS, key=lambda at: header[at : at + 200].find(b'"emitted":20') >= 0)

    header[newest + 30] ^= 1

    slot = best_slot(bytes(header))
    made.close()
    assert slot is not None
    assert slot.books == {"emitted": 10}


def _number_at(content: bytes, at: int) -> int:
    """Which line a byte belongs to; 0 for the header."""
    return content[HEADER_BYTES:at].count(b"\n") + 1 if at >= HEADER_BYTES else 0


def test_a_forged_header_with_right_checksums_stops_nothing(tmp_path: Path) -> None:
    process = "0123456789abcdef"
    forged = [
        (b'{"obs_spool":1,"process":7,"resource":[]}', b'{"generation":"x"}'),
        (b'{"obs_spool":1,"process":"../../etc","pid":"x"}', b"[" * 2_000),
        (
            b'{"obs_spool":1,"process":"%b","resource":{},"pid":-1,"start":[]}' % process.encode(),
            b'{"generation":1,"state":"closed","clean":3,"end":-5,"time_ns":1,"books":{"dropped.a":"x"}}',
        ),
    ]
    for index, (identity, slot) in enumerate(forged, 1):
        header = seal(identity).ljust(3_072) * 2 + seal(slot + b"}")
        content = header.ljust(HEADER_BYTES, b"\0") + seal(line(index))
        (tmp_path / f"{process}-{index:08d}.seg").write_bytes(content)

    found = drain(tmp_path)

    assert found.numbers == [1, 2, 3]
    assert segment_files(tmp_path) == []


def test_a_huge_file_of_zeros_does_not_hold_up_the_others(tmp_path: Path) -> None:
    with (tmp_path / "0000000000000000-00000001.seg").open("wb") as file:
        file.truncate(1 << 40)
    written(tmp_path, 5)
    reader = SpoolReader(tmp_path)

    numbers = [entry.seq for entry in reader.poll().lines]

    reader.close()
    assert numbers == [1, 2, 3, 4, 5]

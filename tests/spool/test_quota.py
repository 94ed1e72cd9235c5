"""The spool keeps within its quota, and its books stay exact whoever is there to read."""

from __future__ import annotations

from pathlib import Path

import pytest

from obs.spool_reader import SpoolReader
from obs.spooling.sizes import quota_of
from tests.spool.spooling import Drained, drain, line, run, segment_files, writer

QUOTA = 1_500_000


def fill(folder: Path, count: int, *, room: int = 60_000) -> int:
    """Write with every 50th line an ERROR; return how many were kept."""
    made = writer(folder, room=room, quota=QUOTA)
    kept = 0
    for number in range(1, count + 1):
        kept += made.write(line(number, severity="ERROR" if number % 50 == 0 else "INFO"))
    made.set_counters({"emitted": count, "dropped.spool.INFO.bot.execution": count - kept})
    made.close()
    return kept


def size_of(folder: Path) -> int:
    return sum(path.stat().st_size for path in segment_files(folder))


def test_without_a_reader_the_oldest_lines_go_and_the_errors_among_them_stay(tmp_path: Path) -> None:
    kept = fill(tmp_path, 12_000)

    assert kept == 12_000
    assert size_of(tmp_path) <= QUOTA
    found = drain(tmp_path)
    [end] = found.ended
    assert end.emitted == 12_000
    assert end.delivered == len(found.numbers) < 12_000
    assert end.delivered + end.dropped == 12_000
    assert (end.lost, found.losses) == (0, [])
    books = found.books[end.process]
    dropped = {key: count for key, count in books.items() if key.startswith("dropped.quota.")}
    assert sum(dropped.values()) == end.dropped
    assert set(dropped) <= {"dropped.quota.INFO.bot.execution", "dropped.quota.ERROR.bot.execution"}
    newest_dropped = 12_000 - (len(found.numbers) - len([n for n in found.numbers if n % 50 == 0]))
    errors = [number for number in range(newest_dropped // 2, newest_dropped) if number % 50 == 0]
    assert set(errors) <= set(found.numbers)


def test_with_a_living_reader_nothing_goes_and_the_writer_is_refused(tmp_path: Path) -> None:
    reader = SpoolReader(tmp_path)

    kept = fill(tmp_path, 12_000)

    assert 5_000 < kept < 12_000
    found = Drained(reader)
    reader.close()
    [end] = found.ended
    assert found.numbers[0] == 1
    assert len(found.numbers) == kept
    assert (end.emitted, end.delivered, end.dropped, end.lost) == (12_000, kept, 12_000 - kept, 0)


def test_a_refused_writer_goes_on_when_the_reader_has_made_room(tmp_path: Path) -> None:
    reader = SpoolReader(tmp_path)
    made = writer(tmp_path, room=60_000, quota=200_000)
    number = 1
    while made.write(line(number)):
        number += 1
    assert "its reader is behind" in made.fault

    found = Drained(reader)
    made._retry_at = 0.0

    assert made.write(line(number))
    made.close()
    found = Drained(reader)
    reader.close()
    assert found.numbers[-1] == number


def test_a_new_process_finds_room_where_dead_ones_filled_the_quota(tmp_path: Path) -> None:
    """A bot that crashes in a loop with no sidecar about: its last words matter most."""
    program = """
import sys
from pathlib import Path
from tests.spool.test_quota import fill
fill(Path(sys.argv[1]), 1_000)
"""
    for _ in range(12):
        run(program, tmp_path)

    kept = fill(tmp_path, 5_000)

    assert kept == 5_000
    assert size_of(tmp_path) <= QUOTA
    found = drain(tmp_path)
    assert len(found.ended) == 13
    assert {(end.emitted, end.delivered + end.dropped, end.lost) for end in found.ended} == {
        (1_000, 1_000, 0),
        (5_000, 5_000, 0),
    }
    assert found.losses == []
    mine = [end for end in found.ended if end.emitted == 5_000]
    assert mine[0].delivered > 4_000


def test_what_a_dead_reader_had_already_is_not_counted_as_dropped(tmp_path: Path) -> None:
    made = writer(tmp_path, room=60_000, quota=300_000)
    for number in range(1, 1_001):
        made.write(line(number))
    reader = SpoolReader(tmp_path)
    batch = reader.poll(700)
    reader.close()
    for number in range(1_001, 4_001):
        assert made.write(line(number)), made.fault
    made.set_counters({"emitted": 4_000})
    made.close()

    found = drain(tmp_path, batch.checkpoint)

    [end] = found.ended
    numbers = [entry.seq for entry in batch.lines] + found.numbers
    assert len(numbers) == len(set(numbers)) == end.delivered
    assert (end.emitted, end.delivered + end.dropped, end.lost) == (4_000, 4_000, 0)


@pytest.mark.parametrize(
    ("text", "quota"),
    [
        ("16MiB", 16 * 2**20),
        ("1.5 GB", 1_500_000_000),
        ("2GiB", 2**31),
        ("536870912B", 2**29),
        (" 20000kB ", 20_000_000),
    ],
)
def test_a_quota_is_a_number_with_a_unit(text: str, quota: int) -> None:
    assert quota_of(text) == quota


@pytest.mark.parametrize("text", ["", "512", "MiB", "-1GiB", "1 TB", "15MiB", "1e3MB", "nan GB"])
def test_what_is_no_quota_is_refused_with_the_mend(text: str) -> None:
    with pytest.raises(ValueError, match="write "):
        quota_of(text)

"""What waits to be sent: exact books whatever a disk does, after kills, full disks and power cuts."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import threading
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest

from obs.exporting.outbox import Counts, Outbox, Written
from obs.keeping import syncing
from obs.sidecar import Sidecar
from tests.exporting.collector import attributes, collecting, until
from tests.exporting.test_collectors import lines, up
from tests.exporting.test_exporting import counts, feed, going_to, is_empty, is_even, said

MOST = 1 << 20


def rows(first: int, last: int) -> list[bytes]:
    return [f'{{"line": {number}}}'.encode() for number in range(first, last)]


def filled(folder: Path, batches: int = 4) -> tuple[Outbox, Written]:
    """Batches of 10, each of which is stored."""
    outbox = Outbox(folder, most_bytes=MOST)
    outbox.resume(None)
    written = Written()
    for number in range(batches):
        written = outbox.write(rows(number * 10, number * 10 + 10))
        outbox.stored()
    return outbox, written


def balance(books: Counts) -> int:
    return books.taken - books.sent - books.waiting - sum(books.dropped.values())


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of 64 KiB in memory."""
    disk = tmp_path / "obs" / "outbox"
    disk.mkdir(parents=True)
    if os.getuid() != 0 or shutil.which("mount") is None:
        pytest.skip("only root may mount a small file system")
    done = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=64k", "none", disk], capture_output=True, check=False
    )
    if done.returncode:
        pytest.skip(f"no file system may be mounted here: {done.stderr.decode().strip()}")
    try:
        yield disk
    finally:
        subprocess.run(["umount", "-l", disk], check=True)


def test_a_full_disk_costs_what_it_refused_counted_and_nothing_after_it_has_room(small_disk: Path) -> None:
    with collecting() as seen:
        seen.status = 503
        aim = going_to(seen.url, signals=("logs",))
        with Sidecar(small_disk.parent, destination=aim) as sidecar:
            for start in range(0, 2_000, 100):
                feed(sidecar, [said(number) for number in range(start, start + 100)])
                assert is_even(sidecar)
            full = counts(sidecar)
            seen.status = 200
            assert until(lambda: is_empty(sidecar))
            # What was sent is deleted when that is certain.
            assert until(lambda: not list(small_disk.glob("logs/*.jsonl")))
            feed(sidecar, [said(number) for number in range(2_000, 2_100)])
            assert until(lambda: is_empty(sidecar))
            after = counts(sidecar)

    assert full.dropped.keys() == {"disk"}
    assert 0 < full.waiting < 2_000
    assert after == Counts(2_100, full.waiting + 100, 0, full.dropped)
    assert len(seen.bodies) == len(set(seen.bodies)) == after.sent


@pytest.mark.parametrize("damage", ["gone", "short", "zeros", "empty", "nonsense"])
@pytest.mark.parametrize("place", [0, 2, 3])
def test_what_a_power_cut_took_is_counted_and_the_rest_is_sent(
    tmp_path: Path, damage: str, place: int
) -> None:
    _, written = filled(tmp_path)
    victim = sorted(tmp_path.glob("*.jsonl"))[place]
    data = victim.read_bytes()
    if damage == "gone":
        victim.unlink()
    else:
        half = len(data) // 2
        kinds = {
            "short": data[:half],
            "zeros": data[:half] + bytes(half),
            "empty": b"",
            "nonsense": b"\xff\n",
        }
        victim.write_bytes(kinds[damage])

    again = Outbox(tmp_path, most_bytes=MOST)
    again.resume(written)
    part = again.read(1_000)
    good = [line for line in part.lines if line.startswith(b'{"line": ') and line.endswith(b"}")]
    before = again.counts()
    again.done(part, len(good), {"malformed": len(part.lines) - len(good)})

    assert balance(before) == balance(again.counts()) == 0
    assert {line for line in rows(0, 40) if line not in data.splitlines()} <= set(good)
    assert again.counts().waiting == 0
    if damage == "gone":
        assert before.dropped == {"disk": 10}


@pytest.mark.parametrize("state", ["older", "missing", "torn"])
def test_progress_that_a_power_cut_took_back_sends_again_and_loses_nothing(
    tmp_path: Path, state: str
) -> None:
    outbox, written = filled(tmp_path)
    outbox.done(outbox.read(10), 10, {})
    older = (tmp_path / "progress.json").read_bytes()
    outbox.done(outbox.read(15), 14, {"refused": 1})
    path = tmp_path / "progress.json"
    if state == "missing":
        path.unlink()
    else:
        path.write_bytes(older if state == "older" else older[: len(older) // 2])

    again = Outbox(tmp_path, most_bytes=MOST)
    again.resume(written)

    assert balance(again.counts()) == 0
    assert again.counts().dropped == {}
    assert set(rows(25, 40)) <= set(again.read(1_000).lines)


def test_what_was_sent_is_deleted_once_that_is_certain_and_not_before(tmp_path: Path) -> None:
    outbox, _ = filled(tmp_path)

    outbox.done(outbox.read(40), 40, {})
    before = len(list(tmp_path.glob("*.jsonl")))
    outbox.sync()

    assert (before, len(list(tmp_path.glob("*.jsonl")))) == (4, 0)


def test_what_waits_for_longer_is_made_certain_and_what_goes_at_once_is_not(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    synced: list[str] = []
    real = syncing.sync_file

    def recorded(descriptor: int) -> None:
        synced.append(Path(f"/proc/self/fd/{descriptor}").readlink().name)
        real(descriptor)

    monkeypatch.setattr("obs.exporting.outbox.sync_file", recorded)
    outbox, _ = filled(tmp_path)

    outbox.sync()
    at_once = list(synced)
    outbox.write(rows(40, 50))
    outbox.stored()
    outbox.sync()

    # The fifth has not yet waited for as long as from one call to the next.
    assert at_once == []
    assert synced == sorted(path.name for path in tmp_path.glob("*.jsonl"))[:4]


@pytest.mark.parametrize("where", ["sync_file", "sync_folder"])
def test_neither_fold_nor_books_wait_for_a_disk_that_hangs(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, where: str
) -> None:
    hangs, free = threading.Event(), threading.Event()

    def hung(_: object) -> None:
        hangs.set()
        free.wait(60)

    outbox, _ = filled(tmp_path)
    outbox.sync()
    monkeypatch.setattr(f"obs.exporting.outbox.{where}", hung)
    if where == "sync_folder":
        # Nothing but what was sent is to be written down.
        outbox.done(outbox.read(40), 40, {})
    syncer = threading.Thread(target=outbox.sync)
    syncer.start()
    assert hangs.wait(60)
    outbox.most_bytes = 300

    # All that the fold does, also making room; a lock held here would end the test by its time limit.
    for number in range(4, 30):
        outbox.write(rows(number * 10, number * 10 + 10))
        outbox.stored()
        assert balance(outbox.counts()) == 0
    dropped = outbox.counts().dropped
    free.set()
    syncer.join(60)
    outbox.sync()

    assert dropped.keys() == {"full"}
    assert sum(path.stat().st_size for path in tmp_path.glob("*.jsonl")) < 1_000


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_a_sidecar_killed_thirty_times_sends_every_record_and_its_books_balance(tmp_path: Path) -> None:
    kills = 30
    log = tmp_path / "bot.jsonl"
    log.touch()
    with collecting() as seen:
        for kill in range(kills):
            # Each life sees a collector that takes some time, or refuses; it is killed in the midst of it.
            seen.status, seen.seconds = (503, 0.0) if kill % 3 == 2 else (200, 0.02)
            with up(tmp_path / "obs", seen.url, log, OTEL_BLRP_MAX_EXPORT_BATCH_SIZE="50") as sidecar:
                with log.open("a") as more:
                    more.write(lines(kill * 1_000, kill * 1_000 + 1_000))
                assert until(lambda done=seen.asked: seen.asked > done + 3)
                sidecar.stop(signal.SIGKILL)
        seen.status, seen.seconds = 200, 0.0
        with up(tmp_path / "obs", seen.url, log) as sidecar:
            assert until(lambda: sidecar.books()[0] == kills * 1_000 and sidecar.books()[3] == 0)
            taken, sent, dropped, _ = sidecar.books()
            assert until(lambda: len(set(seen.bodies)) == kills * 1_000)

    told = Counter(attributes(record.attributes)["log.record.uid"] for record in seen.records)
    assert (taken, sent, dropped) == (kills * 1_000, kills * 1_000, 0)
    # At most the request whose answer came in the moment of the kill is sent twice, each time.
    assert sum(told.values()) - len(told) <= 50 * kills

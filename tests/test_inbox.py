"""What came over the network: on disk before it is confirmed, folded once, counted once."""

from __future__ import annotations

import resource
import threading
from pathlib import Path
from uuid import NAMESPACE_OID, uuid5

import pytest

from obs.analysis import Analyzer
from obs.events import Event, Severity
from obs.keeping import syncing
from obs.keeping.inbox import Inbox, InboxFullError, InboxReader, Kept, entry_of, loss_of
from obs.keeping.recollection import Recollection
from obs.otlp.receiving import Receiver
from obs.rules import RuleSet
from obs.sidecar import Sidecar
from tests.otlp.requests import log, logs_request

EVERYTHING = 1 << 30


def said(number: int, **more: object) -> Event:
    return Event(
        timestamp=1_795_000_000_000_000_000 + number,
        severity=Severity.INFO,
        body=f"order {number} filled",
        resource={"service.name": "grid-1"},
        **more,  # type: ignore[arg-type]
    )


def bodies(reader: InboxReader, most: int = EVERYTHING) -> list[str]:
    return [event.body for event in reader.poll(most).events]


def test_events_come_out_once_in_the_order_in_which_they_went_in(tmp_path: Path) -> None:
    inbox, reader = Inbox(tmp_path), InboxReader(tmp_path)

    kept = inbox.put(map(entry_of, [said(1), said(2)]))
    first = bodies(reader)
    inbox.put([entry_of(said(3))])

    assert kept == Kept(stored=2, doubles=0)
    assert first == ["order 1 filled", "order 2 filled"]
    assert bodies(reader) == ["order 3 filled"]
    assert reader.pending_bytes == 0


def test_of_records_of_one_millisecond_the_one_that_came_later_holds(tmp_path: Path) -> None:
    inbox, reader, analyzer = Inbox(tmp_path), InboxReader(tmp_path), Analyzer(RuleSet(()))
    steps = ("order.submitted", "order.accepted", "order.filled")

    for number in range(20):
        inbox.put(
            entry_of(
                said(
                    0,
                    event_name=step,
                    attributes={"order.id": f"o{number}"},
                    uid=uuid5(NAMESPACE_OID, f"{number} {step}").hex,
                )
            )
            for step in steps
        )
    events = reader.poll(EVERYTHING).events
    for one in events:
        analyzer.feed(one)

    orders = analyzer.state.books.bots["grid-1"].orders.values()
    assert [order.last.name for order in orders] == ["order.filled"] * 20
    arrivals = [one.observed_timestamp for one in events]
    assert arrivals == sorted(set(arrivals))


def test_what_is_sent_again_counts_once_also_after_a_restart(tmp_path: Path) -> None:
    batch = [entry_of(said(number)) for number in range(10)]
    Inbox(tmp_path).put(batch[:6])  # killed: never closed

    kept = Inbox(tmp_path).put(batch)

    assert kept == Kept(stored=4, doubles=6)
    assert len(bodies(InboxReader(tmp_path))) == 10


def test_ids_outlive_the_segments_that_were_folded(tmp_path: Path) -> None:
    batch = [entry_of(said(number)) for number in range(50)]
    inbox, reader = Inbox(tmp_path, segment_bytes=2_000), InboxReader(tmp_path)
    for entry in batch:
        inbox.put([entry])
    bodies(reader)
    reader.release()
    inbox.close()

    assert len(list(tmp_path.glob("*.jsonl"))) == 1
    assert Inbox(tmp_path).put(batch) == Kept(stored=0, doubles=50)


def test_the_senders_own_id_decides_and_one_batch_may_say_a_thing_twice(tmp_path: Path) -> None:
    inbox = Inbox(tmp_path)

    own = [entry_of(said(1, uid="a")), entry_of(said(2, uid="a")), entry_of(said(1, uid="b"))]
    alike = [entry_of(said(3)), entry_of(said(3), occurrence=2)]

    assert inbox.put(own) == Kept(stored=2, doubles=1)
    assert inbox.put(alike) == Kept(stored=2, doubles=0)
    assert inbox.put(alike) == Kept(stored=0, doubles=2)


def test_a_line_that_was_cut_by_a_kill_is_left_out_and_nobody_waits_for_it(tmp_path: Path) -> None:
    Inbox(tmp_path).put([entry_of(said(1))])
    (segment,) = tmp_path.glob("*.jsonl")
    with segment.open("ab") as file:
        file.write(b'0123456789abcdef {"timestamp": 1795, "bo')
    reader = InboxReader(tmp_path)

    assert bodies(reader) == ["order 1 filled"]
    assert reader.pending_bytes == 0
    Inbox(tmp_path).put([entry_of(said(2))])
    assert bodies(reader) == ["order 2 filled"]


def test_nothing_is_kept_of_a_batch_that_has_no_room(tmp_path: Path) -> None:
    inbox = Inbox(tmp_path, most_bytes=1_000)
    inbox.put([entry_of(said(1))])

    with pytest.raises(InboxFullError):
        inbox.put([entry_of(said(number)) for number in range(2, 50)])

    assert bodies(InboxReader(tmp_path)) == ["order 1 filled"]
    assert inbox.put([entry_of(said(2))]) == Kept(stored=1, doubles=0)


def test_room_comes_back_when_segments_were_folded_and_stored(tmp_path: Path) -> None:
    inbox, reader = Inbox(tmp_path, most_bytes=4_000, segment_bytes=500), InboxReader(tmp_path)

    for number in range(200):
        inbox.put([entry_of(said(number))])
        bodies(reader)
        reader.release()

    assert not inbox.is_full


def test_a_folder_that_was_deleted_is_made_again(tmp_path: Path) -> None:
    inbox = Inbox(tmp_path / "inbox")
    inbox.put([entry_of(said(1))])
    for path in (tmp_path / "inbox").iterdir():
        path.unlink()
    (tmp_path / "inbox").rmdir()

    inbox.put([entry_of(said(2))])

    assert bodies(InboxReader(tmp_path / "inbox")) == ["order 2 filled"]


def test_no_secret_reaches_the_disk_wherever_it_stands(tmp_path: Path) -> None:
    secret = "sk-proj-Zm9vYmFyYmF6cXV4Zm9vYmFyYmF6cXV4MDEy"
    event = Event(
        timestamp=1,
        body=f"key {secret}",
        logger=f"bot {secret}",
        event_name=f"x {secret}",
        severity_text=secret,
        attributes={"api_key": "hunter22222", "list": [f"Bearer {secret}"]},
        resource={"service.name": "a", "token": secret},
    )

    Inbox(tmp_path).put([entry_of(event)])

    written = b"".join(path.read_bytes() for path in tmp_path.iterdir())
    assert secret.encode() not in written
    assert b"hunter22222" not in written
    assert all(path.stat().st_mode & 0o077 == 0 for path in tmp_path.iterdir())


def test_the_sidecar_folds_what_came_once_whenever_it_is_killed(tmp_path: Path) -> None:
    inbox = Inbox(tmp_path / "inbox")
    inbox.put([entry_of(said(number)) for number in range(20)] + [loss_of("otlp_unreadable", b"x")])
    before = Sidecar(tmp_path)
    before.step()  # folded, and killed before anything was stored
    before.close()
    with Sidecar(tmp_path) as again:
        again.flush()
        inbox.put([entry_of(said(number)) for number in range(10, 30)])
        again.flush()

    with Sidecar(tmp_path) as last:
        last.flush()
        snapshot = last.snapshot()

    assert snapshot.events == 30
    assert [(loss.reason, loss.count) for loss in snapshot.losses] == [("otlp_unreadable", 1)]


def test_of_a_batch_that_the_disk_takes_in_part_nothing_stays(tmp_path: Path) -> None:
    inbox, reader = Inbox(tmp_path), InboxReader(tmp_path)
    inbox.put([entry_of(said(1))])
    (segment,) = tmp_path.glob("*.jsonl")
    before = segment.stat().st_size
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (before + 50, hard))
    try:
        with pytest.raises(InboxFullError):
            inbox.put([entry_of(said(2)), entry_of(said(3))])
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))

    assert segment.stat().st_size == before
    assert inbox.put([entry_of(said(2))]) == Kept(stored=1, doubles=0)
    assert bodies(reader) == ["order 1 filled", "order 2 filled"]


def test_the_newest_numbers_are_remembered_and_the_oldest_forgotten() -> None:
    seen = Recollection(slots=1_024)

    seen.update(range(1, 2_000))

    assert all(number in seen for number in range(1_500, 2_000))
    assert 1 not in seen
    assert 5_000 not in seen


class Disk:
    """Counts what is asked of it, through the real calls; may fail or hang."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.files, self.folders = 0, 0
        self.fault: OSError | None = None
        self.free = threading.Event()
        self.free.set()
        self.asked = threading.Event()
        real_file, real_folder = syncing.sync_file, syncing.sync_folder

        def file(descriptor: int) -> None:
            self.files += 1
            self.asked.set()
            self.free.wait(60)
            if self.fault is not None:
                raise self.fault
            real_file(descriptor)

        def folder(path: Path) -> None:
            self.folders += 1
            real_folder(path)

        monkeypatch.setattr("obs.keeping.inbox.sync_file", file)
        monkeypatch.setattr("obs.keeping.inbox.sync_folder", folder)


def test_what_is_confirmed_is_on_the_disk_for_certain(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    inbox, disk = Inbox(tmp_path), Disk(monkeypatch)
    receiver = Receiver(inbox)

    answers = [
        receiver.receive("logs", "application/x-protobuf", "", logs_request([log(number)]))
        for number in (1, 2)
    ]

    assert [answer.status for answer in answers] == [200, 200]
    # Once for each, and once for the name of the segment.
    assert (disk.files, disk.folders) == (2, 1)


def test_nothing_is_confirmed_while_the_disk_hangs_and_others_may_put(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    inbox, disk = Inbox(tmp_path), Disk(monkeypatch)
    disk.free.clear()
    inbox.put([entry_of(said(0))])
    waiting = [threading.Thread(target=inbox.sync) for _ in range(20)]
    waiting[0].start()
    assert disk.asked.wait(60)

    inbox.put([entry_of(said(1))])
    for one in waiting[1:]:
        one.start()
    still = [one.is_alive() for one in waiting]
    disk.free.set()
    for one in waiting:
        one.join(60)

    assert all(still)
    # The first waited for what it had put; all that came meanwhile shared one wait.
    assert disk.files == 2


def test_a_disk_that_fails_confirms_nothing_and_is_asked_of_another_segment(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    inbox, disk = Inbox(tmp_path), Disk(monkeypatch)
    disk.fault = OSError(5, "Input/output error")
    body = logs_request([log(1)])

    refused = Receiver(inbox).receive("logs", "application/x-protobuf", "", body)
    disk.fault = None
    again = Receiver(inbox).receive("logs", "application/x-protobuf", "", body)
    Receiver(inbox).receive("logs", "application/x-protobuf", "", logs_request([log(2)]))

    assert (refused.status, again.status) == (503, 200)
    assert len(list(tmp_path.glob("*.jsonl"))) == 2
    assert bodies(InboxReader(tmp_path)) == ["order 1 filled", "order 2 filled"]

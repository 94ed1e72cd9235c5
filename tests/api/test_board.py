"""The board: whole pictures from the fold's thread, waiting readers woken, the fold never kept waiting."""

from __future__ import annotations

import asyncio
import threading
import time
from pathlib import Path

import msgspec
import pytest

from obs.api import board as boards
from obs.api.board import Board
from obs.api.tail import Line
from obs.keeping.stopping import Flag
from obs.rules import RuleSet
from obs.sidecar import Sidecar
from obs.snapshot import Snapshot
from tests.api.conftest import drawn
from tests.spool_lines import Bot


def test_a_picture_of_another_thread_wakes_whoever_waits() -> None:
    board = Board(drawn())

    async def wait() -> tuple[bool, int]:
        threading.Timer(0.1, lambda: board.publish(drawn(), pending_bytes=3)).start()
        return await board.changed(board.version, timeout=5), board.picture.pending_bytes

    assert asyncio.run(wait()) == (True, 3)


def test_a_new_line_wakes_those_alone_who_wait_for_lines() -> None:
    board = Board(drawn())

    async def wait() -> list[bool]:
        seq = board.tail.newest

        def say() -> None:
            board.tail.append(Line("id", 1, "INFO", "grid-1", "feed", "hello"))
            board.is_due(changed=False)

        threading.Timer(0.1, say).start()
        return list(
            await asyncio.gather(
                board.changed(board.version, timeout=0.5), board.changed(board.version, seq=seq, timeout=5)
            )
        )

    assert asyncio.run(wait()) == [False, True]


def test_many_pictures_of_a_busy_fold_lose_no_reader() -> None:
    board = Board(drawn())

    async def follow() -> int:
        def publish() -> None:
            for _ in range(2_000):
                board.publish(drawn())

        thread = threading.Thread(target=publish)
        thread.start()
        version = 0
        while version < 2_000:
            assert await board.changed(version, timeout=5)
            assert board.version > version
            version = board.version
        thread.join()
        return version

    assert asyncio.run(follow()) == 2_000


def test_pictures_take_their_share_of_the_folds_time_and_no_more(monkeypatch: pytest.MonkeyPatch) -> None:
    board = Board(drawn())
    monkeypatch.setattr(boards, "LEAST_SECONDS", 0.0)

    def slow() -> Snapshot:
        time.sleep(0.05)
        return drawn()

    board.picture  # noqa: B018 - somebody looks
    board.show(slow, fault="", pending_bytes=0)
    at_once = board.is_due(changed=True)
    time.sleep(0.05 * boards.SHARE)

    assert (at_once, board.is_due(changed=True), board.is_due(changed=False)) == (False, True, False)


def test_the_fold_shows_what_it_takes_while_others_read(tmp_path: Path) -> None:
    board = Board(drawn())
    stop = Flag()
    bot = Bot(tmp_path)

    async def watch(sidecar: Sidecar) -> None:
        work = asyncio.create_task(sidecar.run(stop))
        for number in range(3):
            before = board.snapshot.events if number else 0
            bot.say(f"order {number} rejected", "ERROR")
            while board.version == 0 or board.snapshot.events <= before:
                assert await board.changed(board.version, timeout=10)
        stop.set()
        await work

    with Sidecar(tmp_path, ruleset=RuleSet(()), audience=board) as sidecar:
        asyncio.run(watch(sidecar))
    texts = [row.text[0].text for row in board.tail.after(0)]
    assert [text for text in texts if text.startswith("order")] == [
        f"order {number} rejected" for number in range(3)
    ]


def test_an_audience_that_fails_costs_its_picture_and_is_said(tmp_path: Path) -> None:
    class Deaf(Board):
        def publish(self, snapshot: Snapshot, *, fault: str = "", pending_bytes: int = 0) -> None:
            raise RuntimeError

    Bot(tmp_path).say("order 1 rejected", "ERROR")
    with Sidecar(tmp_path, ruleset=RuleSet(()), audience=Deaf(drawn())) as sidecar:
        assert sidecar.flush()

        assert any("could not be shown" in line for line in sidecar.snapshot().not_known)


def test_events_of_another_thread_are_folded_between_steps(tmp_path: Path) -> None:
    from obs.events import Event, Severity

    done: list[str] = []
    with Sidecar(tmp_path, ruleset=RuleSet(())) as sidecar:

        def offer() -> None:
            for number in range(50):
                sidecar.offer(
                    Event(timestamp=number + 1, severity=Severity.INFO, body="tick", uid=f"a-{number}")
                )

        thread = threading.Thread(target=offer)
        thread.start()
        thread.join()
        sidecar.post(lambda: done.append(threading.current_thread().name))
        sidecar.step()

        assert sidecar.state.by_severity == {"INFO": 50}
    assert done == [threading.current_thread().name]


def test_it_is_behind_while_bytes_wait_or_the_fold_hangs() -> None:
    now = 1_700_000_100_000
    picture = msgspec.structs.replace(drawn(), last_event=(now - 9_000) * 1_000_000)
    board = Board(picture, clock=lambda: now * 1_000_000)

    board.publish(picture)
    calm, hanging = board.behind_ms(now), board.behind_ms(now + 5_000)
    board.publish(picture, pending_bytes=10)

    assert (calm, hanging, board.behind_ms(now)) == (0, 5_000, 9_000)

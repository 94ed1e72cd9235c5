"""The live stream: the page and its changes, events with resume, a heartbeat; slow viewers slow nobody."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import msgspec
import pytest

import obs
from obs.api import stream as streaming
from obs.api.board import Board
from obs.api.context import Context
from obs.api.envelope import ApiError
from obs.api.pages import Pages, View, joined
from obs.api.stream import Message, Streams
from obs.api.tail import Line

MORE = (
    "2026-11-20 10:00:00,000 - bot - ERROR - order 1 rejected: insufficient balance",
    "2026-11-20 10:00:01,000 - bot - ERROR - Unclosed client session",
)


def line(text: str, service: str = "grid-1") -> Line:
    return Line("id", 1, "INFO", service, "feed", text)


def data(message: Message) -> Any:
    return msgspec.json.decode(message.data)


def words(message: Message) -> list[str]:
    return ["".join(span["text"] for span in row["text"]) for row in data(message)]


class Watched:
    """One viewer of fresh streams."""

    def __init__(self, context: Context) -> None:
        self.context = context
        self.streams = Streams(context, Pages(context))

    def watch(self, view: View | None = None, last_seq: int | None = None) -> Viewer:
        return Viewer(self.streams.messages(view or View(), last_seq))


class Viewer:
    def __init__(self, messages: AsyncIterator[Message]) -> None:
        self.messages = messages

    async def next(self, kind: str, seconds: float = 5.0) -> Message:
        """The next message of a kind; others are skipped."""

        async def look() -> Message:
            async for message in self.messages:
                if message.kind == kind:
                    return message
            raise AssertionError("the stream ended")

        return await asyncio.wait_for(look(), seconds)

    async def __aenter__(self) -> Viewer:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.messages.aclose()  # type: ignore[attr-defined]


def played(scene: Callable[[Watched, Board], Any], context: Context) -> None:
    async def play() -> None:
        await asyncio.wait_for(scene(Watched(context), context.board), 20)

    asyncio.run(play())


def test_first_the_whole_page_comes_then_what_changed_in_it(context: Context) -> None:
    async def scene(watched: Watched, board: Board) -> None:
        async with watched.watch() as viewer:
            first = data(await viewer.next("page"))
            board.publish(obs.analyze(MORE))
            second = data(await viewer.next("page"))

        assert {"verdict", "issues", "observer", "taken_at", "version"} <= set(first)
        assert set(second) == {"taken_at", "changed"}
        assert "issues" in second["changed"]
        assert not {"version", "lang", "zone", "taken_at"} & set(second["changed"])

    played(scene, context)


def test_a_picture_that_changes_nothing_sends_nothing(context: Context) -> None:
    async def scene(watched: Watched, board: Board) -> None:
        async with watched.watch() as viewer:
            await viewer.next("page")
            for _ in range(3):
                board.publish(board.snapshot)
            with pytest.raises(TimeoutError):
                await viewer.next("page", seconds=1.0)

    played(scene, context)


def test_a_viewer_that_was_slow_gets_the_latest_and_nothing_in_between(context: Context) -> None:
    async def scene(watched: Watched, board: Board) -> None:
        async with watched.watch() as slow, watched.watch() as quick:
            await slow.next("page")
            await quick.next("page")
            for count in range(2, 5):
                board.publish(obs.analyze(MORE * count))
                await quick.next("page")
            page = data(await slow.next("page"))

        assert {row["count"] for row in page["changed"]["issues"]["rows"]} == {4}

    played(scene, context)


def test_events_come_in_order_and_go_on_after_the_last_one_known(context: Context) -> None:
    async def scene(watched: Watched, board: Board) -> None:
        board.tail.append(line("one"))
        async with watched.watch() as viewer:
            first = await viewer.next("events")
            board.tail.append(line("two"))
            board.tell()
            second = await viewer.next("events")
        board.tail.append(line("three"))
        async with watched.watch(last_seq=second.seq) as viewer:
            third = await viewer.next("events")

        assert (words(first), words(second), words(third)) == (["one"], ["two"], ["three"])
        assert first.seq < second.seq < third.seq

    played(scene, context)


def test_a_viewer_of_one_bot_sees_its_lines_alone(context: Context) -> None:
    async def scene(watched: Watched, board: Board) -> None:
        board.tail.append(line("mine", "grid-1"))
        board.tail.append(line("other", "grid-2"))
        async with watched.watch(View(bot="grid-1")) as viewer:
            assert words(await viewer.next("events")) == ["mine"]

    played(scene, context)


def test_what_is_missing_is_said(context: Context, monkeypatch: pytest.MonkeyPatch) -> None:
    async def scene(watched: Watched, board: Board) -> None:
        board.tail.append(line("seen"))
        seen = board.tail.newest
        board.tail.skipped(40)
        for number in range(5):
            board.tail.append(line(str(number)))
        async with watched.watch(last_seq=seen) as viewer:
            gap = await viewer.next("gap")
            events = await viewer.next("events")
        async with watched.watch(last_seq=3) as viewer:
            unknown = await viewer.next("gap")

        assert (data(gap), words(events)) == ({"lost": 42}, ["2", "3", "4"])
        assert data(unknown) == {"lost": None}

    monkeypatch.setattr(streaming, "MOST_ROWS", 3)
    played(scene, context)


def test_a_heartbeat_tells_time_and_how_far_behind(context: Context, monkeypatch: pytest.MonkeyPatch) -> None:
    async def scene(watched: Watched, board: Board) -> None:
        board.publish(board.snapshot, pending_bytes=7)
        async with watched.watch() as viewer:
            first = data(await viewer.next("beat"))
            second = data(await viewer.next("beat"))

        assert second["now"] > first["now"] > 1_700_000_000_000
        assert (first["pending_bytes"], first["behind_ms"] > 0) == (7, True)

    monkeypatch.setattr(streaming, "BEAT_SECONDS", 0.3)
    played(scene, context)


def test_fifty_viewers_of_one_page_cost_one_page(context: Context, monkeypatch: pytest.MonkeyPatch) -> None:
    made = []
    original = Context.offload

    async def counted(self: Context, work: Any, *args: Any, **kwargs: Any) -> Any:
        made.append(work)
        return await original(self, work, *args, **kwargs)

    async def scene(watched: Watched, board: Board) -> None:
        viewers = [watched.watch() for _ in range(50)]
        await asyncio.gather(*[viewer.next("page") for viewer in viewers])
        board.publish(obs.analyze(MORE))
        await asyncio.gather(*[viewer.next("page") for viewer in viewers])
        for viewer in viewers:
            await viewer.__aexit__()
        assert watched.streams._courses == {}

    monkeypatch.setattr(Context, "offload", counted)
    played(scene, context)

    assert len(made) == 2


def test_the_number_of_streams_has_a_limit(context: Context, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(streaming, "MOST_STREAMS", 1)
    streams = Streams(context, Pages(context))

    with streams.place(), pytest.raises(ApiError) as refused, streams.place():
        pass

    assert refused.value.status == 503
    assert streams.open == 0


def test_streams_end_with_the_server(context: Context) -> None:
    async def scene(watched: Watched, board: Board) -> None:
        async with watched.watch() as viewer:
            await viewer.next("page")
            watched.streams.end()
            assert [message async for message in viewer.messages if message.kind == "page"] == []

    played(scene, context)


def test_a_page_that_cannot_be_made_costs_itself_and_the_next_one_comes(
    context: Context, monkeypatch: pytest.MonkeyPatch
) -> None:
    from obs.api import pages

    original, calls = pages._sections, []

    def fails_first(*arguments: Any) -> Any:
        calls.append(1)
        if len(calls) == 1:
            raise RuntimeError
        return original(*arguments)

    async def scene(watched: Watched, board: Board) -> None:
        async with watched.watch() as viewer:
            waiting = asyncio.create_task(viewer.next("page"))
            await asyncio.sleep(0.4)
            board.publish(board.snapshot)
            await waiting

    monkeypatch.setattr(pages, "_sections", fails_first)
    played(scene, context)


def test_equal_questions_share_a_page_and_others_get_their_own(tmp_path: Path, context: Context) -> None:
    async def scene(watched: Watched, board: Board) -> None:
        pages = Pages(context)
        same = await asyncio.gather(*[pages.sections(board.picture, View()) for _ in range(3)])
        korean = await pages.sections(board.picture, View("ko"))

        assert same[0] is same[1] is same[2]
        assert joined(korean) != joined(same[0])
        assert msgspec.json.decode(joined(korean))["lang"] == "ko"

    played(scene, context)

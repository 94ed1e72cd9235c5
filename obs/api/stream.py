"""The live stream: page, events and a heartbeat, over SSE and WebSocket alike.

A viewer holds no queue: it asks for what is new since what it has, so a slow one skips what came between and
slows nobody. One that does not read at all for some seconds is let go.
"""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections import OrderedDict
from collections.abc import AsyncGenerator, Iterator

import msgspec

from obs.api.context import Context
from obs.api.envelope import ApiError, encoded
from obs.api.pages import Course, Pages, View

__all__ = ["BEAT_SECONDS", "Message", "Streams"]

BEAT_SECONDS = 2.0
EVENTS_SECONDS = 0.1
"""Between two messages with events."""
MOST_STREAMS = 64
FIRST_ROWS = 200
"""Lines a new viewer gets."""
MOST_ROWS = 500
"""Lines in one message; what is beyond is a gap."""
MOST_COURSES = 32


class Message(msgspec.Struct, frozen=True):
    """One message: `page`, `events`, `gap` or `beat`."""

    kind: str
    data: bytes
    """JSON."""
    seq: int = 0
    """Number of the newest event it holds; 0: it holds none."""


class Streams:
    """All open streams of one server."""

    def __init__(self, context: Context, pages: Pages) -> None:
        self._context, self._pages = context, pages
        self._courses: dict[View, tuple[Course, asyncio.Task[None]]] = {}
        self._rows: OrderedDict[tuple[int, int, str], tuple[bytes, int, int]] = OrderedDict()
        self._viewers: set[asyncio.Event] = set()
        self._pump: asyncio.Task[None] | None = None
        self.open = 0
        """How many are open."""

    @contextlib.contextmanager
    def place(self) -> Iterator[None]:
        """Hold a place among the streams.

        Raises:
            ApiError: 503 when all are taken.
        """
        if self.open >= MOST_STREAMS or self._context.closing.is_set():
            raise ApiError(503, "Too many streams are open; close one.", headers={"Retry-After": "5"})
        self.open += 1
        try:
            yield
        finally:
            self.open -= 1

    async def messages(self, view: View, last_seq: int | None) -> AsyncGenerator[Message]:
        """Yield what a viewer is to see, as fast as it takes it, until the server ends.

        Args:
            view: Language, bot and reading time.
            last_seq: Number of the newest event the viewer has; None: it has none.
        """
        with self._on_course(view) as course, self._told() as news:
            board, closing = self._context.board, self._context.closing
            course.viewers.add(news.set)
            turn, beat_at, seq = 0, 0.0, self._start(last_seq)
            if last_seq is not None and not board.tail.is_ours(last_seq):
                yield Message("gap", b'{"lost":null}')
            is_fresh = last_seq is None or not board.tail.is_ours(last_seq)
            try:
                while not closing.is_set():
                    news.clear()
                    if course.turn > turn:
                        data = course.whole if not turn else course.since(turn)
                        turn = course.turn
                        yield Message("page", data)
                    if turn and board.tail.newest > seq:
                        rows, lost, newest = self._new_rows(
                            seq, view.bot, FIRST_ROWS if is_fresh else MOST_ROWS
                        )
                        if lost and not is_fresh:
                            yield Message("gap", b'{"lost":%d}' % lost, newest)
                        if rows != b"[]":
                            yield Message("events", rows, newest)
                        seq, is_fresh = newest, False
                    if time.monotonic() >= beat_at:
                        beat_at = time.monotonic() + BEAT_SECONDS
                        yield Message("beat", self._beat())
                    # Never faster than this, however much there is.
                    await asyncio.sleep(EVENTS_SECONDS)
                    with contextlib.suppress(TimeoutError):
                        await asyncio.wait_for(news.wait(), max(0.0, beat_at - time.monotonic()))
            finally:
                course.viewers.discard(news.set)

    def end(self) -> None:
        """End all streams."""
        self._context.closing.set()
        for news in self._viewers:
            news.set()

    @contextlib.contextmanager
    def _told(self) -> Iterator[asyncio.Event]:
        """An event that is set whenever there are new lines."""
        news = asyncio.Event()
        self._viewers.add(news)
        if self._pump is None:
            self._pump = asyncio.create_task(self._ring())
        try:
            yield news
        finally:
            self._viewers.discard(news)
            if not self._viewers and self._pump is not None:
                self._pump.cancel()
                self._pump = None

    async def _ring(self) -> None:
        """Tell all viewers of new lines, at most some times in a second."""
        board = self._context.board
        while True:
            seq = board.tail.newest
            if await board.changed(1 << 62, seq=seq):
                for news in self._viewers:
                    news.set()
            await asyncio.sleep(EVENTS_SECONDS)

    def _start(self, last_seq: int | None) -> int:
        """The number after which a viewer is told of events."""
        tail = self._context.board.tail
        if last_seq is not None and tail.is_ours(last_seq):
            return last_seq
        return tail.start

    def _new_rows(self, seq: int, bot: str, most: int) -> tuple[bytes, int, int]:
        """JSON of the rows after `seq`, how many are missing, the newest number; for all who ask alike."""
        tail = self._context.board.tail
        key = seq, tail.newest, f"{most} {bot}"
        found = self._rows.get(key)
        if found is None:
            rows, lost, newest = tail.read(seq, most, service=bot)
            found = encoded(rows), lost, newest
            self._rows[key] = found
            while len(self._rows) > MOST_COURSES:
                self._rows.popitem(last=False)
        return found

    def _beat(self) -> bytes:
        now, board = time.time_ns() // 1_000_000, self._context.board
        picture = board.picture
        return b'{"now":%d,"behind_ms":%d,"pending_bytes":%d}' % (
            now,
            board.behind_ms(now),
            picture.pending_bytes,
        )

    @contextlib.contextmanager
    def _on_course(self, view: View) -> Iterator[Course]:
        """The course of a view: started for the first viewer, ended with the last."""
        if view not in self._courses:
            if len(self._courses) >= MOST_COURSES:
                raise ApiError(503, "Too many different pages are watched.", headers={"Retry-After": "5"})
            course = Course(view, self._pages, self._context.board)
            self._courses[view] = course, asyncio.create_task(course.run())
        course, task = self._courses[view]
        course.watched += 1
        try:
            yield course
        finally:
            course.watched -= 1
            if not course.watched:
                del self._courses[view]
                task.cancel()

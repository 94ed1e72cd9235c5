"""Who may hold a connection: limits on what is not yet a whole request, on all of them, and on slow readers.

uvicorn waits without end for the rest of a request; whoever opens many and says little keeps others out. So
a head must be whole within some seconds and some kilobytes, only so many may be unfinished at a time (the
oldest has to go), and whoever does not take an answer is let go.
"""

from __future__ import annotations

import asyncio
import contextlib
from typing import Any

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol
from uvicorn.protocols.websockets.websockets_sansio_impl import WebSocketsSansIOProtocol

__all__ = ["Door", "Doorkeeper", "Socket"]

HEAD_SECONDS = 10.0
HEAD_BYTES = 32_768
READ_SECONDS = 20.0
"""Within so long a client must take some of what waits for it."""
MOST_UNFINISHED = 1_024
MOST_OPEN = 3_072
YOUNG_SECONDS = 1.0
"""A younger unfinished request is let be while there is room: in a rush of many it may be honest."""
MOST_PIPELINED = 8
_TOO_LARGE = b"HTTP/1.1 431 Request Header Fields Too Large\r\ncontent-length: 0\r\nconnection: close\r\n\r\n"
_BAD = b"HTTP/1.1 400 Bad Request\r\ncontent-length: 0\r\nconnection: close\r\n\r\n"


class Doorkeeper:
    """Knows every connection of one server, in the order in which they came or last said something whole."""

    def __init__(self) -> None:
        self.unfinished: dict[Door, None] = {}
        """Connections whose request is not whole, or that say nothing, the oldest first."""
        self.open: set[Door] = set()
        files = _most_files()
        self._most_open, self._most_unfinished = min(MOST_OPEN, files), min(MOST_UNFINISHED, files // 2)
        self.evicted = 0
        """How many had to go to make room."""

    def protocol(self) -> type[Door]:
        """Return what uvicorn takes as its HTTP protocol."""
        return type("Door", (Door,), {"_keeper": self})

    def enter(self, door: Door) -> None:
        """Take a new connection in; the oldest that says nothing makes room."""
        self.open.add(door)
        self.wait_for(door)
        if len(self.open) > self._most_open:
            self._evict()

    def wait_for(self, door: Door) -> None:
        """Count a connection as unfinished from now on."""
        self.unfinished.pop(door, None)
        self.unfinished[door] = None
        if len(self.unfinished) > self._most_unfinished:
            oldest = next(iter(self.unfinished))
            if oldest.waits_since <= door.waits_since - YOUNG_SECONDS:
                self._evict()

    def finished(self, door: Door) -> None:
        """Count a connection as busy: its request is whole."""
        self.unfinished.pop(door, None)

    def leave(self, door: Door) -> None:
        """Forget a connection."""
        self.open.discard(door)
        self.unfinished.pop(door, None)

    def _evict(self) -> None:
        oldest = next(iter(self.unfinished), None)
        if oldest is not None:
            self.evicted += 1
            self.leave(oldest)
            oldest.drop()


def _most_files() -> int:
    """How many connections there may be: three in four of the files we may open, after asking for more."""
    try:
        import resource
    except ImportError:
        return MOST_OPEN
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft < 2 * MOST_OPEN:
        wanted = 2 * MOST_OPEN if hard == resource.RLIM_INFINITY else min(2 * MOST_OPEN, hard)
        with contextlib.suppress(ValueError, OSError):
            resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))
            soft = wanted
    return max(16, soft * 3 // 4)


class Door(HttpToolsProtocol):
    """One connection: uvicorn's own protocol with limits."""

    _keeper: Doorkeeper

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._head_bytes = 0
        self._in_head = True
        self._is_message_whole = True
        self.waits_since = 0.0
        """When its unfinished request began, by the loop's clock."""
        self._head_timer: asyncio.TimerHandle | None = None
        self._read_timer: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        self._wait_for_head()
        self._keeper.enter(self)

    def connection_lost(self, exc: Exception | None) -> None:
        self._forget()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        if self.transport.is_closing() or self.parser is None:
            return
        if self._in_head:
            self._head_bytes += len(data)
            # What follows a whole head in the same piece is body or the next request: one piece is small.
            if self._head_bytes > HEAD_BYTES + 262_144 or (
                self._head_bytes > HEAD_BYTES and b"\r\n\r\n" not in data
            ):
                self._refuse(_TOO_LARGE)
                return
        super().data_received(data)

    def on_message_begin(self) -> None:
        super().on_message_begin()
        self._is_message_whole = False
        if not self._in_head:
            self._in_head, self._head_bytes = True, 0
            self._wait_for_head()
            if self.cycle is None or self.cycle.response_complete:
                self._keeper.wait_for(self)

    def on_headers_complete(self) -> None:
        self._in_head = False
        self._head_bytes = 0
        self._stop(self._head_timer)
        self._head_timer = None
        self._keeper.finished(self)
        # An absolute target would name another host than the header that is checked.
        is_plain = self.url.startswith(b"/") or self.url == b"*"
        if not is_plain or len(self.url) + sum(len(n) + len(v) + 32 for n, v in self.headers) > HEAD_BYTES:
            self._refuse(_TOO_LARGE if is_plain else _BAD)
            return
        if len(self.pipeline) >= MOST_PIPELINED:
            self.transport.abort()
            return
        super().on_headers_complete()

    def on_message_complete(self) -> None:
        self._is_message_whole = True
        if self.cycle is not None and not self.transport.is_closing():
            super().on_message_complete()

    def on_body(self, body: bytes) -> None:
        if self.cycle is not None and not self.transport.is_closing():
            super().on_body(body)

    def on_response_complete(self) -> None:
        super().on_response_complete()
        if not self._is_message_whole:
            # The answer came before the body had: nobody will read the rest of it.
            self.transport.close()
        elif not self.pipeline and not self.transport.is_closing():
            self._keeper.wait_for(self)

    def handle_websocket_upgrade(self) -> None:
        self._forget()
        super().handle_websocket_upgrade()

    def pause_writing(self) -> None:
        super().pause_writing()
        if self._read_timer is None:
            self._read_timer = self.loop.call_later(READ_SECONDS, self.drop)

    def resume_writing(self) -> None:
        self._stop(self._read_timer)
        self._read_timer = None
        super().resume_writing()

    def drop(self) -> None:
        """End the connection at once, whatever waits in it."""
        self.transport.abort()

    def _wait_for_head(self) -> None:
        self._stop(self._head_timer)
        self.waits_since = self.loop.time()
        self._head_timer = self.loop.call_later(HEAD_SECONDS, self.drop)

    def _forget(self) -> None:
        self._stop(self._head_timer)
        self._stop(self._read_timer)
        self._head_timer = self._read_timer = None
        self._keeper.leave(self)

    def _refuse(self, answer: bytes) -> None:
        self.transport.write(answer)
        self.transport.close()

    @staticmethod
    def _stop(timer: asyncio.TimerHandle | None) -> None:
        if timer is not None:
            timer.cancel()


class Socket(WebSocketsSansIOProtocol):
    """uvicorn's own WebSocket, but whoever does not read is let go."""

    _read_timer: asyncio.TimerHandle | None = None

    def pause_writing(self) -> None:
        super().pause_writing()
        if self._read_timer is None:
            self._read_timer = self.loop.call_later(READ_SECONDS, self.transport.abort)

    def resume_writing(self) -> None:
        self._stop_timer()
        super().resume_writing()

    def connection_lost(self, exc: Exception | None) -> None:
        self._stop_timer()
        super().connection_lost(exc)

    def _stop_timer(self) -> None:
        if self._read_timer is not None:
            self._read_timer.cancel()
            self._read_timer = None

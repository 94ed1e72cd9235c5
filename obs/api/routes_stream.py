"""`/api/stream` and `/api/ws`: the live page as it changes."""

from __future__ import annotations

import asyncio
import contextlib
from typing import Annotated, Literal, cast

from fastapi import APIRouter, Header, Query, Request, WebSocket
from starlette.requests import HTTPConnection
from starlette.responses import Response
from starlette.types import Receive, Scope, Send
from starlette.websockets import WebSocketDisconnect

from obs.api.context import context_of
from obs.api.envelope import ApiError
from obs.api.pages import Pages, View
from obs.api.stream import Message, Streams

__all__ = ["router"]

STALLED_SECONDS = 20.0
"""A viewer that has taken nothing for so long is let go."""
router = APIRouter()

Lang = Annotated[Literal["en", "ko"] | None, Query(description="Language of all words.")]
Bot = Annotated[str, Query(max_length=200, description="Show this bot alone.")]
Since = Annotated[int, Query(ge=0, le=2**53, description="Unix ms at which the reader looked last.")]
_EVENTS = {"text/event-stream": {"schema": {"type": "string"}}}


@router.get(
    "/api/stream",
    tags=["live"],
    responses={200: {"description": "Server-sent events until one side ends it.", "content": _EVENTS}},
)
async def stream(
    request: Request,
    lang: Lang = None,
    bot: Bot = "",
    since: Since = 0,
    last_event_id: Annotated[
        str | None, Header(pattern=r"^\d{1,16}$", description="Go on after this event.")
    ] = None,
) -> Response:
    """Stream the page and what changes in it, new events, and a heartbeat every two seconds."""
    context = context_of(request)
    view = View(lang or context.settings.lang, bot, since)
    return _EventStream(streams_of(request), view, int(last_event_id) if last_event_id else None)


@router.websocket("/api/ws")
async def socket(
    socket: WebSocket, lang: Lang = None, bot: Bot = "", since: Since = 0, after: int = -1
) -> None:
    """Send the same as `/api/stream` as JSON text; `after` is the number of the newest known event."""
    view = View(lang or context_of(socket).settings.lang, bot, since)
    try:
        with streams_of(socket).place():
            await socket.accept()
            await _converse(socket, view, after if after >= 0 else None)
    except ApiError:
        await socket.close(1013, "too many streams")


async def _converse(socket: WebSocket, view: View, last_seq: int | None) -> None:
    gone = asyncio.create_task(_until_gone(socket))
    try:
        async with contextlib.aclosing(streams_of(socket).messages(view, last_seq)) as messages:
            async for message in messages:
                if gone.done():
                    return
                await asyncio.wait_for(socket.send_text(_as_json(message)), STALLED_SECONDS)
        await socket.close(1001)
    except (TimeoutError, WebSocketDisconnect, RuntimeError):
        with contextlib.suppress(Exception):
            await asyncio.wait_for(socket.close(1008), 1)
    finally:
        gone.cancel()


class _EventStream(Response):
    """Server-sent events, written by hand: no part of it may wait for a slow reader but its own."""

    def __init__(self, streams: Streams, view: View, last_seq: int | None) -> None:
        super().__init__()
        self._streams, self._view, self._last_seq = streams, view, last_seq

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        streams = self._streams
        with streams.place():
            headers = [
                (b"content-type", b"text/event-stream; charset=utf-8"),
                (b"x-accel-buffering", b"no"),
            ]
            await send({"type": "http.response.start", "status": 200, "headers": headers})
            await send({"type": "http.response.body", "body": b"retry: 1000\n\n", "more_body": True})
            gone = asyncio.create_task(_until_disconnected(receive))
            try:
                async with contextlib.aclosing(streams.messages(self._view, self._last_seq)) as messages:
                    async for message in messages:
                        if gone.done():
                            return
                        body = {"type": "http.response.body", "body": _as_event(message), "more_body": True}
                        await asyncio.wait_for(send(body), STALLED_SECONDS)
                await send({"type": "http.response.body", "body": b"", "more_body": False})
            finally:
                gone.cancel()


def streams_of(connection: HTTPConnection) -> Streams:
    """Return the streams of the app."""
    return cast(Streams, connection.app.state.streams)


def pages_of(connection: HTTPConnection) -> Pages:
    """Return the pages of the app."""
    return cast(Pages, connection.app.state.pages)


def _as_event(message: Message) -> bytes:
    number = b"id: %d\n" % message.seq if message.seq else b""
    return b"event: %s\n%sdata: %s\n\n" % (message.kind.encode(), number, message.data)


def _as_json(message: Message) -> str:
    number = b',"seq":%d' % message.seq if message.seq else b""
    return (b'{"type":"%s"%s,"data":%s}' % (message.kind.encode(), number, message.data)).decode()


async def _until_disconnected(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass


async def _until_gone(socket: WebSocket) -> None:
    # What a viewer says is not asked for; it is read so that its leaving is noticed.
    while (await socket.receive())["type"] != "websocket.disconnect":
        pass

"""A stage for the live page: a small server that plays a drawn day, and switches to spoil it.

It serves the page's own files under the content security policy of the sidecar, the drawn data behind the
page's addresses, and the stream. A test changes what happens while the page is open: another Page, events,
silence, refusals, a dropped connection, a server that is gone.
"""

from __future__ import annotations

import asyncio
import socket
import threading
from collections.abc import AsyncIterator, Iterable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import msgspec
import uvicorn
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import FileResponse, PlainTextResponse, Response, StreamingResponse
from starlette.routing import Mount, Route
from starlette.staticfiles import StaticFiles
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from obs.web.model import EventRow, IssueView, Page
from tests.browser.drawn import BRIEFING

__all__ = ["POLICY", "STATIC", "Stage"]

STATIC = Path(__file__).resolve().parents[2] / "obs" / "web" / "static"
POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; font-src 'self'; "
    "connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)
KEPT_EVENTS = 5_000


class Stage:
    """A server on a free port of this machine; a context manager.

    Its fields may be changed while it runs: they hold what the next answer says.
    """

    def __init__(
        self,
        page: Page,
        views: dict[str, IssueView] | None = None,
        events: Iterable[EventRow] = (),
        *,
        beat_seconds: float = 2.0,
    ) -> None:
        self.page = page
        self.views = views or {}
        self.kept: list[EventRow] = list(events)
        self.stored: list[EventRow] | None = None
        """What the history holds, under numbers of its own; None: the same as the stream."""
        self.briefing = BRIEFING
        self.briefing_tokens = page.verdict.tokens
        self.beat_seconds = beat_seconds
        self.beating = True
        """Whether the stream says each two seconds that the observer lives."""
        self.behind_ms = 200
        self.pending_bytes = 0
        self.now = 0
        """What a beat says the time is; 0: the Page's own time."""
        self.status = 200
        """What every address under /api answers; 503 is an observer in trouble."""
        self.token = ""
        """The token that a decision must carry; empty: none is asked for."""
        self.decisions: list[tuple[str, str, dict[str, Any]]] = []
        """Issue id, verb and body of each decision that was made."""
        self.silences: list[dict[str, Any]] = []
        """Body of each silence that was made."""
        self.asked: list[str] = []
        """Path and query of each request under /api, in order."""
        self._streams: set[asyncio.Queue[bytes | None]] = set()
        self._server: uvicorn.Server | None = None
        self._thread: threading.Thread | None = None
        self._loop: asyncio.AbstractEventLoop | None = None
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self.port = int(free.getsockname()[1])

    def __enter__(self) -> Stage:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    @property
    def url(self) -> str:
        """Where the page is."""
        return f"http://127.0.0.1:{self.port}/"

    @property
    def readers(self) -> int:
        """How many streams are open."""
        return len(self._streams)

    def start(self) -> None:
        """Begin to serve, again on the same port."""
        config = uvicorn.Config(
            self._app(), host="127.0.0.1", port=self.port, log_level="error", lifespan="off"
        )
        config.timeout_graceful_shutdown = 1
        self._server = uvicorn.Server(config)
        begun = threading.Event()

        async def serve(server: uvicorn.Server) -> None:
            self._loop = asyncio.get_running_loop()
            begun.set()
            await server.serve()

        self._thread = threading.Thread(target=asyncio.run, args=(serve(self._server),), daemon=True)
        self._thread.start()
        begun.wait(5)
        while not self._server.started and self._thread.is_alive():
            threading.Event().wait(0.01)

    def stop(self) -> None:
        """Be gone, as after a kill: open streams end, new connections are refused."""
        if self._server is None or self._thread is None:
            return
        self.drop()
        self._server.should_exit = True
        self._thread.join(5)
        self._server = None

    def drop(self) -> None:
        """End every open stream; the browser may come back at once."""
        self._send(None)

    def show(self, page: Page) -> None:
        """Change to another Page, and tell the open streams which sections changed."""
        before, self.page = _sections(self.page), page
        after = _sections(page)
        changed = {key: value for key, value in after.items() if before.get(key) != value}
        self._send(_message("page", {"taken_at": page.taken_at, "changed": changed}))

    def tell(self, rows: Iterable[EventRow]) -> None:
        """Send event rows; each gets the next number."""
        fresh = list(rows)
        self.kept = [*self.kept, *fresh][-KEPT_EVENTS:]
        if fresh:
            self._send(_message("events", fresh, fresh[-1].seq))

    def beat(self) -> None:
        """Tell the open streams at once that the observer lives."""
        self._send(self._beat())

    def lose(self, count: int) -> None:
        """Tell the open streams that events are missing."""
        self._send(_message("gap", {"lost": count}))

    def _send(self, message: bytes | None) -> None:
        loop = self._loop
        if loop is None or loop.is_closed():
            return

        def spread() -> None:
            for stream in self._streams:
                stream.put_nowait(message)

        loop.call_soon_threadsafe(spread)

    def _app(self) -> Starlette:
        return Starlette(
            routes=[
                Route("/api/page", self._page),
                Route("/api/page/issues/{id}", self._issue),
                Route("/api/stream", self._stream),
                Route("/api/briefing", self._briefing),
                Route("/api/events", self._events),
                Route("/api/issues/{id}/{verb}", self._decide, methods=["POST"]),
                Route("/api/silences", self._silence, methods=["POST"]),
                Route("/", _index),
                Mount("/static", StaticFiles(directory=STATIC, check_dir=False)),
            ],
            middleware=[Middleware(_Guard, stage=self)],
        )

    def _page(self, request: Request) -> Response:
        return _answer(self.page)

    def _issue(self, request: Request) -> Response:
        view = self.views.get(request.path_params["id"])
        return _answer(view) if view is not None else _refusal(404, "no such issue")

    def _briefing(self, request: Request) -> Response:
        if request.query_params.get("format") == "json":
            size = {"tokens": self.briefing_tokens, "budget": 2_000}
            return _answer({"text": self.briefing, "since": 0, "taken_at": self.page.taken_at, **size})
        return PlainTextResponse(self.briefing, media_type="text/markdown")

    def _events(self, request: Request) -> Response:
        wanted = request.query_params
        words = (wanted.get("q") or wanted.get("text") or "").casefold().split()
        found = [
            row
            for row in reversed(self.kept if self.stored is None else self.stored)
            if all(word in "".join(span.text for span in row.text).casefold() for word in words)
            and row.seq < int(wanted.get("before", 2**53))
        ]
        limit = int(wanted.get("limit", 100))
        return _answer(
            {"events": found[:limit], "next": found[limit - 1].seq if len(found) > limit else None}
        )

    async def _decide(self, request: Request) -> Response:
        if self.token and request.headers.get("authorization") != f"Bearer {self.token}":
            return _refusal(401, "a token with the control scope is needed")
        body = msgspec.json.decode(await request.body() or b"{}")
        issue, verb = request.path_params["id"], request.path_params["verb"]
        self.decisions.append((issue, verb, body))
        return _answer({"id": issue, "status": verb})

    async def _silence(self, request: Request) -> Response:
        if self.token and request.headers.get("authorization") != f"Bearer {self.token}":
            return _refusal(401, "a token with the control scope is needed")
        self.silences.append(msgspec.json.decode(await request.body() or b"{}"))
        return _answer({"number": len(self.silences)})

    def _stream(self, request: Request) -> Response:
        after = int(request.headers.get("last-event-id") or request.query_params.get("after") or 0)
        return StreamingResponse(self._messages(after), media_type="text/event-stream")

    async def _messages(self, after: int) -> AsyncIterator[bytes]:
        queue: asyncio.Queue[bytes | None] = asyncio.Queue()
        self._streams.add(queue)
        try:
            yield _message("page", self.page)
            if rows := [row for row in self.kept if row.seq > after]:
                yield _message("events", rows, rows[-1].seq)
            if self.beating:
                yield self._beat()
            while True:
                try:
                    message = await asyncio.wait_for(queue.get(), self.beat_seconds)
                except TimeoutError:
                    message = self._beat() if self.beating else b": quiet\n\n"
                if message is None:
                    return
                yield message
        finally:
            self._streams.discard(queue)

    def _beat(self) -> bytes:
        now = self.now or self.page.taken_at
        return _message(
            "beat", {"now": now, "behind_ms": self.behind_ms, "pending_bytes": self.pending_bytes}
        )


class _Guard:
    """Sets the headers of the real server, and answers what the stage was told to answer."""

    def __init__(self, app: ASGIApp, stage: Stage) -> None:
        self.app = app
        self.stage = stage

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return

        async def guarded(message: Message) -> None:
            if message["type"] == "http.response.start":
                message["headers"] = [
                    *message["headers"],
                    (b"content-security-policy", POLICY.encode()),
                    (b"x-content-type-options", b"nosniff"),
                    (b"cache-control", b"no-store"),
                ]
            await send(message)

        if scope["path"].startswith("/api/"):
            query = scope["query_string"].decode()
            self.stage.asked.append(scope["path"] + (f"?{query}" if query else ""))
            if self.stage.status != 200:
                await _refusal(self.stage.status, "the stage was told to refuse")(scope, receive, guarded)
                return
        await self.app(scope, receive, guarded)


def _index(request: Request) -> Response:
    return FileResponse(STATIC / "index.html")


def _answer(data: object) -> Response:
    return _json(200, {"success": True, "data": data})


def _refusal(status: int, words: str) -> Response:
    return _json(status, {"success": False, "error": {"code": f"status_{status}", "message": words}})


def _json(status: int, content: dict[str, object]) -> Response:
    content["timestamp"] = datetime.now(UTC).isoformat(timespec="microseconds")
    return Response(msgspec.json.encode(content), status, media_type="application/json")


def _message(kind: str, data: object, number: int | None = None) -> bytes:
    head = b"" if number is None else f"id: {number}\n".encode()
    return head + f"event: {kind}\n".encode() + b"data: " + msgspec.json.encode(data) + b"\n\n"


def _sections(page: Page) -> dict[str, Any]:
    return {key: msgspec.to_builtins(value) for key, value in msgspec.structs.asdict(page).items()}

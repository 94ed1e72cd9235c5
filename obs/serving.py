"""`obs up`: the sidecar with its doors open: followed files, standard input, and HTTP on loopback.

/metrics for Prometheus, /health and /ready for whoever watches the watcher, /api/briefing for an agent.
"""

from __future__ import annotations

import asyncio
import contextlib
import socket
import sys
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import msgspec
import orjson
import uvicorn
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.middleware.trustedhost import TrustedHostMiddleware
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route

from obs import rules, sources
from obs.analysis import letters
from obs.briefing import render
from obs.caching import SHARED
from obs.config import Settings
from obs.following import FileFollower
from obs.memory import resident_bytes
from obs.metrics import CONTENT_TYPE, Inner, exposition
from obs.sidecar import Sidecar, stop_on_signals
from obs.snapshot import Snapshot

__all__ = ["application", "serve"]

LOOPBACK = ("127.0.0.1", "localhost", "::1")
FRESH_SECONDS = 0.25
"""Requests within this time share one Snapshot."""
FOLLOW_SECONDS = 0.2
FOLLOW_BYTES = 256 * 1024
MOST_TOKENS = 100_000
NOTE = "followed files"


def serve(settings: Settings, files: Sequence[Path], *, idle_exit: float = 0.0) -> int:
    """Run until a signal or the idle time; return the exit code.

    Args:
        settings: Where to work and listen.
        files: Logs to take in and follow; `-` is standard input.
        idle_exit: Seconds without a living bot after which to end; 0 is never.

    Raises:
        ValueError: If the address is not loopback.
        OSError: If the port is taken or the directory cannot be written.
    """
    door = _listen(settings)
    paths = sources.expand([str(path) for path in (*files, *settings.follow)])
    following = _Following(paths, settings.timezone)
    with (
        Sidecar(
            settings.dir,
            ruleset=rules.load(settings.rules),
            notes=following.notes,
            budget=settings.budget,
            lang=settings.lang,
        ) as sidecar,
        contextlib.closing(door),
    ):
        following.resume(sidecar.vault.saved.notes.get(NOTE, ""))
        host, port = door.getsockname()[:2]
        sys.stderr.write(f"obs: watching {sidecar.directory}, http://{host}:{port}/health\n")
        asyncio.run(_run(sidecar, following, door, settings, idle_exit))
    return 0


def application(sidecar: Sidecar, settings: Settings) -> Starlette:
    """Return the ASGI app over a running sidecar."""
    looks = _Looks(sidecar)

    async def metrics(_: Request) -> Response:
        return Response(exposition(looks.snapshot(), looks.inner()), media_type=CONTENT_TYPE)

    async def health(_: Request) -> Response:
        snapshot = looks.snapshot()
        fault = sidecar.fault
        body = {
            "status": "fault" if fault else "ok",
            "fault": fault,
            "bots": snapshot.health.value,
            "reason": snapshot.health_reason,
            "score": snapshot.health_score,
            "events": snapshot.events,
            "pending_bytes": sidecar.pending_bytes,
        }
        return Response(orjson.dumps(body), 503 if fault else 200, media_type="application/json")

    async def ready(_: Request) -> Response:
        return PlainTextResponse("ready\n")

    async def page(request: Request) -> Response:
        try:
            budget = int(request.query_params.get("budget") or settings.budget)
            text = render(
                looks.snapshot(),
                budget=min(budget, MOST_TOKENS),
                lang=request.query_params.get("lang") or settings.lang,
                templates=settings.templates,
            )
        except ValueError as error:
            return PlainTextResponse(f"{error}\n", 422)
        return Response(text, media_type="text/markdown; charset=utf-8")

    return Starlette(
        routes=[
            Route("/metrics", metrics),
            Route("/health", health),
            Route("/ready", ready),
            Route("/api/briefing", page),
        ],
        # A page on the internet may resolve its own name to 127.0.0.1: only our own names are answered.
        middleware=[
            Middleware(TrustedHostMiddleware, allowed_hosts=[*LOOPBACK, "[::1]"], www_redirect=False)
        ],
    )


class _Looks:
    """Snapshots for requests, at most a few in a second."""

    def __init__(self, sidecar: Sidecar) -> None:
        self._sidecar = sidecar
        self._taken: Snapshot | None = None
        self._at = 0.0

    def snapshot(self) -> Snapshot:
        now = time.monotonic()
        if self._taken is None or now - self._at > FRESH_SECONDS:
            self._taken, self._at = self._sidecar.snapshot(), now
        return self._taken

    def inner(self) -> Inner:
        counts = SHARED.statistics()
        return Inner(
            cache_hits={name: count.hits for name, count in counts.items()},
            cache_misses={name: count.misses for name, count in counts.items()},
            resident_bytes=resident_bytes(),
            pending_bytes=self._sidecar.pending_bytes,
        )


class _Following:
    """The followed files, and where each is read up to; stored in the sidecar's own transaction."""

    def __init__(self, paths: Sequence[Path], timezone: str) -> None:
        self._paths = paths
        self._timezone = timezone
        self._followers: dict[str, FileFollower] = {}

    def resume(self, note: str) -> None:
        """Open the files where the last sidecar stopped."""
        known: dict[str, Any] = orjson.loads(note) if note else {}
        for letter, path in zip(letters(), self._paths, strict=False):
            if str(path) == "-":
                continue
            name = str(path.absolute())
            self._followers[name] = FileFollower(
                path, letter=letter, timezone=self._timezone, checkpoint=known.get(name)
            )

    def notes(self) -> dict[str, str]:
        """Return the positions, to be stored with what was folded."""
        positions = {name: follower.checkpoint for name, follower in self._followers.items()}
        return {NOTE: orjson.dumps(positions).decode()} if positions else {}

    async def take(self, sidecar: Sidecar) -> None:
        """Fold what is new in each file."""
        for name, follower in self._followers.items():
            service = Path(name).name.split(".", 1)[0]
            # A file's events are folded in one go: a commit in between would store a position not reached.
            for event in follower.poll(FOLLOW_BYTES):
                named = (
                    event
                    if event.service
                    else msgspec.structs.replace(event, resource={"service.name": service})
                )
                sidecar.accept(named)
            await asyncio.sleep(0)


async def _run(
    sidecar: Sidecar, following: _Following, door: socket.socket, settings: Settings, idle_exit: float
) -> None:
    stop = asyncio.Event()
    server = _Server(
        uvicorn.Config(
            application(sidecar, settings),
            log_level="critical",
            access_log=False,
            timeout_keep_alive=5,
            limit_concurrency=200,
            h11_max_incomplete_event_size=32_768,
            server_header=False,
        )
    )
    hurry = stop_on_signals(stop)
    web = asyncio.create_task(server.serve([door]))
    files = asyncio.create_task(_follow(sidecar, following))
    try:
        await sidecar.run(stop, hurry=hurry, idle_exit=idle_exit)
    finally:
        files.cancel()
        server.should_exit = True
        with contextlib.suppress(asyncio.CancelledError):
            await files
        await web


async def _follow(sidecar: Sidecar, following: _Following) -> None:
    while True:
        await following.take(sidecar)
        await asyncio.sleep(FOLLOW_SECONDS)


class _Server(uvicorn.Server):
    """uvicorn, but signals stay ours: it must not end before the spool is drained."""

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Leave the signal handlers as they are."""
        yield


def _listen(settings: Settings) -> socket.socket:
    if settings.host not in LOOPBACK:
        raise ValueError(
            f"host = {settings.host!r}: is not loopback: use 127.0.0.1, and a tunnel to look from elsewhere"
        )
    family = socket.AF_INET6 if ":" in settings.host else socket.AF_INET
    door = socket.socket(family, socket.SOCK_STREAM)
    if sys.platform != "win32":
        door.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        door.bind((settings.host, settings.port))
    except OSError as error:
        door.close()
        raise ValueError(
            f"port {settings.port} on {settings.host}: {error.strerror}: "
            "choose another with --port or OBS_PORT, or end the program that holds it"
        ) from None
    door.listen(128)
    return door

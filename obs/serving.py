"""`obs up`: the sidecar with its doors open: followed files, standard input, and HTTP on loopback.

/metrics for Prometheus, /health and /ready for whoever watches the watcher, /api/briefing for an agent.
"""

from __future__ import annotations

import asyncio
import contextlib
import socket
import sys
import threading
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

import orjson
import uvicorn
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.middleware.trustedhost import TrustedHostMiddleware
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route
from watchfiles import Change, awatch

from obs import rules, sources
from obs.briefing import render
from obs.config import ConfigError, Settings, expectations, load
from obs.events import Event
from obs.journal import Journal, journal
from obs.keeping.caching import SHARED
from obs.keeping.memory import resident_bytes
from obs.metrics import CONTENT_TYPE, Inner, exposition
from obs.quoting import plain
from obs.sidecar import Sidecar, stop_on_signals
from obs.snapshot import Snapshot

__all__ = ["application", "serve"]

LOOPBACK = ("127.0.0.1", "localhost", "::1")
FRESH_SECONDS = 0.25
"""Requests within this time share one Snapshot."""
WAITING_EVENTS = 1_000
"""Events of standard input that wait for the loop."""
MOST_TOKENS = 100_000


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
    follow = [str(path) for path in (*files, *settings.follow)]
    with (
        Sidecar(
            settings.dir,
            ruleset=rules.load(settings.rules),
            expected=expectations(settings),
            follow=[path for path in follow if path != "-"],
            timezone=settings.timezone,
            budget=settings.budget,
            lang=settings.lang,
        ) as sidecar,
        contextlib.closing(door),
    ):
        host, port = door.getsockname()[:2]
        sys.stderr.write(f"obs: watching {sidecar.directory}, http://{host}:{port}/health\n")
        asyncio.run(_run(sidecar, door, settings, idle_exit, with_input="-" in follow))
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


async def _run(
    sidecar: Sidecar, door: socket.socket, settings: Settings, idle_exit: float, *, with_input: bool
) -> None:
    log = journal("sidecar")
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
    tasks = [asyncio.create_task(_reload_on_change(sidecar, settings, log))]
    tasks += [asyncio.create_task(_take_standard_input(sidecar, settings.timezone))] if with_input else []
    log.info("started", directory=str(sidecar.directory))
    try:
        await sidecar.run(stop, hurry=hurry, idle_exit=idle_exit)
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        log.info("stopped", pending_bytes=sidecar.pending_bytes)
        server.should_exit = True
        await web


async def _reload_on_change(sidecar: Sidecar, settings: Settings, log: Journal) -> None:
    """Take over changed settings and rule packs once they are valid; else keep the old and say why."""
    places = {Path(name).parent.absolute() for name in ("obs.toml", *map(str, settings.rules))}
    places |= {path.absolute() for path in settings.rules if path.is_dir()}
    async for changed in awatch(*places, recursive=False, watch_filter=_is_ours):
        try:
            fresh = load().settings
            sidecar.adopt(
                ruleset=rules.load(fresh.rules),
                expected=expectations(fresh),
                budget=fresh.budget,
                lang=fresh.lang,
            )
        except (ConfigError, rules.RuleError) as error:
            file = plain(str(error).partition(":")[0])
            sidecar.refuse(
                f"What the changed {file} asks for: it is wrong and not in force, what stood there before "
                "is; `obs check --rules FILE` and the sidecar's log say what to mend."
            )
            log.error("settings kept", why=str(error))
        else:
            log.info("settings reloaded", files=sorted(Path(path).name for _, path in changed))


def _is_ours(_: Change, path: str) -> bool:
    return path.endswith(".toml")


async def _take_standard_input(sidecar: Sidecar, timezone: str) -> None:
    """Fold standard input as it comes; reading waits in a thread, folding stays on the loop."""
    loop = asyncio.get_running_loop()
    waiting: asyncio.Queue[Event | None] = asyncio.Queue(WAITING_EVENTS)

    def read() -> None:
        for event in sources.read("-", letter="a", timezone=timezone):
            asyncio.run_coroutine_threadsafe(waiting.put(event), loop).result()
        asyncio.run_coroutine_threadsafe(waiting.put(None), loop).result()

    threading.Thread(target=read, name="obs-stdin", daemon=True).start()
    while (event := await waiting.get()) is not None:
        sidecar.accept(event)


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

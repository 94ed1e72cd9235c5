"""`obs up`: the sidecar with its doors open: followed files, standard input, and HTTP on loopback.

The fold works in a thread of its own; this loop answers requests, hears signals and reloads settings. They
end in order: the fold drains and stores while requests are still answered, then the streams end, then HTTP.
"""

from __future__ import annotations

import asyncio
import contextlib
import gc
import signal
import socket
import sys
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import uvicorn
from fastapi import FastAPI
from watchfiles import Change, awatch

from obs import dashboard, rules, sources
from obs.api.app import application
from obs.api.board import Board
from obs.api.context import Context
from obs.api.desk import Desk
from obs.api.doors import Doorkeeper, Socket
from obs.api.listening import listen
from obs.api.tokens import Tokens, in_force
from obs.config import ConfigError, Settings, expectations, load, pipeline_config
from obs.journal import Journal, journal
from obs.keeping.whereabouts import announced
from obs.quoting import plain
from obs.refreshing.pipeline import DashboardDataPipeline
from obs.sidecar import Sidecar
from obs.snapshot import Snapshot
from obs.watch.expectations import Expectations

__all__ = ["serve", "server_of", "stop_on_signals"]

SWITCH_SECONDS = 0.001
"""How long the fold may hold the interpreter while a request waits for it."""


def serve(settings: Settings, files: Sequence[Path], *, idle_exit: float = 0.0) -> int:
    """Run until a signal or the idle time; return the exit code.

    Args:
        settings: Where to work and listen.
        files: Logs to take in and follow; `-` is standard input.
        idle_exit: Seconds without a living bot after which to end; 0 is never.

    Raises:
        ValueError: If the address is not loopback and there is no token, or the port is taken.
        OSError: If the directory cannot be written.
    """
    tokens = in_force(settings, settings.dir.absolute())
    door = listen(settings)
    follow = [str(path) for path in (*files, *settings.follow)]
    board = Board(Snapshot(taken_at=time.time_ns(), live=True))
    with (
        contextlib.closing(door),
        Sidecar(
            settings.dir,
            ruleset=rules.load(settings.rules),
            expected=expectations(settings),
            follow=[path for path in follow if path != "-"],
            timezone=settings.timezone,
            budget=settings.budget,
            lang=settings.lang,
            audience=board,
        ) as sidecar,
    ):
        address = _say_where(sidecar.directory, door, tokens)
        board.publish(sidecar.snapshot(), fault=sidecar.fault)
        pipeline = DashboardDataPipeline(
            pipeline_config(settings),
            source=lambda: board.snapshot.money,
            picture=lambda: dashboard.render(board.snapshot),
            directory=sidecar.directory,
        )
        context = Context(
            settings=settings,
            board=board,
            sidecar=sidecar,
            pipeline=pipeline,
            desk=Desk(sidecar, board),
            tokens=tokens,
        )
        gc.freeze()
        sys.setswitchinterval(SWITCH_SECONDS)
        with (
            announced(sidecar.directory, address),
            pipeline,
            asyncio.Runner(loop_factory=_loop_factory()) as runner,
        ):
            runner.run(_run(sidecar, door, context, idle_exit, with_input="-" in follow))
    return 0


def _say_where(directory: Path, door: socket.socket, tokens: Tokens) -> str:
    """Print and return the address; with the token only where a person looks on: a log keeps what it gets."""
    host, port = door.getsockname()[:2]
    address = f"http://[{host}]:{port}/" if ":" in host else f"http://{host}:{port}/"
    is_seen = sys.stderr is not None and sys.stderr.isatty()
    secret = f"#token={tokens.control}" if is_seen and tokens.control else ""
    sys.stderr.write(f"obs: watching {directory}, {address}{secret}\n")
    return address


def _loop_factory() -> Callable[[], asyncio.AbstractEventLoop] | None:
    """The faster loop where there is one."""
    try:
        import uvloop
    except ImportError:
        return None
    return uvloop.new_event_loop


def stop_on_signals(stop: asyncio.Event) -> asyncio.Event:
    """Set `stop` at the first SIGTERM or SIGINT; return the event that the second one sets."""
    hurry = asyncio.Event()

    def told(*_: object) -> None:
        (hurry if stop.is_set() else stop).set()

    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        try:
            loop.add_signal_handler(number, told)
        except NotImplementedError:
            signal.signal(number, told)
    return hurry


async def _run(
    sidecar: Sidecar, door: socket.socket, context: Context, idle_exit: float, *, with_input: bool
) -> None:
    log = journal("sidecar")
    stop = asyncio.Event()
    settings = context.settings
    app = application(context)
    server = server_of(app)
    hurry = stop_on_signals(stop)
    web = asyncio.create_task(server.serve([door]))
    tasks = [asyncio.create_task(_reload_on_change(sidecar, context, log))]
    if with_input:
        _read_standard_input(sidecar, settings.timezone)
    log.info("started", directory=str(sidecar.directory))
    try:
        await sidecar.run(stop, hurry=hurry, idle_exit=idle_exit)
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        log.info("stopped", pending_bytes=sidecar.pending_bytes)
        app.state.streams.end()
        server.should_exit = True
        await web


def server_of(app: FastAPI) -> uvicorn.Server:
    """Return the HTTP server of an app, with its limits; signals are left to whoever runs it."""
    return _Server(
        uvicorn.Config(
            app,
            log_level="critical",
            access_log=False,
            timeout_keep_alive=5,
            timeout_graceful_shutdown=2,
            server_header=False,
            proxy_headers=False,
            lifespan="off",
            http=Doorkeeper().protocol(),
            ws=Socket,
            ws_max_size=4_096,
            ws_per_message_deflate=False,
        )
    )


async def _reload_on_change(sidecar: Sidecar, context: Context, log: Journal) -> None:
    """Take over changed settings and rule packs once they are valid; else keep the old and say why."""
    settings = context.settings
    places = {Path(name).parent.absolute() for name in ("obs.toml", *map(str, settings.rules))}
    places |= {path.absolute() for path in settings.rules if path.is_dir()}
    async for changed in awatch(*places, recursive=False, watch_filter=_is_ours):
        try:
            fresh = load().settings
            ruleset, expected = rules.load(fresh.rules), expectations(fresh)
        except (ConfigError, rules.RuleError) as error:
            file = plain(str(error).partition(":")[0])
            _refuse(sidecar, file)
            log.error("settings kept", why=str(error))
        else:
            _adopt(sidecar, fresh, ruleset, expected)
            if context.pipeline is not None:
                context.pipeline.config = pipeline_config(fresh)
            log.info("settings reloaded", files=sorted(Path(path).name for _, path in changed))


def _adopt(sidecar: Sidecar, fresh: Settings, ruleset: rules.RuleSet, expected: Expectations) -> None:
    sidecar.post(
        lambda: sidecar.adopt(ruleset=ruleset, expected=expected, budget=fresh.budget, lang=fresh.lang)
    )


def _refuse(sidecar: Sidecar, file: str) -> None:
    what = (
        f"What the changed {file} asks for: it is wrong and not in force, what stood there before "
        "is; `obs check --rules FILE` and the sidecar's log say what to mend."
    )
    sidecar.post(lambda: sidecar.refuse(what))


def _is_ours(_: Change, path: str) -> bool:
    return path.endswith(".toml")


def _read_standard_input(sidecar: Sidecar, timezone: str) -> None:
    """Offer standard input as it comes; the thread waits when the fold is behind."""

    def read() -> None:
        for event in sources.read("-", letter="a", timezone=timezone):
            sidecar.offer(event)

    threading.Thread(target=read, name="obs-stdin", daemon=True).start()


class _Server(uvicorn.Server):
    """uvicorn, but signals stay ours: it must not end before the spool is drained."""

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Leave the signal handlers as they are."""
        yield

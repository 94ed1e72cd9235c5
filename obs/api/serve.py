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
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import uvicorn
from fastapi import FastAPI

from obs import dashboard
from obs.alerts.opening import alerter_of, wiring_of
from obs.api.app import application
from obs.api.board import Board
from obs.api.context import Context
from obs.api.desk import Desk
from obs.api.doors import Doorkeeper, Socket
from obs.api.inputs import read_standard_input
from obs.api.listening import grpc_door, listen
from obs.api.tokens import TokenError, Tokens, in_force
from obs.config import Settings, load, pipeline_config, placed
from obs.exporting.echoes import identity_of
from obs.history.queries import History
from obs.journal import journal
from obs.keeping.inbox import FOLDER, Inbox
from obs.keeping.stopping import HANGUP, Told, is_on_terminal
from obs.keeping.whereabouts import announced
from obs.opening import LOOK_SECONDS, Marker, opened, opened_for_a_bot, orders_of, taken_over
from obs.otlp.grpc_door import GrpcDoor
from obs.otlp.receiving import Receiver
from obs.refreshing.pipeline import DashboardDataPipeline
from obs.reloading import Reloading
from obs.sidecar import Sidecar
from obs.snapshot import Snapshot
from obs.trails import recent

__all__ = ["serve", "serve_for_a_bot", "server_of", "stop_on_signals"]

SWITCH_SECONDS = 0.001
"""How long the fold may hold the interpreter while a request waits for it."""


def serve(
    settings: Settings,
    files: Sequence[Path],
    *,
    idle_exit: float = 0.0,
    read: Callable[[], Settings] | None = None,
) -> int:
    """Run until a signal or the idle time; return the exit code.

    A sidecar that a bot has started in this directory is asked to leave first.

    Args:
        settings: Where to work and listen.
        files: Logs to take in and follow; `-` is standard input.
        idle_exit: Seconds without a living bot after which to end; 0 is never.
        read: Reads the settings anew when their file has changed; None: only rule packs and tables change.

    Raises:
        ValueError: If the address is not loopback and there is no token, or the port is taken.
        SpoolBusyError: If another sidecar works in the directory that no bot has started.
        OSError: If the directory cannot be written.
    """
    directory = settings.dir.absolute()
    tokens = in_force(settings, directory)
    door = listen(settings)
    follow = [str(path) for path in files]
    board = _empty_board()
    with (
        contextlib.closing(door),
        _shut(grpc_door(settings, tokens)) as grpc,
        taken_over(directory, lambda: opened(settings, directory, files=follow, audience=board)) as sidecar,
    ):
        address = _address(door)
        board.tail.recall(recent(sidecar.state.trails))
        # With the token only where a person looks on: a log keeps what it gets.
        is_seen = sys.stderr is not None and sys.stderr.isatty()
        secret = f"#token={tokens.control}" if is_seen and tokens.control else ""
        beside = f", OpenTelemetry by gRPC at {grpc.address}" if grpc is not None else ""
        sys.stderr.write(f"obs: watching {directory}, {address}{secret}{beside}\n")
        running = _Running(
            sidecar,
            door,
            idle_exit,
            read=read or (lambda: settings),
            files=follow,
            folder=Path.cwd(),
            grpc=grpc,
        )
        running.serve(settings, tokens, board)
    return 0


def serve_for_a_bot(directory: Path, folder: Path, *, idle_exit: float) -> int:
    """Do as `serve`, for a bot that has started its sidecar; a taken port is replaced by a free one.

    Args:
        directory: The `OBS_DIR`.
        folder: Where the bot was started: its settings count.
        idle_exit: Seconds without a living bot after which to end; 0 is never.

    Raises:
        SpoolBusyError, StoreError, OSError: As `Sidecar`.
    """

    def read() -> Settings:
        # On loopback whatever they say: nobody is there to read why it would not listen elsewhere.
        found = placed(load(folder=folder).settings, folder)
        return found.model_copy(update={"dir": directory, "host": "127.0.0.1"})

    settings = read()
    try:
        door = listen(settings)
    except ValueError:
        door = listen(settings.model_copy(update={"port": 0}))
    board = _empty_board()
    with (
        contextlib.closing(door),
        opened_for_a_bot(directory, folder, audience=board) as sidecar,
        contextlib.closing(Marker(directory)) as marker,
    ):
        board.tail.recall(recent(sidecar.state.trails))
        try:
            tokens = in_force(settings, directory)
        except TokenError as error:
            tokens = Tokens()
            sidecar.vault.notice(f"nobody can decide anything on the page ({error})")
        with _shut(_grpc_door_or_word(settings, tokens, sidecar)) as grpc:
            running = _Running(sidecar, door, idle_exit, read=read, folder=folder, leave=marker, grpc=grpc)
            running.serve(settings, tokens, board)
    return 0


class _Running:
    """One life of a sidecar with HTTP beside it."""

    def __init__(
        self,
        sidecar: Sidecar,
        door: socket.socket,
        idle_exit: float,
        *,
        read: Callable[[], Settings],
        folder: Path,
        files: Sequence[str] = (),
        leave: Told | None = None,
        grpc: GrpcDoor | None = None,
    ) -> None:
        self._sidecar, self._door, self._idle_exit = sidecar, door, idle_exit
        self._read, self._folder, self._files = read, folder, files
        self._leave, self._grpc = leave, grpc

    def serve(self, settings: Settings, tokens: Tokens, board: Board) -> None:
        sidecar = self._sidecar
        board.publish(sidecar.snapshot(), fault=sidecar.fault)
        pipeline = DashboardDataPipeline(
            pipeline_config(settings),
            source=lambda: board.snapshot.money,
            picture=lambda: dashboard.render(board.snapshot),
            directory=sidecar.directory,
        )
        inbox = Inbox(sidecar.directory / FOLDER)
        receiver = Receiver(inbox, own=identity_of(sidecar.directory))
        alerter = alerter_of(settings, sidecar.directory, lambda: board.kept, _noting(sidecar), sidecar.offer)
        context = Context(
            settings=settings,
            board=board,
            sidecar=sidecar,
            history=History(settings.store or sidecar.directory / "obs.db"),
            pipeline=pipeline,
            receiver=receiver,
            inbox=inbox,
            alerter=alerter,
            desk=Desk(sidecar, board),
            tokens=tokens,
        )
        gc.freeze()
        sys.setswitchinterval(SWITCH_SECONDS)
        with (
            announced(sidecar.directory, _address(self._door), grpc=self._grpc.address if self._grpc else ""),
            contextlib.closing(inbox),
            _opened(self._grpc, receiver, tokens),
            pipeline,
            alerter,
            Reloading(
                sidecar,
                settings,
                self._read,
                lambda fresh: orders_of(fresh, self._files),
                folder=self._folder,
                prepare=_preparing(context),
            ) as reloading,
            asyncio.Runner(loop_factory=_loop_factory()) as runner,
        ):
            runner.run(self._until_stopped(context, reloading))

    async def _until_stopped(self, context: Context, reloading: Reloading) -> None:
        log = journal("sidecar")
        stop = asyncio.Event()
        sidecar, app = self._sidecar, application(context)
        server = server_of(app)
        hurry = stop_on_signals(stop)
        _reload_on_hangup(reloading, stop)
        web = asyncio.create_task(server.serve([self._door]))
        tasks = [asyncio.create_task(_stop_when(self._leave, stop))] if self._leave is not None else []
        if "-" in (*self._files, *context.settings.follow):
            read_standard_input(sidecar, context.settings.timezone)
        log.info("started", directory=str(sidecar.directory))
        try:
            await sidecar.run(stop, hurry=hurry, idle_exit=self._idle_exit)
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
            log.info("stopped", pending_bytes=sidecar.pending_bytes)
            app.state.streams.end()
            server.should_exit = True
            await web


@contextlib.contextmanager
def _shut(grpc: GrpcDoor | None) -> Iterator[GrpcDoor | None]:
    """Close the door at the end, where there is one."""
    try:
        yield grpc
    finally:
        if grpc is not None:
            grpc.close()


@contextlib.contextmanager
def _opened(grpc: GrpcDoor | None, receiver: Receiver, tokens: Tokens) -> Iterator[None]:
    """Take gRPC in meanwhile; the inbox is closed after it."""
    if grpc is not None:
        grpc.open(receiver, tokens)
    try:
        yield
    finally:
        if grpc is not None:
            grpc.close()


def _grpc_door_or_word(settings: Settings, tokens: Tokens, sidecar: Sidecar) -> GrpcDoor | None:
    """Return the door; where it cannot be had the page says so: nobody reads why we would not start."""
    try:
        return grpc_door(settings, tokens)
    except ValueError as error:
        sidecar.vault.notice(f"OpenTelemetry by gRPC is not taken in: {error}")
        return None


def _preparing(context: Context) -> Callable[[Settings], Callable[[], None]]:
    """Return what makes ready, beside the fold, for other settings: routes, messages, the data pipeline."""

    def prepare(fresh: Settings) -> Callable[[], None]:
        wiring, config = wiring_of(fresh), pipeline_config(fresh)

        def adopt() -> None:
            context.settings = fresh
            context.alerter.adopt(wiring)
            context.pipeline.config = config

        return adopt

    return prepare


async def _stop_when(leave: Told, stop: asyncio.Event) -> None:
    while not leave.is_set():
        await asyncio.sleep(LOOK_SECONDS)
    stop.set()


def _noting(sidecar: Sidecar) -> Callable[[str], None]:
    """Return what puts a sentence on the page, from any thread."""
    return lambda text: sidecar.post(lambda: sidecar.vault.notice(text))


def _empty_board() -> Board:
    return Board(Snapshot(taken_at=time.time_ns(), live=True))


def _address(door: socket.socket) -> str:
    host, port = door.getsockname()[:2]
    return f"http://[{host}]:{port}/" if ":" in host else f"http://{host}:{port}/"


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


def _reload_on_hangup(reloading: Reloading, stop: asyncio.Event) -> None:
    """Read the settings anew at SIGHUP, or end in order where it says that our terminal is gone."""
    if HANGUP is None:
        return
    had_terminal = is_on_terminal()

    def told(*_: object) -> None:
        if had_terminal and not is_on_terminal():
            stop.set()
        else:
            reloading.ask()

    asyncio.get_running_loop().add_signal_handler(HANGUP, told)


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


class _Server(uvicorn.Server):
    """uvicorn, but signals stay ours: it must not end before the spool is drained."""

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Leave the signal handlers as they are."""
        yield

"""Starts a program, keeps out of its way, and writes down how it ended.

Thin, and without rules: it puts facts into the spool (`process.started`, `process.exited`), and the sidecar
makes the post-mortem of them. The program outlives it: a Python child keeps its real stdin, stdout and stderr
and its own spool, and no parent-death signal is set. Other programs write into a pipe; `obs.running.pipes`
says what that means. The bootstrap does not reach a Python started with `-I`, `-E` or `-S`, or with an
environment of its own: it is then read like any other program.
"""

from __future__ import annotations

import os
import subprocess
import sys
import threading
import time
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

from obs.keeping.presence import ensure_running, running_pid, wait_processed
from obs.keeping.whereabouts import listening_at
from obs.running import exits, launch, signals
from obs.running.lifecycle import Lifecycle
from obs.running.pipes import OutputPipe, open_pipes
from obs.spooling.sizes import DEFAULT_QUOTA

__all__ = ["run"]

_BRIEFING_SECONDS = 3.0
_PAGE_SECONDS = 15.0
_STARTING_SECONDS = 8.0
"""How much longer the end may wait for a sidecar that has only just been started."""


def run(
    command: Sequence[str],
    *,
    directory: Path,
    service: str | None = None,
    quota_bytes: int = DEFAULT_QUOTA,
    page: bool = False,
) -> int:
    """Run a program to its end, attached, and return what a shell would call its status.

    Args:
        command: The program and its arguments; it sees the arguments as they are here.
        directory: `OBS_DIR`; made when it does not exist. If that fails the program runs all the same.
        service: The bot's name in all that is recorded; by default that of its script or program.
        quota_bytes: How much the spool may take while nobody reads it.
        page: Have the sidecar serve the live page, and say where.

    Returns:
        The program's exit code, 128 plus the signal's number, or 2 when it could not be started.
    """
    if not command:
        return _refuse("no command given. Write it after two dashes, e.g. obs run -- python bot.py")
    program = launch.inspect_program(command)
    if not program.executable:
        return _refuse(f"{command[0]}: no such program. Give its path, or put its folder on PATH")
    if os.environ.get("OBS_ENABLED") == "0":
        return _Run(command, program, None).to_its_end()
    directory = directory.absolute()
    service = service or _named_by_environment() or launch.service_of(command)
    lifecycle = Lifecycle(directory, service, quota_bytes)
    sidecar = _start_sidecar(directory, page=page)
    if sys.stderr is not None and sys.stderr.isatty():
        _say(f"attached, writing to {_short(directory)}")
    if page:
        threading.Thread(target=_say_where_the_page_is, args=(directory,), daemon=True).start()
    this_run = _Run(command, program, lifecycle)
    status = this_run.to_its_end()
    lifecycle.close()
    if this_run.is_started:
        _say(_where_the_briefing_is(directory, sidecar))
    return status


class _Run:
    """One start of one program."""

    def __init__(self, command: Sequence[str], program: launch.Program, lifecycle: Lifecycle | None) -> None:
        self._command = list(command)
        self._program = program
        self._lifecycle = lifecycle
        self._pipes: list[OutputPipe] = []
        self.is_started = False

    def to_its_end(self) -> int:
        forwarder = signals.Forwarder(self._resized)
        before = exits.read_oom_counters()
        started = time.monotonic()
        try:
            process = self._start(forwarder)
        except OSError as error:
            return _refuse(f"{self._command[0]}: {error.strerror}. Check that it may be executed here")
        else:
            if self._lifecycle is not None:
                self._lifecycle.started(process.pid, self._command, self._program)
            ended = forwarder.wait(process, started)
        finally:
            forwarder.stop()
        if self._lifecycle is not None:
            oom = exits.read_oom_counters().risen_since(before)
            self._lifecycle.exited(process.pid, ended, oom=oom, asked=forwarder.stopped_by)
        self._drain()
        return ended.status

    def _start(self, forwarder: signals.Forwarder) -> subprocess.Popen[bytes]:
        environment, streams = self._surroundings()
        try:
            # Descriptors that we were given for the program (`3<file`) are its own: none is closed.
            process = subprocess.Popen(self._command, env=environment, close_fds=False, **streams)
        except OSError:
            for pipe in self._pipes:
                pipe.discard()
            self._pipes = []
            raise
        finally:
            self._close_handed_over()
        self.is_started = True
        forwarder.attach(process.pid)
        for pipe in self._pipes:
            pipe.start()
        return process

    def _surroundings(self) -> tuple[dict[str, str], dict[str, Any]]:
        if self._lifecycle is None:
            return dict(os.environ), {}
        environment = launch.child_environment(
            os.environ,
            directory=self._lifecycle.directory,
            service=self._lifecycle.service,
            run=self._lifecycle.run,
            quota_bytes=self._lifecycle.quota_bytes,
        )
        if self._program.copies_from_inside:
            return environment, {}
        self._pipes = open_pipes(self._lifecycle.printed)
        environment["OBS_HANDOVER"] = ",".join(words for pipe in self._pipes for words in pipe.hand_over())
        names = {1: "stdout", 2: "stderr"}
        return environment, {names[target]: pipe.write_end for pipe in self._pipes for target in pipe.targets}

    def _close_handed_over(self) -> None:
        for pipe in self._pipes:
            pipe.close_handed_over()

    def _drain(self) -> None:
        # The program has ended, but a child of its own may still write; Ctrl-C leaves it alone.
        with suppress(KeyboardInterrupt):
            for pipe in self._pipes:
                pipe.join()

    def _resized(self) -> bool:
        for pipe in self._pipes:
            pipe.resize()
        return any(pipe.is_terminal for pipe in self._pipes)


def _start_sidecar(directory: Path, *, page: bool = False) -> int | None:
    """Have a sidecar read the spool, unless `OBS_SIDECAR=never`; without one the spool waits for it."""
    if os.environ.get("OBS_SIDECAR", "auto") != "auto":
        return None
    return ensure_running(directory, page=page)


def _say_where_the_page_is(directory: Path) -> None:
    """Wait until the page is served, and say where; the token only to a person who looks on."""
    deadline = time.monotonic() + _PAGE_SECONDS
    while not (address := listening_at(directory)):
        if time.monotonic() >= deadline:
            _say("no page: the sidecar of this folder serves none; see sidecar.log, or use obs up")
            return
        time.sleep(0.1)
    secret = ""
    if sys.stderr is not None and sys.stderr.isatty():
        with suppress(OSError):
            secret = f"#token={(directory / 'token').read_text(encoding='ascii').strip()}"
    _say(f"page: {address}{secret}")


def _where_the_briefing_is(directory: Path, sidecar: int | None) -> str:
    """Wait, within limits, until the end has been read, and say where it can be read.

    Args:
        directory: `OBS_DIR`.
        sidecar: The process that was to read it when the program started.
    """
    processed = _is_read(directory, sidecar)
    if not processed and running_pid(directory) is None:
        # It died while it was waited for: the next one reads what it left.
        processed = _is_read(directory, None)
    latest = directory / "briefings" / "latest.md"
    if processed and latest.exists():
        return f"briefing: {_short(latest)}"
    place = _short(directory)
    return f"no briefing yet: the records wait in {place}; obs up --dir {place} reads them"


def _is_read(directory: Path, sidecar: int | None) -> bool:
    """Wait, within limits, until a sidecar has read the end; start one when there is none."""
    if running_pid(directory) is None and not exits.is_alive(sidecar):
        # It died meanwhile, or went when it was idle; the post-mortem is what it is for.
        sidecar = _start_sidecar(directory)
    deadline = time.monotonic() + _STARTING_SECONDS
    while running_pid(directory) is None and exits.is_alive(sidecar) and time.monotonic() < deadline:
        time.sleep(0.02)
    # What it did not need for coming up it may need for its first look: a new store takes a moment.
    left = max(0.0, deadline - time.monotonic())
    return wait_processed(directory, _BRIEFING_SECONDS + left)


def _named_by_environment() -> str:
    return os.environ.get("OBS_SERVICE") or os.environ.get("OTEL_SERVICE_NAME") or ""


def _refuse(reason: str) -> int:
    _say(reason)
    return 2


def _say(words: str) -> None:
    if sys.stderr is None:
        return
    with suppress(OSError, ValueError):
        sys.stderr.write(f"obs: {words}\n")
        sys.stderr.flush()


def _short(path: Path) -> Path:
    return path.relative_to(Path.cwd()) if path.is_relative_to(Path.cwd()) else path

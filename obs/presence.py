"""One sidecar per directory: who it is, starting one when there is none, and waiting until it has caught up.

A bot calls this when it attaches, so it needs the standard library alone and never raises for what the
system refuses: a bot without a sidecar runs on, its spool waits.
"""

from __future__ import annotations

import contextlib
import itertools
import json
import os
import subprocess
import sys
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from obs import ownership
from obs.launch import plain_environment

__all__ = ["DirectoryLock", "TakenError", "ensure_running", "flush_requests", "running_pid", "wait_processed"]

LOCK_NAME = "sidecar.lock"
LOG_NAME = "sidecar.log"
FLUSH_NAME = "flush"
IDLE_EXIT_SECONDS = 60.0
"""How long a sidecar that was started on demand stays after the last bot has ended."""
LOG_BYTES = 1 << 20
_TRIES = 10
_PAUSE_SECONDS = 0.02
_numbers = itertools.count(1)


class TakenError(Exception):
    """Another sidecar works in this directory; `pid` says which."""

    def __init__(self, directory: Path, pid: int) -> None:
        super().__init__(
            f"{directory} has a sidecar already (pid {pid or 'unknown'}): use that one, stop it, or choose"
            " another directory"
        )
        self.pid = pid


class DirectoryLock:
    """The right to read one directory's spool and write its store, for as long as the process lives."""

    def __init__(self, directory: Path) -> None:
        """Take the right, also from a process that died without giving it back.

        Raises:
            TakenError: If a living sidecar has it.
            OSError: If the directory cannot be made or written.
        """
        self.path = directory / LOCK_NAME
        self._descriptor = -1
        directory.mkdir(parents=True, exist_ok=True, mode=0o700)
        # Whoever asks `running_pid` holds the lock for an instant; so one refusal is not the last word.
        for number in range(_TRIES):
            # Between taking the lock and writing its name the taker looks like a dead one's child.
            if self._taken(may_replace=number >= _TRIES // 2):
                break
            time.sleep(_PAUSE_SECONDS)
        else:
            raise TakenError(directory, int(_owner_in(self.path).get("pid") or 0))
        if hasattr(os, "register_at_fork"):
            # A forked child must not hold the right after its parent has died.
            os.register_at_fork(after_in_child=self.release)

    def release(self) -> None:
        """Give the right back; doing so twice is harmless."""
        descriptor, self._descriptor = self._descriptor, -1
        if descriptor >= 0:
            with contextlib.suppress(OSError):
                os.close(descriptor)

    def is_ours(self) -> bool:
        """Whether the right still is this object's: not when someone deleted or replaced the file."""
        return self._descriptor >= 0 and _is_same(self._descriptor, self.path)

    def _taken(self, *, may_replace: bool) -> bool:
        self._descriptor = descriptor = _open(self.path)
        got = ownership.take_lock(descriptor)
        owner = _owner_in(self.path)
        alive = bool(owner) and ownership.is_running(owner) is not False
        if got is None:
            # No locks on this system: process id and start time decide.
            got = not alive or owner.get("pid") == os.getpid()
        if got and _is_same(descriptor, self.path):
            _write_owner(descriptor)
            return True
        self.release()
        # A child of a dead sidecar may hold its lock for ever: then the file itself is replaced.
        return may_replace and not got and bool(owner) and not alive and self._replaced()

    def _replaced(self) -> bool:
        beside = self.path.with_name(LOCK_NAME + ".new")
        self._descriptor = descriptor = _open(beside)
        if ownership.take_lock(descriptor) and ownership.is_running(_owner_in(self.path)) is False:
            _write_owner(descriptor)
            beside.replace(self.path)
            return True
        self.release()
        return False


def running_pid(directory: Path) -> int | None:
    """Return the process id of the directory's living sidecar, or None."""
    path = directory / LOCK_NAME
    try:
        descriptor = os.open(path, os.O_RDWR | getattr(os, "O_CLOEXEC", 0))
    except OSError:
        return None
    try:
        owner = _owner_in(path)
        if not owner or not ownership.is_owner_alive(descriptor, owner):
            return None
        return int(owner["pid"])
    except (OSError, KeyError, ValueError):
        return None
    finally:
        os.close(descriptor)


def ensure_running(
    directory: Path, *, idle_exit: float = IDLE_EXIT_SECONDS, wait_seconds: float = 0.0
) -> int | None:
    """Start a detached sidecar for the directory if none is alive.

    Args:
        directory: The `OBS_DIR`.
        idle_exit: Seconds the new one stays after its last bot has ended.
        wait_seconds: How long to wait until it reads; by default it is left to come up by itself.

    Returns:
        The process id of the sidecar, or None when none could be started (its log says why).
    """
    directory = Path(directory).absolute()
    running = running_pid(directory)
    if running is not None or os.environ.get("OBS_ENABLED") == "0":
        return running
    try:
        started = _start(directory, idle_exit)
    except (OSError, ValueError, subprocess.SubprocessError):
        return None
    deadline = time.monotonic() + wait_seconds
    while time.monotonic() < deadline:
        running = running_pid(directory)
        if running is not None:
            return running
        time.sleep(_PAUSE_SECONDS)
    return None if wait_seconds else started


def wait_processed(directory: Path, timeout: float) -> bool:
    """Wait until the sidecar has taken in all that was in the spool at this call, and its files say so.

    Args:
        directory: The `OBS_DIR`.
        timeout: Seconds.

    Returns:
        False when no sidecar is alive, or it did not get so far in time.
    """
    deadline = time.monotonic() + timeout
    folder = Path(directory) / FLUSH_NAME
    request = folder / f"{os.getpid()}-{next(_numbers)}"
    try:
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        request.touch(mode=0o600)
        while request.exists():
            if time.monotonic() >= deadline or running_pid(Path(directory)) is None:
                return False
            time.sleep(_PAUSE_SECONDS)
        return True
    except OSError:
        return False
    finally:
        with contextlib.suppress(OSError):
            request.unlink(missing_ok=True)


def flush_requests(directory: Path) -> list[Path]:
    """Return the open requests of `wait_processed`; the sidecar answers one by deleting it."""
    try:
        return list((directory / FLUSH_NAME).iterdir())
    except OSError:
        return []


def _start(directory: Path, idle_exit: float) -> int:
    if not sys.executable:
        raise ValueError("this program embeds Python: there is no interpreter to start a sidecar with")
    directory.mkdir(parents=True, exist_ok=True, mode=0o700)
    log = directory / LOG_NAME
    with contextlib.suppress(OSError):
        if log.stat().st_size > LOG_BYTES:
            log.unlink()
    # -P: a module in the bot's folder must not take the place of one of ours.
    command = [sys.executable, "-P", "-m", "obs.sidecar", str(directory), "--idle-exit", str(idle_exit)]
    environment = _environment()
    if sys.platform == "win32":
        flags = subprocess.DETACHED_PROCESS | subprocess.CREATE_NEW_PROCESS_GROUP
        with log.open("ab") as output:
            return subprocess.Popen(
                command,
                env=environment,
                creationflags=flags,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
            ).pid
    # Through a shell that ends at once: the sidecar is then nobody's child, so the bot neither waits for it
    # nor finds it among its children, and leaves no zombie.
    script = 'umask 077; log=$1; shift; "$@" >>"$log" 2>&1 </dev/null & echo $!'
    done = subprocess.run(
        ["/bin/sh", "-c", script, "sh", str(log), *command],
        env=environment,
        cwd="/",
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
        timeout=10,
        check=True,
    )
    return int(done.stdout)


def _environment() -> dict[str, str]:
    ours = str(Path(__file__).resolve().parents[1])
    plain = plain_environment(os.environ)
    path = [entry for entry in plain.get("PYTHONPATH", "").split(os.pathsep) if entry]
    # `OBS_ENABLED=0`: a start-up hook of the user that attaches every Python must leave this one alone.
    return {**plain, "OBS_ENABLED": "0", "PYTHONPATH": os.pathsep.join([*path, ours])}


def _open(path: Path) -> int:
    return os.open(path, os.O_RDWR | os.O_CREAT | getattr(os, "O_CLOEXEC", 0), 0o600)


def _is_same(descriptor: int, path: Path) -> bool:
    try:
        return os.path.samestat(os.fstat(descriptor), path.stat())
    except OSError:
        return False


def _owner_in(path: Path) -> Mapping[str, Any]:
    try:
        owner = json.loads(path.read_bytes())
    except (OSError, ValueError):
        return {}
    return owner if isinstance(owner, dict) else {}


def _write_owner(descriptor: int) -> None:
    os.ftruncate(descriptor, 0)
    os.lseek(descriptor, 0, os.SEEK_SET)
    os.write(descriptor, json.dumps(ownership.describe_process()).encode())

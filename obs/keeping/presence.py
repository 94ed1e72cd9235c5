"""The directory's sidecar from outside: which process it is, starting one, waiting until it has caught up.

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
from pathlib import Path

from obs.running.launch import plain_environment
from obs.spooling import ownership
from obs.spooling.reader_lock import LOCK_NAME

__all__ = ["ensure_running", "flush_requests", "running_pid", "wait_processed", "working_folder"]

LOG_NAME = "sidecar.log"
FLUSH_NAME = "flush"
IDLE_EXIT_SECONDS = 60.0
"""How long a sidecar that was started on demand stays after the last bot has ended."""
LOG_BYTES = 1 << 20
_PAUSE_SECONDS = 0.02
_numbers = itertools.count(1)


def running_pid(directory: Path) -> int | None:
    """Return the process id of the directory's living sidecar, or None."""
    try:
        descriptor = os.open(directory / "spool" / LOCK_NAME, os.O_RDWR | getattr(os, "O_CLOEXEC", 0))
    except OSError:
        return None
    try:
        owner = json.loads(os.read(descriptor, 4_096))
        return int(owner["pid"]) if ownership.is_owner_alive(descriptor, owner) else None
    except (OSError, LookupError, TypeError, ValueError):
        # Empty: nobody, or one that has not written its name yet.
        return None
    finally:
        os.close(descriptor)


def ensure_running(
    directory: Path,
    *,
    folder: Path | None = None,
    idle_exit: float = IDLE_EXIT_SECONDS,
    wait_seconds: float = 0.0,
    page: bool = False,
) -> int | None:
    """Start a detached sidecar for the directory if none is alive.

    Args:
        directory: The `OBS_DIR`.
        folder: Where the bot was started: the settings there count; the working directory when None.
        idle_exit: Seconds the new one stays after its last bot has ended.
        wait_seconds: How long to wait until it reads; by default it is left to come up by itself.
        page: Have it serve the page too, whatever the settings say.

    Returns:
        The process id of the sidecar, or None when none could be started (its log says why).
    """
    directory = Path(directory).absolute()
    running = running_pid(directory)
    if running is not None or os.environ.get("OBS_ENABLED") == "0":
        return running
    try:
        started = _start(directory, folder, idle_exit, page=page)
    except (OSError, ValueError, subprocess.SubprocessError):
        return None
    deadline = time.monotonic() + wait_seconds
    while time.monotonic() < deadline:
        running = running_pid(directory)
        if running is not None:
            return running
        time.sleep(_PAUSE_SECONDS)
    return None if wait_seconds else started


def working_folder() -> Path | None:
    """Return the working directory; None when it was deleted."""
    try:
        return Path.cwd()
    except OSError:
        return None


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


def _start(directory: Path, folder: Path | None, idle_exit: float, *, page: bool) -> int:
    if not sys.executable:
        raise ValueError("this program embeds Python: there is no interpreter to start a sidecar with")
    directory.mkdir(parents=True, exist_ok=True, mode=0o700)
    log = directory / LOG_NAME
    with contextlib.suppress(OSError):
        if log.stat().st_size > LOG_BYTES:
            log.unlink()
    # -P: a module in the bot's folder must not take the place of one of ours.
    command = [sys.executable, "-P", "-m", "obs.sidecar", str(directory), "--idle-exit", str(idle_exit)]
    command += ["--for", str(folder or working_folder() or directory)]
    environment = {**_environment(), **({"OBS_PAGE": "1"} if page else {})}
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
    ours = str(Path(__file__).resolve().parents[2])
    plain = plain_environment(os.environ)
    path = [entry for entry in plain.get("PYTHONPATH", "").split(os.pathsep) if entry]
    # `OBS_ENABLED=0`: a start-up hook of the user that attaches every Python must leave this one alone.
    return {**plain, "OBS_ENABLED": "0", "PYTHONPATH": os.pathsep.join([*path, ours])}

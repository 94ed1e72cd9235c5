"""Who holds a file, and whether that process is still the same one: locks, process ids and start times.

Used by the writer inside the bot and by the sidecar, so it needs the standard library alone (psutil is asked
only where the system itself cannot say). Where a system has no file locks, process id and start time decide.
"""

from __future__ import annotations

import importlib
import os
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

__all__ = ["describe_process", "is_held", "is_owner_alive", "is_running", "take_lock"]

_FAR = 1 << 30
"""The byte Windows locks: far past the end, for a lock there keeps others from reading what it covers."""


def describe_process() -> dict[str, Any]:
    """Return what names this process among all of one machine, now and later: `pid`, `start`, `space`."""
    pid = os.getpid()
    return {"pid": pid, "start": _start_of(pid), "space": _space()}


def is_running(owner: Mapping[str, Any]) -> bool | None:
    """Whether the process that `describe_process` described still runs; None when that cannot be known here.

    It cannot be known across containers: their process ids mean nothing outside. A process id that another
    process took over meanwhile is recognised by its start time.
    """
    pid = owner.get("pid")
    if not isinstance(pid, int) or pid <= 0 or owner.get("space") != _space():
        return None
    if not _exists(pid):
        return False
    start = owner.get("start")
    if start:
        now = _start_of(pid)
        return now == start if now else None
    return _started_before(pid, owner.get("created_ns"))


def is_owner_alive(descriptor: int, owner: Mapping[str, Any]) -> bool:
    """Whether the process that locked the open file still lives.

    A lock that is free means dead (a process that replaced itself by exec included). A lock that is held
    means alive unless its process is gone: a forked child that kept the descriptor holds its parent's lock.
    """
    held = is_held(descriptor) if owner.get("locked", True) else None
    if held is False:
        return False
    return is_running(owner) is not False


def take_lock(descriptor: int) -> bool | None:
    """Try to lock the open file for this process; False when another has it, None when there are no locks."""
    return _lock(descriptor, shared=False)


def is_held(descriptor: int) -> bool | None:
    """Whether another open file holds the lock; None when there are no locks here."""
    got = _lock(descriptor, shared=True)
    if got:
        _unlock(descriptor)
    return None if got is None else not got


def _lock(descriptor: int, *, shared: bool) -> bool | None:
    flock = _module("fcntl")
    if flock is not None and hasattr(flock, "flock"):
        try:
            flock.flock(descriptor, (flock.LOCK_SH if shared else flock.LOCK_EX) | flock.LOCK_NB)
        except (BlockingIOError, PermissionError):
            return False
        except OSError:
            return None
        return True
    windows = _module("msvcrt")
    if windows is None:
        return None
    try:
        os.lseek(descriptor, _FAR, os.SEEK_SET)
        windows.locking(descriptor, windows.LK_NBLCK, 1)
    except OSError:
        return False
    return True


def _unlock(descriptor: int) -> None:
    flock = _module("fcntl")
    if flock is not None and hasattr(flock, "flock"):
        flock.flock(descriptor, flock.LOCK_UN)
        return
    windows = _module("msvcrt")
    if windows is not None:
        os.lseek(descriptor, _FAR, os.SEEK_SET)
        windows.locking(descriptor, windows.LK_UNLCK, 1)


def _module(name: str) -> Any:
    found = sys.modules.get(name)
    if found is None:
        try:
            found = importlib.import_module(name)
        except ImportError:
            return None
    return found


def _exists(pid: int) -> bool:
    if sys.platform == "win32":
        # On Windows os.kill(pid, 0) ends the process instead of asking for it.
        psutil = _module("psutil")
        return psutil is None or bool(psutil.pid_exists(pid))
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except (PermissionError, OverflowError):
        return True
    # A dead child that nobody waited for yet still has its number.
    return _state_of(pid) not in ("Z", "X")


def _stat_of(pid: int) -> list[str]:
    try:
        text = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8", errors="replace")
    except OSError:
        return []
    # The name in brackets may hold blanks and brackets itself.
    return text.rpartition(")")[2].split()


def _state_of(pid: int) -> str:
    fields = _stat_of(pid)
    return fields[0] if fields else ""


def _start_of(pid: int) -> str:
    """Start time in clock ticks since boot, as the kernel counts it; empty where it does not say."""
    fields = _stat_of(pid)
    return fields[19] if len(fields) > 19 else ""


def _started_before(pid: int, created_ns: Any) -> bool | None:
    psutil = _module("psutil")
    if psutil is None or not isinstance(created_ns, int):
        return None
    try:
        return bool(psutil.Process(pid).create_time() <= created_ns / 1e9 + 1)
    except psutil.Error:
        return None


def _space() -> str:
    """Within which world process ids mean something: this boot of this machine, and this container."""
    parts = []
    try:
        parts.append(Path("/proc/sys/kernel/random/boot_id").read_text(encoding="ascii").strip())
        parts.append(str(Path("/proc/self/ns/pid").readlink()))
    except OSError:
        pass
    return " ".join(parts)

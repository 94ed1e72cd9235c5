"""Which process a running piece of work belongs to, and whether that process is still there."""

from __future__ import annotations

import os
import socket
from pathlib import Path

__all__ = ["is_alive", "this_process"]


def this_process() -> str:
    """Return what names this process, also among later ones with the same number: host, pid, start."""
    return f"{socket.gethostname()}:{os.getpid()}:{_started(os.getpid())}"


def is_alive(owner: str) -> bool:
    """Return whether the process of `this_process` may still run; that of another host may."""
    host, *rest = owner.rsplit(":", 2)
    if len(rest) != 2 or not rest[0].isdecimal():
        return False
    if host != socket.gethostname():
        return True
    pid, started = int(rest[0]), rest[1]
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        # It is there, and somebody else's.
        pass
    # Numbers of processes are used again: one that started at another time is another one.
    return not started or _started(pid) in (started, "")


def _started(pid: int) -> str:
    try:
        stat = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8", errors="replace")
    except OSError:
        return ""
    # The name in brackets may hold blanks and brackets itself; the start is the 22nd field.
    return stat.rpartition(")")[2].split()[19]

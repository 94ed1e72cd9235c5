"""Looks at the living bots from outside: how much memory they take, how full the disk is.

A bot that tells nothing of itself still grows and fills the disk. Samples go into the gauges of `State`,
from which slow growth is seen before it ends the bot. Cheap: a few reads of /proc a quarter of a minute.
"""

from __future__ import annotations

import contextlib
import shutil
import socket
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import msgspec
import psutil

__all__ = ["Vital", "memory_limit", "vitals"]

CGROUP_LIMITS = (Path("/sys/fs/cgroup/memory.max"), Path("/sys/fs/cgroup/memory/memory.limit_in_bytes"))


class Vital(msgspec.Struct, frozen=True):
    """One sample."""

    service: str
    """Whose; empty for the machine."""
    measure: str
    """`memory` or `disk`, as `obs.insight.trends` names them."""
    value: float
    """Bytes."""
    limit: float = 0.0
    """Bytes at which it ends; 0: unknown."""


def vitals(writers: Iterable[Mapping[str, Any]], directory: Path) -> list[Vital]:
    """Return samples of all living writers on this machine, processes of one service added up.

    Args:
        writers: Writers as the spool's checkpoint keeps them.
        directory: A folder on the disk that must not fill up.
    """
    used: dict[str, float] = {}
    for writer in writers:
        resource = writer.get("resource") or {}
        pid = resource.get("process.pid")
        here = resource.get("host.name") in (None, socket.gethostname())
        if writer.get("is_ended") or not here or not isinstance(pid, int):
            continue
        # A process that has just ended, or is not ours to look at, is not measured.
        with contextlib.suppress(psutil.Error, OSError):
            service = str(resource.get("service.name") or "")
            used[service] = used.get(service, 0.0) + psutil.Process(pid).memory_info().rss
    found = [Vital(service, "memory", value, memory_limit()) for service, value in sorted(used.items())]
    if found:
        with contextlib.suppress(OSError):
            found.append(Vital("", "disk", float(shutil.disk_usage(directory).free)))
    return found


def memory_limit() -> float:
    """Return the memory a process here may take at most, in bytes: of its container, else of the machine."""
    machine = float(psutil.virtual_memory().total)
    for path in CGROUP_LIMITS:
        with contextlib.suppress(OSError, ValueError):
            return min(machine, float(path.read_text().strip()))
    return machine

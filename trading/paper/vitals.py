"""What a process knows of its memory: what it uses and may use. Linux tells; elsewhere nothing is said."""

from __future__ import annotations

import os
from pathlib import Path

__all__ = ["memory_bytes", "memory_limit"]

_STATM = Path("/proc/self/statm")
_LIMITS = (Path("/sys/fs/cgroup/memory.max"), Path("/sys/fs/cgroup/memory/memory.limit_in_bytes"))
_NO_LIMIT = 1 << 60
"""A control group without a limit says a number above any memory."""


def memory_bytes(path: Path = _STATM) -> int | None:
    """Return the resident memory of this process; `None` where the system does not tell."""
    try:
        pages = int(path.read_text(encoding="ascii").split()[1])
    except (OSError, ValueError, IndexError):
        return None
    return pages * os.sysconf("SC_PAGE_SIZE")


def memory_limit(paths: tuple[Path, ...] = _LIMITS) -> int | None:
    """Return the bytes this process may use by its control group; `None`: no limit, or none is known."""
    for path in paths:
        try:
            limit = int(path.read_text(encoding="ascii"))
        except (OSError, ValueError):
            # No such file, or `max`.
            continue
        return limit if limit < _NO_LIMIT else None
    return None

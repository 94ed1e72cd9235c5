"""How a process ended, in the words an operating system has for it, and what the kernel counted meanwhile.

Facts only: whether an exit was a crash, and what to do about it, is decided by whoever reads the spool.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

__all__ = [
    "Exit",
    "OomCounters",
    "is_alive",
    "look_at",
    "memory_limit_bytes",
    "read_oom_counters",
    "wait_for",
]


@dataclass(frozen=True)
class Exit:
    """The end of one process."""

    code: int | None = None
    """What it passed to exit, or None when a signal ended it."""
    signal: int | None = None
    core_dumped: bool = False
    max_rss_bytes: int | None = None
    """The largest resident size it ever had; None where the system does not say."""
    duration_s: float = 0.0

    @property
    def status(self) -> int:
        """What a shell would report: the code, or 128 plus the signal's number."""
        return 128 + self.signal if self.signal is not None else (self.code or 0)

    @property
    def signal_name(self) -> str:
        """`SIGKILL` and the like; `signal 35` for one that has no name; empty without a signal."""
        if self.signal is None:
            return ""
        try:
            return signal.Signals(self.signal).name
        except ValueError:
            return f"signal {self.signal}"


def wait_for(process: subprocess.Popen[bytes], started: float) -> Exit:
    """Wait until a child has ended and return how.

    Args:
        process: The child; it counts as waited for afterwards.
        started: `time.monotonic()` of its start.
    """
    if not hasattr(os, "wait4"):
        return _told(process, started)
    try:
        _, status, usage = os.wait4(process.pid, 0)
    except ChildProcessError:
        # Somebody else has reaped it, e.g. because SIGCHLD is ignored: the code is gone for good.
        return _told(process, started)
    return _reaped(process, status, usage.ru_maxrss, started)


def look_at(process: subprocess.Popen[bytes], started: float) -> Exit | None:
    """Return how a child has ended, or None while it runs; arguments as in `wait_for`."""
    try:
        pid, status, usage = os.wait4(process.pid, os.WNOHANG)
    except ChildProcessError:
        return _told(process, started)
    return _reaped(process, status, usage.ru_maxrss, started) if pid else None


def _told(process: subprocess.Popen[bytes], started: float) -> Exit:
    """Return what `subprocess` alone knows of an end: a negative code stands for a signal."""
    code, duration = process.wait(), time.monotonic() - started
    return Exit(signal=-code, duration_s=duration) if code < 0 else Exit(code=code, duration_s=duration)


def _reaped(process: subprocess.Popen[bytes], status: int, max_rss: int, started: float) -> Exit:
    """Return the end that a wait status tells, and mark the child as waited for."""
    process.returncode = os.waitstatus_to_exitcode(status)
    killed = os.WIFSIGNALED(status)
    return Exit(
        code=None if killed else os.WEXITSTATUS(status),
        signal=os.WTERMSIG(status) if killed else None,
        core_dumped=killed and os.WCOREDUMP(status),
        # Linux counts in KiB; macOS, which has no /proc, in bytes.
        max_rss_bytes=max_rss * 1024 if Path("/proc/self").exists() else max_rss,
        duration_s=time.monotonic() - started,
    )


@dataclass(frozen=True)
class OomCounters:
    """How often the kernel has killed something for want of memory, by who counted."""

    counts: Mapping[str, int] = field(default_factory=dict)

    def risen_since(self, before: OomCounters) -> str:
        """Return which counter has risen (`cgroup` before `host`), or an empty word."""
        for scope in ("cgroup", "host"):
            if self.counts.get(scope, 0) > before.counts.get(scope, self.counts.get(scope, 0)):
                return scope
        return ""


def read_oom_counters(root: Path = Path("/")) -> OomCounters:
    """Read the kernel's out-of-memory kill counters that concern this process and its children.

    Args:
        root: Where `/proc` and `/sys` hang; another folder in tests.

    Source: Linux Documentation/admin-guide/cgroup-v2.rst (memory.events), cgroup-v1/memory.rst
    (memory.oom_control), /proc/vmstat.
    """
    found = [_value(file, "oom_kill") for file in _cgroup_files(root)]
    counts = {
        "host": _value(root / "proc/vmstat", "oom_kill"),
        "cgroup": max((count for count in found if count is not None), default=None),
    }
    return OomCounters({scope: count for scope, count in counts.items() if count is not None})


def is_alive(pid: int | None) -> bool:
    """Whether a process runs; one that has ended and that nobody waits for does not count."""
    if pid is None or sys.platform == "win32":
        return pid is not None
    try:
        os.kill(pid, 0)
        state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[:1]
    except ProcessLookupError:
        return False
    except OSError:
        # Somebody else's process, or a system without /proc.
        return True
    return state not in (["Z"], ["X"])


def memory_limit_bytes() -> int | None:
    """Return the limit on address space (`ulimit -v`) that a child inherits; None when there is none."""
    try:
        import resource
    except ImportError:  # pragma: no cover - Windows
        return None
    limit = resource.getrlimit(resource.RLIMIT_AS)[0]
    return None if limit == resource.RLIM_INFINITY else limit


def _cgroup_files(root: Path) -> Iterator[Path]:
    try:
        lines = (root / "proc/self/cgroup").read_text().splitlines()
    except OSError:
        return
    for line in lines:
        _, controllers, path = [*line.split(":", 2), "", ""][:3]
        if not controllers:
            for mount in ("sys/fs/cgroup", "sys/fs/cgroup/unified"):
                yield root / mount / path.lstrip("/") / "memory.events"
        elif "memory" in controllers.split(","):
            # Inside a container the path is the host's, and the mount shows our own group at its top.
            for group in (path.lstrip("/"), ""):
                yield root / "sys/fs/cgroup/memory" / group / "memory.oom_control"


def _value(file: Path, key: str) -> int | None:
    try:
        for line in file.read_text().splitlines():
            name, _, value = line.partition(" ")
            if name == key:
                return int(value)
    except (OSError, ValueError):
        return None
    return None

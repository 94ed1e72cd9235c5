"""The interpreter's last words: a stack dump when a signal such as SIGSEGV ends it.

Each process has a file of its own for it, opened in advance, since nothing can be opened while it dies. The
file also tells that the process was attached at all. Standard library only; never raises.
"""

from __future__ import annotations

import os
import sys

TYPE_CHECKING = False
if TYPE_CHECKING:  # `typing` and its like cost a program that never logs several milliseconds
    from collections.abc import Iterator
    from pathlib import Path

__all__ = ["dumps_of", "forget", "sweep", "write_dumps_into"]

_open: dict[str, int | str] = {}


def write_dumps_into(directory: str, run: str) -> None:
    """Let `faulthandler` write into this process's file, unless the program has switched it on itself.

    Args:
        directory: `OBS_DIR`.
        run: The token of the run, a folder name below `faults`.
    """
    folder = f"{directory}/faults/{run}"
    try:
        os.makedirs(folder, mode=0o700, exist_ok=True)  # noqa: PTH103 - pathlib is slow to import
        _enable(folder)
    except (OSError, ImportError, ValueError):
        return
    if hasattr(os, "register_at_fork"):
        os.register_at_fork(after_in_child=_again)


def forget() -> None:
    """At an orderly end without a supervisor: take away our file, which has stayed empty."""
    try:
        path = f"{_open['folder']}/{os.getpid()}.txt"
        if os.stat(path).st_size == 0:  # noqa: PTH116
            os.unlink(path)  # noqa: PTH108
            os.rmdir(str(_open["folder"]))  # noqa: PTH106
    except (KeyError, OSError):
        return


def dumps_of(directory: Path, run: str) -> Iterator[tuple[int, str]]:
    """Yield each attached process of a run with its dump; the text is empty when it needed none."""
    for file in _files(directory / "faults" / run):
        try:
            yield int(file.stem), file.read_text("utf-8", "replace")[:65_536].strip()
        except (OSError, ValueError):
            continue


def sweep(directory: Path, run: str | None = None) -> None:
    """Remove the files of processes that are gone: those of one run, or every run's empty ones."""
    try:
        folders = [directory / "faults" / run] if run else list((directory / "faults").iterdir())
    except OSError:
        return
    for folder in folders:
        for file in _files(folder):
            try:
                if not _is_alive(int(file.stem)) and (run or not file.stat().st_size):
                    file.unlink()
            except (OSError, ValueError):
                continue
        try:
            folder.rmdir()
        except OSError:
            continue


def _enable(folder: str) -> None:
    import faulthandler

    path = f"{folder}/{os.getpid()}.txt"
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
    if faulthandler.is_enabled() and not _open:
        os.close(descriptor)
        return
    descriptor = _out_of_the_way(descriptor)
    faulthandler.enable(descriptor, all_threads=True)
    _open.update(folder=folder, descriptor=descriptor)


def _again() -> None:
    """Give a forked child a file of its own; it starts with its parent's."""
    import faulthandler

    if not _open or not faulthandler.is_enabled():
        return
    inherited = _open["descriptor"]
    try:
        _enable(str(_open["folder"]))
        os.close(int(inherited))
    except (OSError, ValueError):
        return


def _out_of_the_way(descriptor: int) -> int:
    """Move a descriptor to a high number.

    A daemon closes all descriptors and opens its own, from the lowest number on; a dump must not end up
    in one of those.
    """
    try:
        import fcntl
        import resource

        limit = resource.getrlimit(resource.RLIMIT_NOFILE)[0]
        least = (1024 if limit == resource.RLIM_INFINITY else min(limit, 1024)) * 7 // 8
        high = fcntl.fcntl(descriptor, fcntl.F_DUPFD_CLOEXEC, least)
    except (ImportError, OSError, ValueError):
        return descriptor
    os.close(descriptor)
    return high


def _files(folder: Path) -> list[Path]:
    try:
        return sorted(folder.glob("*.txt"))
    except OSError:
        return []


def _is_alive(pid: int) -> bool:
    if sys.platform == "win32":  # pragma: no cover - a file that is open there cannot be removed
        return False
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except OSError:
        return True
    return True

"""Views as files: whole or absent, the old make room, and a full disk costs a file, not the sidecar."""

from __future__ import annotations

import contextlib
import os
import re
from datetime import UTC, datetime
from pathlib import Path

__all__ = ["DatedFiles", "dated_name", "write_whole"]

_UNSAFE = re.compile(r"[^A-Za-z0-9_.-]+")


def write_whole(path: Path, text: str | bytes, *, durable: bool = False) -> None:
    """Replace a file so that a reader sees the old content or the new, never a part.

    Args:
        path: The file; its folder is made when missing. Only the owner may read it.
        text: The content; `str` is written as UTF-8.
        durable: Wait until the disk has it, so that it also survives a power loss.

    Raises:
        OSError: If it cannot be written; the old file is then untouched and nothing is left behind.
    """
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    # In the same folder, because a rename between file systems is a copy; one name per process, because a
    # killed process leaves its file and the next one must be able to use the name again.
    beside = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    data = text.encode("utf-8", "backslashreplace") if isinstance(text, str) else text
    # A link that stands in its place is not followed.
    flags = os.O_WRONLY | os.O_CREAT | os.O_TRUNC | getattr(os, "O_CLOEXEC", 0) | getattr(os, "O_NOFOLLOW", 0)
    descriptor = os.open(beside, flags, 0o600)
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(data)
            if durable:
                file.flush()
                os.fsync(file.fileno())
        beside.replace(path)
    except OSError:
        with contextlib.suppress(OSError):
            beside.unlink(missing_ok=True)
        raise


def dated_name(moment_ns: int, words: str, suffix: str) -> str:
    """Return `20261120T130501.250Z-words.suffix`: sorts by time, safe on every file system.

    Args:
        moment_ns: Unix ns.
        words: What the file is about; foreign text in it is made harmless.
        suffix: With the dot.
    """
    moment = datetime.fromtimestamp(moment_ns / 1e9, UTC)
    stamp = moment.strftime("%Y%m%dT%H%M%S.") + f"{moment.microsecond // 1000:03d}Z"
    return f"{stamp}-{_UNSAFE.sub('_', words).strip('._')[:80] or 'bot'}{suffix}"


class DatedFiles:
    """The dated files of one folder, kept under a number and a size; the oldest go first."""

    def __init__(self, folder: Path, *, most_files: int = 200, most_bytes: int = 16 * 2**20) -> None:
        """Look after a folder; files whose names do not begin with a date are never touched.

        Args:
            folder: Where they stand.
            most_files: How many may stand there.
            most_bytes: How large they may be together.
        """
        self._folder = folder
        self._most_files = most_files
        self._most_bytes = most_bytes

    def newest(self) -> str:
        """Return the words of the newest file's name that is no post-mortem; empty when there is none."""
        with contextlib.suppress(OSError):
            names = sorted(path.stem for path in self._folder.iterdir() if path.name[:8].isdigit())
            return next((n.partition("Z-")[2] for n in reversed(names) if "post-mortem" not in n), "")
        return ""

    def add(self, name: str, text: str | bytes) -> None:
        """Write one more, then delete the oldest beyond the quota; the one just written always stays.

        Raises:
            OSError: If it cannot be written.
        """
        write_whole(self._folder / name, text)
        self.prune()

    def prune(self) -> None:
        """Delete the oldest beyond the quota, and what killed processes left half written."""
        found = []
        for path in self._folder.iterdir():
            with contextlib.suppress(OSError):
                if path.name[:8].isdigit():
                    found.append((path.name, path.stat().st_size, path))
                elif path.name.endswith(".tmp") and not path.name.endswith(f".{os.getpid()}.tmp"):
                    path.unlink()
        total = 0
        for number, (_, size, path) in enumerate(sorted(found, reverse=True)):
            total += size
            if number and (number >= self._most_files or total > self._most_bytes):
                with contextlib.suppress(OSError):
                    path.unlink()

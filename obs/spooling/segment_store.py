"""The spool folder as the reader sees it: what is a segment, what is a stranger's, and how one goes away.

Never follows a link, never deletes what is not ours, and takes any answer of the file system as an answer.
"""

from __future__ import annotations

import contextlib
import os
import re
import stat
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, NamedTuple

from obs.spooling import ownership, segment_files, segments

__all__ = ["Listing", "Opened", "SegmentStore"]

QUARANTINE = "quarantine"
QUARANTINE_BYTES = 64 * 2**20
DRAFT_SECONDS = 60.0
"""A half-made segment or file older than this, and not locked, belongs to a writer that died over it."""
LOOK_SECONDS = 1.0
"""How often we ask the system whether a process still runs. A lock that became free is seen at once."""

_OURS = {"reader.lock", QUARANTINE, ".gitignore"}
_DRAFT = re.compile(r"[0-9a-f]{16}-[0-9]{8}r?\.seg\.[0-9]+\.new")


class Listing(NamedTuple):
    """What is in the folder."""

    segments: list[str]
    """By process and in the order of writing."""
    foreign: dict[str, str]
    """Names of what is not ours, and what it is."""


class Opened:
    """One segment, open for reading; a context manager."""

    def __init__(
        self, name: str, descriptor: int, size: int, age_seconds: float, *, is_fresh: bool = False
    ) -> None:
        self._descriptor = descriptor
        self._is_fresh = is_fresh
        self.size = size
        self._age_seconds = age_seconds
        header = self._pread(segments.HEADER_BYTES, 0)
        identity = segments.decode_identity(header)
        self.identity: Mapping[str, Any] = identity or {}
        self.slot = segments.best_slot(header)
        parsed = segments.parse_name(name)
        self.process = str(self.identity.get("process") or (parsed[0] if parsed else name))
        self.is_newer = identity is not None and identity["obs_spool"] != segments.VERSION
        self.is_appended = self.identity.get("mode") == "append"
        self.end = 0
        """Where the lines end, once the writer has said so."""
        if self.slot is not None and self.slot.state != "open" and self.slot.end >= segments.HEADER_BYTES:
            self.end = min(self.slot.end, size)
        self.problem = _problem(size, identity, self.slot)

    def __enter__(self) -> Opened:
        return self

    def __exit__(self, *_: object) -> None:
        os.close(self._descriptor)

    @property
    def is_final(self) -> bool:
        """Whether nothing can be written to it any more: it says so itself, or its writer is dead."""
        is_marked = self.slot is not None and self.slot.state != "open"
        if is_marked or not self._is_owner_alive():
            # A file that is appended to may have grown since it was opened, up to its end.
            self.size = os.fstat(self._descriptor).st_size
            return True
        return False

    def _is_owner_alive(self) -> bool:
        if self._is_fresh:
            return not self.identity.get("locked", True) or ownership.is_held(self._descriptor) is not False
        return ownership.is_owner_alive(self._descriptor, self.identity)

    @property
    def is_being_made(self) -> bool:
        """Whether its writer may still be at its header, on a system where that can be seen."""
        return (
            bool(self.problem)
            and self._age_seconds < DRAFT_SECONDS
            and not segment_files.renames_open_files()
        )

    def read(self, start: int, count: int) -> bytes:
        """Return up to `count` bytes of lines; fewer only where they end."""
        end = self.end or self.size
        return self._pread(max(0, min(count, end - start)), start)

    def has_tail(self) -> bool:
        """Whether somebody left bytes behind the end that the header names."""
        return bool(self.end) and bool(self._pread(min(self.size - self.end, 1 << 20), self.end).strip(b"\0"))

    def _pread(self, count: int, start: int) -> bytes:
        parts = []
        os.lseek(self._descriptor, start, os.SEEK_SET)
        while count > 0:
            part = os.read(self._descriptor, count)
            if not part:
                break
            parts.append(part)
            count -= len(part)
        return b"".join(parts)


class SegmentStore:
    """One spool folder."""

    def __init__(self, directory: Path, *, clock: Callable[[], float] = time.monotonic) -> None:
        self.directory = directory
        self._clock = clock
        self._looked_at: dict[str, float] = {}

    def list(self) -> Listing | None:
        """Return what is there; None when the folder cannot be read now."""
        found: list[tuple[str, int, bool, str]] = []
        foreign: dict[str, str] = {}
        try:
            with os.scandir(self.directory) as entries:
                for entry in entries:
                    parsed = segments.parse_name(entry.name)
                    if parsed is not None and _is_file(entry):
                        found.append((*parsed, entry.name))
                    elif _DRAFT.fullmatch(entry.name):
                        self._clear_draft(entry)
                    elif entry.name not in _OURS:
                        foreign[entry.name] = _kind(entry)
        except FileNotFoundError:
            return Listing([], {})
        except OSError:
            return None
        names = [name for *_, name in sorted(found)]
        self._looked_at = {name: self._looked_at[name] for name in names if name in self._looked_at}
        return Listing(names, foreign)

    def open(self, name: str) -> Opened | str:
        """Open a segment; or return in words why that is not possible."""
        flags = os.O_RDONLY
        for extra in ("O_NOFOLLOW", "O_NONBLOCK", "O_CLOEXEC", "O_BINARY"):
            flags |= getattr(os, extra, 0)
        descriptor = -1
        try:
            descriptor = os.open(self.directory / name, flags)
            found = os.fstat(descriptor)
            if not stat.S_ISREG(found.st_mode):
                os.close(descriptor)
                return "not a regular file"
            age = time.time() - found.st_mtime
            return Opened(name, descriptor, found.st_size, age, is_fresh=self._is_fresh(name))
        except OSError as error:
            if descriptor >= 0:
                os.close(descriptor)
            return str(error.strerror or error)

    def _is_fresh(self, name: str) -> bool:
        """Whether the system was asked for the file's process a moment ago; if not, it is to be asked now."""
        now = self._clock()
        is_fresh = now - self._looked_at.get(name, -LOOK_SECONDS) < LOOK_SECONDS
        if not is_fresh:
            self._looked_at[name] = now
        return is_fresh

    def remove(self, name: str, *, keep: bool) -> bool:
        """Delete a segment, or with `keep` move it to the quarantine; whether it is gone."""
        path = self.directory / name
        try:
            if keep and self._set_aside(path):
                return True
            path.unlink()
        except FileNotFoundError:
            return True
        except OSError:
            # On Windows a file that somebody maps cannot go yet; next time.
            return False
        return True

    def _set_aside(self, path: Path) -> bool:
        folder = self.directory / QUARANTINE
        try:
            folder.mkdir(mode=0o700, exist_ok=True)
            path.replace(folder / path.name)
        except FileNotFoundError:
            return True
        except OSError:
            return False
        with contextlib.suppress(OSError):
            kept = sorted(folder.iterdir(), key=lambda file: file.lstat().st_mtime, reverse=True)
            room = QUARANTINE_BYTES
            for file in kept:
                room -= file.lstat().st_size
                if room < 0 and segments.parse_name(file.name):
                    file.unlink()
        return True

    def _clear_draft(self, entry: os.DirEntry[str]) -> None:
        with contextlib.suppress(OSError):
            if time.time() - entry.stat(follow_symlinks=False).st_mtime < DRAFT_SECONDS:
                return
            opened = self.open(entry.name)
            if isinstance(opened, Opened):
                with opened:
                    if not opened.is_final:
                        return
            Path(entry.path).unlink()


def _is_file(entry: os.DirEntry[str]) -> bool:
    try:
        return entry.is_file(follow_symlinks=False)
    except OSError:
        return False


def _kind(entry: os.DirEntry[str]) -> str:
    try:
        if entry.is_symlink():
            return "a link; not followed"
        return "a folder; left alone" if entry.is_dir() else "not a segment; left alone"
    except OSError:
        return "left alone"


def _problem(size: int, identity: Mapping[str, Any] | None, slot: segments.Slot | None) -> str:
    if size < segments.HEADER_BYTES:
        return f"the file ends inside its header, after {size} bytes: how many records it held is not known"
    if identity is None:
        return "who wrote it cannot be read; its name says the process"
    if slot is None:
        return "the writer's counters cannot be read"
    return ""

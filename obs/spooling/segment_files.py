"""Segment files as the writer has them open: preallocated and memory-mapped, or appended to where that fails.

Creating one is atomic: it gets its header, its room on the disk and its lock under another name first, so a
reader never sees half a segment. What may be taken away on other systems (fallocate, mmap, owners' rights)
has a fallback. Uses the standard library alone; everything raises OSError or ValueError, the caller decides
what that means.
"""

from __future__ import annotations

import contextlib
import importlib
import os
import sys
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Protocol

from obs.spooling import ownership, segments

__all__ = ["Segment", "create_segment", "header_of", "make_directory", "renames_open_files", "write_file"]

_ZEROS = bytes(64 * 1024)
_abandoned: list[Any] = []
"""Maps whose descriptor number somebody else has by now: closing them would close a stranger's file."""


class Segment(Protocol):
    """An open segment: the one place where lines of this process go."""

    path: Path
    index: int

    def put(self, data: bytes) -> object:
        """Commit one stored line; ValueError when it does not fit (any more)."""

    def put_slot(self, slot: segments.Slot) -> None:
        """Write the books into the header area."""

    def is_in_place(self) -> bool:
        """Whether the path still leads to this file."""

    def content(self) -> bytes:
        """Return the lines written so far."""

    def finish(self, slot: segments.Slot) -> None:
        """Take no further line, then say so in the header: what is marked as ended never grows."""

    def forget(self) -> None:
        """Let go of map and descriptor without touching the file; for a forked child."""


def create_segment(
    directory: Path, process: str, index: int, size: int, resource: Mapping[str, Any], slot: segments.Slot
) -> Segment:
    """Create, lock and open a segment of `size` bytes; nothing stays behind when that fails."""
    path = directory / segments.segment_name(process, index)
    owner = ownership.describe_process()
    draft = directory / f"{path.name}.{owner['pid']}.new" if renames_open_files() else path
    flags = os.O_RDWR | os.O_CREAT | os.O_EXCL | _flag("O_NOFOLLOW") | _flag("O_CLOEXEC") | _flag("O_BINARY")
    descriptor = os.open(draft, flags, 0o600)
    kept = False
    try:
        _restrict(descriptor)
        locked = ownership.take_lock(descriptor) is True
        identity = {"process": process, "segment": index, **owner, "locked": locked}
        identity |= {"created_ns": time.time_ns(), "bytes": size, "mode": "map", "resource": resource}
        segment: Segment
        try:
            _allocate(descriptor, size)
            _write_all(descriptor, header_of(identity, slot), at=0)
            segment = _MappedSegment(path, index, descriptor, size)
        except (ImportError, AttributeError, ValueError) as no_map:
            header = header_of({**identity, "mode": "append"}, slot)
            segment = _append_instead(path, index, descriptor, size, header, no_map)
        if draft != path:
            draft.rename(path)
        kept = True
        return segment
    finally:
        if not kept:
            os.close(descriptor)
            with contextlib.suppress(OSError):
                draft.unlink()


def renames_open_files() -> bool:
    """Whether a file can get its name while open: not on Windows, where the reader waits for the header."""
    return sys.platform != "win32"


def header_of(identity: Mapping[str, Any], slot: segments.Slot) -> bytes:
    """Return the whole header area of a segment, with its first slot."""
    areas = segments.encode_identity(identity)
    at = segments.SLOT_OFFSETS[slot.generation % 2]
    return (areas.ljust(at, b"\0") + segments.encode_slot(slot)).ljust(segments.HEADER_BYTES, b"\0")


def make_directory(directory: Path) -> None:
    """Make the spool folder, for its owner only."""
    directory.mkdir(mode=0o700, parents=True, exist_ok=True)
    if hasattr(os, "getuid"):
        found = directory.stat()
        if found.st_uid == os.getuid() and found.st_mode & 0o077:
            directory.chmod(0o700)


def write_file(path: Path, content: bytes) -> None:
    """Write a whole new file, owner-only, and put it in place of `path` in one step."""
    draft = path.with_name(f"{path.name}.{os.getpid()}.new")
    flags = os.O_WRONLY | os.O_CREAT | os.O_TRUNC | _flag("O_NOFOLLOW") | _flag("O_BINARY")
    descriptor = os.open(draft, flags, 0o600)
    try:
        _restrict(descriptor)
        _write_all(descriptor, content, at=0)
    finally:
        os.close(descriptor)
    try:
        draft.replace(path)
    except OSError:
        with contextlib.suppress(OSError):
            draft.unlink()
        raise


class _MappedSegment:
    """A line is one copy into memory that the file shares: it survives the end of the process."""

    def __init__(self, path: Path, index: int, descriptor: int, size: int) -> None:
        mmap = importlib.import_module("mmap")
        self.path = path
        self.index = index
        self._descriptor = descriptor
        self._size = size
        self._file = _file_of(descriptor)
        # From 3.13 on a map can do without its own copy of the descriptor.
        spare = {"trackfd": False} if sys.version_info >= (3, 13) and sys.platform != "win32" else {}
        try:
            self._map = mmap.mmap(descriptor, size, **spare)
        except OSError as error:
            raise ValueError(f"cannot map {path}: {error}") from error
        self._map.seek(segments.HEADER_BYTES)
        # The bound C method itself: one call under the interpreter's lock is the whole commit.
        self.put = self._map.write

    def put_slot(self, slot: segments.Slot) -> None:
        data = segments.encode_slot(slot)
        start = segments.SLOT_OFFSETS[slot.generation % 2]
        self._map[start : start + len(data)] = data

    def is_in_place(self) -> bool:
        return _leads_to(self.path, self._file)

    def content(self) -> bytes:
        return bytes(self._map[segments.HEADER_BYTES : self._map.tell()])

    def finish(self, slot: segments.Slot) -> None:
        if self._descriptor < 0:
            return
        # Another thread may write between any two of these calls until the position stands at the end of the
        # file; only then does nothing follow, and the first zero byte is where the lines end.
        written = self._map.tell()
        self._map.seek(0, os.SEEK_END)
        end = self._map.find(b"\0", written)
        self._let_go()
        _put_slot_by_path(self.path, self._file, slot._replace(end=self._size if end < 0 else end))

    def forget(self) -> None:
        with contextlib.suppress(OSError, ValueError):
            self._let_go()

    def _let_go(self) -> None:
        """Close map and descriptor, unless the program closed them and a stranger has the number now."""
        descriptor, self._descriptor = self._descriptor, -1
        if descriptor < 0:
            return
        if _file_of(descriptor) != self._file:
            _abandoned.append(self._map)
            return
        self._map.close()
        os.close(descriptor)


class _AppendedSegment:
    """The fallback: each line is written through a descriptor of its own, at the end of the file.

    A descriptor that threads share could be closed by one's rotation and be a stranger's by the time another
    writes to it. The one kept here only holds the lock.
    """

    def __init__(self, path: Path, index: int, descriptor: int, size: int) -> None:
        self.path = path
        self.index = index
        self._descriptor = descriptor
        self._file = _file_of(descriptor)
        self._size = size
        self._is_finished = False
        self._is_torn = False

    def put(self, data: bytes) -> None:
        if self._is_finished:
            raise ValueError("this segment is finished")
        flags = os.O_WRONLY | os.O_APPEND | _flag("O_NOFOLLOW") | _flag("O_CLOEXEC") | _flag("O_BINARY")
        descriptor = os.open(self.path, flags)
        try:
            found = os.fstat(descriptor)
            if (found.st_dev, found.st_ino) != self._file or found.st_size + len(data) > self._size:
                raise ValueError("no room in this segment")
            # When the last write came only half way (a full disk), its rest must not spoil this line.
            line = b"\n" + data if self._is_torn else data
            self._is_torn = os.write(descriptor, line) != len(line)
        finally:
            os.close(descriptor)
        if self._is_torn:
            raise OSError("the line was written only in part")
        if self._is_finished:
            # Another thread's rotation ended this segment meanwhile, and the reader may be through with it.
            # Written again, the line has the same number and counts once.
            raise ValueError("this segment is finished")

    def put_slot(self, slot: segments.Slot) -> None:
        if not self._is_finished:
            _put_slot_by_path(self.path, self._file, slot)

    def is_in_place(self) -> bool:
        return _leads_to(self.path, self._file)

    def content(self) -> bytes:
        return _read_from(self._descriptor, segments.HEADER_BYTES)

    def finish(self, slot: segments.Slot) -> None:
        if self._is_finished:
            return
        self._is_finished = True
        _put_slot_by_path(self.path, self._file, slot)
        self._let_go()

    def forget(self) -> None:
        self._is_finished = True
        self._let_go()

    def _let_go(self) -> None:
        descriptor, self._descriptor = self._descriptor, -1
        if descriptor >= 0 and _file_of(descriptor) == self._file:
            with contextlib.suppress(OSError):
                os.close(descriptor)


def _append_instead(
    path: Path, index: int, descriptor: int, size: int, header: bytes, reason: Exception
) -> Segment:
    """Make the file one to append to: empty but for its header. It is not visible yet, so it may shrink."""
    try:
        os.ftruncate(descriptor, 0)
        _write_all(descriptor, header, at=0)
        os.lseek(descriptor, segments.HEADER_BYTES, os.SEEK_SET)
    except OSError as error:
        raise error from reason
    return _AppendedSegment(path, index, descriptor, size)


def _allocate(descriptor: int, size: int) -> None:
    """Give the file its room now: a full disk must be an error here, not a deadly signal in a copy later."""
    if hasattr(os, "posix_fallocate"):
        try:
            os.posix_fallocate(descriptor, 0, size)
        except OSError as error:
            # Not every file system has it; "no space" and "file too large" are true answers.
            if error.errno not in _UNSUPPORTED:
                raise
        else:
            return
    for start in range(0, size, len(_ZEROS)):
        _write_all(descriptor, _ZEROS[: size - start], at=start)


def _put_slot_by_path(path: Path, file: tuple[int, int], slot: segments.Slot) -> None:
    """Write a slot through a descriptor of its own, only if the path still leads to our file."""
    with contextlib.suppress(OSError):
        descriptor = os.open(path, os.O_RDWR | _flag("O_NOFOLLOW") | _flag("O_BINARY"))
        try:
            if _file_of(descriptor) == file:
                _write_all(
                    descriptor, segments.encode_slot(slot), at=segments.SLOT_OFFSETS[slot.generation % 2]
                )
        finally:
            os.close(descriptor)


def _write_all(descriptor: int, data: bytes, *, at: int) -> None:
    os.lseek(descriptor, at, os.SEEK_SET)
    rest = memoryview(data)
    while rest:
        rest = rest[os.write(descriptor, rest) :]


def _read_from(descriptor: int, start: int) -> bytes:
    parts = []
    os.lseek(descriptor, start, os.SEEK_SET)
    while part := os.read(descriptor, 1 << 20):
        parts.append(part)
    return b"".join(parts)


def _restrict(descriptor: int) -> None:
    if hasattr(os, "fchmod"):
        os.fchmod(descriptor, 0o600)


def _file_of(descriptor: int) -> tuple[int, int]:
    try:
        found = os.fstat(descriptor)
    except OSError:
        return (-1, -1)
    return (found.st_dev, found.st_ino)


def _leads_to(path: Path, file: tuple[int, int]) -> bool:
    if sys.platform == "win32":
        # A mapped file can be neither deleted nor moved there.
        return True
    try:
        found = path.lstat()
    except (FileNotFoundError, NotADirectoryError):
        return False
    except OSError:
        # Permission lost is no proof that the file is gone; lines still reach it.
        return True
    return (found.st_dev, found.st_ino) == file


def _flag(name: str) -> int:
    return int(getattr(os, name, 0))


def _unsupported() -> frozenset[int]:
    import errno

    return frozenset(
        getattr(errno, name) for name in ("EOPNOTSUPP", "ENOTSUP", "EINVAL", "ENOSYS") if hasattr(errno, name)
    )


_UNSUPPORTED = _unsupported()

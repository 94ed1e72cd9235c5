"""The spool as the bot writes it: lines that outlive the process, in files only their owner can read.

A folder holds segments, each written by one process and preallocated and memory-mapped, so that a write is
a copy and survives `kill -9`. No lock is ever taken: any thread, signal handler or finalizer may write at
any time. Nothing raises; a write that could not be kept returns False and its caller counts it. What the
files look like is told in `obs.spooling.segments`; the other side is `obs.spool_reader`. Needs the standard
library alone.
"""

from __future__ import annotations

import contextlib
import itertools
import os
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from zlib import crc32

from obs.recording.interruptions import is_interruption
from obs.spooling import quota, segment_files, segments, sizes
from obs.spooling.oversize import shorten

__all__ = ["SpoolWriter"]

RETRY_SECONDS = 0.25
"""While the disk is full or the folder gone, one try in this time; the writes between are refused at once."""

LOOK_SECONDS = 0.5
"""How often a write looks whether its file is still where the reader will look for it."""

_BRACE, _FEED = b"}\n"
_ROTATIONS = 100
"""More tries than other threads can fill new segments in meanwhile, yet not without end."""

_LATE_BYTES = 256 * 1024
"""Room of a segment that is opened for words after the close, by finalizers."""


class SpoolWriter:
    """Where one process leaves its lines for the sidecar.

    `directory` is the spool folder itself (`<OBS_DIR>/spool`); it is made when needed. Files are opened by
    the first line. Relies on the interpreter's global lock (CPython's default build).
    """

    def __init__(
        self,
        directory: Path,
        *,
        resource: Mapping[str, str | int],
        quota_bytes: int = sizes.DEFAULT_QUOTA,
        segment_bytes: int = 4 * 2**20,
    ) -> None:
        self.directory = Path(directory).absolute()
        self.resource = dict(resource)
        self.quota_bytes = quota_bytes
        self.segment_bytes = max(segment_bytes, segments.HEADER_BYTES + 4_096)
        self.fault = ""
        """Why the last write was refused, in words; empty while all is well."""
        self._begin()

    def _begin(self) -> None:
        self.process = os.urandom(8).hex()
        """Names this writer's life, in hex: event ids are `f"{process}-{seq}"`."""
        self.pid = os.getpid()
        self._counters: dict[str, int] = {}
        self._evicted: dict[str, int] = {}
        self._segment: segment_files.Segment | None = None
        self._open: dict[int, segment_files.Segment] = {}
        self._index = itertools.count(1)
        self._generation = itertools.count(1)
        self._look_at = 0.0
        self._retry_at = 0.0
        self._is_closed = False

    def write(self, line: bytes) -> bool:
        """Keep one line: a JSON object without a line feed or zero byte, with its number as `"seq"`.

        Safe from any thread, signal handler and finalizer; never raises by itself (what a signal handler of
        the program raises meanwhile is the program's), never waits.

        Returns:
            Whether the line is in a file that survives this process. False (no room on the disk, folder gone,
            quota, not a line) means it is not stored: the caller counts it as dropped.
        """
        if len(line) < 3 or line[-1] != _BRACE or _FEED in line or 0 in line:
            self.fault = "not one JSON object on one line"
            return False
        try:
            data = segments.seal(line)
        except MemoryError:
            self.fault = "no memory for the line"
            return False
        try:
            if time.monotonic() >= self._look_at and not self._look():
                return False
            segment = self._segment
            if segment is not None:
                segment.put(data)
                return True
        except (ValueError, OSError) as error:
            if is_interruption(error):
                raise
            # Full, closed by another thread's rotation, or broken: all end in a new segment.
        return self._write_to_new(data)

    def write_all(self, lines: Sequence[bytes]) -> bool:
        """Keep a few lines at once, or none: what this refuses (a full segment too) is for `write` to try.

        Args:
            lines: As `write` takes them, sure to be JSON objects without a line feed or zero byte.
        """
        try:
            # segments.seal, inlined: this is the bot's time.
            data = b"".join([b'%b,"crc":"%08x"}\n' % (line[:-1], crc32(line)) for line in lines])
            if time.monotonic() >= self._look_at and not self._look():
                return False
            segment = self._segment
            if segment is not None:
                segment.put(data)
                return True
        except (ValueError, OSError, MemoryError) as error:
            if is_interruption(error):
                raise
        return False

    def set_counters(self, counters: Mapping[str, int]) -> None:
        """Put the cumulative books of this process into the header: the reader finds them even after a kill.

        Args:
            counters: `emitted` (records seen), `sequenced` (the last number handed out; when absent, every
                emitted record is taken to have one), `dropped.<reason>.<severity>.<component>` for each loss.
        """
        self._counters = dict(counters)
        try:
            if time.monotonic() >= self._look_at and not self._look():
                return
            if self._segment is None and any(counters.values()) and not self._is_closed:
                self._rotate(None)
            segment = self._segment
            if segment is not None:
                segment.put_slot(self._slot())
        except (ValueError, OSError) as error:
            if is_interruption(error):
                raise

    def close(self, *, clean: bool = True) -> None:
        """Mark the end (`clean`: a regular one) and let go of the files; a later write opens a new one."""
        if self._segment is not None and not self._segment.is_in_place():
            self._rotate(self._segment)
        self._segment = None
        self._is_closed = True
        for index in sorted(self._open):
            self._finish(self._open.pop(index, None), "closed", clean=clean)

    def forget_inherited(self) -> None:
        """In a forked child: let go of the parent's map and descriptor, and begin a life of one's own."""
        for segment in self._open.values():
            segment.forget()
        if "process.pid" in self.resource:
            self.resource["process.pid"] = os.getpid()
        self._begin()

    @property
    def open_indexes(self) -> frozenset[int]:
        """The segments that lines may still go to."""
        return frozenset(self._open)

    def count_evicted(self, dropped: Mapping[str, int]) -> segments.Slot:
        """Add lines that the quota drops to the books, and return these."""
        for key, count in dropped.items():
            self._evicted[key] = self._evicted.get(key, 0) + count
        return self._slot("rotated")

    def _write_to_new(self, data: bytes) -> bool:
        """Write a line that found no room: rotate first, once for each other thread that got in between."""
        for _ in range(_ROTATIONS):
            full = self._segment
            room = self._size() - segments.HEADER_BYTES
            if len(data) > room:
                cut = shorten(data, room)
                if cut is None:
                    self.fault = "a line longer than a segment could not be cut"
                    return False
                data = cut
                continue
            if not self._rotate(full):
                return False
            segment = self._segment
            try:
                if segment is not None:
                    segment.put(data)
                    return True
            except (ValueError, OSError) as error:
                if is_interruption(error):
                    raise
                self.fault = str(error)
        return False

    def _rotate(self, full: segment_files.Segment | None) -> bool:
        """Make a new segment the current one. Two threads may both do so: that costs room, nothing else."""
        if self._segment is not full:
            return True
        if time.monotonic() < self._retry_at:
            return False
        try:
            segment = self._create()
        except (OSError, ValueError, MemoryError) as error:
            if is_interruption(error):
                raise
            self._refuse(str(error))
            return False
        if segment is None:
            return False
        self._open[segment.index] = segment
        if full is not None and not full.is_in_place():
            # The folder was deleted or moved: what stood in it is still in memory, and goes to the new file;
            # unless another thread has done so and closed it.
            with contextlib.suppress(OSError, ValueError, MemoryError):
                segment.put(full.content())
        self._segment = segment
        self.fault = ""
        self._look_at = time.monotonic() + LOOK_SECONDS
        # Segments of an overtaken rotation are finished here as well: all that are older and not the
        # current one.
        for index in [index for index in list(self._open) if index < segment.index]:
            self._finish(self._open.pop(index, None), "rotated", clean=False)
        return True

    def _create(self) -> segment_files.Segment | None:
        segment_files.make_directory(self.directory)
        size = self._size()
        refusal = quota.make_room(self, size)
        if refusal:
            self._refuse(refusal)
            return None
        slot = self._slot()
        return segment_files.create_segment(
            self.directory, self.process, next(self._index), size, self.resource, slot
        )

    def _refuse(self, why: str) -> None:
        self.fault = why
        self._retry_at = time.monotonic() + RETRY_SECONDS

    def _look(self) -> bool:
        """Notice that the folder was deleted or moved, and put the lines that would be lost into a new file.

        False while that is not possible: no line may follow the lost ones, or it would be lost silently.
        """
        now = time.monotonic()
        self._look_at = now + LOOK_SECONDS
        segment = self._segment
        if segment is None or segment.is_in_place():
            return True
        self._look_at = 0.0
        return self._rotate(segment)

    def _finish(self, segment: segment_files.Segment | None, state: str, *, clean: bool) -> None:
        if segment is None:
            return
        try:
            segment.finish(self._slot(state, clean=clean))
        except (OSError, ValueError) as error:
            if is_interruption(error):
                raise
            self.fault = str(error)

    def _slot(self, state: str = "open", *, clean: bool = False) -> segments.Slot:
        books = {**self._counters, **self._evicted}
        return segments.Slot(next(self._generation), state, clean, 0, time.time_ns(), books)

    def _size(self) -> int:
        return min(self.segment_bytes, _LATE_BYTES) if self._is_closed else self.segment_bytes

"""A log file that still grows, followed through rotation, truncation and restarts.

Each `poll` reads what was appended, up to a bound. A line waits until its end is written, a record until the
next one begins or nothing more came for a moment. `checkpoint` names the first byte that has not become an
event, so that a follower made from it continues where this one stopped: nothing twice, nothing lost.
"""

from __future__ import annotations

import hashlib
import os
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, BinaryIO

import msgspec

from obs.events import Event
from obs.logs import formats
from obs.logs.decoding import MAX_BYTES, Decoder
from obs.logs.encodings import wide_of
from obs.logs.heads import SAMPLE

__all__ = ["FileFollower"]

_HEAD = 256
"""Bytes at the start of a file that tell it from another one with the same number."""
_SAMPLE_BYTES = 1 << 16


class FileFollower:
    """Reads a growing file."""

    def __init__(
        self,
        path: Path | str,
        *,
        letter: str = "",
        timezone: str = "UTC",
        checkpoint: Mapping[str, Any] | None = None,
        settle_seconds: float = 0.3,
        clock: Callable[[], int] = time.time_ns,
    ) -> None:
        """Follow a file, which need not exist yet.

        Args:
            path: The name that the writer opens; its rotated copies are found by themselves.
            letter: The source's letter for `Event.origin`.
            timezone: Zone of times that print none.
            checkpoint: What an earlier follower's `checkpoint` was; None reads from the begin.
            settle_seconds: How long the last record waits for further lines.
            clock: Gives Unix ns; stamps `observed_timestamp` and measures the wait.

        Raises:
            ZoneError: If the time zone is unknown.
        """
        self.path = Path(path)
        self.notes: list[str] = []
        """What happened to the file, one sentence each, the newest last; at most a hundred."""
        self._clock = clock
        self._settle_ns = int(settle_seconds * 1e9)
        self._parser = formats.Parser(letter=letter, timezone=timezone, newest_ns=clock())
        self._decoder = Decoder()
        self._file: BinaryIO | None = None
        self._offset = self._kept = 0
        self._head = b""
        self._quiet_since = 0
        self._resume(checkpoint or {})

    @property
    def checkpoint(self) -> dict[str, Any]:
        """Where to go on: JSON; empty before the first byte."""
        if self._file is None:
            return {}
        stat = os.fstat(self._file.fileno())
        return {
            "inode": stat.st_ino,
            "device": stat.st_dev,
            "offset": self._kept,
            "line": self._parser.pending_line - 1,
            "head": hashlib.sha256(self._head).hexdigest(),
            "head_bytes": len(self._head),
            "encoding": self._decoder.encoding,
        }

    @property
    def pending_bytes(self) -> int:
        """How many bytes of the file have not been read yet."""
        return max(0, os.fstat(self._file.fileno()).st_size - self._offset) if self._file is not None else 0

    def poll(self, limit: int = 4 * 2**20) -> list[Event]:
        """Return the events complete by now; reads about `limit` bytes at most and raises no OSError."""
        events: list[Event] = []
        try:
            if self._file is None and not self._open():
                return []
            events += self._grown(limit)
            if self._is_replaced():
                events += self._finish()
                if self._open():
                    events += self._grown(limit)
        except OSError as error:
            self._note(f"{self.path}: {error.strerror or error}; tried again")
        now = self._clock()
        if events or self._parser.pending_line > self._parser.line:
            self._quiet_since = 0
        elif not self._quiet_since:
            self._quiet_since = now
        elif now - self._quiet_since >= self._settle_ns:
            events += self._settled()
        return [msgspec.structs.replace(event, observed_timestamp=now) for event in events]

    def close(self) -> None:
        """Let go of the file; the checkpoint must be taken before."""
        if self._file is not None:
            self._file.close()
            self._file = None

    def _grown(self, limit: int) -> list[Event]:
        assert self._file is not None
        size = os.fstat(self._file.fileno()).st_size
        if size < self._offset or not self._has_same_head():
            events = self._settled()
            self._note(f"{self.path} was emptied by its writer: read again from its begin")
            self._begin()
            return events + self._grown(limit)
        self._file.seek(self._offset)
        data = self._file.read(min(limit, size - self._offset))
        if not self._offset:
            self._decoder = Decoder()
        if len(self._head) < _HEAD:
            self._file.seek(0)
            self._head = self._file.read(min(_HEAD, self._offset + len(data)))
        return self._take(data, limit)

    def _take(self, data: bytes, limit: int) -> list[Event]:
        mark = "\n".encode(self._decoder.encoding or wide_of(data) or "utf-8")
        end = data.rfind(mark) + len(mark)
        if end < len(mark):
            # Only the line of a runaway writer is longer than a whole poll: it is read in pieces.
            if len(data) < min(limit, MAX_BYTES):
                return []
            end = len(data)
        end -= end % len(mark)
        first = self._parser.line
        lines = self._decoder.lines(data[:end])
        events = self._parser.feed(lines)
        self._quiet_since = 0
        waiting = self._parser.pending_line
        if waiting > first:
            pieces = data[:end].split(mark)
            passed = sum(len(piece) + len(mark) for piece in pieces[: waiting - first - 1])
            self._kept = self._offset + min(passed, end)
        self._offset += end
        return events

    def _settled(self) -> list[Event]:
        """Finish the record that waits; what was read is consumed."""
        events = self._parser.close()
        self._kept = self._offset
        self._quiet_since = 0
        return events

    def _finish(self) -> list[Event]:
        """Read the last bytes of a file that was renamed away, line end or not."""
        assert self._file is not None
        self._file.seek(self._offset)
        rest = self._file.read(MAX_BYTES)
        events = self._parser.feed(self._decoder.lines(rest) + self._decoder.close()) if rest else []
        self._offset += len(rest)
        events += self._settled()
        self.close()
        self._begin()
        return events

    def _begin(self) -> None:
        self._decoder = Decoder()
        self._offset = self._kept = 0
        self._head = b""
        self._parser.line = 0

    def _open(self) -> bool:
        try:
            self._file = self.path.open("rb")
        except OSError as error:
            if not isinstance(error, FileNotFoundError):
                self._note(f"{self.path}: {error.strerror or error}; tried again")
            return False
        return True

    def _is_replaced(self) -> bool:
        """Whether the name is another file's now; while it is no one's, the old file may still grow."""
        assert self._file is not None
        try:
            now, held = self.path.stat(), os.fstat(self._file.fileno())
        except FileNotFoundError:
            return False
        return (now.st_ino, now.st_dev) != (held.st_ino, held.st_dev) and self.pending_bytes == 0

    def _has_same_head(self) -> bool:
        assert self._file is not None
        self._file.seek(0)
        return self._file.read(len(self._head)) == self._head

    def _resume(self, checkpoint: Mapping[str, Any]) -> None:
        if not isinstance(offset := checkpoint.get("offset"), int) or not offset:
            return
        for candidate in (self.path, *self._rotated()):
            if self._is_the_one(candidate, checkpoint):
                self._offset = self._kept = offset
                self._parser.line = int(checkpoint.get("line") or 0)
                self._decoder = Decoder(str(checkpoint.get("encoding") or ""))
                self._learn_head()
                return
        self._note(f"{self.path} was replaced while nobody followed it: the end of the old file was not read")

    def _rotated(self) -> list[Path]:
        try:
            siblings = [path for path in self.path.parent.iterdir() if path.name.startswith(self.path.name)]
        except OSError:
            return []
        return sorted(
            path for path in siblings if path != self.path and path.suffix not in {".gz", ".zip", ".bz2"}
        )

    def _is_the_one(self, candidate: Path, checkpoint: Mapping[str, Any]) -> bool:
        """Open a file if it is the one that the checkpoint speaks of."""
        try:
            file = candidate.open("rb")
        except OSError:
            return False
        stat = os.fstat(file.fileno())
        head = file.read(int(checkpoint.get("head_bytes") or 0))
        same = (
            hashlib.sha256(head).hexdigest() == checkpoint.get("head")
            and stat.st_size >= checkpoint["offset"]
        )
        if not same or (candidate != self.path and stat.st_ino != checkpoint.get("inode")):
            file.close()
            return False
        self._file, self._head = file, head
        return True

    def _learn_head(self) -> None:
        """Learn the layout from the file's begin: the lines after the checkpoint may be few."""
        assert self._file is not None
        self._file.seek(0)
        self._parser.learn(Decoder().lines(self._file.read(min(_SAMPLE_BYTES, self._offset)))[:SAMPLE])

    def _note(self, text: str) -> None:
        if text not in self.notes[-3:]:
            self.notes = [*self.notes[-99:], text]

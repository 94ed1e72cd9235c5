"""A packed log (gzip) that is taken in once, slice by slice, and gone on with after a restart.

It does not grow, so it is no file to follow: how many of its records were taken is all there is to remember.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping
from itertools import islice
from pathlib import Path
from typing import Any

from obs.events import Event
from obs.sources import SourceReader

__all__ = ["PackedFile", "digest_of"]

MAGIC = b"\x1f\x8b"
SLICE = 1_000
"""Records of one poll."""
HEAD = 1 << 16


def digest_of(path: Path) -> str:
    """Return what tells a packed file from others whatever its name; empty for one that is not packed.

    Logs that are rotated change their names: the same content must not be taken twice.
    """
    try:
        with path.open("rb") as file:
            head = file.read(HEAD)
            size = file.seek(0, 2)
    except OSError:
        return ""
    return hashlib.sha256(b"%d " % size + head).hexdigest() if head.startswith(MAGIC) else ""


class PackedFile:
    """One packed file, with the face of a `FileFollower`."""

    def __init__(self, path: Path, *, letter: str, timezone: str, checkpoint: Mapping[str, Any]) -> None:
        """Open it and go on after the records that were taken.

        Args:
            path: The file.
            letter: The source's letter for `Event.origin`.
            timezone: Zone of times that print none.
            checkpoint: What `checkpoint` was; of another content it does not count.

        Raises:
            SourceError: If it cannot be read or holds no text.
        """
        self.path = path
        self.digest = digest_of(path)
        self._taken = int(checkpoint.get("events", 0)) if checkpoint.get("packed") == self.digest else 0
        self._skip = self._taken
        self._left = path.stat().st_size
        self._reader = SourceReader(path, letter=letter, timezone=timezone, progress=self._progressed)
        self._events: Iterator[Event] | None = iter(self._reader)

    @property
    def checkpoint(self) -> dict[str, Any]:
        """Where to go on: JSON."""
        return {"packed": self.digest, "events": self._taken}

    @property
    def pending_bytes(self) -> int:
        """How many bytes of the file have not been read yet; at least 1 until its last record was taken."""
        return max(self._left, 1) if self._events is not None else 0

    def poll(self, limit: int = SLICE) -> list[Event]:
        """Return the next records, at most `SLICE`; none are left when `pending_bytes` is 0."""
        del limit  # a slice is told in records: bytes of a packed file say little
        if self._events is None:
            return []
        slice_ = list(islice(self._events, SLICE))
        if not slice_:
            self._events = None
        skipped = min(self._skip, len(slice_))
        self._skip -= skipped
        self._taken += len(slice_) - skipped
        return slice_[skipped:]

    def close(self) -> None:
        """Let go of the file."""
        self._reader.close()

    def _progressed(self, count: int) -> None:
        self._left -= count

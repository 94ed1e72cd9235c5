"""What the spool's reader hands out: lines, losses, and how far it got."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import msgspec

from obs.spooling.glance import Glance
from obs.spooling.writer_accounts import WriterEnd

__all__ = ["Loss", "SpoolBatch", "SpoolLine"]


class SpoolLine(msgspec.Struct, frozen=True, gc=False):
    """One line, seen for the first time."""

    process: str
    """Which writer's life; the event's id is `f"{process}-{seq}"`."""
    seq: int
    """Its number there, from 1."""
    raw: bytes
    """The JSON object as it was written."""
    resource: Mapping[str, str | int]
    """What the writer said of itself."""
    glance: Glance | None = None
    """What it was read for so far, when that could be read."""


class Loss(msgspec.Struct, frozen=True):
    """Something that could not be read, or that never came."""

    reason: str
    """`damaged` or `torn` (bytes that are no line), `lost_with_process` (numbers that never came and that
    no counter of the writer explains), `unreadable`, `foreign`, `unknown_version`, `vanished` or `header`
    (a file as a whole)."""
    count: int
    """Records known to be lost; 0 for none, and where only the writer's end can tell how many are missing."""
    segment: str
    """Which file, or the process for what is lost with it."""
    detail: str


class SpoolBatch(msgspec.Struct, frozen=True):
    """What one poll found."""

    lines: list[SpoolLine]
    losses: list[Loss]
    checkpoint: dict[str, Any]
    """JSON-able; to be stored in the transaction that keeps what was made of `lines`."""
    ended: list[WriterEnd]
    books: dict[str, Mapping[str, int]]
    """Latest cumulative counters by process; those whose segments are in the folder."""
    pending_bytes: int
    """At most so many bytes are not delivered yet: they wait to be read, or are held."""
    held_bytes: int = 0
    """How many of them are read and held back, because better lines should follow within a moment."""
    held_since: float | None = None
    """When the oldest held line was read, by the reader's clock; None when nothing is held."""

    @property
    def is_empty(self) -> bool:
        """Whether nothing new was found."""
        return not (self.lines or self.losses or self.ended)

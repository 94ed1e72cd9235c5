"""What the store keeps and what one transaction writes, as data; and the errors by which it says no."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import msgspec

from obs.history.rows import Batch

__all__ = [
    "Change",
    "Cursor",
    "LifecycleEntry",
    "MalformedError",
    "Saved",
    "StoreBusyError",
    "StoreError",
    "StoreTakenError",
]


class StoreError(Exception):
    """The store cannot be used; the message is one line that names the place, the fault and the mend."""


class StoreTakenError(StoreError):
    """Another sidecar has claimed the store since; whoever gets this must stop."""


class StoreBusyError(StoreError):
    """Another process held the store longer than the busy limit; trying again later is right."""


class MalformedError(ValueError):
    """What the database accepts and our digests do not."""


class LifecycleEntry(msgspec.Struct, frozen=True, kw_only=True):
    """What is remembered of an issue's life, by a person's decision or by our own observation."""

    fingerprint: str
    status: str
    at: int
    """Unix ns of the decision; of two entries for one issue the later stands."""
    who: str = ""
    why: str = ""
    expires: int = 0
    """Unix ns at which the entry no longer holds; 0 is never."""
    first_seen: int = 0
    last_seen: int = 0
    detail: str = ""


class Cursor(msgspec.Struct, frozen=True, kw_only=True):
    """When a reader last looked, and what it saw then."""

    reader: str
    looked: int
    """Unix ns."""
    digest: str = ""
    snapshot: str = ""
    """The Snapshot of that look as JSON, to compare the present with; empty when only the time is known."""


class Change(msgspec.Struct, frozen=True, kw_only=True):
    """What one transaction writes; everything in it, or nothing of it."""

    checkpoints: Mapping[str, Any] = {}
    """Source -> how far it is read, as JSON; `None` forgets the source."""
    state: bytes | None = None
    lifecycle: Sequence[LifecycleEntry] = ()
    cursors: Sequence[Cursor] = ()
    notes: Mapping[str, str] = {}
    rows: Sequence[Batch] = ()
    """History, oldest batch first; a batch whose number is stored already is passed over."""
    owner: str = ""
    """The claim under which it is written; empty for what anyone may write (life cycle, cursors)."""


class Saved(msgspec.Struct, frozen=True, kw_only=True):
    """Everything the store holds but the history, as of one instant."""

    checkpoints: Mapping[str, Any]
    state: bytes | None
    lifecycle: Mapping[str, LifecycleEntry]
    cursors: Mapping[str, Cursor]
    notes: Mapping[str, str]

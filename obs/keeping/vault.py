"""The running sidecar's side of the store: claim it, write to it again and again, outlive what befalls it.

Everything that is stored is in memory too, so a store that is deleted or damaged under us is written anew.
"""

from __future__ import annotations

import contextlib
import os
import time
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import msgspec
import orjson

from obs.history.rows import Batch
from obs.insight.lifecycle import Lifecycle
from obs.keeping.store import Change, LifecycleEntry, Saved, Store, StoreError, StoreTakenError
from obs.keeping.store_tables import BATCH
from obs.snapshot import IssueStatus

__all__ = ["MERGED", "Vault", "decisions", "entry_of"]

LOOK_SECONDS = 1.0
"""How often decisions of other processes are looked for."""
KEPT_NOTICES = 5
MERGED = "merged"
"""Status of an issue that is part of another, whose fingerprint its `detail` is."""
WORSE = "worse:"
"""Before the number of records in an hour above which an archived issue wakes."""


class Vault:
    """An open store under this sidecar's claim."""

    saved: Saved
    """What was stored when it was last loaded."""

    def __init__(self, where: Path | str) -> None:
        """Open and claim.

        Args:
            where: The file, or the address of a server.

        Raises:
            StoreError: If the store is of a newer version or cannot be opened.
        """
        self._store = Store(where)
        self._owner = f"{os.getpid()}-{os.urandom(8).hex()}"
        self._look_at = 0.0
        self._changes = 0
        self.notices: list[str] = []
        """What befell our own memory, oldest first; kept across restarts."""
        self.fault = ""
        """Why the last save failed, in words; empty while all is well."""
        self._take(self._store.claim(self._owner))

    def load(self) -> Saved:
        """Return what is stored now.

        Raises:
            StoreError: If it cannot be read.
        """
        # Not claimed again: whoever claimed it since is right.
        self._take(self._store.load())
        return self.saved

    @property
    def store(self) -> Store:
        """The open store, for whoever keeps its history within bounds."""
        return self._store

    @property
    def batch(self) -> int:
        """Number of the last batch of history that was stored when it was last loaded."""
        return int(self.saved.notes.get(BATCH, 0))

    def save(
        self,
        checkpoints: Mapping[str, Any],
        state: bytes,
        notes: Mapping[str, str],
        rows: Sequence[Batch] = (),
    ) -> bool:
        """Write one transaction; False when the store refused, which `fault` explains.

        Args:
            checkpoints: Source -> how far it is read.
            state: `State.encode()` of what was read so far.
            notes: Texts to be kept beside them.
            rows: History, oldest batch first.

        Raises:
            StoreTakenError: If another sidecar has taken over; nothing may be written any more.
        """
        change = Change(
            checkpoints=checkpoints,
            state=state,
            notes={**notes, **self._own_notes()},
            rows=rows,
            owner=self._owner,
        )
        try:
            if not self._store.is_intact():
                raise StoreError(
                    f"{self._store.where} was deleted or replaced while in use: it is written anew"
                )
            self._store.save(change)
        except StoreTakenError:
            raise
        except StoreError as error:
            self.fault = str(error)
            if not self._saved_anew(change):
                return False
        self.fault = ""
        return True

    def look(self) -> None:
        """Read the decisions of other processes when there are new ones; seldom, and never fails."""
        now = time.monotonic()
        if now < self._look_at:
            return
        self._look_at = now + LOOK_SECONDS
        with contextlib.suppress(StoreError):
            changes = self._store.changes_elsewhere()
            if changes != self._changes:
                self._changes = changes
                self._decide(self._store.load())

    def notice(self, text: str) -> None:
        """Remember something that the reader of a briefing has to know of our own memory."""
        said = f"{datetime.now(UTC):%Y-%m-%d %H:%M} {text}"
        self.notices = [*self.notices, said][-KEPT_NOTICES:]

    def unpacked(self) -> None:
        """Know that the stored State is in use: its packed form need not be held beside it."""
        self.saved = msgspec.structs.replace(self.saved, state=None)

    def close(self) -> None:
        """Let go of the file."""
        self._store.close()

    def _take(self, saved: Saved) -> None:
        self.saved = saved
        with contextlib.suppress(ValueError):
            self.notices = [str(text) for text in orjson.loads(saved.notes.get("notices", "[]"))]
        self._hear_store()
        self._changes = self._store.changes_elsewhere()
        self._decide(saved)

    def _decide(self, saved: Saved) -> None:
        self._entries, self._cursors = saved.lifecycle, saved.cursors
        self.lifecycle: Mapping[str, Lifecycle] = decisions(saved)
        """Decisions by fingerprint, as the analyzer wants them."""

    def _saved_anew(self, change: Change) -> bool:
        """After a failure: open again, and write all we know if the file has lost what it held."""
        try:
            self._store.reopen()
            lost_everything = bool(self._store.notices)
            self._hear_store()
            if lost_everything:
                change = msgspec.structs.replace(
                    change,
                    lifecycle=list(self._entries.values()),
                    cursors=list(self._cursors.values()),
                    notes={**change.notes, **self._own_notes(), "owner": self._owner},
                )
            self._store.save(change)
        except StoreTakenError:
            raise
        except StoreError as error:
            self.fault = str(error)
            return False
        return True

    def _own_notes(self) -> Mapping[str, str]:
        return {"notices": orjson.dumps(self.notices).decode()}

    def _hear_store(self) -> None:
        for text in self._store.notices:
            self.notice(text)
        self._store.notices.clear()


def decisions(saved: Saved) -> dict[str, Lifecycle]:
    """Return the stored decisions by fingerprint, as the analyzer wants them."""
    return {
        fingerprint: decision
        for fingerprint, entry in saved.lifecycle.items()
        if (decision := _decision(entry)) is not None
    }


def _decision(entry: LifecycleEntry) -> Lifecycle | None:
    if entry.status == MERGED:
        return Lifecycle(IssueStatus.ONGOING, entry.at, entry.who, entry.why, into=entry.detail)
    try:
        status = IssueStatus(entry.status)
    except ValueError:
        return None
    worse = entry.detail.removeprefix(WORSE) if entry.detail.startswith(WORSE) else ""
    most = int(worse) if worse.isdecimal() else -1
    return Lifecycle(status, entry.at, entry.who, entry.why, entry.expires, most)


def entry_of(fingerprint: str, decision: Lifecycle) -> LifecycleEntry:
    """Return a decision as it is stored."""
    worse = f"{WORSE}{decision.most}" if decision.most >= 0 else ""
    return LifecycleEntry(
        fingerprint=fingerprint,
        status=MERGED if decision.into else decision.status,
        at=decision.at,
        who=decision.by,
        why=decision.why,
        expires=decision.expires,
        detail=decision.into or worse,
    )

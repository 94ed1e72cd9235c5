"""All that comes into a sidecar: the spool, followed files, the inbox of the network, events of threads.

Each has its checkpoint; `rewind` takes all of them back to what is stored, `release` deletes what is stored.
"""

from __future__ import annotations

import contextlib
import queue
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from obs.events import Event
from obs.keeping.inbox import FOLDER as INBOX
from obs.keeping.inbox import InboxReader
from obs.keeping.tails import Tails
from obs.spool_reader import SpoolBatch, SpoolBusyError, SpoolReader

__all__ = ["Arrivals", "Came"]

SPOOL = "spool"
"""Name of the spool's folder and of its checkpoint."""
INBOX_BYTES = 128 * 1024
"""Read of what came over the network before others get their turn."""
WAITING_EVENTS = 1_000
"""Events of other threads that wait for the next step."""


class Came(NamedTuple):
    """What came by other doors than the spool."""

    events: list[Event]
    losses: Mapping[str, int]
    """Reason -> records that came and could not be used."""


class Arrivals:
    """The doors of one directory; only `offer` and `waiting_events` are for other threads."""

    def __init__(self, directory: Path, *, follow: Sequence[str | Path], timezone: str) -> None:
        """Take the spool over; nothing is read before `rewind`.

        Args:
            directory: The `OBS_DIR`.
            follow: Log files and globs to follow beside the spool.
            timezone: Zone in which times of files without one are read.

        Raises:
            SpoolBusyError: If another sidecar works in this directory.
        """
        self._follow, self._timezone = follow, timezone
        self._inbox_folder = directory / INBOX
        self._reader = _reader(directory / SPOOL)
        self._tails = Tails((), {})
        self._inbox = InboxReader(self._inbox_folder)
        self._offered: queue.Queue[Event] = queue.Queue(WAITING_EVENTS)
        self._stored: Mapping[str, Any] = {}
        """The checkpoints from which was gone on last."""
        self._checkpoint: Mapping[str, Any] = {}
        self.pending_bytes = 0
        """At most so many bytes of spool and files wait to be read."""
        self._held = 0

    @property
    def writers(self) -> Mapping[str, Mapping[str, Any]]:
        """Who wrote into the spool, by process, as its checkpoint knows them."""
        found: Mapping[str, Mapping[str, Any]] = self._checkpoint.get("writers", {})
        return found

    @property
    def refused(self) -> tuple[str, ...]:
        """Which files are not read, and why: a sentence each."""
        return self._tails.refused

    @property
    def waiting_events(self) -> int:
        """About so many events of other threads wait."""
        return self._offered.qsize()

    @property
    def is_only_held(self) -> bool:
        """Whether all that waits are lines held back for better ones: nothing is gained by hurrying."""
        return 0 < self.pending_bytes == self._held

    def offer(self, event: Event) -> None:
        """Hand over an event of another source from any thread; waits while too many wait already."""
        self._offered.put(event)

    def rewind(self, checkpoints: Mapping[str, Any]) -> None:
        """Go back to where the stored checkpoints end."""
        self._stored = checkpoints
        self._checkpoint = checkpoints.get(SPOOL) or {}
        self._reader.rewind(self._checkpoint)
        self._tails.close()
        self._tails = Tails(self._follow, checkpoints, timezone=self._timezone)
        self._inbox = InboxReader(self._inbox_folder, checkpoints.get(INBOX))
        self.pending_bytes = self._held = 0

    def is_following(self, follow: Sequence[str | Path], timezone: str) -> bool:
        """Whether these files are followed, their times read in this zone."""
        return (tuple(follow), timezone) == (tuple(self._follow), self._timezone)

    def follow(self, follow: Sequence[str | Path], timezone: str) -> None:
        """Follow other files from now on; only when all that was taken is stored.

        Args:
            follow: Log files and globs; one that was followed before goes on where it was.
            timezone: Zone in which times without one are read.
        """
        self._follow, self._timezone = follow, timezone
        self.rewind({**self._stored, **self.checkpoints()})

    def spool(self, limit: int) -> SpoolBatch:
        """Return what the spool holds next, at most so many lines.

        Raises:
            SpoolBusyError: If another sidecar has taken the directory over.
        """
        return self._reader.poll(limit)

    def others(self, limit: int) -> Came:
        """Return what came by the other doors, a bounded number by each."""
        came = self._inbox.poll(INBOX_BYTES)
        return Came([*self._tails.poll(), *came.events, *self._taken(limit)], came.losses)

    def note(self, batch: SpoolBatch) -> bool:
        """Know that a batch was folded; tell whether there is anything new to be stored."""
        self.pending_bytes = batch.pending_bytes + self._tails.pending_bytes + self._inbox.pending_bytes
        self._held = batch.held_bytes
        if batch.is_empty and batch.checkpoint == self._checkpoint:
            return False
        self._checkpoint = batch.checkpoint
        return True

    def not_looked_at(self) -> None:
        """Know that nothing is taken now: that nothing waits is not known."""
        self.pending_bytes = self._held = max(self.pending_bytes, 1)

    def checkpoints(self) -> dict[str, Any]:
        """Return where to go on, by name; to be stored with what was made of the events."""
        return {SPOOL: self._checkpoint, INBOX: self._inbox.checkpoint, **self._tails.checkpoints()}

    def release(self) -> None:
        """Delete what stands before the checkpoints: they are stored."""
        self._reader.release(self._checkpoint)
        self._inbox.release()

    def close(self) -> None:
        """Let go of files and spool."""
        self._tails.close()
        self._reader.close()

    def _taken(self, limit: int) -> list[Event]:
        taken: list[Event] = []
        with contextlib.suppress(queue.Empty):
            while len(taken) < limit:
                taken.append(self._offered.get_nowait())
        return taken


def _reader(spool: Path) -> SpoolReader:
    # Whoever asks whether a sidecar runs holds the lock for an instant; so one refusal is not the last word.
    for _ in range(5):
        with contextlib.suppress(SpoolBusyError):
            return SpoolReader(spool)
        time.sleep(0.03)
    return SpoolReader(spool)

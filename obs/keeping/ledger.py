"""What did not arrive, and which bots ended: the books beside State, kept in the same transaction.

Writers count cumulatively and may report again and again; so their figures are set, never added, and only
what the reader says once is summed up here.
"""

from __future__ import annotations

from collections.abc import Mapping

import msgspec

from obs.snapshot import Loss
from obs.spool_reader import SpoolBatch

__all__ = ["Ledger", "Sum"]

LOST = "lost_with_process"
KEPT_WRITERS = 500
"""Ended writers whose figures are kept apart, in case they come back; older ones are summed up."""


class Sum(msgspec.Struct):
    """How often a loss was seen, and when."""

    count: int = 0
    first: int = 0
    """Unix ns."""
    last: int = 0

    def add(self, count: int, now: int) -> None:
        """Add a loss seen at `now`."""
        self.count += count
        self.first = self.first or now
        self.last = now


class Ledger(msgspec.Struct):
    """Losses by reason, the writers' own books, and the ends of writers."""

    seen: dict[str, Sum] = {}
    """What the reader could not read or we could not process: reason -> sum."""
    writers: dict[str, dict[str, int]] = {}
    """Process -> counter -> latest figure; `lost_with_process` is ours, the rest the writer's own."""
    times: dict[str, tuple[int, int]] = {}
    """Process -> (first, last) time at which its figures showed a loss."""
    past: dict[str, Sum] = {}
    """Counter -> figures of writers that are no longer kept apart."""
    ended: dict[str, int] = {}
    """Service -> Unix ns of the end that nobody but us has seen."""

    def take(self, batch: SpoolBatch, now: int) -> None:
        """Take over what one poll says of losses and books."""
        for loss in batch.losses:
            if loss.reason != LOST:
                self.lose(loss.reason, now, loss.count)
        for process, books in batch.books.items():
            self._set(
                process, {key: figure for key, figure in books.items() if key.startswith("dropped.")}, now
            )
        for end in batch.ended:
            self._set(end.process, {LOST: end.lost} if end.lost else {}, now)
        while len(self.writers) > KEPT_WRITERS:
            self._sum_up(next(iter(self.writers)))

    def lose(self, reason: str, now: int, count: int = 1) -> None:
        """Count something that came and could not be used."""
        self.seen.setdefault(reason, Sum()).add(count, now)

    def losses(self) -> tuple[Loss, ...]:
        """Return all losses, in the order of their names."""
        sums = {key: Sum(value.count, value.first, value.last) for key, value in self.past.items()}
        for process, figures in self.writers.items():
            first, last = self.times[process]
            for key, figure in figures.items():
                total = sums.setdefault(key, Sum())
                total.count += figure
                total.first = min(total.first or first, first)
                total.last = max(total.last, last)
        sums.update(self.seen)
        return tuple(_loss(key, sums[key]) for key in sorted(sums))

    def encode(self) -> str:
        """Return the ledger as JSON."""
        return msgspec.json.encode(self).decode()

    @classmethod
    def decode(cls, text: str) -> Ledger:
        """Return the ledger that `encode` gave.

        Raises:
            msgspec.DecodeError: If the text is of another version.
        """
        return msgspec.json.decode(text, type=cls)

    def _set(self, process: str, figures: Mapping[str, int], now: int) -> None:
        figures = {key: figure for key, figure in figures.items() if figure}
        known = self.writers.get(process, {})
        if all(known.get(key, 0) >= figure for key, figure in figures.items()):
            return
        first, _ = self.times.get(process, (now, now))
        self.times[process] = (first, now)
        # Re-entered, so that the one that changed last is summed up last.
        self.writers.pop(process, None)
        self.writers[process] = {**known, **figures}

    def _sum_up(self, process: str) -> None:
        first, last = self.times.pop(process)
        for key, figure in self.writers.pop(process).items():
            total = self.past.setdefault(key, Sum())
            total.count += figure
            total.first = min(total.first or first, first)
            total.last = max(total.last, last)


def _loss(key: str, total: Sum) -> Loss:
    # `dropped.<reason>.<severity>.<component>`, the last two where the writer knows them.
    parts = key.split(".", 3) if key.startswith("dropped.") else ["", key]
    reason, severity, component = (*parts[1:], "", "")[:3]
    return Loss(
        reason=reason,
        count=total.count,
        severity=severity,
        component=component,
        first=total.first,
        last=total.last,
    )

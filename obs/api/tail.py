"""The newest events, as lines to read: a ring that the fold fills and the streams follow by number.

Numbers grow and are never used twice, not even by the next sidecar: the first is the microsecond at which
this one started. What is kept of an event is short; its line is only made when somebody reads it.
"""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Mapping, Sequence

import msgspec

from obs.events import Event, Severity, component_of
from obs.exhibits import spoken
from obs.keeping.quiet import Heard
from obs.snapshot import Evidence
from obs.trails import short_id
from obs.web.model import EventRow
from obs.web.tail import row

__all__ = ["KEPT", "Line", "Tail", "row_of"]

KEPT = 5_000
LONGEST = 600
"""Characters of a message that are kept."""


class Line(msgspec.Struct, frozen=True, gc=False):
    """One event, as short as it is worth showing."""

    id: str
    at: int
    """Unix ms."""
    severity: str
    service: str
    component: str
    text: str
    """Foreign text, redacted, at most `LONGEST` characters."""
    event_name: str = ""
    issue: str = ""


class Tail:
    """A bounded ring of the newest lines; one thread appends, any thread reads."""

    def __init__(self, *, start: int = 0, kept: int = KEPT) -> None:
        """Make an empty ring.

        Args:
            start: No line has this number or a lower one.
            kept: Lines that are kept.
        """
        self._lines: deque[tuple[int, Line]] = deque(maxlen=kept)
        self._lock = threading.Lock()
        self.start = start
        self.newest = start
        """Number of the newest line, or of the newest that was skipped."""

    def append(self, line: Line) -> None:
        """Add a line; the oldest one goes when the ring is full."""
        with self._lock:
            self.newest += 1
            self._lines.append((self.newest, line))

    def skipped(self, count: int) -> None:
        """Count lines that went by too fast to be kept: they have their numbers too."""
        if count > 0:
            with self._lock:
                self.newest += count

    def heard(self, event: Event, service: str, fingerprints: Sequence[str]) -> None:
        """Take a record as it was folded."""
        text = (spoken(event) if event.event_name else event.body)[:LONGEST]
        if event.exception is not None and event.exception.type:
            raised = f"{event.exception.type}: {event.exception.message}"[:LONGEST]
            if raised not in text:
                text = f"{text} ({raised})" if text else raised
        self.append(
            Line(
                short_id(event.uid) if event.origin is None else f"{event.origin.source}:{event.origin.line}",
                (event.timestamp or event.observed_timestamp) // 1_000_000,
                event.severity.name,
                service,
                event.component,
                text,
                event.event_name,
                f"I-{fingerprints[0][:6]}" if fingerprints else "",
            )
        )

    def passed(self, heard: Heard) -> None:
        """Take a record that only counted."""
        said = heard.said
        self.append(
            Line(
                said.id,
                said.order[0] // 1_000_000,
                said.severity,
                heard.service,
                component_of(said.source),
                said.text,
            )
        )

    def recall(self, recent: Mapping[str, Sequence[Evidence]]) -> None:
        """Begin with what is remembered of before: a sidecar that was killed may not have shown it yet.

        Args:
            recent: Service -> its newest records.
        """
        said = [(item, service) for service, items in recent.items() for item in items]
        for item, service in sorted(said, key=lambda one: one[0].time):
            self.append(
                Line(
                    item.id,
                    item.time // 1_000_000,
                    item.severity or Severity.UNSPECIFIED.name,
                    service,
                    component_of(item.source),
                    item.text[:LONGEST],
                )
            )

    def counted(self, times: Sequence[int], severity: Severity, component: str, service: str) -> None:
        """Nothing: what only counts comes by `passed` and `skipped`."""

    def sampled(self, event: Event, service: str) -> None:
        """Nothing: it came by `passed`."""

    def after(self, seq: int, limit: int = KEPT) -> list[EventRow]:
        """Return the lines after number `seq`, oldest first; of more than `limit` the newest ones.

        Args:
            seq: What the reader has seen.
            limit: Most lines.
        """
        return self.read(seq, limit)[0]

    def read(self, seq: int, limit: int = KEPT, *, service: str = "") -> tuple[list[EventRow], int, int]:
        """Return lines as `after` does, how many are missing among them, and the newest number.

        Args:
            seq: What the reader has seen.
            limit: Most lines.
            service: Lines of this bot alone.
        """
        wanted: list[tuple[int, Line]] = []
        with self._lock:
            newest = self.newest
            for number, line in reversed(self._lines):
                if number <= seq or len(wanted) >= limit:
                    break
                wanted.append((number, line))
        lost = max(0, newest - max(seq, self.start) - len(wanted))
        shown = [row_of(line, number) for number, line in reversed(wanted) if service in ("", line.service)]
        return shown, lost, newest

    def is_ours(self, seq: int) -> bool:
        """Whether a number was given by this ring, and not by an earlier sidecar or by nobody."""
        return self.start <= seq <= self.newest


def row_of(line: Line, seq: int) -> EventRow:
    """Return a line as the page shows it."""
    return row(
        seq=seq,
        id=line.id,
        at=line.at,
        severity=line.severity,
        text=line.text,
        service=line.service,
        component=line.component,
        event_name=line.event_name,
        issue=line.issue,
    )

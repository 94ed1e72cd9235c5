"""The newest events, as lines to read: a ring that the fold fills and the streams follow by number.

Numbers grow and are never used twice, not even by the next sidecar: the first is the microsecond at which
this one started. What is kept of an event is short; its line is only made when somebody reads it.
"""

from __future__ import annotations

import re
import threading
from collections import deque
from itertools import islice

import msgspec

from obs.events import Severity
from obs.quoting import plain
from obs.web.model import EventRow, Mark, Rich, Span, Style

__all__ = ["KEPT", "Line", "Tail", "row_of"]

KEPT = 5_000
LONGEST = 600
"""Characters of a message that are kept."""
_MASKED = re.compile(r"\[REDACTED:[\w.-]{1,40}\]")
_HIDDEN = re.compile(
    "[\x00-\x1f\x7f-\x9f\u00ad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180b-\u180f\u200b-\u200f\u2028-\u202e"
    "\u2060-\u206f\u3164\ufe00-\ufe0f\ufeff\uffa0\ufff0-\ufffb\ud800-\udfff\U000e0000-\U000e0fff]"
)
MARKS = {
    Severity.WARN: Mark.WARNING,
    Severity.ERROR: Mark.ERROR,
    Severity.FATAL: Mark.CRITICAL,
}


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
        self._lines: deque[Line] = deque(maxlen=kept)
        self._lock = threading.Lock()
        self.start = start
        self.newest = start
        """Number of the newest line."""

    def append(self, line: Line) -> None:
        """Add a line; the oldest one goes when the ring is full."""
        with self._lock:
            self._lines.append(line)
            self.newest += 1

    def after(self, seq: int, limit: int = KEPT) -> list[EventRow]:
        """Return the lines after number `seq`, oldest first; of more than `limit` the newest ones.

        Args:
            seq: What the reader has seen.
            limit: Most lines.
        """
        with self._lock:
            newest, held = self.newest, len(self._lines)
            wanted = max(0, min(newest - max(seq, self.start), held, limit))
            lines = list(islice(reversed(self._lines), wanted))
        return [row_of(line, newest - place) for place, line in reversed(list(enumerate(lines)))]

    def missed(self, seq: int) -> int | None:
        """Return how many lines after `seq` are gone; None when `seq` is of another sidecar: nobody knows."""
        if seq < self.start or seq > self.newest:
            return None
        with self._lock:
            return max(0, self.newest - len(self._lines) - seq)


def row_of(line: Line, seq: int) -> EventRow:
    """Return a line as the page shows it."""
    try:
        mark = MARKS.get(Severity[line.severity])
    except KeyError:
        mark = None
    return EventRow(
        seq=seq,
        id=line.id,
        at=line.at,
        severity=line.severity,
        mark=mark,
        service=plain(line.service),
        component=plain(line.component),
        text=_shown(line.text),
        event_name=plain(line.event_name),
        issue=line.issue,
    )


def _shown(text: str) -> Rich:
    """The message as runs: masked secrets in a box of their own, nothing in it that acts on a screen."""
    text = _HIDDEN.sub(_escaped, text[:LONGEST])
    spans: list[Span] = []
    start = 0
    for found in _MASKED.finditer(text):
        if found.start() > start:
            spans.append(Span(text[start : found.start()]))
        spans.append(Span(found.group(), Style.FOREIGN))
        start = found.end()
    if start < len(text):
        spans.append(Span(text[start:]))
    return tuple(spans)


def _escaped(found: re.Match[str]) -> str:
    code = ord(found.group())
    if found.group() in "\n\t\r":
        return {"\n": "⏎", "\t": " ", "\r": ""}[found.group()]
    return f"\\u{code:04x}" if code < 0x10000 else f"\\U{code:08x}"

"""Lines that belong together: one record from its first line to its last, and the Event made of it.

Which line begins a record is decided in `obs.formats`; here it is kept within bounds and turned into an Event.
"""

from __future__ import annotations

import re
from collections import deque
from collections.abc import Iterator, Mapping

from obs import tracebacks
from obs.events import Event, ExceptionInfo, Origin, Severity

__all__ = ["HEAD_LINES", "TAIL_LINES", "Record"]

HEAD_LINES = 200
"""Lines kept from the head of a very long record: the first cause of a chained traceback is there."""
TAIL_LINES = 100
"""Lines kept from its end: the last exception names the consequence."""

_CRASH_FRAME = re.compile(r'\s+File "[^"]*", line \d+, in (?:<module>|_bootstrap|_bootstrap_inner)\s*$')
_GENERIC = re.compile(r"(?P<type>[A-Z]\w*(?:Error|Exception|Interrupt|Exit|Warning))\((?P<message>.*)\)$")


class Record:
    """The lines of one record while they arrive."""

    __slots__ = (
        "attributes", "blanks", "count", "head", "level", "line", "logger", "resource", "severity", "tail", "timestamp",
    )  # fmt: skip

    def __init__(
        self,
        line: int,
        text: str,
        timestamp: int = 0,
        severity: Severity = Severity.UNSPECIFIED,
        level: str = "",
        logger: str = "",
        attributes: Mapping[str, str] | None = None,
    ) -> None:
        """Start a record at a line of its source, with its message's first line."""
        self.line = line
        self.head = [text]
        self.tail: deque[str] | None = None
        self.count = 1
        self.blanks = 0
        self.timestamp = timestamp
        self.severity = severity
        self.level = level
        self.logger = logger
        self.attributes = attributes
        self.resource: Mapping[str, str] | None = None

    def add(self, text: str) -> None:
        """Append a line; blank lines before it become part of the record only now."""
        while self.blanks:
            self.blanks -= 1
            self._keep("")
        self._keep(text)

    def _keep(self, text: str) -> None:
        self.count += 1
        if len(self.head) < HEAD_LINES + TAIL_LINES:
            self.head.append(text)
            return
        if self.tail is None:
            self.tail = deque(self.head[HEAD_LINES:], TAIL_LINES)
        self.tail.append(text)

    def events(self, letter: str) -> Iterator[Event]:
        """Yield the event of this record; two when a crash of the process follows the record on the same stream."""
        if self.count == 1:
            text = self.head[0]
            if "Traceback" not in text and " File " not in text:
                yield self._event(letter, self.line, 1, [text], -1)
                return
        lines = self.head if self.tail is None else self.head[:HEAD_LINES] + list(self.tail)
        start = tracebacks.first_line(lines)
        if start > 0 and self.tail is None and self.severity < Severity.WARN and _is_crash(lines, start):
            end = start
            while end > 1 and (not lines[end - 1] or lines[end - 1].startswith("Exception in thread ")):
                end -= 1
            yield self._event(letter, self.line, end, lines[:end], -1)
            crash = Record(self.line + end, "", self.timestamp)
            crash.severity = Severity.ERROR
            crash.resource = self.resource
            yield crash._event(letter, self.line + end, self.count - end, lines[end:], start - end)
            return
        yield self._event(letter, self.line, self.count, lines, start)

    def _event(self, letter: str, line: int, count: int, lines: list[str], start: int) -> Event:
        cut = count - len(lines)
        body, exception = "\n".join(lines) if len(lines) > 1 else lines[0], None
        severity = self.severity
        if start >= 0:
            while start > 0 and not lines[start - 1]:
                start -= 1
            body = "\n".join(lines[:start])
            type_, message = tracebacks.last_exception(lines[start:])
            if not type_ and (found := _GENERIC.search(body)):
                type_, message = found["type"], found["message"]
            if not type_ and body.startswith("Fatal Python error: "):
                type_, message = "Fatal Python error", body.split("\n")[0][20:]
            exception = ExceptionInfo(type_, message, "\n".join(lines[start:]))
            if not severity and not self.level:
                severity = Severity.ERROR
        return Event(
            timestamp=self.timestamp,
            severity=severity,
            severity_text=self.level,
            body=body,
            logger=self.logger,
            attributes=self.attributes or {},
            resource=self.resource or {},
            exception=exception,
            origin=Origin(letter, line, count, HEAD_LINES if cut else 0, cut),
        )


def _is_crash(lines: list[str], start: int) -> bool:
    """Whether a traceback is the interpreter's own last word, not one that the record before it carried.

    What a handler logs begins at the frame that caught; an uncaught one begins at the module or the thread.
    """
    block = start
    for index in range(start, len(lines)):
        if lines[index].startswith("Traceback (most recent call last)"):
            block = index
    return block + 1 < len(lines) and _CRASH_FRAME.match(lines[block + 1]) is not None

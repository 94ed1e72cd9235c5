"""Lines that belong together: one record from its first line to its last, and the Event made of it.

Which line begins a record is decided in `obs.logs.formats`; here it is kept within bounds and made an Event.
"""

from __future__ import annotations

import re
from collections import deque
from collections.abc import Mapping

from obs.events import Event, ExceptionInfo, Origin, Severity, Value
from obs.logs import stacks, tracebacks

__all__ = ["HEAD_LINES", "TAIL_LINES", "Record"]

HEAD_LINES = 200
"""Lines kept from the head of a very long record: the first cause of a chained traceback is there."""
TAIL_LINES = 100
"""Lines kept from its end: the last exception names the consequence."""

_CRASH_FRAME = re.compile(r'\s+File "[^"]*", line \d+, in (?:<module>|_bootstrap|_bootstrap_inner)\s*$')
_REPR = re.compile(
    r"(?P<type>[A-Z]\w*(?:Error|Exception|Interrupt|Exit|Warning))\((?P<message>.*)\)$", re.MULTILINE
)
_OPENS_TRACEBACK = (
    "Traceback (most recent",
    '  File "',
    "During handling of the above",
    "The above exception was",
)
_ALONE = ("thread '", "panic: ", "fatal error: ")
"""Beginnings of a crash that may be told in one line."""
_TYPE_FIELD = re.compile(
    r'"?type"?: "(?P<type>[A-Za-z_$][\w.$]*)"(?:,?\n\s*"?message"?: "(?P<message>[^"\n]*)")?'
)
"""How pino-pretty prints the name of what was raised, above its stack."""
_ERROR_FIELD = re.compile(r'"error": "(?P<message>(?:[^"\\]|\\.)*)"')
_NOTHING: Mapping[str, Value] = {}


class Record:
    """The lines of one record while they arrive."""

    __slots__ = (
        "attributes", "blanks", "count", "head", "in_traceback", "level", "line", "logger", "resource",
        "severity", "tail", "timestamp",
    )  # fmt: skip

    def __init__(
        self,
        line: int,
        text: str,
        timestamp: int = 0,
        severity: Severity = Severity.UNSPECIFIED,
        level: str = "",
        logger: str = "",
        attributes: Mapping[str, Value] = _NOTHING,
        resource: Mapping[str, Value] = _NOTHING,
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
        self.resource = resource
        self.in_traceback = text.startswith(_OPENS_TRACEBACK)
        """Whether its last line is inside a traceback whose exception has not been printed yet."""

    def add(self, text: str) -> None:
        """Append a line; blank lines before it become part of the record only now."""
        while self.blanks:
            self.blanks -= 1
            self._keep("")
        self._keep(text)
        if not self.in_traceback or text[0] not in " \t+|":
            self.in_traceback = text.startswith(_OPENS_TRACEBACK)

    def _keep(self, text: str) -> None:
        self.count += 1
        if self.tail is not None:
            self.tail.append(text)
        elif len(self.head) < HEAD_LINES + TAIL_LINES:
            self.head.append(text)
        else:
            self.tail = deque(self.head[HEAD_LINES:], TAIL_LINES)
            self.tail.append(text)

    def events(self, letter: str) -> list[Event]:
        """Return the event; two when the interpreter's last words follow the record on the same stream."""
        if (
            self.count == 1
            and not self.in_traceback
            and not self.head[0].startswith(_ALONE)
            and " File " not in self.head[0]
        ):
            return [
                Event(
                    timestamp=self.timestamp,
                    severity=self.severity,
                    severity_text=self.level,
                    body=self.head[0],
                    logger=self.logger,
                    attributes=self.attributes,
                    resource=self.resource,
                    origin=Origin(letter, self.line),
                )
            ]
        lines = self.head if self.tail is None else self.head[:HEAD_LINES] + list(self.tail)
        start = tracebacks.first_line(lines)
        end = self._own_lines(lines, start)
        if end:
            crash = Record(self.line + end, "", self.timestamp, resource=self.resource)
            last = end
            while last > 1 and not lines[last - 1]:
                last -= 1
            return [
                self._event(letter, last, lines[:last], -1),
                crash._event(letter, self.count - end, lines[end:], start - end),
            ]
        return [self._event(letter, self.count, lines, start)]

    def _own_lines(self, lines: list[str], start: int) -> int:
        """Return how many lines are the record's own when the interpreter's last words follow, else 0."""
        if start <= 0 or self.tail is not None or (self.level and self.severity >= Severity.WARN):
            return 0
        if not _is_crash(lines, start):
            return 0
        # "Exception in thread ...:", "Process ...:" introduce the traceback.
        while start > 0 and (not lines[start - 1] or lines[start - 1].endswith(":")):
            start -= 1
        return start

    def _event(self, letter: str, count: int, lines: list[str], start: int) -> Event:
        cut = count - len(lines)
        body, exception, severity = "\n".join(lines), None, self.severity
        if start >= 0:
            # Blank lines before the traceback go with it, so that every line keeps its number.
            while start > 0 and not lines[start - 1]:
                start -= 1
            body = "\n".join(lines[:start])
            exception = _exception(body, lines[start:])
            # A traceback whose exception never came was interrupted by another writer, who tells the rest.
            if not severity and not self.level and exception.type:
                severity = Severity.ERROR
        return Event(
            timestamp=self.timestamp,
            severity=severity,
            severity_text=self.level,
            body=body,
            logger=self.logger,
            attributes=self.attributes,
            resource=self.resource,
            exception=exception,
            origin=Origin(letter, self.line, count, HEAD_LINES if cut else 0, cut),
        )


def _exception(body: str, trace: list[str]) -> ExceptionInfo:
    type_, message = tracebacks.last_exception(trace)
    if body.startswith("Fatal Python error: "):
        type_, message = "Fatal Python error", body.split("\n")[0][20:]
    elif not type_:
        # Some programs print the exception before its traceback, or only as its `repr`.
        found = _REPR.search(body) or tracebacks.exception_line(body.rsplit("\n", 1)[-1])
        if found is not None:
            type_, message = found["type"], found["message"] or ""
        elif (field := _TYPE_FIELD.search(body)) is not None:
            type_, message = field["type"], field["message"] or ""
        elif any(stacks.CLIKE_FRAME.match(line) for line in trace[:2]):
            type_, message = stacks.inside(body.rsplit("\n", 1)[-1])
        elif stacks.is_go_pair(trace, 0):
            # zap prints where an error was logged; the error stands in a field of the line.
            wrong = _ERROR_FIELD.search(body)
            type_, message = "error", wrong["message"] if wrong is not None else body.split("\n")[0]
    return ExceptionInfo(type_, message, "\n".join(trace))


def _is_crash(lines: list[str], start: int) -> bool:
    """Whether a traceback is the interpreter's own last word, not one that the record before it carried.

    What a handler logs begins at the frame that caught; an uncaught one begins at the module or the thread.
    """
    block = start
    for index in range(start, len(lines)):
        if lines[index].startswith("Traceback (most recent call last)"):
            block = index
    return block + 1 < len(lines) and _CRASH_FRAME.match(lines[block + 1]) is not None

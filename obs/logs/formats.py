"""Text lines in, Events out: any log layout, learnt from the lines themselves.

A line without a head of its own belongs to the record before it, unless it is the voice of another writer on
the same stream (the interpreter, the shell, a crash). Nothing raises here, whatever the text, and every line
is accounted for: the lines of all events (`origin.lines`) and the blank lines between them are all lines.

A record without a time of its own gets the time of the record before it on the same stream: it came later.
"""

from __future__ import annotations

import re
import signal
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

import msgspec

from obs.events import Event, Origin, Severity, Value
from obs.logs import composed, interjections, jsonlines, layouts, logfmt, stacks, terminal
from obs.logs.heads import SAMPLE, Head, Heads
from obs.logs.records import HEAD_LINES, TAIL_LINES, Record
from obs.logs.terminal import MAX_LINE
from obs.logs.timestamps import Clock

__all__ = ["Parser", "parse"]

_WHOLE_LINE = re.compile(r"\[?\d{4}-\d\d-\d\d[ T]\d\d:\d\d")
"""A message that begins with a time may be another program's whole line."""
_RICH_PATH = re.compile(r"\s{2,}(?P<file>[\w.-]+)\.py:\d+\s*$")
_DIGIT = re.compile(r"\d")
_HEAD_SHAPE = 19
"""As many characters as most times have: enough to know the beginning of a head by its shape."""
_CHAINS = ("During handling of the above", "The above exception was")
_NOTHING: Mapping[str, Value] = {}
_CLASS_AND_METHOD = re.compile(r"[a-z]\w*(?:\.[\w$]+)+ [\w$<>]+$")
_COMPOSE: Mapping[str, Value] = {"service.name": "docker-compose"}
_BY_SIGNAL = 128
"""A shell and a container runtime add the signal's number to it."""


def parse(lines: Iterable[str], *, letter: str, timezone: str = "UTC", newest_ns: int = 0) -> Iterator[Event]:
    """Yield the events of a text, given line by line; line ends at their ends are tolerated.

    Args:
        lines: Decoded lines.
        letter: The source's letter for `Event.origin`.
        timezone: Zone of times that print none.
        newest_ns: No record is newer than this; completes dates without a year.
    """
    parser = Parser(letter=letter, timezone=timezone, newest_ns=newest_ns)
    batch: list[str] = []
    for line in lines:
        batch.append(line[:-1] if line[-1:] == "\n" else line)
        if len(batch) >= SAMPLE:
            yield from parser.feed(batch)
            batch = []
    yield from parser.feed(batch)
    yield from parser.close()


class Parser:
    """The state of one stream of lines."""

    def __init__(self, *, letter: str, timezone: str = "UTC", newest_ns: int = 0, line: int = 0) -> None:
        """Make a parser; `line` is the number of lines that stand before the first one it gets."""
        self.letter = letter
        self.line = line
        self.blank = 0
        """Lines without a message that belong to no record."""
        self.records = 0
        self.clock = Clock(timezone, newest_ns=newest_ns)
        self._heads = Heads(self.clock)
        self._inner = Heads(self.clock)
        """What stands behind a container's, syslog's or supervisor's own head."""
        self._sampled = 0
        self._pending: Record | None = None
        self._out: list[Event] = []
        self.broken_line = ""
        """The last line when it had no line end and stops in the middle of its head."""
        self._last_ns = 0
        self._head_shape = ""
        self._column = 0
        self._tag = ""
        self._told = False
        """Whether the traceback that is open has a head on each of its lines."""
        self._cut_lines = self._cut_records = self._untimed = 0
        self._container = ""
        self._partial = ""
        """The begin of a line that a container runtime cut."""

    @property
    def pending_line(self) -> int:
        """Number of the first line that has not become an event yet; the next line when there is none."""
        return self._pending.line if self._pending is not None else self.line + 1

    def feed(self, lines: list[str]) -> list[Event]:
        """Return the events that are complete after these lines."""
        if self._sampled < SAMPLE:
            self.learn(lines[: SAMPLE - self._sampled])
        for line in lines:
            self.line += 1
            text = self._clean(line)
            if text and not text.isspace():
                self._line(text)
            elif self._pending is not None:
                self._pending.blanks += 1
            else:
                self.blank += 1
        out, self._out = self._out, []
        return out

    def feed_unfinished(self, line: str) -> list[Event]:
        """Return the events that are complete after a last line that has no line end."""
        text = self._clean(line)
        shape = _DIGIT.sub("0", text[:_HEAD_SHAPE])
        sound = self._heads.any_sound and text[:1] not in {"", " ", "\t"}
        head = self._heads.read(text) if sound else None
        fits = head is not None and (head.level != "" or self._heads.kinds[head.layout.kind] > 0)
        if sound and not fits and (head is not None or self._head_shape.startswith(shape)):
            self.broken_line = text
            self.line += 1
            self._untimed += 1
            self._next(Record(self.line, text, self._last_ns))
            out, self._out = self._out, []
            return out
        if text.startswith("{") and jsonlines.decode(text) is None and "json" in self.format:
            self.broken_line = text
        return self.feed([line])

    def close(self) -> list[Event]:
        """Return what was waiting for more lines."""
        self._next(None)
        out, self._out = self._out, []
        return out

    @property
    def last_ns(self) -> int:
        """Time of the last record that carries one, Unix ns."""
        return self._last_ns

    @property
    def format(self) -> str:
        """The layout of most records, by the name of the program or library that prints it."""
        inner = self._inner.name()
        name = self._heads.name() if inner in {"empty", "plain text", "text with times"} else inner
        return f"{name} in {self._container}" if self._container else name

    @property
    def zone(self) -> str:
        """How the time zone of the records is known."""
        clock = self.clock
        if not clock.printed and not clock.assumed:
            return "no times"
        if not clock.assumed:
            return "printed"
        unprinted = "the log prints none" if not clock.printed else f"{clock.assumed} times print none"
        return f"assumed {clock.timezone}: {unprinted}"

    def notes(self) -> list[str]:
        """Return what a reader of the events must know, one sentence each."""
        counts = (
            (self._cut_lines, f"lines are longer than {MAX_LINE} characters: their middle was cut"),
            (
                self._cut_records,
                f"records are longer than {HEAD_LINES + TAIL_LINES} lines: their middle was cut",
            ),
            (
                self._untimed if self._last_ns else 0,
                "records carry no time: they stand at that of the record before",
            ),
            (self.clock.guessed, "times carry no date: they were read on the last date before them"),
            (self.clock.undated, "times carry no date, and none was printed before: they count as unknown"),
        )
        return [f"{count} {what}" for count, what in counts if count]

    def _clean(self, line: str) -> str:
        if len(line) > MAX_LINE:
            line = terminal.cut(line)
            self._cut_lines += len(line) > MAX_LINE
        return terminal.clean(line, self._is_head)

    def _is_head(self, text: str) -> bool:
        return text[0] not in " \t" and self._heads.read(text) is not None

    def _line(self, line: str, outer: Head | None = None) -> None:
        """Take one line; `outer` is the head that another program put before it."""
        heads = self._heads if outer is None else self._inner
        if (
            outer is None
            and heads.prefix is not None
            and (head := heads.apply(heads.prefix, line)) is not None
        ):
            self._container = "kubectl" if "pod/" in heads.prefix.pattern else "docker compose"
            self._unwrap(head)
            return
        if outer is None and heads.prefix is not None and (end := composed.exited(line)) is not None:
            self._ended(line, *end)
            return
        if outer is None and heads.prefix is not None and composed.is_own(line):
            self._next(Record(self.line, line, self._last_ns, resource=_COMPOSE))
            return
        if line[0] == "{" and (row := jsonlines.decode(line)) is not None:
            self._row(row, outer)
            return
        head = heads.read(line) if line[0] not in " \t" else self._rich(line)
        if head is None and terminal.is_progress(line):
            head = heads.read_inside(line)
        if head is None:
            self._headless(line, outer)
        elif outer is None and (head.layout.wraps or _WHOLE_LINE.match(head.message)):
            self._unwrap(head)
        elif self._goes_on(head):
            self._pending.add(head.message)  # type: ignore[union-attr]  # it goes on, so there is one
        elif head.layout.kind == "level first" and self._is_second_half():
            self._complete(head)
        else:
            heads.kinds[head.layout.kind] += 1
            if not self._head_shape:
                self._head_shape = _DIGIT.sub("0", line[:_HEAD_SHAPE])
            if line[0] == "[" and head.level:
                self._column = line.find(head.level)
            self._start(head, outer)

    def _is_second_half(self) -> bool:
        """Whether the pending record is the first line of java.util.logging's two: time, class and method."""
        pending = self._pending
        return (
            pending is not None
            and pending.count == 1
            and not pending.level
            and _CLASS_AND_METHOD.match(pending.head[0]) is not None
        )

    def _complete(self, head: Head) -> None:
        """Take the second line of a record whose first told only when and where: level and message."""
        pending = self._pending
        assert pending is not None
        pending.logger = pending.head[0].partition(" ")[0]
        pending.severity, pending.level = head.severity, head.level
        pending.head[0] = head.message
        pending.line += 1
        self.blank += 1

    def _unwrap(self, outer: Head) -> None:
        """Take what stands behind a head that may be another program's: a whole line, or just a message."""
        text, self._partial = self._partial + outer.message, ""
        if outer.goes_on:
            self._partial = text[:MAX_LINE]
            self.blank += 1
            return
        if not text or text.isspace():
            if self._pending is not None:
                self._pending.blanks += 1
            else:
                self.blank += 1
        elif outer.layout.kind in {"container", "prefix"}:
            if outer.layout.kind == "container":
                self._container = "a container log"
            self._line(text, outer)
        elif text[0] == "{" or (
            (inner := self._inner.read(text)) is not None and (inner.level or not outer.level)
        ):
            # The outer head's own level is its guess: a child's INFO on stderr arrives as WARNING.
            self._line(text, outer)
        elif self._goes_on(outer) or (
            self._inner.any_known
            and not outer.level
            and outer.logger == self._tag
            and self._pending is not None
        ):
            self._headless(text, outer)
        else:
            self._heads.kinds[outer.layout.kind] += 1
            self._start(outer, None)

    def _start(self, head: Head, outer: Head | None) -> None:
        self._tag = (outer.service or outer.logger) if outer is not None else head.logger
        ns, severity, level, logger = head.ns, head.severity, head.level, head.logger
        service = head.service
        if outer is not None:
            if outer.ns and (outer.zoned or not ns):
                ns = outer.ns
            if not level:
                severity, level = outer.severity, outer.level
            logger = logger or outer.logger
            service = outer.service
        if ns:
            self._last_ns = ns
        else:
            self._untimed += 1
        self._told = False
        message = head.message
        if self._column and (found := _RICH_PATH.search(message)):
            message, logger = message[: found.start()], logger or found["file"]
        self._next(
            Record(
                self.line,
                message,
                ns or self._last_ns,
                severity,
                level,
                logger,
                {"trader_id": head.trader} if head.trader else _NOTHING,
                {"service.name": service} if service else _NOTHING,
            )
        )

    def _headless(self, line: str, outer: Head | None) -> None:
        pending = self._pending
        same = outer is None or (outer.service or outer.logger) == self._tag
        if pending is not None and same and not self._opens(line, pending, outer):
            self._told &= outer is not None
            pending.add(line)
            return
        if "=" in line and (row := logfmt.decode(line)) is not None:
            self._row(row, outer, "logfmt")
            return
        severity = interjections.opens(line) or Severity.UNSPECIFIED
        heads = self._heads if outer is None else self._inner
        heads.kinds["plain"] += 1
        if outer is not None:
            self._start(outer._replace(severity=severity or outer.severity, message=line), None)
            self._tag = outer.service or outer.logger
            return
        self._untimed += 1
        self._next(Record(self.line, line, self._last_ns, severity))

    def _opens(self, line: str, pending: Record, outer: Head | None) -> bool:
        """Whether a line without a head starts a record of its own."""
        if interjections.goes_on(line) or stacks.is_dump(line, pending.head[0], pending.count):
            return False
        if interjections.opens(line) is not None:
            return True
        heads = self._heads if outer is None else self._inner
        if pending.in_traceback or not heads.any_known:
            return not pending.in_traceback
        # Errors are told over several lines even where most lines are printed without a head.
        is_told = pending.level != "" and pending.severity >= Severity.WARN and not pending.blanks
        return heads.mostly_plain and not is_told

    def _goes_on(self, head: Head) -> bool:
        """Whether a line with a head goes on with the traceback before it: a child's, told line by line."""
        pending = self._pending
        if pending is None or pending.level != head.level or pending.logger != head.logger:
            return False
        if head.message[:1] in " \t":
            self._told = pending.in_traceback and pending.head[0].startswith("Traceback (")
        elif not head.message.startswith(_CHAINS):
            # The line that names the exception ends it; without heads before, it would be another record.
            self._told = self._told and pending.in_traceback
        return self._told

    def _rich(self, line: str) -> Head | None:
        """Return the head of a line whose time Rich left out because it is the one of the line before."""
        column = self._column
        if not column or not line[:column].isspace() or line[column - 1 : column + 1].isspace():
            return None
        return self._heads.read_level(line[column:])

    def _row(self, row: dict[str, Any], outer: Head | None, kind: str = "") -> None:
        inner = jsonlines.unwrap(row, self.clock)
        if inner is not None and outer is None:
            ns, severity, logger, text, self._container = inner
            for line in text.split("\n")[:1]:
                self._unwrap(Head(ns, severity, "", logger, self._clean(line), layouts.CONTAINER, zoned=True))
            return
        self._next(None)
        event, dialect = jsonlines.event_of(row, self.clock, Origin(self.letter, self.line))
        if outer is not None:
            event = msgspec.structs.replace(
                event,
                timestamp=event.timestamp or outer.ns,
                logger=event.logger or outer.logger,
                resource=event.resource or ({"service.name": outer.service} if outer.service else {}),
            )
        self._heads.kinds[kind or dialect] += 1
        self._last_ns = event.timestamp or self._last_ns
        self.records += 1
        self._out.append(event)

    def _ended(self, line: str, service: str, code: int) -> None:
        """Take what docker compose says of a container's end: that of its main process."""
        self._next(None)
        values: dict[str, Value] = {"process.exit_code": code}
        if code > _BY_SIGNAL and code - _BY_SIGNAL in set(signal.Signals):
            values["process.signal"] = signal.Signals(code - _BY_SIGNAL).name
        self.records += 1
        self._untimed += 1
        self._out.append(
            Event(
                timestamp=self._last_ns,
                severity=Severity.ERROR if code else Severity.INFO,
                body=line,
                event_name="" if composed.is_side(service) else "process.exited",
                attributes=values,
                resource={"service.name": service},
                origin=Origin(self.letter, self.line),
            )
        )

    def _next(self, record: Record | None) -> None:
        """Finish the pending record, if any; the new one waits for its further lines."""
        pending, self._pending = self._pending, record
        if pending is None:
            return
        events = pending.events(self.letter)
        self.records += len(events)
        self.blank += pending.blanks
        if pending.count > 1:
            self.blank += pending.count - sum(event.origin.lines for event in events if event.origin)
            self._cut_records += pending.tail is not None
        self._out += events

    def learn(self, lines: list[str]) -> None:
        """Take a sample of lines into account without reading them."""
        self._sampled += len(lines)
        cleaned = [terminal.plain(line) for line in lines]
        self._heads.learn(cleaned)
        inner = []
        for line in cleaned:
            if line and line[0] not in " \t{":
                prefix = self._heads.prefix
                head = self._heads.apply(prefix, line) if prefix is not None else self._heads.read(line)
                if head is not None and head.layout.wraps:
                    inner.append(head.message)
        if inner:
            self._inner.learn(inner)

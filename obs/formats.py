"""Text lines in, Events out: any log layout, learnt from the lines themselves.

The parser keeps the layouts it has met, tries the last one first and looks closer only when none fits. A line
without a head of its own belongs to the record before it. Nothing raises here, whatever the text, and every
line is accounted for: the lines of all events (`origin.lines`) and the blank lines between them are all lines.

A record without a time (a crash on stderr) gets the time of the record before it on the same stream.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Iterator

from obs import jsonlines, layouts
from obs.events import Event, Severity
from obs.layouts import SEVERITY_WORDS, Layout
from obs.records import Record
from obs.timestamps import Clock

__all__ = ["MAX_LINE", "Parser", "parse"]

MAX_LINE = 18_432
"""Longer lines are cut before any regular expression sees them: head and tail stay."""
_KEEP_HEAD, _KEEP_TAIL = 16_384, 2_048
_SAMPLE = 400
"""Lines that are enough to tell how a file is laid out."""

_ANSI = re.compile(r"\x1b(?:\[[0-9;:?]*[ -/]*[@-~]|\][^\x07\x1b]*(?:\x07|\x1b\\)|[@-Z\\^_])")
_ALONE = re.compile(
    r"--- Logging error ---|Fatal Python error: |Exception in thread |Exception ignored in|Segmentation fault|Killed$"
    r"|Aborted|Bus error|terminate called|thread '.*' panicked at|\S+\.pyx?:\d+: \w*Warning: |Traceback \(most recent"
    r"|Unhandled exception|Error in atexit|Exception in callback |timeout: |\*\*\* |OOM|Out of memory"
)
"""Lines that open a record of their own although they carry no head: other writers on the same stream."""
_DEATH = re.compile(r"Fatal Python error|Segmentation fault|Killed$|Aborted|Bus error|terminate called")
_WARNS = re.compile(r"Exception ignored in|\S+\.pyx?:\d+: \w*Warning: ")
_CONTINUES = re.compile(
    r"During handling of the above|The above exception was|Traceback \(most|Call stack:|Message: |Arguments: |[\]})(+|]"
)


def parse(lines: Iterable[str], *, letter: str, timezone: str = "UTC", newest_ns: int = 0) -> Iterator[Event]:
    """Yield the events of a text, given line by line without line ends.

    Args:
        lines: Decoded lines; a line end at their end is tolerated.
        letter: The source's letter for `Event.origin`.
        timezone: Zone of times that print none.
        newest_ns: No record is newer than this; completes dates without a year.
    """
    parser = Parser(letter=letter, timezone=timezone, newest_ns=newest_ns)
    batch: list[str] = []
    for line in lines:
        batch.append(line)
        if len(batch) >= _SAMPLE:
            yield from parser.feed(batch)
            batch = []
    yield from parser.feed(batch)
    yield from parser.close()


class Parser:
    """The state of one stream of lines."""

    def __init__(self, *, letter: str, timezone: str = "UTC", newest_ns: int = 0, line: int = 0) -> None:
        """Make a parser; `line` is the number of lines that stand before the first one it gets."""
        self.letter = letter
        self.clock = Clock(timezone, newest_ns=newest_ns)
        self.line = line
        self.records = 0
        self.cut_lines = 0
        self.untimed = 0
        self.kinds: Counter[str] = Counter()
        self._layouts: list[Layout] = []
        self._learnt = 0
        self._prints = False
        self._pending: Record | None = None
        self._json = False
        self._last_ns = 0

    def feed(self, lines: list[str]) -> Iterator[Event]:
        """Yield the events that are complete after these lines."""
        if self._learnt < _SAMPLE:
            self._learn(lines[:_SAMPLE])
        for line in lines:
            self.line += 1
            if len(line) > MAX_LINE:
                line = self._cut(line)
            if "\x1b" in line:
                line = _ANSI.sub("", line)
            if "\x00" in line:
                line = line.replace("\x00", "")
            if line[-1:] in "\r\n":
                line = line.rstrip("\r\n")
            if "\r" in line:
                line = self._overwritten(line)
            if not line or line.isspace():
                if self._pending is not None:
                    self._pending.blanks += 1
                continue
            yield from self._line(line)

    def close(self) -> Iterator[Event]:
        """Yield what was waiting for more lines."""
        pending, self._pending = self._pending, None
        if pending is not None:
            yield from self._emit(pending)

    @property
    def format(self) -> str:
        """The layout of most records, by the name of the program or library that prints it."""
        return self.kinds.most_common(1)[0][0] if self.kinds else "empty"

    @property
    def zone(self) -> str:
        """How the time zone of the records is known."""
        clock = self.clock
        if not clock.printed and not clock.assumed:
            return "no times"
        if not clock.assumed:
            return "printed"
        return f"assumed {clock.timezone}: the log prints none"

    def notes(self) -> list[str]:
        """Return what a reader of the result must know, one sentence each."""
        return []

    def _line(self, line: str) -> Iterator[Event]:
        first = line[0]
        record: Record | None = None
        if first == "{":
            row = jsonlines.decode(line)
            if row is not None:
                yield from self.close()
                yield from self._row(row)
                return
        elif first not in " \t":
            record = self._header(line)
            if record is None and self._is_alone(line):
                record = self._headless(line)
        if record is None:
            if self._pending is not None:
                self._pending.add(line)
                return
            record = self._headless(line)
        pending, self._pending = self._pending, record
        if pending is not None:
            yield from self._emit(pending)

    def _emit(self, record: Record) -> Iterator[Event]:
        for event in record.events(self.letter):
            self.records += 1
            yield event

    def _row(self, row: dict[str, object]) -> Iterator[Event]:
        event, kind = jsonlines.event_of(row, self.clock, self.letter, self.line)
        self.kinds[kind] += 1
        self.records += 1
        if event.timestamp:
            self._last_ns = event.timestamp
        yield event

    def _header(self, line: str) -> Record | None:
        for index, layout in enumerate(self._layouts):
            record = self._read(layout, line)
            if record is not None:
                if index:
                    self._layouts.insert(0, self._layouts.pop(index))
                return record
        found = layouts.scan(line)
        if found is None or found in self._layouts:
            return None
        if (
            found.form is None
            and self._layouts
            and self._layouts[0].form is not None
            and not _is_strict(line)
        ):
            return None  # "ERROR: ..." inside a timed record is the record's second line
        record = self._read(found, line)
        if record is not None and len(self._layouts) < 16:
            self._layouts.append(found)
        return record

    def _read(self, layout: Layout, line: str) -> Record | None:
        found = layout.match(line)
        if found is None:
            return None
        t, f, z, level, logger, trader, message = found.group(*layout.fields)
        severity = Severity.UNSPECIFIED
        if layout.has_level:
            known = SEVERITY_WORDS.get(level)
            if known is None:
                return None
            severity = known
        else:
            level = ""
        timestamp = self._last_ns
        if layout.form is not None:
            ns = self.clock.ns(layout.form, t, f, z)
            if ns is None:
                return None
            if ns:
                timestamp = self._last_ns = ns
        self.kinds[layout.kind] += 1
        attributes = {"trader_id": trader} if layout.kind == "nautilus" else None
        return Record(
            self.line, message, timestamp, severity, level, logger if layout.has_logger else "", attributes
        )

    def _headless(self, line: str) -> Record:
        self.kinds["plain"] += 1
        self.untimed += 1
        severity = Severity.UNSPECIFIED
        if _DEATH.match(line):
            severity = Severity.FATAL
        elif _WARNS.match(line):
            severity = Severity.WARN
        elif _ALONE.match(line):
            severity = Severity.ERROR
        return Record(self.line, line, self._last_ns, severity)

    def _is_alone(self, line: str) -> bool:
        """Whether a line without a head starts a record of its own."""
        pending = self._pending
        if pending is None:
            return True
        if line.startswith("Traceback ("):
            # After another line without a head it is that line's traceback ("Exception in thread ...").
            return False
        if _ALONE.match(line):
            return True
        return self._prints and not _CONTINUES.match(line) and not _in_traceback(pending)

    def _learn(self, lines: list[str]) -> None:
        heads: dict[Layout, list[str]] = {}
        plain = 0
        for line in lines:
            line = _ANSI.sub("", line[:MAX_LINE]).replace("\x00", "").rstrip("\r\n")
            if not line or line[0] in " \t{":
                continue
            layout = layouts.scan(line)
            found = layout.match(line) if layout is not None else None
            if layout is None or found is None:
                plain += 1
                continue
            heads.setdefault(layout, []).append(found["message"])
        self._learnt += len(lines)
        self._prints = plain > sum(len(messages) for messages in heads.values())
        for layout, messages in sorted(heads.items(), key=lambda item: -len(item[1])):
            longer = layouts.vote(layout, messages)
            if longer is not None and longer not in self._layouts:
                self._layouts.append(longer)
            if layout.form is not None or len(messages) >= 3:
                if layout not in self._layouts:
                    self._layouts.append(layout)

    def _cut(self, line: str) -> str:
        # The secrets of the whole line are masked first: a cut through one would leave a piece of it.
        from obs.redaction import redact

        line = redact(line)
        if len(line) <= MAX_LINE:
            return line
        self.cut_lines += 1
        dropped = len(line) - _KEEP_HEAD - _KEEP_TAIL
        return f"{line[:_KEEP_HEAD]}[{dropped} characters cut]{line[-_KEEP_TAIL:]}"

    def _overwritten(self, line: str) -> str:
        """Return what a terminal would show last; a record's head after a progress bar wins."""
        segments = [segment for segment in line.split("\r") if segment.strip()]
        for segment in reversed(segments):
            if self._header(segment) is not None:
                return segment
        return segments[-1] if segments else ""


def _is_strict(line: str) -> bool:
    """Whether a head without a time is one that no message's second line looks like (uvicorn, basicConfig)."""
    return re.match(r"[A-Z]+:(?:\s{2,}|[\w.]+:)", line) is not None


def _in_traceback(record: Record) -> bool:
    last = record.tail[-1] if record.tail else record.head[-1]
    return not record.blanks and (last[:1] in " \t" or last.startswith("Traceback ("))

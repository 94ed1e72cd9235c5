"""Whole lines out of pieces of printed text: what a program writes to stdout or stderr, in any portions.

A printed traceback comes out as one record. Everything is bounded, and nothing raises: the text is foreign.
Standard library only, because it runs inside the bot as well as in its supervisor.
"""

from __future__ import annotations

import re
from collections import deque
from typing import NamedTuple

__all__ = ["MAX_LINE_CHARS", "LineAssembler", "PrintedRecord", "printed_traceback"]

MAX_LINE_CHARS = 16_384
"""What is longer is cut: a dump of candles on one line must not become memory."""

_HEAD_LINES, _TAIL_LINES = 200, 100
_STYLING = re.compile(r"\x1b(?:\[[0-?]*[ -/]*[@-~]|\][^\x07\x1b]*(?:\x07|\x1b\\)|[@-Z\\-_])")
_TRACEBACK = re.compile(r"\s*(\+ Exception Group )?Traceback \(most recent call last\):\s*$")
_CHAINED = (
    "During handling of the above exception, another exception occurred:",
    "The above exception was the direct cause of the following exception:",
)
_EXCEPTION = re.compile(r"([A-Za-z_][\w.]*)(?:: ?(.*))?$")


class PrintedRecord(NamedTuple):
    """One printed line, or one printed traceback."""

    body: str
    stacktrace: str = ""
    """All lines of the traceback; empty for a plain line."""
    exception_type: str = ""
    exception_message: str = ""


def printed_traceback(text: str) -> PrintedRecord:
    """Make one record of a traceback as Python prints it; the last exception of a chain names it."""
    lines = text.rstrip().split("\n")
    last = next((line for line in reversed(lines) if line[:1].strip() and _EXCEPTION.match(line)), "")
    if not last:
        last = next((line.strip(" |") for line in lines[1:] if line.startswith("  | ") and ": " in line), "")
    found = _EXCEPTION.match(last)
    return PrintedRecord(
        body=last or lines[-1],
        stacktrace="\n".join(lines),
        exception_type=found[1] if found else "",
        exception_message=(found[2] or "") if found else "",
    )


class LineAssembler:
    """Joins the pieces of one stream; one object for each stream and thread."""

    def __init__(self) -> None:
        self._partial: list[str] = []
        self._partial_chars = 0
        self._head: list[str] = []
        self._tail: deque[str] = deque(maxlen=_TAIL_LINES)
        self._traceback_lines = 0
        self._ended = False

    def feed(self, text: str) -> list[PrintedRecord]:
        """Take the next piece and return the records that are complete with it."""
        if "\n" not in text:
            self._keep(text)
            return []
        if text == "\n":
            return self._line(self._take())
        first, *rest = text.split("\n")
        self._keep(first)
        records = self._line(self._take())
        for line in rest[:-1]:
            records += self._line(_cut(line))
        self._keep(rest[-1])
        return records

    def drop_partial(self) -> None:
        """Forget the line that has no end yet."""
        self._partial, self._partial_chars = [], 0

    def settle(self) -> list[PrintedRecord]:
        """Return a traceback that looks complete: for a pause in the text, where waiting would be a loss."""
        return self._end_traceback() if self._ended else []

    def finish(self) -> list[PrintedRecord]:
        """Return all that is left, also a line without its end."""
        records = self._line(self._take()) if self._partial else []
        return records + self._end_traceback()

    def _keep(self, piece: str) -> None:
        room = MAX_LINE_CHARS - self._partial_chars
        if piece and room > 0:
            self._partial.append(piece[:room])
        self._partial_chars += len(piece)

    def _take(self) -> str:
        line = "".join(self._partial)
        if self._partial_chars > MAX_LINE_CHARS:
            line = _with_cut(line, self._partial_chars - MAX_LINE_CHARS)
        self._partial, self._partial_chars = [], 0
        return line

    def _line(self, line: str) -> list[PrintedRecord]:
        if "\x1b" in line:
            line = _STYLING.sub("", line)
        # A progress bar writes over itself: what stood last on the line counts.
        if "\r" in line:
            line = line.rstrip("\r").rpartition("\r")[2]
        if self._traceback_lines:
            if self._belongs(line):
                self._add(line)
                return []
            return self._end_traceback() + self._line(line)
        if "Traceback" in line and _TRACEBACK.match(line):
            self._add(line)
            return []
        return [PrintedRecord(line)] if line.strip() else []

    def _belongs(self, line: str) -> bool:
        if line[:1] in {" ", "\t"}:
            return not self._ended
        if not self._ended:
            in_group = self._head[0].lstrip().startswith("+")
            self._ended = not in_group
            return not in_group
        if line in _CHAINED or not line:
            return True
        if _TRACEBACK.match(line) and (self._tail or self._head)[-1] == "":
            self._ended = False
            return True
        return False

    def _add(self, line: str) -> None:
        (self._head if len(self._head) < _HEAD_LINES else self._tail).append(line)
        self._traceback_lines += 1

    def _end_traceback(self) -> list[PrintedRecord]:
        if not self._traceback_lines:
            return []
        dropped = self._traceback_lines - len(self._head) - len(self._tail)
        middle = [f"  ... {dropped} lines cut ..."] if dropped else []
        text = "\n".join([*self._head, *middle, *self._tail])
        self._head, self._traceback_lines, self._ended = [], 0, False
        self._tail.clear()
        return [printed_traceback(text)]


def _cut(line: str) -> str:
    return _with_cut(line[:MAX_LINE_CHARS], len(line) - MAX_LINE_CHARS)


def _with_cut(line: str, cut_chars: int) -> str:
    return f"{line} ... {cut_chars} characters cut ..." if cut_chars > 0 else line

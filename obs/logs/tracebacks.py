"""Printed tracebacks read back: blocks, frames, the exception each block ends in, and the frame to blame.

It reads Python's own layout with its chains, groups, carets and syntax errors, `--- Logging error ---`
blocks, faulthandler dumps, Rich's boxes and Cython frames; stacks of other languages are read by
`obs.logs.stacks`. A traceback whose head or middle was cut is read as far as it goes. Nothing here raises,
whatever the text.
"""

from __future__ import annotations

import re
from collections.abc import Iterable

from obs.logs import stacks
from obs.logs.stacks import Block, Frame

__all__ = ["Block", "Frame", "culprit", "exception_line", "first_line", "last_exception", "parse"]

_HEADER = "Traceback (most recent call last)"
_FAULT = re.compile(r"Fatal Python error: (?P<message>.*)")
_FRAME = re.compile(r'[>\s]*File "(?P<file>[^"]*)", line (?P<line>\d+)(?:,? in (?P<function>.+))?\s*$')
_BOX_FRAME = re.compile(r"(?P<file>[^\s:]\S*\.pyx?):(?P<line>\d+) in (?P<function>\S+)\s*$")
_EXCEPTION = re.compile(
    r"(?P<type>[A-Za-z_]\w*(?:\.(?:[A-Za-z_]\w*|<locals>))*)(?:: ?(?P<message>.*))?$", re.DOTALL
)
_RAISED = re.compile(r"(?:Error|Exception|Interrupt|Exit|Warning|Timeout|Iteration)$")
_CLASS = re.compile(r"(?:^|\.)(?:[A-Z]\w*|\w*(?:error|timeout|exit))$")
_GROUP_EDGE = re.compile(r"^(?P<indent>\s*)(?:\+(?P<rule>-?[+-]*-{4,}.*)?|\|)(?: |$)")
_CONTEXT = "During handling of the above exception, another exception occurred:"
_CAUSE = "The above exception was the direct cause of the following exception:"
_CARETS = re.compile(r"[\s^~]+$")
_FOREIGN = re.compile(
    r"(?:^|[/\\])(?:site-packages|dist-packages|lib[/\\]python\d|[Ll]ib[/\\](?:asyncio|concurrent|logging)|python\d+\.zip)"
    r"|^<(?:frozen|string|stdin|attrs|__array_function__)|^\S*\.pyx$|[/\\]node_modules[/\\]|^node:"
    r"|[/\\](?:Python3\d+|anaconda\d?|miniconda\d?|miniforge\d?)[/\\]lib[/\\](?!site-packages)",
)
_SCRIPTS = re.compile(r"[/\\](?:bin|Scripts)[/\\][^/\\]+$")


def parse(text: str) -> tuple[Block, ...]:
    """Return the blocks of a printed traceback, the oldest exception first.

    The members of an exception group stand before the group. Text without any frame or exception gives ().
    """
    if _HEADER not in text and 'File "' not in text and (found := stacks.parse(text)):
        return found
    reader = _Reader()
    for line in text.split("\n"):
        reader.read(line.rstrip("\r"))
    return reader.close()


def culprit(blocks: Iterable[Block]) -> Frame | None:
    """Return the innermost frame of the program itself in the first block that has one."""
    for block in blocks:
        for frame in reversed(block.frames):
            if frame.in_app:
                return frame
    return None


def last_exception(lines: Iterable[str]) -> tuple[str, str]:
    """Return type and message of the exception that is printed last; empty when none is.

    This is the exception that left the code, as `logging` would name it. Of a group it is the group.
    """
    blocks = parse("\n".join(lines))
    for block in reversed(blocks):
        if block.type:
            return block.type, block.message
    return "", ""


def exception_line(line: str) -> re.Match[str] | None:
    """Return the match of a line that names an exception (`type`, `message`), or None for any other text."""
    found = _EXCEPTION.match(line)
    return found if found is not None and _RAISED.search(found["type"]) else None


def first_line(lines: list[str]) -> int:
    """Return the index of the line that opens a traceback, or -1: where a record's stack trace begins."""
    for index, line in enumerate(lines):
        if _opens(line):
            return index
    return stacks.first_line(lines)


def _opens(line: str) -> bool:
    if _HEADER in line:
        head = line.strip(" |+-─━═╭┌│\t")
        return head.startswith((_HEADER, "Exception Group " + _HEADER))
    if 'File "' in line:
        return line[0] in " \t>" and _FRAME.match(line) is not None
    return "most recent call first" in line and line.startswith(
        ("Thread 0x", "Current thread 0x", "Stack (most")
    )


class _Reader:
    """Reads line by line; a block is open from its first frame to the line that names the exception."""

    def __init__(self) -> None:
        self.blocks: list[Block] = []
        self.groups: list[tuple[int, Block]] = []
        self.frames: list[Frame] = []
        self.open = False
        self.message: list[str] | None = None
        self.kind = ""
        self.type = ""
        self.call_stack = False
        self.newest_first = False
        self.source_due = False
        self.depth = 0
        self.faulting_seen = self.other_thread = False

    def read(self, line: str) -> None:
        edge = _GROUP_EDGE.match(line)
        boxed = line[:1] in "│╭╰┌└" and line[:1] != ""
        if boxed:
            line = line.strip("│╭╰─┌└ ┐╮╯┘")
        elif edge is not None and (self.depth or _HEADER in line):
            self.depth = len(edge["indent"])
            if edge["rule"] is not None:
                self._end()
                return
            line = line[edge.end() :]
        text = line.strip()
        if _HEADER in line:
            self._end()
            self.open = True
            self.call_stack = False
        elif text in (_CAUSE, _CONTEXT):
            self._end()
            self._link("cause" if text == _CAUSE else "context")
        elif text.startswith("Call stack:") and not line[0].isspace():
            self._end()
            self.call_stack = True
        elif self.call_stack:
            return
        else:
            self._line(line, text, boxed)

    def _line(self, line: str, text: str, boxed: bool) -> None:
        fault = _FAULT.match(line)
        if fault is not None:
            self._end()
            self.type, self.message = "Fatal Python error", [fault["message"]]
            self.newest_first = True
            return
        frame = (_BOX_FRAME.match(text) if boxed else None) or _FRAME.match(line)
        if frame is not None:
            self._frame(frame)
        elif text.startswith(("Thread 0x", "Current thread 0x")):
            # A dump lists all threads; the frames of the faulting one are those that count.
            if not self.faulting_seen:
                self.frames = []
            self.other_thread = self.faulting_seen
            self.faulting_seen |= text.startswith("Current")
        elif not self.open:
            self._more(text)
        elif not line[:1].isspace() and text and not boxed:
            self._exception(text)
        elif self.source_due and text and not _CARETS.match(line):
            self.frames[-1] = self.frames[-1]._replace(source=text)
            self.source_due = False

    def _frame(self, found: re.Match[str]) -> None:
        if self.other_thread:
            return
        if self.message is not None and not self.newest_first:
            self._end()
        self.open = not self.newest_first
        groups = found.groupdict()
        file = groups["file"]
        self.frames.append(
            Frame(file, int(groups["line"][:9]), (groups["function"] or "").strip(), "", _is_in_app(file))
        )
        self.source_due = True

    def _exception(self, text: str) -> None:
        found = _EXCEPTION.match(text)
        if found is not None and found["message"] is None and not _CLASS.search(found["type"]):
            return  # the rest of a line that a console wrapped
        self.open = False
        if found is None:
            self.type, self.message = "", [text]
        else:
            self.type, self.message = found["type"], [found["message"] or ""]

    def _more(self, text: str) -> None:
        if self.message is None or self.newest_first:
            return
        if text.startswith(("Message: ", "Arguments: ")) or len(self.message) >= 50:
            return
        self.message.append(text)

    def _end(self) -> None:
        if self.frames or self.message is not None:
            frames = tuple(reversed(self.frames)) if self.newest_first else tuple(self.frames)
            block = Block(self.type, "\n".join(self.message or ()).strip(), frames, "")
            if self.type.endswith("ExceptionGroup"):
                self.groups.append((self.depth, block))
            else:
                self.blocks.append(block)
        self.frames, self.message, self.type = [], None, ""
        self.open = self.source_due = self.newest_first = False
        self.faulting_seen = self.other_thread = False

    def _link(self, kind: str) -> None:
        if self.blocks:
            self.blocks[-1] = self.blocks[-1]._replace(kind=kind)

    def close(self) -> tuple[Block, ...]:
        self._end()
        return (*self.blocks, *(block for _, block in reversed(self.groups)))


def _is_in_app(file: str) -> bool:
    return bool(file) and not file.startswith("<") and not _FOREIGN.search(file) and not _SCRIPTS.search(file)

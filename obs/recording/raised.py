"""Exceptions, kept as a summary at the log call and printed later as Python prints them.

The summary holds code objects and positions, never frames, so it keeps no local variable of the bot alive.
The text comes later: reading source lines is I/O, and a frame's text is made once and kept. Standard library
only.
"""

from __future__ import annotations

import itertools
import traceback
from collections.abc import Iterator
from types import CodeType, TracebackType
from typing import Any, Final

from obs.recording.freezing import SAFE, is_harmless, name_of

__all__ = ["FrameTexts", "Raised", "cut_text", "summarise"]

_CAUSE: Final = "\nThe above exception was the direct cause of the following exception:\n\n"
_CONTEXT: Final = "\nDuring handling of the above exception, another exception occurred:\n\n"
_HEAD: Final = "Traceback (most recent call last):\n"
_SAME_FRAME_LIMIT: Final = 3  # as `traceback` does
_MAX_LINKS: Final = 200
_MAX_FRAMES: Final = 5_000
_KEPT_FRAMES: Final = 400
_MAX_GROUP: Final = 15

_FIELDS: Final = {
    name: BaseException.__dict__[name].__get__
    for name in ("__cause__", "__context__", "__suppress_context__", "__traceback__", "args")
}
_GROUP_MEMBERS: Final = BaseExceptionGroup.__dict__["exceptions"].__get__

Position = tuple[CodeType, int, int]
"""Code object, `tb_lasti`, line number."""


class Raised:
    """One exception of a chain: what is needed to print it, without its frames."""

    __slots__ = ("frames", "kind", "link", "members", "notes", "older", "pending", "special", "text")

    def __init__(self, kind: str) -> None:
        self.kind = kind
        self.text = ""
        self.pending: BaseException | None = None
        """The exception itself when only its own `__str__` knows its text: the renderer asks it."""
        self.special = ""
        self.notes: tuple[str, ...] = ()
        self.frames: list[Position] = []
        self.link = ""
        self.older: Raised | None = None
        self.members: list[Raised] = []


class _Margin:
    """How far exception groups are indented, as `traceback` does it."""

    __slots__ = ("depth", "is_open")

    def __init__(self) -> None:
        self.depth = 0
        self.is_open = False

    @property
    def indent(self) -> str:
        return "  " * self.depth

    def emit(self, text: str, edge: str = "|") -> Iterator[str]:
        if not self.depth:
            yield text
            return
        for line in text.splitlines(keepends=True):
            yield f"{self.indent}{edge} {line}"
            edge = "|"


class FrameTexts:
    """The printed lines of frames, made once: one 3,340-line traceback is mostly the same frames again."""

    def __init__(self, limit: int = 4_096) -> None:
        self._limit = limit
        self._texts: dict[tuple[CodeType, int], str] = {}

    def known(self, raised: Raised) -> bool:
        """Whether the chain can be printed without reading a file or asking an exception for its text."""
        return all(
            one.pending is None and all((code, lasti) in self._texts for code, lasti, _ in one.frames)
            for one in _chain(raised)
        )

    def print(self, raised: Raised, *, may_read: bool) -> str:
        """Return the traceback as Python prints it, chained causes first, notes and groups included.

        Args:
            raised: The newest exception of the chain.
            may_read: Whether source lines may be read from disk; else frames not seen before stand without.
        """
        return "".join(self._lines(raised, may_read, _Margin())).rstrip("\n")

    def _lines(self, raised: Raised, may_read: bool, margin: _Margin) -> Iterator[str]:
        chain = [raised]
        while chain[-1].older is not None:
            chain.append(chain[-1].older)
        for place in range(len(chain) - 1, -1, -1):
            one = chain[place]
            if one.members:
                yield from self._group(one, may_read, margin)
            else:
                yield from margin.emit("".join(self._single(one, _HEAD, may_read)))
            if place:
                yield from margin.emit(chain[place - 1].link)

    def _single(self, one: Raised, head: str, may_read: bool) -> Iterator[str]:
        if one.frames:
            yield head
            yield from self._frames(one.frames, may_read)
        if one.special:
            yield one.special
        else:
            yield f"{one.kind}: {one.text}\n" if one.text else f"{one.kind}\n"
        for note in one.notes:
            yield f"{note}\n"

    def _group(self, one: Raised, may_read: bool, margin: _Margin) -> Iterator[str]:
        is_outermost = margin.depth == 0
        margin.depth += is_outermost
        own = "".join(self._single(one, "Exception Group " + _HEAD, may_read))
        yield from margin.emit(own, "+" if is_outermost and one.frames else "|")
        margin.is_open = False
        for number, member in enumerate(one.members, 1):
            is_last = number == len(one.members)
            margin.is_open = margin.is_open or is_last
            corner = "+-" if number == 1 else "  "
            yield f"{margin.indent}{corner}+---------------- {number} ----------------\n"
            margin.depth += 1
            yield from self._lines(member, may_read, margin)
            if is_last and margin.is_open:
                yield f"{margin.indent}+------------------------------------\n"
                margin.is_open = False
            margin.depth -= 1
        margin.depth -= is_outermost

    def _frames(self, frames: list[Position], may_read: bool) -> Iterator[str]:
        last: tuple[str, int, str] | None = None
        same = 0
        for code, lasti, line in frames:
            spot = (code.co_filename, line, code.co_name)
            if spot != last:
                yield _repeated(same)
                last, same = spot, 0
            same += 1
            if same <= _SAME_FRAME_LIMIT:
                yield self._frame(code, lasti, line, may_read)
        yield _repeated(same)

    def _frame(self, code: CodeType, lasti: int, line: int, may_read: bool) -> str:
        text = self._texts.get((code, lasti))
        if text is not None:
            return text
        if not may_read:
            return f'  File "{code.co_filename}", line {line}, in {code.co_name}\n'
        if len(self._texts) >= self._limit:
            self._texts.clear()
        text = self._texts[code, lasti] = _frame_text(code, lasti, line)
        return text


def summarise(error: BaseException, trace: TracebackType | None = None) -> Raised:
    """Return the exception and all that it is chained to, without any frame.

    No code of the exception's class runs: attributes are read through `BaseException` itself.

    Args:
        error: The exception.
        trace: Its traceback when it is not the exception's own, as in a log record's `exc_info`.
    """
    return _chained(error, trace, [_MAX_FRAMES], set(), 0)


def cut_text(text: str, limit: int) -> str:
    """Return the text, or its head and tail of whole lines with a line between that says what is missing."""
    if len(text) <= limit:
        return text
    half = limit // 2
    head, tail = text[:half], text[-half:]
    head = head[: head.rfind("\n") + 1] or head
    tail = tail[tail.find("\n") + 1 :] or tail
    missing = text.count("\n") - head.count("\n") - tail.count("\n")
    return f"{head}  [{missing} lines left out]\n{tail}"


def _field(error: BaseException, name: str) -> Any:
    """Read a field of an exception past any property that its class may have put in front."""
    return _FIELDS[name](error)


def _chained(
    error: BaseException, trace: TracebackType | None, left: list[int], seen: set[int], depth: int
) -> Raised:
    newest = current = _one(error, trace, left, seen, depth)
    for _ in range(_MAX_LINKS):
        cause, context = _field(error, "__cause__"), _field(error, "__context__")
        older = cause if cause is not None else None if _field(error, "__suppress_context__") else context
        if older is None or id(older) in seen:
            break
        current.link = _CAUSE if cause is not None else _CONTEXT
        current.older = _one(older, None, left, seen, depth)
        current, error = current.older, older
    return newest


def _one(
    error: BaseException, trace: TracebackType | None, left: list[int], seen: set[int], depth: int
) -> Raised:
    seen.add(id(error))
    kind = type(error)
    one = Raised(name_of(kind))
    if trace is None:
        trace = _field(error, "__traceback__")
    one.frames = _positions(trace, left)
    one.notes = _notes(error)
    if kind in (SyntaxError, IndentationError, TabError):
        one.text = SyntaxError.__str__(error)
        one.special = _syntax_error(error)
    elif _has_plain_text(error):
        one.text = kind.__str__(error)
    else:
        one.pending = error
        one.text = _plain_arguments(error)
    if issubclass(kind, BaseExceptionGroup) and depth < 8:
        members = _GROUP_MEMBERS(error)
        one.members = [_chained(member, None, left, seen, depth + 1) for member in members[:_MAX_GROUP]]
    return one


def _has_plain_text(error: BaseException) -> bool:
    """Whether `str(error)` runs C code only: its `__str__` is a C slot and its arguments have plain text."""
    for base in type.__dict__["__mro__"].__get__(type(error)):
        if "__str__" in base.__dict__:
            if type(base.__dict__["__str__"]) is not type(BaseException.__str__):
                return False
            if base is BaseExceptionGroup:
                return True  # its message and how many it holds
            break
    arguments = _field(error, "args")
    if len(arguments) > 20:
        return False
    return all(type(item) in SAFE or is_harmless(item) for item in arguments)


def _plain_arguments(error: BaseException) -> str:
    arguments = _field(error, "args")
    return ", ".join(
        str(item) if type(item) in SAFE else f"<{name_of(type(item))}>" for item in arguments[:20]
    )


def _notes(error: BaseException) -> tuple[str, ...]:
    notes = object.__getattribute__(error, "__dict__").get("__notes__")
    if type(notes) is not list:
        return ()
    return tuple([note[:2_000] for note in notes[:20] if type(note) is str])


def _positions(trace: TracebackType | None, left: list[int]) -> list[Position]:
    frames: list[Position] = []
    while trace is not None and left[0] > 0:
        frames.append((trace.tb_frame.f_code, trace.tb_lasti, trace.tb_lineno))
        left[0] -= 1
        trace = trace.tb_next
    if len(frames) > _KEPT_FRAMES and len(set(frames)) > _KEPT_FRAMES:
        return frames[: _KEPT_FRAMES // 2] + frames[-_KEPT_FRAMES // 2 :]
    return frames


def _chain(raised: Raised) -> Iterator[Raised]:
    waiting: list[Raised | None] = [raised]
    while waiting:
        one = waiting.pop()
        if one is not None:
            yield one
            waiting.append(one.older)
            waiting.extend(one.members)


def _syntax_error(error: Any) -> str:
    return "".join(traceback.TracebackException(type(error), error, None).format_exception_only())


def _repeated(same: int) -> str:
    more = same - _SAME_FRAME_LIMIT
    if more <= 0:
        return ""
    return f"  [Previous line repeated {more} more time{'s' if more > 1 else ''}]\n"


def _frame_text(code: CodeType, lasti: int, line: int) -> str:
    start, end, column, end_column = line, None, None, None
    if lasti >= 0:
        position = next(itertools.islice(code.co_positions(), lasti // 2, None), None)
        if position is not None:
            start, end, column, end_column = position[0] or line, *position[1:]
    frame = traceback.FrameSummary(
        code.co_filename,
        start,
        code.co_name,
        lookup_line=True,
        end_lineno=end,
        colno=column,
        end_colno=end_column,
    )
    return traceback.StackSummary().format_frame_summary(frame)

"""A copy of what a Python program prints, taken inside it: its own stdout and stderr stay as they are.

Only the `write` of the existing stream objects is wrapped, so `sys.stdout` keeps its type, its descriptor and
its terminal. The program's own write comes first and its errors are its own; the copy is bounded, takes no
lock and never raises. Not seen: text that C code or a program that is not Python writes to descriptor 1 or 2.
"""

from __future__ import annotations

import sys
from _thread import _local

TYPE_CHECKING = False
if TYPE_CHECKING:  # `typing` and its like cost a program that never logs several milliseconds
    from collections.abc import Callable
    from types import CodeType, FrameType
    from typing import Any, TextIO

    from obs.running.textlines import PrintedRecord

    Emit = Callable[[str, PrintedRecord], None]
    """Takes the stream's name and what was printed; may raise, nobody hears it."""

__all__ = ["copy_stream", "finish_streams", "own_output"]

_MAX_FRAMES = 100


class _Thread(_local):
    """What one thread is in the middle of."""

    silent: int = 0
    """Above 0 while text is written that reaches us by another way, or by our own doing."""
    printed: object = None
    """The `TracebackException` that is being printed and was already taken whole."""


_thread = _Thread()
_copies: list[_Copy] = []
_known: dict[CodeType, str] = {}
_known_from: dict[str, int] = {}


class own_output:  # noqa: N801 - reads as a word in `with own_output():`
    """Text written by this thread inside the block is not copied: it comes to us by another way."""

    def __enter__(self) -> None:
        _thread.silent += 1

    def __exit__(self, *_: object) -> None:
        _thread.silent -= 1


def copy_stream(stream: TextIO, name: str, emit: Emit) -> bool:
    """Copy from now on what is written to a stream, once; whether that is possible."""
    if any(copy.stream is stream for copy in _copies):
        return True
    copy = _Copy(stream, name, emit)
    try:
        copy.install()
    except (AttributeError, TypeError):
        return False
    _copies.append(copy)
    return True


def finish_streams() -> None:
    """Hand over the lines that have no end yet; for the end of the program."""
    for copy in _copies:
        copy.finish()


class _Copy:
    def __init__(self, stream: TextIO, name: str, emit: Emit) -> None:
        self.stream = stream
        self._name = name
        self._emit = emit
        self._lines = _local()

    def install(self) -> None:
        stream: Any = self.stream
        buffer = getattr(stream, "buffer", None)
        encoding = stream.encoding or "utf-8"
        write, flush = stream.write, stream.flush

        thread, take = _thread, self._take

        def copied_write(text: str, /) -> int:
            thread.silent += 1
            try:
                written: int = write(text)
            finally:
                thread.silent -= 1
            if not thread.silent:
                take(text)
            return written

        def silent_flush() -> None:
            thread.silent += 1
            try:
                flush()
            finally:
                thread.silent -= 1

        stream.write = copied_write
        if buffer is None:
            return
        # Programs also write bytes, or put another text layer over the same buffer (a usual fix for
        # encodings on Windows). What our own stream's text layer hands down was taken before.
        write_bytes = buffer.write

        def copied_write_bytes(data: Any, /) -> int:
            written: int = write_bytes(data)
            if not thread.silent:
                take(bytes(data).decode(encoding, "replace"))
            return written

        try:
            buffer.write = copied_write_bytes
            stream.flush = silent_flush
        except (AttributeError, TypeError):
            pass

    def finish(self) -> None:
        try:
            assembler = getattr(self._lines, "assembler", None)
            for record in assembler.finish() if assembler is not None else ():
                self._emit(self._name, record)
        except Exception:  # noqa: BLE001 - the observer may never hurt the bot
            return

    def _take(self, text: str) -> None:
        if not isinstance(text, str):
            return
        _thread.silent += 1
        try:
            self._copy(text)
        except Exception:  # noqa: BLE001, S110 - the observer may never hurt the bot
            pass
        finally:
            _thread.silent -= 1

    def _copy(self, text: str) -> None:
        assembler = self._lines.__dict__.get("assembler")
        if assembler is None:
            from obs.running.textlines import LineAssembler

            assembler = self._lines.assembler = LineAssembler()
        if "\n" not in text:
            # `print` writes in pieces; who wrote a line is asked once, when it ends.
            assembler.feed(text)
            return
        reason = _reason_to_skip(sys._getframe(3))
        if reason is None:
            for record in assembler.feed(text) + assembler.settle():
                self._emit(self._name, record)
            return
        assembler.drop_partial()
        if not isinstance(reason, bool):
            self._emit(self._name, reason)


def _reason_to_skip(frame: FrameType | None) -> PrintedRecord | bool | None:
    """Return True for text that a log record carries too, a record for a traceback's first piece, else None.

    A `StreamHandler` writes to stderr what came to us as a record; to know it the calling frames are read,
    because a mark set by every log call would cost every log call.
    """
    known = _landmarks()
    steps = 0
    while frame is not None and steps < _MAX_FRAMES:
        meaning = known.get(frame.f_code)
        if meaning == "traceback":
            return _whole_traceback(frame)
        if meaning == "failure":
            # "--- Logging error ---": often the only sign of a full disk, and no record says it.
            return None
        if meaning == "record":
            return True
        frame, steps = frame.f_back, steps + 1
    return None


def _landmarks() -> dict[CodeType, str]:
    """Return the functions that tell, when found among the callers, what a text is."""
    loaded = [name for name in ("logging", "traceback") if name in sys.modules]
    if len(loaded) == _known_from.get("modules", 0):
        return _known
    for name, owner, function, meaning in (
        ("logging", "Handler", "handle", "record"),
        ("logging", "Logger", "handle", "record"),
        ("logging", "Handler", "handleError", "failure"),
        ("traceback", "TracebackException", "print", "traceback"),
    ):
        code = getattr(getattr(getattr(sys.modules.get(name), owner, None), function, None), "__code__", None)
        if code is not None:
            _known[code] = meaning
    # A module that is still being imported has not all of them yet.
    _known_from["modules"] = len(loaded) if len(_known) in (0, 1, 3, 4) else 0
    return _known


def _whole_traceback(frame: FrameType) -> PrintedRecord | bool:
    """Return the traceback that is being printed piece by piece: whole at its first piece, then True."""
    printed = frame.f_locals.get("self")
    if printed is None or printed is _thread.printed:
        return True
    _thread.printed = printed
    from obs.running.textlines import printed_traceback

    chain = bool(frame.f_locals.get("chain", True))
    return printed_traceback("".join(printed.format(chain=chain)))

"""A progress bar on a terminal; where nobody watches, nothing is written."""

from __future__ import annotations

import sys
import time
from types import TracebackType
from typing import Self, TextIO

__all__ = ["Progress"]

_WIDTH = 28


class Progress:
    """How far a long task is, in one line that is written over, and gone when it ends."""

    def __init__(self, what: str, total: int, stream: TextIO | None = None) -> None:
        """Count to `total`; lines go to standard error unless a stream is given."""
        self._what = what
        self._total = max(total, 1)
        self._stream = stream or sys.stderr
        self._is_watched = self._stream.isatty()
        self._began = time.monotonic()
        self._first: int | None = None

    def __enter__(self) -> Self:
        self.at(0)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._is_watched:
            self._stream.write("\r\x1b[K")
            self._stream.flush()

    def at(self, done: int, note: str = "") -> None:
        """Show that so many are done.

        Args:
            done: Of the total.
            note: What is worth seeing meanwhile.
        """
        if done and self._first is None:
            # What an earlier run had done already says nothing of the pace of this one.
            self._first = done - 1
        if not self._is_watched:
            return
        filled = round(_WIDTH * min(done / self._total, 1))
        bar = "█" * filled + "░" * (_WIDTH - filled)
        left = self._left(done)
        self._stream.write(
            f"\r\x1b[K{self._what} {bar} {done}/{self._total}{left}{f'  {note}' if note else ''}"
        )
        self._stream.flush()

    def _left(self, done: int) -> str:
        news = done - (self._first or 0)
        if self._first is None or news < 1 or done >= self._total:
            return ""
        seconds = (time.monotonic() - self._began) / news * (self._total - done)
        return f"  {seconds / 60:.0f} min left" if seconds >= 90 else f"  {seconds:.0f} s left"

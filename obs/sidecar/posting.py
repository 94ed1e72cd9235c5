"""Work that other threads hand to the one that runs the sidecar: done between two of its steps, in order."""

from __future__ import annotations

import contextlib
import queue
import threading
from collections.abc import Callable

__all__ = ["Posted"]


class Posted:
    """What was handed over and is not yet done."""

    def __init__(self) -> None:
        self._work: queue.SimpleQueue[Callable[[], None]] = queue.SimpleQueue()
        self._called = threading.Event()
        """Set when something was posted: whoever asks need not wait out a pause."""

    def put(self, work: Callable[[], None]) -> None:
        """Have something done; from any thread."""
        self._work.put(work)
        self._called.set()

    def do(self) -> None:
        """Do all that was handed over."""
        self._called.clear()
        with contextlib.suppress(queue.Empty):
            while True:
                self._work.get_nowait()()

    def wait(self, seconds: float) -> None:
        """Pause, at most until something is handed over."""
        self._called.wait(seconds)

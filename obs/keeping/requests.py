"""The open requests of `wait_processed`: each is answered once its share of the spool is stored and shown."""

from __future__ import annotations

import contextlib
import math
import time
from collections.abc import Callable, Sequence
from pathlib import Path

from obs.spool_reader import SpoolBatch

__all__ = ["Requests"]


class Requests:
    """Files that others made and wait for; one is answered by deleting it."""

    def __init__(self) -> None:
        self._asked: dict[Path, tuple[int, float]] = {}
        """By request: bytes of its share that are not read yet, and when it was seen."""

    def answer(
        self, asked: Sequence[Path], batch: SpoolBatch, pending: int, finish: Callable[[], bool]
    ) -> None:
        """Delete the requests whose share of the spool, as it stood when they came, is stored and shown.

        Args:
            asked: The requests that were open before the batch was polled.
            batch: What was polled.
            pending: Bytes that wait after it.
            finish: Stores and shows what was taken; tells whether it could.
        """
        read = sum(len(line.raw) for line in batch.lines)
        for request, (left, since) in self._asked.items():
            self._asked[request] = (left - read, since)
        now = time.monotonic()
        for request in asked:
            self._asked.setdefault(request, (pending, now))
        held_since = batch.held_since if batch.held_since is not None else math.inf
        done = [
            request
            for request, (left, since) in self._asked.items()
            if (left <= 0 and held_since > since) or not pending
        ]
        if done and finish():
            for request in done:
                del self._asked[request]
                with contextlib.suppress(OSError):
                    request.unlink(missing_ok=True)

"""The run's time: a clock that may run faster than the wall's, and what is due on it.

Knows nothing of bots. With `speed` 0 a run takes no longer than its work; log records then carry the
clock's time, so a compressed run reads like the 45 minutes it tells of.
"""

from __future__ import annotations

import heapq
import itertools
import logging
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

__all__ = ["SECOND_NS", "Clock", "stamped_records", "start_of"]

SECOND_NS = 1_000_000_000
MINUTE_NS = 60 * SECOND_NS


def start_of(now_ns: int, duration_s: float, speed: float) -> int:
    """Return when a run must begin on its own clock to end at the wall's time.

    Whole minutes, because candles are. At speed 1 that is `now_ns`; at speed 0 a whole duration before.
    """
    ahead = duration_s * (1 - 1 / speed) if speed > 0 else duration_s
    return (now_ns - round(max(ahead, 0.0) * SECOND_NS)) // MINUTE_NS * MINUTE_NS


class Clock:
    """A clock with a list of what is due. One thread, no locks."""

    def __init__(self, start_ns: int, *, speed: float = 0.0) -> None:
        """Make a clock that stands at `start_ns`.

        Args:
            start_ns: Unix time in nanoseconds.
            speed: Seconds of this clock for each second of the wall's; 0 means as fast as possible.
        """
        self.start_ns = start_ns
        self.now_ns = start_ns
        self._speed = speed
        self._wall_start = time.monotonic()
        self._due: list[tuple[int, int, Callable[[], None]]] = []
        self._order = itertools.count()

    @property
    def elapsed(self) -> float:
        """Seconds since the run began."""
        return (self.now_ns - self.start_ns) / SECOND_NS

    def at(self, elapsed: float, action: Callable[[], None]) -> None:
        """Do `action` when `elapsed` seconds of the run have passed."""
        due = self.start_ns + round(elapsed * SECOND_NS)
        heapq.heappush(self._due, (due, next(self._order), action))

    def after(self, seconds: float, action: Callable[[], None]) -> None:
        """Do `action` that many seconds from now."""
        self.at(self.elapsed + seconds, action)

    def every(self, seconds: float, action: Callable[[], None], *, first: float) -> None:
        """Do `action` when `first` seconds have passed, and again at this interval."""

        def again() -> None:
            nonlocal first
            first += seconds
            self.at(first, again)
            action()

        self.at(first, again)

    def wait(self, seconds: float) -> None:
        """Let time pass inside an action, as a blocking call would."""
        self._move_to(self.now_ns + round(seconds * SECOND_NS))

    def run_until(self, elapsed: float) -> None:
        """Do everything that is due before `elapsed` seconds have passed, and stop there."""
        end = self.start_ns + round(elapsed * SECOND_NS)
        while self._due and self._due[0][0] < end:
            due, _, action = heapq.heappop(self._due)
            self._move_to(max(due, self.now_ns))
            action()
        self._move_to(max(end, self.now_ns))

    def _move_to(self, when_ns: int) -> None:
        if self._speed > 0:
            target = self._wall_start + (when_ns - self.start_ns) / SECOND_NS / self._speed
            time.sleep(max(0.0, target - time.monotonic()))
        # Only now: whoever interrupts the sleep must not find a clock that is ahead.
        self.now_ns = when_ns


@contextmanager
def stamped_records(clock: Clock) -> Iterator[None]:
    """Let every log record made inside carry the clock's time instead of the wall's."""
    before = logging.getLogRecordFactory()

    def stamped(*args: Any, **kwargs: Any) -> logging.LogRecord:
        record = before(*args, **kwargs)
        record.created = clock.now_ns / SECOND_NS
        record.msecs = clock.now_ns // 1_000_000 % 1000
        return record

    logging.setLogRecordFactory(stamped)
    try:
        yield
    finally:
        logging.setLogRecordFactory(before)

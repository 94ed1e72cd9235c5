"""Watch our own memory: how much, how fast it grows, and what to do above the ceiling.

The sidecar may never become the reason why a machine runs out of memory; so it knows its own size, says so,
and collects garbage when it is too large. Beside it only `vitals` asks psutil.
"""

from __future__ import annotations

import gc
import time
from collections import deque
from collections.abc import Callable

import msgspec
import psutil

__all__ = ["CEILING_BYTES", "MemoryOptimizer", "MemorySample", "MemoryWatch", "resident_bytes"]

CEILING_BYTES = 256 * 2**20
"""Twice what a whole sidecar should need."""
HOUR_SECONDS = 3_600.0


class MemorySample(msgspec.Struct, frozen=True):
    """One look at our own size."""

    resident_bytes: int
    ceiling_bytes: int
    growth_bytes_per_hour: float | None
    """Slope over the window; None while the window is too short to tell."""

    @property
    def is_over(self) -> bool:
        """Whether we are larger than we should be."""
        return self.resident_bytes > self.ceiling_bytes


def resident_bytes() -> int:
    """Return the resident size of this process in bytes."""
    return int(psutil.Process().memory_info().rss)


class MemoryWatch:
    """Remembers the latest samples and fits a line through them."""

    def __init__(
        self,
        ceiling_bytes: int = CEILING_BYTES,
        *,
        window: int = 120,
        least_seconds: float = 60.0,
        measure: Callable[[], int] = resident_bytes,
        timer: Callable[[], float] = time.monotonic,
    ) -> None:
        """Start without samples.

        Args:
            ceiling_bytes: What we should stay under.
            window: Samples kept.
            least_seconds: Span of samples below which no slope is given.
            measure: Gives the size now, in bytes.
            timer: A clock in seconds that never goes back.
        """
        self._ceiling = ceiling_bytes
        self._samples: deque[tuple[float, int]] = deque(maxlen=window)
        self._least_seconds = least_seconds
        self._measure = measure
        self._timer = timer

    def sample(self) -> MemorySample:
        """Measure once more, and return what is known."""
        size = self._measure()
        self._samples.append((self._timer(), size))
        return MemorySample(size, self._ceiling, self._slope())

    def _slope(self) -> float | None:
        """Return the least-squares slope in bytes an hour."""
        span = self._samples[-1][0] - self._samples[0][0]
        if len(self._samples) < 3 or span < self._least_seconds:
            return None
        times = [moment for moment, _ in self._samples]
        sizes = [size for _, size in self._samples]
        mean_time, mean_size = sum(times) / len(times), sum(sizes) / len(sizes)
        spread = sum((moment - mean_time) ** 2 for moment in times)
        shared = sum((m - mean_time) * (s - mean_size) for m, s in zip(times, sizes, strict=True))
        return shared / spread * HOUR_SECONDS


class MemoryOptimizer:
    """Collects garbage when we are over the ceiling, seldom enough not to live for it."""

    def __init__(
        self,
        watch: MemoryWatch | None = None,
        *,
        pause_seconds: float = 30.0,
        timer: Callable[[], float] = time.monotonic,
    ) -> None:
        """Make one over a watch.

        Args:
            watch: Where the size comes from; `None` watches this process under the usual ceiling.
            pause_seconds: Least time between two collections: a process that needs its memory would
                otherwise do nothing but collect.
            timer: A clock in seconds that never goes back.
        """
        self._watch = watch if watch is not None else MemoryWatch()
        self._pause = pause_seconds
        self._timer = timer
        self._earliest = timer()
        self.collections = 0
        """How often garbage was collected for size."""
        self.freed_bytes = 0
        """By how much the size fell right after, summed."""

    def optimize(self) -> MemorySample:
        """Measure; when over the ceiling and the pause is over, collect and measure again."""
        before = self._watch.sample()
        now = self._timer()
        if not before.is_over or now < self._earliest:
            return before
        self._earliest = now + self._pause
        gc.collect()
        after = self._watch.sample()
        self.collections += 1
        self.freed_bytes += max(0, before.resident_bytes - after.resident_bytes)
        return after

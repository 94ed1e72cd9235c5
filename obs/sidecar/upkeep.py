"""What a sidecar does for itself now and then: history within bounds, its own size, vital signs of bots."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any

from obs.history.retention import Keeper
from obs.keeping.memory import MemoryOptimizer
from obs.keeping.vitals import vitals
from obs.state import State

__all__ = ["Upkeep"]

MEMORY_SECONDS = 5.0
VITALS_SECONDS = 15.0


class Upkeep:
    """Called between two steps; each of its works knows when it is due."""

    def __init__(self, keeper: Keeper, directory: Path, clock: Callable[[], int]) -> None:
        """Make one that measures at once.

        Args:
            keeper: Keeps the history within its bounds.
            directory: The `OBS_DIR`, whose disk is measured.
            clock: Unix ns now.
        """
        self.keeper = keeper
        self.vitals_at = 0.0
        """When bots and disk are measured next, by the clock that never goes back."""
        self._directory, self._clock = directory, clock
        self._memory, self._memory_at = MemoryOptimizer(), 0.0

    def tick(self, state: State, writers: Iterable[Mapping[str, Any]]) -> bool:
        """Do what is due.

        Args:
            state: Where vital signs are written down.
            writers: The bots, as the spool knows them.

        Returns:
            Whether anything was written down.
        """
        self.keeper.tick()
        now = time.monotonic()
        if now >= self._memory_at:
            self._memory_at = now + MEMORY_SECONDS
            self._memory.optimize()
        if now < self.vitals_at:
            return False
        self.vitals_at = now + VITALS_SECONDS
        found = vitals(writers, self._directory)
        for vital in found:
            state.gauges.sample(vital.service, vital.measure, self._clock(), vital.value, vital.limit)
        return bool(found)

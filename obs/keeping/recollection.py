"""Remembers which ids were seen, in little memory: eight bytes an id, two generations of them."""

from __future__ import annotations

from array import array
from collections.abc import Iterable

__all__ = ["Recollection"]

SLOTS = 1 << 19
"""Of one generation: 4 MiB."""
_GOLDEN = 0x9E3779B97F4A7C15


class Recollection:
    """A set of 64-bit numbers that forgets the oldest: at least the newest `SLOTS` / 2 are known."""

    def __init__(self, slots: int = SLOTS) -> None:
        """Make an empty one.

        Args:
            slots: Of one generation, a power of two; half of them are used.
        """
        self._slots = slots
        self._new = array("Q")
        self._old = array("Q")
        self._count = 0

    def __contains__(self, number: int) -> bool:
        return any(table and self._place(table, number) < 0 for table in (self._new, self._old))

    def add(self, number: int) -> None:
        """Remember a number (0 is remembered as 1: it stands for an empty slot)."""
        if not self._new or self._count >= self._slots // 2:
            self._old, self._new = self._new, array("Q", bytes(8 * self._slots))
            self._count = 0
        place = self._place(self._new, number)
        if place >= 0:
            self._new[place] = number or 1
            self._count += 1

    def update(self, numbers: Iterable[int]) -> None:
        """Remember several."""
        for number in numbers:
            self.add(number)

    def _place(self, table: array[int], number: int) -> int:
        """Return the free slot where the number would stand, or -1 when it is there."""
        number = number or 1
        # Ids come from outside: multiplied, so that chosen ones cannot easily share a slot's neighbours.
        place = (number * _GOLDEN >> 20) & (self._slots - 1)
        while table[place]:
            if table[place] == number:
                return -1
            place = (place + 1) & (self._slots - 1)
        return place

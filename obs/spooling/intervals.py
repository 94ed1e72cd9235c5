"""Which record numbers of one writer have been seen: exact, in any order, in little room.

Lines stand up to thousands of places behind their number, and some are written twice; so a number counts
once and a gap stays a gap until it is filled.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable, Sequence

__all__ = ["Intervals"]

MAX_INTERVALS = 50_000
"""Beyond this many gaps the oldest are closed: a line that came for one would be taken as a double."""


class Intervals:
    """A set of positive integers, kept as closed intervals."""

    def __init__(self, pairs: Iterable[Sequence[int]] = ()) -> None:
        self._starts: list[int] = []
        self._ends: list[int] = []
        for start, end in pairs:
            self._starts.append(start)
            self._ends.append(end)

    @property
    def highest(self) -> int:
        """The largest number seen; 0 when there is none."""
        return self._ends[-1] if self._ends else 0

    def pairs(self) -> list[list[int]]:
        """Return the intervals as JSON can hold them; the constructor takes them back."""
        return [[start, end] for start, end in zip(self._starts, self._ends, strict=True)]

    def __contains__(self, number: int) -> bool:
        place = bisect_right(self._starts, number)
        return place > 0 and number <= self._ends[place - 1]

    def add(self, number: int) -> bool:
        """Put a number in; False when it was there already."""
        starts, ends = self._starts, self._ends
        if ends and number == ends[-1] + 1:
            ends[-1] = number
            return True
        place = bisect_right(starts, number)
        if place and number <= ends[place - 1]:
            return False
        joins_left = place > 0 and ends[place - 1] == number - 1
        joins_right = place < len(starts) and starts[place] == number + 1
        if joins_left and joins_right:
            ends[place - 1] = ends.pop(place)
            del starts[place]
        elif joins_left:
            ends[place - 1] = number
        elif joins_right:
            starts[place] = number
        else:
            starts.insert(place, number)
            ends.insert(place, number)
            self._bound()
        return True

    def _bound(self) -> None:
        if len(self._starts) > MAX_INTERVALS:
            self._ends[0] = self._ends.pop(1)
            del self._starts[1]

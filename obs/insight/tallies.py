"""Series by name, bounded: the common form of what is counted per writer, per route or per release."""

from __future__ import annotations

import msgspec

from obs.series import Series

__all__ = ["Tallies", "joined", "parted"]

MAX_NAMES = 1_000
_BETWEEN = "\x1f"


class Tallies(msgspec.Struct):
    """Name -> when and how often it was seen; of too many names the smallest stay, the rest are counted."""

    series: dict[str, Series] = {}
    overflow: int = 0
    """Occurrences of names that found no room."""

    def add(self, name: str, time: int) -> None:
        """Count one occurrence at `time` (Unix ns)."""
        known = self.series.get(name)
        if known is None:
            known = self.series[name] = Series()
        known.add(time)
        self._bound()

    def merge(self, other: Tallies) -> None:
        """Add all of `other`'s occurrences."""
        self.overflow += other.overflow
        for name, series in other.series.items():
            self.series.setdefault(name, Series()).merge(series)
        self._bound()

    def _bound(self) -> None:
        while len(self.series) > MAX_NAMES:
            # The greatest name leaves: the same set stays whatever came first.
            self.overflow += self.series.pop(max(self.series)).count


def joined(*parts: object) -> str:
    """Return one name of several parts; `parted` gives them back as text."""
    return _BETWEEN.join(str(part).replace(_BETWEEN, " ")[:80] for part in parts)


def parted(name: str) -> tuple[str, ...]:
    """Return the parts of a name that `joined` made."""
    return tuple(name.split(_BETWEEN))

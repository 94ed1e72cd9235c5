"""The first few of each kind within a minute: what is kept as an example of records that only count."""

from __future__ import annotations

import msgspec

__all__ = ["FEW", "MINUTE_NS", "OPENING", "Minute"]

MINUTE_NS = 60_000_000_000
FEW = 2
"""Examples of one kind in one minute."""
MOST_KINDS = 50
"""Kinds of one place in one minute; what begins with a name has as many as it likes."""
OPENING = 12
"""Characters by which kinds are told apart: most messages differ in their first words."""
_DIGITS = dict.fromkeys(map(ord, "0123456789"))


class Minute(msgspec.Struct, gc=False):
    """What one place (a logger at one severity) has shown in its present minute."""

    minute: int = 0
    kinds: dict[str, int] = {}

    def turn(self, minute: int) -> None:
        """Begin anew when this is another minute (since 1970)."""
        if minute != self.minute:
            self.minute, self.kinds = minute, {}

    def is_example(self, text: str) -> bool:
        """Whether this text is one of the first of its kind; it counts as shown then."""
        # Numbers tell no kinds apart.
        opening = text[:OPENING].translate(_DIGITS)
        shown = self.kinds.get(opening)
        if shown is None:
            if len(self.kinds) >= MOST_KINDS:
                return False
            shown = 0
        elif shown >= FEW:
            return False
        self.kinds[opening] = shown + 1
        return True

"""The book: what was traded, called and credited. A part of `State` and a monoid like it."""

from __future__ import annotations

import msgspec

__all__ = ["MoneyBook"]


class MoneyBook(msgspec.Struct):
    """The money facts of all bots over 31 days."""

    def merge(self, other: MoneyBook) -> None:
        """Add all that `other` has seen; their events must be disjoint."""

"""Rows of the history as they wait for the next transaction."""

from __future__ import annotations

import msgspec

from obs.money.entries import Credit, LlmCall, TradeEntry

__all__ = ["Batch", "Exemplar", "RollupKey"]

RollupKey = tuple[int, str, str, int]
"""Minute since 1970, service, component, severity number."""


class Exemplar(msgspec.Struct, frozen=True, gc=False):
    """An event that is kept as an example of its kind; its text is masked and clean of NUL and surrogates."""

    uid: str
    short: str
    """The short id under which people look it up."""
    time: int
    """Unix ns."""
    severity: int
    service: str
    component: str
    logger: str
    event_name: str
    fingerprint: str
    """The issue it belongs to first; empty for none."""
    body: str
    words: str
    """What else is searched: exception and attribute values."""
    detail: str
    """JSON of what a person who opens it wants to see: attributes, exception, template, trace."""


class Batch(msgspec.Struct, kw_only=True):
    """What came between two tries to store; a number that is stored already is not written again.

    An answer that a server gave to a commit may be lost: then the same batch comes again.
    """

    number: int = 0
    seen: int = 0
    """When it was closed, Unix ns: age in the store counts from then, for recorded input too."""
    rollups: dict[RollupKey, int] = {}
    exemplars: list[Exemplar] = []
    trades: list[TradeEntry] = []
    calls: list[tuple[str, LlmCall]] = []
    """With the calendar day on which each was made."""
    credits: list[tuple[str, Credit]] = []

    @property
    def size(self) -> int:
        """How many rows there are."""
        return (
            len(self.rollups) + len(self.exemplars) + len(self.trades) + len(self.calls) + len(self.credits)
        )

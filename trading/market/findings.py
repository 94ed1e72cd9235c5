"""What was wrong with bars, and what was done about it; `telling` makes events of it."""

from __future__ import annotations

from collections.abc import Sequence, Sized
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Literal, NamedTuple

from trading.bars import SECOND_NS
from trading.market.source import Interval

__all__ = ["Action", "Fault", "Finding", "Subject", "counted", "shown"]

Fault = Literal[
    "empty",
    "login",
    "universe",
    "unreachable",
    "unreadable",
    "damaged",
    "not_a_number",
    "not_positive",
    "crossed",
    "volume",
    "duplicate",
    "unsorted",
    "wrong_zone",
    "off_session",
    "future",
    "unfinished",
    "missing",
    "stale",
    "halted",
    "flat",
    "spike",
    "split",
    "dividend",
    "jump",
    "rewritten",
    "unusable",
    "short",
]
"""What can be wrong; `docs/trading.md` has the rule for each."""

Action = Literal["dropped", "kept", "refused", "adjusted"]
"""What was done: rows left out; nothing; the whole symbol left out; rows mended."""


@dataclass(frozen=True, slots=True)
class Finding:
    """One rule that the bars of one symbol broke."""

    symbol: str
    interval: Interval
    fault: Fault
    action: Action
    count: int
    """How many bars it concerns."""
    time: int | None
    """Time of the first of them, Unix ns; `None` when no bar has a time."""
    until: int | None
    """Time of the last of them."""
    value: float | None
    """The figure that broke the rule: the price, the ratio, the share of missing bars."""
    text: str
    """One sentence for people: what it is, what was done, how to mend it."""

    def __str__(self) -> str:
        return f"{self.symbol}: {self.text}"


class Subject(NamedTuple):
    """Whose bars are looked at."""

    symbol: str
    interval: Interval

    def finding(
        self, fault: Fault, action: Action, times: Sequence[int], text: str, *, value: float | None = None
    ) -> Finding:
        """Return a finding about the bars at `times` (oldest first)."""
        first, last = (times[0], times[-1]) if times else (None, None)
        return Finding(self.symbol, self.interval, fault, action, len(times), first, last, value, text)

    def since(self, times: Sequence[int]) -> str:
        """Return when the first of some bars was, for people: `on 2024-01-02`, `first on 2024-01-02`."""
        return f"{'first ' if len(times) > 1 else ''}on {shown(times[0], self.interval)}"


def counted(things: Sized, noun: str) -> str:
    """Return how many there are, in words: `1 bar`, `3 bars`."""
    return f"{len(things)} {noun}{'' if len(things) == 1 else 's'}"


def shown(time: int, interval: Interval, *, seconds: bool = False) -> str:
    """Return a bar's time for people: the date of a daily bar, else the UTC minute, or the second."""
    moment = datetime.fromtimestamp(time // SECOND_NS, UTC)
    if interval == "1d":
        return moment.date().isoformat()
    return f"{moment:%Y-%m-%d %H:%M:%S} UTC" if seconds else f"{moment:%Y-%m-%d %H:%M} UTC"

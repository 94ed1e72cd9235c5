"""Keeps a metric within its bound: too many sets of labels become fewer, the rest counts under `other`.

The first names in order stay, so a name that has left never comes back and no counter goes backwards.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from functools import lru_cache
from typing import TypeVar

from obs.metrics.table import KEPT_LABELS
from obs.readings import OTHER

__all__ = ["Folded", "clean", "folded"]

T = TypeVar("T")
Labels = tuple[str, ...]


class Folded:
    """Which names found no room, by label, over all metrics of one scrape."""

    def __init__(self) -> None:
        self.names: dict[str, set[str]] = {}

    def add(self, labels: Labels, leaving: Iterable[Labels]) -> None:
        """Remember sets of labels that became `other`."""
        for label, values in zip(labels, zip(*leaving, strict=True), strict=False):
            if label not in KEPT_LABELS:
                self.names.setdefault(label, set()).update(values)


def folded(
    labels: Labels, rows: Mapping[Labels, T], most: int, plus: Callable[[T, T], T], left: Folded
) -> dict[Labels, T]:
    """Return at most `most` rows: the first in order, then those under `other`.

    Args:
        labels: Names of the labels.
        rows: Values of the labels -> number.
        most: Rows that may stay.
        plus: How two are joined.
        left: Is told who found no room.
    """
    if len(rows) <= most:
        return dict(rows)
    keeps = tuple(label in KEPT_LABELS for label in labels)
    if any(keeps):
        into = {values: _other(keeps, values) for values in rows}
    else:
        into = dict.fromkeys(rows, (OTHER,) * len(labels))
    named = sorted(values for values in rows if into[values] != values)
    room = _whole(named, max(0, most - len(set(into.values()))))
    kept = {values: rows[values] for values in named[:room]}
    made: dict[Labels, T] = {}
    for values, one in rows.items():
        if values not in kept:
            target = into[values]
            made[target] = plus(made[target], one) if target in made else one
    left.add(labels, named[room:])
    # Where the words of a label that keeps its value are too many too, those first in order stay.
    others = sorted(made)
    for values in others[most - room :]:
        left.names.setdefault(labels[-1], set()).add(values[-1])
    return kept | {values: made[values] for values in others[: most - room]}


@lru_cache(maxsize=8_192)
def clean(value: object) -> str:
    """Return a label's value that every reader takes: UTF-8, printed, of bounded length."""
    text = str(value)
    if text.isascii() and text.isprintable():
        return text[:80]
    # A lone surrogate is not printable either: what is left has UTF-8.
    return "".join(char if char.isprintable() else "\ufffd" for char in text[:80])


def _other(keeps: tuple[bool, ...], values: Labels) -> Labels:
    return tuple([value if keep else OTHER for keep, value in zip(keeps, values, strict=True)])


def _whole(named: list[Labels], room: int) -> int:
    """Return how many rows fit without parting those of one bot, unless it alone is too much."""
    if room >= len(named):
        return len(named)
    start = room
    while start and named[start - 1][0] == named[room][0]:
        start -= 1
    return start or room

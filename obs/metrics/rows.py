"""The rows of one scrape, by metric: values of labels -> number, joined as the table says."""

from __future__ import annotations

import operator
from collections.abc import Callable, Iterable, Mapping
from decimal import Decimal

from obs.metrics.folding import clean
from obs.metrics.table import TABLE
from obs.readings import Count, Histogram, Mark, label_values

__all__ = ["Number", "Rows", "joiner"]

Number = float | int | Decimal
_JOINERS: Mapping[str, Callable[[Number, Number], Number]] = {
    "sum": operator.add,
    "max": max,
    "min": min,
    "": max,
}


class Rows:
    """What was gathered for one scrape."""

    def __init__(self) -> None:
        self.numbers: dict[str, dict[tuple[str, ...], Number]] = {}
        self.marks: dict[str, dict[tuple[str, ...], Mark]] = {}
        self.histograms: dict[str, dict[tuple[str, ...], Histogram]] = {}

    def put(self, name: str, *labels: object, value: Number) -> None:
        """Enter a number; with one of the same labels it is joined as the table says."""
        rows = self.numbers.setdefault(name, {})
        key = tuple(map(clean, labels))
        rows[key] = _JOINERS[TABLE[name].how](rows[key], value) if key in rows else value

    def count(self, name: str, counts: Mapping[str, Count]) -> None:
        """Enter counts with the records that stand for them."""
        for key, count in counts.items():
            labels = label_values(key)
            self.put(name, *labels, value=count.value)
            if count.mark is not None:
                self.mark(name, *labels, mark=count.mark)

    def mark(self, name: str, *labels: object, mark: Mark) -> None:
        """Enter a record that stands for a number."""
        marks = self.marks.setdefault(name, {})
        key = tuple(map(clean, labels))
        marks[key] = max(marks.get(key, mark), mark)

    def add(self, name: str, sums: Mapping[str, Decimal]) -> None:
        """Enter sums."""
        for key, amount in sums.items():
            self.put(name, *label_values(key), value=amount)

    def spread(self, name: str, histograms: Mapping[str, Histogram]) -> None:
        """Enter histograms."""
        rows = self.histograms.setdefault(name, {})
        for key, one in histograms.items():
            labels = tuple(map(clean, label_values(key))) if TABLE[name].labels else ()
            if labels in rows:
                rows[labels].merge(one)
            else:
                rows[labels] = one.copy()

    def put_all(self, name: str, rows: Iterable[tuple[tuple[object, ...], Number]]) -> None:
        """Enter many numbers."""
        for labels, number in rows:
            self.put(name, *labels, value=number)


def joiner(name: str) -> Callable[[Number, Number], Number]:
    """Return how two numbers of one metric become one."""
    return _JOINERS[TABLE[name].how]

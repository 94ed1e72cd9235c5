"""Figures as cells: what is unknown, none, a gain or a loss looks the same in every report."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime

from trading import amounts
from trading.charts import Bar, bar_chart
from trading.reporting.facts import Figure
from trading.reporting.page import Cell, Column, Picture, Table, Tone
from trading.reporting.words import Language, day, term, word

__all__ = ["Wording", "column", "is_known", "moment", "table"]

NARROW = 380
"""Width of the drawing for a phone."""


@dataclass(frozen=True, slots=True)
class Wording:
    """How one report words its figures: its language and the currency of its amounts."""

    language: Language
    currency: str

    def __call__(self, key: str, **values: object) -> str:
        """Return a fixed text; see `words.word`."""
        return word(key, self.language, **values)

    def term(self, text: str) -> Cell:
        """Return one of the core's own words."""
        return Cell(term(text, self.language) or "-")

    def day(self, value: date | None) -> Cell:
        """Return a date with its weekday; without one `?`."""
        return Cell("?" if value is None else day(value, self.language))

    def amount(self, value: Figure) -> Cell:
        """Return money."""
        return _cell(value, amounts.amount(value, self.currency, self.language))

    def profit(self, value: Figure) -> Cell:
        """Return money gained or lost."""
        return _cell(value, amounts.signed_amount(value, self.currency, self.language), is_signed=True)

    def share(self, value: Figure, places: int = 1) -> Cell:
        """Return a share in percent."""
        return _cell(value, amounts.percent(value, places))

    def change(self, value: Figure, places: int = 2) -> Cell:
        """Return a return in percent."""
        return _cell(value, amounts.signed_percent(value, places), is_signed=True)

    def number(self, value: Figure, places: int = 2) -> Cell:
        """Return a bare figure."""
        return _cell(value, amounts.number(value, places))

    def quantity(self, value: float) -> Cell:
        """Return units of an asset."""
        return Cell(amounts.quantity(value))

    def count(self, value: int | None) -> Cell:
        """Return how many."""
        return Cell(amounts.count(value), "warn" if value is None else "")

    def reason(self, text: str) -> Cell:
        """Return why, in foreign words; the core's own are translated."""
        return Cell(term(text, self.language) if text.strip() else "-")

    def names(self, symbol: str, name: str) -> tuple[Cell, Cell]:
        """Return symbol and name."""
        return Cell(symbol), Cell(name or "-")

    def bars(
        self,
        name: str,
        title: str,
        rows: Iterable[tuple[str, Figure]],
        say: Callable[[Figure], Cell],
    ) -> Picture:
        """Return a bar chart of figures, each with its text."""
        bars = [
            Bar(label, float(value) if is_known(value) else math.nan, say(value).text)  # type: ignore[arg-type]
            for label, value in rows
        ]
        return Picture(
            name,
            self(title),
            bar_chart(bars, title=self(title), language=self.language),
            bar_chart(bars, title=self(title), language=self.language, width=NARROW),
        )


def is_known(value: Figure) -> bool:
    """Return whether a figure has a number."""
    return isinstance(value, float | int) and math.isfinite(value)


def moment(time: int) -> str:
    """Return a time as `2025-01-02 06:30`, in UTC."""
    return f"{datetime.fromtimestamp(time // 10**9, UTC):%Y-%m-%d %H:%M}"


def column(say: Wording, *keys: str) -> tuple[Column, ...]:
    """Return heads by their keys; one that ends in `#` is a number."""
    return tuple(Column(say(key.rstrip("#")), key.endswith("#")) for key in keys)


def table(say: Wording, heads: Sequence[str], rows: Iterable[Iterable[Cell]], empty: str) -> Table:
    """Return a table; see `column` for its heads."""
    return Table(column(say, *heads), tuple(tuple(row) for row in rows), say(empty))


def _cell(value: Figure, text: str, *, is_signed: bool = False) -> Cell:
    if not is_known(value):
        return Cell(text, "dim" if text == "-" else "warn")
    tone: Tone = ""
    if is_signed and text.strip("+-0.%, 원") and isinstance(value, float | int):
        tone = "gain" if value > 0 else "loss" if value < 0 else ""
    return Cell(text, tone)

"""Charts as SVG, without a script and without a library: equity with its drawdown, and bars.

A chart stands alone as a file or within a page. It follows the reader's light or dark, says in `title` and
`desc` what it shows, and tells its figures when the pointer rests on it.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from datetime import UTC, tzinfo
from typing import NamedTuple

from trading import drawing
from trading.curves import EquityDrawing, Language, Mark, empty
from trading.scales import Point

__all__ = ["Bar", "Mark", "bar_chart", "equity_chart"]


class Bar(NamedTuple):
    """One bar of a bar chart."""

    label: str
    """Foreign text is fine: it is escaped, and shortened where it is long."""
    value: float
    """Not a finite number: the row says `?` and has no bar."""
    text: str
    """The value as people read it."""


def equity_chart(
    equity: Sequence[Point],
    *,
    currency: str,
    marks: Sequence[Mark] = (),
    benchmark: Sequence[Point] = (),
    start: float | None = None,
    language: Language = "en",
    width: int = 920,
    zone: tzinfo = UTC,
) -> str:
    """Return equity over time, trades beneath it, and the fall from the highest value so far, as one SVG.

    Args:
        equity: (Unix ns, value), oldest first; a value that is no finite number is a gap.
        currency: Of the values.
        marks: Trades; those that would lie upon each other are drawn as one and counted.
        benchmark: Another line on the same scale.
        start: What the account began with, before the first value: falls count from it, a line shows it.
        language: Of the words.
        width: In pixels; a phone wants about 380, where fewer dates are written.
        zone: Of the dates.
    """
    known = [point for point in equity if math.isfinite(point[1])]
    if not known:
        return empty(width, language)
    return EquityDrawing(
        tuple(equity), currency, tuple(marks), tuple(benchmark), start, language, width, zone
    ).svg()


def bar_chart(bars: Sequence[Bar], *, title: str, language: Language = "en", width: int = 920) -> str:
    """Return horizontal bars around zero, each with its label and its value as text, as one SVG.

    Args:
        bars: Top to bottom.
        title: What is shown; also for screen readers.
        language: Of the words.
        width: In pixels.
    """
    if not bars:
        return empty(width, language)
    row, head = 26, 30
    room = min(max(drawing.text_width(bar.label) for bar in bars), width * 0.36 - 14)
    left = room + 14
    right = max(drawing.text_width(bar.text, bold=True) for bar in bars) + 18
    values = [bar.value for bar in bars if math.isfinite(bar.value)]
    low, high = min([0.0, *values]), max([0.0, *values])
    unit = (width - left - right) / ((high - low) or 1.0)
    zero = left - low * unit
    parts = [
        drawing.text(8.0, 18, title, "tc-strong"),
        drawing.line(zero, head - 2, zero, head + row * len(bars), "axis"),
    ]
    for index, bar in enumerate(bars):
        middle = head + row * index + row / 2
        parts.append(f"<g><title>{drawing.clean(bar.label)}: {drawing.clean(bar.text)}</title>")
        parts.append(drawing.text(left - 8, middle + 4, drawing.shortened(bar.label, room), anchor="end"))
        if math.isfinite(bar.value):
            length, side = abs(bar.value) * unit, "down" if bar.value < 0 else "up"
            start = zero - length if bar.value < 0 else zero
            parts.append(
                f'<rect class="tc-{side}" x="{start:.1f}" y="{middle - 7:.1f}" width="{length:.1f}" '
                'height="14" rx="2"/>'
            )
        parts.append(
            drawing.text(
                width - 8, middle + 4, drawing.minus(bar.text, dates=True), "tc-strong", anchor="end"
            )
            + "</g>"
        )
    says = "; ".join(f"{bar.label}: {bar.text}" for bar in bars)
    return drawing.svg(width, head + row * len(bars) + 8, title, says, "".join(parts))

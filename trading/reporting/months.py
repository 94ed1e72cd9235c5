"""The table of monthly returns: years down, months across, each cell on a ground of its colour."""

from __future__ import annotations

import math

from trading.reporting.facts import NONE, Curve
from trading.reporting.figures import monthly_returns, yearly_returns
from trading.reporting.page import Cell, Column, Table
from trading.reporting.wording import Wording

__all__ = ["months_table"]

_COLOUR_FROM, _COLOUR_TO = 0.02, 0.10
"""The largest month is coloured in full: one beyond these bounds as if it were at the bound."""


def months_table(equity: Curve, start: float, say: Wording) -> Table:
    """Return the returns of each month and year.

    Args:
        equity: At each close.
        start: What the account began with.
        say: The report's words.
    """
    months, years = monthly_returns(equity, start), yearly_returns(equity, start)
    largest = max((abs(value) for value in months.values() if math.isfinite(value)), default=0.0)
    full = min(max(largest, _COLOUR_FROM), _COLOUR_TO)
    rows = [
        (
            Cell(str(year)),
            *(_tinted(months.get((year, month)), say, full) for month in range(1, 13)),
            _tinted(years.get(year), say, 3 * full),
        )
        for year in range(min(years, default=0), max(years, default=-1) + 1)
    ]
    heads = (Column(say("year")), *(Column(f"{month:02}", True) for month in range(1, 13)))
    return Table((*heads, Column(say("whole_year"), True)), tuple(rows), say("no_sessions"))


def _tinted(value: float | None, say: Wording, full: float) -> Cell:
    """Return a return on a ground of its colour; a month without a bar has none."""
    if value is None:
        return say.change(NONE)
    cell = say.change(value, 1)
    if not math.isfinite(value) or not cell.tone:
        return cell
    return Cell(cell.text, cell.tone, max(min(abs(value) / full, 1.0), 0.08))

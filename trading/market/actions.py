"""Declared splits and cash dividends: what the universe names, and a file for many of them.

CSV with the columns `symbol`, `date` (first day at the new price, ex-day), `kind` (`split`, `dividend`) and
`value` (shares that one became; cash for one share).
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path

from trading.errors import TradingError
from trading.market.tables import TableError, read_table
from trading.market.universe import Instrument

__all__ = ["ActionsError", "Declared", "declared_for", "load_actions", "returns_line"]

COLUMNS = {
    "symbol": ("symbol", "종목코드"),
    "date": ("date", "ex_date", "exdate", "날짜", "배당락일"),
    "kind": ("kind", "type", "구분"),
    "value": ("value", "amount", "ratio", "금액", "비율"),
}


class ActionsError(TradingError):
    """A file of splits and dividends that cannot be used; the message names the line and the mend."""


@dataclass(frozen=True, slots=True)
class Declared:
    """What was declared for one symbol."""

    splits: Mapping[date, float] = field(default_factory=dict)
    """As in `Instrument.splits`."""
    dividends: Mapping[date, float] = field(default_factory=dict)
    """Ex-day → cash for one share."""


def declared_for(instrument: Instrument, actions: Mapping[str, Declared]) -> Declared:
    """Return what is declared for an instrument; the universe's own word goes before the file's."""
    listed = actions.get(instrument.symbol, Declared())
    return Declared({**listed.splits, **instrument.splits}, {**listed.dividends, **instrument.dividends})


def returns_line(counts: Mapping[str, int], *, is_total: bool) -> str:
    """Return in words what prices hold of dividends.

    Args:
        counts: Symbol → dividends that are declared for it.
        is_total: Whether they are reinvested.
    """
    told = ", ".join(f"{symbol} {count}" for symbol, count in counts.items() if count)
    if not is_total:
        return f"price return, dividends are not counted{f' (declared: {told})' if told else ''}"
    none = [symbol for symbol, count in counts.items() if not count]
    some = ", ".join(none[:6]) + (f", +{len(none) - 6}" if len(none) > 6 else "")
    lacking = f"; none declared for {some}" if none else ""
    return f"total return, declared dividends are reinvested ({told or 'none'}){lacking}"


def load_actions(path: Path) -> dict[str, Declared]:
    """Return what a file declares, by symbol.

    Raises:
        ActionsError: If it cannot be read, lacks a column, or a line means nothing.
    """
    try:
        table = read_table(path)
    except TableError as error:
        raise ActionsError(str(error)) from error
    except OSError as error:
        raise ActionsError(
            f"{path}: cannot be read ({error.strerror}). Name the file in [data] actions."
        ) from error
    heads = [head.strip().lower().replace(" ", "_") for head in table.header]
    at = {
        ours: next((heads.index(each) for each in known if each in heads), -1)
        for ours, known in COLUMNS.items()
    }
    if lacking := [name for name, place in at.items() if place < 0]:
        raise ActionsError(f"{path}: no column {lacking[0]}. Write the columns symbol, date, kind, value.")
    found: dict[str, tuple[dict[date, float], dict[date, float]]] = {}
    for line, row in table.rows:
        cells = {name: row[place].strip() if place < len(row) else "" for name, place in at.items()}
        splits, dividends = found.setdefault(cells["symbol"], ({}, {}))
        day, value = _read(cells, f"{path}: line {line}")
        into = splits if cells["kind"].lower() == "split" else dividends
        if day in into:
            raise ActionsError(
                f"{path}: line {line}: a second {cells['kind']} of {cells['symbol']} on {day}. Add them up."
            )
        into[day] = value
    return {symbol: Declared(*both) for symbol, both in found.items()}


def _read(cells: Mapping[str, str], place: str) -> tuple[date, float]:
    if not cells["symbol"]:
        raise ActionsError(f"{place}: no symbol. Write one, or remove the line.")
    if cells["kind"].lower() not in ("split", "dividend"):
        raise ActionsError(f"{place}: kind = {cells['kind']!r}. Write split or dividend.")
    try:
        day = date.fromisoformat(cells["date"])
    except ValueError:
        raise ActionsError(f"{place}: {cells['date']!r} is no day. Write it as 2020-02-07.") from None
    try:
        value = float(cells["value"].replace(",", ""))
    except ValueError:
        value = math.nan
    if not 0 < value < math.inf:
        raise ActionsError(f"{place}: value = {cells['value']!r}. Write a number above 0.")
    return day, value

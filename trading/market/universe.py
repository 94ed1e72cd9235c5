"""Which instruments are traded: a TOML or CSV file that a person writes.

TOML::

    name = "Korean ETFs"

    [[instrument]]
    symbol = "069500"
    name = "KODEX 200"
    lot = 1
    splits = { "2018-05-04" = 50 }

CSV: one line for each instrument, with the columns `symbol`, `name`, `lot`, `group`, `duties` (or 종목코드,
종목명, …).
"""

from __future__ import annotations

import math
import tomllib
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path
from typing import Any

from trading.errors import TradingError
from trading.market.tables import Table, TableError, read_table

__all__ = ["Instrument", "Universe", "UniverseError", "load_universe"]

COLUMNS: Mapping[str, tuple[str, ...]] = {
    "symbol": ("symbol", "ticker", "code", "종목코드", "코드", "단축코드", "티커", "심볼"),
    "name": ("name", "종목명", "이름", "한글종목명", "한글종목약명"),
    "lot": ("lot", "lotsize", "매매단위", "거래단위"),
    "duties": ("duties", "거래세", "세금"),
    "group": ("group", "sector", "class", "그룹", "업종", "분류"),
}
"""Our word for a column, and the headers that mean it (in lower case, without blanks and underscores)."""


class UniverseError(TradingError):
    """A universe that cannot be used; the message names the file, the line and the mend."""


@dataclass(frozen=True, slots=True)
class Instrument:
    """One thing that may be traded."""

    symbol: str
    """As the source writes it: `069500`, `SPY`, `BTC/KRW`."""
    name: str = ""
    """For people; the symbol where nobody gave one."""
    lot: float = 1.0
    """The least quantity and the step of quantities: 1 share, 0.0001 coins."""
    group: str = ""
    """A sector or class of assets, if somebody named one."""
    splits: Mapping[date, float] = field(default_factory=dict)
    """Known splits: first day at the new price → shares that one became (0.1: ten made one; 1: no split)."""
    dividends: Mapping[date, float] = field(default_factory=dict)
    """Declared cash dividends: ex-day → amount for one share, in the scale of the source's prices."""
    duties: str = ""
    """What sales of it pay to law and exchange: a schedule of `trading/duties.toml` or of an own table."""


@dataclass(frozen=True, slots=True)
class Universe:
    """What is traded, in the order of the file."""

    name: str
    instruments: tuple[Instrument, ...]

    @property
    def symbols(self) -> tuple[str, ...]:
        """The symbols, in the order of the file."""
        return tuple(instrument.symbol for instrument in self.instruments)

    def __getitem__(self, symbol: str) -> Instrument:
        """Return the instrument of a symbol; `KeyError` if it is not traded."""
        for instrument in self.instruments:
            if instrument.symbol == symbol:
                return instrument
        raise KeyError(symbol)

    def __iter__(self) -> Iterator[Instrument]:
        return iter(self.instruments)

    def __len__(self) -> int:
        return len(self.instruments)


def load_universe(path: Path) -> Universe:
    """Return the instruments of a TOML or CSV file.

    Raises:
        UniverseError: If the file is missing, cannot be read, holds no instrument, or one of them twice.
    """
    if not path.is_file():
        raise UniverseError(
            f'{path}: no such file. Write a universe (symbols = ["069500"]) or set [market] universe.'
        )
    if path.suffix.lower() == ".toml":
        name, rows = _toml(path)
    else:
        name, rows = path.stem, list(_csv(path))
    instruments = [_instrument(row, f"{path}: {place}") for place, row in rows]
    if not instruments:
        raise UniverseError(
            f"{path}: the universe is empty, nothing could be traded. Name at least one instrument."
        )
    seen: set[str] = set()
    for instrument in instruments:
        if instrument.symbol in seen:
            raise UniverseError(f"{path}: {instrument.symbol} stands there twice. Remove one of the two.")
        seen.add(instrument.symbol)
    return Universe(name, tuple(instruments))


def _toml(path: Path) -> tuple[str, list[tuple[str, dict[str, Any]]]]:
    try:
        tree = tomllib.loads(path.read_text(encoding="utf-8-sig"))
    except (OSError, ValueError, RecursionError) as error:
        raise UniverseError(f"{path}: no TOML ({error}). Mend that line.") from error
    if unknown := sorted(tree.keys() - {"name", "instrument", "symbols"}):
        raise UniverseError(f"{path}: unknown key {unknown[0]!r}. Known: name, symbols, [[instrument]].")
    listed = tree.get("instrument", [])
    symbols = tree.get("symbols", [])
    if not isinstance(listed, list) or not isinstance(symbols, list):
        raise UniverseError(f'{path}: write [[instrument]] with double brackets, symbols as ["069500", …].')
    rows = [{"symbol": symbol} for symbol in symbols] + listed
    return str(tree.get("name", path.stem)), [(f"instrument {n}", row) for n, row in enumerate(rows, 1)]


def _csv(path: Path) -> Iterable[tuple[str, dict[str, Any]]]:
    try:
        table = read_table(path)
    except TableError as error:
        raise UniverseError(str(error)) from error
    columns = _columns_of(table)
    if "symbol" not in columns:
        if table.header and len(table.header) > 1:
            raise UniverseError(
                f"{path}: no column of symbols among {', '.join(table.header)}. Name one symbol."
            )
        # A list with one symbol on each line and no header is how people begin.
        cells = [(1, table.header[0])] if table.header else []
        cells += [(line, row[0]) for line, row in table.rows]
        for line, cell in cells:
            yield f"line {line}", {"symbol": cell}
        return
    for line, row in table.rows:
        found = {key: row[at].strip() for key, at in columns.items() if at < len(row) and row[at].strip()}
        yield f"line {line}", found


def _columns_of(table: Table) -> dict[str, int]:
    heads = [head.strip().lower().replace(" ", "").replace("_", "") for head in table.header]
    return {
        ours: heads.index(theirs[0])
        for ours, known in COLUMNS.items()
        if (theirs := [head for head in known if head in heads])
    }


def _instrument(row: Mapping[str, Any], place: str) -> Instrument:
    if not isinstance(row, dict):
        raise UniverseError(f'{place}: {row!r} is no instrument. Write [[instrument]] and symbol = "069500".')
    if unknown := sorted(row.keys() - {"symbol", "name", "lot", "group", "duties", "splits", "dividends"}):
        raise UniverseError(
            f"{place}: unknown key {unknown[0]!r}. Known: symbol, name, lot, group, duties, splits, "
            "dividends."
        )
    symbol = row.get("symbol", "")
    if isinstance(symbol, int):
        raise UniverseError(
            f'{place}: the symbol {symbol} is a number and loses leading zeros. Quote it: "{symbol:06}".'
        )
    symbol = str(symbol).strip()
    if not symbol or any(sign.isspace() for sign in symbol):
        raise UniverseError(
            f"{place}: {symbol!r} is no symbol. Write one without blanks, or remove the line."
        )
    return Instrument(
        symbol=symbol,
        name=str(row.get("name", "")).strip() or symbol,
        lot=_lot(row.get("lot", 1), place),
        group=str(row.get("group", "")).strip(),
        duties=str(row.get("duties", "")).strip(),
        splits=_splits(row.get("splits", {}), place),
        dividends=_dividends(row.get("dividends", {}), place),
    )


def _lot(value: Any, place: str) -> float:
    try:
        lot = float(value)
    except (TypeError, ValueError):
        lot = math.nan
    if not (0 < lot < math.inf):
        raise UniverseError(
            f"{place}: lot = {value!r}. Write the least quantity, greater than 0, e.g. 1 or 0.0001."
        )
    return lot


def _splits(value: Any, place: str) -> dict[date, float]:
    try:
        splits = {date.fromisoformat(day): float(ratio) for day, ratio in value.items()}
    except (AttributeError, TypeError, ValueError) as error:
        raise UniverseError(f'{place}: splits = {value!r} ({error}). Write {{ "2014-06-09" = 7 }}.') from None
    if wrong := [ratio for ratio in splits.values() if not 0 < ratio < math.inf]:
        raise UniverseError(
            f"{place}: a split of {wrong[0]:g}. Write how many shares one became, e.g. 7 or 0.1."
        )
    return splits


def _dividends(value: Any, place: str) -> dict[date, float]:
    try:
        dividends = {date.fromisoformat(day): float(amount) for day, amount in value.items()}
    except (AttributeError, TypeError, ValueError) as error:
        raise UniverseError(
            f'{place}: dividends = {value!r} ({error}). Write {{ "2020-02-07" = 0.77 }}.'
        ) from None
    if wrong := [amount for amount in dividends.values() if not 0 < amount < math.inf]:
        raise UniverseError(f"{place}: a dividend of {wrong[0]:g}. Write the cash for one share, above 0.")
    return dividends

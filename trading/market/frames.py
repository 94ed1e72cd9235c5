"""Bars out of tables: which column is which, in the words of Korean and English sources."""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Literal, NamedTuple
from zoneinfo import ZoneInfo

from trading.bars import Bar
from trading.market.cells import CellError, Sign, decimal_sign, is_day_first, number, plain_number, time_in
from trading.market.source import Interval, SourceError
from trading.market.tables import Table

__all__ = ["COLUMNS", "FilesError", "Reading", "bars_in", "columns_of", "key_of"]

COLUMNS: Mapping[str, tuple[str, ...]] = {
    ours: tuple(theirs.split())
    for ours, theirs in {
        "time": "datetime timestamp opentime candledatetimeutc date 날짜 일자 일시 거래일 거래일자 기준일자 "
        "체결시간 time 시간 ts unix index unnamed:0 indexlevel0",
        "open": "open o 시가 오픈 시작가 openingprice openprice",
        "high": "high h 고가 최고가 highprice",
        "low": "low l 저가 최저가 lowprice",
        "close": "close closelast c 종가 현재가 closeprice closingprice tradeprice last price",
        "adjusted": "adjclose adjustedclose closeadj 수정종가 수정주가",
        "volume": "volume vol vol. v 거래량 체결량 누적거래량 basevolume candleacctradevolume",
        "symbol": "symbol ticker 종목코드 단축코드 티커",
    }.items()
}
"""Our word for a column, and the headers that mean it, written as `key_of` writes them."""

_DATES = frozenset({"date", "날짜", "일자", "거래일", "거래일자", "기준일자"})
_CLOCKS = frozenset({"time", "시간", "체결시간"})


class FilesError(SourceError):
    """A file of bars that cannot be used; the message names the file, the line and the mend."""


class Reading(NamedTuple):
    """How a file is to be understood, where it does not say so itself."""

    symbol: str
    interval: Interval
    zone: ZoneInfo | None = None
    """Of times that name none; `None`: UTC."""
    decimal: Literal["auto", ".", ","] = "auto"
    adjusted: bool = False
    """Take the adjusted close where there is one, and move open, high and low along with it."""


def key_of(text: str) -> str:
    """Return a header or symbol as it is compared: lower case, letters and digits (and `. : `) alone."""
    return re.sub(r"[\s_<>\"'()\[\]/-]", "", text).lower()


def columns_of(header: Sequence[str], reading: Reading, path: Path) -> dict[str, int]:
    """Return where each of our columns stands.

    Raises:
        FilesError: If there is no column of times or of prices.
    """
    heads = [key_of(head) for head in header]
    found = {
        ours: heads.index(theirs[0])
        for ours, known in COLUMNS.items()
        if (theirs := [head for head in known if head in heads])
    }
    if "volume" not in found:
        begins = [at for at, head in enumerate(heads) if head.startswith(("volume", "거래량"))]
        found |= {"volume": begins[0]} if begins else {}
    if "time" not in found and heads and heads[0] == "":
        found["time"] = 0  # The index of a pandas frame has no name.
    if heads and "time" in found and heads[found["time"]] in _DATES:
        clocks = [at for at, head in enumerate(heads) if head in _CLOCKS]
        found |= {"clock": clocks[0]} if clocks else {}
    if "time" not in found:
        raise FilesError(f"{path}: no column of times among {_listed(header)}. Name one date.")
    if "close" not in found and "adjusted" not in found:
        wide = [at for at, head in enumerate(heads) if head == key_of(reading.symbol)]
        if not wide:
            raise FilesError(
                f"{path}: neither a column close nor one of {reading.symbol} among {_listed(header)}. "
                "Name the columns date, open, high, low, close, volume."
            )
        found = {"time": found["time"], "close": wide[0]}
    return found


def bars_in(table: Table, path: Path, reading: Reading) -> list[Bar]:
    """Return the bars in a table, in its order; a cell without a number is NaN, for `checking` to judge.

    Raises:
        FilesError: If the columns are unknown, or a cell can be read as neither a number nor a blank.
    """
    if not table.header:
        raise FilesError(f"{path}: the file is empty. Fetch it again.")
    if _is_number_row(table.header):
        return _headless(Table([], [(1, table.header), *table.rows], table.separator), path, reading)
    columns = columns_of(table.header, reading, path)
    rows = _of_symbol(table, columns, path, reading)
    if not rows:
        raise FilesError(f"{path}: a header and not one row. Fetch it again.")
    times = _times(rows, columns, path, reading)
    names = [name for name in ("open", "high", "low", "close", "adjusted", "volume") if name in columns]
    figures = _figures(rows, {name: columns[name] for name in names}, table, path, reading)
    return bars_from(times, dict(zip(names, figures, strict=True)), path, reading)


def bars_from(
    times: Sequence[int], figures: Mapping[str, Sequence[float]], path: Path, reading: Reading
) -> list[Bar]:
    """Return bars out of columns of figures; a table of closes alone gives flat bars."""
    close = figures["close"] if "close" in figures else figures["adjusted"]
    given = [name for name in ("open", "high", "low") if name in figures]
    if given and len(given) < 3:
        lost = sorted({"open", "high", "low"} - set(given))
        raise FilesError(f"{path}: has {', '.join(given)}, but no {' and no '.join(lost)}. Add it.")
    columns = [figures[name] for name in given] or [close, close, close]
    volume = figures.get("volume") or [0.0] * len(times)
    bars = [Bar(*row) for row in zip(times, *columns, close, volume, strict=True)]
    if reading.adjusted and "adjusted" in figures and "close" in figures:
        return [_scaled(bar, wanted) for bar, wanted in zip(bars, figures["adjusted"], strict=True)]
    return bars


def _scaled(bar: Bar, adjusted: float) -> Bar:
    factor = adjusted / bar.close if bar.close else math.nan
    return Bar(bar.time, bar.open * factor, bar.high * factor, bar.low * factor, adjusted, bar.volume)


def _of_symbol(
    table: Table, columns: dict[str, int], path: Path, reading: Reading
) -> list[tuple[int, list[str]]]:
    width = max(columns.values()) + 1
    rows = []
    for line, row in table.rows:
        if len(row) < width:
            raise FilesError(
                f"{path}: line {line} has {len(row)} cells, {width} are needed. Is it cut off? Mend it."
            )
        rows.append((line, row))
    at = columns.get("symbol")
    if at is None:
        return rows
    wanted = key_of(reading.symbol)
    ours = [(line, row) for line, row in rows if key_of(row[at]) == wanted]
    if rows and not ours:
        held = sorted({row[at].strip() for _, row in rows})
        raise FilesError(
            f"{path}: no row of {reading.symbol}, but of {_listed(held)}. Mend the universe or the file."
        )
    return ours


def _times(
    rows: Sequence[tuple[int, list[str]]], columns: Mapping[str, int], path: Path, reading: Reading
) -> list[int]:
    at, clock = columns["time"], columns.get("clock")
    cells = [row[at] if clock is None else f"{row[at].strip()} {_clock(row[clock])}" for _, row in rows]
    is_daily = reading.interval == "1d"
    times = []
    try:
        day_first = is_day_first(cells)
    except CellError as error:
        raise FilesError(f"{path}: {error}.") from None
    for (line, _), cell in zip(rows, cells, strict=True):
        try:
            times.append(time_in(cell, reading.zone, is_daily=is_daily, day_first=day_first))
        except CellError as error:
            raise FilesError(f"{path}: line {line}: {error}.") from None
    return times


def _clock(cell: str) -> str:
    # Brokers write 901 for one minute past nine.
    digits = cell.strip()
    return digits.zfill(4 if len(digits) < 5 else 6) if digits.isdigit() else digits


def _figures(
    rows: Sequence[tuple[int, list[str]]],
    columns: Mapping[str, int],
    table: Table,
    path: Path,
    reading: Reading,
) -> list[list[float]]:
    plain: list[list[float]] = []
    for at in columns.values():
        values = [plain_number(row[at]) for _, row in rows]
        if None in values:
            break
        plain.append([value for value in values if value is not None])
    if len(plain) == len(columns) and reading.decimal != ",":
        return plain
    sign = _sign([row[at] for at in columns.values() for _, row in rows], table, path, reading)
    return [
        [
            _number(row[at], sign, f"{path}: line {line}, column {table.header[at] or at + 1}")
            for line, row in rows
        ]
        for at in columns.values()
    ]


def _sign(cells: Iterable[str], table: Table, path: Path, reading: Reading) -> Sign:
    if reading.decimal != "auto":
        return reading.decimal
    try:
        return decimal_sign(cells, table.separator)
    except CellError as error:
        raise FilesError(f"{path}: {error}.") from None


def _number(cell: str, sign: Sign, place: str) -> float:
    try:
        return number(cell, sign)
    except CellError as error:
        raise FilesError(f"{place}: {error}. Mend or empty the cell.") from None


def _is_number_row(cells: Sequence[str]) -> bool:
    return len(cells) >= 5 and all(plain_number(cell) is not None for cell in cells[1:])


def _headless(table: Table, path: Path, reading: Reading) -> list[Bar]:
    """Read rows of time, open, high, low, close, volume; LEAN's files are of this kind."""
    width = len(table.rows[0][1])
    for line, row in table.rows:
        if len(row) != width:
            raise FilesError(
                f"{path}: line {line} has {len(row)} cells instead of {width}. Mend or remove it."
            )
    # Twelve are the klines that Binance publishes: the first six are those of a bar.
    if width > 7 and width not in (11, 12):
        raise FilesError(
            f"{path}: {width} columns and no header. Name them date, open, high, low, close, volume."
        )
    day = re.match(r"\d{8}(?=_)", path.name)
    is_lean = path.suffix.lower() == ".zip"
    names = {str(at): at for at in range(1, width)}
    columns = _figures(table.rows, names, Table([str(at) for at in range(width)], [], ","), path, reading)
    # LEAN writes share prices in ten-thousandths, all of them whole; of coins and currencies it does not.
    prices = columns[:4]
    is_share = is_lean and width < 11 and all(price.is_integer() for column in prices for price in column)
    if is_lean and day:
        begin = _midnight(day[0], reading.zone if is_share else None, path)
        times = [begin + _milliseconds(line, row[0], path) * 1_000_000 for line, row in table.rows]
    else:
        times = _times(table.rows, {"time": 0}, path, reading)
    if width == 11:
        # Quotes: open, high, low, close, size of the bid, then of the ask. The middle is the price.
        prices = [
            [(bid + ask) / 2 for bid, ask in zip(columns[at], columns[at + 5], strict=True)]
            for at in range(4)
        ]
        return [Bar._make((*row, 0.0)) for row in zip(times, *prices, strict=True)]
    if is_share:
        prices = [[price / 10_000 for price in column] for column in prices]
    volume = columns[4] if width > 5 else [0.0] * len(times)
    return [Bar(*row) for row in zip(times, *prices, volume, strict=True)]


def _midnight(day: str, zone: ZoneInfo | None, path: Path) -> int:
    try:
        return time_in(day, zone, is_daily=False)
    except CellError as error:
        raise FilesError(f"{path}: {error}. Name the file by its day.") from None


def _milliseconds(line: int, cell: str, path: Path) -> int:
    try:
        return round(float(cell))
    except (ValueError, OverflowError):
        raise FilesError(f"{path}: line {line}: {cell!r} is no millisecond of the day.") from None


def _listed(names: Sequence[str]) -> str:
    return ", ".join(names[:8]) + (f" and {len(names) - 8} more" if len(names) > 8 else "")

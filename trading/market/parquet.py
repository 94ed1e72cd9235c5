"""Parquet files of bars, read and written with polars, which is loaded when the first is needed."""

from __future__ import annotations

import glob
import os
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from trading.bars import Bar
from trading.market.cells import CellError, time_in
from trading.market.frames import FilesError, Reading, bars_from, columns_of, key_of
from trading.market.source import DAY_NS

if TYPE_CHECKING:
    import polars as pl

__all__ = ["read_parquet", "read_stored", "write_parquet"]

OLD_S = 3600
"""Seconds after which nobody writes a draft any more."""
FIELDS = ("time", "open", "high", "low", "close", "volume")


def read_parquet(path: Path, reading: Reading) -> list[Bar]:
    """Return the bars of anybody's Parquet file, in its order; columns are named as in a CSV file.

    Raises:
        FilesError: If the file is not whole, or its columns are unknown.
    """
    frame = _frame(path)
    columns = columns_of(frame.columns, reading, path)
    if "symbol" in columns:
        symbols = frame.get_column(frame.columns[columns["symbol"]]).to_list()
        frame = frame.filter([key_of(str(symbol)) == key_of(reading.symbol) for symbol in symbols])
    if not len(frame):
        raise FilesError(f"{path}: not one row of {reading.symbol}. Fetch it again.")
    times = _times(frame.get_column(frame.columns[columns["time"]]), path, reading)
    figures: dict[str, Sequence[float]] = {}
    for name, at in columns.items():
        if name not in {"time", "clock", "symbol"}:
            figures[name] = _figures(frame.get_column(frame.columns[at]), path)
    return bars_from(times, figures, path, reading)


def read_stored(path: Path) -> tuple[list[Bar], dict[str, str]]:
    """Return the bars and the notes of a file that `write_parquet` wrote.

    Raises:
        FilesError: If the file is not whole or not one of ours.
    """
    import polars as pl

    frame = _frame(path)
    if tuple(frame.columns) != FIELDS:
        raise FilesError(f"{path}: has the columns {', '.join(frame.columns)}, not those of the cache.")
    return [Bar(*row) for row in frame.iter_rows()], dict(pl.read_parquet_metadata(path))


def write_parquet(path: Path, bars: Sequence[Bar], notes: Mapping[str, str]) -> None:
    """Write bars so that the file is either the old one or the new one, whenever the machine stops.

    Raises:
        FilesError: If it cannot be written: no room, no right.
    """
    import polars as pl

    columns = list(zip(*bars, strict=True)) or [()] * len(FIELDS)
    types = [pl.Int64] + [pl.Float64] * 5
    frame = pl.DataFrame(
        [
            pl.Series(name, column, dtype=kind)
            for name, column, kind in zip(FIELDS, columns, types, strict=True)
        ]
    )
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        _tidied(path)
        draft = path.with_name(f".{path.name}.{os.getpid()}.draft")
        try:
            frame.write_parquet(draft, metadata=dict(notes))
            with draft.open("rb") as file:
                os.fsync(file.fileno())
            draft.replace(path)
        finally:
            draft.unlink(missing_ok=True)
    except (OSError, pl.exceptions.PolarsError) as error:
        raise FilesError(f"{path}: cannot be written ({error}). Make room, or set [data] cache.") from error


def _tidied(path: Path) -> None:
    # A killed process leaves its draft; a young one may be of a process that still writes.
    for draft in path.parent.glob(f".{glob.escape(path.name)}.*.draft"):
        if time.time() - draft.stat().st_mtime > OLD_S:
            draft.unlink(missing_ok=True)


def _frame(path: Path) -> pl.DataFrame:
    import polars as pl

    try:
        return pl.read_parquet(path)
    except (pl.exceptions.PolarsError, OSError) as error:
        first = str(error).splitlines()[0] if str(error) else type(error).__name__
        raise FilesError(f"{path}: is no whole Parquet file ({first}). Write or fetch it again.") from None


def _times(column: pl.Series, path: Path, reading: Reading) -> list[int]:
    import polars as pl

    if column.null_count():
        raise FilesError(
            f"{path}: column {column.name}: {column.null_count()} rows have no time. Remove them."
        )
    kind = column.dtype
    if kind == pl.Date:
        column = column.cast(pl.Datetime("ns"))
    if isinstance(column.dtype, pl.Datetime):
        is_naive = column.dtype.time_zone is None
        if is_naive and kind != pl.Date and reading.interval != "1d" and reading.zone is not None:
            column = column.dt.replace_time_zone(reading.zone.key, ambiguous="earliest", non_existent="null")
        times = column.dt.epoch("ns").to_list()
        if None in times:
            raise FilesError(f"{path}: column {column.name}: a time does not exist in {reading.zone}.")
        if reading.interval == "1d" and is_naive:
            return [time - time % DAY_NS for time in times]
        return times
    try:
        is_daily = reading.interval == "1d"
        return [time_in(str(value), reading.zone, is_daily=is_daily) for value in column.to_list()]
    except CellError as error:
        raise FilesError(f"{path}: column {column.name}: {error}.") from None


def _figures(column: pl.Series, path: Path) -> list[float]:
    import polars as pl

    try:
        values: list[Any] = column.cast(pl.Float64).fill_null(float("nan")).to_list()
    except pl.exceptions.PolarsError:
        raise FilesError(
            f"{path}: column {column.name} holds {column.dtype}, not numbers. Store numbers."
        ) from None
    return values

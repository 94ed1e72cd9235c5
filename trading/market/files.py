"""The source `files`: CSV, Parquet and LEAN files in a folder, one for each symbol or one for many.

For a symbol `069500` and daily bars it takes, below the folder, `069500.csv`, `069500_1d.parquet`,
`1d/069500.csv.gz`, LEAN's `069500.zip`, or a file `bars.csv` (`bars.parquet`) with a column `symbol` or a
column for each symbol. Names are compared without case and signs: `BTC/KRW` is found in `btc-krw_1m.csv`.
"""

from __future__ import annotations

import re
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Literal
from zoneinfo import ZoneInfo

from trading.bars import SECOND_NS, Bar
from trading.market.frames import FilesError, Reading, bars_in, key_of
from trading.market.source import DAY_NS, INTERVAL_NS, EmptyAnswerError, Interval
from trading.market.tables import TableError, read_table

__all__ = ["FileSource", "FilesError", "read_bars"]

SUFFIXES = (".parquet", ".csv", ".csv.gz", ".txt", ".zip")
SHARED = frozenset({"bars", "prices", "all"})
"""Stems of files that may hold many symbols."""
_MARKS = {
    **{key_of(interval): interval for interval in INTERVAL_NS},
    "daily": "1d",
    "minute": "1m",
    "hour": "1h",
}
_LEAN_DAY = re.compile(r"(\d{8})_(?:trade|quote)\.zip")


class FileSource:
    """Bars from files that somebody else puts there."""

    def __init__(
        self,
        folder: Path,
        *,
        zone: ZoneInfo | None = None,
        decimal: Literal["auto", ".", ","] = "auto",
        adjusted: bool = False,
    ) -> None:
        """Read from `folder`.

        Args:
            folder: Where the files are.
            zone: Of times in files that name none.
            decimal: Decimal sign of the files.
            adjusted: Take adjusted closes where a file has them.
        """
        self.name = "files"
        self.adjusted = adjusted
        self._folder = folder
        self._zone = zone
        self._decimal = decimal

    def bars(self, symbol: str, interval: Interval, first: date, last: date) -> list[Bar]:
        """Return the bars of the days `first` to `last`, as the files have them; see `Source.bars`."""
        reading = Reading(symbol, interval, self._zone, self._decimal, self.adjusted)
        paths = self._paths(symbol, interval, first, last)
        bars = [bar for path in paths for bar in read_bars(path, reading)]
        wanted = [bar for bar in bars if first <= self._day(bar.time) <= last]
        if not wanted:
            days = sorted(self._day(bar.time) for bar in (min(bars), max(bars)))
            raise EmptyAnswerError(
                f"{paths[0]}: no bar of {symbol} from {first} to {last}; the file holds {days[0]} to "
                f"{days[1]}. Ask for other days, or put a newer file there."
            )
        return wanted

    def symbols(self) -> list[str]:
        """Return the stems of the files that hold one symbol each."""
        stems = {_stem(path) for path in self._files()}
        return sorted(
            stem for stem in stems if key_of(stem) not in SHARED and not _LEAN_DAY.fullmatch(f"{stem}.zip")
        )

    def _day(self, time: int) -> date:
        zone = self._zone if self._zone and time % DAY_NS else UTC
        return datetime.fromtimestamp(time // SECOND_NS, zone).date()

    def _files(self) -> list[Path]:
        if not self._folder.is_dir():
            raise FilesError(f"{self._folder}: no such folder of bars. Make it or set [data] folder.")
        return sorted(path for path in self._folder.rglob("*") if path.name.lower().endswith(SUFFIXES))

    def _paths(self, symbol: str, interval: Interval, first: date, last: date) -> list[Path]:
        wanted = key_of(symbol)
        files = self._files()
        lean = [
            path for path in files if _LEAN_DAY.fullmatch(path.name) and key_of(path.parent.name) == wanted
        ]
        if interval == "1m" and lean:
            days = {path: _lean_day(path) for path in lean}
            trades = [path for path in lean if "trade" in path.name] or lean
            return [path for path in trades if first <= days[path] <= last] or trades[-1:]
        own = [path for path in files if path not in lean and _is_of(path, wanted, interval)]
        shared = [path for path in files if key_of(_stem(path)) in SHARED and path.suffix.lower() != ".zip"]
        marked = [path for path in own if _mark(path) == interval]
        found = marked or own or shared
        if not found:
            raise FilesError(
                f"{self._folder}: no file of {symbol} ({interval}). Put {symbol.replace('/', '-')}.csv or "
                f".parquet there{_nearest(symbol, self.symbols())}."
            )
        if len(found) > 1:
            names = " and ".join(path.name for path in found[:3])
            raise FilesError(
                f"{self._folder}: {names} are all of {symbol} ({interval}). "
                "Leave one, or mark the interval in the name (_1d, _1m)."
            )
        return found


def read_bars(path: Path, reading: Reading) -> list[Bar]:
    """Return the bars of one file, as it has them.

    Raises:
        FilesError: If it cannot be read; the message names the line.
    """
    if path.suffix.lower() == ".parquet":
        # Here, so that CSV needs no polars.
        from trading.market.parquet import read_parquet

        return read_parquet(path, reading)
    try:
        return bars_in(read_table(path), path, reading)
    except TableError as error:
        raise FilesError(str(error)) from error


def _lean_day(path: Path) -> date:
    try:
        return date(int(path.name[:4]), int(path.name[4:6]), int(path.name[6:8]))
    except ValueError:
        raise FilesError(f"{path}: {path.name[:8]} is no day. Name the file by its day.") from None


def _stem(path: Path) -> str:
    name = path.name.lower()
    return path.name[: -len(next(suffix for suffix in SUFFIXES if name.endswith(suffix)))]


def _words(path: Path) -> list[str]:
    return re.split(r"[_\s]", _stem(path))


def _mark(path: Path) -> str | None:
    for word in [*(key_of(word) for word in _words(path)[1:]), key_of(path.parent.name)]:
        if word in _MARKS:
            return _MARKS[word]
    return None


def _is_of(path: Path, wanted: str, interval: Interval) -> bool:
    if _mark(path) not in (None, interval):
        return False
    plain = [word for word in map(key_of, _words(path)) if word not in {*_MARKS, "trade", "quote"}]
    return "".join(plain) == wanted


def _nearest(symbol: str, known: list[str]) -> str:
    return f"; the folder has {', '.join(known[:5])}{' …' if len(known) > 5 else ''}" if known else ""

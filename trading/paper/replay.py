"""The bundled minutes of a real market, and how a paper run plays them along its clock.

Leaves trading on them to others. The files are LEAN minute files; see `trading/paper/candles/README.md`.
"""

from __future__ import annotations

import csv
import io
import zipfile
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import Protocol

from trading.bars import Bar, exact
from trading.errors import TradingError
from trading.paper.clock import SECOND_NS, Clock

__all__ = ["BAR_S", "Market", "MarketError", "Replay", "aligned", "load_bars", "whole"]

BAR_S = 60
"""Seconds of a bar."""
BAR_NS = BAR_S * SECOND_NS

LONGEST_GAP = 30
"""Missing minutes that are filled; a longer stretch is cut out and the replay goes on behind it."""

_DATA = Path(__file__).with_name("candles") / "coinbase_minute"


class MarketError(TradingError):
    """Candles that are missing or cannot be read; the message names the file and the mend."""


class Market(Protocol):
    """Where one symbol is traded: what is known of it at this moment of the clock."""

    def history(self, count: int) -> Sequence[Bar]:
        """Return the last bars that were complete when the run began."""

    def last(self) -> Bar:
        """Return the newest complete bar."""

    def price(self) -> Decimal:
        """Return the price now."""

    def volume(self) -> Decimal:
        """Return what is traded within the minute under way: the most that can be bought of it."""


def load_bars(symbol: str, *, folder: Path = _DATA) -> list[Bar]:
    """Return the bundled one-minute bars of all days, oldest first; see `whole` for missing minutes.

    Args:
        symbol: As the exchange writes it, e.g. `BTC/USD`.
        folder: Where the LEAN files are; a folder for each symbol, a file for each day.

    Raises:
        MarketError: If there are no bars of that symbol or a row cannot be read.
    """
    days = sorted((folder / symbol.replace("/", "").lower()).glob("*_trade.zip"))
    if not days:
        raise MarketError(f"{folder}: no candles of {symbol}. Known: {', '.join(_symbols(folder))}")
    return whole([bar for path in days for bar in _day(path)])


def whole(bars: Sequence[Bar]) -> list[Bar]:
    """Return the bars with no minute left out.

    A minute without a trade becomes a flat bar of volume 0 at the close before it. A stretch of more than
    `LONGEST_GAP` such minutes is no market to trade in (a night, a file that ends early): it is left out.
    """
    filled: list[Bar] = []
    for bar in bars:
        missing = (bar.time - filled[-1].time) // BAR_NS - 1 if filled else 0
        if 0 < missing <= LONGEST_GAP:
            before = filled[-1]
            flat = before.close
            filled += [
                Bar(before.time + BAR_NS * n, flat, flat, flat, flat, 0.0) for n in range(1, missing + 1)
            ]
        filled.append(bar)
    return filled


def aligned(series: Mapping[str, Sequence[Bar]]) -> dict[str, list[Bar]]:
    """Return the bars of each symbol at the minutes that all of them have.

    Raises:
        MarketError: If they have no minute in common.
    """
    times = set.intersection(*({bar.time for bar in bars} for bars in series.values()))
    if not times:
        raise MarketError(f"{', '.join(series)} have no minute in common: give candles of the same days.")
    return {symbol: [bar for bar in bars if bar.time in times] for symbol, bars in series.items()}


class Replay:
    """Real bars played along a clock, and the price at any moment of it."""

    def __init__(self, bars: Sequence[Bar], clock: Clock, *, first: int) -> None:
        """Play `bars` from index `first` on; what stands before is the history at the start.

        Raises:
            MarketError: If `first` leaves no bar to play.
        """
        if not 0 <= first < len(bars):
            raise MarketError(f"bar {first} does not exist: there are {len(bars)}")
        self._bars = bars
        self._clock = clock
        self._first = first

    @property
    def minutes(self) -> int:
        """How many bars can be played."""
        return len(self._bars) - self._first

    def history(self, count: int) -> Sequence[Bar]:
        """Return the last bars that were complete when the run began."""
        return self._bars[max(0, self._first - count) : self._first]

    def last(self) -> Bar:
        """Return the newest complete bar."""
        return self._bars[self._index() - 1]

    def price(self) -> Decimal:
        """Return the price now: where the minute under way opened."""
        return exact(self._bars[self._index()].open)

    def volume(self) -> Decimal:
        """Return what is traded within the minute under way: the most that can be bought of it."""
        return exact(self._bars[self._index()].volume)

    def _index(self) -> int:
        return min(self._first + int(self._clock.elapsed // BAR_S), len(self._bars) - 1)


def _day(path: Path) -> list[Bar]:
    with zipfile.ZipFile(path) as archive:
        text = archive.read(archive.namelist()[0]).decode("ascii")
    day = datetime.strptime(path.name[:8], "%Y%m%d").replace(tzinfo=UTC)
    midnight = int(day.timestamp()) * SECOND_NS
    try:
        return [_bar(row, midnight) for row in csv.reader(io.StringIO(text))]
    except (ValueError, ArithmeticError) as error:
        raise MarketError(f"{path}: a row is no candle ({error}). Restore the file.") from error


def _bar(row: list[str], midnight: int) -> Bar:
    milliseconds, *prices, volume = row
    first, high, low, close = map(float, prices)
    return Bar(midnight + int(milliseconds) * 1_000_000, first, high, low, close, float(volume))


def _symbols(folder: Path) -> list[str]:
    return sorted(f"{path.name[:-3]}/{path.name[-3:]}".upper() for path in folder.glob("*/") if path.is_dir())

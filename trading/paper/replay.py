"""The bundled minutes of a real market, and how a paper run plays them along its clock.

Leaves trading on them to others. The files are LEAN minute files; see `trading/paper/candles/README.md`.
"""

from __future__ import annotations

import csv
import io
import zipfile
from collections.abc import Sequence
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path

from trading.bars import Bar, exact
from trading.errors import TradingError
from trading.paper.clock import SECOND_NS, Clock

__all__ = ["BAR_S", "MarketError", "Replay", "load_bars"]

BAR_S = 60
"""Seconds of a bar."""

_DATA = Path(__file__).with_name("candles") / "coinbase_minute"
_DAY = "20180405"


class MarketError(TradingError):
    """Candles that are missing or cannot be read; the message names the file and the mend."""


def load_bars(symbol: str, *, folder: Path = _DATA) -> list[Bar]:
    """Return the bundled day of one-minute bars, with no minute left out.

    A minute without a trade becomes a flat bar of volume 0 at the close before it.

    Args:
        symbol: As the exchange writes it, e.g. `BTC/USD`.
        folder: Where the LEAN files are; a folder for each symbol.

    Raises:
        MarketError: If there are no bars of that symbol or a row cannot be read.
    """
    path = folder / symbol.replace("/", "").lower() / f"{_DAY}_trade.zip"
    if not path.is_file():
        raise MarketError(f"{path}: no candles of {symbol}. Known: {', '.join(_symbols(folder))}")
    with zipfile.ZipFile(path) as archive:
        text = archive.read(archive.namelist()[0]).decode("ascii")
    midnight = int(datetime.strptime(_DAY, "%Y%m%d").replace(tzinfo=UTC).timestamp()) * SECOND_NS
    try:
        rows = [_bar(row, midnight) for row in csv.reader(io.StringIO(text))]
    except (ValueError, ArithmeticError) as error:
        raise MarketError(f"{path}: a row is no candle ({error}). Restore the file.") from error
    return _without_gaps(rows)


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


def _bar(row: list[str], midnight: int) -> Bar:
    milliseconds, *prices, volume = row
    first, high, low, close = map(float, prices)
    return Bar(midnight + int(milliseconds) * 1_000_000, first, high, low, close, float(volume))


def _without_gaps(bars: list[Bar]) -> list[Bar]:
    whole: list[Bar] = []
    for bar in bars:
        while whole and bar.time - whole[-1].time > BAR_S * SECOND_NS:
            before = whole[-1]
            flat = before.close
            whole.append(Bar(before.time + BAR_S * SECOND_NS, flat, flat, flat, flat, 0.0))
        whole.append(bar)
    return whole


def _symbols(folder: Path) -> list[str]:
    return sorted(f"{path.name[:-3]}/{path.name[-3:]}".upper() for path in folder.glob("*/") if path.is_dir())

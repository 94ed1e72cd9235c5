"""Where bars come from: what every source promises, and how it fails.

The sources themselves are `files`, `krx` and `crypto`; whoever wants checked bars asks `opening`.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from typing import Literal, Protocol

from trading.bars import SECOND_NS, Bar
from trading.errors import TradingError

__all__ = ["DAY_NS", "INTERVAL_NS", "EmptyAnswerError", "Interval", "LoginError", "Source", "SourceError"]

Interval = Literal["1m", "5m", "15m", "1h", "1d"]

DAY_NS = 86_400 * SECOND_NS

INTERVAL_NS: Mapping[Interval, int] = {
    "1m": 60 * SECOND_NS,
    "5m": 300 * SECOND_NS,
    "15m": 900 * SECOND_NS,
    "1h": 3600 * SECOND_NS,
    "1d": DAY_NS,
}
"""Length of a bar, in ns."""


class SourceError(TradingError):
    """A source that gave no usable answer; the message names the source, the symbol and the mend."""


class EmptyAnswerError(SourceError):
    """An answer without one bar: the symbol, the dates or the login are wrong. It never means "no trades"."""


class LoginError(SourceError):
    """A login that failed, loudly or in silence; no further symbol need be asked for."""


class Source(Protocol):
    """Gives the raw bars of a symbol; `checking` judges them."""

    @property
    def name(self) -> str:
        """What events call it: `files`, `pykrx`, `ccxt.upbit`."""

    @property
    def adjusted(self) -> bool:
        """True: its prices are adjusted for splits, so a later split rewrites its whole history."""

    def bars(self, symbol: str, interval: Interval, first: date, last: date) -> list[Bar]:
        """Return the bars of the days `first` to `last`, both included, as the source has them.

        Args:
            symbol: As the source writes it.
            interval: Length of a bar.
            first: First session date.
            last: Last session date.

        Raises:
            EmptyAnswerError: If there is not one bar.
            LoginError: If the source does not let us in.
            SourceError: If it cannot be reached or its answer cannot be read.
        """

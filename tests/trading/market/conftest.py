"""Bars, and what tests of market data share."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import date, timedelta

from trading.bars import Bar, time_of
from trading.market.checking import Checked
from trading.market.source import EmptyAnswerError, Interval
from trading.sessions import Sessions, load_sessions

KRX = load_sessions("XKRX")
NYSE = load_sessions("XNYS")
ALWAYS = load_sessions("ALWAYS")
HOUR = 3600 * 10**9
DAY = 24 * HOUR


def bar(day: date, close: float, *, volume: float = 1000.0) -> Bar:
    """A daily bar that opens at its close and moves 1 % to both sides."""
    return Bar(time_of(day), close, close * 1.01, close * 0.99, close, volume)


def daily(
    count: int, *, sessions: Sessions = KRX, first: date = date(2024, 1, 2), close: float = 100.0
) -> list[Bar]:
    """So many sessions of a price that swings a little."""
    days = sessions.between(first, first + timedelta(days=count * 2 + 30))[:count]
    return [bar(day, close * (1 + 0.01 * (n % 5)), volume=1000 + 10 * (n % 7)) for n, day in enumerate(days)]


def said(checked: Checked) -> list[tuple[str, str, int]]:
    """What was found: fault, action, count."""
    return [(finding.fault, finding.action, finding.count) for finding in checked.findings]


class Shelf:
    """A source whose bars are on a shelf; it remembers what it was asked for."""

    def __init__(self, bars: Iterable[Bar], *, adjusted: bool = False) -> None:
        self.name = "shelf"
        self.adjusted = adjusted
        self.held: Sequence[Bar] = tuple(bars)
        self.asked: list[tuple[date, date]] = []

    def bars(self, symbol: str, interval: Interval, first: date, last: date) -> list[Bar]:
        """Return the bars of these days."""
        self.asked.append((first, last))
        found = [one for one in self.held if time_of(first) <= one.time < time_of(last) + DAY]
        if not found:
            raise EmptyAnswerError(f"shelf: no bar of {symbol} from {first} to {last}.")
        return found

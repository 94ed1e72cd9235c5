"""Longer bars made of shorter ones, within sessions.

A bar of 5m, 15m or 1h holds what traded in its stretch of the session: stretches are counted from each open
of the session, so a market that opens at 09:30 has hours from 09:30, and the last one may be shorter. A day's
bar holds its whole session and has the time of a daily bar, midnight UTC of its date. Where trading never
stops, stretches and days are those of UTC. Open is the first bar's, close the last one's, high and low the
extremes, volume the sum; a stretch without a bar has none.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime, timedelta

from trading.bars import SECOND_NS, Bar, time_of
from trading.market.source import INTERVAL_NS, Interval
from trading.market.zones import is_always_open
from trading.sessions import Sessions

__all__ = ["joined", "resampled"]


def resampled(bars: Iterable[Bar], interval: Interval, sessions: Sessions) -> list[Bar]:
    """Return bars of an interval.

    Args:
        bars: Shorter ones, oldest first, each with the time at which it opened.
        interval: Of the bars that are wanted.
        sessions: The market's; a bar outside of its hours belongs to no stretch and is left out.
    """
    length = INTERVAL_NS[interval]
    is_endless = is_always_open(sessions)
    inside_of = _Stretches(sessions, interval)
    stretches: dict[int, list[Bar]] = {}
    for bar in bars:
        start = bar.time - bar.time % length if is_endless else inside_of.start_of(bar.time)
        if start is not None:
            stretches.setdefault(start, []).append(bar)
    return [joined(start, inside) for start, inside in stretches.items()]


def joined(time: int, bars: list[Bar]) -> Bar:
    """Return bars in a row as one bar of that time; there is at least one."""
    return Bar(
        time,
        bars[0].open,
        max(bar.high for bar in bars),
        min(bar.low for bar in bars),
        bars[-1].close,
        sum(bar.volume for bar in bars),
    )


class _Stretches:
    """Finds the stretch of a moment; neighbours are mostly of one part of a session: it is kept."""

    def __init__(self, sessions: Sessions, interval: Interval) -> None:
        self._sessions = sessions
        self._length = INTERVAL_NS[interval]
        self._is_daily = interval == "1d"
        self._opens = self._closes = self._day = 0

    def start_of(self, time: int) -> int | None:
        """Return the time of the bar that a moment belongs to; `None` outside of the hours."""
        if not self._opens <= time < self._closes and not self._found(time):
            return None
        return self._day if self._is_daily else time - (time - self._opens) % self._length

    def _found(self, time: int) -> bool:
        local = datetime.fromtimestamp(time // SECOND_NS, self._sessions.zone).date()
        # A session may begin on the evening before its date, or end after midnight.
        for day in (local, local + timedelta(days=1), local - timedelta(days=1)):
            for opens, closes in self._sessions.hours(day):
                if opens <= time < closes:
                    self._opens, self._closes, self._day = opens, closes, time_of(day)
                    return True
        return False

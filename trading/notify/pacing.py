"""When a message may go out: quiet hours, the cap of a channel, the wait before another try. Pure."""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import UTC, datetime, time, timedelta
from typing import NamedTuple
from zoneinfo import ZoneInfo

from trading.errors import TradingError
from trading.notify.message import SEVERITIES, Severity

__all__ = ["HOUR_NS", "QuietHours", "Rules", "backoff_s", "cap_until", "read_quiet_hours"]

SECOND_NS = 1_000_000_000
HOUR_NS = 3600 * SECOND_NS


class QuietHours(NamedTuple):
    """A stretch of each day, by the operator's clock, in which only urgent messages go out."""

    begin: time
    end: time
    """Before `begin` when the stretch goes past midnight."""
    zone: ZoneInfo

    def until(self, now_ns: int) -> int | None:
        """Return when the stretch that `now_ns` lies in ends, ns since 1970 UTC; `None` outside of it."""
        now = datetime.fromtimestamp(now_ns // SECOND_NS, tz=UTC).astimezone(self.zone)
        clock = now.time().replace(tzinfo=None)
        over_night = self.begin >= self.end
        inside = (clock >= self.begin or clock < self.end) if over_night else self.begin <= clock < self.end
        if not inside:
            return None
        day = now.date() + timedelta(days=over_night and clock >= self.begin)
        end = datetime.combine(day, self.end, tzinfo=self.zone)
        return int(end.timestamp()) * SECOND_NS


class Rules(NamedTuple):
    """How messages are paced."""

    quiet: QuietHours | None = None
    zone: ZoneInfo = ZoneInfo("UTC")
    """The operator's, for the times that a digest shows."""
    urgent: Severity = "error"
    """From this severity on quiet hours do not hold a message back."""
    per_hour: int = 30
    """Pages that a channel sends in any hour."""
    tries: int = 3
    """How often a page is tried before the next channel takes the message."""
    patience_s: float = 60.0
    """A service that asks to wait longer is left alone, and the message kept for later."""
    pause_s: float = 1.0
    """Between two pages of a message."""


def read_quiet_hours(text: str, zone: ZoneInfo) -> QuietHours | None:
    """Return the hours written as `23:00-07:00`; `None` for an empty text.

    Raises:
        TradingError: If it is written otherwise.
    """
    if not text.strip():
        return None
    match = re.fullmatch(r"\s*([01]\d|2[0-3]):([0-5]\d)\s*-\s*([01]\d|2[0-3]):([0-5]\d)\s*", text)
    if match is None or match.group(1, 2) == match.group(3, 4):
        raise TradingError(
            f'[notify] quiet_hours = "{text}" is no stretch of a day. Write it as "23:00-07:00".'
        )
    return QuietHours(time(int(match[1]), int(match[2])), time(int(match[3]), int(match[4])), zone)


def cap_until(sent: Sequence[int], now_ns: int, most: int, severity: Severity) -> int | None:
    """Return when a channel may send again, or `None` when it may now.

    Of the hour's cap a fifth is kept for errors: a flood of small news must not use up what an alarm needs.

    Args:
        sent: When it sent its last messages, ns, oldest first.
        now_ns: The time.
        most: Messages in any hour.
        severity: Of the one that waits.
    """
    room = most if SEVERITIES.index(severity) >= SEVERITIES.index("error") else max(1, most - most // 5)
    within = [at for at in sent if at > now_ns - HOUR_NS]
    return within[-room] + HOUR_NS if len(within) >= room else None


def backoff_s(tries: int, asked_s: float | None) -> float:
    """Return how long to wait after so many tries: 1, 2, 4, … 30 s, but never less than the service asks."""
    return max(min(2.0 ** (tries - 1), 30.0), asked_s or 0.0)

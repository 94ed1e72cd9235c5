"""Days and hours of a time zone: where each begins, also when a clock is put forward or back."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from functools import lru_cache
from zoneinfo import ZoneInfo

__all__ = ["HOUR_NS", "day_edges", "day_of", "hour_edges"]

SECOND_NS = 1_000_000_000
HOUR_NS = 3_600 * SECOND_NS


def day_of(time: int, zone: str) -> date:
    """Return the day of a moment (Unix ns) in a time zone."""
    return datetime.fromtimestamp(time // SECOND_NS, ZoneInfo(zone)).date()


@lru_cache(maxsize=256)
def day_edges(last: date, days: int, zone: str) -> tuple[int, ...]:
    """Return where each of `days` days begins and where the last ends, Unix ns: one more edge than days.

    Args:
        last: The last of the days.
        days: How many.
        zone: IANA name.
    """
    first = last - timedelta(days=days - 1)
    return tuple(_begin(first + timedelta(days=index), zone) for index in range(days + 1))


def hour_edges(now: int, hours: int, zone: str) -> tuple[int, ...]:
    """Return where each of `hours` hours begins and where the last, in which `now` is, ends; Unix ns.

    Hours begin where the zone's clock says so: in India at half past, by UTC.
    """
    at = datetime.fromtimestamp(now // SECOND_NS, ZoneInfo(zone))
    offset = at.utcoffset() or timedelta(0)
    shift = int(offset.total_seconds()) * SECOND_NS
    end = ((now + shift) // HOUR_NS + 1) * HOUR_NS - shift
    return tuple(end - (hours - index) * HOUR_NS for index in range(hours + 1))


def _begin(day: date, zone: str) -> int:
    midnight = datetime(day.year, day.month, day.day, tzinfo=ZoneInfo(zone))
    # By way of UTC: a midnight that the clock jumps over is the moment of the jump.
    return int(midnight.astimezone(UTC).timestamp()) * SECOND_NS

"""Bars: what happened to a price within a stretch of time. The type that data and strategies share.

Prices are floats here, because indicators are sums and roots. Money is `Decimal`: whoever sends an order or
keeps books turns a price into one with `exact`.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any, NamedTuple

__all__ = ["Bar", "bars_of", "day_of", "exact", "time_of"]

SECOND_NS = 1_000_000_000


class Bar(NamedTuple):
    """One bar; a row `(time, open, high, low, close, volume)`."""

    time: int
    """When the bar opened, in Unix ns. A daily bar of an exchange has midnight UTC of its date."""
    open: float
    high: float
    low: float
    close: float
    volume: float
    """In units of the asset; 0 when nobody traded."""


def bars_of(rows: Iterable[Sequence[Any]]) -> list[Bar]:
    """Return rows of (time, open, high, low, close, volume) as bars.

    Args:
        rows: Oldest first. A time is Unix ns, an aware or naive (UTC) `datetime`, a `date`, ISO 8601 text,
            or a numpy `datetime64`. A row without a volume has 0.

    Raises:
        ValueError: If a row has too few fields or one that is no number; the message names the row.
    """
    bars: list[Bar] = []
    for index, row in enumerate(rows):
        try:
            time, first, high, low, close, *volume = row
            prices = (float(first), float(high), float(low), float(close))
            bars.append(Bar(time_of(time), *prices, float(volume[0]) if volume else 0.0))
        except (TypeError, ValueError, IndexError) as error:
            raise ValueError(
                f"row {index} is no bar: {row!r} ({error}). Use (time, open, high, low, close, volume)."
            ) from error
    return bars


def time_of(value: Any) -> int:
    """Return a time as Unix ns; see `bars_of` for what it may be.

    Raises:
        ValueError: If it is none of these.
    """
    if isinstance(value, int):
        return value
    if isinstance(value, float) and value.is_integer():
        # A row of an array of floats.
        return int(value)
    if isinstance(value, str):
        value = datetime.fromisoformat(value)
    if hasattr(value, "to_pydatetime"):
        value = value.to_pydatetime()
    if hasattr(value, "astype"):
        return int(value.astype("datetime64[ns]").astype("int64")) if value.dtype.kind == "M" else int(value)
    if isinstance(value, date) and not isinstance(value, datetime):
        value = datetime(value.year, value.month, value.day, tzinfo=UTC)
    if not isinstance(value, datetime):
        raise ValueError(f"{value!r} is no time")
    aware = value if value.tzinfo else value.replace(tzinfo=UTC)
    whole = aware.replace(microsecond=0)
    return int(whole.timestamp()) * SECOND_NS + aware.microsecond * 1000


def day_of(time: int) -> date:
    """Return the day of UTC of a time in Unix ns: of a daily bar, the day that it is of."""
    return datetime.fromtimestamp(time // SECOND_NS, UTC).date()


def exact(price: float) -> Decimal:
    """Return a price as the decimal that it was read from (the shortest that gives this float)."""
    return Decimal(repr(price))

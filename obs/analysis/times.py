"""Moments as callers give them."""

from __future__ import annotations

from datetime import datetime

__all__ = ["to_ns"]


def to_ns(now: int | datetime) -> int:
    """Return Unix ns of an aware datetime; an int is taken as it is.

    Raises:
        ValueError: If the datetime carries no zone.
    """
    if isinstance(now, int):
        return now
    if now.tzinfo is None:
        raise ValueError(f"now = {now!r} has no time zone: use datetime.now(timezone.utc) or Unix ns")
    return int(now.timestamp() * 1_000_000) * 1_000

"""Durations and amounts of money as the settings write them."""

from __future__ import annotations

import re

__all__ = ["AMOUNT", "DURATION", "duration_ns"]

DURATION = re.compile(r"(\d+(?:\.\d+)?)([smhd])")
AMOUNT = re.compile(r"(\d+(?:\.\d+)?)\s*([A-Za-z]{2,10})")
_UNITS = {"s": 1, "m": 60, "h": 3_600, "d": 86_400}


def duration_ns(text: str) -> int:
    """Return the ns of a duration as the settings write it: `30s`, `4h`; 0 for `off`."""
    match = DURATION.fullmatch(text)
    return int(float(match[1]) * _UNITS[match[2]] * 1_000_000_000) if match is not None else 0

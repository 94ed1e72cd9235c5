"""The logarithmic scale on which values are spread: that of Prometheus' native histograms and OpenTelemetry.

Each power of two is parted into eight buckets, whatever comes: histograms of any time and process add up, and
a quantile is known to `ERROR` of its value. What is below the scale counts as nothing, what is above it is in
its last bucket, so there are never more than `BUCKETS`.

Source: Prometheus, "Native Histograms", schema 3; OpenTelemetry, metrics data model, ExponentialHistogram.
"""

from __future__ import annotations

import math
from bisect import bisect_left

__all__ = ["BUCKETS", "ERROR", "FIRST", "LAST", "NOTHING", "SCHEMA", "middle", "place", "upper"]

SCHEMA = 3
"""A bound is the one before it times 2 to the power of 2**-SCHEMA."""
_PARTS = 1 << SCHEMA
ERROR = 2 ** (1 / _PARTS) - 1
"""How far a quantile may be from the true value, as a part of it: 9.1 %."""
_LEAST, _MOST = -17, 13
NOTHING = 2.0**_LEAST
"""Up to here a value counts as 0: 7.6 µs, or less than a tenth of a basis point."""
FIRST = _LEAST * _PARTS + 1
LAST = _MOST * _PARTS
"""Number of the bucket that ends at 8,192: two hours and a quarter."""
BUCKETS = LAST - FIRST + 1
_FRACTIONS = tuple(0.5 * 2 ** (part / _PARTS) for part in range(_PARTS))
"""Upper bounds between 0.5 and 1, where `frexp` puts every number."""


def place(value: float) -> int | None:
    """Return the number of the bucket a value belongs to, None when it counts as 0.

    A value on a bound belongs to the bucket that ends there, as in Prometheus. OpenTelemetry's number of the
    same bucket is one less.
    """
    # Written so that nan counts as 0 too.
    if not value > NOTHING:
        return None
    if value == math.inf:
        return LAST
    fraction, power = math.frexp(value)
    return min(LAST, bisect_left(_FRACTIONS, fraction) + (power - 1) * _PARTS)


def middle(number: int) -> float:
    """Return what stands for a bucket: no value in it is further away than 4.5 % of itself."""
    return upper(number) * 2 ** (-0.5 / _PARTS)


def upper(number: int) -> float:
    """Return where a bucket ends."""
    return math.ldexp(2 ** (number % _PARTS / _PARTS), number // _PARTS)

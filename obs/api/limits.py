"""How often a client may ask: token buckets, one for each address, bounded in number."""

from __future__ import annotations

import time
from collections import OrderedDict
from collections.abc import Callable

import msgspec

__all__ = ["ELSEWHERE", "GUESSES", "LOOPBACK", "Rate", "RateLimit"]

MOST_CLIENTS = 4_096


class Rate(msgspec.Struct, frozen=True):
    """So many in a second on the long run, and at most so many at once."""

    per_second: float
    burst: float


LOOPBACK = Rate(2_000, 4_000)
ELSEWHERE = Rate(20, 100)
GUESSES = Rate(0.2, 10)
"""Wrong tokens from elsewhere."""


class RateLimit:
    """One bucket for each client; the clients that have been quiet longest are forgotten first."""

    def __init__(self, rate: Rate, *, timer: Callable[[], float] = time.monotonic) -> None:
        """Make one without clients.

        Args:
            rate: What each may do.
            timer: A clock in seconds that never goes back.
        """
        self._rate, self._timer = rate, timer
        self._buckets: OrderedDict[str, tuple[float, float]] = OrderedDict()

    def take(self, client: str) -> float:
        """Take one from a client's bucket; return 0, or how many seconds it has to wait when it is empty."""
        now = self._timer()
        left = self._left(client, now)
        if left < 1:
            return (1 - left) / self._rate.per_second
        self._buckets[client] = left - 1, now
        self._buckets.move_to_end(client)
        if len(self._buckets) > MOST_CLIENTS:
            self._buckets.popitem(last=False)
        return 0.0

    def is_empty(self, client: str) -> bool:
        """Whether nothing is left in a client's bucket; takes nothing."""
        return self._left(client, self._timer()) < 1

    def _left(self, client: str, now: float) -> float:
        left, at = self._buckets.get(client, (self._rate.burst, now))
        return min(self._rate.burst, left + (now - at) * self._rate.per_second)

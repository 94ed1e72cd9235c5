"""What agents are credited with of trades that are over, once it will hardly change: to be kept for good.

Only of bots that credit nobody themselves; what a bot computes is stored as it says it.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator

from obs.money.entries import Credit
from obs.money.windows import Ledger, Listed, short

__all__ = ["Settled"]

SETTLES_NS = 5 * 60 * 1_000_000_000
"""After so long what led to a trade has been heard of, also from a bot that tells late."""
MOST = 20_000
"""Trades that are known to be told; a store knows the others by their ids."""


class Settled:
    """Gives the credits of each trade once; again only to a store that has them already."""

    def __init__(self) -> None:
        self._told: dict[tuple[str, str, str], None] = {}

    def credits(self, ledger: Ledger, now: int) -> Iterator[Credit]:
        """Yield the credits of trades that settled since the last call.

        Args:
            ledger: The book.
            now: Unix ns.
        """
        for listed in ledger.listed:
            trip, account = listed.trip, listed.account
            if trip.is_open or not trip.left or trip.left > now - SETTLES_NS:
                continue
            key = listed.service, trip.key, trip.name
            if key in self._told or account.credits or account.credits_until:
                continue
            found = list(_credits(ledger, listed))
            if found:
                self._tell(key)
                yield from found

    def _tell(self, key: tuple[str, str, str]) -> None:
        self._told[key] = None
        while len(self._told) > MOST:
            del self._told[next(iter(self._told))]


def _credits(ledger: Ledger, listed: Listed) -> Iterator[Credit]:
    trip = listed.trip
    for part in ledger.parts(listed):
        if part.amount is None or not part.method:
            continue
        # The same trade has the same id after every restart: a store takes it once.
        named = "\x1f".join((listed.service, trip.key, trip.name, str(trip.left), part.agent))
        digest = hashlib.blake2b(named.encode("utf-8", "backslashreplace"), digest_size=12).hexdigest()
        yield Credit(
            service=listed.service,
            uid=f"credit-{digest}",
            time=trip.left,
            trade=trip.name,
            agent=part.agent,
            amount=short(part.amount),
            currency=part.currency,
            method=part.method,
            mode=listed.mode,
        )

"""Conversion between currencies, by dated rates only: those of the settings and those that bots tell.

A pair is used as it stands or the other way round; nothing else stands for it, and one dollar token is not a
dollar unless a rate says so. Of several rates the newest one not later than the figure's own time holds.
"""

from __future__ import annotations

from collections.abc import Iterable
from decimal import ROUND_HALF_EVEN, Context, Decimal

import msgspec

from obs.money.amounts import Converted, Money, Rate

__all__ = ["Rates"]

_EXACT = Context(prec=34, rounding=ROUND_HALF_EVEN)


class Rates(msgspec.Struct, frozen=True):
    """All rates that are known."""

    known: tuple[Rate, ...] = ()

    @classmethod
    def of(cls, rates: Iterable[Rate]) -> Rates:
        """Return the rates in order of time."""
        return cls(tuple(sorted(rates)))

    def convert(self, amount: Decimal, currency: str, to: str, *, at: int) -> Converted | None:
        """Return the amount in another currency; None when no rate tells.

        Args:
            amount: Any amount.
            currency: Its currency.
            to: The currency wanted.
            at: Unix ns of the figure; later rates do not hold for it.
        """
        if currency == to:
            return Converted(amount=amount, currency=to)
        rate = self.find(currency, to, at=at)
        if rate is None:
            return None
        if rate.pair == f"{currency}/{to}":
            converted = _EXACT.multiply(amount, rate.rate)
        else:
            converted = _EXACT.divide(amount, rate.rate)
        return Converted(amount=converted, currency=to, rates=(rate,))

    def total(self, amounts: Iterable[Money], to: str, *, at: int) -> Converted | None:
        """Return the sum of amounts in one currency; None when a rate is missing for one of them."""
        whole, used = Decimal(0), set[Rate]()
        for money in amounts:
            converted = self.convert(money.amount, money.currency, to, at=at)
            if converted is None:
                return None
            whole += converted.amount
            used |= set(converted.rates)
        return Converted(amount=whole, currency=to, rates=tuple(sorted(used)))

    def find(self, currency: str, to: str, *, at: int) -> Rate | None:
        """Return the newest rate between two currencies that is not later than `at`."""
        pairs = (f"{currency}/{to}", f"{to}/{currency}")
        return next((rate for rate in reversed(self.known) if rate.pair in pairs and rate.time <= at), None)

    def newest(self, *, at: int) -> tuple[Rate, ...]:
        """Return the newest rate of each pair, in order of pair."""
        found = {rate.pair: rate for rate in self.known if rate.time <= at}
        return tuple(found[pair] for pair in sorted(found))

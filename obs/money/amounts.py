"""Money: an amount and its currency, and rates between two currencies, each with its date.

Amounts of different currencies are never added without a dated rate, and every converted amount says which.
"""

from __future__ import annotations

from decimal import Decimal

import msgspec

__all__ = ["Converted", "Money", "Rate"]


class Money(msgspec.Struct, frozen=True):
    """An amount and its currency; amounts of different currencies are never added."""

    amount: Decimal
    currency: str


class Rate(msgspec.Struct, frozen=True, order=True):
    """What one unit of a currency was worth in another, and when."""

    time: int
    """Unix ns."""
    pair: str
    """`USD/KRW`: how many KRW one USD is."""
    rate: Decimal
    source: str = "settings"
    """`settings` or `event`."""


class Converted(msgspec.Struct, frozen=True, kw_only=True):
    """An amount in one currency and the rates that took it there."""

    amount: Decimal
    currency: str
    rates: tuple[Rate, ...] = ()
    """Empty when nothing had to be converted."""

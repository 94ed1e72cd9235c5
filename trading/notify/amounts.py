"""Figures as a message shows them: won without decimals, shares in percent, what is unknown as `?`."""

from __future__ import annotations

from decimal import ROUND_HALF_EVEN, Decimal

from trading.reporting.facts import Blank, Figure

__all__ = ["amount", "count", "number", "percent", "quantity", "signed_amount", "signed_percent"]

_UNITS_WITHOUT_PARTS = frozenset({"KRW", "JPY", "VND", "CLP"})
"""Currencies of ISO 4217 whose smallest unit is one (those a market here may trade in)."""


def amount(value: Figure, currency: str, language: str) -> str:
    """Return money with its currency: `30,500원`, in English `30,500 KRW`; others with decimals: `12.50 USD`.

    A price below 100 in a currency without parts keeps what it has (`0.0123원`): a coin is traded so.
    """
    if not isinstance(value, float | int):
        return _blank(value)
    exact = Decimal(repr(float(value)))
    if not exact.is_finite():
        return "?"
    whole = currency in _UNITS_WITHOUT_PARTS
    shown = _grouped(exact, 0 if whole else 2)
    if abs(exact) < (100 if whole else 1) and Decimal(shown.replace(",", "")) != exact:
        shown = f"{_significant(exact, 4):,f}"
    return f"{shown}원" if (currency, language) == ("KRW", "ko") else f"{shown} {currency}".rstrip()


def signed_amount(value: Figure, currency: str, language: str) -> str:
    """Return money gained or lost, with its sign; money in hand, so won never has decimals."""
    if not isinstance(value, float | int):
        return _blank(value)
    exact = Decimal(repr(float(value)))
    shown = _grouped(exact, 0 if currency in _UNITS_WITHOUT_PARTS else 2)
    sign = "+" if exact > 0 and shown.strip("0.?") else ""
    unit = "원" if (currency, language) == ("KRW", "ko") else f" {currency}"
    return f"{sign}{shown}{unit}"


def percent(value: Figure, places: int = 1) -> str:
    """Return a fraction in percent: 0.753 is `75.3%`."""
    if not isinstance(value, float | int):
        return _blank(value)
    return f"{_grouped(Decimal(repr(float(value))) * 100, places)}%"


def signed_percent(value: Figure, places: int = 2) -> str:
    """Return a fraction in percent with its sign: 0.0123 is `+1.23%`."""
    shown = percent(value, places)
    return f"+{shown}" if isinstance(value, float | int) and shown.strip("-0.%") and value > 0 else shown


def number(value: Figure, places: int) -> str:
    """Return a bare figure with so many decimals."""
    return _grouped(Decimal(repr(float(value))), places) if isinstance(value, float | int) else _blank(value)


def quantity(value: float) -> str:
    """Return units of an asset: whole ones without decimals, parts of a coin with up to eight."""
    exact = Decimal(repr(float(value)))
    if not exact.is_finite():
        return "?"
    return f"{exact.quantize(Decimal('1e-8'), ROUND_HALF_EVEN).normalize():,f}"


def count(value: int | None) -> str:
    """Return a count, or `?`."""
    return "?" if value is None else f"{value:,}"


def _blank(value: Blank | None) -> str:
    return "?" if value is None else "-"


def _grouped(value: Decimal, places: int) -> str:
    if not value.is_finite():
        return "?"
    shown = f"{value.quantize(Decimal(1).scaleb(-places), ROUND_HALF_EVEN):,f}"
    return shown.removeprefix("-") if not shown.strip("-0.,") else shown


def _significant(value: Decimal, digits: int) -> Decimal:
    return value.quantize(Decimal(1).scaleb(value.adjusted() - digits + 1), ROUND_HALF_EVEN).normalize()

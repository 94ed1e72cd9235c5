"""Figures as people read them: money with its currency, shares in percent; unknown is `?`, none is `-`.

One place, so that a report, a chart and a message never write the same amount in two ways.
"""

from __future__ import annotations

from decimal import ROUND_HALF_EVEN, Decimal

from trading.reporting.facts import Blank, Figure

__all__ = ["amount", "count", "grouped", "number", "percent", "quantity", "signed_amount", "signed_percent"]

_UNITS_WITHOUT_PARTS = frozenset({"KRW", "JPY", "VND", "CLP"})
"""Currencies of ISO 4217 whose smallest unit is one (those a market here may trade in)."""


def amount(value: Figure, currency: str, language: str) -> str:
    """Return money with its currency: `30,500원`, in English `30,500 KRW`; others with decimals: `12.50 USD`.

    A price below 100 in a currency without parts keeps what it has (`0.0123원`): a coin is traded so.
    """
    exact = _exact(value)
    if exact is None:
        return _blank(value)
    whole = currency in _UNITS_WITHOUT_PARTS
    shown = _grouped(exact, 0 if whole else 2)
    if abs(exact) < (100 if whole else 1) and Decimal(shown.replace(",", "")) != exact:
        shown = f"{_significant(exact, 4):,f}"
    return _with_unit(shown, currency, language)


def signed_amount(value: Figure, currency: str, language: str) -> str:
    """Return money gained or lost, with its sign; money in hand, so won never has decimals."""
    exact = _exact(value)
    if exact is None:
        return _blank(value)
    shown = _grouped(exact, 0 if currency in _UNITS_WITHOUT_PARTS else 2)
    return _with_unit(_signed(shown, exact), currency, language)


def percent(value: Figure, places: int = 1) -> str:
    """Return a fraction in percent: 0.753 is `75.3%`."""
    exact = _exact(value)
    return _blank(value) if exact is None else f"{_grouped(exact * 100, places)}%"


def signed_percent(value: Figure, places: int = 2) -> str:
    """Return a fraction in percent with its sign: 0.0123 is `+1.23%`."""
    exact = _exact(value)
    return _blank(value) if exact is None else f"{_signed(_grouped(exact * 100, places), exact)}%"


def number(value: Figure, places: int) -> str:
    """Return a bare figure with so many decimals."""
    exact = _exact(value)
    return _blank(value) if exact is None else _grouped(exact, places)


def quantity(value: float) -> str:
    """Return units of an asset: whole ones without decimals, parts of a coin with up to eight."""
    exact = _exact(value)
    if exact is None:
        return "?"
    shown = _grouped(exact, 8)
    return shown.rstrip("0").rstrip(".") if "." in shown else shown


def count(value: int | None) -> str:
    """Return a count, or `?`."""
    return "?" if value is None else f"{value:,}"


def grouped(value: float, places: int = 0) -> str:
    """Return a number with thousands marked: `1,234,567.80`; one that rounds to zero has no sign."""
    # Nobody reads more than 18 digits.
    return _grouped(Decimal(repr(float(value))), places) if abs(value) < 1e18 else f"{value:.3e}"


def _exact(value: Figure) -> Decimal | None:
    # Beyond these bounds it is no figure of a market but a fault elsewhere: shown as unknown, and as zero.
    if not isinstance(value, float | int) or not abs(value) < 1e18:
        return None
    return Decimal(repr(float(value))) if abs(value) > 1e-12 else Decimal(0)


def _blank(value: Figure) -> str:
    return "-" if isinstance(value, Blank) else "?"


def _grouped(value: Decimal, places: int) -> str:
    shown = f"{value.quantize(Decimal(1).scaleb(-places), ROUND_HALF_EVEN):,f}"
    return shown.removeprefix("-") if not shown.strip("-0.,") else shown


def _signed(shown: str, exact: Decimal) -> str:
    return f"+{shown}" if exact > 0 and shown.strip("0.,") else shown


def _with_unit(shown: str, currency: str, language: str) -> str:
    return f"{shown}원" if (currency, language) == ("KRW", "ko") else f"{shown} {currency}".rstrip()


def _significant(value: Decimal, digits: int) -> Decimal:
    return value.quantize(Decimal(1).scaleb(value.adjusted() - digits + 1), ROUND_HALF_EVEN).normalize()

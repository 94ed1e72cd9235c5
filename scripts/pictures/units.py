"""Numbers as Grafana writes them in the units that our panels use, and round numbers for an axis."""

from __future__ import annotations

import math
import time

__all__ = ["ticks", "told"]

_SUFFIX = {"cpm": "c/m", "opm": "ops/m", "reqpm": "req/m", "reqps": "req/s", "recps": "rec/s"}
_SPANS = (
    (604_800, " week"),
    (86_400, " day"),
    (3_600, " hour"),
    (60, " min"),
    (1, " s"),
    (1e-3, " ms"),
    (1e-6, " µs"),
)
_ROUND_SECONDS = (60, 120, 300, 600, 900, 1_800, 3_600, 7_200, 14_400, 43_200, 86_400)


def told(value: float, unit: str, digits: int = 3) -> str:
    """Return a number with its unit, in so many digits; amounts are whole."""
    if math.isnan(value):
        return "NaN"
    if unit == "percentunit":
        return f"{_digits(value * 100, digits)}%"
    if unit == "s":
        return _span(value, digits)
    if unit == "bytes":
        return _scaled(value, 1024, (" B", " KiB", " MiB", " GiB", " TiB"), digits)
    if unit == "locale":
        return f"{value:,.2f}".removesuffix(".00")
    if unit == "dateTimeFromNow":
        return f"{_span(max(0.0, time.time() - value / 1000), digits)} ago"
    if unit in _SUFFIX:
        return f"{_scaled(value, 1000, ('', 'K', 'M', 'B'), digits)} {_SUFFIX[unit]}"
    return _scaled(value, 1000, ("", " K", " Mil", " Bil"), digits)


def ticks(low: float, high: float, most: int, unit: str) -> list[float]:
    """Return round numbers of a unit between two numbers, about `most` of them."""
    raw = (high - low) / most
    if unit == "bytes" and raw >= 1:
        step = 2.0 ** math.ceil(math.log2(raw))
    elif unit == "s" and 30 < raw <= _ROUND_SECONDS[-1]:
        step = next(float(size) for size in _ROUND_SECONDS if size >= raw)
    else:
        size = 10.0 ** math.floor(math.log10(raw))
        step = next(size * times for times in (1, 2, 2.5, 5, 10) if size * times >= raw * 0.999)
    first = math.ceil(low / step - 1e-9)
    return [number * step for number in range(first, math.floor(high / step + 1e-9) + 1)]


def _span(value: float, digits: int) -> str:
    if not value:
        return "0 s"
    for size, name in _SPANS:
        if abs(value) >= size:
            many = "s" if abs(value) / size >= 1.95 and size >= 60 else ""
            return f"{_digits(value / size, digits)}{name}{many}"
    return f"{_digits(value / 1e-9, digits)} ns"


def _scaled(value: float, base: int, names: tuple[str, ...], digits: int) -> str:
    power = 0
    while abs(value) >= base and power < len(names) - 1:
        value, power = value / base, power + 1
    return f"{_digits(value, digits)}{names[power]}"


def _digits(value: float, digits: int) -> str:
    return f"{value:.0f}" if abs(value) >= 10**digits - 0.5 else f"{value:.{digits}g}"

"""What cells mean: numbers and times in the spellings of exchanges, brokers and spreadsheets."""

from __future__ import annotations

import math
import re
from collections.abc import Iterable
from datetime import UTC, date, datetime, timedelta, tzinfo
from typing import Literal
from zoneinfo import ZoneInfo

from trading.bars import SECOND_NS
from trading.market.source import DAY_NS

__all__ = ["CellError", "decimal_sign", "is_day_first", "number", "plain_number", "time_in"]

Sign = Literal[".", ","]

BLANK = frozenset({"", "-", "--", "—", "n/a", "na", "nan", "null", "none", "#n/a", "<na>"})
UNITS = {"k": 1e3, "m": 1e6, "b": 1e9}
MONTHS = {word: n for n, word in enumerate("jan feb mar apr may jun jul aug sep oct nov dec".split(), 1)}  # noqa: SIM905
EPOCH_DAY = date(1970, 1, 1).toordinal()

_DECORATION = re.compile(r"[\s₩$€£¥'원%]|krw|usd", re.IGNORECASE)
_CLOCK = (
    r"(?:[T\s]+(\d{1,2}):?(\d{2})(?::?(\d{2})(?:[.,](\d{1,9}))?)?\s*(Z|UTC|[+-]\d{2}:?\d{2}(?::?\d{2})?)?)?"
)
_YEAR_FIRST = re.compile(
    rf"(\d{{4}})\s*[-./년]\s*(\d{{1,2}})\s*[-./월]\s*(\d{{1,2}})\s*일?{_CLOCK}", re.IGNORECASE
)
_PACKED = re.compile(rf"(\d{{4}})(\d{{2}})(\d{{2}}){_CLOCK}", re.IGNORECASE)
_YEAR_LAST = re.compile(rf"(\d{{1,2}})[-./](\d{{1,2}})[-./](\d{{4}}){_CLOCK}", re.IGNORECASE)
_MONTH_FIRST = re.compile(r"([A-Za-z]{3})[a-z]*\.?\s+(\d{1,2}),?\s+(\d{4})")
_MONTH_MIDDLE = re.compile(r"(\d{1,2})[-\s]([A-Za-z]{3})[a-z]*[-\s](\d{4})")
_EPOCH_UNITS = {10: SECOND_NS, 13: 1_000_000, 16: 1_000, 19: 1}
"""Digits of a present time in s, ms, us, ns, and how many ns one unit has."""


class CellError(ValueError):
    """A cell that cannot be read; whoever knows the file adds the place."""


def plain_number(cell: str) -> float | None:
    """Return a number in the spelling of programs, NaN for a blank cell, `None` if it is neither."""
    try:
        return float(cell)
    except ValueError:
        return math.nan if cell.strip().lower() in BLANK else None


def number(cell: str, sign: Sign) -> float:
    """Return a number in the spelling of people: `₩30,500`, `1.234,5`, `12.3M`; NaN for a blank cell.

    Args:
        cell: The text.
        sign: The decimal sign of the table, see `decimal_sign`.

    Raises:
        CellError: If it is no number.
    """
    text = _bare(cell)
    if text.lower() in BLANK:
        return math.nan
    factor = UNITS.get(text[-1].lower(), 1.0)
    digits = text[:-1] if factor > 1 else text
    digits = digits.replace(",", "") if sign == "." else digits.replace(".", "").replace(",", ".")
    try:
        return float(digits) * factor
    except ValueError:
        raise CellError(f"{cell!r} is no number") from None


def decimal_sign(cells: Iterable[str], separator: str) -> Sign:
    """Return which sign begins the decimals in a table, from all its cells together.

    Raises:
        CellError: If the cells contradict one another, or `1,234` can mean both and nothing decides.
    """
    seen: dict[Sign, str] = {}
    unclear = ""
    for cell in cells:
        text = _bare(cell)
        verdict = _verdict(text)
        if verdict is not None:
            seen.setdefault(verdict, cell)
        elif "," in text:
            unclear = unclear or cell
    if len(seen) == 2:
        raise CellError(
            f"{seen['.']!r} and {seen[',']!r} have different decimal signs; write one of them alone"
        )
    if seen:
        return next(iter(seen))
    if unclear and separator != ",":
        raise CellError(f'{unclear!r} may be a thousand or a decimal; set [data] decimal to "." or ","')
    return "."


def is_day_first(cells: Iterable[str]) -> bool:
    """Return whether dates with the year last begin with the day; True as well when none is such a date.

    Raises:
        CellError: If no date decides it (01/02/2024).
    """
    example = ""
    for cell in cells:
        if not (match := _YEAR_LAST.fullmatch(cell.strip())):
            continue
        if "." in cell.split()[0] or int(match[1]) > 12:
            return True
        if int(match[2]) > 12:
            return False
        example = example or cell
    if example:
        raise CellError(f"{example!r} may begin with the day or the month; write dates as 2024-01-31")
    return True


def time_in(cell: str, zone: ZoneInfo | None, *, is_daily: bool, day_first: bool = True) -> int:
    """Return the time in a cell, in Unix ns.

    Args:
        cell: A date, a date with a time, or Unix s, ms, us, ns.
        zone: Of times that name none; `None`: UTC.
        is_daily: A time that names no zone then counts as its date alone: midnight UTC.
        day_first: For dates like 31/01/2024.

    Raises:
        CellError: If it is no time.
    """
    text = cell.strip()
    if (epoch := _epoch(text)) is not None:
        return epoch
    try:
        return _written(text, zone, is_daily, day_first)
    except (ValueError, OverflowError):
        raise CellError(f"{cell!r} is no time; write it as 2024-01-31 or 2024-01-31 09:00") from None


def _written(text: str, zone: ZoneInfo | None, is_daily: bool, day_first: bool) -> int:
    clock: tuple[str | None, ...] = ()
    if text.isdigit() and len(text) in (12, 14):
        text = f"{text[:8]} {text[8:]}"
    if match := _YEAR_FIRST.fullmatch(text) or _PACKED.fullmatch(text):
        year, month, day = int(match[1]), int(match[2]), int(match[3])
        clock = match.groups()[3:]
    elif match := _YEAR_LAST.fullmatch(text):
        first, second, year = int(match[1]), int(match[2]), int(match[3])
        day, month = (first, second) if day_first else (second, first)
        clock = match.groups()[3:]
    elif match := _MONTH_FIRST.fullmatch(text):
        year, month, day = int(match[3]), MONTHS.get(match[1].lower(), 0), int(match[2])
    elif match := _MONTH_MIDDLE.fullmatch(text):
        year, month, day = int(match[3]), MONTHS.get(match[2].lower(), 0), int(match[1])
    else:
        raise ValueError
    midnight = (date(year, month, day).toordinal() - EPOCH_DAY) * DAY_NS
    if not clock or clock[0] is None:
        return midnight if is_daily or zone is None else _placed((year, month, day), zone)
    hour, minute, second_ = int(clock[0]), int(clock[1] or 0), int(clock[2] or 0)
    moment = (year, month, day, hour, minute, second_)
    fraction = int((clock[3] or "").ljust(9, "0") or 0)
    if clock[4]:
        return _placed(moment, UTC) - _offset(clock[4]) + fraction
    return midnight if is_daily else _placed(moment, zone or UTC) + fraction


def _epoch(text: str) -> int | None:
    digits, _, fraction = text.partition(".")
    if not digits.isdigit() or not digits.isascii() or (fraction and not fraction.isdigit()):
        return None
    # 8, 12 and 14 digits are dates; 9 digits of seconds ended in 2001.
    unit = _EPOCH_UNITS.get(len(digits))
    if unit is None:
        return None
    return int(digits) * unit + (round(float(f"0.{fraction}") * unit) if fraction else 0)


def _placed(moment: tuple[int, ...], zone: tzinfo) -> int:
    year, month, day, hour, minute, second = (*moment, 0, 0, 0)[:6]
    local = datetime(year, month, day, hour, minute, second, tzinfo=zone)
    return int(local.timestamp()) * SECOND_NS


def _offset(text: str) -> int:
    if text.upper() in {"Z", "UTC"}:
        return 0
    digits = text[1:].replace(":", "")
    span = timedelta(hours=int(digits[:2]), minutes=int(digits[2:4]), seconds=int(digits[4:] or 0))
    return int(span.total_seconds()) * SECOND_NS * (-1 if text[0] == "-" else 1)


def _verdict(text: str) -> Sign | None:
    commas, dots = text.count(","), text.count(".")
    if commas and dots:
        return "." if text.rfind(".") > text.rfind(",") else ","
    if commas > 1:
        return "."
    if dots > 1:
        return ","
    if commas:
        whole, _, rest = text.partition(",")
        return "," if len(rest) != 3 or whole.lstrip("-") == "0" else None
    if dots:
        _, _, rest = text.partition(".")
        return "." if len(rest) != 3 else None
    return None


def _bare(cell: str) -> str:
    return _DECORATION.sub("", cell)

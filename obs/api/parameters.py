"""Parameters that several routes share: times, languages, names; read once, described once."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from typing import Annotated, Any, Literal

from fastapi import Query
from pydantic import AfterValidator, WithJsonSchema

__all__ = ["Days", "Hours", "Lang", "Limit", "Moment", "Name", "ns_of"]

_SPAN = re.compile(r"([0-9]{1,6})([smhd])", re.ASCII)
_UNITS = {"s": 1, "m": 60, "h": 3_600, "d": 86_400}
_MS = re.compile(r"[0-9]{1,15}", re.ASCII)
_RFC3339 = re.compile(
    r"\d{4}-\d\d-\d\d[Tt ](\d\d:\d\d:)(\d\d)(\.\d+)?([Zz]|[+-]\d\d:\d\d)",
    re.ASCII,
)
LATEST_NS = 2**63 - 1


def ns_of(text: str, now: int) -> int:
    """Return the moment a parameter means, as Unix ns, never before 1970.

    Args:
        text: `2026-11-20T10:30:00Z`, Unix ms, or a time span back from now: `30m`, `2h`, `7d`.
        now: Unix ns.

    Raises:
        ValueError: If it is none of these.
    """
    if (span := _SPAN.fullmatch(text)) is not None:
        return max(0, now - int(span[1]) * _UNITS[span[2]] * 1_000_000_000)
    if _MS.fullmatch(text):
        return min(int(text) * 1_000_000, LATEST_NS)
    if (parts := _RFC3339.fullmatch(text)) is None:
        raise ValueError("is no time: write 2026-11-20T10:30:00Z, Unix ms, or 30m, 2h, 7d")
    # A leap second is a second like the one before, and more than six decimals say no more to us.
    seconds = "59" if parts[2] == "60" else parts[2]
    zone = "+00:00" if parts[4] in "Zz" else parts[4]
    at = datetime.fromisoformat(f"{text[:10]}T{parts[1]}{seconds}{(parts[3] or '')[:7]}{zone}")
    try:
        return min(max(0, int(at.astimezone(UTC).timestamp() * 1_000) * 1_000_000), LATEST_NS)
    except OverflowError:
        return 0 if at.year < 1970 else LATEST_NS


def _is_moment(text: str) -> str:
    # A "+" that was not escaped in an address arrives as a blank.
    text = re.sub(r" (\d\d:\d\d)$", r"+\1", text)
    ns_of(text, LATEST_NS)
    return text


def _moment_schema() -> dict[str, Any]:
    return {
        "anyOf": [
            {"type": "string", "format": "date-time"},
            {"type": "integer", "minimum": 0, "maximum": 999_999_999_999_999},
            {"type": "string", "pattern": "^[0-9]{1,6}[smhd]$"},
        ],
    }


Moment = Annotated[str, AfterValidator(_is_moment), WithJsonSchema(_moment_schema())]
"""A time: RFC 3339, Unix ms, or a span back from now."""
Lang = Annotated[Literal["en", "ko"] | None, Query(description="Language; that of the settings if missing.")]
Hours = Annotated[int, Query(ge=1, le=8_760, description="So many hours up to now.")]
Days = Annotated[int, Query(ge=1, le=365, description="So many days up to now, today included.")]
Limit = Annotated[int, Query(ge=1, le=1_000, description="Most of them.")]
Name = Annotated[str, Query(max_length=200)]

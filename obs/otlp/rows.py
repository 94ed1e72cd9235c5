"""What a request says, in one form for both encodings: who speaks, and one row for each record."""

from __future__ import annotations

import base64
import math
from collections.abc import Callable, Iterable, Mapping
from hashlib import blake2b
from types import MappingProxyType
from typing import Any, NamedTuple

__all__ = [
    "MAX_DEPTH",
    "MAX_KEYS",
    "LogRow",
    "Owner",
    "PointRow",
    "Refused",
    "Row",
    "SpanEvent",
    "SpanRow",
    "Spoken",
    "bounded",
    "identity",
    "pairs",
    "plain_bytes",
    "plain_number",
    "shortened",
]

MAX_DEPTH = 16
"""Of a value within values; deeper ones become a word."""
MAX_KEYS = 256
"""Attributes of one record."""
MAX_TEXT = 64 * 1024
"""Characters of one text; the rest is cut off, and said."""
TOO_DEEP = "[too deep]"


class Owner(NamedTuple):
    """Who speaks: a resource, and the scope (library or logger) within it."""

    resource: dict[str, Any]
    scope: str = ""
    attributes: Mapping[str, Any] = MappingProxyType({})
    """Of the scope; they hold for each of its records."""


class LogRow(NamedTuple):
    """A log record. Times are Unix ns, 0 when not given; ids are lower-case hex, empty when not given."""

    time: int
    observed: int
    severity: int
    severity_text: str
    body: Any
    attributes: dict[str, Any]
    trace_id: str
    span_id: str
    event_name: str


class SpanEvent(NamedTuple):
    """Something that happened within a span."""

    time: int
    name: str
    attributes: dict[str, Any]


class SpanRow(NamedTuple):
    """A span that has ended."""

    trace_id: str
    span_id: str
    parent_id: str
    name: str
    kind: int
    """0 unknown, 1 internal, 2 server, 3 client, 4 producer, 5 consumer."""
    start: int
    end: int
    attributes: dict[str, Any]
    events: tuple[SpanEvent, ...]
    is_error: bool
    message: str
    """Of its status."""


class PointRow(NamedTuple):
    """One data point of a metric."""

    name: str
    unit: str
    kind: str
    """`gauge`, `sum`, or `distribution` for histograms and summaries."""
    time: int
    value: float | int | None
    """None for a distribution, or when none was recorded."""
    attributes: dict[str, Any]


class Refused(NamedTuple):
    """A record that cannot be read; its neighbours can."""

    raw: bytes


Row = LogRow | SpanRow | PointRow | Refused


class Spoken(NamedTuple):
    """A row and who spoke it."""

    owner: Owner
    row: Row


def identity(words: str) -> str:
    """Return an id for what these words name, by which it counts once."""
    return f"otlp-{blake2b(words.encode('utf-8', 'backslashreplace'), digest_size=10).hexdigest()}"


def shortened(text: str) -> str:
    """Return a text, cut when it is longer than any that is kept."""
    if len(text) <= MAX_TEXT:
        return text
    return f"{text[:MAX_TEXT]} [{len(text) - MAX_TEXT} more characters cut]"


def plain_number(value: float) -> float | str:
    """Return a number, or its word when JSON has none for it."""
    if math.isfinite(value):
        return value
    return "NaN" if math.isnan(value) else "Infinity" if value > 0 else "-Infinity"


def plain_bytes(value: bytes) -> str:
    """Return bytes as text, base64."""
    return shortened(base64.b64encode(value[:MAX_TEXT]).decode("ascii"))


def bounded(items: Iterable[Any], read: Callable[[Any], Any]) -> list[Any]:
    """Return the first of some values, read."""
    return [read(item) for _, item in zip(range(MAX_KEYS), items, strict=False)]


def pairs(items: Iterable[Any], read: Callable[[Any], tuple[str, Any]]) -> dict[str, Any]:
    """Return the first of some attributes; the later of two with one name counts, nameless ones do not."""
    found = dict(bounded(items, read))
    found.pop("", None)
    return found

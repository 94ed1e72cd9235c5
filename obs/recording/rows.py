"""What every line is made with: the JSON writer, limits, severities, times, and what JSON has no word for."""

from __future__ import annotations

import json
import logging
import math
from typing import Any, Final

from obs.recording.freezing import name_of

try:
    from orjson import dumps
except ImportError:  # The bot may have nothing but the standard library.
    _encode = json.JSONEncoder(ensure_ascii=False, separators=(",", ":"), allow_nan=False).encode

    def dumps(row: Any, /) -> bytes:  # type: ignore[misc]
        return _encode(row).encode()


__all__ = [
    "BODY_LIMIT",
    "LINE_LIMIT",
    "PLACEHOLDER",
    "PROVISIONAL",
    "QUICK",
    "RENDERED",
    "STANDARD",
    "STANDARD_NAMES",
    "TRACE_KEYS",
    "TRACE_LIMIT",
    "dumps",
    "extras_of",
    "nanoseconds",
    "readable",
    "severity_name",
]

QUICK: Final = 0
"""Only what C code can print."""
RENDERED: Final = 1
"""On the renderer thread: the bot's own code may run."""
PROVISIONAL: Final = 2
"""The last words of a caller: at once, foreign objects by their type, and marked."""
PLACEHOLDER: Final = 3
"""The same as the last word on an item."""

BODY_LIMIT: Final = 32_768
"""Characters of a message that are kept: half of them from its head, half from its tail."""
TRACE_LIMIT: Final = 65_536
"""Characters of a printed exception that are kept."""
LINE_LIMIT: Final = 1 << 20
"""Bytes of a line."""

STANDARD_NAMES: Final = list(logging.LogRecord("", 0, "", 0, "", (), None).__dict__)
"""The fields of a record as `logging` makes it, in order; what a call adds stands behind them."""
STANDARD: Final = frozenset(STANDARD_NAMES) | {"message", "asctime", "taskName"}
TRACE_KEYS: Final = {
    "otelTraceID": "trace_id",
    "otelSpanID": "span_id",
    "trace_id": "trace_id",
    "span_id": "span_id",
}

_LATEST_NS: Final = (1 << 63) - 1
"""What a signed 64-bit number of nanoseconds reaches: the year 2262."""


def severity_name(level: Any) -> str:
    """Return OpenTelemetry's severity word for one of `logging`'s level numbers."""
    if not isinstance(level, int):
        return "INFO"
    for least, word in ((50, "FATAL"), (40, "ERROR"), (30, "WARN"), (20, "INFO"), (10, "DEBUG")):
        if level >= least:
            return word
    return "TRACE"


def nanoseconds(created: Any) -> int:
    """Return a record's `created` as Unix nanoseconds; what is no time is 0."""
    try:
        return min(max(int(created * 1_000_000_000), 0), _LATEST_NS)
    except (TypeError, ValueError, OverflowError):
        return 0


def extras_of(fields: dict[str, Any]) -> dict[str, Any]:
    """Return what a log call added to a record, from the record's `__dict__`."""
    if len(fields) <= len(STANDARD_NAMES):
        return {}
    return {key: value for key, value in fields.items() if key not in STANDARD}


def readable(value: Any, depth: int = 0) -> Any:
    """Return the row with everything that strict JSON has no word for written as text."""
    if depth > 12:
        return "[too deep]"
    if isinstance(value, str):
        return value.encode("utf-8", "backslashreplace").decode()
    if isinstance(value, dict):
        return {readable(str(key), depth + 1): readable(item, depth + 1) for key, item in value.items()}
    if isinstance(value, list):
        return [readable(item, depth + 1) for item in value]
    if value is None or isinstance(value, bool):
        return value
    if isinstance(value, float):
        return value if math.isfinite(value) else str(value)
    if isinstance(value, int):
        return value if -(1 << 63) <= value < (1 << 64) else str(value)
    return f"<{name_of(type(value))}>"

"""Cut a line that is longer than a segment, so that what matters of it is kept and it says what was cut."""

from __future__ import annotations

import json
from typing import Any

from obs.spooling import segments

__all__ = ["shorten"]

_KEPT = ("timestamp", "observed_timestamp", "severity", "logger", "event_name", "seq", "trace_id", "span_id")


def shorten(stored: bytes, room: int) -> bytes | None:
    """Return the stored line cut to at most `room` bytes, still one valid JSON object; None when it is none.

    Head and tail of the body and of the stack trace stay; attributes and resource go. How many bytes the
    whole had stands in the attribute `log.record.cut_bytes`.
    """
    line = segments.unseal(stored[:-1])
    if line is None:
        return None
    try:
        found = json.loads(line)
    except (ValueError, RecursionError):
        return None
    if not isinstance(found, dict):
        return None
    # A character may take six bytes when it is escaped, and there are up to four texts.
    for limit in (room // 8, room // 32, room // 128, 0):
        kept = {key: _cut(found[key], 200) for key in _KEPT if key in found}
        kept["body"] = _cut(found.get("body", ""), limit)
        if isinstance(found.get("exception"), dict):
            kept["exception"] = {key: _cut(text, limit) for key, text in found["exception"].items()}
        kept["attributes"] = {"log.record.cut_bytes": len(line)}
        data = segments.seal(json.dumps(kept, separators=(",", ":")).encode("ascii"))
        if len(data) <= room:
            return data
    return None


def _cut(value: Any, limit: int) -> Any:
    if isinstance(value, (int, float, bool)) or value is None:
        return value
    text = value if isinstance(value, str) else json.dumps(value)
    if len(text) <= limit:
        return text
    head, tail = limit * 2 // 3, limit // 3
    return f"{text[:head]} … {len(text) - head - tail} characters cut … {text[len(text) - tail :]}"

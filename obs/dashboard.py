"""Snapshot -> JSON, the machine's twin of the briefing: `dashboards/latest.json` and what the API answers.

The shape is fixed by `dashboards/schema.json` and named by its version; times are RFC 3339 with milliseconds,
money is an amount as text and a currency, ids are those of the briefing.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from decimal import Decimal
from enum import Enum
from typing import Any

import msgspec
import orjson

from obs.definitions import definitions
from obs.snapshot import Snapshot

__all__ = ["SCHEMA", "TIMES", "UNSHOWN", "plain_json", "render", "rfc3339", "schema", "twin"]

SCHEMA = "obs.dashboard/1"

TIMES = frozenset(
    {
        "taken_at",
        "first_event",
        "last_event",
        "time",
        "first_seen",
        "last_seen",
        "first",
        "last",
        "last_time",
        "until",
        "unprotected_at",
        "opened_at",
        "opens_at",
        "closes_at",
        "entered",
        "left",
        "last_update",
    }
)
"""Fields that hold Unix ns and are written as RFC 3339."""
UNSHOWN = frozenset({"readings"})
"""Fields of the Snapshot that have a form of their own, and a page of their own."""


def render(snapshot: Snapshot) -> bytes:
    """Return the Snapshot as one JSON document, indented, keys in a fixed order."""
    return orjson.dumps(twin(snapshot), option=orjson.OPT_INDENT_2 | orjson.OPT_APPEND_NEWLINE)


def twin(snapshot: Snapshot) -> dict[str, Any]:
    """Return the Snapshot as plain data, the way JSON holds it."""
    shown = {name: _plain(name, value) for name, value in _fields(snapshot) if name not in UNSHOWN}
    return {"schema": SCHEMA, **shown}


def schema() -> dict[str, Any]:
    """Return the JSON Schema that `render` keeps to."""
    text = (definitions("dashboards") / "schema.json").read_text(encoding="utf-8")
    loaded: dict[str, Any] = orjson.loads(text)
    return loaded


def plain_json(value: object) -> bytes:
    """Return what the Snapshot and its kin are made of as JSON, the way `render` writes it."""
    return orjson.dumps(_plain("", value))


def rfc3339(time: int) -> str | None:
    """Return Unix ns as RFC 3339 in UTC with milliseconds; None for an unknown time (0)."""
    if not time:
        return None
    at = datetime.fromtimestamp(time // 1_000_000_000, UTC)
    return f"{at:%Y-%m-%dT%H:%M:%S}.{time // 1_000_000 % 1000:03d}Z"


def _fields(value: msgspec.Struct) -> list[tuple[str, Any]]:
    return [(name, getattr(value, name)) for name in value.__struct_fields__]


def _plain(name: str, value: Any) -> Any:
    if name in TIMES and isinstance(value, int):
        return rfc3339(value)
    if isinstance(value, msgspec.Struct):
        return {key: _plain(key, item) for key, item in _fields(value)}
    if isinstance(value, Mapping):
        return {str(key): _plain("", item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [_plain("", item) for item in value]
    if isinstance(value, Decimal):
        return f"{value:f}"
    if isinstance(value, Enum):
        return value.value
    if isinstance(value, str):
        # A lone surrogate has no UTF-8: it is written as an escape, so that strict readers take the file.
        return value if value.isascii() else value.encode("utf-8", "backslashreplace").decode()
    return value

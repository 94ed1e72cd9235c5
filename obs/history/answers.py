"""What the history answers, as data."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal

import msgspec
import orjson

from obs.events import Severity

__all__ = ["Coverage", "EventRow", "Point", "Totals"]


class EventRow(msgspec.Struct, frozen=True, kw_only=True):
    """A stored event. Its text is foreign: masked, and only ever to be shown as text."""

    seq: int
    """Grows with each stored event; the next page asks for what is before the last one's."""
    id: str
    """The short id that people use."""
    uid: str
    time: int
    """Unix ns."""
    severity: Severity
    service: str
    component: str
    logger: str
    event_name: str
    fingerprint: str
    """Of the issue it belongs to; empty for none."""
    body: str
    detail: str
    """JSON: attributes, exception, template, trace."""

    @property
    def trace(self) -> str:
        """The id of the trace it belongs to; empty for none."""
        try:
            told = orjson.loads(self.detail)
        except orjson.JSONDecodeError:
            return ""
        return str(told.get("trace_id") or "") if isinstance(told, dict) else ""


class Point(msgspec.Struct, frozen=True, kw_only=True):
    """What was counted in one step of time."""

    time: int
    """Unix ns at which the step begins."""
    counts: Mapping[str, int]
    """Severity word -> how many records; those that were not there are not named."""


class Coverage(msgspec.Struct, frozen=True, kw_only=True):
    """How much of what was counted can still be looked up."""

    counted: int
    kept: int
    oldest: int
    """Unix ns of the oldest event that is kept; 0 for none."""


class Totals(msgspec.Struct, frozen=True, kw_only=True):
    """Exact sums over stored rows, by currency."""

    trades: int
    pnl: Mapping[str, Decimal]
    calls: int
    cost: Mapping[str, Decimal]
    credited: Mapping[str, Decimal]

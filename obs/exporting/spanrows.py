"""What a span is before it is sent: its row, the ids by which every sidecar names it alike, and its words."""

from __future__ import annotations

from collections.abc import Mapping
from hashlib import blake2b
from typing import Any, Literal

import msgspec

from obs.events import Event, Severity

__all__ = [
    "MOST_NAME",
    "MOST_SAID",
    "Place",
    "SpanRow",
    "id_of",
    "links_of",
    "place_of",
    "resource_of",
    "said_by",
]

MOST_NAME = 200
MOST_SAID = 64
"""Attributes of one event, and about of one order."""
_WHOSE = (
    *("service.version", "service.namespace", "service.instance.id"),
    *("deployment.environment.name", "deployment.environment", "host.name"),
)
"""What a span says of its bot beside the name: by these an operator filters."""


class SpanRow(msgspec.Struct, kw_only=True, omit_defaults=True):
    """One span as it waits to be sent."""

    trace: str
    span: str
    parent: str = ""
    name: str
    kind: Literal["internal", "client"] = "internal"
    """`client`: somebody else was asked, an exchange or a model."""
    start: int
    end: int
    service: str = ""
    resource: dict[str, str] = {}
    failed: str = ""
    """Why, in a word of the bot."""
    attributes: dict[str, Any] = {}
    moments: list[tuple[str, int, dict[str, Any]]] = []
    """What happened meanwhile: name, Unix ns, attributes."""
    links: list[tuple[str, str]] = []
    """Traces and spans that it belongs to as well: the bot's own, or the order that opened its position."""


class Place(msgspec.Struct, frozen=True):
    """Where a record belongs."""

    trace: str
    span: str


def place_of(service: str, kind: str, told: str, *, trace: str = "") -> Place:
    """Return the trace and span of a signal, decision, order, fill or call.

    Args:
        service: The bot.
        kind: `signal`, `decision`, `order`, `fill`, `call`.
        told: Its id.
        trace: The trace it belongs to; empty: one of its own.
    """
    whole = f"{service}\0{kind}\0{told}".encode("utf-8", "backslashreplace")
    return Place(
        trace or blake2b(whole, digest_size=16, person=b"obs.trace").hexdigest(),
        blake2b(whole, digest_size=8, person=b"obs.span").hexdigest(),
    )


def said_by(event: Event) -> dict[str, Any]:
    """Return what an event says in flat values: all that a span needs."""
    said = {
        str(key)[:MOST_NAME]: value[:MOST_NAME] if isinstance(value, str) else value
        for key, value in list(event.attributes.items())[:MOST_SAID]
        if type(value) in (str, int, float, bool)
    }
    if event.uid:
        said["log.record.uid"] = event.uid[:MOST_NAME]
    if event.severity >= Severity.WARN and event.body:
        said["message"] = event.body[:MOST_NAME]
    return said


def id_of(values: Mapping[str, Any], key: str) -> str:
    """Return an id that an event says; empty when it says none."""
    value = values.get(key)
    return str(value)[:MOST_NAME] if value is not None and not isinstance(value, (list, dict)) else ""


def links_of(event: Event) -> list[tuple[str, str]]:
    """Return the place that the bot gave a record itself."""
    return [(event.trace_id, event.span_id)] if event.trace_id and event.span_id else []


def resource_of(event: Event) -> dict[str, str]:
    """Return what an event says of its bot beside the name."""
    return {key: str(event.resource[key])[:MOST_NAME] for key in _WHOSE if event.resource.get(key)}

"""A call of a language model as a span: OpenTelemetry's conventions for generative AI.

Source: OpenTelemetry semantic conventions, "Generative AI spans", inference.
"""

from __future__ import annotations

from typing import Any

from obs.events import Event
from obs.exporting.spanrows import (
    MOST_NAME,
    Place,
    SpanRow,
    id_of,
    links_of,
    place_of,
    resource_of,
    said_by,
)

__all__ = ["CALLS", "call_of", "place_of_call"]

CALLS = ("gen_ai.client.inference.operation.details", "llm.called")
_OF_AGENTS = ("create_agent", "invoke_agent")
_REASONS = "gen_ai.response.finish_reasons"
LONGEST_MS = 24 * 3_600_000.0


def place_of_call(event: Event, service: str) -> Place:
    """Return the place of a call: in the trace of its decision, else in one of its own."""
    values = event.attributes
    decision = id_of(values, "decision.id")
    trace = place_of(service, "decision", decision).trace if decision else ""
    told = id_of(values, "gen_ai.response.id") or event.uid or f"{event.time} {values.get('duration_ms')}"
    return place_of(service, "call", told, trace=trace)


def call_of(event: Event, service: str) -> SpanRow:
    """Return the span of a call that has ended."""
    values, place = event.attributes, place_of_call(event, service)
    decision = id_of(values, "decision.id")
    failed = id_of(values, "error.type")
    return SpanRow(
        trace=place.trace,
        span=place.span,
        parent=place_of(service, "decision", decision).span if decision else "",
        name=_named(values),
        kind="client",
        start=event.time - _duration_ns(values.get("duration_ms")),
        end=event.time,
        service=service,
        resource=resource_of(event),
        failed=failed,
        attributes=_said(event),
        links=links_of(event),
    )


def _named(values: Any) -> str:
    operation = id_of(values, "gen_ai.operation.name") or "chat"
    target = "gen_ai.agent.name" if operation in _OF_AGENTS else "gen_ai.request.model"
    if operation == "execute_tool":
        target = "gen_ai.tool.name"
    return f"{operation[:40]} {id_of(values, target)[:80]}".strip()


def _said(event: Event) -> dict[str, Any]:
    said = said_by(event)
    said.setdefault("gen_ai.operation.name", "chat")
    # A bot's attributes are flat; the conventions want a list.
    if isinstance(reasons := event.attributes.get(_REASONS), str):
        said[_REASONS] = [reason.strip()[:MOST_NAME] for reason in reasons.split(",") if reason.strip()]
    elif isinstance(reasons, list):
        said[_REASONS] = [str(reason)[:MOST_NAME] for reason in reasons]
    return said


def _duration_ns(told: Any) -> int:
    try:
        milliseconds = float(told)
    except (TypeError, ValueError):
        return 0
    return int(milliseconds * 1e6) if 0 < milliseconds < LONGEST_MS else 0

"""Log records as events: the vocabulary's word, the exception and the logger are put where we have them."""

from __future__ import annotations

from typing import Any

import orjson

from obs.books import LLM_CALL
from obs.events import MAX_TIMESTAMP_NS, Event, ExceptionInfo, severity_of
from obs.otlp import genai
from obs.otlp.content import is_conversation, without_content
from obs.otlp.rows import LogRow, Owner, identity

__all__ = ["event_of", "exception_of", "text_of"]

NAMES = ("event_name", "event.name")
"""Attributes that name the event where the record does not: `logging`'s `extra=`, and the old way."""
LOGGERS = ("logger.name", "logger_name", "log.logger")
"""Attributes that name the logger, where the scope does not."""


def event_of(row: LogRow, owner: Owner, now: int) -> Event:
    """Return the event of a log record.

    Args:
        row: The record.
        owner: Who speaks.
        now: Unix ns, when it came; for records that carry no time.
    """
    attributes = without_content({**owner.attributes, **row.attributes})
    name = row.event_name
    for key in NAMES:
        said = attributes.get(key)
        if isinstance(said, str):
            name = name or said
            del attributes[key]
    logger = next((str(attributes[key]) for key in LOGGERS if attributes.get(key)), owner.scope)
    exception = exception_of(attributes)
    template = attributes.pop("log.template", "")
    uid = text_of(attributes.get("log.record.uid"))
    if name == LLM_CALL:
        # A span tells the same call.
        attributes |= genai.call_of(attributes)
        call = genai.identity_of(attributes, row.trace_id, row.span_id)
        uid = uid or (identity(call) if row.trace_id else "")
    body = text_of(row.body) if row.body is not None or exception is None else exception.message
    if is_conversation(name):
        body = name
    return Event(
        timestamp=_time(row.time or row.observed),
        observed_timestamp=now,
        severity=severity_of(row.severity or row.severity_text),
        severity_text=row.severity_text,
        body=body,
        logger=logger,
        template=template if isinstance(template, str) else "",
        event_name=name,
        attributes=attributes,
        resource=owner.resource,
        exception=exception,
        trace_id=row.trace_id,
        span_id=row.span_id,
        uid=uid,
    )


def exception_of(attributes: dict[str, Any]) -> ExceptionInfo | None:
    """Take the exception out of attributes; None when there is none."""
    if not (attributes.get("exception.type") or attributes.get("exception.message")):
        return None
    kind, message, trace = (
        text_of(attributes.pop(f"exception.{part}", None)) for part in ("type", "message", "stacktrace")
    )
    return ExceptionInfo(kind, message, trace.rstrip("\n"))


def text_of(value: Any) -> str:
    """Return a value as text: JSON, unless it is text already."""
    if isinstance(value, str):
        return value
    return "" if value is None else orjson.dumps(value, default=str).decode()


def _time(moment: int) -> int:
    return moment if 0 < moment <= MAX_TIMESTAMP_NS else 0

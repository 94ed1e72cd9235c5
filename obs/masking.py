"""Secrets in events that came by a foreign door (files, stdin, sockets, the network) are masked here."""

from __future__ import annotations

import msgspec

from obs import redaction
from obs.events import Event, ExceptionInfo

__all__ = ["redact_event"]


def redact_event(event: Event) -> Event:
    """Return the event with every secret masked; the same object when there is nothing to mask.

    What our own capture wrote is masked already; this is for the foreign doors (files, stdin, sockets).
    """
    error = event.exception
    body = redaction.redact(event.body) if redaction.has_hint(event.body) else event.body
    template = event.template
    if template and redaction.has_hint(template):
        template = redaction.redact(template)
    attributes = event.attributes
    if attributes:
        masked = redaction.redact_attributes(attributes)
        attributes = attributes if masked == attributes else masked
    if error is not None:
        texts = (error.type, error.message, error.stacktrace)
        clean = tuple(redaction.redact(text) if redaction.has_hint(text) else text for text in texts)
        error = error if clean == texts else ExceptionInfo(*clean)
    if (
        body is event.body
        and template is event.template
        and attributes is event.attributes
        and error is event.exception
    ):
        return event
    return msgspec.structs.replace(
        event, body=body, template=template, attributes=attributes, exception=error
    )

"""Printed lines of a program that has no logging: what its own level and name on the line say."""

from __future__ import annotations

import re

import msgspec

from obs.events import Event, Severity
from obs.logs import formats

__all__ = ["STREAMS", "understood"]

_LEVEL = re.compile(
    r"(?i)\b(?:trace|debug|info|notice|warn|error|err|crit|fatal|severe|exception|panic)|\[[A-Z] "
)
"""Without any of these no line has a level; looking costs next to nothing."""

STREAMS = ("stdout", "stderr")
"""Loggers under which copied output arrives."""


def understood(event: Event) -> Event:
    """Return a printed line with the level, logger and message that stand on it, or the event as it is.

    The time on the line is the program's own word; the time at which it was printed stays.
    """
    if event.exception is not None or not _LEVEL.search(event.body):
        return event
    read = next(iter(formats.parse([event.body], letter="", timezone="UTC")), None)
    if read is None or read.severity is Severity.UNSPECIFIED:
        return event
    return msgspec.structs.replace(
        event,
        severity=read.severity,
        severity_text=read.severity_text,
        logger=read.logger or event.logger,
        body=read.body or event.body,
        attributes={**read.attributes, **event.attributes},
        template=read.template,
        exception=read.exception,
    )

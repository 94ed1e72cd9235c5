"""Printed lines of a program that has no logging: what its own level and name on the line say."""

from __future__ import annotations

import re

import msgspec

from obs.events import Event, Severity
from obs.logs import formats, interjections, layouts
from obs.logs.heads import Heads
from obs.logs.timestamps import Clock

__all__ = ["STREAMS", "understood"]

_LEVEL = re.compile(
    r"(?i)\b(?:trace|debug|info|notice|success|warn|error|err|crit|fatal|severe|exception|panic)|\[[A-Z] "
)
"""Without any of these no line has a level; looking costs next to nothing."""

_PLAIN = re.compile(r"[\[(<A-Za-z0-9_][^\x00-\x1f\x7f%]*")
"""One line that needs none of what a parser does besides reading a head: no colours, bars or objects."""
_READER = Heads(Clock("UTC"))

STREAMS = ("stdout", "stderr")
"""Loggers under which copied output arrives."""


def understood(event: Event) -> Event:
    """Return a printed line with the level, logger and message that stand on it, or the event as it is.

    The time on the line is the program's own word; the time at which it was printed stays.
    """
    if event.exception is not None or not _LEVEL.search(event.body):
        return event
    line = event.body
    if _PLAIN.fullmatch(line) and interjections.opens(line) is None and "=" not in line:
        layout = layouts.scan(line)
        if layout is None:
            return event
        if not layout.wraps and layouts.wrapper([line]) is None:
            head = _READER.apply(layout, line)
            if head is None or head.severity is Severity.UNSPECIFIED:
                return event
            return msgspec.structs.replace(
                event,
                severity=head.severity,
                severity_text=head.level,
                logger=head.logger or event.logger,
                body=head.message or line,
            )
    read = next(iter(formats.parse([line], letter="", timezone="UTC")), None)
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

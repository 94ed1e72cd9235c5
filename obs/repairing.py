"""Text that no encoding has (lone surrogates), made whole: as escapes, the way the handler writes it.

Programs that hand over events, and names of files, may hold it. Neither rules nor the store can read it, and
what one record holds may cost no other.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import msgspec

from obs.events import Event, ExceptionInfo, Value

__all__ = ["repaired", "whole"]

_TEXTS = ("body", "severity_text", "logger", "template", "event_name", "trace_id", "span_id", "uid")


def repaired(event: Event) -> Event:
    """Return the event with every text whole; the same object when nothing was to be done."""
    if _is_whole(event):
        return event
    error = event.exception
    return msgspec.structs.replace(
        event,
        attributes=_mapping(event.attributes),
        resource=_mapping(event.resource),
        exception=ExceptionInfo(whole(error.type), whole(error.message), whole(error.stacktrace))
        if error is not None
        else None,
        **{name: whole(getattr(event, name)) for name in _TEXTS},
    )


def whole(text: str) -> str:
    """Return text that UTF-8 has: each lone surrogate as its escape."""
    if text.isascii():
        return text
    return text.encode("utf-8", "backslashreplace").decode()


def _is_whole(event: Event) -> bool:
    """Whether all of it has UTF-8; nearly always, so it is asked as cheaply as can be."""
    error = event.exception
    texts = [event.body, event.severity_text, event.logger, event.template, event.event_name]
    texts += (event.trace_id, event.span_id, event.uid)
    for mapping in (event.attributes, event.resource):
        if mapping:
            texts += mapping
            for value in mapping.values():
                if isinstance(value, str):
                    texts.append(value)
                elif isinstance(value, list | dict):
                    texts += _inside(value)
    if error is not None:
        texts += (error.type, error.message, error.stacktrace)
    joined = "".join(texts)
    if joined.isascii():
        return True
    try:
        joined.encode()
    except UnicodeEncodeError:
        return False
    return True


def _inside(value: Any) -> Iterator[str]:
    """All texts in a value, however deep it goes."""
    waiting = [value]
    while waiting:
        found = waiting.pop()
        if isinstance(found, str):
            yield found
        elif isinstance(found, Mapping):
            waiting += (*found.keys(), *found.values())
        elif isinstance(found, list | tuple):
            waiting += found


def _mapping(mapping: Mapping[str, Value]) -> dict[str, Value]:
    return {whole(str(key)): _value(value) for key, value in mapping.items()}


def _value(value: Any) -> Any:
    if isinstance(value, str):
        return whole(value)
    if isinstance(value, Mapping):
        return _mapping(value)
    return [_value(one) for one in value] if isinstance(value, list | tuple) else value

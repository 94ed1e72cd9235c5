"""JSON objects as log records: our own line format, and the common keys of everybody else's."""

from __future__ import annotations

from typing import Any

import orjson

from obs import tracebacks
from obs.events import Event, EventError, ExceptionInfo, Origin, Severity, decode_line, severity_of
from obs.timestamps import Clock

__all__ = ["decode", "event_of"]

_MESSAGE = ("body", "message", "msg", "event", "text", "log", "MESSAGE", "@m", "short_message")
_TIME = (
    "timestamp",
    "time",
    "ts",
    "@timestamp",
    "asctime",
    "datetime",
    "created",
    "@t",
    "timeUnixNano",
    "date",
)
_LEVEL = (
    "severity",
    "level",
    "levelname",
    "log.level",
    "severity_text",
    "severityText",
    "lvl",
    "@l",
    "loglevel",
)
_LOGGER = ("logger", "logger_name", "name", "component", "log.logger", "module", "target", "source")


def decode(line: str) -> dict[str, Any] | None:
    """Return the object that the line is, if it is a log record: an object with a message or a time."""
    if line.rstrip()[-1:] != "}":
        return None
    try:
        row = orjson.loads(line)
    except (orjson.JSONDecodeError, RecursionError, UnicodeEncodeError):
        return None
    if not isinstance(row, dict) or not row:
        return None
    known = (
        any(key in row for key in _MESSAGE)
        + any(key in row for key in _TIME)
        + any(key in row for key in _LEVEL)
    )
    return row if known >= 2 or "event_name" in row else None


def event_of(row: dict[str, Any], clock: Clock, letter: str, line: int) -> tuple[Event, str]:
    """Return the event and the name of the dialect; never raises."""
    origin = Origin(letter, line)
    if "body" in row and isinstance(row.get("timestamp"), int):
        try:
            return decode_line(row, origin=origin), "obs json lines"
        except EventError:
            pass
    rest = dict(row)
    message = _take(rest, _MESSAGE)
    time = _take(rest, _TIME)
    level = _take(rest, _LEVEL)
    logger = _take(rest, _LOGGER)
    exception = _exception(rest)
    body = (
        message
        if isinstance(message, str)
        else ""
        if message is None
        else orjson.dumps(message, default=str).decode()
    )
    return Event(
        timestamp=clock.any(time),
        severity=severity_of(level) if level is not None else Severity.UNSPECIFIED,
        severity_text=str(level) if level is not None else "",
        body=body,
        logger=logger if isinstance(logger, str) else "",
        attributes=rest,
        exception=exception,
        origin=origin,
    ), "json lines"


def _take(row: dict[str, Any], keys: tuple[str, ...]) -> Any:
    for key in keys:
        if key in row and row[key] is not None:
            return row.pop(key)
    return None


def _exception(row: dict[str, Any]) -> ExceptionInfo | None:
    for key in ("exception", "exc_info", "stack", "stacktrace", "traceback"):
        value = row.get(key)
        if isinstance(value, str) and ("Traceback" in value or "\n" in value):
            del row[key]
            type_, message = tracebacks.last_exception(value.split("\n"))
            return ExceptionInfo(type_, message, value)
        if isinstance(value, dict):
            del row[key]
            return ExceptionInfo(
                str(value.get("type") or ""),
                str(value.get("message") or value.get("value") or ""),
                str(value.get("stacktrace") or value.get("traceback") or ""),
            )
    return None

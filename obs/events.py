"""The data at the centre: one log record, frozen, and how it is written on a line.

Everything else is made from events by functions, so any state can be replayed from a file of them.
This module knows nothing of files, rules or views.
"""

from __future__ import annotations

import enum
import functools
import math
from collections.abc import Iterator, Mapping
from decimal import Decimal
from typing import Any

import msgspec
import orjson

__all__ = [
    "Event",
    "EventError",
    "ExceptionInfo",
    "Origin",
    "Severity",
    "component_of",
    "decode_line",
    "encode_line",
    "service_of",
    "severity_of",
]

Value = str | int | float | bool | None | list[Any] | dict[str, Any]
"""What an attribute may hold: JSON, and nothing that would need code to be read back."""

MAX_TIMESTAMP_NS = 2**63 - 1
"""The year 2262: later nanoseconds fit in no 64-bit field, and are clock faults."""


class Severity(enum.IntEnum):
    """Severity numbers of the OpenTelemetry log data model; the first of each range."""

    UNSPECIFIED = 0
    TRACE = 1
    DEBUG = 5
    INFO = 9
    WARN = 13
    ERROR = 17
    FATAL = 21


_WORDS = {
    "TRACE": Severity.TRACE,
    "VERBOSE": Severity.TRACE,
    "FINEST": Severity.TRACE,
    "FINER": Severity.TRACE,
    "SILLY": Severity.TRACE,
    "DEBUG": Severity.DEBUG,
    "DEBU": Severity.DEBUG,
    "DBG": Severity.DEBUG,
    "FINE": Severity.DEBUG,
    "D": Severity.DEBUG,
    "INFO": Severity.INFO,
    "INF": Severity.INFO,
    "INFORMATION": Severity.INFO,
    "NOTICE": Severity.INFO,
    "SUCCESS": Severity.INFO,
    "I": Severity.INFO,
    "WARN": Severity.WARN,
    "WARNING": Severity.WARN,
    "WRN": Severity.WARN,
    "W": Severity.WARN,
    "ERROR": Severity.ERROR,
    "ERR": Severity.ERROR,
    "EROR": Severity.ERROR,
    "SEVERE": Severity.ERROR,
    "EXCEPTION": Severity.ERROR,
    "E": Severity.ERROR,
    "FATAL": Severity.FATAL,
    "CRITICAL": Severity.FATAL,
    "CRIT": Severity.FATAL,
    "CRT": Severity.FATAL,
    "ALERT": Severity.FATAL,
    "EMERG": Severity.FATAL,
    "EMERGENCY": Severity.FATAL,
    "PANIC": Severity.FATAL,
    "DPANIC": Severity.FATAL,
    "C": Severity.FATAL,
    "F": Severity.FATAL,
}


_PYTHON_LEVELS = (
    (50, Severity.FATAL),
    (40, Severity.ERROR),
    (30, Severity.WARN),
    (20, Severity.INFO),
    (10, Severity.DEBUG),
)


def severity_of(value: object) -> Severity:
    """Return the severity that a level word or number means, in any common spelling.

    Numbers of 1 to 24 are OpenTelemetry's, others Python's (`30` is WARNING). What cannot be read
    is `UNSPECIFIED`, never an error: the level is the least reliable part of a foreign log.
    """
    if isinstance(value, bool):
        return Severity.UNSPECIFIED
    if isinstance(value, str):
        known = _WORDS.get(value)
        if known is not None:
            return known
        word = value.strip().upper()
        if word in _WORDS:
            return _WORDS[word]
        try:
            value = float(word)
        except ValueError:
            return _WORDS.get(word.rstrip("+-0123456789"), Severity.UNSPECIFIED)  # slog's ERROR+4
    if not isinstance(value, (int, float)) or not math.isfinite(value) or value < 1:
        return Severity.UNSPECIFIED
    if value <= 24:
        return Severity((int(value) - 1) // 4 * 4 + 1)
    for least, severity in (
        (50, Severity.FATAL),
        (40, Severity.ERROR),
        (30, Severity.WARN),
        (20, Severity.INFO),
    ):
        if value >= least:
            return severity
    return Severity.DEBUG if value >= 10 else Severity.TRACE


class ExceptionInfo(msgspec.Struct, frozen=True, gc=False):
    """An exception as OpenTelemetry names its parts."""

    type: str
    """Dotted class name, e.g. `ccxt.base.errors.InsufficientFunds`."""
    message: str = ""
    stacktrace: str = ""
    """The printed traceback, chained causes first, as Python prints it; may be cut (see `Origin`)."""


class Origin(msgspec.Struct, frozen=True, gc=False):
    """Where a record stands in a recorded source, so that a person can look it up there."""

    source: str
    """The letter of the source within one run (`a`, `b`, ...); empty for live events."""
    line: int = 0
    """Line number of the record's first line, counted from 1."""
    lines: int = 1
    """How many lines of the source belong to the record."""
    cut_after: int = 0
    """Number of lines kept from the head of the record when its middle was dropped; 0: whole."""
    cut_lines: int = 0
    """How many lines in the middle were dropped."""


class Event(msgspec.Struct, frozen=True, kw_only=True):
    """One log record, never changed after it is made."""

    timestamp: int
    """Unix time in nanoseconds, by the bot's clock; 0 when the record carries none."""
    severity: Severity = Severity.UNSPECIFIED
    severity_text: str = ""
    """The source's own word for the severity, as pages show it."""
    body: str = ""
    logger: str = ""
    template: str = ""
    """The message before its arguments were put in, when the source knows it; else empty."""
    event_name: str = ""
    """The word of the event vocabulary (`order.filled`), or empty for plain text."""
    attributes: Mapping[str, Value] = {}
    resource: Mapping[str, Value] = {}
    exception: ExceptionInfo | None = None
    trace_id: str = ""
    span_id: str = ""
    observed_timestamp: int = 0
    """When we first saw the record, Unix ns; 0 when it is a recorded file."""
    uid: str = ""
    """`log.record.uid`: the same id counts once, everywhere. `<process>-<seq>` for our own lines."""
    origin: Origin | None = None

    @property
    def service(self) -> str:
        """The bot this record belongs to: `service.name`, else `bot.id`, else empty."""
        return service_of(self.resource, self.attributes)

    @property
    def component(self) -> str:
        """The part of the bot that spoke: an explicit `component`, else the logger's first two segments."""
        explicit = self.attributes.get("component")
        if explicit:
            return str(explicit)
        return component_of(self.logger)

    @property
    def time(self) -> int:
        """When it happened, as well as is known: its own time, else when it was seen; Unix ns, 0 if never."""
        return self.timestamp or self.observed_timestamp

    def lines(self) -> Iterator[tuple[int, str]]:
        """Yield `(offset, text)` for each kept line: the body's lines, then the stack trace's.

        `offset` counts lines of the source from the record's first line, so `origin.line + offset`
        is where the text stands in the file, also when the middle was cut.
        """
        offset = 0
        cut = self.origin
        texts = self.body.split("\n")
        if self.exception is not None and self.exception.stacktrace:
            # A traceback without a message before it (a crash on stderr) stands on the record's first line.
            texts = (texts if self.body else []) + self.exception.stacktrace.split("\n")
        for index, text in enumerate(texts):
            if cut is not None and cut.cut_after and index == cut.cut_after:
                offset += cut.cut_lines
            yield offset, text
            offset += 1


def service_of(resource: Mapping[str, Value], attributes: Mapping[str, Value]) -> str:
    """Return the bot that a record with these belongs to; empty when neither says."""
    name = (
        resource.get("service.name")
        or resource.get("bot.id")
        or attributes.get("service.name")
        or attributes.get("bot.id")
    )
    return str(name) if name else ""


@functools.lru_cache(maxsize=4_096)
def component_of(logger: str) -> str:
    """Return the first two segments of a logger's name."""
    return ".".join(logger.split(".", 2)[:2])


class EventError(ValueError):
    """A line that claims to be ours and cannot be read; the message names the field and the mend."""


def encode_line(event: Event) -> bytes:
    """Return the event as one JSON line of our own format, without the line end.

    Lone surrogates are written as escapes; numbers that JSON has no word for become strings.
    """
    row: dict[str, Any] = {"timestamp": event.timestamp, "severity": event.severity.name, "body": event.body}
    for key in ("severity_text", "logger", "template", "event_name", "trace_id", "span_id"):
        value = getattr(event, key)
        if value:
            row[key] = value
    if event.attributes or event.uid:
        row["attributes"] = dict(event.attributes)
        if event.uid:
            row["attributes"]["log.record.uid"] = event.uid
    if event.resource:
        row["resource"] = dict(event.resource)
    if event.exception is not None:
        row["exception"] = {
            "type": event.exception.type,
            "message": event.exception.message,
            "stacktrace": event.exception.stacktrace,
        }
    try:
        return orjson.dumps(row, default=str)
    except (orjson.JSONEncodeError, RecursionError):
        return orjson.dumps(_plain(row, 0), default=str)


def decode_line(
    row: Mapping[str, Any],
    *,
    resource: Mapping[str, Value] | None = None,
    uid: str = "",
    origin: Origin | None = None,
) -> Event:
    """Make an event from one decoded JSON object of our own line format.

    Args:
        row: The object; only `timestamp` and `body` are expected, all else may be missing.
        resource: What the line's writer said once for all its lines (a segment's header).
        uid: The id to use when the line carries none.
        origin: Where the line stands, when it comes from a file.

    Raises:
        EventError: If the object holds neither a `body` nor an `event_name`, or its `timestamp` is no time.
    """
    body = row.get("body")
    if body is not None and not isinstance(body, str):
        body = orjson.dumps(body, default=str).decode()
    name = row.get("event_name") or ""
    if body is None and not name:
        raise EventError('the object has neither "body" nor "event_name": write at least one of them')
    attributes = row.get("attributes")
    attributes = attributes if isinstance(attributes, dict) else {}
    own = row.get("resource")
    merged: Mapping[str, Value] = {**(resource or {}), **own} if isinstance(own, dict) else (resource or {})
    severity = row.get("severity", row.get("severity_number"))
    observed = row.get("observed_timestamp")
    return Event(
        timestamp=_time(row.get("timestamp")),
        severity=severity_of(severity),
        severity_text=str(row.get("severity_text") or (severity if isinstance(severity, str) else "")),
        body=body
        if isinstance(body, str)
        else ""
        if body is None
        else orjson.dumps(body, default=str).decode(),
        logger=str(row.get("logger") or ""),
        template=str(row.get("template") or ""),
        event_name=str(name),
        attributes=attributes,
        resource=merged,
        exception=_exception(row.get("exception")),
        trace_id=str(row.get("trace_id") or ""),
        span_id=str(row.get("span_id") or ""),
        observed_timestamp=observed if isinstance(observed, int) else 0,
        uid=str(attributes.get("log.record.uid") or uid),
        origin=origin,
    )


_NO_TIME = '"timestamp" = {value!r} is no time: write Unix nanoseconds, e.g. 1763632800000000000'


def _time(value: object) -> int:
    if value is None:
        return 0
    if isinstance(value, bool) or not isinstance(value, (int, float, str)):
        raise EventError(
            f'"timestamp" = {value!r} is no time: write Unix nanoseconds, e.g. 1763632800000000000'
        )
    try:
        number = int(value)
    except (ValueError, OverflowError):
        raise EventError(
            f'"timestamp" = {value!r} is no time: write Unix nanoseconds, e.g. 1763632800000000000'
        ) from None
    return min(max(number, 0), MAX_TIMESTAMP_NS)


def _exception(value: object) -> ExceptionInfo | None:
    if not isinstance(value, dict):
        return None
    return ExceptionInfo(
        type=str(value.get("type") or ""),
        message=str(value.get("message") or ""),
        stacktrace=str(value.get("stacktrace") or ""),
    )


def _plain(value: object, depth: int) -> Any:
    if depth > 32:
        return "[too deep]"
    if isinstance(value, str):
        return value.encode("utf-8", "backslashreplace").decode("utf-8")
    if isinstance(value, bool) or value is None or isinstance(value, float):
        return value
    if isinstance(value, int):
        return value if -(2**63) <= value < 2**64 else str(value)
    if isinstance(value, Mapping):
        return {str(_plain(str(key), depth)): _plain(item, depth + 1) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [_plain(item, depth + 1) for item in value]
    if isinstance(value, Decimal):
        return str(value)
    return _plain(str(value), depth)

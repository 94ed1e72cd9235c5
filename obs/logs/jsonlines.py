"""JSON objects as log records: our own line format, and the keys of everybody else's.

Known by their keys: python-json-logger, structlog, loguru's `serialize`, pino and bunyan (numeric levels),
zap, Serilog, ECS, Google's and AWS's, OTLP's log records, Nautilus. `unwrap` opens what only carries another
program's line: docker's json-file and the journal's export.
"""

from __future__ import annotations

from typing import Any

import orjson

from obs.events import Event, EventError, ExceptionInfo, Origin, Severity, decode_line, severity_of
from obs.logs import tracebacks
from obs.logs.timestamps import Clock

__all__ = ["decode", "event_of", "unwrap"]

_MESSAGE = ("body", "message", "msg", "event", "text", "@m", "@mt", "short_message", "log", "MESSAGE")
_TIME = (
    "timestamp", "time", "ts", "@timestamp", "asctime", "datetime", "created", "@t", "timeUnixNano", "date",
    "eventTime", "t", "timeMillis", "instant",
)  # fmt: skip
_LEVEL = (
    "severity", "level", "levelname", "log.level", "severity_text", "severityText", "lvl", "@l", "loglevel",
    "level_name", "levelno", "severity_number", "severityNumber",
)  # fmt: skip
_LOGGER = (
    "logger",
    "logger_name",
    "component",
    "log.logger",
    "loggerName",
    "name",
    "SourceContext",
    "module",
    "target",
)
_EXCEPTION = (
    "thrown", "exception", "exc_info", "exc_text", "stack_trace", "stacktrace", "traceback",
    "error.stack_trace", "stack", "@x", "err", "error", "errorVerbose",
)  # fmt: skip
_KEYS = frozenset((*_MESSAGE, *_TIME, *_LEVEL, "record", "event_name", "log", "__REALTIME_TIMESTAMP"))
_PINO = {10: "TRACE", 20: "DEBUG", 30: "INFO", 40: "WARN", 50: "ERROR", 60: "FATAL"}
_SYSLOG = tuple(map(severity_of, ("EMERG", "ALERT", "CRIT", "ERR", "WARNING", "NOTICE", "INFO", "DEBUG")))


def decode(line: str) -> dict[str, Any] | None:
    """Return the object that the line is, if it is a log record: at least two of message, time and level."""
    if line.rstrip()[-1:] != "}":
        return None
    try:
        row = orjson.loads(line)
    except (orjson.JSONDecodeError, RecursionError, UnicodeEncodeError):
        return None
    if not isinstance(row, dict):
        return None
    return row if len(_KEYS & row.keys()) >= 2 or "event_name" in row or "resourceLogs" in row else None


def unwrap(row: dict[str, Any], clock: Clock) -> tuple[int, Severity, str, str, str] | None:
    """Return time, severity, name, text and kind of a row that only carries a program's line, else None."""
    text = row.get("log")
    if isinstance(text, str) and "time" in row and ("stream" in row or len(row) == 2):
        return clock.any(row["time"]), Severity.UNSPECIFIED, "", text.rstrip("\r\n"), "docker json"
    if "MESSAGE" not in row or "__REALTIME_TIMESTAMP" not in row:
        return None
    text = row["MESSAGE"]
    if isinstance(text, list):  # the journal writes text that is not UTF-8 as a list of bytes
        text = bytes(part & 255 for part in text if isinstance(part, int)).decode("utf-8", "backslashreplace")
    priority = str(row.get("PRIORITY", ""))
    severity = _SYSLOG[int(priority)] if priority in set("01234567") else Severity.UNSPECIFIED
    # systemd gives every line of a service's output the same priority, so it says nothing about the line.
    severity = Severity.UNSPECIFIED if row.get("_TRANSPORT") == "stdout" else severity
    name = row.get("SYSLOG_IDENTIFIER") or row.get("_COMM") or ""
    return clock.any(row["__REALTIME_TIMESTAMP"]), severity, str(name), str(text or ""), "journal json"


def event_of(row: dict[str, Any], clock: Clock, origin: Origin) -> tuple[Event, str]:
    """Return the event of an object, and the name of its dialect; whatever the object holds."""
    if ("body" in row or "event_name" in row) and isinstance(row.get("timestamp"), int):
        try:
            event = decode_line(row, origin=origin)
        except EventError:
            pass
        else:
            clock.printed += 1
            return event, "obs json lines"
    rest, kind = _flattened(row)
    message, level = _take(rest, _MESSAGE), _take(rest, _LEVEL)
    time, logger = _take(rest, _TIME), _take(rest, _LOGGER)
    severity, word = _severity(level, row)
    exception = _exception(rest)
    return Event(
        timestamp=clock.any(time),
        severity=severity,
        severity_text=word,
        body=_text(message),
        logger=logger if isinstance(logger, str) else "",
        trace_id=_text(rest.pop("trace_id", rest.pop("traceId", ""))),
        span_id=_text(rest.pop("span_id", rest.pop("spanId", ""))),
        uid=_text(rest.get("log.record.uid", "")),
        attributes=rest,
        exception=exception,
        origin=origin,
    ), kind


def _flattened(row: dict[str, Any]) -> tuple[dict[str, Any], str]:
    """Bring what stands in inner objects to the top: ECS, loguru's `serialize` and OTLP nest."""
    record = row.get("record")
    if isinstance(record, dict) and isinstance(record.get("level"), dict):  # loguru
        time, extra = record.get("time"), record.get("extra")
        return {
            **(extra if isinstance(extra, dict) else {}),
            "message": record.get("message"),
            "level": record["level"].get("name"),
            "logger": record.get("name"),
            "timestamp": time.get("timestamp") if isinstance(time, dict) else time,
            "exception": record.get("exception"),
            "text": row.get("text") if record.get("exception") else None,
        }, "loguru json"
    fields = row.get("fields")
    if isinstance(fields, dict) and "target" in row:  # Rust's tracing
        spans = row.get("spans")
        named = (
            [str(span.get("name")) for span in spans or () if isinstance(span, dict)]
            if isinstance(spans, list)
            else []
        )
        rest = {key: value for key, value in row.items() if key not in ("fields", "span", "spans")}
        return {**fields, **rest, **({"spans": ":".join(named)} if named else {})}, "tracing json"
    rest, kind = (
        dict(row),
        "nautilus json" if {"trader_id", "component", "level"} <= row.keys() else "json lines",
    )
    instant = rest.get("instant")
    if isinstance(instant, dict) and isinstance(seconds := instant.get("epochSecond"), int):  # log4j2
        nanos = instant.get("nanoOfSecond")
        rest["instant"] = seconds * 1_000_000_000 + (nanos if isinstance(nanos, int) else 0)
    log = rest.get("log")
    if isinstance(log, dict):  # ECS
        del rest["log"]
        rest.update({f"log.{key}": value for key, value in log.items()})
    for name in ("body", "Body"):
        if isinstance(value := rest.get(name), dict) and "stringValue" in value:
            rest[name] = value["stringValue"]
    attributes = rest.get("attributes")
    if isinstance(attributes, list):  # OTLP
        del rest["attributes"]
        for pair in attributes:
            if isinstance(pair, dict) and isinstance(pair.get("value"), dict):
                rest[str(pair.get("key"))] = next(iter(pair["value"].values()), None)
        kind = "otlp json"
    return rest, kind


def _severity(level: Any, row: dict[str, Any]) -> tuple[Severity, str]:
    if level is None:
        return Severity.UNSPECIFIED, ""
    if (
        isinstance(level, int)
        and "msg" in row
        and level in _PINO
        and ("hostname" in row or "pid" in row or "v" in row)
    ):
        return severity_of(_PINO[level]), _PINO[level]
    word = _text(level)
    return severity_of(level), word.removeprefix("SEVERITY_NUMBER_")


def _exception(rest: dict[str, Any]) -> ExceptionInfo | None:
    if isinstance(type_ := rest.get("exception.type") or rest.get("error.type"), str):
        message = rest.get("exception.message") or rest.get("error.message")
        trace = rest.get("exception.stacktrace") or rest.get("error.stack_trace")
        return ExceptionInfo(type_, _text(message), _text(trace))
    for key in _EXCEPTION:
        value = rest.get(key)
        if isinstance(value, list) and value and isinstance(value[-1], dict):  # structlog's dict tracebacks
            value = {"type": value[-1].get("exc_type"), "message": value[-1].get("exc_value")}
        if isinstance(value, dict):
            found = ExceptionInfo(
                _text(value.get("type") or value.get("name")),
                _text(value.get("message") or value.get("value") or value.get("msg")),
                _stack(value),
            )
            if found.type or found.message:
                del rest[key]
                return found
        elif isinstance(value, str) and "\n" in value:
            del rest[key]
            type_, message = tracebacks.last_exception(value.split("\n"))
            if not type_:
                # zap prints where it was logged; what was wrong stands in a field of its own.
                type_, message = "error", _text(rest.get("error") or rest.get("err"))
            return ExceptionInfo(type_, message, value)
    return None


def _stack(raised: dict[str, Any]) -> str:
    for key in ("stacktrace", "stack_trace", "stack", "traceback", "extendedStackTrace"):
        value = raised.get(key)
        if isinstance(value, list):  # log4j2's layout of frames as objects
            frames = [frame for frame in value if isinstance(frame, dict)]
            return "\n".join(
                f"\tat {frame.get('class')}.{frame.get('method')}({frame.get('file')}:{frame.get('line')})"
                for frame in frames
            )
        if value:
            return _text(value)
    return ""


def _take(row: dict[str, Any], keys: tuple[str, ...]) -> Any:
    for key in keys:
        if key in row and row[key] is not None:
            return row.pop(key)
    return None


def _text(value: Any) -> str:
    if isinstance(value, str):
        return value
    return "" if value is None else orjson.dumps(value, default=str, option=orjson.OPT_NON_STR_KEYS).decode()

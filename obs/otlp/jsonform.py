"""JSON requests as rows: ids are hex, long numbers may be text, and a bad record costs only itself.

The document is read at once where it is JSON. Half a character, a number without end or a thousand brackets
make a strict reader refuse all of it: then it is mended first, each such place for itself.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterable, Iterator
from typing import Any

import orjson

from obs.otlp import rows
from obs.otlp.rows import LogRow, Owner, PointRow, Refused, Row, SpanEvent, SpanRow, Spoken
from obs.otlp.wire import NO_VALUE, WireError

__all__ = ["read_logs", "read_metrics", "read_traces"]

MOST_BRACKETS = 64
"""Deeper than any request by itself, with room for values within values."""
_TOKEN = re.compile(r'"(?:[^"\\]|\\.)*"|[{}\[\]]', re.DOTALL)
_HEX = re.compile(r"[0-9a-f]+")
_SEVERITIES = {
    f"SEVERITY_NUMBER_{word}{place or ''}": first + max(place - 1, 0)
    for word, first in (("TRACE", 1), ("DEBUG", 5), ("INFO", 9), ("WARN", 13), ("ERROR", 17), ("FATAL", 21))
    for place in (0, 2, 3, 4)
}
_KINDS = ("UNSPECIFIED", "INTERNAL", "SERVER", "CLIENT", "PRODUCER", "CONSUMER")
_DATA = ("gauge", "sum", "histogram", "exponentialHistogram", "summary")


def read_logs(body: bytes) -> Iterator[Spoken]:
    """Yield the log records of an `ExportLogsServiceRequest`.

    Raises:
        WireError: If it is none.
    """
    return _read(body, "resourceLogs", "scopeLogs", "logRecords", _log)


def read_traces(body: bytes) -> Iterator[Spoken]:
    """Yield the spans of an `ExportTraceServiceRequest`.

    Raises:
        WireError: If it is none.
    """
    return _read(body, "resourceSpans", "scopeSpans", "spans", _span)


def read_metrics(body: bytes) -> Iterator[Spoken]:
    """Yield the data points of an `ExportMetricsServiceRequest`.

    Raises:
        WireError: If it is none.
    """
    return _read(body, "resourceMetrics", "scopeMetrics", "metrics", _metric)


def _read(
    body: bytes, resources: str, scopes: str, records: str, read: Callable[[dict[str, Any]], Iterable[Row]]
) -> Iterator[Spoken]:
    document = _document(body)
    for part in _objects(document, resources):
        resource = _pairs(_object(part, "resource"))
        for scope in _objects(part, scopes):
            speaker = _object(scope, "scope")
            owner = Owner(resource, _text(speaker.get("name")), _pairs(speaker))
            for one in _list(scope, records):
                try:
                    found = list(read(one))
                except (ValueError, TypeError, AttributeError, OverflowError, KeyError):
                    yield Spoken(owner, Refused(json.dumps(one, default=str).encode()))
                else:
                    yield from (Spoken(owner, row) for row in found)


def _document(body: bytes) -> dict[str, Any]:
    try:
        found = orjson.loads(body)
    except orjson.JSONDecodeError:
        found = _mended(body)
    if not isinstance(found, dict):
        raise WireError("the body is no JSON object")
    return found


def _mended(body: bytes) -> Any:
    """Read what is nearly JSON: bytes that are no UTF-8 become escapes, what is nested too deep a word."""
    text = _flattened(body.decode("utf-8", "surrogateescape"))
    try:
        return json.loads(text, strict=False, parse_int=_whole)
    except (ValueError, RecursionError):
        raise WireError("the body is no JSON") from None


def _whole(digits: str) -> int | str:
    """A number of thousands of digits is none, and may not cost its neighbours."""
    return int(digits) if len(digits) <= 20 else digits


def _flattened(text: str) -> str:
    depth = 0
    kept: list[str] = []
    begin = 0
    for token in _TOKEN.finditer(text):
        mark = token[0]
        if mark in "{[":
            depth += 1
            if depth == MOST_BRACKETS:
                kept.append(text[begin : token.start()])
        elif mark in "}]":
            if depth == MOST_BRACKETS:
                kept.append(f'"{rows.TOO_DEEP}"')
                begin = token.end()
            depth -= 1
    return "".join([*kept, text[begin:]]) if depth < MOST_BRACKETS else text


def _log(one: dict[str, Any]) -> Iterator[Row]:
    severity = one.get("severityNumber", 0)
    yield LogRow(
        time=_number(one.get("timeUnixNano")),
        observed=_number(one.get("observedTimeUnixNano")),
        severity=_SEVERITIES.get(severity, 0) if isinstance(severity, str) else _number(severity),
        severity_text=_text(one.get("severityText")),
        body=_value(one["body"], 0) if one.get("body") is not None else None,
        attributes=_pairs(one),
        trace_id=_id(one.get("traceId"), 32),
        span_id=_id(one.get("spanId"), 16),
        event_name=_text(one.get("eventName")),
    )


def _span(one: dict[str, Any]) -> Iterator[Row]:
    status = _object(one, "status")
    kind = one.get("kind", 0)
    if isinstance(kind, str):
        word = kind.removeprefix("SPAN_KIND_")
        kind = _KINDS.index(word) if word in _KINDS else 0
    yield SpanRow(
        trace_id=_id(one.get("traceId"), 32),
        span_id=_id(one.get("spanId"), 16),
        parent_id=_id(one.get("parentSpanId"), 16),
        name=_text(one.get("name")),
        kind=_number(kind),
        start=_number(one.get("startTimeUnixNano")),
        end=_number(one.get("endTimeUnixNano")),
        attributes=_pairs(one),
        events=tuple(
            SpanEvent(_number(said.get("timeUnixNano")), _text(said.get("name")), _pairs(said))
            for said in _objects(one, "events")[: rows.MAX_KEYS]
        ),
        is_error=status.get("code") in (2, "STATUS_CODE_ERROR"),
        message=_text(status.get("message")),
    )


def _metric(one: dict[str, Any]) -> Iterator[Row]:
    name, unit = _text(one.get("name")), _text(one.get("unit"))
    for kind in _DATA:
        if kind not in one:
            continue
        is_number = kind in ("gauge", "sum")
        for point in _objects(_object(one, kind), "dataPoints"):
            yield PointRow(
                name=name,
                unit=unit,
                kind=kind if is_number else "distribution",
                time=_number(point.get("timeUnixNano")),
                value=_measured(point) if is_number else None,
                attributes=_pairs(point),
            )


def _measured(point: dict[str, Any]) -> float | int | None:
    if _number(point.get("flags")) & NO_VALUE:
        return None
    if point.get("asInt") is not None:
        return _number(point["asInt"], least=-(2**63))
    value = point.get("asDouble")
    return float(value) if isinstance(value, (int, float, str)) and not isinstance(value, bool) else None


def _value(value: Any, depth: int) -> Any:
    """Return what an `AnyValue` holds."""
    if not isinstance(value, dict):
        # Some write the bare value.
        return _bare(value)
    for kind, held in value.items():
        if held is None:
            continue
        if kind == "intValue":
            return _number(held, least=-(2**63))
        if kind == "doubleValue":
            return rows.plain_number(float(held))
        if kind in ("stringValue", "bytesValue"):
            return _text(held)
        if kind == "boolValue":
            return held if isinstance(held, bool) else str(held).lower() == "true"
        if kind in ("arrayValue", "kvlistValue") and depth >= rows.MAX_DEPTH:
            return rows.TOO_DEEP
        if kind == "arrayValue":
            return rows.bounded(_list(held, "values"), lambda one: _value(one, depth + 1))
        if kind == "kvlistValue":
            return _pairs(held, "values", depth + 1)
    return None


def _bare(value: Any) -> Any:
    if isinstance(value, str):
        return _text(value)
    return rows.plain_number(value) if isinstance(value, float) else value


def _pairs(held: Any, key: str = "attributes", depth: int = 0) -> dict[str, Any]:
    return rows.pairs(
        _objects(held, key), lambda one: (_text(one.get("key")), _value(one.get("value"), depth))
    )


def _object(held: Any, key: str) -> dict[str, Any]:
    found = held.get(key) if isinstance(held, dict) else None
    return found if isinstance(found, dict) else {}


def _list(held: Any, key: str) -> list[Any]:
    found = held.get(key) if isinstance(held, dict) else None
    return found if isinstance(found, list) else []


def _objects(held: Any, key: str) -> list[dict[str, Any]]:
    return [one for one in _list(held, key) if isinstance(one, dict)]


def _text(value: Any) -> str:
    if value is None:
        return ""
    text = value if isinstance(value, str) else str(value)
    # Half a character, which no UTF-8 may hold, becomes its escape.
    return rows.shortened(text.encode("utf-8", "backslashreplace").decode("utf-8"))


def _number(value: Any, *, least: int = 0) -> int:
    """Return a whole number of 64 bits; 0 for none.

    Raises:
        ValueError: If it is no such number.
    """
    if value is None or value == "":
        return 0
    number = int(value)
    if not least <= number < 2**64:
        raise ValueError("no number of 64 bits")
    return number


def _id(value: Any, length: int) -> str:
    """Return an id of so many hex digits; one of another form, or of zeros only, is none."""
    text = value.lower() if isinstance(value, str) else ""
    return text if len(text) == length and _HEX.fullmatch(text) and text.strip("0") else ""

"""Protobuf requests as rows: at once where all is well, else one by one, so that a bad one costs itself.

A request that is whole is read by the generated classes. One text that is no UTF-8, or one value nested too
deep, makes them refuse all of it; then the envelope is taken apart here, by the wire format, and each record
is read alone.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Iterator
from typing import Any

from google.protobuf.message import DecodeError  # type: ignore[import-untyped]
from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceRequest
from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import ExportMetricsServiceRequest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.common.v1.common_pb2 import InstrumentationScope
from opentelemetry.proto.logs.v1.logs_pb2 import LogRecord
from opentelemetry.proto.metrics.v1.metrics_pb2 import DataPointFlags, Metric
from opentelemetry.proto.resource.v1.resource_pb2 import Resource
from opentelemetry.proto.trace.v1.trace_pb2 import Span, Status

from obs.otlp import rows
from obs.otlp.rows import LogRow, Owner, PointRow, Refused, Row, SpanEvent, SpanRow, Spoken

__all__ = ["WireError", "parts", "read_logs", "read_metrics", "read_traces"]

NO_VALUE = DataPointFlags.DATA_POINT_FLAGS_NO_RECORDED_VALUE_MASK


class WireError(ValueError):
    """A request whose envelope cannot be read."""


def read_logs(body: bytes) -> Iterator[Spoken]:
    """Return the log records of an `ExportLogsServiceRequest`.

    Raises:
        WireError: If it is none.
    """
    return _read(
        body, ExportLogsServiceRequest, "resource_logs", "scope_logs", "log_records", LogRecord, _log
    )


def read_traces(body: bytes) -> Iterator[Spoken]:
    """Return the spans of an `ExportTraceServiceRequest`.

    Raises:
        WireError: If it is none.
    """
    return _read(body, ExportTraceServiceRequest, "resource_spans", "scope_spans", "spans", Span, _span)


def read_metrics(body: bytes) -> Iterator[Spoken]:
    """Return the data points of an `ExportMetricsServiceRequest`.

    Raises:
        WireError: If it is none.
    """
    return _read(
        body, ExportMetricsServiceRequest, "resource_metrics", "scope_metrics", "metrics", Metric, _metric
    )


def _read(
    body: bytes,
    kind: Any,
    resources: str,
    scopes: str,
    records: str,
    record: Any,
    read: Callable[[Any], Iterable[Row]],
) -> Iterator[Spoken]:
    try:
        request = kind.FromString(body)
    except DecodeError:
        yield from _taken_apart(body, record, read)
        return
    for part in getattr(request, resources):
        resource = _pairs(part.resource.attributes)
        for scope in getattr(part, scopes):
            owner = _owner(resource, scope.scope)
            for one in getattr(scope, records):
                yield from (Spoken(owner, row) for row in read(one))


def _taken_apart(body: bytes, record: Any, read: Callable[[Any], Iterable[Row]]) -> Iterator[Spoken]:
    """Read each record alone; the three kinds of requests number the fields of their envelopes alike."""
    # All of the envelope before any record: of a request that is none nothing is kept.
    for part in parts(body, 1):
        for scope in parts(part, 2):
            deque(parts(scope, 2), maxlen=0)
    for part in parts(body, 1):
        resource = _pairs(_lenient(Resource, part, 1).attributes)
        for scope in parts(part, 2):
            owner = _owner(resource, _lenient(InstrumentationScope, scope, 1))
            for raw in parts(scope, 2):
                try:
                    message = record.FromString(raw)
                except DecodeError:
                    yield Spoken(owner, Refused(raw))
                else:
                    yield from (Spoken(owner, row) for row in read(message))


def _lenient(kind: Any, part: bytes, number: int) -> Any:
    for raw in parts(part, number):
        try:
            return kind.FromString(raw)
        except DecodeError:
            break
    return kind()


def parts(data: bytes, wanted: int) -> Iterator[bytes]:
    """Yield the length-delimited fields of that number, whatever message it is.

    Args:
        data: The message.
        wanted: Number of the field.

    Raises:
        WireError: If it is none.
    """
    place, end = 0, len(data)
    while place < end:
        key, place = _varint(data, place)
        form = key & 7
        if form == 0:
            _, place = _varint(data, place)
        elif form == 1:
            place += 8
        elif form == 5:
            place += 4
        elif form == 2:
            length, place = _varint(data, place)
            if place + length > end:
                raise WireError("a field is longer than the request")
            if key >> 3 == wanted:
                yield data[place : place + length]
            place += length
        else:
            raise WireError("a field of no known form")
    if place > end:
        raise WireError("the request ends within a field")


def _varint(data: bytes, place: int) -> tuple[int, int]:
    value = shift = 0
    while place < len(data) and shift < 70:
        byte = data[place]
        value |= (byte & 127) << shift
        place += 1
        if byte < 128:
            return value, place
        shift += 7
    raise WireError("the request ends within a number")


def _owner(resource: dict[str, Any], scope: Any) -> Owner:
    return Owner(resource, rows.shortened(scope.name), _pairs(scope.attributes))


def _log(one: Any) -> Iterator[Row]:
    yield LogRow(
        time=one.time_unix_nano,
        observed=one.observed_time_unix_nano,
        severity=one.severity_number,
        severity_text=rows.shortened(one.severity_text),
        body=_value(one.body, 0),
        attributes=_pairs(one.attributes),
        trace_id=_id(one.trace_id, 16),
        span_id=_id(one.span_id, 8),
        event_name=rows.shortened(one.event_name),
    )


def _span(one: Any) -> Iterator[Row]:
    yield SpanRow(
        trace_id=_id(one.trace_id, 16),
        span_id=_id(one.span_id, 8),
        parent_id=_id(one.parent_span_id, 8),
        name=rows.shortened(one.name),
        kind=one.kind,
        start=one.start_time_unix_nano,
        end=one.end_time_unix_nano,
        attributes=_pairs(one.attributes),
        events=tuple(
            SpanEvent(said.time_unix_nano, rows.shortened(said.name), _pairs(said.attributes))
            for said in one.events[: rows.MAX_KEYS]
        ),
        is_error=one.status.code == Status.STATUS_CODE_ERROR,
        message=rows.shortened(one.status.message),
    )


def _metric(one: Any) -> Iterator[Row]:
    name, unit = rows.shortened(one.name), rows.shortened(one.unit)
    kind = one.WhichOneof("data")
    if kind is None:
        return
    for point in getattr(one, kind).data_points:
        is_number = kind in ("gauge", "sum")
        value = None
        if is_number and not point.flags & NO_VALUE:
            field = point.WhichOneof("value")
            value = getattr(point, field) if field else None
        yield PointRow(
            name=name,
            unit=unit,
            kind=kind if is_number else "distribution",
            time=point.time_unix_nano,
            value=value,
            attributes=_pairs(point.attributes),
        )


def _id(raw: bytes, length: int) -> str:
    """Return an id as hex; one of another length, or of zeros only, is none."""
    return raw.hex() if len(raw) == length and any(raw) else ""


def _pairs(items: Any) -> dict[str, Any]:
    return rows.pairs(items, lambda one: (rows.shortened(one.key), _value(one.value, 0)))


def _value(value: Any, depth: int) -> Any:
    kind = value.WhichOneof("value")
    if kind is None:
        return None
    held = getattr(value, kind)
    if kind == "string_value":
        return rows.shortened(held)
    if kind == "double_value":
        return rows.plain_number(held)
    if kind == "bytes_value":
        return rows.plain_bytes(held)
    if kind in ("array_value", "kvlist_value") and depth >= rows.MAX_DEPTH:
        return rows.TOO_DEEP
    if kind == "array_value":
        return rows.bounded(held.values, lambda one: _value(one, depth + 1))
    if kind == "kvlist_value":
        return rows.pairs(held.values, lambda one: (rows.shortened(one.key), _value(one.value, depth + 1)))
    return held

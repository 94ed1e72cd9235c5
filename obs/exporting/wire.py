"""Lines of the outbox -> requests of the OpenTelemetry protocol; a line that cannot be one costs itself."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from functools import lru_cache
from typing import Any

import msgspec
import orjson
from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import (
    ExportLogsServiceRequest,
    ExportLogsServiceResponse,
)
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import (
    ExportTraceServiceRequest,
    ExportTraceServiceResponse,
)
from opentelemetry.proto.common.v1.common_pb2 import AnyValue, KeyValue
from opentelemetry.proto.logs.v1.logs_pb2 import LogRecord, SeverityNumber
from opentelemetry.proto.trace.v1.trace_pb2 import Span, Status

from obs import redaction
from obs.events import Event, decode_line, encode_line
from obs.exporting.echoes import OWNER, VIA, passed_by
from obs.exporting.shaping import Limits
from obs.exporting.spanrows import SpanRow
from obs.history.chronicle import clean

__all__ = ["SCOPE", "LogForm", "TraceForm", "ids_of", "line_of_event", "line_of_span", "values_of"]

SCOPE = "obs"
MOST_TEXT = 65_536
MOST_DEPTH = 16
MOST_KNOWN = 64
"""Characters of a name that is remembered."""
MAX_INT = 2**63
_FLAG_SAMPLED = 1
_NO_LIMITS = Limits()


def line_of_event(event: Event, service: str, observed: int, more: Mapping[str, str]) -> bytes:
    """Return a log record as it waits: cheap, as the fold pays for it."""
    head = orjson.dumps([observed, clean(service), more])
    return head + b"\t" + encode_line(event)


def line_of_span(row: SpanRow) -> bytes:
    """Return a span as it waits."""
    return orjson.dumps(msgspec.to_builtins(row), default=str)


class LogForm:
    """Writes requests of log records."""

    signal = "logs"

    def __init__(self, resource: Mapping[str, str], limits: Limits = _NO_LIMITS) -> None:
        """Take what every resource says beside its own, and what bounds attributes."""
        self.resource, self.limits = resource, limits

    def request(self, lines: Iterable[bytes]) -> tuple[bytes, int, int]:
        """Return a request, how many records it holds, and how many could not be read."""
        whole = ExportLogsServiceRequest()
        owners: dict[bytes, Any] = {}
        scopes: dict[tuple[bytes, str], Any] = {}
        made = bad = 0
        for line in lines:
            try:
                record, owner, service, logger = self._record(line)
                key = orjson.dumps((service, owner), default=str)
                # Masked once for all records of a bot: it is half of what they cost.
                told = None if key in owners else values_of(_resource(owner, service, self.resource))
            except (ValueError, TypeError, AttributeError, LookupError, RecursionError):
                bad += 1
                continue
            if told is not None:
                owners[key] = whole.resource_logs.add()
                owners[key].resource.attributes.extend(told)
            if (key, logger) not in scopes:
                scopes[key, logger] = owners[key].scope_logs.add()
                scopes[key, logger].scope.name = logger
            scopes[key, logger].log_records.append(record)
            made += 1
        return whole.SerializeToString(), made, bad

    def rejected(self, body: bytes) -> tuple[int, str]:
        """Return how many records the answer says were not taken, and why."""
        told = ExportLogsServiceResponse.FromString(body).partial_success
        return int(told.rejected_log_records), str(told.error_message)

    def _record(self, line: bytes) -> tuple[LogRecord, Mapping[str, Any], str, str]:
        head, _, row = line.partition(b"\t")
        observed, service, more = orjson.loads(head)
        event = decode_line(orjson.loads(row))
        record = LogRecord(
            time_unix_nano=event.timestamp,
            observed_time_unix_nano=event.observed_timestamp or observed,
            severity_number=SeverityNumber.ValueType(int(event.severity)),
            severity_text=_text(event.severity_text or event.severity.name),
            event_name=_text(event.event_name),
        )
        trace, span = ids_of(event.trace_id, 16), ids_of(event.span_id, 8)
        if trace:
            record.trace_id, record.span_id = trace, span
        # An id that no protocol takes as one is said like any other word of the bot.
        odd = {} if trace else {"trace_id": event.trace_id or None, "span_id": event.span_id or None}
        _set(record, {**odd, **event.attributes, **_raised(event), **more}, self.limits)
        if event.body:
            record.body.string_value = _text(event.body)
        return record, event.resource, service, _text(event.logger) or SCOPE


class TraceForm:
    """Writes requests of spans."""

    signal = "traces"

    def __init__(self, resource: Mapping[str, str], limits: Limits = _NO_LIMITS) -> None:
        """Take what every resource says beside its own, and what bounds attributes."""
        self.resource, self.limits = resource, limits

    def request(self, lines: Iterable[bytes]) -> tuple[bytes, int, int]:
        """Return a request, how many spans it holds, and how many could not be read."""
        whole = ExportTraceServiceRequest()
        scopes: dict[tuple[Any, ...], Any] = {}
        made = bad = 0
        for line in lines:
            try:
                row = msgspec.json.decode(line, type=SpanRow)
                span = _span(row, self.limits)
            except (ValueError, TypeError, RecursionError):
                bad += 1
                continue
            key = (row.service, *row.resource.items())
            if key not in scopes:
                owner = whole.resource_spans.add()
                owner.resource.attributes.extend(
                    values_of(_resource(row.resource, row.service, self.resource))
                )
                scopes[key] = owner.scope_spans.add()
                scopes[key].scope.name = SCOPE
            scopes[key].spans.append(span)
            made += 1
        return whole.SerializeToString(), made, bad

    def rejected(self, body: bytes) -> tuple[int, str]:
        """Return how many spans the answer says were not taken, and why."""
        told = ExportTraceServiceResponse.FromString(body).partial_success
        return int(told.rejected_spans), str(told.error_message)


def values_of(values: Mapping[str, Any]) -> list[KeyValue]:
    """Return attributes; a value of None says nothing and is left out."""
    return [
        KeyValue(key=_name(str(key)), value=_value(value, 0))
        for key, value in values.items()
        if value is not None and key != ""
    ]


def _set(made: LogRecord | Span, values: Mapping[str, Any], limits: Limits) -> None:
    """Give a record or span its attributes, as many and as long as they may be; the rest is counted."""
    told = values_of(values)
    count = limits.count
    if count is not None and len(told) > count:
        made.dropped_attributes_count = len(told) - count
        # What we have added stands last, and is what a reader joins records by.
        told = told[len(told) - count :]
    if limits.length is not None:
        for pair in told:
            _shorten(pair.value, limits.length)
    made.attributes.extend(told)


def _shorten(value: AnyValue, most: int) -> None:
    kind = value.WhichOneof("value")
    if kind == "string_value" and len(value.string_value) > most:
        value.string_value = value.string_value[:most]
    elif kind == "array_value":
        for one in value.array_value.values:
            _shorten(one, most)


def _span(row: SpanRow, limits: Limits) -> Span:
    span = Span(
        trace_id=bytes.fromhex(row.trace),
        span_id=bytes.fromhex(row.span),
        parent_span_id=bytes.fromhex(row.parent),
        flags=_FLAG_SAMPLED,
        name=_text(row.name),
        kind=Span.SPAN_KIND_CLIENT if row.kind == "client" else Span.SPAN_KIND_INTERNAL,
        start_time_unix_nano=row.start,
        end_time_unix_nano=row.end,
    )
    _set(span, row.attributes, limits)
    for name, at, said in row.moments:
        span.events.add(name=_text(name), time_unix_nano=at, attributes=values_of(said))
    if row.failed:
        span.status.CopyFrom(Status(code=Status.STATUS_CODE_ERROR, message=_text(row.failed)))
    for trace, known in row.links:
        if ids_of(trace, 16) and ids_of(known, 8):
            span.links.add(trace_id=ids_of(trace, 16), span_id=ids_of(known, 8))
    return span


def _resource(own: Mapping[str, Any], service: str, more: Mapping[str, str]) -> dict[str, Any]:
    named = {"service.name": service} if service else {}
    made = {**more, **redaction.redact_attributes(own), **named, OWNER: more[OWNER]}
    if passed := [one for one in passed_by(own) if one != more[OWNER]]:
        made[VIA] = ",".join(passed)
    return made


def _raised(event: Event) -> dict[str, str]:
    thrown = event.exception
    if thrown is None:
        return {}
    told = {
        "exception.type": thrown.type,
        "exception.message": thrown.message,
        "exception.stacktrace": thrown.stacktrace,
    }
    return {key: text for key, text in told.items() if text}


def _value(value: Any, depth: int) -> AnyValue:
    if isinstance(value, bool):
        return AnyValue(bool_value=value)
    if isinstance(value, str):
        return AnyValue(string_value=_text(value))
    if isinstance(value, int):
        return AnyValue(int_value=value) if -MAX_INT <= value < MAX_INT else AnyValue(string_value=str(value))
    if isinstance(value, float):
        return AnyValue(double_value=value)
    if depth >= MOST_DEPTH:
        return AnyValue(string_value="[too deep]")
    made = AnyValue()
    if isinstance(value, Mapping):
        made.kvlist_value.SetInParent()
        for key, item in value.items():
            made.kvlist_value.values.add(key=_text(str(key)), value=_value(item, depth + 1))
        return made
    if isinstance(value, Sequence):
        made.array_value.SetInParent()
        made.array_value.values.extend(_value(item, depth + 1) for item in value)
        return made
    return made if value is None else AnyValue(string_value=_text(str(value)))


def _text(text: str) -> str:
    return clean(text if len(text) <= MOST_TEXT else text[:MOST_TEXT] + " [cut]")


def _name(key: str) -> str:
    return _known_name(key) if len(key) <= MOST_KNOWN else _text(key)


@lru_cache(maxsize=4_096)
def _known_name(key: str) -> str:
    """The names of attributes are few, and come with each record."""
    return _text(key)


def ids_of(text: str, size: int) -> bytes:
    """Return an id of hex digits; nothing where it is none, or the zero that stands for none."""
    try:
        made = bytes.fromhex(text)
    except ValueError:
        return b""
    return made if len(made) == size and any(made) else b""

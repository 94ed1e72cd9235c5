"""Requests as clients write them: protobuf by the generated classes, JSON by hand."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import orjson
from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceRequest
from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import ExportMetricsServiceRequest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.common.v1.common_pb2 import AnyValue, KeyValue
from opentelemetry.proto.logs.v1.logs_pb2 import LogRecord, SeverityNumber
from opentelemetry.proto.metrics.v1.metrics_pb2 import Metric
from opentelemetry.proto.trace.v1.trace_pb2 import Span

NOW = 1_795_000_000_000_000_000
TRACE, SPAN = bytes(range(1, 17)), bytes(range(1, 9))


def value(held: Any) -> AnyValue:
    if isinstance(held, bool):
        return AnyValue(bool_value=held)
    if isinstance(held, int):
        return AnyValue(int_value=held)
    if isinstance(held, float):
        return AnyValue(double_value=held)
    if isinstance(held, list):
        made = AnyValue()
        made.array_value.values.extend(value(one) for one in held)
        return made
    return AnyValue(string_value=str(held))


def pairs(attributes: dict[str, Any]) -> list[KeyValue]:
    return [KeyValue(key=key, value=value(held)) for key, held in attributes.items()]


def log(number: int, **attributes: Any) -> LogRecord:
    return LogRecord(
        time_unix_nano=NOW + number,
        severity_number=SeverityNumber.SEVERITY_NUMBER_INFO,
        severity_text="INFO",
        body=value(f"order {number} filled"),
        attributes=pairs(attributes),
    )


def logs_request(records: Iterable[LogRecord], **resource: str) -> bytes:
    request = ExportLogsServiceRequest()
    part = request.resource_logs.add()
    part.resource.attributes.extend(pairs({"service.name": "grid-1", **resource}))
    scope = part.scope_logs.add()
    scope.scope.name = "bot.orders"
    scope.log_records.extend(records)
    return bytes(request.SerializeToString())


def span(name: str, number: int = 1, **attributes: Any) -> Span:
    return Span(
        trace_id=TRACE,
        span_id=number.to_bytes(8, "big"),
        name=name,
        kind=Span.SPAN_KIND_CLIENT,
        start_time_unix_nano=NOW,
        end_time_unix_nano=NOW + 250_000_000,
        attributes=pairs(attributes),
    )


def traces_request(spans: Iterable[Span], **resource: str) -> bytes:
    request = ExportTraceServiceRequest()
    part = request.resource_spans.add()
    part.resource.attributes.extend(pairs({"service.name": "grid-1", **resource}))
    scope = part.scope_spans.add()
    scope.scope.name = "bot.calls"
    scope.spans.extend(spans)
    return bytes(request.SerializeToString())


def metrics_request(metrics: Iterable[Metric], **resource: str) -> bytes:
    request = ExportMetricsServiceRequest()
    part = request.resource_metrics.add()
    part.resource.attributes.extend(pairs({"service.name": "grid-1", **resource}))
    part.scope_metrics.add().metrics.extend(metrics)
    return bytes(request.SerializeToString())


def json_log(number: int, **more: Any) -> dict[str, Any]:
    return {
        "timeUnixNano": str(NOW + number),
        "severityNumber": 9,
        "severityText": "INFO",
        "body": {"stringValue": f"order {number} filled"},
        **more,
    }


def json_logs(records: list[Any]) -> bytes:
    service = {"key": "service.name", "value": {"stringValue": "grid-1"}}
    scopes = [{"scope": {"name": "bot.orders"}, "logRecords": records}]
    return orjson.dumps({"resourceLogs": [{"resource": {"attributes": [service]}, "scopeLogs": scopes}]})

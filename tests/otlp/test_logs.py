"""Log records of OpenTelemetry become events that say the same."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from opentelemetry.exporter.otlp.proto.http import Compression
from opentelemetry.exporter.otlp.proto.http._log_exporter import OTLPLogExporter
from opentelemetry.sdk._logs import LoggerProvider, LoggingHandler
from opentelemetry.sdk._logs.export import BatchLogRecordProcessor
from opentelemetry.sdk.resources import Resource

from obs.events import Event, Severity
from tests.otlp.stage import Stage, staged


@contextmanager
def sdk_logger(stage: Stage, compression: Compression) -> Iterator[logging.Logger]:
    """A logger of `logging` whose records the SDK's own exporter sends to us."""
    provider = LoggerProvider(resource=Resource.create({"service.name": "grid-1"}))
    exporter = OTLPLogExporter(endpoint=stage.url("logs"), compression=compression)
    provider.add_log_record_processor(BatchLogRecordProcessor(exporter))
    with pytest.warns(DeprecationWarning, match="LoggingHandler"):
        handler = LoggingHandler(logger_provider=provider)
    log = logging.getLogger("otlp_test.orders")
    log.addHandler(handler)
    log.setLevel(logging.DEBUG)
    try:
        yield log
        assert provider.force_flush()
    finally:
        log.removeHandler(handler)
        provider.shutdown()


def by_body(events: list[Event]) -> dict[str, Event]:
    return {event.body: event for event in events}


def test_the_sdks_records_arrive_as_they_were_said(tmp_path: Path) -> None:
    with staged(tmp_path) as stage:
        for compression in Compression:
            with sdk_logger(stage, compression) as log:
                log.info(
                    "order %s filled",
                    compression.value,
                    extra={"event_name": "order.filled", "order.id": "42"},
                )
        with sdk_logger(stage, Compression.Gzip) as log:
            try:
                dict[str, int]()["x"]
            except KeyError:
                log.exception("tick failed")
        events = by_body(stage.events())

    assert set(events) == {"order none filled", "order gzip filled", "order deflate filled", "tick failed"}
    filled = events["order gzip filled"]
    assert (filled.event_name, filled.logger, filled.severity) == (
        "order.filled",
        "otlp_test.orders",
        Severity.INFO,
    )
    assert filled.attributes["order.id"] == "42"
    assert filled.service == "grid-1"
    failed = events["tick failed"].exception
    assert failed is not None
    assert (failed.type, failed.message) == ("KeyError", "x")
    assert failed.stacktrace.endswith("KeyError: 'x'")

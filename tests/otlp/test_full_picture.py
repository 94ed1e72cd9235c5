"""A bot that is instrumented with OpenTelemetry alone, and does not know `obs`, is seen whole."""

from __future__ import annotations

import contextlib
import signal
import threading
from pathlib import Path

import httpx2

from tests.otlp.programs import briefing, collector, python, running
from tests.otlp.requests import log, logs_request

BOT = r"""
import logging, time
from opentelemetry import metrics, trace
from opentelemetry.exporter.otlp.proto.http._log_exporter import OTLPLogExporter
from opentelemetry.exporter.otlp.proto.http.metric_exporter import OTLPMetricExporter
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk._logs import LoggerProvider, LoggingHandler
from opentelemetry.sdk._logs.export import BatchLogRecordProcessor
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import PeriodicExportingMetricReader
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor

logs, traces = LoggerProvider(), TracerProvider()
logs.add_log_record_processor(BatchLogRecordProcessor(OTLPLogExporter()))
traces.add_span_processor(BatchSpanProcessor(OTLPSpanExporter()))
reader = PeriodicExportingMetricReader(OTLPMetricExporter(), export_interval_millis=60_000)
meters = MeterProvider([reader])
logging.getLogger().addHandler(LoggingHandler(logger_provider=logs))
logging.getLogger().setLevel(logging.INFO)
log, tracer = logging.getLogger("bot.orders"), traces.get_tracer("bot.decisions")
meter = meters.get_meter("bot")
meter.create_gauge("process.memory.usage").set(73_000_000)
meter.create_counter("bot.sharpness").add(1)

def say(event, **attributes):
    log.info(event, extra={"event_name": event, **attributes})

with tracer.start_as_current_span("decide BTC/USDT") as deciding:
    call = {"gen_ai.operation.name": "chat", "gen_ai.provider.name": "openai", "gen_ai.agent.name": "trend",
            "gen_ai.request.model": "gpt-5-mini", "gen_ai.usage.input_tokens": 1000,
            "gen_ai.usage.output_tokens": 200}
    with tracer.start_as_current_span("chat gpt-5-mini", kind=trace.SpanKind.CLIENT, attributes=call):
        pass
    say("order.submitted", **{"order.id": "42", "symbol": "BTC/USDT", "order.quantity": "1"})
    say("order.filled", **{"order.id": "42", "symbol": "BTC/USDT", "fill.quantity": "1", "fill.price": "100"})
    say("position.opened", **{"position.id": "p1", "symbol": "BTC/USDT", "position.quantity": "1",
        "position.average_price": "100", "currency": "USDT", "position.side": "long"})
    log.error("order 43 rejected: insufficient balance, api_key=abcdef0123456789abcdef0123456789")
say("trade.closed", **{"trade.id": "t1", "symbol": "BTC/USDT", "pnl.net": "12.50", "currency": "USDT",
    "position.id": "p1"})
logs.shutdown(); traces.shutdown(); meters.shutdown()
"""

EVENTS = 8
"""Five records, two spans, one heartbeat."""


def test_three_variables_and_the_picture_is_whole(tmp_path: Path) -> None:
    with running(tmp_path / "obs") as sidecar:
        python(
            BOT,
            OTEL_SERVICE_NAME="grid-1",
            OTEL_EXPORTER_OTLP_ENDPOINT=sidecar.address,
            OTEL_EXPORTER_OTLP_PROTOCOL="http/protobuf",
        )
        health = sidecar.until("/api/health", lambda health: health["events"] >= EVENTS)
        overview = sidecar.data("/api/system/overview")
        page = briefing(sidecar)
        (refused,) = (one for one in sidecar.data("/api/issues") if "refused" in one["title"])

    assert health["events"] == EVENTS
    assert overview["bots"] == ["grid-1"]
    assert overview["llm"]["calls"] == 1
    assert overview["llm"]["cost"] == [{"amount": "0.00065", "currency": "USD"}]
    assert overview["trading"]["settled"] == 1
    assert "Order refused: balance not sufficient" in page
    assert "Secret in the log" in page
    assert "abcdef0123456789" not in page
    # What the span said stands in the story of the issue that a log record made: one trace.
    assert "chat gpt-5-mini" in str(refused)


def test_what_was_confirmed_survives_a_kill_and_counts_once(tmp_path: Path) -> None:
    batches = [logs_request(log(100 * batch + number) for number in range(100)) for batch in range(20)]
    headers = {"Content-Type": "application/x-protobuf"}

    with running(tmp_path / "obs") as first, httpx2.Client(headers=headers) as client:
        killer = threading.Timer(0.3, lambda: first.stop(signal.SIGKILL))
        killer.start()
        # Some are confirmed, one is cut off; whatever it was, all come again.
        with contextlib.suppress(httpx2.HTTPError):
            for body in batches * 50:
                assert client.post(first.url("logs"), content=body).status_code == 200
        killer.join()
    with running(tmp_path / "obs") as second, httpx2.Client(headers=headers) as client:
        for body in batches:
            assert client.post(second.url("logs"), content=body).status_code == 200
        found = second.until("/api/health", lambda health: health["events"] >= 2_000)
        second.stop()

    assert found["events"] == 2_000


def test_a_collector_between_changes_nothing(tmp_path: Path) -> None:
    with running(tmp_path / "obs") as sidecar, collector(sidecar.address) as between:
        python(
            BOT,
            OTEL_SERVICE_NAME="grid-1",
            OTEL_EXPORTER_OTLP_ENDPOINT=between,
            OTEL_EXPORTER_OTLP_PROTOCOL="http/protobuf",
        )
        found = sidecar.until("/api/health", lambda health: health["events"] >= EVENTS, 30)
        overview = sidecar.data("/api/system/overview")

    assert found["events"] == EVENTS
    assert overview["llm"]["cost"] == [{"amount": "0.00065", "currency": "USD"}]
    assert overview["trading"]["settled"] == 1

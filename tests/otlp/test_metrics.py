"""Data points: what a heartbeat or an account would say is used, of the rest the names are said once."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import orjson
from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import ExportMetricsServiceResponse
from opentelemetry.proto.metrics.v1.metrics_pb2 import Metric, NumberDataPoint

from tests.otlp.requests import NOW, metrics_request, pairs
from tests.otlp.stage import staged


def gauge(name: str, held: float, **attributes: Any) -> Metric:
    made = Metric(name=name)
    made.gauge.data_points.append(
        NumberDataPoint(time_unix_nano=NOW, as_double=held, attributes=pairs(attributes))
    )
    return made


def test_what_a_process_measures_of_itself_is_a_heartbeat(tmp_path: Path) -> None:
    metrics = [
        gauge("process.memory.usage", 5e7),
        gauge("tick.age_s", 2.5),
        gauge("bot.sharpness", 3),
        gauge("bot.sharpness", 4),
    ]
    with staged(tmp_path) as stage:
        answer = stage.post("metrics", metrics_request(metrics))
        again = stage.post("metrics", metrics_request(metrics))
        (beat,) = stage.events()

    assert beat.event_name == "heartbeat"
    assert (beat.timestamp, beat.service) == (NOW, "grid-1")
    assert beat.attributes == {"process.memory.usage": 5e7, "tick.age_s": 2.5}
    said = ExportMetricsServiceResponse.FromString(answer.content).partial_success
    assert said.rejected_data_points == 0
    assert said.error_message == "2 data points of metrics that are not used: bot.sharpness"
    assert again.content == b""


def test_pythons_older_name_of_memory_counts_only_what_is_resident(tmp_path: Path) -> None:
    name = "process.runtime.cpython.memory"
    with staged(tmp_path) as stage:
        stage.post("metrics", metrics_request([gauge(name, 4e7, type="rss"), gauge(name, 9e9, type="vms")]))
        (beat,) = stage.events()

    assert beat.attributes == {"process.memory.usage": 4e7}


def test_the_pools_of_a_java_machine_are_summed_up(tmp_path: Path) -> None:
    with staged(tmp_path) as stage:
        pools = [gauge("jvm.memory.used", 1e7, pool="a"), gauge("jvm.memory.used", 2e7, pool="b")]
        stage.post("metrics", metrics_request(pools))
        (beat,) = stage.events()

    assert beat.attributes == {"process.memory.usage": 3e7}


def test_an_accounts_measures_need_their_currency(tmp_path: Path) -> None:
    with staged(tmp_path) as stage:
        metrics = [
            gauge("equity", 1_000, currency="USDT"),
            gauge("pnl.day", -5, currency="USDT"),
            gauge("equity", 7),
        ]
        stage.post("metrics", metrics_request(metrics))
        events = {event.event_name: event for event in stage.events()}

    assert events["equity.measured"].attributes == {"currency": "USDT", "equity": 1_000, "pnl.day": -5}
    assert events["heartbeat"].attributes == {}


def test_json_and_points_that_were_not_measured(tmp_path: Path) -> None:
    points = [{"timeUnixNano": str(NOW), "asInt": "50000000"}]
    none = [{"timeUnixNano": str(NOW), "asDouble": 7, "flags": 1}]
    metrics = [
        {"name": "process.memory.usage", "sum": {"dataPoints": points}},
        {"name": "tick.age_s", "gauge": {"dataPoints": none}},
        {"name": "latency", "histogram": {"dataPoints": [{"count": "3", "sum": 4.5}]}},
    ]
    resource = {"attributes": [{"key": "service.name", "value": {"stringValue": "grid-1"}}]}
    body = orjson.dumps({"resourceMetrics": [{"resource": resource, "scopeMetrics": [{"metrics": metrics}]}]})

    with staged(tmp_path) as stage:
        answer = stage.post("metrics", body, "application/json")
        (beat,) = stage.events()

    assert beat.attributes == {"process.memory.usage": 50_000_000}
    assert orjson.loads(answer.content)["partialSuccess"] == {
        "rejectedDataPoints": "0",
        "errorMessage": "2 data points of metrics that are not used: latency, tick.age_s",
    }

"""Metrics as a backend wants them: plain or exponential, cumulative or as what was added, with exemplars."""

from __future__ import annotations

import math
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec
import pytest
from opentelemetry.proto.metrics.v1.metrics_pb2 import AggregationTemporality

from obs.exporting.destination import Destination
from obs.exporting.outbox import Counts
from obs.sidecar import Sidecar
from tests.exporting.collector import Collector, attributes, collecting, until
from tests.exporting.test_exporting import counts, told
from tests.exporting.test_variables import going
from tests.otlp.programs import collector as rotel

DELTA = AggregationTemporality.AGGREGATION_TEMPORALITY_DELTA
CUMULATIVE = AggregationTemporality.AGGREGATION_TEMPORALITY_CUMULATIVE
TRACE = "0af7651916cd43dd8448eb211c80319c"
PREFERENCE = "OTEL_EXPORTER_OTLP_METRICS_TEMPORALITY_PREFERENCE"
EXPONENTIAL = {
    "OTEL_EXPORTER_OTLP_METRICS_DEFAULT_HISTOGRAM_AGGREGATION": "base2_exponential_bucket_histogram"
}


@pytest.fixture
def collector() -> Iterator[Collector]:
    with collecting() as found:
        yield found


def calls(sidecar: Sidecar, first: int, *milliseconds: int, trace: str = "") -> None:
    for number, took in enumerate(milliseconds, first):
        event = told(number, "llm.called", gen_ai__request__model="a-model", duration_ms=took)
        sidecar.accept(msgspec.structs.replace(event, trace_id=trace, span_id=trace[:16]))


def sent(sidecar: Sidecar, collector: Collector, aim: Destination) -> dict[str, Any]:
    """Have one set of metrics sent now; return it by name."""
    before = len(collector.metrics)
    assert sidecar.exporter is not None
    sidecar.exporter.redirect(aim)
    assert sidecar.commit()
    sidecar.step()
    assert until(lambda: len(collector.metrics) > before and not counts(sidecar, "metrics").waiting)
    return found(collector)


def found(collector: Collector) -> dict[str, Any]:
    return {
        metric.name: metric
        for owner in collector.metrics[-1].resource_metrics
        for scope in owner.scope_metrics
        for metric in scope.metrics
    }


def total(metrics: dict[str, Any], name: str = "trading_llm_calls_total") -> float:
    return sum(float(point.as_double) for point in metrics[name].sum.data_points) if name in metrics else 0.0


def test_an_exponential_histogram_says_where_the_values_lie(tmp_path: Path, collector: Collector) -> None:
    aim = going(collector.url, **EXPONENTIAL)
    milliseconds = (0, 5, 40, 500, 2_000, 20_000)

    with Sidecar(tmp_path, destination=aim) as sidecar:
        calls(sidecar, 1, *milliseconds)
        metric = sent(sidecar, collector, aim)["trading_llm_duration_seconds"]

    (point,) = metric.exponential_histogram.data_points
    base = 2 ** (2**-point.scale)
    held = [
        (base ** (point.positive.offset + place), base ** (point.positive.offset + place + 1))
        for place, count in enumerate(point.positive.bucket_counts)
        for _ in range(count)
    ]
    assert (point.count, point.zero_count) == (6, 1)
    assert math.isclose(point.sum, sum(milliseconds) / 1_000)
    for (low, high), value in zip(held, (0.005, 0.04, 0.5, 2.0, 20.0), strict=True):
        assert low < value <= high * (1 + 1e-12)
    assert metric.exponential_histogram.aggregation_temporality == CUMULATIVE


def test_a_real_collector_takes_exponential_histograms(tmp_path: Path, collector: Collector) -> None:
    with rotel(collector.url) as endpoint:
        aim = going(endpoint, **EXPONENTIAL)
        with Sidecar(tmp_path, destination=aim) as sidecar:
            calls(sidecar, 1, 5, 40)
            metric = sent(sidecar, collector, aim)["trading_llm_duration_seconds"]

    (point,) = metric.exponential_histogram.data_points
    assert (point.count, sum(point.positive.bucket_counts), point.scale) == (2, 2, 3)


def test_what_was_added_is_sent_once_over_refusals_and_restarts(tmp_path: Path, collector: Collector) -> None:
    aim = going(collector.url, **{PREFERENCE: "delta"})
    said: list[float] = []

    with Sidecar(tmp_path, destination=aim) as sidecar:
        calls(sidecar, 1, 5, 5, 5)
        said.append(total(sent(sidecar, collector, aim)))
        said.append(total(sent(sidecar, collector, aim)))
        collector.status = 503
        calls(sidecar, 10, 5, 5)
        assert sidecar.commit()
        sidecar.exporter.redirect(aim)  # type: ignore[union-attr]
        sidecar.step()
        assert until(lambda: counts(sidecar, "metrics").dropped)
    collector.status = 200
    with Sidecar(tmp_path, destination=aim) as sidecar:
        calls(sidecar, 20, 5)
        metrics = sent(sidecar, collector, aim)
        said.append(total(metrics))

    (spread,) = metrics["trading_llm_duration_seconds"].histogram.data_points
    calls_sum = metrics["trading_llm_calls_total"].sum
    assert said == [3, 0, 3]
    assert calls_sum.aggregation_temporality == DELTA
    assert (spread.count, sum(spread.bucket_counts)) == (3, 3)
    assert calls_sum.data_points[0].start_time_unix_nano == spread.start_time_unix_nano
    assert 0 < spread.start_time_unix_nano < spread.time_unix_nano


def test_to_spare_memory_only_histograms_are_sent_as_added(tmp_path: Path, collector: Collector) -> None:
    aim = going(collector.url, **{PREFERENCE: "lowmemory"})

    with Sidecar(tmp_path, destination=aim) as sidecar:
        calls(sidecar, 1, 5, 5, 5)
        sent(sidecar, collector, aim)
        calls(sidecar, 10, 5)
        metrics = sent(sidecar, collector, aim)

    spread = metrics["trading_llm_duration_seconds"].histogram
    assert (metrics["trading_llm_calls_total"].sum.aggregation_temporality, total(metrics)) == (CUMULATIVE, 4)
    assert (spread.aggregation_temporality, spread.data_points[0].count) == (DELTA, 1)


@pytest.mark.parametrize(
    ("wanted", "traces"), [("always_on", {"", TRACE}), ("trace_based", {TRACE}), ("always_off", set())]
)
def test_exemplars_lead_to_the_trace(
    tmp_path: Path, collector: Collector, wanted: str, traces: set[str]
) -> None:
    aim = going(collector.url, OTEL_METRICS_EXEMPLAR_FILTER=wanted)

    with Sidecar(tmp_path, destination=aim) as sidecar:
        calls(sidecar, 1, 5, trace=TRACE)
        refused = told(2, "order.rejected", order__id="o-1", reason="balance")
        sidecar.accept(refused)
        metrics = sent(sidecar, collector, aim)

    exemplars = [
        exemplar
        for metric in metrics.values()
        for point in (*metric.sum.data_points, *metric.histogram.data_points)
        for exemplar in point.exemplars
    ]
    assert {exemplar.trace_id.hex() for exemplar in exemplars} == traces
    assert all("trace_id" not in attributes(exemplar.filtered_attributes) for exemplar in exemplars)


def test_a_count_that_began_anew_is_sent_whole(tmp_path: Path, collector: Collector) -> None:
    aim = going(collector.url, **{PREFERENCE: "delta"})
    with Sidecar(tmp_path / "first", destination=aim) as sidecar:
        calls(sidecar, 1, 5, 5, 5)
        sent(sidecar, collector, aim)
    (tmp_path / "second" / "outbox").mkdir(parents=True)
    (tmp_path / "first" / "outbox" / "metrics").rename(tmp_path / "second" / "outbox" / "metrics")

    with Sidecar(tmp_path / "second", destination=aim) as sidecar:
        calls(sidecar, 1, 5, 5)
        metrics = sent(sidecar, collector, aim)

        assert total(metrics) == 2
        assert counts(sidecar, "metrics") == Counts(1, 1, 0, {})

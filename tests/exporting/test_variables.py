"""OpenTelemetry's variables: each is followed or said not to be, and the table in the docs is true."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from opentelemetry.sdk import environment_variables

from obs.config import Otlp
from obs.exporting.destination import Destination, destination
from obs.exporting.shaping import Limits, is_sampled
from obs.exporting.variables import FOLLOWED, INSTEAD, names_of, unheard
from obs.sidecar import Sidecar
from tests.builders import REPO
from tests.exporting.collector import Collector, attributes, collecting, until
from tests.exporting.test_exporting import feed, is_empty, one_decision, said

HOME = "http://collector:4318"
GRPC = {"OTEL_EXPORTER_OTLP_PROTOCOL": "grpc", "OTEL_EXPORTER_OTLP_ENDPOINT": "collector:4317"}
TRIED: dict[str, tuple[str, dict[str, str]]] = {
    "OTEL_SDK_DISABLED": ("true", {}),
    "OTEL_SERVICE_NAME": ("watcher", {}),
    "OTEL_RESOURCE_ATTRIBUTES": ("deployment.environment.name=prod", {}),
    "OTEL_LOGS_EXPORTER": ("none", {}),
    "OTEL_TRACES_EXPORTER": ("none", {}),
    "OTEL_METRICS_EXPORTER": ("none", {}),
    "ENDPOINT": ("http://other:4318", {}),
    "PROTOCOL": ("grpc", {}),
    "HEADERS": ("x-scope=desk", {}),
    "TIMEOUT": ("2500", {}),
    "COMPRESSION": ("none", {}),
    "CERTIFICATE": ("/etc/ca.pem", {}),
    "CLIENT_CERTIFICATE": ("/etc/own.pem", {}),
    "CLIENT_KEY": ("/etc/own.key", {"OTEL_EXPORTER_OTLP_CLIENT_CERTIFICATE": "/etc/own.pem"}),
    "INSECURE": ("true", GRPC),
    "OTEL_EXPORTER_OTLP_METRICS_TEMPORALITY_PREFERENCE": ("delta", {}),
    "OTEL_EXPORTER_OTLP_METRICS_DEFAULT_HISTOGRAM_AGGREGATION": ("base2_exponential_bucket_histogram", {}),
    "OTEL_METRICS_EXEMPLAR_FILTER": ("trace_based", {}),
    "OTEL_METRIC_EXPORT_INTERVAL": ("5000", {}),
    "OTEL_METRIC_EXPORT_TIMEOUT": ("5000", {}),
    "OTEL_BLRP_MAX_EXPORT_BATCH_SIZE": ("100", {}),
    "OTEL_BSP_MAX_EXPORT_BATCH_SIZE": ("100", {}),
    "OTEL_TRACES_SAMPLER": ("always_off", {}),
    "OTEL_TRACES_SAMPLER_ARG": ("0.5", {"OTEL_TRACES_SAMPLER": "traceidratio"}),
    "OTEL_ATTRIBUTE_COUNT_LIMIT": ("9", {}),
    "OTEL_ATTRIBUTE_VALUE_LENGTH_LIMIT": ("99", {}),
    "OTEL_LOGRECORD_ATTRIBUTE_COUNT_LIMIT": ("9", {}),
    "OTEL_LOGRECORD_ATTRIBUTE_VALUE_LENGTH_LIMIT": ("99", {}),
    "OTEL_SPAN_ATTRIBUTE_COUNT_LIMIT": ("9", {}),
    "OTEL_SPAN_ATTRIBUTE_VALUE_LENGTH_LIMIT": ("99", {}),
}
"""A value of each, and what else must be set for it to mean anything."""
EACH = sorted({name for told in FOLLOWED for name in names_of(told)})


@pytest.fixture
def collector() -> Iterator[Collector]:
    with collecting() as found:
        yield found


def of(**variables: str) -> Destination | None:
    return destination(Otlp.model_validate({}), {"OTEL_EXPORTER_OTLP_ENDPOINT": HOME, **variables})


def going(url: str, **variables: str) -> Destination:
    found = destination(Otlp.model_validate({}), {"OTEL_EXPORTER_OTLP_ENDPOINT": url, **variables})
    assert found is not None
    return found


def test_every_variable_of_the_standard_kit_is_followed_or_said_not_to_be() -> None:
    standard = {
        value
        for name, value in vars(environment_variables).items()
        if name.startswith("OTEL_") and isinstance(value, str) and not name.startswith("OTEL_PYTHON_")
    }

    assert standard - set(EACH) - set(INSTEAD) == set()


@pytest.mark.parametrize("name", EACH)
def test_what_is_said_to_be_followed_changes_something(name: str) -> None:
    word = re.sub(r"^OTEL_EXPORTER_OTLP_(?:(?:LOGS|TRACES|METRICS)_)?", "", name)
    value, beside = TRIED[name] if name in TRIED else TRIED[word]

    assert of(**beside, **{name: value}) != of(**beside)
    assert unheard({name: value}) == []


@pytest.mark.parametrize("name", sorted(INSTEAD))
def test_what_is_not_followed_changes_nothing_and_is_said(name: str) -> None:
    without, with_it = of(), of(**{name: "5"})

    assert without is not None
    assert with_it is not None
    assert with_it.unheard == (f"{name} is not followed: {INSTEAD[name]}",)
    assert without.unheard == ()
    assert (with_it.routes, with_it.shape, with_it.interval) == (
        without.routes,
        without.shape,
        without.interval,
    )


def test_a_slip_of_the_pen_is_said_and_what_is_for_a_bot_alone_is_not() -> None:
    told = unheard(
        {
            "OTEL_EXPORTER_OTLP_ENDPONT": "http://x",
            "OTEL_PYTHON_LOG_CORRELATION": "true",
            "OTEL_SEMCONV_STABILITY_OPT_IN": "http",
            "OTEL_LOG_LEVEL": "",
            "PATH": "/bin",
        }
    )

    assert told == ["OTEL_EXPORTER_OTLP_ENDPONT is not known here, and does nothing"]


def test_the_table_in_the_docs_is_this_one() -> None:
    text = (REPO / "docs" / "opentelemetry.md").read_text(encoding="utf-8")

    rows = dict(re.findall(r"^\| `(OTEL_\S+)` \| (.+) \|$", text, re.M))

    assert rows == {**FOLLOWED, **{name: f"not followed: {why}" for name, why in INSTEAD.items()}}


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("OTEL_EXPORTER_OTLP_METRICS_TEMPORALITY_PREFERENCE", "sometimes"),
        ("OTEL_EXPORTER_OTLP_METRICS_DEFAULT_HISTOGRAM_AGGREGATION", "round"),
        ("OTEL_METRICS_EXEMPLAR_FILTER", "all"),
        ("OTEL_TRACES_SAMPLER", "jaeger_remote"),
        ("OTEL_BLRP_MAX_EXPORT_BATCH_SIZE", "0"),
        ("OTEL_BSP_MAX_EXPORT_BATCH_SIZE", "-1"),
        ("OTEL_ATTRIBUTE_COUNT_LIMIT", "9" * 5_000),
        ("OTEL_RESOURCE_ATTRIBUTES", "no sign"),
        ("OTEL_LOGS_EXPORTER", "console"),
        ("OTEL_EXPORTER_OTLP_COMPRESSION", "zstd"),
        ("OTEL_EXPORTER_OTLP_LOGS_COMPRESSION", "snappy"),
        ("OTEL_SDK_DISABLED", "1"),
    ],
)
def test_a_value_that_cannot_be_read_is_said_and_stops_nothing_else(name: str, value: str) -> None:
    plain, found = of(), of(**{name: value})

    assert plain is not None
    assert found is not None
    assert len(found.unheard) == 1
    assert found.unheard[0].startswith(name)
    assert found.shape == plain.shape
    assert found.routes["traces"] == plain.routes["traces"]


def test_the_limits_of_one_kind_come_before_those_of_all() -> None:
    found = of(OTEL_ATTRIBUTE_COUNT_LIMIT="9", OTEL_SPAN_ATTRIBUTE_COUNT_LIMIT="5")

    assert found is not None
    assert found.shape.limits == {"logs": Limits(9, None), "traces": Limits(5, None)}


def test_about_the_part_of_all_traces_that_is_wanted_is_sent() -> None:
    ids = [f"{number * 0x9E3779B97F4A7C15 % 2**128:032x}" for number in range(1, 2_001)]

    part = sum(is_sampled(one, 0.25) for one in ids)

    assert 400 < part < 600
    assert all(is_sampled(one, 0.5) for one in ids if is_sampled(one, 0.25))
    assert not any(is_sampled(one, 0.0) for one in ids)
    assert all(is_sampled(one, 1.0) for one in ids)


def test_what_the_variables_ask_for_is_what_arrives(tmp_path: Path, collector: Collector) -> None:
    aim = going(
        collector.url,
        OTEL_SERVICE_NAME="watcher",
        OTEL_RESOURCE_ATTRIBUTES="deployment.environment.name=prod%20eu,service.version=9,service.name=x",
        OTEL_BLRP_MAX_EXPORT_BATCH_SIZE="4",
        OTEL_LOGRECORD_ATTRIBUTE_COUNT_LIMIT="3",
        OTEL_LOGRECORD_ATTRIBUTE_VALUE_LENGTH_LIMIT="4",
    )
    with Sidecar(tmp_path, destination=aim) as sidecar:
        many = {f"key{number}": "a long value" for number in range(10)}
        feed(sidecar, [said(number, attributes=many) for number in range(10)])
        sidecar.step()
        assert until(lambda: is_empty(sidecar))
        assert until(lambda: collector.metrics)

    sizes = [sum(len(s.log_records) for o in r.resource_logs for s in o.scope_logs) for r in collector.logs]
    record, bot = collector.records[0], attributes(collector.logs[0].resource_logs[0].resource.attributes)
    own = attributes(collector.metrics[0].resource_metrics[0].resource.attributes)
    assert max(sizes) == 4
    assert (len(record.attributes), record.dropped_attributes_count) == (3, 8)
    assert attributes(record.attributes) == {"key8": "a lo", "key9": "a lo", "log.record.uid": "r-0"}
    assert (bot["service.name"], bot["deployment.environment.name"]) == ("grid-1", "prod eu")
    assert "service.version" not in bot
    assert (own["service.name"], own["deployment.environment.name"]) == ("watcher", "prod eu")


def test_traces_that_are_not_sampled_are_not_taken(tmp_path: Path, collector: Collector) -> None:
    with Sidecar(tmp_path, destination=going(collector.url, OTEL_TRACES_SAMPLER="always_off")) as sidecar:
        feed(sidecar, one_decision())
        assert until(lambda: is_empty(sidecar))
        assert sidecar.exporter is not None
        taken = sidecar.exporter.books()["traces"].counts.taken

    assert (taken, collector.spans, len(collector.records)) == (0, [], 6)


def test_what_is_not_followed_is_said_at_the_start_and_once(
    tmp_path: Path, collector: Collector, capsys: pytest.CaptureFixture[str]
) -> None:
    aim = going(collector.url, OTEL_BSP_SCHEDULE_DELAY="100")

    with Sidecar(tmp_path, destination=aim) as sidecar:
        assert sidecar.exporter is not None
        sidecar.exporter.redirect(aim)

    assert capsys.readouterr().err.count("OTEL_BSP_SCHEDULE_DELAY is not followed") == 1

"""What the sidecar folds leaves it as OpenTelemetry: whole, once, and without the fold ever waiting."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest

from obs.config import ConfigError, Otlp, load
from obs.events import Event, Severity
from obs.exporting.destination import Destination, DestinationError, destination
from obs.exporting.outbox import Counts
from obs.sidecar import Sidecar
from tests.exporting.collector import Collector, attributes, collecting, until

T0 = 1_795_000_000_000_000_000
SECOND = 1_000_000_000


@pytest.fixture
def collector() -> Iterator[Collector]:
    with collecting() as found:
        yield found


def going_to(url: str, **more: Any) -> Destination:
    told = destination(Otlp.model_validate({"endpoint": url, **more}), {})
    assert told is not None
    return told


def said(number: int, body: str = "", **more: Any) -> Event:
    return Event(
        timestamp=T0 + number * SECOND,
        severity=more.pop("severity", Severity.INFO),
        body=body or f"line {number}",
        logger="bot.orders",
        resource={"service.name": "grid-1"},
        uid=f"r-{number}",
        **more,
    )


def told(at: int, name: str, **attributes: str | int | float) -> Event:
    named = {key.replace("__", "."): value for key, value in attributes.items()}
    return Event(
        timestamp=T0 + at * SECOND,
        severity=Severity.INFO,
        event_name=name,
        attributes={"symbol": "BTC/USDT", **named},
        resource={"service.name": "grid-1"},
        uid=f"e-{at}-{name}",
    )


def one_decision() -> list[Event]:
    return [
        told(1, "signal.generated", signal__id="s-1", signal__action="buy"),
        told(2, "signal.generated", signal__id="s-2", signal__action="buy"),
        told(3, "decision.made", decision__id="d-1", signal__ids="s-1,s-2"),
        told(
            4, "order.submitted", order__id="o-1", decision__id="d-1", order__side="buy", order__quantity="2"
        ),
        told(5, "order.filled", order__id="o-1", fill__id="f-1", fill__quantity="1", order__remaining="1"),
        told(9, "order.filled", order__id="o-1", fill__id="f-2", fill__quantity="1", order__remaining="0"),
    ]


def counts(sidecar: Sidecar, signal: str = "logs") -> Counts:
    assert sidecar.exporter is not None
    return sidecar.exporter.books()[signal].counts


def is_even(sidecar: Sidecar, signal: str = "logs") -> bool:
    books = counts(sidecar, signal)
    return books.taken == books.sent + books.waiting + sum(books.dropped.values())


def is_empty(sidecar: Sidecar, signal: str = "logs") -> bool:
    return counts(sidecar, signal).waiting == 0


def feed(sidecar: Sidecar, events: list[Event]) -> None:
    for event in events:
        sidecar.accept(event)
    assert sidecar.commit()


def test_a_record_arrives_with_all_that_it_says(tmp_path: Path, collector: Collector) -> None:
    event = said(
        1,
        "order 42 rejected: insufficient balance",
        severity=Severity.ERROR,
        attributes={"order.id": "42", "retry": 3, "ratio": 0.5, "big": 2**70, "deep": {"a": [1, None]}},
        trace_id="0af7651916cd43dd8448eb211c80319c",
        span_id="b7ad6b7169203331",
    )

    with Sidecar(tmp_path, destination=going_to(collector.url, headers={"X-Team": "desk"})) as sidecar:
        feed(sidecar, [event])
        assert until(lambda: collector.records)
        assert until(lambda: is_empty(sidecar))

    record = collector.records[0]
    said_of = attributes(record.attributes)
    owner = collector.logs[0].resource_logs[0]
    assert record.time_unix_nano == event.timestamp
    assert (record.severity_number, record.severity_text) == (17, "ERROR")
    assert record.body.string_value == event.body
    assert record.trace_id.hex() == event.trace_id
    assert record.span_id.hex() == event.span_id
    assert said_of["order.id"] == "42"
    assert (said_of["retry"], said_of["ratio"], said_of["big"]) == (3, 0.5, str(2**70))
    assert said_of["log.record.uid"] == "r-1"
    assert said_of["obs.issue.id"] == sidecar.snapshot().issues[0].id
    assert attributes(owner.resource.attributes)["service.name"] == "grid-1"
    assert owner.scope_logs[0].scope.name == "bot.orders"
    assert collector.headers[0]["X-Team"] == "desk"
    assert collector.headers[0]["Content-Encoding"] == "gzip"


def test_secrets_do_not_leave(tmp_path: Path, collector: Collector) -> None:
    secret = "api_secret=abcdEFGH1234abcdEFGH1234abcdEFGH"

    with Sidecar(tmp_path, destination=going_to(collector.url)) as sidecar:
        feed(sidecar, [said(1, f"connecting with {secret}", severity=Severity.WARN)])
        assert until(lambda: collector.records)

    assert "abcdEFGH1234" not in str(collector.records)
    assert "[REDACTED:" in collector.bodies[0]


def test_one_decision_is_one_trace_from_signal_to_fill(tmp_path: Path, collector: Collector) -> None:
    with Sidecar(tmp_path, destination=going_to(collector.url)) as sidecar:
        feed(sidecar, one_decision())
        assert until(lambda: len(collector.spans) == 6)
        assert until(lambda: len(collector.records) == 6)

    spans = {span.name + attributes(span.attributes).get("fill.id", ""): span for span in collector.spans}
    decision, order = spans["decision BTC/USDT"], spans["order buy BTC/USDT"]
    signals = [span for span in collector.spans if span.name == "signal buy BTC/USDT"]
    fills = [spans["fill BTC/USDTf-1"], spans["fill BTC/USDTf-2"]]
    assert {span.trace_id for span in collector.spans} == {decision.trace_id}
    assert decision.parent_span_id == b""
    assert {span.parent_span_id for span in (*signals, order)} == {decision.span_id}
    assert {span.parent_span_id for span in fills} == {order.span_id}
    assert len({span.span_id for span in collector.spans}) == 6
    assert (order.start_time_unix_nano, order.end_time_unix_nano) == (T0 + 4 * SECOND, T0 + 9 * SECOND)
    placed = {record.event_name: record for record in collector.records}
    assert placed["decision.made"].trace_id == decision.trace_id
    assert placed["decision.made"].span_id == decision.span_id
    assert placed["order.submitted"].span_id == order.span_id


def test_a_trace_is_named_alike_across_a_restart_in_its_midst(tmp_path: Path, collector: Collector) -> None:
    events = one_decision()
    with Sidecar(tmp_path / "whole", destination=going_to(collector.url)) as sidecar:
        feed(sidecar, events)
        assert until(lambda: len(collector.spans) == 6)
    whole = {(span.trace_id, span.span_id, span.parent_span_id, span.name) for span in collector.spans}
    collector.traces.clear()

    for part in (events[:2], events[2:4], events[4:]):
        with Sidecar(tmp_path / "parts", destination=going_to(collector.url)) as sidecar:
            feed(sidecar, part)
    assert until(lambda: len(collector.spans) >= 6)

    assert len(collector.spans) == 6
    assert {
        (span.trace_id, span.span_id, span.parent_span_id, span.name) for span in collector.spans
    } == whole


def test_a_refused_order_and_a_filtered_signal_are_seen_as_such(tmp_path: Path, collector: Collector) -> None:
    with Sidecar(tmp_path, destination=going_to(collector.url)) as sidecar:
        feed(
            sidecar,
            [
                told(1, "signal.generated", signal__id="s-9", signal__action="sell"),
                told(2, "signal.filtered", signal__id="s-9", filter="volatility"),
                told(3, "order.submitted", order__id="o-7"),
                told(4, "order.rejected", order__id="o-7", reason="balance"),
            ],
        )
        assert until(lambda: len(collector.spans) == 2)

    signal, order = collector.spans
    assert attributes(signal.attributes)["filter"] == "volatility"
    assert (order.status.code, order.status.message) == (2, "balance")
    assert order.parent_span_id == b""


def test_metrics_are_those_of_the_table(tmp_path: Path, collector: Collector) -> None:
    with Sidecar(tmp_path, destination=going_to(collector.url)) as sidecar:
        sidecar.accept(said(1))
        sidecar.step()
        assert until(lambda: collector.metrics)

    owner = collector.metrics[0].resource_metrics[0]
    found = {metric.name: metric for metric in owner.scope_metrics[0].metrics}
    events = found["obs_events_total"].sum
    assert attributes(owner.resource.attributes)["service.name"] == "obs"
    assert events.is_monotonic
    assert {attributes(point.attributes)["severity"]: point.as_double for point in events.data_points}[
        "INFO"
    ] == 1
    assert found["obs_health"].WhichOneof("data") == "gauge"
    assert "obs_store_bytes" not in found


def test_a_bad_record_costs_only_itself(tmp_path: Path, collector: Collector) -> None:
    collector.poison = "the poisoned one"

    with Sidecar(tmp_path, destination=going_to(collector.url)) as sidecar:
        feed(sidecar, [said(n, "the poisoned one" if n == 300 else "") for n in range(512)])
        assert until(lambda: is_empty(sidecar))
        books = counts(sidecar)

    assert len(collector.bodies) == len(set(collector.bodies)) == 511
    assert books == Counts(taken=512, sent=511, waiting=0, dropped={"refused": 1})


def test_what_the_collector_says_it_rejected_is_no_longer_called_sent(
    tmp_path: Path, collector: Collector
) -> None:
    collector.rejects = 3

    with Sidecar(tmp_path, destination=going_to(collector.url)) as sidecar:
        feed(sidecar, [said(n) for n in range(10)])
        assert until(lambda: is_empty(sidecar))

        assert counts(sidecar) == Counts(taken=10, sent=7, waiting=0, dropped={"rejected": 3})
        assert any("too old" in line for line in sidecar.snapshot().not_known)


def test_values_no_protocol_holds_are_said_in_another_way(tmp_path: Path, collector: Collector) -> None:
    nested: Any = "end"
    for _ in range(60):
        nested = {"x": nested}
    odd: Mapping[str, Any] = {"nan": float("nan"), "nul": "a\0b", "half": "\ud800", "deep": nested, "": 1}

    with Sidecar(tmp_path, destination=going_to(collector.url)) as sidecar:
        assert sidecar.exporter is not None
        sidecar.exporter.heard(said(1, "half a pair: \ud800", attributes=odd, trace_id="no id"), "g", ())
        feed(sidecar, [said(2)])
        assert until(lambda: is_empty(sidecar))

        assert counts(sidecar).sent == 2
    assert sorted(collector.bodies) == ["half a pair: \\ud800", "line 2"]


@pytest.mark.parametrize("status", [401, 404, 429, 500, 503])
def test_an_answer_that_is_not_about_the_records_lets_them_wait(
    tmp_path: Path, collector: Collector, status: int
) -> None:
    collector.status = status

    with Sidecar(tmp_path, destination=going_to(collector.url, signals=("logs",))) as sidecar:
        feed(sidecar, [said(n) for n in range(10)])
        assert until(lambda: collector.asked)
        assert until(lambda: any(str(status) in line for line in sidecar.snapshot().not_known))
        assert counts(sidecar) == Counts(taken=10, sent=0, waiting=10, dropped={})
        collector.status = 200

        assert until(lambda: is_empty(sidecar))
        assert counts(sidecar).sent == 10
        assert not any("OpenTelemetry" in line for line in sidecar.snapshot().not_known)


def test_a_collector_is_asked_again_when_it_said(tmp_path: Path, collector: Collector) -> None:
    collector.status, collector.retry_after = 503, "2"

    with Sidecar(tmp_path, destination=going_to(collector.url, signals=("logs",))) as sidecar:
        feed(sidecar, [said(1)])
        # Not when it was asked: only when it has answered.
        assert until(lambda: any("503" in line for line in sidecar.snapshot().not_known))
        collector.status = 200
        assert until(lambda: collector.asked == 2)

    first, second = collector.asked_at
    assert second - first >= 1.9


def test_what_was_not_sent_is_sent_by_the_next_sidecar_and_what_was_is_not(tmp_path: Path) -> None:
    with collecting() as collector:
        aim = going_to(collector.url, signals=("logs",))
        with Sidecar(tmp_path, destination=aim) as sidecar:
            feed(sidecar, [said(n) for n in range(20)])
            assert until(lambda: is_empty(sidecar))
            collector.status = 503
            feed(sidecar, [said(n) for n in range(20, 50)])
        collector.status = 200

        with Sidecar(tmp_path, destination=aim) as sidecar:
            assert until(lambda: is_empty(sidecar))
            books = counts(sidecar)

        assert sorted(collector.bodies) == sorted(f"line {n}" for n in range(50))
        assert books == Counts(taken=50, sent=50, waiting=0, dropped={})


def test_what_was_folded_and_not_stored_is_not_sent(tmp_path: Path, collector: Collector) -> None:
    aim = going_to(collector.url, signals=("logs",))
    sidecar = Sidecar(tmp_path, destination=aim)
    sidecar.accept(said(1))
    assert sidecar.exporter is not None
    sidecar.exporter.note()  # written down; killed before the transaction

    sidecar.close()
    with Sidecar(tmp_path, destination=aim) as again:
        assert not until(lambda: collector.asked, 0.5)
        assert counts(again) == Counts()


def test_what_a_collector_brings_back_is_not_sent_once_more(tmp_path: Path, collector: Collector) -> None:
    with Sidecar(tmp_path, destination=going_to(collector.url, signals=("logs",))) as sidecar:
        assert sidecar.exporter is not None
        mark = {"service.name": "grid-1", "obs.sidecar.id": sidecar.exporter.id}
        feed(sidecar, [Event(timestamp=T0, body="an echo", resource=mark, severity=Severity.INFO), said(2)])
        assert until(lambda: is_empty(sidecar))

    assert collector.bodies == ["line 2"]


def test_the_standard_variables_are_followed() -> None:
    told = destination(
        Otlp.model_validate({}),
        {
            "OTEL_EXPORTER_OTLP_ENDPOINT": "http://collector:4318/",
            "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT": "https://traces.example.com/in",
            "OTEL_EXPORTER_OTLP_HEADERS": "Authorization=Bearer%20abc,x-scope=desk",
            "OTEL_EXPORTER_OTLP_TIMEOUT": "2500",
            "OTEL_EXPORTER_OTLP_COMPRESSION": "none",
            "OTEL_METRICS_EXPORTER": "none",
        },
    )

    assert told is not None
    assert {signal: route.url for signal, route in told.routes.items()} == {
        "logs": "http://collector:4318/v1/logs",
        "traces": "https://traces.example.com/in",
    }
    logs = told.routes["logs"]
    assert logs.headers == {"Authorization": "Bearer abc", "x-scope": "desk"}
    assert (logs.timeout, logs.gzip) == (2.5, False)


def test_nothing_is_sent_unless_somebody_says_where() -> None:
    assert destination(Otlp.model_validate({}), {}) is None
    assert (
        destination(
            Otlp.model_validate({}),
            {"OTEL_SDK_DISABLED": "true", "OTEL_EXPORTER_OTLP_ENDPOINT": "http://x:1"},
        )
        is None
    )


@pytest.mark.parametrize(
    "variables",
    [
        {"OTEL_EXPORTER_OTLP_ENDPOINT": "collector:4318"},
        {"OTEL_EXPORTER_OTLP_ENDPOINT": "http://me:secret@collector"},
        {"OTEL_EXPORTER_OTLP_ENDPOINT": "http://c:1", "OTEL_EXPORTER_OTLP_PROTOCOL": "http/json"},
        {"OTEL_EXPORTER_OTLP_ENDPOINT": "http://c:1", "OTEL_EXPORTER_OTLP_TIMEOUT": "soon"},
        {"OTEL_EXPORTER_OTLP_ENDPOINT": "http://c:1", "OTEL_EXPORTER_OTLP_HEADERS": "a=b\r\nc: d"},
    ],
)
def test_a_variable_that_cannot_be_used_is_named_and_not_repeated(variables: dict[str, str]) -> None:
    with pytest.raises(DestinationError, match="OTEL_") as caught:
        destination(Otlp.model_validate({}), variables)

    assert "secret" not in str(caught.value)


@pytest.mark.parametrize("trouble", ["stopped", "hung", "refusing", "slow", "dripping"])
def test_a_bad_collector_costs_the_fold_nothing_and_the_books_stay_exact(
    tmp_path: Path, collector: Collector, trouble: str
) -> None:
    url = "http://127.0.0.1:9" if trouble == "stopped" else collector.url
    collector.status = 503 if trouble == "refusing" else 200
    collector.seconds = {"hung": 30.0, "slow": 0.3}.get(trouble, 0.0)
    collector.drips = 0.2 if trouble == "dripping" else 0.0
    aim = going_to(url, signals=("logs",), queue="1MiB", timeout_s=0.5)

    with Sidecar(tmp_path, destination=aim) as sidecar:
        for start in range(0, 8_000, 400):
            feed(sidecar, [said(n) for n in range(start, start + 400)])
            assert is_even(sidecar)
        books = counts(sidecar)
        if trouble in ("hung", "dripping"):
            # Cut off by the clock, and asked again.
            assert until(lambda: collector.asked > 1)
        began = time.monotonic()
    ended = time.monotonic() - began

    waiting = sum(path.stat().st_size for path in tmp_path.glob("outbox/logs/*.jsonl"))
    assert books.taken == 8_000
    assert books.waiting > 0
    assert set(books.dropped) <= {"full"}
    assert waiting <= 1.3 * 2**20
    assert ended < 10


def test_a_wrong_endpoint_is_told_without_what_stands_in_it(tmp_path: Path) -> None:
    (tmp_path / "obs.toml").write_text(
        '[otlp]\nendpoint = "http://me:hunter22@collector"\n', encoding="utf-8"
    )

    with pytest.raises(ConfigError, match=r"obs.toml: otlp\.endpoint: ") as caught:
        load(folder=tmp_path)

    assert "hunter22" not in str(caught.value)

"""Traces of decisions as one reads them in Jaeger or Tempo: whole, in order, whatever comes late or never."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec
import pytest
from opentelemetry.proto.trace.v1.trace_pb2 import Span

from obs.events import Event, Severity
from obs.exporting.spanrows import SpanRow
from obs.exporting.traces import MOST_OPEN, Tracer
from obs.sidecar import Sidecar
from tests.exporting.collector import Collector, attributes, collecting, until
from tests.exporting.test_exporting import SECOND, T0, feed, going_to, one_decision, told

BOT = "grid-1"


@pytest.fixture
def collector() -> Iterator[Collector]:
    with collecting() as found:
        yield found


def traced(events: list[Event], tracer: Tracer | None = None) -> list[SpanRow]:
    tracer = tracer or Tracer()
    return [row for event in events for row in tracer.add(event, BOT)]


def call(at: int, **more: Any) -> Event:
    return told(
        at,
        "gen_ai.client.inference.operation.details",
        gen_ai__operation__name="chat",
        gen_ai__provider__name="openai",
        gen_ai__request__model="gpt-4o",
        gen_ai__response__id=f"answer-{at}",
        gen_ai__response__finish_reasons="stop,length",
        duration_ms=2_000,
        **more,
    )


def tree(rows: list[SpanRow]) -> dict[str, list[str]]:
    """Name of each span -> names below it; under "" the roots."""
    names = {row.span: row.name for row in rows}
    found: dict[str, list[str]] = {}
    for row in rows:
        assert row.parent == "" or row.parent in names, f"{row.name} hangs below nothing"
        found.setdefault(names.get(row.parent, ""), []).append(row.name)
    return found


def test_a_decision_has_one_root_under_which_all_of_it_hangs() -> None:
    events = [call(2, decision__id="d-1"), *one_decision()]

    rows = traced(events)

    assert tree(rows) == {
        "": ["decision BTC/USDT"],
        "decision BTC/USDT": [
            "chat gpt-4o",
            "signal buy BTC/USDT",
            "signal buy BTC/USDT",
            "order buy BTC/USDT",
        ],
        "order buy BTC/USDT": ["fill BTC/USDT", "fill BTC/USDT"],
    }
    assert len({row.trace for row in rows}) == 1


def test_a_decision_begins_with_the_first_thing_that_led_to_it() -> None:
    # Asked from 0 to 2, a signal at 1.
    rows = traced([call(2, decision__id="d-1"), *one_decision()])

    decision = next(row for row in rows if row.name.startswith("decision"))
    assert (decision.start, decision.end) == (T0, T0 + 3 * SECOND)
    assert all(decision.start <= row.start for row in rows)


def test_a_call_of_a_model_is_a_span_by_the_conventions() -> None:
    (row,) = traced([call(5)])
    (failed,) = traced([call(6, error__type="timeout")])

    assert (row.name, row.kind, row.parent) == ("chat gpt-4o", "client", "")
    assert (row.start, row.end) == (T0 + 3 * SECOND, T0 + 5 * SECOND)
    assert row.attributes["gen_ai.response.finish_reasons"] == ["stop", "length"]
    assert row.attributes["gen_ai.provider.name"] == "openai"
    assert (row.failed, failed.failed) == ("", "timeout")
    agent = call(7, gen_ai__agent__name="analyst")
    agent = msgspec.structs.replace(
        agent, attributes={**agent.attributes, "gen_ai.operation.name": "invoke_agent"}
    )
    assert traced([agent])[0].name == "invoke_agent analyst"


def test_an_order_says_whom_it_asked_what_happened_meanwhile_and_why_it_failed() -> None:
    rows = traced(
        [
            told(1, "order.submitted", order__id="o-1", exchange__id="kraken", latency_ms=12),
            told(2, "order.accepted", order__id="o-1"),
            told(3, "order.rejected", order__id="o-1", reason="balance"),
            told(4, "order.denied", order__id="o-2", exchange__id="kraken", reason="halted"),
        ]
    )

    asked, denied = rows
    assert (asked.kind, asked.attributes["peer.service"]) == ("client", "kraken")
    assert [(name, at) for name, at, _ in asked.moments] == [
        ("order.submitted", T0 + SECOND),
        ("order.accepted", T0 + 2 * SECOND),
        ("order.rejected", T0 + 3 * SECOND),
    ]
    assert asked.moments[0][2] == {"latency_ms": 12}
    assert (asked.failed, asked.attributes["error.type"]) == ("balance", "balance")
    # The exchange never saw it.
    assert (denied.kind, denied.failed, "peer.service" in denied.attributes) == ("internal", "halted", False)


def test_a_stop_that_nobody_decided_on_is_linked_to_the_order_that_opened_its_position() -> None:
    events = [
        told(1, "decision.made", decision__id="d-1"),
        told(2, "order.submitted", order__id="o-1", decision__id="d-1", position__id="p-1"),
        told(3, "order.filled", order__id="o-1", position__id="p-1"),
        told(4, "order.accepted", order__id="stop", position__id="p-1"),
        told(5, "order.canceled", order__id="stop", position__id="p-1"),
    ]

    rows = traced(events)

    stop = next(row for row in rows if row.attributes.get("order.id") == "stop")
    entry = next(row for row in rows if row.name.startswith("order") and row.parent)
    assert (stop.parent, stop.links) == ("", [(entry.trace, entry.span)])


def test_a_signal_that_comes_after_its_decision_still_hangs_below_it() -> None:
    events = one_decision()
    late = [events[2], *events[:2], *events[3:]]

    assert {(row.trace, row.span, row.parent, row.name) for row in traced(late)} == {
        (row.trace, row.span, row.parent, row.name) for row in traced(events)
    }


def test_a_late_fill_hangs_below_its_order() -> None:
    tracer = Tracer()
    rows = traced(one_decision(), tracer)

    (late,) = traced([told(20, "order.filled", order__id="o-1", fill__id="f-9")], tracer)

    order = next(row for row in rows if row.name.startswith("order"))
    assert (late.trace, late.parent) == (order.trace, order.span)


def test_what_a_bot_left_open_when_it_ended_is_told_and_what_follows_goes_on_below() -> None:
    tracer = Tracer()
    events = one_decision()
    before = traced(events[:5], tracer)
    left = traced([told(6, "signal.generated", signal__id="s-9"), told(7, "process.exited")], tracer)
    # A restart between.
    tracer = msgspec.json.decode(msgspec.json.encode(tracer), type=Tracer)
    after = traced(events[5:], tracer)

    order, signal = left
    (rest, fill) = sorted(after, key=lambda row: row.name, reverse=True)
    assert (order.attributes["obs.open"], order.failed) == ("the bot's process ended", "")
    assert (order.start, order.end) == (T0 + 4 * SECOND, T0 + 5 * SECOND)
    assert signal.name == "signal BTC/USDT"
    assert (rest.name, rest.parent) == ("order buy BTC/USDT (continued)", order.span)
    assert fill.parent == rest.span
    every = [row.span for row in (*before, *left, *after)]
    assert len(every) == len(set(every))
    assert {row.trace for row in (*before, order, *after)} == {order.trace}


def test_more_open_orders_than_can_be_remembered_are_told_and_none_twice() -> None:
    tracer = Tracer()
    opened = [told(n, "order.submitted", order__id=f"o-{n}") for n in range(MOST_OPEN + 10)]
    ended = [told(n, "order.canceled", order__id=f"o-{n}") for n in range(MOST_OPEN + 10)]

    rows = traced([*opened, *ended], tracer)

    assert len({row.span for row in rows}) == len(rows)
    assert {row.attributes["order.id"] for row in rows} == {f"o-{n}" for n in range(MOST_OPEN + 10)}
    assert not tracer.orders


def test_another_bots_end_leaves_open_what_is_open() -> None:
    tracer = Tracer()
    traced([told(1, "order.submitted", order__id="o-1")], tracer)

    assert tracer.add(told(2, "process.exited"), "another") == []
    assert len(tracer.orders) == 1


def test_records_stand_in_the_trace_of_their_span(tmp_path: Path, collector: Collector) -> None:
    closed = told(10, "trade.closed", decision__id="d-1", pnl__net="5", currency="USDT")
    events = [call(2, decision__id="d-1"), *one_decision(), closed]

    with Sidecar(tmp_path, destination=going_to(collector.url)) as sidecar:
        feed(sidecar, events)
        assert until(lambda: len(collector.spans) == 7 and len(collector.records) == 8)

    spans = {span.span_id: span for span in collector.spans}
    (trace,) = {span.trace_id for span in collector.spans}
    placed = [record for record in collector.records if record.event_name != "signal.generated"]
    assert {record.trace_id for record in placed} == {trace}
    names = {record.event_name: spans[record.span_id].name for record in placed}
    # The fill does not say its decision: the order did.
    assert names["order.filled"] == "order buy BTC/USDT"
    assert names["trade.closed"] == names["decision.made"] == "decision BTC/USDT"
    assert names["gen_ai.client.inference.operation.details"] == "chat gpt-4o"


def test_a_span_bears_the_marks_of_its_bot_and_its_kind(tmp_path: Path, collector: Collector) -> None:
    event = told(1, "order.rejected", order__id="o-1", exchange__id="kraken", reason="balance")
    whose = {"service.name": BOT, "service.version": "1.4", "process.pid": 7}
    event = msgspec.structs.replace(event, resource=whose, severity=Severity.ERROR)

    with Sidecar(tmp_path, destination=going_to(collector.url)) as sidecar:
        feed(sidecar, [event])
        assert until(lambda: collector.spans)

    (span,) = collector.spans
    said = attributes(collector.traces[0].resource_spans[0].resource.attributes)
    assert (said["service.name"], said["service.version"]) == (BOT, "1.4")
    assert "process.pid" not in said
    assert span.kind == Span.SPAN_KIND_CLIENT
    assert [moment.name for moment in span.events] == ["order.rejected"]
    assert attributes(span.events[0].attributes) == {"reason": "balance"}

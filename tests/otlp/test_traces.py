"""Spans: what each kind of them tells, and what is told once though several say it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import msgspec
import orjson
import pytest
from opentelemetry.proto.logs.v1.logs_pb2 import LogRecord
from opentelemetry.proto.trace.v1.trace_pb2 import Span, Status

from obs.events import Event, Severity
from obs.keeping.inbox import Inbox, InboxReader
from obs.money.entries import llm_call_of
from obs.otlp.receiving import Receiver
from tests.otlp.requests import NOW, SPAN, TRACE, log, logs_request, pairs, span, traces_request
from tests.otlp.stage import Stage, staged

CALL = "gen_ai.client.inference.operation.details"


def told(folder: Path, *spans: Span) -> list[Event]:
    with staged(folder) as stage:
        return sent(stage, *spans)


def sent(stage: Stage, *spans: Span) -> list[Event]:
    assert stage.post("traces", traces_request(spans)).status_code == 200
    return stage.events()


def failed(one: Span, kind: str = "", message: str = "") -> Span:
    one.status.CopyFrom(Status(code=Status.STATUS_CODE_ERROR, message=message))
    if kind:
        said = {"exception.type": kind, "exception.message": "no answer", "exception.stacktrace": "Traceback"}
        one.events.add(name="exception", time_unix_nano=NOW + 5, attributes=pairs(said))
    return one


NAMES: dict[str, dict[str, Any]] = {
    "conventions of today": {
        "gen_ai.operation.name": "chat",
        "gen_ai.provider.name": "openai",
        "gen_ai.request.model": "gpt-5-mini",
        "gen_ai.response.model": "gpt-5-mini",
        "gen_ai.usage.input_tokens": 1_000,
        "gen_ai.usage.output_tokens": 200,
        "gen_ai.response.finish_reasons": ["stop"],
        "gen_ai.input.messages": "the prompt",
    },
    "conventions of yesterday": {
        "gen_ai.system": "openai",
        "gen_ai.request.model": "gpt-5-mini",
        "gen_ai.usage.prompt_tokens": 1_000,
        "gen_ai.usage.completion_tokens": 200,
        "gen_ai.prompt.0.content": "the prompt",
    },
    "OpenLLMetry": {
        "llm.request.type": "chat",
        "gen_ai.system": "openai",
        "gen_ai.response.model": "gpt-5-mini",
        "llm.usage.prompt_tokens": 1_000,
        "llm.usage.completion_tokens": 200,
        "llm.prompts": "the prompt",
    },
    "OpenInference": {
        "openinference.span.kind": "LLM",
        "llm.provider": "openai",
        "llm.model_name": "gpt-5-mini",
        "llm.token_count.prompt": 1_000,
        "llm.token_count.completion": 200,
        "llm.input_messages.0.message.content": "the prompt",
    },
}


@pytest.mark.parametrize("names", NAMES)
def test_a_call_of_a_model_is_priced_whatever_its_names(tmp_path: Path, names: str) -> None:
    (event,) = told(tmp_path, span("chat", **NAMES[names]))

    call = llm_call_of(event, "grid-1")

    assert call is not None
    assert (call.provider, call.model, call.input_tokens, call.output_tokens, call.duration_ms) == (
        "openai",
        "gpt-5-mini",
        1_000,
        200,
        250.0,
    )
    assert (call.basis, str(call.cost)) == ("table", "0.00065")
    assert "the prompt" not in str(event)


def test_what_stands_around_calls_is_no_call(tmp_path: Path) -> None:
    usage = {"gen_ai.request.model": "gpt-5-mini", "gen_ai.system": "openai", "gen_ai.usage.input_tokens": 9}

    events = told(
        tmp_path,
        span("invoke_agent a", 1, **{"gen_ai.operation.name": "invoke_agent"}, **usage),
        span("execute_tool b", 2, **{"gen_ai.operation.name": "execute_tool"}, **usage),
        span("chain", 3, **{"openinference.span.kind": "CHAIN"}, **usage),
    )

    assert [event.event_name for event in events] == ["", "", ""]


def test_a_call_that_two_libraries_tell_counts_once(tmp_path: Path) -> None:
    answer = {**NAMES["conventions of today"], "gen_ai.response.id": "chatcmpl-1"}

    events = told(tmp_path, span("openai.chat", 1, **answer), span("ChatOpenAI.chat", 2, **answer))

    assert [event.event_name for event in events] == [CALL]


def test_a_call_that_a_span_and_an_event_tell_counts_once(tmp_path: Path) -> None:
    answer = NAMES["conventions of today"]
    record = LogRecord(
        time_unix_nano=NOW, event_name=CALL, trace_id=TRACE, span_id=SPAN, attributes=pairs(answer)
    )
    one = span("chat", **answer)
    one.span_id = SPAN

    with staged(tmp_path) as stage:
        stage.post("logs", logs_request([record]))
        events = sent(stage, one)

    assert [event.event_name for event in events] == [CALL]


def test_a_failed_call_says_why(tmp_path: Path) -> None:
    raised, call = told(
        tmp_path, failed(span("chat", **NAMES["conventions of today"]), "openai.RateLimitError")
    )

    assert raised.exception is not None
    assert raised.exception.type == "openai.RateLimitError"
    assert (call.event_name, call.severity) == (CALL, Severity.WARN)
    assert call.attributes["error.type"] == "openai.RateLimitError"


def test_a_request_to_an_exchange_is_told_without_what_it_carried(tmp_path: Path) -> None:
    url = "https://api.exchange.test/api/v3/order?symbol=BTC&signature=abcdef"

    new = span("GET", 1, **{"http.request.method": "GET", "url.full": url, "http.response.status_code": 200})
    old = span("GET", 2, **{"http.method": "POST", "http.url": url, "http.status_code": 503})
    events = told(tmp_path, new, old)

    assert [(one.event_name, one.severity) for one in events] == [
        ("api.requested", Severity.DEBUG),
        ("api.requested", Severity.WARN),
    ]
    for event in events:
        assert event.attributes["server.address"] == "api.exchange.test"
        assert event.attributes["http.route"] == "/api/v3/order"
        assert event.attributes["duration_ms"] == 250
        assert "abcdef" not in str(event)
    assert events[1].attributes["http.response.status_code"] == 503


def test_an_exception_that_rises_through_a_trace_is_one(tmp_path: Path) -> None:
    said = {"exception.type": "TimeoutError", "exception.message": "no answer"}
    record = log(1, **said)
    record.trace_id = TRACE

    with staged(tmp_path) as stage:
        inner = sent(stage, failed(span("inner", 1), "ValueError"), failed(span("outer", 2), "ValueError"))
        stage.post("logs", logs_request([record]))
        logged = sent(stage, failed(span("work", 3), "TimeoutError"))

    assert [(one.severity, one.body) for one in inner] == [
        (Severity.ERROR, "inner: ValueError: no answer"),
        (Severity.DEBUG, "inner took 250 ms"),
        (Severity.DEBUG, "outer took 250 ms"),
    ]
    assert [one.severity for one in logged] == [Severity.INFO, Severity.DEBUG]
    assert all(one.trace_id == TRACE.hex() for one in [*inner, *logged])


def test_a_span_that_failed_without_an_exception_says_so_once(tmp_path: Path) -> None:
    events = told(
        tmp_path, failed(span("inner", 1), message="refused"), failed(span("outer", 2), message="refused")
    )

    assert [(one.severity, one.body) for one in events] == [(Severity.ERROR, "inner failed: refused")]


def test_the_words_of_a_bot_may_come_within_spans_and_as_spans(tmp_path: Path) -> None:
    around = span("order.submitted", 1, **{"order.id": "42", "symbol": "BTC/USDT"})
    around.events.add(
        name="order.filled",
        time_unix_nano=NOW + 9,
        attributes=pairs({"order.id": "42", "fill.quantity": "0.5"}),
    )
    around.events.add(name="retrying", time_unix_nano=NOW + 3)

    filled, submitted = told(tmp_path, around)

    assert (filled.event_name, filled.timestamp) == ("order.filled", NOW + 9)
    assert filled.attributes == {"symbol": "BTC/USDT", "order.id": "42", "fill.quantity": "0.5"}
    assert (submitted.event_name, submitted.attributes["order.id"]) == ("order.submitted", "42")


def test_json_says_the_same_as_protobuf(tmp_path: Path) -> None:
    given = {**NAMES["conventions of today"], "gen_ai.response.id": "r"}
    made = failed(span("chat", **given), "openai.RateLimitError")
    attributes = [{"key": key, "value": _json(held)} for key, held in given.items()]
    event = made.events[0]
    row = {
        "traceId": TRACE.hex().upper(), "spanId": made.span_id.hex(), "name": "chat", "kind": 3,
        "startTimeUnixNano": str(NOW), "endTimeUnixNano": NOW + 250_000_000, "attributes": attributes,
        "status": {"code": 2}, "unknownField": {"a": 1},
        "events": [{
            "name": event.name, "timeUnixNano": str(event.time_unix_nano),
            "attributes": [{"key": a.key, "value": _json(a.value.string_value)} for a in event.attributes],
        }],
    }  # fmt: skip
    resource = {"attributes": [{"key": "service.name", "value": _json("grid-1")}]}
    scopes = [{"scope": {"name": "bot.calls"}, "spans": [row]}]
    body = orjson.dumps({"resourceSpans": [{"resource": resource, "scopeSpans": scopes}]})

    with staged(tmp_path / "json") as stage:
        assert stage.post("traces", body, "application/json; charset=utf-8").status_code == 200
        by_json = stage.events()

    by_protobuf = told(tmp_path / "protobuf", made)
    assert list(map(_without_arrival, by_json)) == list(map(_without_arrival, by_protobuf))


def _without_arrival(event: Event) -> Event:
    return msgspec.structs.replace(event, observed_timestamp=0)


def _json(held: Any) -> dict[str, Any]:
    if isinstance(held, list):
        return {"arrayValue": {"values": [_json(one) for one in held]}}
    return {"intValue": str(held)} if isinstance(held, int) else {"stringValue": held}


def test_what_a_sidecar_sent_is_told_by_its_logs_alone(tmp_path: Path) -> None:
    inbox = tmp_path / "inbox"
    receiver = Receiver(Inbox(inbox), own="me")

    for sidecar in ("me", "another"):
        for signal, body in (
            ("logs", logs_request([log(1)], **{"obs.sidecar.id": sidecar})),
            ("traces", traces_request([span("order")], **{"obs.sidecar.id": sidecar})),
        ):
            assert receiver.receive(signal, "application/x-protobuf", "", body).status == 200

    (event,) = InboxReader(inbox).poll(1 << 20).events
    assert (event.body, event.resource["obs.sidecar.id"]) == ("order 1 filled", "another")

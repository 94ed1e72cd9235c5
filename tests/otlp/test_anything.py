"""Whatever bytes come, the answer is an answer: nothing raises, and what is confirmed can be read back."""

from __future__ import annotations

import json
import tempfile
from pathlib import Path

from hypothesis import given, settings
from hypothesis import strategies as st

from obs.keeping.inbox import Inbox, InboxReader
from obs.otlp.receiving import SIGNALS, Receiver
from tests.otlp.requests import json_log, json_logs, log, logs_request, span, traces_request

PROTOBUF, JSON = "application/x-protobuf", "application/json"
WHOLE = (
    (PROTOBUF, logs_request([log(1, symbol="BTC", size=0.5, legs=[1, 2]), log(2)])),
    (
        PROTOBUF,
        traces_request([span("chat", 1, **{"gen_ai.operation.name": "chat", "gen_ai.system": "openai"})]),
    ),
    (JSON, json_logs([json_log(1, attributes=[{"key": "a", "value": {"intValue": "5"}}]), json_log(2)])),
)
"""Requests that are well, each to be broken in many places."""


@st.composite
def broken(draw: st.DrawFn) -> tuple[str, bytes]:
    kind, body = draw(st.sampled_from(WHOLE))
    made = bytearray(body)
    for _ in range(draw(st.integers(1, 4))):
        place = draw(st.integers(0, len(made) - 1))
        made[place : place + draw(st.integers(0, 3))] = draw(st.binary(max_size=4))
        made = made or bytearray(b"\0")
    return kind, bytes(made)


def answered(signal: str, kind: str, body: bytes) -> int:
    with tempfile.TemporaryDirectory() as folder:
        inbox = Inbox(Path(folder))
        status = Receiver(inbox).receive(signal, kind, "", body).status
        taken = InboxReader(Path(folder)).poll(1 << 30)
        inbox.close()
    assert "malformed" not in taken.losses
    assert status == 200 or not taken.events
    return status


@settings(max_examples=400, deadline=None)
@given(request=broken(), signal=st.sampled_from(SIGNALS))
def test_a_request_broken_anywhere_is_answered(request: tuple[str, bytes], signal: str) -> None:
    assert answered(signal, *request) in (200, 400)


WORDS = (
    "attributes key value stringValue intValue doubleValue boolValue bytesValue arrayValue kvlistValue "
    "values body traceId spanId timeUnixNano observedTimeUnixNano severityNumber severityText eventName name "
    "kind status code message events startTimeUnixNano endTimeUnixNano unit gauge sum histogram "
    "dataPoints asInt asDouble flags"
)
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(st.characters(), max_size=8),
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(st.sampled_from(sorted(WORDS.split())), inner, max_size=6)
    ),
    max_leaves=30,
)
ENVELOPES = {
    "logs": ("resourceLogs", "scopeLogs", "logRecords"),
    "traces": ("resourceSpans", "scopeSpans", "spans"),
    "metrics": ("resourceMetrics", "scopeMetrics", "metrics"),
}


@settings(max_examples=200, deadline=None)
@given(record=VALUES, scope=VALUES, signal=st.sampled_from(SIGNALS))
def test_any_record_in_json_is_answered_and_its_neighbour_kept(
    record: object, scope: object, signal: str
) -> None:
    outer, inner, records = ENVELOPES[signal]
    document = {outer: [{"resource": scope, inner: [{"scope": scope, records: [record, {"name": "well"}]}]}]}

    body = json.dumps(document).encode()

    assert answered(signal, JSON, body) == 200

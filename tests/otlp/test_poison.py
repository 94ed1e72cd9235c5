"""One poisoned record among 512 costs at most itself, in both encodings."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import orjson
import pytest
from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceResponse
from opentelemetry.proto.common.v1.common_pb2 import AnyValue
from opentelemetry.proto.logs.v1.logs_pb2 import LogRecord

from tests.otlp.requests import NOW, json_log, json_logs, log, logs_request, value
from tests.otlp.stage import Stage, staged

PLACE, MANY = 200, 512


def deep(levels: int) -> bytes:
    """A record whose body is a list of a list of ...; the classes would refuse to write it."""
    held = bytes(AnyValue(string_value="x").SerializeToString())
    for _ in range(levels):
        held = _field(5, _field(1, held))
    return _field(5, held)


def with_body(body: AnyValue) -> bytes:
    return bytes(LogRecord(time_unix_nano=NOW, body=body).SerializeToString())


def swapped(old: bytes, new: bytes, **attributes: Any) -> bytes:
    made = bytes(log(PLACE, **attributes).SerializeToString())
    assert len(old) == len(new)
    assert old in made
    return made.replace(old, new)


WIRE: dict[str, Callable[[], bytes]] = {
    "no UTF-8 in the body": lambda: swapped(b"filled", b"fil\xff\xfed"),
    "half a character": lambda: swapped(b"filled", b"fi\xed\xa0\x80d"),
    "no UTF-8 in a name": lambda: swapped(b"symbol", b"symb\xc3(", symbol="BTC"),
    "nested a thousand deep": lambda: deep(1_000),
    "not a record": lambda: b"\xff" * 40,
    "cut short": lambda: bytes(log(PLACE).SerializeToString())[:-3],
    "NUL and control characters": lambda: with_body(value("a\x00b\x1b[2J\x9bc\u202e")),
    "no number": lambda: with_body(value(float("nan"))),
    "a time of no year": lambda: bytes(
        LogRecord(time_unix_nano=2**64 - 1, body=value("x")).SerializeToString()
    ),
    "ids of a wrong length": lambda: bytes(
        LogRecord(
            time_unix_nano=NOW, trace_id=b"short", span_id=b"x" * 40, body=value("x")
        ).SerializeToString()
    ),
    "a text of a megabyte": lambda: with_body(value("x" * 1_000_000)),
    "ten thousand attributes": lambda: bytes(
        log(PLACE, **{f"key{number}": number for number in range(10_000)}).SerializeToString()
    ),
    "an empty record": lambda: b"",
}


def spliced(poison: bytes) -> bytes:
    """512 records of which one is these bytes."""
    marker = "poison-stands-here"
    records = [log(number) for number in range(MANY)]
    records[PLACE] = LogRecord(severity_text=marker)
    scope_records = b"".join(
        _field(2, poison if one.severity_text == marker else one.SerializeToString()) for one in records
    )
    whole = logs_request([])
    # The empty request, put together again around the records.
    from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceRequest

    part = ExportLogsServiceRequest.FromString(whole).resource_logs[0]
    scope = _field(1, part.scope_logs[0].scope.SerializeToString()) + scope_records
    return _field(1, _field(1, part.resource.SerializeToString()) + _field(2, scope))


def _field(number: int, data: bytes) -> bytes:
    length, size = len(data), bytearray()
    while length > 127:
        size.append(length & 127 | 128)
        length >>= 7
    size.append(length)
    return bytes((number << 3 | 2,)) + bytes(size) + data


def neighbours(stage: Stage) -> set[str]:
    wanted = {f"order {number} filled" for number in range(MANY) if number != PLACE}
    return wanted - {event.body for event in stage.events()}


@pytest.mark.parametrize("kind", WIRE)
def test_protobuf_keeps_the_neighbours(tmp_path: Path, kind: str) -> None:
    with staged(tmp_path) as stage:
        answer = stage.post("logs", spliced(WIRE[kind]()))
        lost = neighbours(stage)

    assert answer.status_code == 200
    assert lost == set()
    rejected = ExportLogsServiceResponse.FromString(answer.content).partial_success.rejected_log_records
    assert rejected == stage.losses.get("otlp_unreadable", 0) <= 1


MARK = b'"poison"'
JSON: dict[str, bytes] = {
    "no UTF-8": b'{"body":{"stringValue":"a\xff\xfeb"}}',
    "half a character": rb'{"body":{"stringValue":"a\ud800b"}}',
    "nested a thousand deep": b'{"body":'
    + b'{"arrayValue":{"values":[' * 1_000
    + b"1"
    + b"]}}" * 1_000
    + b"}",
    "NaN": b'{"body":{"doubleValue":NaN}}',
    "a number of ten thousand digits": b'{"timeUnixNano":' + b"9" * 10_000 + b"}",
    "a control character": b'{"body":{"stringValue":"a\x01b"}}',
    "no record": b"[1,2,3]",
    "null": b"null",
    "a list as a time": b'{"timeUnixNano":[1]}',
    "words as a number": b'{"timeUnixNano":"tomorrow"}',
    "attributes that are none": b'{"body":{"stringValue":"x"},"attributes":[1,{"key":5},{"value":{}}]}',
    "an id that is none": b'{"body":{"stringValue":"x"},"traceId":{"a":1},"spanId":"zz"}',
}


@pytest.mark.parametrize("kind", JSON)
def test_json_keeps_the_neighbours(tmp_path: Path, kind: str) -> None:
    records: list[Any] = [json_log(number) for number in range(MANY)]
    records[PLACE] = "poison"
    body = json_logs(records).replace(MARK, JSON[kind])

    with staged(tmp_path) as stage:
        answer = stage.post("logs", body, "application/json")
        lost = neighbours(stage)

    assert answer.status_code == 200
    assert lost == set()
    said = orjson.loads(answer.content).get("partialSuccess", {})
    assert int(said.get("rejectedLogRecords", 0)) == stage.losses.get("otlp_unreadable", 0) <= 1


@pytest.mark.parametrize("body", [b"\xff\xff", b"\x0a\x7fshort", b"hello, this is no protobuf"])
def test_a_request_that_is_none_is_refused_for_good(tmp_path: Path, body: bytes) -> None:
    with staged(tmp_path) as stage:
        assert stage.post("logs", body).status_code == 400
        assert stage.post("logs", body, "application/json").status_code == 400
        assert stage.events() == []

"""JSON objects of every logging library become events; what only carries a line is opened."""

# ruff: noqa: E501  a JSON line is read by the line
from __future__ import annotations

import datetime as dt
import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from obs.events import Event
from obs.logs import formats

TEN = int(dt.datetime(2025, 11, 20, 10, tzinfo=dt.UTC).timestamp()) * 10**9
TRACE = 'Traceback (most recent call last):\n  File "/srv/a.py", line 1, in f\nValueError: no'


def events_of(*rows: Any) -> list[Event]:
    return list(formats.parse([row if isinstance(row, str) else json.dumps(row) for row in rows], letter="a"))


@pytest.mark.parametrize(
    ("row", "time", "severity", "logger", "body"),
    [
        ({"timestamp": TEN, "severity": "ERROR", "logger": "bot.x", "body": "b"}, TEN, "ERROR", "bot.x", "b"),
        ({"asctime": "2025-11-20 10:00:00,500", "levelname": "WARNING", "name": "bot", "message": "m"}, TEN + 5 * 10**8, "WARN", "bot", "m"),
        ({"event": "started", "level": "info", "timestamp": "2025-11-20T10:00:00Z", "logger": "bot", "n": 1}, TEN, "INFO", "bot", "started"),
        ({"level": 50, "time": 1763632800000, "pid": 1, "hostname": "h", "msg": "m"}, TEN, "ERROR", "", "m"),
        ({"level": "warn", "ts": 1763632800.25, "caller": "a.go:1", "msg": "m"}, TEN + 25 * 10**7, "WARN", "", "m"),
        ({"@timestamp": "2025-11-20T10:00:00.000Z", "log": {"level": "error", "logger": "x.y"}, "message": "m"}, TEN, "ERROR", "x.y", "m"),
        ({"@t": "2025-11-20T10:00:00Z", "@l": "Fatal", "@m": "m"}, TEN, "FATAL", "", "m"),
        ({"severity": "CRITICAL", "message": "m", "time": "2025-11-20T11:00:00+01:00"}, TEN, "FATAL", "", "m"),
        ({"timestamp": "2025-11-20T10:00:00.000000001Z", "trader_id": "T-1", "level": "WARN", "color": "YELLOW", "component": "Risk", "message": "m"}, TEN + 1, "WARN", "Risk", "m"),
        ({"timeUnixNano": str(TEN), "severityText": "ERROR", "body": {"stringValue": "m"}, "attributes": [{"key": "a", "value": {"intValue": "1"}}]}, TEN, "ERROR", "", "m"),
        ({"text": "t", "record": {"level": {"name": "SUCCESS", "no": 25}, "message": "m", "name": "app.x", "time": {"timestamp": 1763632800.0}, "exception": None, "extra": {}}}, TEN, "INFO", "app.x", "m"),
        ({"level": "INFO", "message": {"a": 1}}, 0, "INFO", "", '{"a":1}'),
    ],
    ids=["ours", "python-json-logger", "structlog", "pino", "zap", "ecs", "serilog", "google", "nautilus", "otlp", "loguru", "no text"],
)  # fmt: skip
def test_the_keys_of_a_library_are_understood(
    row: Any, time: int, severity: str, logger: str, body: str
) -> None:
    (event,) = events_of(row)

    assert (event.timestamp, event.severity.name, event.logger, event.body) == (time, severity, logger, body)


def test_what_has_no_field_of_its_own_becomes_an_attribute() -> None:
    (event,) = events_of({"message": "m", "level": "info", "symbol": "BTC/USDT", "n": 1})

    assert event.attributes == {"symbol": "BTC/USDT", "n": 1}


def test_the_id_of_our_own_lines_is_kept() -> None:
    (event,) = events_of({"timestamp": TEN, "body": "b", "attributes": {"log.record.uid": "p-7"}})

    assert event.uid == "p-7"


@pytest.mark.parametrize(
    "exception",
    [
        {"exc_info": TRACE},
        {"exception": TRACE},
        {"stack_trace": TRACE},
        {"exception": {"type": "ValueError", "value": "no"}},
        {"error": {"type": "ValueError", "message": "no", "stack_trace": TRACE}},
        {"exception": [{"exc_type": "ValueError", "exc_value": "no", "frames": []}]},
        {"err": {"type": "ValueError", "message": "no", "stack": "x"}},
        {"exception.type": "ValueError", "exception.message": "no"},
    ],
)
def test_exceptions_are_found_under_their_many_names(exception: dict[str, Any]) -> None:
    (event,) = events_of({"message": "m", "level": "error", **exception})

    assert event.exception is not None
    assert (event.exception.type, event.exception.message) == ("ValueError", "no")


def test_lines_inside_dockers_json_are_read_as_the_program_printed_them() -> None:
    printed = [
        "2025-11-20 11:00:00,000 - bot - ERROR - failed",
        *TRACE.split("\n"),
        "2025-11-20 11:00:01,000 - bot - INFO - next",
    ]

    first, second = events_of(
        *({"log": line + "\n", "stream": "stderr", "time": "2025-11-20T10:00:00.5Z"} for line in printed)
    )

    assert (first.logger, first.body, first.timestamp) == ("bot", "failed", TEN + 5 * 10**8)
    assert first.exception is not None
    assert (first.exception.type, first.origin.lines if first.origin else 0) == ("ValueError", 4)
    assert second.body == "next"


def test_the_journals_export_is_opened() -> None:
    row = {
        "__REALTIME_TIMESTAMP": "1763632800000000",
        "SYSLOG_IDENTIFIER": "python",
        "PRIORITY": "3",
        "_TRANSPORT": "syslog",
    }

    plain, printed, raw = events_of(
        {**row, "MESSAGE": "disk is full"},
        {**row, "MESSAGE": "2025-11-20 10:00:00,000 - bot - WARNING - low", "_TRANSPORT": "stdout"},
        {**row, "MESSAGE": [104, 105], "SYSLOG_IDENTIFIER": "sshd"},
    )

    assert (plain.severity.name, plain.logger, plain.body, plain.timestamp) == (
        "ERROR",
        "python",
        "disk is full",
        TEN,
    )
    assert (printed.severity.name, printed.logger, printed.body) == ("WARN", "bot", "low")
    assert raw.body == "hi"


def test_an_object_in_the_middle_of_a_text_record_stays_there() -> None:
    head = "2025-11-20 10:00:00 - bot - ERROR - answer:"

    (event,) = events_of(head, '{"code": -2015, "reason": "key"}')

    assert event.body == 'answer:\n{"code": -2015, "reason": "key"}'


@given(
    st.dictionaries(
        st.sampled_from(["message", "msg", "event", "level", "time", "timestamp", "log", "stream", "exc_info", "error", "record", "attributes", "body", "MESSAGE", "__REALTIME_TIMESTAMP", "PRIORITY", "severity", "name", "trace_id"]),
        st.recursive(st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20), lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3), max_leaves=8),
    )
)  # fmt: skip
@settings(max_examples=400, deadline=None)
def test_any_object_is_read_as_one_line(row: dict[str, Any]) -> None:
    parser = formats.Parser(letter="a")

    events = parser.feed([json.dumps(row)]) + parser.close()

    assert sum(event.origin.lines for event in events if event.origin) + parser.blank == 1

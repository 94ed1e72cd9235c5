"""The short way from a record to its line: the same line as by the long way, or none at all."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from decimal import Decimal
from typing import Any

import orjson
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from obs.recording.encoding import Encoder
from obs.recording.rows import QUICK
from obs.recording.verdicts import Redaction
from obs.redaction import forget_known, has_hint, redact, redact_attributes, register_known
from obs.redaction.known import is_known_hint
from obs.redaction.templates import weigh_template, weigh_value

TEMPLATES = (
    "order %s filled qty=%s price=%s",
    "api_key=%s %s %s",
    "pa%s%s%s",
    "%d%% of %s in %.2f s",
    "100 percent",
    "",
    "no %d number %s here %s",
)
SCALARS = st.one_of(
    st.sampled_from(
        ["BTC/USDT", "buy", "42", "ss", "sk-abcdefghijklmnop1234", "password=hunter22", "\u00e9"]
    ),
    st.text(max_size=40),
    st.integers(),
    st.floats(),
    st.booleans(),
    st.none(),
    st.sampled_from([Decimal("1.50"), b"raw", 2j]),
)
ODD = SCALARS | st.sampled_from([[1], {"a": 1}, (1, 2)])
NAMES = st.sampled_from(
    ["order.id", "symbol", "api_key", "side%s", "trace_id", "event_name", "code.lineno", "\u00fc"]
)


def encoder() -> Encoder:
    return Encoder(Redaction(redact, redact_attributes, has_hint, is_known_hint, weigh_template, weigh_value))


def record_of(
    message: Any, arguments: tuple[Any, ...] = (), extra: dict[str, Any] | None = None
) -> logging.LogRecord:
    return logging.getLogger("bot").makeRecord(
        "bot", 20, "/bot.py", 7, message, arguments, None, "run", extra
    )


@pytest.fixture(autouse=True)
def _no_known_values() -> Iterator[None]:
    forget_known()
    yield
    forget_known()


@settings(max_examples=400)
@given(
    st.lists(
        st.tuples(
            st.sampled_from(TEMPLATES) | st.text(max_size=60),
            st.lists(SCALARS, min_size=3, max_size=3) | st.just([]),
            st.dictionaries(NAMES, ODD, max_size=4),
        ),
        min_size=1,
        max_size=8,
    )
)
def test_the_short_way_gives_the_line_of_the_long_way(calls: list[Any]) -> None:
    short, long = encoder(), encoder()

    # Twice: what the first round finds out, the second one relies upon.
    for number, (template, arguments, extra) in enumerate(calls * 2, 1):
        record = record_of(template, tuple(arguments), extra)
        line = short.short_line(number, record)
        if line is not None:
            assert orjson.loads(line) == orjson.loads(long.long_line(number, record, QUICK) or b"")


def test_an_ordinary_record_goes_the_short_way() -> None:
    made = encoder()
    record = record_of(TEMPLATES[0], ("42", 3, 101.5), {"symbol": "BTC/USDT", "attempt": 1, "done": 0.5})

    assert made.short_line(1, record) == made.line(1, record, QUICK) is not None


def test_one_line_of_a_program_may_add_other_extras_each_time() -> None:
    made = encoder()

    lines = [
        orjson.loads(made.short_line(1, record_of("done", (), extra)) or b"null")["attributes"]
        for extra in ({"a": 1, "b": 2}, {"a": 1, "c": 3}, {"b": 2, "a": 1}, {"a": 4, "c": 5}, {})
    ]

    place = {
        "thread.name": "MainThread",
        "code.filepath": "/bot.py",
        "code.lineno": 7,
        "code.function": "run",
    }
    added = [{key: value for key, value in line.items() if key not in place} for line in lines]
    assert added == [{"a": 1, "b": 2}, {"a": 1, "c": 3}, {"a": 1, "b": 2}, {"a": 4, "c": 5}, {}]


def test_a_record_from_which_something_was_taken_loses_no_extra() -> None:
    made = encoder()
    made.short_line(1, record_of("done", (), {"a": 1}))
    record = record_of("done", (), {"a": 1, "b": 2})
    del record.__dict__["msecs"]

    line = made.line(2, record, QUICK)

    assert line is not None
    assert orjson.loads(line)["attributes"]["b"] == 2


def test_a_value_registered_later_is_masked_in_a_message_whose_parts_were_sure() -> None:
    made = encoder()
    record = record_of("filled %s", ("hunter2222",), {"a": "hunter2222"})
    for number in (1, 2, 3):
        made.line(number, record, QUICK)

    register_known(["hunter2222"])
    made.forget_verdicts()

    assert b"hunter" not in (made.line(4, record, QUICK) or b"hunter")


def test_a_secret_that_comes_about_between_template_and_value_is_masked() -> None:
    made = encoder()
    for value in ("ssword=hunter22", "42", "42", "42"):
        line = made.line(1, record_of("pa%s", (value,)), QUICK)

        assert line is not None
        assert b"hunter22" not in line

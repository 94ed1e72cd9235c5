"""The short way of records that only count gives the same State as the long way."""

from __future__ import annotations

from typing import Any

import msgspec
import orjson
from hypothesis import given, settings
from hypothesis import strategies as st

import obs
from obs import rules
from obs.analysis import Analyzer
from obs.keeping.intake import Intake
from obs.keeping.ledger import Ledger
from obs.spool_reader import SpoolBatch, SpoolLine
from obs.spooling.glance import TELLING, glance_at
from obs.spooling.segments import REDACTED

RULES = rules.load()
EXAMPLES = [text for rule in RULES.rules for text in (*rule.examples.match, *rule.examples.no_match)]
MARKED = {"service.name": "grid-1", REDACTED: obs.__version__}

WORDS = [
    "order filled",
    "429",
    "418 I'm a teapot",
    "price 101.5",
    "database is locked",
    "rate limit cleared",
    "[REDACTED:password]",
    "İstanbul",
    "Σίσυφος",
    "a\nb",
    'quoted "x"',
    "timeout",
    "stoploss",
    "can",
    "Bot heartbeat. PID=1, version='x', state='RUNNING'",
]
words = st.sampled_from(WORDS)
bodies = st.lists(words | st.text(max_size=12), max_size=5).map(" ".join) | st.sampled_from(EXAMPLES)
attributes = st.dictionaries(
    st.sampled_from([*TELLING, "component", "bot.id", "service.name", "order.id", "log.record.uid"]),
    st.sampled_from(["", "x", "engine", "429 Too Many Requests", 5, None, True, ["a"], {"a": 1}]),
    max_size=3,
)
plain = st.fixed_dictionaries(
    {
        "timestamp": st.integers(1, 10_000).map(lambda second: second * 1_000_000_000),
        "severity": st.sampled_from(["INFO", "DEBUG", "TRACE", "WARN"]),
        "logger": st.sampled_from(["bot.engine.fast", "bot.engine", "freqtrade.worker", "ccxt"]),
        "body": bodies,
        "attributes": attributes,
    }
)
TRACE = {"type": "KeyError", "stacktrace": "KeyError: 'x'"}
ODD: list[dict[str, Any]] = [
    {"timestamp": None},
    {"timestamp": 5.5},
    {"timestamp": "7"},
    *({"timestamp": value} for value in (0, -3, 2**62)),
    *({"severity": value} for value in ("ERROR", "info", "", 9, None)),
    *({"logger": value} for value in ("stdout", "stderr", "", 5, None)),
    {"body": None},
    {"body": 5},
    {"body": ["a"]},
    {"attributes": None},
    {"attributes": []},
    {"attributes": "x"},
    *({"event_name": value} for value in ("order.filled", "heartbeat", "")),
    {"resource": None},
    {"resource": {"service.name": "other"}},
    {"exception": None},
    {"exception": TRACE},
    {"exception": "x"},
    {"logger": "stdout", "body": "ERROR: it broke"},
    {"observed_timestamp": 7},
    {"template": "order %s"},
    {"severity_text": "NOTICE"},
    {"attributes": {"log.record.uid": "own-1"}},
]
rows = plain | st.builds(lambda row, change: {**row, **change}, plain, st.sampled_from(ODD))


def line(number: int, row: dict[str, Any], resource: dict[str, Any], *, is_glanced: bool) -> SpoolLine:
    raw = orjson.dumps({**row, "seq": number})
    return SpoolLine("0123456789abcdef", number, raw, resource, glance_at(raw) if is_glanced else None)


def folded(
    rows: list[dict[str, Any]], resource: dict[str, Any], *, is_glanced: bool
) -> tuple[Any, Any, Analyzer]:
    analyzer = Analyzer(RULES)
    intake = Intake(analyzer, Ledger(), clock=lambda: 1)
    lines = [line(number, row, resource, is_glanced=is_glanced) for number, row in enumerate(rows, 1)]
    intake.take(SpoolBatch(lines, [], {}, [], {}, 0))
    return msgspec.to_builtins(analyzer.state), intake.pipeline.counts(), analyzer


@settings(max_examples=100, deadline=None)
@given(st.lists(rows, max_size=12), st.sampled_from([MARKED, {REDACTED: obs.__version__}, {"bot.id": "b"}]))
def test_any_stream_gives_the_same_state_by_the_short_way_as_by_the_long_one(
    rows: list[dict[str, Any]], resource: dict[str, Any]
) -> None:
    short = folded(rows, resource, is_glanced=True)
    long = folded(rows, resource, is_glanced=False)

    assert short[:2] == long[:2]


def test_every_oddity_of_a_record_shows_the_same_by_both_ways() -> None:
    base = {"severity": "INFO", "logger": "bot.engine.fast", "body": "tick", "attributes": {}}
    told = [{"attributes": {key: "429 Too Many Requests"}} for key in (*TELLING, "component", "bot.id")]

    for change in (*ODD, *told, *({"body": f"so {word} it is"} for word in WORDS)):
        rows = [{"timestamp": second * 10**9, **base} for second in (1, 2, 3)]
        rows[1] |= change
        for resource in (MARKED, {REDACTED: obs.__version__}):
            short = folded(rows, resource, is_glanced=True)
            long = folded(rows, resource, is_glanced=False)

            assert short[:2] == long[:2], change


def test_every_example_of_every_rule_is_judged_the_same_at_every_level() -> None:
    rows = [
        {"timestamp": 1_000_000_000 * number, "severity": severity, "logger": logger, "body": text}
        for number, text in enumerate(EXAMPLES, 1)
        for severity, logger in (("DEBUG", "bot"), ("INFO", "freqtrade.freqtradebot"), ("WARN", "bot"))
    ]

    short = folded(rows, MARKED, is_glanced=True)
    long = folded(rows, MARKED, is_glanced=False)

    assert short[:2] == long[:2]


def test_records_without_news_are_counted_and_never_become_events() -> None:
    rows = [
        {"timestamp": 60_000_000_000 * n, "severity": "INFO", "logger": "bot.a.b", "body": f"tick {n}"}
        for n in range(1, 50)
    ]

    _, counts, analyzer = folded(rows, MARKED, is_glanced=True)

    assert analyzer.state.events == counts.processed == 49
    assert analyzer.state.components["bot.a"].count == 49
    assert counts.processed_by_severity == {"INFO": 49}


def test_a_writer_that_does_not_say_that_it_masks_is_masked_here() -> None:
    rows = [
        {"timestamp": n, "severity": "INFO", "logger": "bot", "body": "password=hunter2xyz7Q"} for n in (1, 2)
    ]

    foreign = folded(rows, {"service.name": "grid-1"}, is_glanced=True)[2]
    older = folded(rows, {"service.name": "grid-1", REDACTED: "0.0.1"}, is_glanced=True)[2]

    assert foreign.state.leaks
    assert older.state.leaks


def test_a_record_without_a_time_takes_that_of_the_one_before_it_also_when_that_was_only_counted() -> None:
    rows: list[dict[str, Any]] = [
        {"timestamp": 60_000_000_000 * n, "severity": "INFO", "logger": "bot", "body": "tick"}
        for n in range(1, 600)
    ]
    rows.append({"timestamp": 0, "severity": "ERROR", "logger": "bot", "body": "all is lost"})

    short = folded(rows, MARKED, is_glanced=True)
    long = folded(rows, MARKED, is_glanced=False)

    assert short[:2] == long[:2]

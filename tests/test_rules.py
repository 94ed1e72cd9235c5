"""The engine: which rules fit an event, which one names it best, what a wrong pack says."""

from __future__ import annotations

import re
import time
from pathlib import Path

import pytest

from obs import rules
from obs.events import Event, ExceptionInfo, Origin, Severity
from obs.rules import gate as rulegate
from obs.rules.anchors import anchors, groups
from obs.rules.gate import Gate, PatternError, compile_pattern
from obs.rules.pack import fill
from obs.rules.ruleset import RuleSet
from obs.rules.trial import tried
from tests.builders import REPO

RULE = """
[[rule]]
id = "my.pump-failed"
category = "TRADING"
severity = "error"
title = "Pump failed[ at {host}]"
cause = "The pump does not answer."
fix_in = "outside: the pump"
actions = ["[read] Look at the pump."]
literals = ["pump"]
patterns = ['pump (?:at (?P<host>\\S+) )?failed']
[rule.examples]
match = ["pump at p1.local failed", "pump failed"]
no_match = ["pump started"]
"""


@pytest.fixture(scope="module")
def known() -> RuleSet:
    return rules.load()


def event(
    body: str, severity: Severity = Severity.ERROR, *, stack: str = "", logger: str = "", lines: int = 1
) -> Event:
    exception = ExceptionInfo(type=stack.split("\n")[-1].split(":")[0], stacktrace=stack) if stack else None
    return Event(timestamp=1, severity=severity, body=body, exception=exception, logger=logger)


def pack(folder: Path, text: str, name: str = "mine.toml") -> Path:
    path = folder / name
    path.write_text(text, encoding="utf-8")
    return path


def test_the_first_cause_in_a_traceback_names_the_record_and_its_wrappers_are_symptoms(
    known: RuleSet,
) -> None:
    stack = (
        "Traceback (most recent call last):\n"
        '  File "/x/aiohttp/connector.py", line 1, in _wrap\n'
        "    raise OSError(err, f'Connect call failed {address}')\n"
        "ConnectionRefusedError: [Errno 111] Connect call failed ('10.1.2.3', 443)\n"
        "\n"
        "The above exception was the direct cause of the following exception:\n"
        "\n"
        "ccxt.base.errors.ExchangeNotAvailable: binance GET https://api.binance.com/api/v3/exchangeInfo\n"
        "freqtrade.exceptions.TemporaryError: Error in reload_markets due to ExchangeNotAvailable."
    )

    matches = known.match(event("Could not load markets, therefore cannot start.", stack=stack))

    assert matches[0].rule.id == "network.connection-refused"
    assert matches[0].line.startswith("ConnectionRefusedError")
    assert matches[0].offset == 4
    assert matches[0].fill(matches[0].rule.title) == "Connection refused by 10.1.2.3"
    assert {match.rule.role for match in matches[1:]} == {"symptom"}


def test_a_light_cause_stands_before_a_heavy_symptom(known: RuleSet) -> None:
    matches = known.match(
        event("Error placing order: x", stack="Traceback (most recent call last):\nKeyError: 'close'")
    )

    assert [match.rule.id for match in matches[:2]] == ["code.key", "exchange.order-rejected"]
    assert matches[0].rule.weight < matches[1].rule.weight


def test_an_exchange_that_refuses_the_time_is_a_clock_fault_whatever_wraps_it(known: RuleSet) -> None:
    body = (
        "Error in load_markets due to InvalidNonce. Message: binance "
        '{"code":-1021,"msg":"Timestamp for this request is outside of the recvWindow."}'
    )

    assert known.match(event(body))[0].rule.id == "system.clock"


@pytest.mark.parametrize(
    ("body", "rule"),
    [
        (
            'binance 418 I\'m a teapot {"code":-1003,"msg":"IP banned until 1653465487513."}',
            "exchange.ip-ban",
        ),
        ('binance 429 {"code":-1003,"msg":"Too much request weight used"}', "exchange.rate-limit"),
        ("openai.RateLimitError: Error code: 429 - rate_limit_exceeded", "llm.rate-limit"),
        ("sqlite3.OperationalError: database is locked", "db.locked"),
    ],
)
def test_the_most_telling_rule_wins(known: RuleSet, body: str, rule: str) -> None:
    assert known.match(event(body))[0].rule.id == rule


def test_a_ban_says_until_when_in_full_seconds_and_never_too_early(known: RuleSet) -> None:
    match = known.match(event('binance {"code":-1003,"msg":"IP banned until 1653465541001."}'))[0]

    assert match.fill(match.rule.title) == "IP address banned by the exchange until 2022-05-25 07:59:02 UTC"


def test_a_record_says_each_thing_once_however_many_rules_fit_its_line(known: RuleSet) -> None:
    matches = known.match(event("telegram.error.BadRequest: Chat not found"))

    assert [match.rule.id for match in matches] == ["notify.telegram-chat"]


def test_the_level_is_no_proof_in_either_direction(known: RuleSet) -> None:
    quiet_trouble = event(
        '127.0.0.1:5 - "GET /api/v1/status HTTP/1.1" 401', Severity.INFO, logger="uvicorn.access"
    )
    loud_nothing = event("Application startup complete.", Severity.INFO, logger="uvicorn.error")
    statistics = event("Warning Signals: 0", Severity.INFO)

    assert known.match(quiet_trouble)[0].rule.id == "ui.login-failed"
    assert known.match(loud_nothing) == ()
    assert known.match(statistics) == ()


def test_a_harmless_warning_gives_its_noise_rule_and_nothing_else(known: RuleSet) -> None:
    matches = known.match(event(" * Debugger is active!", Severity.WARN, logger="werkzeug"))

    assert [match.rule.role for match in matches] == ["noise"]


def test_code_that_a_traceback_quotes_is_not_what_happened(known: RuleSet) -> None:
    stack = (
        "Traceback (most recent call last):\n"
        '  File "/x/bot.py", line 3, in run\n'
        '    raise TimeoutError("Read timed out") if slow else KeyError("close")\n'
        "KeyError: 'close'"
    )

    assert [match.rule.id for match in known.match(event("step", stack=stack))] == [
        "code.key",
        "code.traceback",
    ]


def test_offsets_skip_the_lines_that_were_cut_from_the_middle(known: RuleSet) -> None:
    record = Event(
        timestamp=1,
        severity=Severity.ERROR,
        body="step",
        exception=ExceptionInfo(type="X", stacktrace="Traceback (most recent call last):\nKeyError: 'close'"),
        origin=Origin("a", line=10, lines=502, cut_after=2, cut_lines=499),
    )

    best = known.match(record)[0]

    assert (best.offset, best.line) == (501, "KeyError: 'close'")
    assert (501, "KeyError: 'close'") in list(record.lines())


def test_what_structured_logs_keep_in_an_error_attribute_is_read_too(known: RuleSet) -> None:
    record = Event(
        timestamp=1,
        severity=Severity.ERROR,
        body="order loop",
        attributes={"error": "OSError: [Errno 28] No space left on device"},
    )

    best = known.match(record)[0]

    assert (best.rule.id, best.offset) == ("system.disk-full", 0)


def test_values_are_those_of_this_event_not_of_the_first_with_the_same_form(tmp_path: Path) -> None:
    known = rules.load([pack(tmp_path, RULE)])
    bodies = ["pump at p1.1000001 failed", "pump at p1.2000002 failed"]

    titles = [match.fill(match.rule.title) for body in bodies for match in known.match(event(body))]

    assert titles == ["Pump failed at p1.1000001", "Pump failed at p1.2000002"]


def test_text_that_is_no_plain_identifier_never_gets_into_prose(tmp_path: Path) -> None:
    known = rules.load([pack(tmp_path, RULE)])

    match = known.match(event("pump at <b>[click](http://x)</b> failed"))[0]

    assert match.fill(match.rule.title) == "Pump failed"


def test_optional_parts_of_a_text_go_when_their_value_is_unknown_and_gates_stay() -> None:
    assert fill("[read] Ask[ {host} about] it[ on {key}].", {"host": "h"}) == "[read] Ask h about it."


def test_remembered_verdicts_are_the_same_as_fresh_ones(known: RuleSet) -> None:
    fresh = RuleSet(known.rules, cached=0)
    bodies = [
        "POST /api/refresh 33.147",
        "POST /api/refresh 0.147",
        'code":-1021 x',
        'code":-1022 x',
        '"GET /a HTTP/1.1" 401',
        '"GET /a HTTP/1.1" 200',
    ]

    for _ in range(2):
        for body in bodies:
            assert [m.rule.id for m in known.match(event(body))] == [
                m.rule.id for m in fresh.match(event(body))
            ]


def test_the_pure_python_gate_finds_what_the_native_one_finds() -> None:
    words = ["error", "err", "404", "주문", "no space", "ssl"]
    text = "error: err 404 1404 주문실패 no space left sslerror ssl: tail err"

    assert sorted(Gate(words, native=False).find(text)) == sorted(Gate(words).find(text))
    assert {Gate(words).literals[index] for index, _ in Gate(words).find("1404 sslerror")} == {"error"}


def test_both_pattern_engines_give_the_same_answers_on_all_examples(known: RuleSet) -> None:
    plain = RuleSet(known.rules, native=False)

    for rule in known.rules:
        for message in (*rule.examples.match, *rule.examples.no_match):
            record = rules.example_event(rule, message)
            assert [m.rule.id for m in plain.match(record)] == [m.rule.id for m in known.match(record)], (
                message
            )


@pytest.mark.parametrize("pattern", ["(?=a)b", "(?<!x)b", r"(a)\1", "a++", "(", r"(?P<x>a)(?P=x)"])
@pytest.mark.parametrize("native", [True, False])
def test_patterns_that_are_not_linear_are_refused_on_both_engines(pattern: str, native: bool) -> None:
    with pytest.raises(PatternError):
        compile_pattern(pattern, native=native)


def test_matching_takes_time_in_proportion_to_the_text(known: RuleSet) -> None:
    """Fault 48: hostile text does not make a pattern backtrack for seconds."""
    hostile = ["error " * 4_000, "failed to connect " * 1_500, "a" * 30_000 + "!", "host='" + "x" * 20_000]

    for line in hostile:
        took = []
        for size in (1, 2, 4):
            record = event("\n".join([line] * size * 4))
            started = time.perf_counter()
            known.match(record)
            took.append(time.perf_counter() - started)
        assert took[2] < 1.0
        assert took[2] <= max(took[0], 0.01) * 16


def test_a_line_of_half_a_million_characters_is_cut_before_any_pattern(known: RuleSet) -> None:
    line = "x" * 520_000 + " No space left on device"

    started = time.perf_counter()
    matches = known.match(event(line))

    assert matches == ()
    assert time.perf_counter() - started < 0.5
    assert len(known.match(event("No space left on device" + line))[0].line) > rulegate.MAX_LINE


@pytest.mark.parametrize(
    ("old", "new", "says"),
    [
        ('category = "TRADING"', 'category = "TRADE"', ["category", "'TRADE'", "TRADING"]),
        ('severity = "error"', 'severity = "bad"', ["severity", "'bad'", "critical"]),
        ('severity = "error"', 'severty = "error"', ["severty", "write severity"]),
        ("[read] Look", "Look", ["actions", "[read]"]),
        ('fix_in = "outside', 'fix_in = "nowhere', ["fix_in", "nowhere", "outside"]),
        ('literals = ["pump"]', 'literals = ["valve"]', ["literals", "gate would never open", "add one"]),
        ("failed']", "failed(?=x)']", ["patterns", "lookaround"]),
        ("failed']", "broken']", ["examples.match", "mend"]),
        ('no_match = ["pump started"]', 'no_match = ["pump failed"]', ["examples.no_match", "narrow"]),
        ("[ at {host}]", " at {host}", ["{host}", "brackets"]),
        ("[ at {host}]", "[ at {place}]", ["{place}", "?P<place>"]),
        ('match = ["pump at p1.local failed", "pump failed"]', "match = []", ["examples.match is missing"]),
        ('id = "my.pump-failed"', 'id = "db.locked"', ["db.locked", "taken by database.toml"]),
        ('id = "my.pump-failed"', 'id = "Pump"', ["'Pump' is no id"]),
        ("[read] Look at the pump.", "[restart] Delete the pump.", ["[ask]"]),
    ],
)
def test_a_wrong_pack_is_refused_with_its_place_and_mend(
    tmp_path: Path, old: str, new: str, says: list[str]
) -> None:
    path = pack(tmp_path, RULE.replace(old, new))

    with pytest.raises(rules.RuleError) as refusal:
        rules.load([path])

    for word in ("mine.toml", *says):
        assert word in str(refusal.value)


def test_a_file_that_is_missing_or_no_toml_is_refused_with_its_name(tmp_path: Path) -> None:
    with pytest.raises(rules.RuleError, match=r"nothere\.toml: cannot be read"):
        rules.load([tmp_path / "nothere.toml"])
    with pytest.raises(rules.RuleError, match=r"mine\.toml: is no TOML"):
        rules.load([pack(tmp_path, "[[rule]")])


def test_words_that_open_a_rule_are_taken_from_its_patterns_when_none_are_given(tmp_path: Path) -> None:
    text = RULE.replace('literals = ["pump"]', "")

    known = rules.load([pack(tmp_path, text)])

    own = next(rule for rule in known.rules if rule.id == "my.pump-failed")
    assert own.literals
    assert known.match(event("pump failed"))[0].rule.id == "my.pump-failed"


def test_a_pattern_that_spells_out_nothing_needs_words_of_its_authors(tmp_path: Path) -> None:
    text = RULE.replace('literals = ["pump"]', "").replace("failed']", "', '\\d+ [A-Z]+']")

    with pytest.raises(rules.RuleError, match=r"mine\.toml.*spells out no word.*literals"):
        rules.load([pack(tmp_path, text)])


@pytest.mark.parametrize(
    ("pattern", "words"),
    [
        ("database is locked", ("database is locked",)),
        ("(?:order|stop) refused", ("order refused", "stop refused")),
        ("colou?rs?", ("color", "colors", "colour", "colours")),
        (r"HTTP/1\.[01]\W+50[23]", ("http/1.0", "http/1.1")),
        ("(?:timed out|slow).*api", ("slow", "timed out")),
        ("(?P<who>\\w+) is gone", (" is gone",)),
        ("(?:lost )+link", ("lost ",)),
        ("a.b|c", ()),
        ("(?:lost)?.*", ()),
    ],
)
def test_the_words_of_a_pattern_are_such_as_no_match_can_be_without(
    pattern: str, words: tuple[str, ...]
) -> None:
    assert anchors([pattern]) == words


def test_whatever_a_shipped_pattern_finds_in_its_examples_holds_its_words(known: RuleSet) -> None:
    for rule in known.rules:
        for pattern in rule.patterns:
            found = compile_pattern(pattern)
            for message in rule.examples.match:
                if (hit := found.search(message)) is not None:
                    text = hit.group(0).lower()
                    assert all(any(word in text for word in group) for group in groups(pattern)), (
                        rule.id,
                        text,
                    )


def test_a_pack_is_tried_on_a_log_beside_the_rules_that_ship(tmp_path: Path) -> None:
    log = tmp_path / "bot.log"
    log.write_text(
        "2026-03-02 10:00:00 ERROR pump failed\n2026-03-02 10:00:01 INFO pump started\n"
        "2026-03-02 10:00:02 ERROR pump at p1.local failed: database is locked\n"
    )

    head, rule, read, told = tried([pack(tmp_path, RULE)], [log])

    assert head == "1 of your own: each finds its examples and leaves its counterexamples"
    assert rule == "  my.pump-failed  TRADING error; opened by: pump"
    assert read == f"{log}: 3 records"
    assert told.startswith("  my.pump-failed  fits 2: a:1, a:3; db.locked names 1 of them")


def test_words_and_event_names_show_a_path_working_again(tmp_path: Path) -> None:
    text = RULE.replace(
        'literals = ["pump"]', 'literals = ["pump"]\nsuccess = ["pump started", "event:pump.on"]'
    )
    known = rules.load([pack(tmp_path, text)])

    assert known.successes(event("Pump STARTED", Severity.INFO)) == {"my.pump-failed"}
    assert known.successes(Event(timestamp=1, event_name="pump.on")) == {"my.pump-failed"}
    assert known.successes(event("pump failed")) == set()


def test_the_rule_of_the_document_works_as_it_says(tmp_path: Path) -> None:
    document = (REPO / "docs" / "rules.md").read_text(encoding="utf-8")
    (text,) = re.findall(r"```toml\n(.*?)```", document, re.DOTALL)
    line = re.findall(r"```text\n(.*?)\n```", document, re.DOTALL)[0]

    found = rules.load([pack(tmp_path, text)]).match(event(line))[0]

    assert (found.rule.id, found.fill(found.rule.title)) == ("my.hedge-late", "Hedge late for ETH/USDT")
    fields = set(re.findall(r"`(\w+)`", "".join(re.findall(r"^\| (`.*?) \|", document, re.MULTILINE))))
    assert fields | {"reference"} == set(rules.Rule.__struct_fields__)

"""`obs.analyze` and the Analyzer: one path for recorded files, text and the running sidecar."""

from __future__ import annotations

import datetime as dt
from pathlib import Path

import pytest

import obs
from obs.analysis import Analyzer
from obs.events import Severity
from obs.rules import RuleSet
from tests.builders import START, event

LINES = [
    "2026-01-02 03:04:05,678 - bot.core - INFO - started",
    "2026-01-02 03:04:06,678 - bot.core - ERROR - boom happened",
]


def test_a_str_is_text_an_iterable_of_str_is_lines_and_a_path_is_a_file(tmp_path: Path) -> None:
    path = tmp_path / "bot.log"
    path.write_text("\n".join(LINES) + "\n")

    seen = [obs.analyze(given).issues[0].fingerprint for given in ("\n".join(LINES), LINES, path, [path])]

    assert len(set(seen)) == 1


def test_now_of_a_recording_is_its_newest_event_so_that_it_never_looks_silent() -> None:
    snapshot = obs.analyze(LINES)

    assert snapshot.taken_at == snapshot.last_event


def test_now_must_carry_a_zone() -> None:
    with pytest.raises(ValueError, match="no time zone"):
        obs.analyze(LINES, now=dt.datetime(2026, 1, 1))  # noqa: DTZ001 - the mistake that is refused


def test_a_log_and_the_console_of_one_run_count_each_record_once(tmp_path: Path) -> None:
    log, console = tmp_path / "a.log", tmp_path / "b.log"
    log.write_text("\n".join(LINES) + "\n")
    console.write_text("\n".join(LINES) + "\n")

    snapshot = obs.analyze([log, console])

    assert snapshot.events == 2
    assert snapshot.doubles == 2
    assert snapshot.issues[0].count == 1


def test_the_same_line_twice_in_one_file_is_twice() -> None:
    assert obs.analyze([LINES[1], LINES[1]]).issues[0].count == 2


def test_the_same_id_counts_once() -> None:
    line = (
        '{"timestamp": 1763632800000000000, "severity": "ERROR", "body": "boom",'
        ' "attributes": {"log.record.uid": "x-1"}}'
    )

    assert obs.analyze([line, line]).events == 1


def test_secrets_are_masked_before_anything_is_remembered() -> None:
    secret = "sk-" + "proj-" + "Ab3" * 16
    analyzer = Analyzer(RuleSet(()))

    analyzer.feed(event(f"OPENAI_API_KEY={secret}", severity=Severity.ERROR))

    assert secret.encode() not in analyzer.state.encode()
    assert secret not in analyzer.snapshot().to_json()


def test_a_line_without_a_time_stands_at_the_time_of_the_one_before() -> None:
    snapshot = obs.analyze([*LINES, "Traceback (most recent call last):", "ValueError: bad"])

    assert snapshot.last_event == 1767323046678000000


def test_the_seed_s_small_door_finds_components_that_are_not_well() -> None:
    tracker = obs.SystemStatusTracker(clock=lambda: START)
    tracker.update_component_status("DatabaseManager", "error", "connection refused")
    tracker.update_component_status("Ui", "OK", "")

    (issue,) = obs.IssueAnalyzer().analyze_for_issues(tracker)

    assert tracker.get_system_health() == "ERROR"
    assert (issue.component, issue.category, issue.severity) == ("DatabaseManager", "DB", "error")


def test_a_word_that_is_no_status_is_refused_with_the_words_there_are() -> None:
    with pytest.raises(ValueError, match="OK, UNKNOWN, WARNING, ERROR, CRITICAL"):
        obs.SystemStatusTracker().update_component_status("x", "fine")


def test_a_printed_line_with_a_level_counts_at_that_level() -> None:
    analyzer = Analyzer(RuleSet(()))

    analyzer.feed(event("2026-11-20 10:00:00 ERROR could not reach broker", logger="stdout"))
    analyzer.feed(event("just a price 12.5", logger="stdout", at=1))

    snapshot = analyzer.snapshot()
    assert snapshot.by_severity == {"ERROR": 1, "INFO": 1}
    assert snapshot.issues[0].evidence[0].text == "could not reach broker"


def test_a_failure_outside_any_function_is_placed_as_such() -> None:
    text = (
        "2026-01-05 10:00:00,000 [ERROR] main loop\n"
        "Traceback (most recent call last):\n"
        '  File "/srv/bot.py", line 17, in <module>\n'
        '    d["close"] * 1.01\n'
        "TypeError: unsupported operand type(s) for *: 'NoneType' and 'float'\n"
    )

    (issue, *_) = obs.analyze(text).issues

    assert issue.fix_in == "code: /srv/bot.py line 17, in the module itself"


def test_a_structured_record_is_quoted_with_what_its_attributes_say() -> None:
    line = (
        '{"timestamp": "2026-01-05T10:00:00Z", "level": "error", "event": "order_refused", "symbol": "AAPL",'
    )
    line += ' "reason": "insufficient buying power", "pid": 7}'

    (issue,) = obs.analyze([line]).issues

    assert (issue.rule, issue.evidence[0].text) == (
        "exchange.insufficient-balance",
        "order_refused symbol=AAPL reason=insufficient buying power",
    )


def test_an_unknown_error_of_a_structured_log_is_titled_by_its_own_name() -> None:
    line = '{"timestamp": "2026-01-05T10:00:00Z", "level": "error", "event": "cache_flush_failed"}'

    (issue,) = obs.analyze([line]).issues

    assert issue.title == "Error `cache_flush_failed`"


@pytest.mark.parametrize(
    ("level", "severity"), [("WARNING", "warning"), ("ERROR", "warning"), ("CRITICAL", "error")]
)
def test_a_fault_that_mostly_passes_is_graver_when_the_bot_called_it_fatal(level: str, severity: str) -> None:
    seen = obs.analyze(f"2026-01-02 03:04:05,678 - bot.ws - {level} - WebSocket closed: code 1006")

    assert [(issue.rule, str(issue.severity)) for issue in seen.issues] == [("network.websocket", severity)]

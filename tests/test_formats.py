# ruff: noqa: E501  a table of log lines is read by the line
"""Lines of every known layout become events; words of a message never become its head."""

from __future__ import annotations

import datetime as dt
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from obs.events import MAX_TIMESTAMP_NS, Event, Severity
from obs.logs import formats

LOGS = Path(__file__).parent / "data" / "logs"


def events_of(text: str, **keywords: str) -> list[Event]:
    return list(formats.parse(text.split("\n"), letter="a", timezone=keywords.get("timezone", "UTC")))


def sample(name: str) -> list[Event]:
    return events_of((LOGS / name).read_text("utf-8"))


def at(*parts: int, ns: int = 0, hours: float = 0) -> int:
    moment = dt.datetime(*parts, tzinfo=dt.UTC) - dt.timedelta(hours=hours)  # type: ignore[arg-type, misc]
    return int(moment.timestamp()) * 10**9 + ns


TEN = at(2025, 11, 20, 10)
LAYOUTS = [
    # line, time, severity, logger, body
    ("2025-11-20 10:00:00,123 - bot - INFO - up", TEN + 123 * 10**6, "INFO", "bot", "up"),
    ("2025-11-20 10:00:00 - ERROR - down: 5", TEN, "ERROR", "", "down: 5"),
    ("2025-11-20 10:00:00,000 [ERROR] down", TEN, "ERROR", "", "down"),
    ("[2025-11-20 10:00:00] [WARNING] low", TEN, "WARN", "", "low"),
    ("[2025-11-20 10:00:00 +0000] [12] [INFO] Booting worker", TEN, "INFO", "", "Booting worker"),
    ("[2025-11-20 10:00:00,000: ERROR/ForkPoolWorker-1] gone", TEN, "ERROR", "ForkPoolWorker-1", "gone"),
    ("[2025-11-20 10:00:00,000] ERROR in app: Exception on /x", TEN, "ERROR", "app", "Exception on /x"),
    ("[2025-11-20 10:00:00,000][INFO] hi", TEN, "INFO", "", "hi"),
    ("[2025-11-20 10:00:00,000 INFO] hi", TEN, "INFO", "", "hi"),
    ("2025-11-20 10:00:00,000 [bot.db] [WARNING] [Pool] slow", TEN, "WARN", "bot.db", "[Pool] slow"),
    ("2025-11-20 10:00:00 | ERROR    | src.bot:run:23 - lost", TEN, "ERROR", "src.bot", "lost"),
    ("2025-11-20 10:00:00.250 | SUCCESS  | __main__:f:6 - ok", TEN + 250 * 10**6, "INFO", "__main__", "ok"),
    ("2025-11-20 10:00:00 | websocket | ERROR | closed", TEN, "ERROR", "websocket", "closed"),
    ("2025-11-20 10:00:00,000 INFO bot.core: up", TEN, "INFO", "bot.core", "up"),
    ("2025-11-20 10:00:00,000 INFO     up", TEN, "INFO", "", "up"),
    ("2025-11-20 10:00:00,000 WARNING: low", TEN, "WARN", "", "low"),
    ("2025-11-20 10:00:00,000 - 77 - hummingbot.strategy - INFO - go", TEN, "INFO", "hummingbot.strategy", "go"),
    ("2025-11-20 10:00:00,000 - bot - MainThread - ERROR - x", TEN, "ERROR", "bot", "x"),
    ("2025-11-20T10:00:00.000000001Z [WARN] T-001.Risk: no", TEN + 1, "WARN", "Risk", "no"),
    ("2025-11-20T10:00:00Z [info     ] started  port=1", TEN, "INFO", "", "started  port=1"),
    ("2025-11-20T11:00:00+01:00 ERROR x", TEN, "ERROR", "", "x"),
    ("2025-11-20T10:00:00Z ERROR [main] c.e.shop.Feed - x", TEN, "ERROR", "c.e.shop.Feed", "x"),
    ("2025-11-20 10:00:00.000  INFO 7 --- [main] com.acme.Bot : x", TEN, "INFO", "com.acme.Bot", "x"),
    ("2025-11-20 10:00:00,000 [main] INFO com.acme.Bot - x", TEN, "INFO", "com.acme.Bot", "x"),
    ("INFO 2025-11-20 10:00:00,000 x", TEN, "INFO", "", "x"),
    ("ERROR:2025-11-20 10:00:00,000:x", TEN, "ERROR", "", "x"),
    ("[E 251120 10:00:00 web:2246] 500 GET /", TEN, "ERROR", "web", "500 GET /"),
    ("11/20/2025 10:00:00 AM INFO x", TEN, "INFO", "", "x"),
    ("20-Nov-2025 10:00:00.000 SEVERE [http-1] org.acme.Core x", TEN, "ERROR", "", "[http-1] org.acme.Core x"),
    ("20.11.2025 10:00:00 ERROR x", TEN, "ERROR", "", "x"),
    ("1763632800 INFO x", TEN, "INFO", "", "x"),
    ("1763632800123 - bot - INFO - x", TEN + 123 * 10**6, "INFO", "bot", "x"),
    ("Thu Nov 20 10:00:00 UTC 2025: done", TEN, "UNSPECIFIED", "", "done"),
    ("Thu Nov 20 11:00:00 CET 2025: done", TEN, "UNSPECIFIED", "", "done"),
    ("2025-11-20T10:00:00.000000000Z stdout F plain words", TEN, "UNSPECIFIED", "", "plain words"),
    ('1.2.3.4 - - [20/Nov/2025:10:00:00 +0000] "GET /" 200', TEN, "UNSPECIFIED", "", '1.2.3.4 - - [20/Nov/2025:10:00:00 +0000] "GET /" 200'),
    ("20251120-10:00:00:123|Step|77|walk", TEN + 123 * 10**6, "UNSPECIFIED", "", "Step|77|walk"),
    ("WARNING:root:careful", 0, "WARN", "root", "careful"),
    ("INFO:     Started server process [1]", 0, "INFO", "", "Started server process [1]"),
    ("INFO  [alembic.runtime.migration] Context", 0, "INFO", "alembic.runtime.migration", "Context"),
    ("[ERROR] x", 0, "ERROR", "", "x"),
    ("bot - WARNING - x", 0, "WARN", "bot", "x"),
    ('time="2025-11-20T10:00:00Z" level=warning msg="slow \\"feed\\"" n=3', TEN, "WARN", "", 'slow "feed"'),
]  # fmt: skip


@pytest.mark.parametrize(
    ("line", "time", "severity", "logger", "body"), LAYOUTS, ids=[row[0][:40] for row in LAYOUTS]
)
def test_a_line_of_a_known_layout_gives_time_level_logger_and_message(
    line: str, time: int, severity: str, logger: str, body: str
) -> None:
    (event,) = events_of(line)

    assert (event.timestamp, event.severity.name, event.logger, event.body) == (time, severity, logger, body)


@pytest.mark.parametrize(
    ("line", "logger", "body"),
    [
        ("2025-11-20 10:00:00 - ERROR - ccxt.base.errors.NetworkError: demo GET", "", "ccxt.base.errors.NetworkError: demo GET"),
        ("2025-11-20 10:00:00 [ERROR] api.demo.com: refused", "", "api.demo.com: refused"),
        ("2025-11-20 10:00:00 [ERROR] config.json: not found", "", "config.json: not found"),
        ("2025-11-20 10:00:00 [ERROR] Error: down", "", "Error: down"),
        ("2025-11-20 10:00:00 - INFO - BTC/USDT - no signal", "", "BTC/USDT - no signal"),
        ("2025-11-20 10:00:00 - INFO -   indented: 5", "", "  indented: 5"),
        ("2025-11-20 10:00:00 | ERROR | [Round 17] failed: 'x'", "", "[Round 17] failed: 'x'"),
        ("2025-11-20 10:00:00 Error placing order", "", "Error placing order"),
        ("2025-11-20 10:00:00 ALERT BTC above 50k", "", "ALERT BTC above 50k"),
        ("2025-11-20 10:00:00 Got ERROR from exchange", "", "Got ERROR from exchange"),
        ("2025-13-45 99:00:00 - bot - INFO - no such day", "", "2025-13-45 99:00:00 - bot - INFO - no such day"),
        ("Warning Signals: 0", "", "Warning Signals: 0"),
        ("Error: no such file", "", "Error: no such file"),
        ("ERROR 1045 (28000): Access denied", "", "ERROR 1045 (28000): Access denied"),
        ("[Pool] started", "", "[Pool] started"),
        ("1234 candles loaded", "", "1234 candles loaded"),
        ("1763632800 candles loaded", "", "1763632800 candles loaded"),
        ("key=value is what you write", "", "key=value is what you write"),
        ('{"pair": "BTC/USDT"}', "", '{"pair": "BTC/USDT"}'),
    ],
)  # fmt: skip
def test_words_of_the_message_are_not_taken_for_its_head(line: str, logger: str, body: str) -> None:
    (event,) = events_of(line)

    assert (event.logger, event.body) == (logger, body)


def test_a_lone_level_is_not_read_from_title_case_words() -> None:
    assert {event.severity for event in events_of("Error: a\nWarning: b\nInfo about c")} == {
        Severity.UNSPECIFIED
    }


def test_the_name_before_the_message_is_a_logger_when_most_lines_have_one_of_few() -> None:
    text = "\n".join(
        f"2025-11-20 10:00:{n:02} INFO {('feed', 'risk')[n % 2]}: message {n}" for n in range(12)
    )

    events = events_of(text)

    assert {event.logger for event in events} == {"feed", "risk"}
    assert events[3].body == "message 3"


def test_ever_new_words_before_a_colon_stay_in_the_message() -> None:
    words = ["Order", "Trade", "Balance", "Fill", "Price", "Candle", "Signal", "Stop", "Entry", "Exit"]
    text = "\n".join(f"2025-11-20 10:00:{n:02} INFO {word}: {n}" for n, word in enumerate(words))

    assert [event.body for event in events_of(text)] == [f"{word}: {n}" for n, word in enumerate(words)]


def test_a_chained_traceback_belongs_to_its_record_and_the_last_exception_names_it() -> None:
    events = sample("freqtrade.log")

    assert [event.origin.line for event in events if event.origin] == [1, 2, 3, 23]
    failed = events[2]
    assert failed.body == "Unable to place order"
    assert failed.exception is not None
    assert failed.exception.type == "freqtrade.exceptions.TemporaryError"
    assert failed.exception.message == "Could not place buy order due to NetworkError. Message: demo"
    assert failed.exception.stacktrace.startswith("Traceback (most recent call last):\n")


def test_every_line_of_a_record_keeps_its_number() -> None:
    text = (LOGS / "freqtrade.log").read_text("utf-8").split("\n")

    event = sample("freqtrade.log")[2]

    assert event.origin is not None
    for offset, line in event.lines():
        assert text[event.origin.line - 1 + offset].endswith(line)
    assert event.origin.lines == 20


def test_hummingbots_own_levels_are_known() -> None:
    events = sample("hummingbot.log")

    assert [(event.severity_text, event.severity.name) for event in events] == [
        ("INFO", "INFO"), ("NETWORK", "DEBUG"), ("EVENT_LOG", "DEBUG"), ("WARNING", "WARN"),
    ]  # fmt: skip
    assert events[1].exception is not None
    assert events[1].exception.type == "OSError"


def test_a_backtest_that_jumps_in_time_keeps_the_order_of_the_file() -> None:
    events = sample("nautilus.log")

    assert [event.timestamp for event in events] == [
        TEN + 123_456_789, TEN + 123_456_790, at(2012, 2, 1, 0, 25), TEN + 5 * 10**9,
    ]  # fmt: skip
    assert events[1].logger == "ExecClient-DEMO"
    assert events[1].attributes == {"trader_id": "TRADER-001"}


def test_lines_of_containers_are_read_without_their_prefix() -> None:
    events = sample("compose.log")

    assert [(event.service, event.body) for event in events] == [
        ("bot-1", "Bot started"),
        ("db-1", "database system is ready"),
        ("bot-1", "Order failed: 42"),
        ("bot-1", "Bye"),
    ]
    failed = events[2]
    assert failed.exception is not None
    assert (failed.logger, failed.exception.type, failed.severity.name) == (
        "app.orders",
        "ValueError",
        "ERROR",
    )


def test_a_childs_own_level_wins_over_the_journals_and_its_traceback_is_one_record() -> None:
    events = sample("journal.log")

    assert [(event.severity.name, event.logger, event.body) for event in events] == [
        ("UNSPECIFIED", "systemd", "Started bot.service - My bot."),
        ("INFO", "bot.core", "feed is 40 s old"),
        ("ERROR", "", ""),
        ("UNSPECIFIED", "systemd", "bot.service: Main process exited, code=exited, status=1/FAILURE"),
    ]
    assert events[2].exception is not None
    assert events[2].exception.type == "RuntimeError"


def test_a_childs_info_line_that_its_supervisor_logs_as_a_warning_is_info() -> None:
    text = (
        "2025-11-20 10:00:01,000 - runner - WARNING - 2025-11-20 10:00:00,900 - child.feed - INFO - tick\n"
        "2025-11-20 10:00:02,000 - runner - WARNING - child is slow"
    )

    first, second = events_of(text)

    assert (first.severity.name, first.logger, first.body) == ("INFO", "child.feed", "tick")
    assert (second.severity.name, second.logger, second.body) == ("WARN", "runner", "child is slow")


def test_a_childs_traceback_told_line_by_line_is_one_record() -> None:
    trace = [
        "Traceback (most recent call last):",
        '  File "/srv/c.py", line 3, in f',
        "    g()",
        "OSError: gone",
    ]
    text = "\n".join(f"2025-11-20 10:00:01,000 - runner - ERROR - {line}" for line in [*trace, "child died"])

    first, second = events_of(text)

    assert first.exception is not None
    assert (first.exception.type, first.origin.lines if first.origin else 0) == ("OSError", 4)
    assert second.body == "child died"


def test_a_rich_console_leaves_the_time_out_and_wraps() -> None:
    events = sample("rich.log")

    assert [(event.timestamp, event.severity.name, event.logger) for event in events] == [
        (TEN, "INFO", "worker"), (TEN, "WARN", "feed"), (TEN + 5 * 10**9, "ERROR", "orders"),
    ]  # fmt: skip
    assert events[1].body == "feed is stale"
    assert "wraps" in events[0].body


def test_other_writers_on_stderr_speak_in_records_of_their_own() -> None:
    events = sample("stderr.log")

    assert [(event.severity.name, event.exception.type if event.exception else "") for event in events] == [
        ("UNSPECIFIED", ""),
        ("WARN", ""),
        ("ERROR", "OSError"),
        ("ERROR", "KeyError"),
        ("FATAL", "Fatal Python error"),
        ("FATAL", ""),
    ]
    assert events[3].body == "Exception in thread feed:"
    assert events[5].body == "Segmentation fault (core dumped)"


def test_a_crash_after_the_last_info_line_is_not_that_lines_traceback() -> None:
    text = (
        "2025-11-20 10:00:00 - bot - INFO - started\n"
        'Traceback (most recent call last):\n  File "/srv/main.py", line 3, in <module>\n    main()\nKeyError: 5'
    )

    started, crash = events_of(text)

    assert started.exception is None
    assert (crash.severity.name, crash.body, crash.timestamp) == ("ERROR", "", TEN)
    assert crash.exception is not None
    assert (crash.exception.type, crash.exception.message) == ("KeyError", "5")
    assert next(iter(crash.lines())) == (0, "Traceback (most recent call last):")


def test_a_traceback_that_an_info_record_carries_stays_with_it() -> None:
    text = (
        "2025-11-20 10:00:00 - bot - INFO - will retry\n"
        'Traceback (most recent call last):\n  File "/srv/main.py", line 3, in fetch\n    get()\nOSError: gone'
    )

    (event,) = events_of(text)

    assert event.exception is not None
    assert (event.severity.name, event.exception.type) == ("INFO", "OSError")


def test_a_record_glued_to_a_progress_bar_is_found() -> None:
    text = (
        "2025-11-20 10:00:00 - bot - INFO - a\n"
        "\r 10%|#   | 1/10 [00:01<00:09]\r 20%|##  | 2/10 [00:02<00:08]2025-11-20 10:00:01 - bot - ERROR - b\n"
        " 30%|### | 3/10\r2025-11-20 10:00:02 - bot - INFO - c"
    )

    assert [event.body for event in events_of(text)] == ["a", "b", "c"]


def test_colours_are_taken_off_also_inside_the_message() -> None:
    (event,) = events_of("\x1b[1m2025-11-20 10:00:00\x1b[0m \x1b[36m[INFO] \x1b[31mred\x1b[0m word\x1b[0m")

    assert event.body == "red word"


def test_a_record_of_thousands_of_lines_keeps_its_head_and_its_tail() -> None:
    lines = [
        "2025-11-20 10:00:00 - bot - ERROR - long",
        *(f"  line {n}" for n in range(2, 3340)),
        "ValueError: last",
    ]

    (event,) = events_of("\n".join(lines))

    assert event.origin is not None
    assert (event.origin.lines, event.origin.cut_after, event.origin.cut_lines) == (3340, 200, 3040)
    kept = list(event.lines())
    assert kept[199] == (199, "  line 200")
    assert kept[200] == (3240, "  line 3241")
    assert kept[-1] == (3339, "ValueError: last")


def test_a_giant_line_is_cut_and_its_secrets_are_masked_before() -> None:
    secret = "sk-proj-" + "A1b2C3d4" * 6
    line = "2025-11-20 10:00:00 - bot - DEBUG - " + "x " * 8100 + f"api_key={secret} " + "y " * 200_000

    (event,) = events_of(line)

    assert len(event.body) < 20_000
    assert "characters cut]" in event.body
    assert secret[:20] not in event.body


def test_naive_times_are_read_in_the_given_zone_and_printed_zones_win() -> None:
    text = "2025-11-20 10:00:00 - bot - INFO - a\n2025-11-20 10:00:00+00:00 - bot - INFO - b"

    naive, printed = events_of(text, timezone="Asia/Seoul")

    assert (naive.timestamp, printed.timestamp) == (TEN - 9 * 3600 * 10**9, TEN)


def test_a_time_without_a_date_is_read_on_the_last_date_and_passes_midnight() -> None:
    text = "2025-11-20 23:59:58 INFO a\n[23:59:59] [INFO] b\n[00:00:01] [INFO] c"

    assert [event.timestamp for event in events_of(text)] == [
        at(2025, 11, 20, 23, 59, 58), at(2025, 11, 20, 23, 59, 59), at(2025, 11, 21, 0, 0, 1),
    ]  # fmt: skip


def test_a_time_without_any_date_is_unknown() -> None:
    assert [event.timestamp for event in events_of("10:00:00 INFO a\n10:00:01 INFO b")] == [0, 0]


def test_a_date_without_a_year_gets_the_newest_plausible_one() -> None:
    lines = ["Nov 30 10:00:00 host app[1]: a", "Feb 01 10:00:00 host app[1]: b"]

    events = list(formats.parse(lines, letter="a", newest_ns=at(2026, 3, 1)))

    assert [event.timestamp for event in events] == [at(2025, 11, 30, 10), at(2026, 2, 1, 10)]


def test_times_beyond_what_can_be_printed_are_held_within_it() -> None:
    """Fault 20: clocks that stand in year 9999 or before 1970 must not break what comes after."""
    texts = [
        "9999-12-31 23:59:59-12:00 INFO a",
        "0001-01-01 00:00:00+12:00 INFO b",
        "1969-12-31 23:00:00Z INFO c",
    ]

    assert [events_of(text)[0].timestamp for text in texts] == [MAX_TIMESTAMP_NS, 0, 0]


def test_plain_text_without_any_head_is_one_record_a_line_with_its_indented_lines() -> None:
    events = events_of("starting\nconfig = {\n  'a': 1,\n}\nready")

    assert [(event.body, event.timestamp) for event in events] == [
        ("starting", 0), ("config = {\n  'a': 1,\n}", 0), ("ready", 0),
    ]  # fmt: skip


def test_a_levels_word_on_the_second_line_of_a_record_stays_there() -> None:
    text = (
        "2025-11-20 10:00:00 - db - ERROR - query failed\nERROR:  relation missing\nLINE 1: SELECT\n"
        "2025-11-20 10:00:01 - db - INFO - next"
    )

    assert [event.body for event in events_of(text)] == [
        "query failed\nERROR:  relation missing\nLINE 1: SELECT", "next",
    ]  # fmt: skip


def test_rows_of_a_table_with_dates_stay_in_their_record() -> None:
    text = (
        "2025-11-20 10:00:00 - bot - DEBUG - candles:\n                  open close\n2025-11-20 09:55:00  1.0  2.0\n"
        "2025-11-20 10:00:00  1.5  2.5\n2025-11-20 10:00:01 - bot - INFO - next"
    )

    assert [event.origin.line for event in events_of(text) if event.origin] == [1, 5]


@given(st.lists(st.text(max_size=60), max_size=40), st.sampled_from(["UTC", "Asia/Seoul"]))
@settings(max_examples=150, deadline=None)
def test_any_text_is_parsed_and_every_line_is_accounted_for(lines: list[str], timezone: str) -> None:
    parser = formats.Parser(letter="a", timezone=timezone)

    events = parser.feed([line.replace("\n", " ") for line in lines]) + parser.close()

    assert sum(event.origin.lines for event in events if event.origin) + parser.blank == len(lines)


PIECES = [
    "2025-11-20 10:00:00,123 - bot - ERROR - x", "Traceback (most recent call last):", '  File "/a.py", line 1, in <module>',
    "    x()", "    ^^^", "ValueError: no", "", "During handling of the above exception, another exception occurred:",
    "[ERROR] y", '{"message": "m", "level": "info"}', '{"log": "a\\n", "stream": "stdout", "time": "2025-11-20T10:00:00Z"}',
    "Nov 20 10:00:00 host app[1]: z", "bot-1  | q", "  + Exception Group Traceback (most recent call last):", "  | ",
    "\x1b[0m", "\r\r", "\x00", "Fatal Python error: Aborted", 'level=info msg="a" time=1', "--- Logging error ---", "}",
    "2025-11-20 10:00:00 ", "│ /a.py:1 in f", "10:00:00 INFO t", "Exception in thread x:", "99999999999999999999 INFO x",
]  # fmt: skip


@given(st.lists(st.sampled_from(PIECES), max_size=60), st.integers(1, 7))
@settings(max_examples=300, deadline=None)
def test_any_order_of_known_lines_is_accounted_for_however_it_arrives(lines: list[str], step: int) -> None:
    parser = formats.Parser(letter="a")
    events = []

    for start in range(0, len(lines), step):
        events += parser.feed(lines[start : start + step])
    events += parser.close()

    assert sum(event.origin.lines for event in events if event.origin) + parser.blank == len(lines)
    assert [event.origin.line for event in events if event.origin] == sorted(
        event.origin.line for event in events if event.origin
    )

# ruff: noqa: E501  a table of log lines is read by the line
"""Logs and stacks of Rust, Go, Java and JavaScript, and of what runs them, are read like Python's own."""

from __future__ import annotations

import datetime as dt
import json
import time
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import obs
from obs.events import Event
from obs.logs import formats, tracebacks
from obs.logs.tracebacks import Frame

TEN = int(dt.datetime(2026, 3, 2, 10, tzinfo=dt.UTC).timestamp()) * 10**9
MILLI = 10**6


def events_of(text: str) -> list[Event]:
    return list(formats.parse(text.split("\n"), letter="a", newest_ns=TEN + 10**15))


def blame(event: Event) -> Frame | None:
    assert event.exception is not None
    return tracebacks.culprit(tracebacks.parse(event.exception.stacktrace))


LINES = [
    # tracing_subscriber::fmt, its spans, file names and thread names; env_logger
    ("2026-03-02T10:00:00.123000Z  INFO grid_bot::feed: connected venue=x", TEN + 123 * MILLI, "INFO", "grid_bot::feed", "connected venue=x"),
    ('2026-03-02T10:00:00.000000Z ERROR tick{symbol="X"}:place{id=4}: grid_bot::orders: rejected', TEN, "ERROR", "grid_bot::orders", "rejected"),
    ("2026-03-02T10:00:00.000000Z  WARN grid_bot::risk: src/risk.rs:17: over", TEN, "WARN", "grid_bot::risk", "over"),
    ("2026-03-02T10:00:00.000000Z  WARN main ThreadId(01) grid_bot::risk: over", TEN, "WARN", "grid_bot::risk", "over"),
    ("[2026-03-02T10:00:00Z ERROR grid_bot::orders] rejected", TEN, "ERROR", "grid_bot::orders", "rejected"),
    # zap's console encoder, slog's handlers, zerolog's console, klog, Go's log package
    ("2026-03-02T10:00:00.000Z\tINFO\tfeed/feed.go:42\tconnected\t{\"n\": 1}", TEN, "INFO", "feed/feed.go", 'connected\t{"n": 1}'),
    ("2026-03-02T19:00:00.000+0900\tERROR\torders\torders/place.go:88\trejected", TEN, "ERROR", "orders", "rejected"),
    ("time=2026-03-02T19:00:00.000+09:00 level=WARN msg=slow n=1", TEN, "WARN", "", "slow"),
    ("time=2026-03-02T10:00:00Z level=ERROR+4 msg=worse", TEN, "ERROR", "", "worse"),
    ("2026/03/02 10:00:00 ERROR rejected err=no", TEN, "ERROR", "", "rejected err=no"),
    ("2026-03-02T10:00:00Z ERR orders.go:88 > rejected", TEN, "ERROR", "", "orders.go:88 > rejected"),
    ("E0302 10:00:00.000000       7 orders.go:88] \"rejected\" err=\"no\"", TEN, "ERROR", "orders.go", '"rejected" err="no"'),
    # log4j, logback, Spring Boot 2 and 3, slf4j-simple
    ("2026-03-02 10:00:00,000 ERROR [t-1] com.acme.Orders - rejected", TEN, "ERROR", "com.acme.Orders", "rejected"),
    ("2026-03-02 10:00:00.000 [t-1] ERROR c.a.Orders - rejected", TEN, "ERROR", "c.a.Orders", "rejected"),
    ("2026-03-02T10:00:00.000Z ERROR 7 --- [bot] [ t-1] c.a.Orders   : rejected", TEN, "ERROR", "c.a.Orders", "rejected"),
    ("[main] ERROR com.acme.Orders - rejected", 0, "ERROR", "com.acme.Orders", "rejected"),
    # pino-pretty; winston's simple and printf layouts
    ("[2026-03-02 10:00:00.000 +0000] WARN (bot/4711 on nas): slow", TEN, "WARN", "bot", "slow"),
    ("2026-03-02T10:00:00.000Z error: rejected", TEN, "ERROR", "", "rejected"),
    ("2026-03-02T10:00:00.000Z [warn]: slow", TEN, "WARN", "", "slow"),
    ('error: rejected {"code":-2010}', 0, "ERROR", "", 'rejected {"code":-2010}'),
    # Redis beside a bot
    ("1:M 02 Mar 2026 10:00:00.000 # Memory overcommit", TEN, "WARN", "", "Memory overcommit"),
    ("1:M 02 Mar 2026 10:00:00.000 * Ready to accept connections", TEN, "INFO", "", "Ready to accept connections"),
]  # fmt: skip


@pytest.mark.parametrize(
    ("line", "at", "severity", "logger", "body"), LINES, ids=[row[0][:50] for row in LINES]
)
def test_a_line_of_another_languages_library_gives_time_level_logger_and_message(
    line: str, at: int, severity: str, logger: str, body: str
) -> None:
    (event,) = events_of(line)

    assert (event.timestamp, event.severity.name, event.logger, event.body) == (at, severity, logger, body)


OBJECTS: list[tuple[dict[str, Any], str, str, str, dict[str, Any]]] = [
    (
        {"timestamp": "2026-03-02T10:00:00Z", "level": "ERROR", "fields": {"message": "rejected", "id": 4}, "target": "bot::orders", "spans": [{"name": "tick"}, {"name": "place"}]},
        "ERROR", "bot::orders", "rejected", {"id": 4, "spans": "tick:place"},
    ),
    ({"time": "2026-03-02T10:00:00.0Z", "level": "WARN", "msg": "slow", "n": 1}, "WARN", "", "slow", {"n": 1}),
    ({"level": "dpanic", "ts": TEN / 1e9, "msg": "odd"}, "FATAL", "", "odd", {}),
    ({"level": "info", "time": TEN // 10**9, "message": "up"}, "INFO", "", "up", {}),
    ({"name": "bot", "level": 40, "msg": "slow", "time": "2026-03-02T10:00:00.000Z", "pid": 1, "v": 0}, "WARN", "bot", "slow", {"pid": 1, "v": 0}),
    ({"instant": {"epochSecond": TEN // 10**9, "nanoOfSecond": 0}, "level": "WARN", "loggerName": "c.a.Feed", "message": "slow"}, "WARN", "c.a.Feed", "slow", {}),
]  # fmt: skip


@pytest.mark.parametrize(
    ("row", "severity", "logger", "body", "attributes"),
    OBJECTS,
    ids=["tracing", "slog", "zap", "zerolog", "bunyan", "log4j2"],
)
def test_json_of_another_languages_library_is_understood(
    row: dict[str, Any], severity: str, logger: str, body: str, attributes: dict[str, Any]
) -> None:
    (event,) = events_of(json.dumps(row))

    assert (event.timestamp, event.severity.name, event.logger, event.body) == (TEN, severity, logger, body)
    assert event.attributes == attributes


RUST = """\
thread 'main' panicked at src/main.rs:42:14:
called `Result::unwrap()` on an `Err` value: InsufficientFunds { need: 12.5 }
stack backtrace:
   0: rust_begin_unwind
             at /rustc/9fc6b43126469e3858e2fe86cafb4f0fd5068869/library/std/src/panicking.rs:665:5
   1: core::result::unwrap_failed
             at /rustc/9fc6b43126469e3858e2fe86cafb4f0fd5068869/library/core/src/result.rs:1679:5
   2: grid_bot::orders::place
             at ./src/orders.rs:88:9
   3: grid_bot::main
             at ./src/main.rs:42:14
   4: tokio::runtime::park
             at /home/me/.cargo/registry/src/index.crates.io-6f17d22bba15001f/tokio-1.36.0/src/runtime/park.rs:3:1
note: run with `RUST_BACKTRACE=full` for a verbose backtrace."""
RUST_BARE = """\
thread 'tokio-runtime-worker' (77) panicked at src/book.rs:71:9:
index out of bounds: the len is 3 but the index is 7
note: run with `RUST_BACKTRACE=1` environment variable to display a backtrace"""
RUST_OLD = "thread 'main' panicked at 'no price', src/book.rs:71:9\nnote: run with `RUST_BACKTRACE=1`"
GO = """\
panic: runtime error: invalid memory address or nil pointer dereference
[signal SIGSEGV: segmentation violation code=0x1 addr=0x8 pc=0x4a5f3e]

goroutine 1 [running]:
runtime.panicmem(...)
\t/usr/local/go/src/runtime/panic.go:260
github.com/adshao/go-binance/v2.(*Client).do(0xc0000b4000)
\t/root/go/pkg/mod/github.com/adshao/go-binance/v2@v2.4.0/client.go:88 +0x1e
main.(*Engine).place(0xc0000b4000, {0x5123ab, 0x7})
\t/home/trader/bot/engine.go:88 +0x1e
main.main()
\t/home/trader/bot/main.go:23 +0x85

goroutine 18 [chan receive]:
main.feed(0xc000010000)
\t/home/trader/bot/feed.go:61 +0x2a
created by main.main in goroutine 1
\t/home/trader/bot/main.go:20 +0x3b
exit status 2"""
GO_MAP = "fatal error: concurrent map writes\n\ngoroutine 34 [running]:\nbot/strategy.(*Book).update(...)\n\t/app/strategy/book.go:55\nbot/strategy.Run(0xc00001c0c0)\n\t/app/strategy/run.go:20 +0x5f"
JAVA = """\
java.lang.IllegalStateException: order failed
\tat com.acme.bot.OrderService.place(OrderService.java:88) ~[bot.jar:1.2]
\tat java.base/java.lang.Thread.run(Thread.java:840)
\tSuppressed: java.io.IOException: closed
\t\tat com.acme.bot.Ws.close(Ws.java:12)
Caused by: java.net.ConnectException: Connection refused
\tat java.base/sun.nio.ch.Net.pollConnect(Native Method)
\tat com.acme.bot.Exchange.send(Exchange.java:61)
\t... 2 more"""
NODE = """\
TypeError: Cannot read properties of undefined (reading 'price')
    at handleErrors (/app/node_modules/ccxt/js/src/binance.js:123:19)
    at OrderService.place (/app/src/orders.js:88:11)
    at async Bot.tick (file:///app/src/bot.mjs:42:5)
    at /app/dist/start.js:12:3
    at process.processTicksAndRejections (node:internal/process/task_queues:95:5) {
  code: 'EBALANCE'
}"""

STACKS = [
    ("rust", RUST, "panic", "called `Result::unwrap()` on an `Err` value: InsufficientFunds { need: 12.5 }", ("./src/orders.rs", 88, "grid_bot::orders::place")),
    ("rust without frames", RUST_BARE, "panic", "index out of bounds: the len is 3 but the index is 7", ("src/book.rs", 71, "thread tokio-runtime-worker")),
    ("rust before 1.73", RUST_OLD, "panic", "no price", ("src/book.rs", 71, "thread main")),
    ("go", GO, "panic", "runtime error: invalid memory address or nil pointer dereference", ("/home/trader/bot/engine.go", 88, "main.(*Engine).place")),
    ("go's runtime", GO_MAP, "fatal error", "concurrent map writes", ("/app/strategy/book.go", 55, "strategy.(*Book).update")),
    ("java, cause first", JAVA, "java.net.ConnectException", "Connection refused", ("Exchange.java", 61, "com.acme.bot.Exchange.send")),
    ("node", NODE, "TypeError", "Cannot read properties of undefined (reading 'price')", ("/app/src/orders.js", 88, "OrderService.place")),
]  # fmt: skip


@pytest.mark.parametrize(
    ("text", "kind", "message", "place"), [row[1:] for row in STACKS], ids=[row[0] for row in STACKS]
)
def test_a_stack_names_what_was_raised_first_and_the_programs_own_frame(
    text: str, kind: str, message: str, place: tuple[str, int, str]
) -> None:
    blocks = tracebacks.parse(text)

    assert (blocks[0].type, blocks[0].message) == (kind, message)
    frame = tracebacks.culprit(blocks)
    assert frame is not None
    assert (frame.file, frame.line, frame.function) == place


@pytest.mark.parametrize("text", [row[1] for row in STACKS], ids=[row[0] for row in STACKS])
def test_a_crash_after_the_last_log_line_is_a_record_of_its_own_with_all_its_lines(text: str) -> None:
    log = "2026-03-02 10:00:00 INFO up\n2026-03-02 10:00:01 INFO tick\n"

    *_, last = events_of(
        log + ('Exception in thread "main" ' if text is JAVA else "Uncaught " if text is NODE else "") + text
    )

    assert last.exception is not None
    assert last.severity.name in ("ERROR", "FATAL")
    assert last.origin is not None
    assert (last.origin.line, last.origin.lines) == (3, len(text.split("\n")))
    assert blame(last) is not None


@pytest.mark.parametrize(
    ("text", "kind", "message", "place"),
    [
        ("2026-03-02 10:00:00,000 ERROR [t-1] c.a.Orders - rejected\n" + JAVA, "java.lang.IllegalStateException", "order failed", ("Exchange.java", 61)),
        ("2026-03-02T10:00:00.000Z\tERROR\torders/place.go:88\trejected\t{\"error\": \"no funds\"}\nmain.(*Engine).place\n\t/home/trader/bot/engine.go:90\nruntime.main\n\t/usr/local/go/src/runtime/proc.go:250", "error", "no funds", ("/home/trader/bot/engine.go", 90)),
        ("2026-03-02T10:00:00.000Z error: tick failed: Error [ERR_NO]: no funds\n    at place (/app/src/orders.js:88:11)", "Error", "no funds", ("/app/src/orders.js", 88)),
        ('[10:00:00.000] ERROR (7): rejected\n    err: {\n      "type": "NoFunds",\n      "message": "no funds",\n      "stack":\n          NoFunds: no funds\n              at place (/app/src/orders.js:88:11)\n    }', "NoFunds", "no funds", ("/app/src/orders.js", 88)),
        (json.dumps({"level": "error", "ts": 1.0, "msg": "rejected", "error": "no funds", "stacktrace": "main.place\n\t/home/trader/bot/engine.go:90"}), "error", "no funds", ("/home/trader/bot/engine.go", 90)),
        (json.dumps({"level": 50, "time": 1, "pid": 1, "hostname": "h", "msg": "x", "err": {"type": "NoFunds", "message": "no funds", "stack": "NoFunds: no funds\n    at place (/app/src/orders.js:88:11)"}}), "NoFunds", "no funds", ("/app/src/orders.js", 88)),
        (json.dumps({"level": "error", "message": "x", "timestamp": "2026-03-02T10:00:00Z", "stack": "Error: no funds\n    at place (/app/src/orders.js:88:11)"}), "Error", "no funds", ("/app/src/orders.js", 88)),
        (json.dumps({"@timestamp": "2026-03-02T10:00:00Z", "level": "ERROR", "message": "x", "stack_trace": "java.lang.Error: no funds\n\tat c.a.Orders.place(Orders.java:8)\n"}), "java.lang.Error", "no funds", ("Orders.java", 8)),
        (json.dumps({"instant": {"epochSecond": 1}, "level": "ERROR", "message": "x", "thrown": {"name": "java.lang.Error", "message": "no funds", "extendedStackTrace": [{"class": "c.a.Orders", "method": "place", "file": "Orders.java", "line": 8}]}}), "java.lang.Error", "no funds", ("Orders.java", 8)),
    ],
    ids=["log4j", "zap console", "winston", "pino-pretty", "zap", "pino", "winston json", "logstash", "log4j2"],
)  # fmt: skip
def test_an_exception_below_or_inside_a_record_belongs_to_it(
    text: str, kind: str, message: str, place: tuple[str, int]
) -> None:
    (event,) = events_of(text)

    assert event.exception is not None
    assert (event.exception.type, event.exception.message) == (kind, message)
    frame = blame(event)
    assert frame is not None
    assert (frame.file, frame.line) == place


def test_libraries_and_runtimes_of_other_languages_are_never_blamed() -> None:
    foreign = [
        "x\n\tat java.base/java.lang.Thread.run(Thread.java:840)\n\tat org.springframework.web.X.y(X.java:1)",
        "Error: x\n    at f (/app/node_modules/ws/lib/websocket.js:9:1)\n    at g (node:events:514:28)",
        "panic: x\n\ngoroutine 1 [running]:\nnet/http.(*conn).serve(0x1)\n\tnet/http/server.go:2009 +0x5f\na.b()\n\t/go/pkg/mod/a@v1.2.3/b.go:1",
    ]

    assert [tracebacks.culprit(tracebacks.parse(text)) for text in foreign] == [None, None, None]


def test_the_two_lines_of_java_util_logging_are_one_record() -> None:
    first, second = events_of(
        "Mar 02, 2026 10:00:00 AM com.acme.Feed connect\nINFO: up\nMar 02, 2026 10:00:00 AM com.acme.Orders place\nSEVERE: rejected"
    )

    assert (first.severity.name, first.logger, first.body, first.timestamp) == (
        "INFO",
        "com.acme.Feed",
        "up",
        TEN,
    )
    assert (second.severity.name, second.logger, second.body) == ("ERROR", "com.acme.Orders", "rejected")


def test_a_line_that_a_container_runtime_cut_is_put_together_again() -> None:
    (event,) = events_of(
        "2026-03-02T10:00:00.1Z stderr P 2026-03-02 10:00:00,000 - bot - ERROR - rej\n"
        "2026-03-02T10:00:00.1Z stderr F ected"
    )

    assert (event.severity.name, event.body) == ("ERROR", "rejected")


COMPOSE = """\
Attaching to bot-1, redis-1
redis-1     | 1:M 02 Mar 2026 10:00:00.100 * Ready to accept connections tcp
bot-1       | 2026-03-02 10:00:01,123 - bot.feed - INFO - connected
bot-1       | {"level":"warn","ts":1772445602.0,"msg":"slow"}
bot-1       | 2026-03-02 10:00:02,123 - bot.feed - INFO - tick
bot-1 exited with code 137
redis-1 exited with code 0"""


def test_what_compose_says_of_a_containers_end_is_the_end_of_that_process() -> None:
    *_, slow, _tick, end, side = events_of(COMPOSE)

    assert (slow.body, slow.service) == ("slow", "bot-1")
    assert (end.event_name, end.service, end.severity.name) == ("process.exited", "bot-1", "ERROR")
    assert end.attributes == {"process.exit_code": 137, "process.signal": "SIGKILL"}
    assert side.event_name == ""


def test_a_data_base_beside_the_bot_is_no_bot() -> None:
    snapshot = obs.analyze(COMPOSE.split("\n"))

    assert snapshot.bots == ("bot-1",)
    (end,) = snapshot.ends
    assert (end.service, end.exit_code, end.signal) == ("bot-1", 137, "SIGKILL")


def test_lines_of_a_crash_without_a_message_are_quoted_under_their_own_numbers() -> None:
    text = ["starting", "", *NODE.split("\n")]

    snapshot = obs.analyze(text)

    quoted = {item.id: item.text for item in snapshot.issues[0].evidence}
    assert quoted == {name: text[int(name.removeprefix("a:")) - 1] for name in quoted}
    assert "a:5" in quoted


def test_a_panic_is_an_issue_of_the_bots_code_that_names_the_place() -> None:
    snapshot = obs.analyze(("2026/03/02 10:00:00 starting\n" + GO).split("\n"))

    issue = snapshot.issues[0]
    assert issue.category.value == "CODE"
    assert issue.fix_in.startswith("code: /home/trader/bot/engine.go line 88")
    assert any("engine.go:88" in item.text for item in issue.evidence)


PIECES = [line for row in STACKS for line in row[1].split("\n")]


@given(st.lists(st.one_of(st.sampled_from(PIECES), st.text(max_size=30)), max_size=40))
@settings(max_examples=150, deadline=None)
def test_any_mixture_of_their_lines_is_read_and_accounted_for(lines: list[str]) -> None:
    flat = [part for line in lines for part in line.split("\n")]
    parser = formats.Parser(letter="a")

    events = parser.feed(flat) + parser.close()

    assert sum(event.origin.lines for event in events if event.origin) + parser.blank == len(flat)


@pytest.mark.parametrize(
    "piece", ["a.", "(", "at f (", "x.y(", "thread '", " [as ", "A_", "::", "{}", "/a:1", "panic: "]
)
def test_no_line_takes_longer_than_in_proportion(piece: str) -> None:
    lines = [piece * (16_000 // len(piece)), "\tat " + piece * (16_000 // len(piece)), "\t/x.go:1"]

    started = time.process_time()
    tracebacks.parse("\n".join(lines))
    tracebacks.first_line(lines)

    assert time.process_time() - started < 1

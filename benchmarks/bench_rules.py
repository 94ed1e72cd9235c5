"""What asking the rules costs a line, beside the same rules tried one by one with `re`.

`pytest benchmarks/bench_rules.py -s` prints the time a line takes and the ratio; it fails if answers differ.
"""

from __future__ import annotations

import functools
import re
import time
from collections.abc import Callable, Sequence

import pytest

from obs import rules
from obs.events import Event, Severity
from obs.rules.matching import is_source_code, text_of
from obs.rules.ruleset import RuleSet

LINES = 6_000
QUIET = (
    "Bot heartbeat. PID=10, version='2026.9', state='RUNNING' {n}",
    "Analyzing candle {n} of KRW-BTC: close 143{n}500 rsi 41.{n} macd -12.{n}",
    "Order {n} BUY 0.05 BTC/USDT at 61{n}.5 filled, fee 0.0{n}",
    'http://127.0.0.1:8101 "GET /api/v3/depth?symbol=ETHBTC&limit={n} HTTP/1.1" 200 281',
    "<--[EVT] OrderAccepted(instrument_id=GBP/USD.SIM, client_order_id=O-2012-{n}, ts_event=13280565{n})",
)
TROUBLE = (
    'binance {{"code":-2015,"msg":"Invalid API-key, IP, or permissions for action."}} call {n}',
    "ConnectionResetError: [Errno 104] Connection reset by peer {n}",
    "sqlite3.OperationalError: database is locked {n}",
    "KeyError: 'close_{n}'",
)


@pytest.fixture(scope="module")
def lines() -> list[str]:
    """One line in six is trouble, as in a bad hour; no two lines are equal."""
    shapes = (*QUIET, *QUIET, *QUIET, *QUIET, *TROUBLE)
    return [shapes[n % len(shapes)].format(n=n) for n in range(LINES)]


def test_rules_answer_like_re_one_by_one_and_many_times_faster(lines: Sequence[str]) -> None:
    known = rules.load()
    fresh = RuleSet(known.rules, cached=0)
    plain = RuleSet(known.rules, cached=0, native=False)
    events = [Event(timestamp=1, severity=Severity.ERROR, body=line) for line in lines]

    one_by_one(known, events[0])  # compiles
    by_re, re_seconds = timed(lambda: [one_by_one(known, event) for event in events[: LINES // 10]])
    by_rules, seconds = timed(lambda: [ids(fresh, event) for event in events])
    by_plain, plain_seconds = timed(lambda: [ids(plain, event) for event in events])
    by_memory, known_seconds = timed(lambda: [ids(known, event) for event in events])

    assert by_rules == by_plain == by_memory
    assert [found[:1] for found in by_rules[: LINES // 10]] == [found[:1] for found in by_re]
    base = re_seconds / (LINES // 10)
    print(f"\n{len(known)} rules, {LINES} lines")
    for name, took in (("native", seconds), ("remembering", known_seconds), ("pure Python", plain_seconds)):
        print(
            f"  {name:12} {took / LINES * 1e6:8.1f} us a line, {base / (took / LINES):6.1f} x re one by one"
        )
    assert base / (seconds / LINES) > 8


def one_by_one(known: RuleSet, event: Event) -> list[str]:
    """Try every pattern of every rule on every line: what a first version would do."""
    text = text_of(event)
    lowered = text.lower()
    fits = [
        compiled.rule
        for compiled in known.compiled
        if compiled.may_speak(event, lowered) and any(_fits(compiled.rule, line) for line in _said(text))
    ]
    noise = max((rule.weight for rule in fits if rule.role == "noise"), default=-1)
    heard = [rule for rule in fits if rule.role != "noise"]
    if noise >= max((rule.weight for rule in heard), default=-1):
        heard = [rule for rule in fits if rule.role == "noise"]
    return [rule.id for rule in sorted(heard, key=lambda r: (r.role != "cause", -r.weight, r.id))]


def _said(text: str) -> list[str]:
    lines = text.split("\n")
    return [line for index, line in enumerate(lines) if not is_source_code(lines, index)]


def _fits(rule: rules.Rule, line: str) -> bool:
    return any(_ready(pattern).search(line) for pattern in rule.patterns) and not any(
        _ready(pattern).search(line) for pattern in rule.exclude
    )


@functools.cache
def _ready(pattern: str) -> re.Pattern[str]:
    return re.compile(pattern, re.IGNORECASE | re.ASCII)


def ids(known: RuleSet, event: Event) -> list[str]:
    return [match.rule.id for match in known.match(event)]


def timed(work: Callable[[], list[list[str]]]) -> tuple[list[list[str]], float]:
    started = time.process_time()
    result = work()
    return result, time.process_time() - started

"""What asking the rules costs a line, beside the same rules tried one by one with `re`.

`pytest benchmarks/bench_rules.py -s` prints the time a line takes and the ratio; it fails if answers differ,
on lines made here and on those of the log collections.
"""

from __future__ import annotations

import functools
import json
import os
import re
import time
from collections.abc import Callable, Sequence
from pathlib import Path

import pytest

from obs import rules, sources
from obs.events import Event, Severity
from obs.logs import formats
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


@pytest.fixture(scope="module")
def known() -> RuleSet:
    return rules.load()


def test_rules_answer_like_re_one_by_one_and_many_times_faster(known: RuleSet, lines: Sequence[str]) -> None:
    fresh = RuleSet(known.rules, cached=0)
    plain = RuleSet(known.rules, cached=0, native=False)
    events = [Event(timestamp=1, severity=Severity.ERROR, body=line) for line in lines]

    one_by_one(known, events[0])  # compiles
    by_re, re_seconds = timed(lambda: [one_by_one(known, event) for event in events[: LINES // 10]])
    by_rules, seconds = timed(lambda: [ids(fresh, event) for event in events])
    by_plain, plain_seconds = timed(lambda: [ids(plain, event) for event in events])
    by_memory, _ = timed(lambda: [ids(known, event) for event in events])
    _, known_seconds = timed(lambda: [ids(known, event) for event in events])

    assert by_rules == by_plain == by_memory
    assert by_rules[: LINES // 10] == by_re
    base = re_seconds / (LINES // 10)
    print(f"\n{len(known)} rules, {LINES} lines")
    for name, took in (("native", seconds), ("seen before", known_seconds), ("pure Python", plain_seconds)):
        print(
            f"  {name:12} {took / LINES * 1e6:8.1f} us a line, {base / (took / LINES):6.1f} x re one by one"
        )
    assert base / (seconds / LINES) >= 30
    assert base / (plain_seconds / LINES) >= 8


def test_rules_answer_like_re_one_by_one_on_real_logs(known: RuleSet) -> None:
    """Every twentieth record of the recorded bots, and every record of the labelled snippets."""
    corpus = Path(os.environ.get("OBS_CORPUS_DIR", "../shared/data"))
    if not corpus.is_dir():
        pytest.skip(f"no log collections at {corpus}: set OBS_CORPUS_DIR")
    plain = RuleSet(known.rules, cached=0, native=False)
    texts = [
        json.loads(row)["text"].split("\n")
        for row in (corpus / "snippets_dev.jsonl").read_text(encoding="utf-8").splitlines()
    ]
    events = [event for text in texts for event in formats.parse(text, letter="a")]
    for path in sorted((corpus / "bots").glob("freqtrade_*.log.gz")):
        events += [event for event in list(sources.read(path, letter="a"))[::20] if len(event.body) < 2_000]

    differing = []
    for event in events:
        found = ids(known, event)
        if found != ids(plain, event) or found != one_by_one(known, event):
            differing.append((event.body[:150], found, one_by_one(known, event)))

    print(f"\n{len(events)} records of real logs, {len(differing)} answers differ")
    assert differing == []


def one_by_one(known: RuleSet, event: Event) -> list[str]:
    """Try every pattern of every rule on every line: what a first version would do; ranked as ours are."""
    text = text_of(event)
    lowered = text.lower()
    lines = text.split("\n")
    said = [index for index in range(len(lines)) if not is_source_code(lines, index)]
    fits = [
        (number, line, 0)
        for number, compiled in enumerate(known.compiled)
        if compiled.may_speak(event, lowered)
        and (line := next((index for index in said if _fits(compiled.rule, lines[index])), -1)) >= 0
    ]
    noise = [found for found in fits if known.rules[found[0]].role == "noise"]
    heard = [found for found in fits if known.rules[found[0]].role != "noise"]
    return [known.rules[number].id for number, _, _ in known._ranked(heard, noise, event.severity)]


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

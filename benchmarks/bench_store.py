"""What the history costs: rows written beside State, the disk they take, and how fast questions are answered.

`OBS_BENCH_STORE_EVENTS=5000000 pytest benchmarks/bench_store.py -s -p no:logging` is the run of the goals;
without it a small one shows that it works. `OBS_BENCH_STORE=postgresql://…` measures a server.
"""

from __future__ import annotations

import os
import random
import statistics
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path

import pytest

from obs.events import Event, Severity
from obs.history.chronicle import Chronicle
from obs.history.queries import History
from obs.keeping.store import Change, Store

EVENTS = int(os.environ.get("OBS_BENCH_STORE_EVENTS", "200000"))
PER_SECOND = 60
"""Of the bots' clock: five million events are a day."""
COMMIT = 5_000
"""Events of one transaction: a quarter of a second at 20,000 a second."""
GOAL_MS = 50.0
SLACK = float(os.environ.get("OBS_BENCH_SLACK", "1.3"))
START = 1_763_596_800_000_000_000
STATE = random.Random(1).randbytes(200_000)
"""What a State of some bots weighs; it is written in each transaction."""
BOTS = ("grid-1", "grid-2", "momentum", "arbitrage")
PARTS = ("bot.strategy", "bot.risk", "exchange.rest", "exchange.stream", "llm.analyst", "bot.loop")
PAIRS = ("BTC/USDT", "ETH/USDT", "SOL/USDT", "XRP/USDT", "ADA/USDT")
WORDS = (
    "balance",
    "margin",
    "timeout",
    "retry",
    "spread",
    "candle",
    "signal",
    "position",
    "filled",
    "rejected",
)
QUESTIONS: dict[str, Callable[[History, int], object]] = {
    "search, a common word": lambda history, now: history.search("order", limit=100),
    "search, two words": lambda history, now: history.search("rejected margin", limit=100),
    "search, a rare word": lambda history, now: history.search("needle", limit=100),
    "search, word of a bot's trouble": lambda history, now: history.search(
        "timeout", service="grid-2", least_severity=Severity.ERROR, limit=100
    ),
    "newest without words": lambda history, now: history.search(limit=100),
    "newest of one bot's hour": lambda history, now: history.search(
        service="momentum", since=now - 3_600_000_000_000, limit=100
    ),
    "counts of 24 h by minute": lambda history, now: history.series(24, now=now),
    "counts of 24 h of one bot": lambda history, now: history.series(
        24, now=now, minutes=15, service="grid-1"
    ),
    "trades of a day": lambda history, now: history.trades(since=now - 86_400_000_000_000, limit=200),
    "calls of an hour": lambda history, now: history.llm_calls(since=now - 3_600_000_000_000, limit=200),
    "agents by day": lambda history, now: history.agent_days(),
}


def told(numbers: range, dice: random.Random) -> Iterator[Event]:
    """The loud ones of a second's records: orders, a model call, warnings, now and then a trade."""
    for number in numbers:
        kind = number % PER_SECOND
        at = START + number * 1_000_000_000 // PER_SECOND
        bot, pair = dice.choice(BOTS), dice.choice(PAIRS)
        more: dict[str, object] = {}
        name, body, severity = "", "", Severity.INFO
        if kind in (3, 33):
            name, body = "order.filled", f"order {number} filled on {pair}"
            more = {"order.id": f"o{number}", "symbol": pair, "order.quantity": "0.01"}
        elif kind == 13:
            name, body = "llm.called", "asked"
            more = {"gen_ai.agent.name": dice.choice(("analyst", "risk")), "gen_ai.request.model": "own"}
            more |= {"llm.cost": "0.0013", "llm.cost_currency": "USD", "gen_ai.usage.input_tokens": 900}
        elif kind in (23, 43):
            severity = Severity.WARN if kind == 23 else Severity.ERROR
            word = "needle" if number % 2_000_000 == 1_999_963 else dice.choice(WORDS)
            body = f"{word} {dice.choice(WORDS)} of {pair} after {number % 997} ms"
        elif kind == 53 and number // PER_SECOND % 20 == 0:
            name, body = "trade.closed", f"closed {pair}"
            more = {"trade.id": f"t{number}", "pnl.net": str(dice.randint(-999, 999)), "currency": "USDT"}
        else:
            continue
        yield Event(
            timestamp=at,
            severity=severity,
            body=body,
            logger=dice.choice(PARTS),
            event_name=name,
            attributes=more,  # type: ignore[arg-type]
            resource={"service.name": bot},
            uid=f"bench-{number}",
        )


def fold(chronicle: Chronicle, numbers: range, dice: random.Random) -> None:
    """Tell the chronicle what an analyzer would: most records only count."""
    loud = 0
    for event in told(numbers, dice):
        loud += 1
        issue = f"{hash(event.logger) & 0xFFFF:016x}" if event.severity >= Severity.WARN else ""
        chronicle.heard(event, event.service, [issue] if issue else [])
    quiet = len(numbers) - loud
    times = [START + number * 1_000_000_000 // PER_SECOND for number in numbers[:quiet]]
    share = max(1, quiet // (len(BOTS) * len(PARTS)))
    for index, (bot, part) in enumerate((bot, part) for bot in BOTS for part in PARTS):
        mine = times[index * share : (index + 1) * share]
        if mine:
            chronicle.counted(mine, Severity.INFO, part, bot)
    rest = times[share * len(BOTS) * len(PARTS) :]
    if rest:
        chronicle.counted(rest, Severity.INFO, PARTS[0], BOTS[0])


def asked(history: History, now: int, seconds: float) -> dict[str, list[float]]:
    """Ask every question again and again; return the milliseconds of each answer."""
    found: dict[str, list[float]] = {name: [] for name in QUESTIONS}
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline or not all(found.values()):
        for name, question in QUESTIONS.items():
            began = time.perf_counter()
            question(history, now)
            found[name].append((time.perf_counter() - began) * 1_000)
    return found


def print_answers(title: str, found: dict[str, list[float]]) -> None:
    for name, times in found.items():
        times.sort()
        p50, p99 = statistics.median(times), times[min(len(times) - 1, int(len(times) * 0.99))]
        print(f"  {title:14} {name:32} p50 {p50:7.1f} ms  p99 {p99:7.1f} ms  of {len(times)}")


@pytest.fixture
def where(tmp_path: Path) -> Path | str:
    return os.environ.get("OBS_BENCH_STORE") or tmp_path / "obs.db"


def test_what_the_history_of_many_events_costs(where: Path | str) -> None:
    dice = random.Random(3)
    chronicle = Chronicle(clock=time.time_ns)
    folding = storing = cpu = 0.0
    answers: dict[str, list[float]] = {}
    with Store(where) as store, closing(History(where)) as history:
        saves: list[float] = []
        last = EVENTS * 4 // 5 // COMMIT * COMMIT

        def ask() -> None:
            now = START + EVENTS * 1_000_000_000 // PER_SECOND
            answers.update(asked(history, now, 5.0))

        asker = threading.Thread(target=ask)
        for start in range(0, EVENTS, COMMIT):
            if start == last:
                # The last fifth is written while somebody asks.
                asker.start()
            began, used = time.perf_counter(), time.thread_time()
            fold(chronicle, range(start, min(start + COMMIT, EVENTS)), dice)
            folded = time.perf_counter()
            store.save(Change(state=STATE, checkpoints={"spool": {"at": start}}, rows=chronicle.pending()))
            chronicle.stored()
            saves.append(time.perf_counter() - folded)
            folding += folded - began
            storing += saves[-1]
            cpu += time.thread_time() - used
        asker.join()
        size = store.size()
        covered = history.coverage()
        quiet = asked(history, START + EVENTS * 1_000_000_000 // PER_SECOND, 2.0)

    saves.sort()
    p50, p99 = statistics.median(saves) * 1e3, saves[int(len(saves) * 0.99)] * 1e3
    rate, each = EVENTS / (folding + storing), 1e6 / EVENTS
    print(
        f"\n{EVENTS:,} events in {folding + storing:.1f} s: {rate:,.0f} a second (chronicle"
        f" {folding * each:.2f} us, store {storing * each:.2f} us an event, CPU of both {cpu * each:.2f} us;"
        f" a transaction p50 {p50:.0f} ms, p99 {p99:.0f} ms)"
        f"\ndisk {size / 2**20:,.0f} MiB, {size / EVENTS:.0f} bytes an event;"
        f" {covered.kept:,} of {covered.counted:,} can be looked up"
    )
    print_answers("at rest", quiet)
    print_answers("while writing", answers)
    assert covered.counted == EVENTS
    for name, times in quiet.items():
        assert statistics.median(times) <= GOAL_MS * SLACK, name

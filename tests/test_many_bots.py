"""A fleet of many bots: what makes it cheap to look at changes nothing of what is seen."""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from obs import rules, trails
from obs.analysis import Analyzer
from obs.books.facts import BotFacts
from obs.events import Event, ExceptionInfo, Severity
from obs.hazards import intruders
from obs.insight import effects, incidents, proofs
from obs.snapshot import Issue, Snapshot
from obs.state import State
from tests.scenarios.test_life_of_incidents import outage_of_five_bots

RULES = rules.load()
NOW = 1_763_632_800_000_000_000
MINUTE = 60_000_000_000
ORDER = {"symbol": "BTC/USDT", "side": "buy", "exchange.id": "binance"}
CALL = {"exchange.id": "binance", "http.route": "/api/v3/depth"}
WORDS: list[tuple[str, dict[str, Any]]] = [
    ("bot.heartbeat", {}),
    ("candle.received", {"symbol": "BTC/USDT", "exchange.id": "binance"}),
    ("order.submitted", {"order.id": "7", **ORDER}),
    ("order.submitted", {"order.id": "8", "account.id": "main", **ORDER}),
    ("order.filled", {"order.id": "8", "account.id": "main", **ORDER}),
    ("order.filled", {"order.id": "zz", "account.id": "main", **ORDER}),
    ("order.rejected", {"order.id": "7", "order.reason": "insufficient balance", **ORDER}),
    ("position.opened", {"position.id": "p", "position.quantity": "1", **ORDER}),
    ("signal.generated", {"signal.id": "s", "symbol": "BTC/USDT", "cause.id": "c"}),
    ("process.exited", {"process.exit.code": 1}),
    ("api.requested", {"http.response.status_code": 200, **CALL}),
    ("api.requested", {"http.response.status_code": 503, "error.type": "server", **CALL}),
    ("api.requested", {"http.response.status_code": 401, "error.type": "auth", **CALL}),
]
LINES = (
    "ccxt.base.errors.NetworkError: binance GET https://api.binance.com/api/v3/time timed out",
    "binance GET https://api.binance.com/api/v3/depth 503 Service Unavailable",
    "order 7 failed: insufficient balance",
    "requests.exceptions.ConnectionError: Name or service not known api.binance.com",
    "something nobody has a rule for went wrong",
    "sqlite3.OperationalError: database is locked",
)


def code_of(number: int) -> ExceptionInfo:
    trace = f'Traceback (most recent call last):\n  File "bot{number}.py", line 3, in f\n    x\nKeyError: 1'
    return ExceptionInfo("KeyError", "1", trace)


TOLD: list[dict[str, Any]] = [
    *({"severity": Severity.INFO, "event_name": name, "attributes": told} for name, told in WORDS),
    *({"severity": Severity.ERROR, "body": line, "logger": "bot.work"} for line in LINES),
    *({"severity": Severity.ERROR, "body": "boom", "exception": code_of(number)} for number in range(2)),
]


@st.composite
def days(draw: st.DrawFn) -> list[Event]:
    """What a handful of bots do in half an hour: bursts of one kind, by one or two processes of a bot."""
    made: list[Event] = []
    for _ in range(draw(st.integers(1, 10))):
        bot, began, processes = draw(st.integers(0, 3)), draw(st.integers(0, 20)), draw(st.integers(1, 2))
        told = dict(draw(st.sampled_from(TOLD)))
        for turn in range(draw(st.sampled_from([1, 2, 8, 15]))):
            resource: dict[str, Any] = {"process.pid": 1 + turn % processes}
            resource |= {"service.name": f"b{bot}"} if bot else {}
            when = NOW + began * MINUTE + turn * MINUTE // 4 + len(made)
            made.append(Event(timestamp=when, uid=f"u-{len(made)}", resource=resource, **told))
    return made


def seen(events: Iterable[Event], after: int) -> Snapshot:
    analyzer = Analyzer(RULES)
    for event in events:
        analyzer.feed(event)
    return analyzer.snapshot(now=NOW + after * MINUTE, live=True)


def by_looking_through_all(monkeypatch: pytest.MonkeyPatch) -> None:
    """Put the plain ways in place: each thing is looked for among all there are."""

    class Everything:
        def __init__(self, hazards: list[Issue]) -> None:
            self.hazards = hazards

        def near(self, _: Issue) -> list[Issue]:
            return self.hazards

    class Plainly:
        def __init__(self, bots: Mapping[str, BotFacts]) -> None:
            self.bots = bots

        def of(self, issue: Issue) -> Mapping[str, BotFacts]:
            return {n: b for n, b in self.bots.items() if not issue.services or n in issue.services}

    class EachThread:
        def __init__(self, known: trails.Trails) -> None:
            self.known = known

        def of(self, ids: Iterable[str]) -> set[str]:
            wanted = set(ids)
            return {
                key
                for key, thread in self.known.threads.items()
                if any(said.id in wanted for said in (*thread.first, *thread.last))
            }

    def pairs(senders: Mapping[Any, Any], *, is_shared: bool) -> Iterator[tuple[Any, Any]]:
        for one, other in itertools.combinations(sorted(senders.items()), 2):
            if is_shared or one[0][0] == other[0][0]:
                yield one, other

    def bots(state: State) -> int:
        return len([name for name in state.services if name])

    monkeypatch.setattr(incidents, "_Hazards", Everything)
    monkeypatch.setattr(effects, "_Bots", Plainly)
    monkeypatch.setattr(trails, "_Matters", EachThread)
    monkeypatch.setattr(intruders, "_pairs", pairs)
    monkeypatch.setattr(proofs, "_bots", bots)


@settings(max_examples=100, suppress_health_check=[HealthCheck.too_slow], deadline=None)
@given(days(), st.sampled_from([1, 31, 60, 600]))
def test_what_is_looked_up_is_what_looking_through_all_would_find(events: list[Event], after: int) -> None:
    found = seen(events, after)

    with pytest.MonkeyPatch.context() as patched:
        by_looking_through_all(patched)
        assert seen(events, after) == found


def test_an_outage_gathers_the_same_symptoms_either_way() -> None:
    story = outage_of_five_bots()
    found = story.picture()

    assert any(issue.cause and "did not answer" in issue.linked_by for issue in found.issues)
    with pytest.MonkeyPatch.context() as patched:
        by_looking_through_all(patched)
        assert story.picture() == found


def test_bots_that_fall_silent_and_have_no_line_of_their_own_are_told_by_what_led_to_it() -> None:
    """The world above reaches the ways that were made cheap: a hazard with a story by its evidence."""
    events = [
        Event(
            timestamp=NOW + minute * MINUTE,
            uid=f"{bot}-{minute}",
            event_name="order.submitted" if minute == 0 else "bot.heartbeat",
            attributes={"order.id": f"o{bot}", "symbol": "BTC/USDT"} if minute == 0 else {},
            resource={"service.name": f"b{bot}"},
        )
        for minute in range(16)
        for bot in range(20)
    ]

    found = seen(events, 300)

    silent = [issue for issue in found.issues if issue.rule == "unresponsive"]
    assert {issue.services for issue in silent} == {(f"b{bot}",) for bot in range(20)}
    assert all(issue.story for issue in silent)

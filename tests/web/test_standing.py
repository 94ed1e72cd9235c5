"""The facts behind the page, as a Snapshot carries them: they merge, they are bounded, old states go on."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

import jsonschema
import msgspec

from obs.analysis import Analyzer
from obs.books.facts import MAX_KINDS
from obs.dashboard import render, schema
from obs.events import Event
from obs.rules import RuleSet
from obs.standing import Gate, Holding, Passage
from obs.state import State
from tests.builders import SECOND, START, event
from tests.web.days import HOUR, busy, well


def folded(*events: Event) -> Analyzer:
    analyzer = Analyzer(RuleSet(()))
    for one in events:
        analyzer.feed(one)
    return analyzer


def stop(number: int, at: float, **values: Any) -> Event:
    told: Mapping[str, Any] = {"symbol": "BTC/USDT", **values}
    return event(f"stopped {number}", at=at, name="signal.filtered", attributes=told, uid=f"f-{number:>5}")


def test_the_newest_word_of_a_gate_stands_whichever_half_is_folded_first() -> None:
    early = stop(1, 10, filter="confidence", value=0.5, threshold=0.6)
    late = stop(2, 20, filter="confidence", value=0.4, threshold=0.7)

    one, other = folded(early), folded(late)
    other.state.merge(one.state)
    whole = folded(early, late)

    expected = Gate(name="confidence", kind="filter", stopped=2, value="0.4", threshold="0.7")
    assert other.snapshot().passages == whole.snapshot().passages
    assert whole.snapshot().passages[0].gates == (expected,)


def test_kinds_of_gates_are_bounded_and_the_same_for_any_split() -> None:
    events = [stop(number, number, filter=f"g{number * 37 % 500:03d}") for number in range(500)]

    whole = folded(*events).state
    first, second = folded(*events[:100]).state, folded(*events[100:]).state
    second.merge(first)

    assert len(whole.books.bots["bot-1"].passed) == MAX_KINDS
    assert whole.books.bots["bot-1"].passed == second.books.bots["bot-1"].passed
    assert whole.books.bots["bot-1"].gate_words == second.books.bots["bot-1"].gate_words


def test_a_state_of_before_these_facts_goes_on() -> None:
    plain = msgspec.msgpack.decode(busy().analyzer.state.encode())
    for bot in plain["books"]["bots"].values():
        del bot["passed"], bot["gate_words"]

    state = State.decode(msgspec.msgpack.encode(plain))
    taken = Analyzer(RuleSet(()), state=state).snapshot(now=START + int(4 * HOUR) * SECOND, live=True)

    assert taken.passages == ()
    assert [one.protection for one in taken.held] == ["stop", "none"]


def test_positions_of_different_bots_over_one_symbol_stay_two() -> None:
    held = well().picture().held

    assert [(one.service, one.symbol, one.currency, one.protection) for one in held] == [
        ("maps-kr", "005930.KS", "KRW", "stop"),
        ("grid-1", "BTC/USDT", "USDT", "stop"),
    ]


def test_a_bot_with_signals_only_has_a_passage_of_its_own_and_of_all() -> None:
    taken = folded(event("s", at=1, name="signal.generated", attributes={"symbol": "X"})).snapshot()

    assert taken.passages == (Passage(signals=1), Passage(service="bot-1", signals=1))


def test_a_holding_without_a_size_has_no_value() -> None:
    opened = event("p", at=1, name="position.opened", attributes={"position.id": "p", "symbol": "X/USDT"})

    (held,) = folded(opened).snapshot().held

    assert held == Holding(service="bot-1", symbol="X/USDT", opened_at=START + SECOND)


def test_the_dashboard_carries_them_as_its_schema_says() -> None:
    document = json.loads(render(busy().picture()))

    jsonschema.validate(document, schema())
    bare = next(one for one in document["held"] if one["protection"] == "none")
    assert bare["unprotected_at"].endswith("Z")
    assert [bot["name"] for bot in document["standings"]] == ["grid-1", "llm-swing", "maps-kr"]

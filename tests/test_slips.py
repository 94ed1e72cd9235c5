"""Words that are nearly ours: said once, so that a bot's author does not believe in silence."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

import pytest

from obs.analysis import Analyzer
from obs.books import WRITERS
from obs.rules import RuleSet
from obs.snapshot import Issue
from obs.vocabulary import common, events, meant_event, slips, unchecked
from obs.watch.beats import KEPT_ODD
from tests.builders import REPO, event


def found(*told: tuple[str, Mapping[str, Any]]) -> list[Issue]:
    analyzer = Analyzer(RuleSet(()))
    for number, (name, values) in enumerate(told):
        analyzer.feed(event(name, at=number, name=name, attributes=values, uid=f"p-{number}"))
    return [issue for issue in analyzer.snapshot().issues if issue.rule == "slip"]


FILL = {"order.id": "o1", "symbol": "BTC/USDT", "fill.price": "90000"}


def test_an_attribute_without_its_noun_is_said_once_however_often_it_comes() -> None:
    (issue,) = found(*[("order.filled", {**FILL, "quantity": "1"})] * 50)

    assert issue.title == "Event order.filled carries `quantity`; known: `fill.quantity` or `order.quantity`"
    assert issue.count == 50
    assert issue.severity == "warning"
    assert issue.expected_minutes == 5


@pytest.mark.parametrize(
    ("name", "attribute", "known"),
    [
        ("order.filled", "orderId", "order.id"),
        ("order.filled", "order_id", "order.id"),
        ("order.filled", "qty", "order.quantity"),
        ("order.filled", "pair", "symbol"),
        ("order.submitted", "order.qantity", "order.quantity"),
        ("position.opened", "size", "position.quantity"),
        ("position.opened", "average_price", "position.average_price"),
        ("trade.closed", "profit", "pnl.net"),
        ("llm.called", "prompt_tokens", "gen_ai.usage.input_tokens"),
        ("heartbeat", "candle_age_s", "candle.age_s"),
    ],
)
def test_other_spellings_find_the_known_attribute(name: str, attribute: str, known: str) -> None:
    ((told, meant),) = slips(name, frozenset([attribute]))

    assert told == attribute
    assert known in meant


@pytest.mark.parametrize(
    ("name", "known"),
    [
        ("order.fill", "order.filled"),
        ("orders.filled", "order.filled"),
        ("orderFilled", "order.filled"),
        ("order.cancelled", "order.canceled"),
        ("trade.close", "trade.closed"),
        ("heartbeats", "heartbeat"),
        ("market.bars", "market.bar"),
    ],
)
def test_other_forms_of_an_event_name_find_the_known_one(name: str, known: str) -> None:
    (issue,) = found((name, FILL))

    assert issue.title == f"Event `{name}` is not known; known: `{known}`"


@pytest.mark.parametrize(
    ("name", "values"),
    [
        ("order.filled", {**FILL, "fill.quantity": "1", "order.quantity": "2"}),
        # Its author says both: the plain one is for himself.
        ("order.filled", {**FILL, "order.quantity": "2", "quantity": "2"}),
        ("order.filled", {**FILL, "desk": "b", "colour": "red"}),
        ("order.filled", {**FILL, **{f"x{n}.quantity": 1 for n in range(20)}}),
        ("kitchen.opened", {"quantity": 1}),
        ("cron.finished", {}),
        ("bot.configured", {"stop.at_exchange": True}),
    ],
)
def test_words_of_ones_own_are_ones_own(name: str, values: Mapping[str, Any]) -> None:
    assert found((name, values)) == []


def test_a_slip_that_costs_no_money_is_a_hint_only() -> None:
    (issue,) = found(("heartbeat", {"bot.state": "running", "candle_age_s": 3}))

    assert issue.severity == "info"


def test_a_translated_line_of_a_known_program_has_its_own_words() -> None:
    assert found(("order.filled", {**FILL, "quantity": "1", "bot.program": "freqtrade"})) == []


def test_slips_are_bounded_and_the_same_in_any_order() -> None:
    from obs.state import State

    told = [
        event(name="order.filled", at=n, attributes={"." * n + "quantity": 1}, uid=str(n)) for n in range(300)
    ]
    forward, backward = State(), State()
    for one in told:
        forward.add(one)
    for one in reversed(told):
        backward.add(one)

    assert len(forward.beats.odd) == KEPT_ODD
    assert sorted(forward.beats.odd) == sorted(backward.beats.odd)


def test_the_vocabulary_is_that_of_the_documentation() -> None:
    text = (REPO / "docs" / "events.md").read_text(encoding="utf-8")
    rows = re.findall(r"^\| `([a-z_.]+)` \| [A-Z ]+ \| .*? \| ((?:`[^`]+` ?)+)\|$", text, re.MULTILINE)
    documented = {name: set(re.findall(r"`([^`]+)`", words)) for name, words in rows}

    assert {name: set(words) for name, words in events().items()} == documented


def test_every_word_that_is_understood_is_known() -> None:
    assert set(WRITERS) <= set(events()) | unchecked()
    assert {"bot.id", "run.mode", "symbol"} <= common()
    assert not any(meant_event(name) for name in events())

"""Which agent earned what: against the independent reference, and when the rule is not known."""

from __future__ import annotations

import json
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from obs.events import Event
from obs.money.crediting import Crediting, Part
from obs.money.shapley import Vote, shares, side_of
from tests.money.telling import book_of, closed, opened, say


def signal(key: str, agent: str, action: str, confidence: object, **more: Any) -> Event:
    return say(
        "signal.generated",
        signal__id=key,
        agent__name=agent,
        signal__action=action,
        signal__confidence=confidence,
        **more,
    )


def decided(*signals: str, threshold: object = "0.3", target: object = 1, **more: Any) -> Event:
    told = {"decision__id": "d-1", "signal__ids": ",".join(signals), "position__target": target, **more}
    return say("decision.made", 1, decision__threshold=threshold, **told)


def result(pnl: object, **more: Any) -> Event:
    return closed("t-1", 60, pnl, decision__id="d-1", position__id="p-1", **more)


def parts(*events: Event) -> dict[str, Part]:
    account = book_of(*events).accounts["bot-1"]
    (trip,) = account.trips()
    return {part.agent: part for part in Crediting(account).parts(trip)}


def credited_by(*events: Event) -> dict[str, str]:
    return {
        agent: f"{part.amount.normalize() + 0:f}"
        for agent, part in parts(*events).items()
        if part.amount is not None
    }


VOTES = (
    signal("s-1", "technical", "buy", "0.9"),
    signal("s-2", "news", "buy", "0.8"),
    signal("s-3", "macro", "sell", "0.5"),
)
DECISION = decided("s-1", "s-2", "s-3")


def test_a_dissenter_who_was_right_is_credited() -> None:
    found = credited_by(*VOTES, DECISION, result("-15000", position__side="long"))

    assert found == {"technical": "-12500", "news": "-5000", "macro": "2500"}


@pytest.mark.corpus
def test_credits_equal_those_of_an_independent_package(corpus: Path) -> None:
    path = corpus / "market" / "reference" / "attribution_shapley.json"

    for case in json.loads(path.read_text(encoding="utf-8")):
        votes = tuple(
            Vote(
                agent["direction"] * Decimal(str(agent["confidence"])) * Decimal(str(agent["weight"])),
                Decimal(str(agent["weight"])),
            )
            for agent in case["agents"]
        )
        threshold = Decimal(str(case["threshold"]))
        found = [share.position / share.whole for share in shares(votes, threshold)]

        assert side_of(votes, threshold) == case["position"], case["case"]
        earned = case["asset_return"] * case["notional"]
        expected = [case["shapley"][agent["name"]] for agent in case["agents"]]
        assert [one * earned for one in found] == pytest.approx(expected, abs=1e-4), case["case"]


def test_credits_add_up_to_the_result_to_the_last_digit() -> None:
    amounts = [part.amount for part in parts(*VOTES, DECISION, result("10.00000001")).values()]

    assert sum(amount for amount in amounts if amount is not None) == Decimal("10.00000001")


def test_who_prevented_a_trade_is_credited_with_its_costs() -> None:
    # With costs: the one who was against it also would have saved them.
    votes = (signal("s-1", "a", "buy", "1"), signal("s-2", "b", "sell", "0.2"))
    pair = credited_by(*votes, decided("s-1", "s-2"), result("-11", fees="1", position__side="long"))

    # The market took 10. Alone `a` takes it and loses 11; with `b` it is still taken.
    assert pair == {"a": "-11", "b": "0"}


def test_where_the_votes_do_not_explain_the_position_confidence_shares_it_and_says_so() -> None:
    score_of_another_rule = decided("s-1", "s-2", "s-3", decision__score="0.77")

    found = parts(*VOTES, score_of_another_rule, result("170", position__side="long"))

    assert {agent: part.amount for agent, part in found.items()} == {
        "technical": Decimal(90),
        "news": Decimal(80),
        "macro": None,
    }
    assert {part.method for part in found.values()} == {"confidence", ""}


def test_a_score_that_is_a_sum_is_recognised() -> None:
    by_sum = decided("s-1", "s-2", "s-3", threshold="1.0", decision__score="1.2")

    found = parts(*VOTES, by_sum, result("12", position__side="long"))

    assert {part.method for part in found.values()} == {"shapley"}


def test_a_missing_signal_makes_the_rule_unknown() -> None:
    found = parts(*VOTES[:2], DECISION, result("170", position__side="long"))

    assert {agent: part.amount for agent, part in found.items()} == {
        "technical": Decimal(90),
        "news": Decimal(80),
    }


def test_of_a_decision_that_was_overridden_nobody_is_credited() -> None:
    overridden = decided("s-1", "s-2", "s-3", decision__override="operator")

    assert credited_by(*VOTES, overridden, result("5", position__side="long")) == {}


def test_what_the_bot_itself_computed_stands() -> None:
    own = [
        say(
            "attribution.computed", 61, trade__id="t-1", agent__name=agent, contribution=amount,
            contribution__method="shapley", currency="USDT",
        )
        for agent, amount in (("technical", "1"), ("news", "2"))
    ]  # fmt: skip

    assert credited_by(*VOTES, DECISION, result("5", position__side="long"), *own) == {
        "technical": "1",
        "news": "2",
    }


def test_an_agent_is_judged_by_where_the_price_went() -> None:
    told = result("-15000", position__side="long", entry__price="100", exit__price="98.5")

    found = parts(*VOTES, DECISION, told)

    assert {agent: part.is_right for agent, part in found.items()} == {
        "technical": False,
        "news": False,
        "macro": True,
    }
    assert found["macro"].stance == pytest.approx(-0.5)
    assert found["macro"].move == pytest.approx(-0.015)


def test_while_a_trade_is_open_its_parts_are_provisional() -> None:
    entry = opened("p-1", 2, decision__id="d-1", position__side="long", pnl__unrealized="17", currency="USDT")
    account = book_of(*VOTES, DECISION, entry).accounts["bot-1"]
    (trip,) = account.trips()

    found = {part.agent: part.amount for part in Crediting(account).provisional(trip)}

    assert found == {"technical": Decimal(9), "news": Decimal(8), "macro": None}


def test_the_decision_of_a_trade_is_known_by_the_order_that_was_sent_for_it() -> None:
    order = say("order.submitted", 2, order__id="o-1", position__id="p-1", decision__id="d-1")
    told_nothing = closed("t-1", 60, "-15000", position__id="p-1")
    entry = opened("p-1", 3, position__side="long")

    found = credited_by(*VOTES, DECISION, order, entry, told_nothing)

    assert found == {"technical": "-12500", "news": "-5000", "macro": "2500"}


def test_an_order_that_names_no_position_belongs_to_the_next_entry_of_its_symbol() -> None:
    about = {"order__id": "o-1", "symbol": "BTC/USDT"}
    fills = [
        say("order.filled", 2, decision__id="d-1", **about),
        say("order.filled", 3, decision__id="d-other", order__id="o-2", symbol="ETH/USDT"),
    ]
    entry = opened("p-1", 3, position__side="long")

    found = credited_by(*VOTES, DECISION, *fills, entry, closed("t-1", 60, "5", position__id="p-1"))

    assert set(found) == {"technical", "news", "macro"}


def test_an_order_that_only_reduces_tells_no_entry() -> None:
    order = say(
        "order.submitted", 2, order__id="o-1", position__id="p-1", decision__id="d-1", order__reduce_only=True
    )
    entry = opened("p-1", 3, position__side="long")

    assert credited_by(*VOTES, DECISION, order, entry, closed("t-1", 60, "5", position__id="p-1")) == {}


def test_one_agent_gets_all_and_a_plain_rule_too() -> None:
    alone = signal("s-1", "rule", "sell", None)

    assert credited_by(alone, decided("s-1", target=-1), result("7", position__side="short")) == {"rule": "7"}


def test_of_many_agents_orders_are_drawn_and_repeat() -> None:
    votes = tuple(Vote(Decimal(1), Decimal(1)) for _ in range(14))

    found = shares(votes, Decimal("0.5"))

    assert sum(share.position for share in found) == found[0].whole
    assert found == shares.__wrapped__(votes, Decimal("0.5"))

"""Shapley values: against an independent package's, and by their own laws."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from trading.attribution import Opinion, decide, shapley, value_of

REFERENCE = "market/reference/attribution_shapley.json"


@pytest.mark.corpus
def test_values_equal_those_of_an_independent_package(corpus: Path) -> None:
    cases = json.loads((corpus / REFERENCE).read_text(encoding="utf-8"))

    for case in cases:
        opinions = [Opinion(a["name"], a["direction"], a["confidence"], a["weight"]) for a in case["agents"]]
        value = value_of(
            opinions, case["threshold"], asset_return=case["asset_return"], notional=case["notional"]
        )
        found = shapley(value, [opinion.agent for opinion in opinions])

        assert decide(opinions, case["threshold"]) == case["position"]
        assert found == pytest.approx(case["shapley"], abs=1e-4), case["case"]
        assert sum(found.values()) == pytest.approx(case["pnl"], abs=1e-4)


def test_a_right_dissenter_is_credited_and_a_wrong_veto_is_charged() -> None:
    dissent = [Opinion("a", 1, 0.9), Opinion("b", 1, 0.8), Opinion("c", -1, 0.5)]
    veto = [Opinion("a", 1, 0.9), Opinion("b", -1, 0.8)]

    lost = shapley(value_of(dissent, 0.3, asset_return=-0.015, notional=1e6), "abc")
    missed = shapley(value_of(veto, 0.3, asset_return=0.03, notional=1e6), "ab")

    assert lost == pytest.approx({"a": -12_500, "b": -5_000, "c": 2_500})
    assert missed == pytest.approx({"a": 30_000, "b": -30_000})


def test_one_agent_gets_everything_and_nobody_gets_nothing() -> None:
    assert shapley(lambda agents: 7.0 if agents else 0.0, ["a"]) == {"a": 7.0}
    assert shapley(lambda agents: 0.0, []) == {}


def test_costs_are_part_of_what_a_set_of_agents_would_have_earned() -> None:
    opinions = [Opinion("a", 1, 1.0), Opinion("b", 1, 1.0)]

    found = shapley(value_of(opinions, 0.5, asset_return=0.01, notional=1_000, cost=4.0), "ab")

    assert found == pytest.approx({"a": 3.0, "b": 3.0})


def test_a_score_on_the_threshold_is_enough_and_an_empty_vote_takes_nothing() -> None:
    three = [Opinion(name, 1, 0.3) for name in "abc"]

    assert decide(three, 0.3) == 1
    assert decide([Opinion("a", 0, 1.0)], 0.0) == 0


def test_of_many_agents_the_sampled_values_add_up_and_repeat() -> None:
    names = [f"agent-{number}" for number in range(15)]

    def value(agents: frozenset[str]) -> float:
        return float(len(agents) >= 8) * 100 + 3 * ("agent-0" in agents)

    found = shapley(value, names)

    assert sum(found.values()) == pytest.approx(103)
    assert found["agent-0"] == pytest.approx(100 / 15 + 3, abs=0.7)
    assert found == shapley(value, names)


def test_a_name_that_stands_twice_is_refused() -> None:
    with pytest.raises(ValueError, match="stands twice"):
        shapley(lambda agents: 0.0, ["a", "a"])

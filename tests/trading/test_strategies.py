"""Strategies for one symbol: the engine's rule, crossing means, and several rules that vote."""

from __future__ import annotations

from dataclasses import dataclass, field, replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.trading.signals.markets import QUICK, bar, bars_from, market, played
from trading.bars import Bar
from trading.signals.signal import Signal
from trading.strategies import Strategy, combined, maps, sma_cross


@dataclass
class Scripted:
    """Says what it is told to, and remembers what it was told it holds."""

    script: str
    """For each bar: `b`uy, `s`ell or nothing."""
    confidence: float = 0.8
    held: list[float] = field(default_factory=list)

    def on_bar(self, bar: Bar, held: float) -> Signal | None:
        word = self.script[len(self.held)]
        self.held.append(held)
        if word == "b":
            return Signal("buy", self.confidence, "script")
        return Signal("sell", self.confidence, "script") if word == "s" else None


def followed(rule: Strategy, bars: list[Bar]) -> list[str]:
    """Return the action at each bar; what is bought is held from the next bar on."""
    held = 0.0
    said: list[str] = []
    for each in bars:
        signal = rule.on_bar(each, held)
        said.append(signal.action if signal else "")
        held = {"buy": 1.0, "sell": 0.0}.get(said[-1], held)
    return said


@settings(max_examples=40)
@given(st.integers(0, 10**6))
def test_the_rule_for_one_symbol_says_what_the_engine_says_of_it(seed: int) -> None:
    bars = market(seed, symbols=1)["S0"]
    params = replace(QUICK, market=replace(QUICK.market, trend=8, momentum=4, volatility=5))

    by_engine = [
        next((signal.action for signal in verdict.signals if signal.action != "hold"), "")
        for verdict in played({"S0": bars}, params)
    ]

    assert followed(maps(params), bars) == by_engine


def test_the_rule_for_one_symbol_leaves_the_size_to_others() -> None:
    rule = maps(QUICK)

    signals = [rule.on_bar(each, 0) for each in market(1, symbols=1, missing=0)["S0"]]

    bought = [signal for signal in signals if signal]
    assert bought
    assert {(signal.symbol, signal.weight) for signal in bought} == {("", None)}


def test_a_majority_buys_and_a_lost_majority_sells() -> None:
    rules = [Scripted("b....s."), Scripted("..b...."), Scripted(".......", 0.9)]

    said = followed(combined(rules), [bar(day, 100) for day in range(7)])

    assert said == ["", "", "buy", "", "", "sell", ""]


def test_a_vote_is_as_sure_as_those_who_hold() -> None:
    rule = combined([Scripted("b", 0.7), Scripted("b", 0.9), Scripted(".")])

    assert rule.on_bar(bar(0, 100), 0) == Signal("buy", 0.8, "2 of 3 rules hold", close=100)


def test_each_rule_is_told_that_it_holds_what_it_alone_would_hold() -> None:
    alone = Scripted("b..s.")

    followed(combined([alone, Scripted("....."), Scripted(".....")]), [bar(day, 100) for day in range(5)])

    assert alone.held == [0.0, 1.0, 1.0, 1.0, 0.0]


def test_with_no_least_share_any_rule_buys() -> None:
    rules = [Scripted(".b.s."), Scripted(".....")]

    assert followed(combined(rules, least=0), [bar(day, 100) for day in range(5)]) == [
        "",
        "buy",
        "",
        "sell",
        "",
    ]


def test_rules_that_cannot_vote_are_refused() -> None:
    with pytest.raises(ValueError, match="has no rules"):
        combined([])
    with pytest.raises(ValueError, match="use 0 or more and less than 1"):
        combined([Scripted("")], least=1)


def test_means_that_only_touch_have_not_crossed() -> None:
    up, flat, down = (
        [100.0 + day for day in range(6)],
        [0.1] * 3,
        [105.0 - day for day in range(6)],
    )

    assert "sell" in followed(sma_cross(2, 4), bars_from([*up, *down]))
    assert set(followed(sma_cross(2, 3), bars_from(flat * 40))) == {""}

"""Gates stop buys by figures that everybody can check."""

from __future__ import annotations

import itertools
import math
import random
import statistics

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from trading.regime import MarketState
from trading.signals.gates import Correlations, stop_of
from trading.signals.maps import Reading
from trading.signals.params import Params

CALM = Reading(score=5.0, rsi=45.0, ma_ratio=0.02, momentum=0.03, volatility=0.01)
PARAMS = Params(min_confidence=0.7, max_volatility=0.3, closed_regimes=("bear", "volatile", "bull"))
SIDEWAYS = MarketState("sideways", 0.0, 0.0, 0.1)


def test_a_buy_that_nothing_speaks_against_passes() -> None:
    assert stop_of(CALM, 0.7, 0, SIDEWAYS, PARAMS) is None
    assert stop_of(CALM, 0.7, 0, None, PARAMS) is None


def test_a_weak_signal_is_stopped() -> None:
    assert stop_of(CALM, 0.69, 0, None, PARAMS) == ("confidence", 0.69, 0.7)


def test_a_wild_symbol_is_stopped_by_its_annual_volatility() -> None:
    wild = CALM._replace(volatility=0.02)

    assert stop_of(wild, 0.9, 0, None, PARAMS) == ("volatility", 0.02 * math.sqrt(252), 0.3)
    assert stop_of(wild, 0.9, 0, None, Params(max_volatility=0.32)) is None


@pytest.mark.parametrize(
    ("market", "stop"),
    [
        (MarketState("bear", -0.08, -0.1, 0.15), ("regime", -0.08, -0.01)),
        (MarketState("bull", 0.08, 0.1, 0.15), ("regime", 0.08, 0.01)),
        (MarketState("volatile", 0.08, 0.1, 0.4), ("regime", 0.4, 0.18)),
    ],
)
def test_a_closed_regime_names_the_figure_that_makes_it(
    market: MarketState, stop: tuple[str, float, float]
) -> None:
    assert stop_of(CALM, 0.9, 0, market, PARAMS) == stop


def test_the_first_gate_that_stops_a_buy_is_the_one_it_is_told_by() -> None:
    bear = MarketState("bear", -0.08, -0.1, 0.15)
    wild = CALM._replace(volatility=0.05)

    said = [
        stop_of(wild, 0.1, 3, bear, PARAMS),
        stop_of(wild, 0.1, 0, bear, PARAMS),
        stop_of(wild, 0.1, 0, SIDEWAYS, PARAMS),
        stop_of(wild, 0.9, 0, SIDEWAYS, PARAMS),
    ]

    assert [stop[0] for stop in said if stop] == ["halted", "regime", "confidence", "volatility"]


def test_more_still_bars_may_be_let_pass() -> None:
    """Minutes of a quiet coin stand still without a halt."""
    patient = Params(halted_bars=10)

    assert stop_of(CALM, 0.9, 9, None, patient) is None
    assert stop_of(CALM, 0.9, 10, None, patient) == ("halted", 10.0, 10.0)


@settings(max_examples=50)
@given(st.integers(0, 10**6), st.integers(0, 8), st.sampled_from([0.0, 0.2]))
def test_a_correlation_is_that_of_the_common_sessions_in_the_window(
    seed: int, before: int, missing: float
) -> None:
    chance = random.Random(seed)
    window, least = 12, 5
    told = Correlations(["A", "B"], window, least)
    seen: list[dict[str, float]] = []
    for _ in range(window + before):
        session = {symbol: chance.gauss(0, 0.01) for symbol in "AB" if chance.random() >= missing}
        seen.append(session)
        told.add(session)

    common = [(each["A"], each["B"]) for each in seen[-window:] if len(each) == 2]

    if len(common) < least:
        assert math.isnan(told.between("A", "B"))
    else:
        wanted = statistics.correlation(*zip(*common, strict=True))
        assert told.between("A", "B") == pytest.approx(wanted, abs=1e-9)
        assert told.between("B", "A") == told.between("A", "B")


def test_a_correlation_that_only_reaches_the_highest_passes() -> None:
    told = Correlations(["A", "B"], 5, 3)
    for one, other in ((0.01, 0.02), (-0.02, 0.01), (0.03, 0.02), (0.01, -0.01), (0.02, 0.03)):
        told.add({"A": one, "B": other})
    value = told.between("A", "B")

    assert told.highest_first("A", ["B"], value) is None
    assert told.highest_first("A", ["B"], math.nextafter(value, 0)) == value


def test_too_few_common_sessions_leave_the_gate_open() -> None:
    told = Correlations(["A", "B"], 10, 5)
    for value in (0.01, -0.02, 0.03, 0.01):
        told.add({"A": value, "B": value})
    assert told.highest_first("A", ["B"], 0.5) is None

    told.add({"A": 0.02, "B": 0.02})

    assert told.highest_first("A", ["B"], 0.5) == pytest.approx(1.0)


def test_a_symbol_that_stands_still_goes_along_with_nobody() -> None:
    told = Correlations(["A", "B"], 6, 3)
    for value in (0.01, -0.02, 0.03, 0.01, 0.0, 0.02):
        told.add({"A": value, "B": 0.0})

    assert told.highest_first("A", ["B"], -1) is None


def test_a_symbol_nobody_follows_has_no_correlation() -> None:
    told = Correlations(["A"], 4, 2)
    for value in (0.01, -0.02, 0.03, 0.01):
        told.add({"A": value})

    assert told.highest_first("A", ["GONE"], 0.1) is None


def test_the_most_alike_pairs_are_found_whatever_the_order() -> None:
    told = Correlations("ABC", 20, 5)
    chance = random.Random(4)
    for _ in range(20):
        common = chance.gauss(0, 0.01)
        told.add({"A": common, "B": common + chance.gauss(0, 0.001), "C": chance.gauss(0, 0.01)})

    alike = {pair for pair in itertools.combinations("ABC", 2) if told.between(*pair) > 0.9}

    assert alike == {("A", "B")}

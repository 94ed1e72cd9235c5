"""Weights follow confidence and never pass their caps."""

from __future__ import annotations

import itertools
import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trading.signals.weighing import weights_of

CONFIDENCE = st.dictionaries(st.text("ABCDEFGH", min_size=1, max_size=3), st.floats(0, 1), max_size=30)
CAP = st.floats(0, 1)


def test_weights_are_proportional_to_confidence() -> None:
    weights = weights_of({"A": 0.6, "B": 0.9, "C": 0.75}, max_weight=1, max_total=0.9)

    assert weights == pytest.approx({"A": 0.24, "B": 0.36, "C": 0.3}, abs=1e-6)


def test_what_a_capped_position_may_not_take_goes_to_the_others() -> None:
    weights = weights_of({"A": 0.9, "B": 0.6, "C": 0.3}, max_weight=0.4, max_total=1)

    assert weights == pytest.approx({"A": 0.4, "B": 0.4, "C": 0.2}, abs=1e-6)


def test_more_than_everything_is_never_spent() -> None:
    weights = weights_of({"A": 0.7, "B": 0.9}, max_weight=2, max_total=3)

    assert weights == pytest.approx({"A": 0.4375, "B": 0.5625}, abs=1e-6)


def test_few_positions_leave_cash() -> None:
    assert weights_of({"A": 0.7, "B": 0.9}, max_weight=0.15, max_total=0.95) == {"A": 0.15, "B": 0.15}


@given(CONFIDENCE, CAP, CAP)
def test_no_weight_and_no_sum_passes_its_cap(
    confidence: dict[str, float], max_weight: float, max_total: float
) -> None:
    weights = weights_of(confidence, max_weight=max_weight, max_total=max_total)

    assert weights.keys() == confidence.keys()
    assert all(0 <= weight <= max_weight + 1e-11 for weight in weights.values())
    assert math.fsum(weights.values()) <= max_total + 1e-9


@given(CONFIDENCE, CAP, CAP)
def test_the_surer_one_never_weighs_less(
    confidence: dict[str, float], max_weight: float, max_total: float
) -> None:
    weights = weights_of(confidence, max_weight=max_weight, max_total=max_total)

    ranked = sorted(confidence, key=confidence.__getitem__)
    # A step of the weights is what is cut off.
    assert all(weights[low] <= weights[high] + 1e-6 for low, high in itertools.pairwise(ranked))


@given(CONFIDENCE, CAP, CAP, st.randoms())
def test_the_order_of_symbols_does_not_matter(
    confidence: dict[str, float], max_weight: float, max_total: float, chance: object
) -> None:
    shuffled = sorted(confidence.items(), key=lambda _: chance.random())  # type: ignore[attr-defined]

    assert weights_of(dict(shuffled), max_weight=max_weight, max_total=max_total) == weights_of(
        confidence, max_weight=max_weight, max_total=max_total
    )


@given(CONFIDENCE, CAP, CAP)
def test_all_that_may_be_spent_is_spent(
    confidence: dict[str, float], max_weight: float, max_total: float
) -> None:
    weights = weights_of(confidence, max_weight=max_weight, max_total=max_total)

    sure = [symbol for symbol, value in confidence.items() if value > 1e-3]
    could = min(max_total, max_weight * len(sure))
    assert math.fsum(weights.values()) >= could - 1e-6 * len(weights) - 1e-3 * len(weights)

"""Robustness: seeded, centred on the original, and wide where luck was."""

from __future__ import annotations

import math

import pytest

from tests.trading.backtest.histories import walk
from trading.backtest import run
from trading.backtest.robustness import perturbed, quantiles, shuffled
from trading.signals.params import Params
from trading.strategies import sma_cross


def test_quantiles_lie_between_the_values() -> None:
    assert quantiles([4.0, 1.0, 3.0, 2.0, 5.0]) == pytest.approx((1.2, 3.0, 4.8))
    assert quantiles([7.0]) == (7, 7, 7)
    assert all(math.isnan(value) for value in quantiles([math.nan]))


def test_the_same_returns_drawn_again_spread_around_what_they_were() -> None:
    result = run(walk(4, 400), sma_cross(5, 20), cash=100)

    again = shuffled(result, runs=200, seed=1)

    assert again == shuffled(result, runs=200, seed=1) != shuffled(result, runs=200, seed=2)
    assert again is not None
    assert again.sharpe.low < result.sharpe < again.sharpe.high
    assert again.total_return.low < result.total_return < again.total_return.high
    assert again.max_drawdown.low <= again.max_drawdown.high <= 0
    assert 0 <= again.losing <= 1


def test_too_few_returns_are_not_drawn_again() -> None:
    assert shuffled(run(walk(4, 19), sma_cross(2, 5))) is None


def test_a_plateau_and_a_peak_are_told_apart() -> None:
    original = Params()
    peak = perturbed(original, lambda params: 2.0 if params == original else 0.1, runs=10, seed=1)
    plateau = perturbed(original, lambda params: 2.0, runs=10, seed=1)
    silent = perturbed(original, lambda params: math.nan, runs=5)

    assert (peak.original, peak.worse_than_half, peak.sharpe.high) == (2.0, 1.0, 0.1)
    assert plateau.worse_than_half == 0
    assert silent.sharpe == (0, 0, 0)


def test_every_neighbour_is_near_and_none_is_the_original() -> None:
    original, seen = Params(), list[Params]()
    counts: list[int] = []

    def scored(params: Params) -> float:
        seen.append(params)
        return 1.0

    perturbed(original, scored, runs=20, share=0.1, seed=3, told=counts.append)

    assert counts == list(range(1, 21))
    for params in seen[1:]:
        assert params != original
        assert abs(params.slow - original.slow) <= 6
        assert abs(params.entry - original.entry) <= 0.1 * original.entry
        assert params.max_weight == original.max_weight

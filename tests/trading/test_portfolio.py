"""Weights within bounds, or the reason why there are none."""

from __future__ import annotations

import math
import random
from datetime import date, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

pytest.importorskip("scipy")

from trading.errors import TradingError
from trading.portfolio import optimize

LEVELS = ["conservative", "moderate", "aggressive"]


def returns(n: int, rows: int = 100, seed: int = 1, drift: float = 0.0005) -> dict[str, list[float]]:
    dice = random.Random(seed)
    return {
        f"bot{index}": [dice.gauss(drift, 0.01 * (1 + index % 3)) for _ in range(rows)] for index in range(n)
    }


@pytest.mark.parametrize(
    ("n", "words"),
    [
        (0, "3 or more are needed"),
        (1, "make 40 %, less than the whole: 3 or more"),
        (2, "make 80 %"),
        (21, "make 105 %, more than the whole: 20 or fewer fit"),
    ],
)
@pytest.mark.parametrize("level", LEVELS)
def test_bounds_that_cannot_be_met_are_told_in_plain_words(n: int, words: str, level: str) -> None:
    answer = optimize(returns(n), level)

    assert words in (answer.infeasible or "")
    assert (answer.weights, answer.reason) == ({}, "infeasible")


@pytest.mark.parametrize("level", LEVELS)
@pytest.mark.parametrize("drift", [0.001, -0.002], ids=["gaining", "losing"])
@pytest.mark.parametrize("n", [3, 7, 19, 20])
def test_weights_keep_their_bounds_and_make_a_whole(n: int, drift: float, level: str) -> None:
    answer = optimize(returns(n, drift=drift), level)

    assert answer.infeasible is None
    assert list(answer.weights) == list(returns(n))
    assert all(0.05 - 1e-9 <= weight <= 0.40 + 1e-9 for weight in answer.weights.values())
    assert sum(answer.weights.values()) == pytest.approx(1, abs=1e-9)


def test_twenty_at_five_percent_are_equal() -> None:
    assert set(optimize(returns(20), "moderate").weights.values()) == {0.05}


@settings(max_examples=25, deadline=None)
@given(st.integers(3, 8), st.integers(0, 10_000), st.floats(-0.003, 0.003))
def test_no_other_weights_are_better(n: int, seed: int, drift: float) -> None:
    table = returns(n, rows=80, seed=seed, drift=drift)
    answers = {level: optimize(table, level) for level in LEVELS}
    dice = random.Random(seed)

    for _ in range(30):
        other = _feasible(n, dice)
        expected, spread = _moments(table, other)
        assert answers["conservative"].volatility <= spread * (1 + 1e-7)
        assert answers["aggressive"].expected_return >= expected - 1e-9
        assert answers["moderate"].sharpe >= expected / spread - 1e-6


def test_the_highest_return_is_the_best_filled_up() -> None:
    table = returns(5)
    order = sorted(table, key=lambda name: -sum(table[name]))

    weights = optimize(table, "aggressive").weights

    assert [weights[name] for name in order] == pytest.approx([0.4, 0.4, 0.1, 0.05, 0.05], abs=1e-12)


def test_fewer_than_sixty_common_observations_are_too_few() -> None:
    table = returns(4, rows=60)
    table["bot2"][17] = math.nan

    answer = optimize(table, "moderate")

    assert answer.infeasible == "59 common observations, 60 are needed (bot2 has the fewest: 59)"
    assert answer.reason == "data"
    assert optimize(returns(4, rows=60), "moderate").infeasible is None


def test_a_row_with_a_hole_counts_for_nobody() -> None:
    table = returns(4, rows=100)
    holed = {name: [*values, math.nan if name == "bot1" else 9.0] for name, values in table.items()}

    assert optimize(holed, "moderate").weights == optimize(table, "moderate").weights
    assert optimize(holed, "moderate").observations == 100


@pytest.mark.parametrize("blank", [[], [math.nan] * 100], ids=["empty", "only nan"])
def test_a_bot_without_history_gets_the_least_and_the_others_the_rest(blank: list[float]) -> None:
    answer = optimize({"new": blank, **returns(4)}, "conservative")

    assert answer.weights["new"] == 0.05
    assert answer.without_history == ("new",)
    assert sum(answer.weights.values()) == pytest.approx(1, abs=1e-9)


def test_too_many_without_history_leave_no_answer() -> None:
    answer = optimize({**returns(2), "new": [], "newer": []}, "moderate")

    assert answer.reason == "data"
    assert "new, newer" in (answer.infeasible or "")


def test_two_that_move_as_one_are_named() -> None:
    table = returns(4)
    table["twin"] = [2 * value for value in table["bot1"]]

    answer = optimize(table, "conservative")

    assert answer.infeasible == "move as one, so the covariance is singular: bot1, twin"


@pytest.mark.parametrize("value", [0.0, 0.001])
def test_one_that_never_moves_is_named(value: float) -> None:
    answer = optimize({**returns(4), "cash": [value] * 100}, "conservative")

    assert answer.infeasible == "never moved, so the covariance is singular: cash"


def test_shrinkage_makes_twins_solvable() -> None:
    table = {**returns(4), "twin": returns(4)["bot1"]}

    answer = optimize(table, "conservative", covariance="ledoit_wolf")

    assert answer.infeasible is None
    assert 0 < answer.shrinkage < 1


def test_plain_sequences_of_different_length_are_not_guessed_together() -> None:
    answer = optimize({**returns(3), "late": [0.01, -0.01] * 40}, "moderate")

    assert answer.reason == "data"
    assert "late 80" in (answer.infeasible or "")


def test_dated_returns_are_aligned_by_date() -> None:
    days = [date(2025, 1, 1) + timedelta(days=index) for index in range(100)]
    table = returns(4)
    dated = {name: dict(zip(days, values, strict=True)) for name, values in table.items()}
    shifted = {name: dict(reversed(values.items())) for name, values in dated.items()}
    shifted["bot3"][date(2024, 1, 1)] = 5.0

    answer = optimize(shifted, "moderate")  # type: ignore[arg-type]

    assert answer.weights == pytest.approx(optimize(table, "moderate").weights, abs=1e-9)
    assert answer.observations == 100


def test_a_data_frame_of_returns_is_a_mapping_of_columns() -> None:
    pandas = pytest.importorskip("pandas")
    table = returns(4)

    assert optimize(pandas.DataFrame(table), "moderate").weights == optimize(table, "moderate").weights


def test_dated_and_plain_do_not_mix() -> None:
    table = {**returns(3), "dated": {date(2025, 1, 1): 0.1}}

    assert "bot0 has no dates and dated has" in (optimize(table, "moderate").infeasible or "")  # type: ignore[arg-type]


def test_what_a_caller_got_wrong_is_an_error() -> None:
    with pytest.raises(TradingError, match='"bold" is unknown: use conservative, moderate, aggressive'):
        optimize(returns(4), "bold")
    with pytest.raises(TradingError, match="use 0 <= lower <= upper <= 1"):
        optimize(returns(4), "moderate", lower=0.5, upper=0.4)


def _feasible(n: int, dice: random.Random) -> list[float]:
    while True:
        raw = [dice.random() for _ in range(n)]
        weights = [0.05 + (1 - 0.05 * n) * value / sum(raw) for value in raw]
        if max(weights) <= 0.4:
            return weights


def _moments(table: dict[str, list[float]], weights: list[float]) -> tuple[float, float]:
    mixed = [
        sum(w * r for w, r in zip(weights, row, strict=True)) for row in zip(*table.values(), strict=True)
    ]
    mean = sum(mixed) / len(mixed)
    variance = sum((value - mean) ** 2 for value in mixed) / (len(mixed) - 1)
    return mean * 252, math.sqrt(variance * 252)

"""Figures against plain reckoning, and where there is none."""

from __future__ import annotations

import math
from datetime import date, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trading.bars import time_of
from trading.reporting.facts import NONE, Curve
from trading.reporting.figures import (
    Settled,
    deepest,
    monthly_returns,
    profit_factor,
    settled,
    yearly_returns,
)

values = st.lists(st.floats(min_value=100.0, max_value=1e4), min_size=1, max_size=60)


def weekly(equity: list[float]) -> Curve:
    return tuple(
        (time_of(date(2023, 11, 6) + timedelta(days=7 * n)), value) for n, value in enumerate(equity)
    )


@given(values, st.floats(min_value=100.0, max_value=1e4))
def test_months_and_years_compound_to_the_whole(equity: list[float], start: float) -> None:
    whole = equity[-1] / start

    for returns in (monthly_returns(weekly(equity), start), yearly_returns(weekly(equity), start)):
        assert math.prod(1 + value for value in returns.values()) == pytest.approx(whole, rel=1e-9)


def test_a_month_is_told_from_the_end_of_the_month_before() -> None:
    curve: Curve = (
        (time_of(date(2025, 1, 30)), 110.0),
        (time_of(date(2025, 1, 31)), 120.0),
        (time_of(date(2025, 3, 3)), 60.0),
        (time_of(date(2025, 3, 31)), 90.0),
    )

    months = monthly_returns(curve, 100.0)
    assert list(months) == [(2025, 1), (2025, 3)]
    assert list(months.values()) == pytest.approx([0.2, -0.25])
    assert list(yearly_returns(curve, 100.0).values()) == pytest.approx([-0.1])


def test_a_gap_is_no_end_of_a_month() -> None:
    curve: Curve = ((time_of(date(2025, 1, 30)), 110.0), (time_of(date(2025, 1, 31)), math.nan))

    assert list(monthly_returns(curve, 100.0).values()) == pytest.approx([0.1])


@given(values)
def test_the_deepest_fall_is_that_of_all_pairs(equity: list[float]) -> None:
    falls = [later / earlier - 1 for i, earlier in enumerate(equity) for later in equity[i:]]

    assert deepest(equity) == pytest.approx(min(falls))


def test_a_fall_on_the_first_day_shows_only_from_the_start() -> None:
    assert deepest([90.0, 95.0], 100.0) == pytest.approx(-0.1)
    assert deepest([90.0, 95.0]) == 0.0


@pytest.mark.parametrize("nothing", [[], [math.nan], [-5.0]])
def test_without_a_value_to_fall_from_there_is_no_fall(nothing: list[float]) -> None:
    assert deepest(nothing) is NONE


def test_a_trade_that_ends_at_zero_is_settled_and_neither_won_nor_lost() -> None:
    assert settled([5.0, 0.0, -2.0]) == Settled(trades=3, wins=1, losses=1, profit=3.0)
    assert settled([]) == Settled(trades=0, wins=0, losses=0, profit=0.0)


def test_gains_over_losses() -> None:
    assert profit_factor([30.0, -10.0, -5.0]) == 2.0
    assert profit_factor([-10.0]) == 0.0
    assert profit_factor([30.0]) is NONE
    assert profit_factor([]) is NONE

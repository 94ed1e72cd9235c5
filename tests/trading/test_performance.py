"""Statistics of returns: definitions, and what is said where they are undefined."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trading.performance import (
    cagr,
    calmar,
    max_drawdown,
    returns_of,
    sharpe,
    sortino,
    summary,
    total_return,
    volatility,
)

RETURNS = [0.02, -0.01, 0.03, -0.02, 0.01]
"""Mean 0.006, deviation √(0.00172/4) = 0.0207364, downside √(0.0005/5) = 0.01."""


def test_the_ratios_by_hand() -> None:
    assert sharpe(RETURNS, periods_per_year=4) == pytest.approx(2 * 0.006 / 0.0207364413533, rel=1e-9)
    assert sortino(RETURNS, periods_per_year=4) == pytest.approx(2 * 0.6, rel=1e-12)
    assert volatility(RETURNS, periods_per_year=4) == pytest.approx(2 * 0.0207364413533, rel=1e-9)
    grown = 1.02 * 0.99 * 1.03 * 0.98 * 1.01
    assert total_return(RETURNS) == pytest.approx(grown - 1, rel=1e-12)
    assert cagr(RETURNS, periods_per_year=10) == pytest.approx(grown**2 - 1, rel=1e-12)


def test_the_risk_free_rate_is_annual_and_taken_off_evenly() -> None:
    rate = 0.006 * 4

    assert sharpe(RETURNS, periods_per_year=4, risk_free=rate) == pytest.approx(0, abs=1e-12)
    assert sortino(RETURNS, periods_per_year=4, risk_free=rate) == pytest.approx(0, abs=1e-12)
    assert volatility(RETURNS, risk_free=rate) == volatility(RETURNS)


def test_the_drawdown_counts_from_the_starting_value() -> None:
    assert max_drawdown([1.0, 0.8, 0.9, 1.2, 1.08]) == pytest.approx(-0.2)
    assert max_drawdown([0.8, 0.9, 1.2, 1.08]) == pytest.approx(-0.1)
    assert summary([0.8, 0.9], start=1.0).max_drawdown == pytest.approx(-0.2)
    assert summary([0.8, 0.9], start=1.0).total_return == pytest.approx(-0.1)


def test_numpy_arrays_and_lists_give_the_same() -> None:
    numpy = pytest.importorskip("numpy")
    array = numpy.array(RETURNS)

    for statistic in (sharpe, sortino, cagr, volatility, total_return, calmar):
        assert statistic(array) == statistic(RETURNS)
        assert type(statistic(array)) is float
    assert max_drawdown(numpy.array([1.0, 0.5])) == -0.5


@pytest.mark.parametrize("statistic", [sharpe, sortino, cagr, volatility, total_return, calmar, max_drawdown])
@pytest.mark.parametrize("nothing", [[], [math.nan, math.nan]], ids=["empty", "only nan"])
def test_nothing_has_no_statistic(statistic: object, nothing: list[float]) -> None:
    assert math.isnan(statistic(nothing))  # type: ignore[operator]


def test_one_return_has_growth_but_no_deviation() -> None:
    assert cagr([0.1], periods_per_year=1) == pytest.approx(0.1)
    assert math.isnan(sharpe([0.1]))
    assert math.isnan(sortino([0.1]))
    assert math.isnan(volatility([0.1]))


def test_a_return_that_is_no_number_is_left_out() -> None:
    holed = [math.nan, 0.02, -0.01, math.inf, 0.03, -0.02, math.nan, 0.01]

    for statistic in (sharpe, sortino, cagr, volatility, total_return, calmar):
        assert statistic(holed) == statistic(RETURNS)


def test_divided_by_nothing() -> None:
    # The mean of three times 0.003 is, rounded, not 0.003.
    flat, rising, falling = [0.0] * 9, [0.003] * 3, [-0.003] * 3

    assert math.isnan(sharpe(flat))
    assert math.isnan(sortino(flat))
    assert volatility(rising) == 0
    assert (sharpe(rising), sharpe(falling)) == (math.inf, -math.inf)
    assert sortino(rising) == math.inf
    assert math.isnan(calmar(rising))
    assert (max_drawdown([1.0] * 9), cagr(flat)) == (0, 0)


def test_all_lost_stays_lost() -> None:
    ruined = [0.1, -1.0, 0.5]

    assert total_return(ruined) == -1
    assert cagr(ruined) == -1
    assert cagr([0.1, -1.5, -3.0]) == -1
    assert max_drawdown([1.0, 0.0, 0.0]) == -1
    assert math.isnan(returns_of([1.0, 0.0, 1.0])[1])


@given(st.lists(st.floats(-0.5, 0.5), min_size=1, max_size=60))
def test_returns_and_equity_tell_the_same(returns: list[float]) -> None:
    equity = [1.0]
    for value in returns:
        equity.append(equity[-1] * (1 + value))

    told = summary(equity)

    assert told.total_return == pytest.approx(total_return(returns), rel=1e-9, abs=1e-12)
    assert told.cagr == pytest.approx(cagr(returns), rel=1e-6, abs=1e-12)
    assert -1 <= told.max_drawdown <= 0
    assert told.max_drawdown <= min(0.0, *returns) + 1e-12

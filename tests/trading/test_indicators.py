"""Indicators equal independent libraries, and keep their written edge rules."""

from __future__ import annotations

import csv
import math
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from trading.indicators import ema, momentum, rsi, sma, volatility

Closes = list[float]
COLUMNS: dict[str, Callable[[Closes, int], list[float]]] = {
    "sma20": lambda closes, year: sma(closes, 20),
    "sma60": lambda closes, year: sma(closes, 60),
    "ema20": lambda closes, year: ema(closes, 20),
    "rsi14": lambda closes, year: rsi(closes, 14),
    "mom20_pct": lambda closes, year: momentum(closes, 20),
    "vol20_ann": lambda closes, year: volatility(closes, 20, periods_per_year=year),
}
NAN = math.nan


@pytest.mark.corpus
@pytest.mark.parametrize("column", COLUMNS)
@pytest.mark.parametrize("symbol", ["SPY_1d", "AAPL_1d", "EEM_1d", "BTCUSD_1d"])
def test_an_indicator_equals_two_independent_libraries(corpus: Path, symbol: str, column: str) -> None:
    path = corpus / "market" / "reference" / f"indicators_{symbol}.csv"
    with path.open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    closes = [float(row["close"]) for row in rows]

    values = COLUMNS[column](closes, 365 if symbol.startswith("BTC") else 252)

    for library in ("a", "b"):
        wanted = [float(row[f"{column}_{library}"] or "nan") for row in rows]
        assert values == pytest.approx(wanted, rel=1e-9, abs=1e-9, nan_ok=True)


def test_the_first_value_comes_when_the_window_is_full() -> None:
    closes = [float(n % 7 + 100) for n in range(30)]

    first = {
        name: next(i for i, value in enumerate(values) if not math.isnan(value))
        for name, values in (
            ("sma", sma(closes, 5)),
            ("ema", ema(closes, 5)),
            ("rsi", rsi(closes, 5)),
            ("momentum", momentum(closes, 5)),
            ("volatility", volatility(closes, 5)),
        )
    }

    assert first == {"sma": 4, "ema": 4, "rsi": 5, "momentum": 5, "volatility": 5}


@pytest.mark.parametrize(
    ("closes", "wanted"),
    [([7.0] * 20, 50.0), ([float(n) for n in range(1, 21)], 100.0), ([float(-n) for n in range(20)], 0.0)],
    ids=["flat", "only up", "only down"],
)
def test_the_rsi_of_a_one_sided_price_is_defined(closes: Closes, wanted: float) -> None:
    assert rsi(closes, 14)[-1] == wanted


@pytest.mark.parametrize("indicator", [sma, ema, rsi, momentum, volatility])
def test_a_bar_without_a_price_is_skipped(indicator: Callable[[Closes, int], list[float]]) -> None:
    closes = [100.0, 101.5, 99.0, 102.0, 103.0, 101.0, 104.0]
    holed = [*closes[:3], NAN, *closes[3:5], math.inf, *closes[5:]]

    values = indicator(holed, 3)

    assert math.isnan(values[3])
    assert math.isnan(values[6])
    kept = [value for value, close in zip(values, holed, strict=True) if math.isfinite(close)]
    assert kept == pytest.approx(indicator(closes, 3), nan_ok=True)


def test_a_return_from_a_price_of_zero_does_not_exist() -> None:
    closes = [0.0, 1.0, 2.0, 3.0, 4.0]

    assert [math.isnan(value) for value in momentum(closes, 2)] == [True, True, True, False, False]
    assert [math.isnan(value) for value in volatility(closes, 2)] == [True, True, True, False, False]


@given(st.lists(st.floats(1, 1e6), min_size=1, max_size=40), st.integers(2, 10))
def test_the_future_changes_nothing(closes: Closes, n: int) -> None:
    half = len(closes) // 2

    for indicator in (sma, ema, rsi, momentum, volatility):
        assert indicator(closes, n)[:half] == pytest.approx(indicator(closes[:half], n), nan_ok=True)


def test_a_window_of_no_bars_is_refused() -> None:
    with pytest.raises(ValueError, match="use 1 or more"):
        sma([1.0], 0)
    with pytest.raises(ValueError, match="use 2 or more"):
        volatility([1.0], 1)


HUGE = st.floats(allow_nan=True, allow_infinity=True)


@given(st.lists(HUGE, max_size=30), st.integers(2, 6))
@example([1.7e308] * 10, 3)
@example([1.7e308, -1.7e308] * 5, 3)
def test_no_number_whatever_breaks_an_indicator(closes: Closes, n: int) -> None:
    for indicator in (sma, ema, rsi, momentum, volatility):
        assert len(indicator(closes, n)) == len(closes)


@given(st.lists(st.floats(1, 1e4), min_size=12, max_size=40), st.floats(1e12, 1e99))
def test_a_huge_price_leaves_nothing_behind_once_it_left_the_window(closes: Closes, huge: float) -> None:
    for indicator, memory in ((sma, 5), (momentum, 6), (volatility, 6)):
        after = indicator([*closes[:4], huge, *closes[4:]], 5)[5 + memory :]

        assert after == indicator(closes[4:], 5)[memory:]


@given(st.lists(st.floats(1e-3, 1e6), min_size=30, max_size=60))
def test_an_index_stays_within_its_scale_and_a_deviation_is_not_negative(closes: Closes) -> None:
    assert all(0 <= value <= 100 for value in rsi(closes, 5) if not math.isnan(value))
    assert all(value >= 0 for value in volatility(closes, 5) if not math.isnan(value))


@given(st.floats(1e-3, 1e6))
def test_the_mean_of_equal_closes_is_that_close_and_their_deviation_nothing(close: float) -> None:
    closes = [close] * 12

    assert sma(closes, 7)[-1] == pytest.approx(close, rel=1e-15)
    assert volatility(closes, 7)[-1] == 0
    assert rsi(closes, 7)[-1] == 50

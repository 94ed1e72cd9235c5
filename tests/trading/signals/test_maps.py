"""The MAPS score: its formula, its bounds, and what it must not be moved by."""

from __future__ import annotations

import itertools
import math
import statistics
from pathlib import Path

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from tests.trading.signals.markets import QUICK, bar, bars_from, market
from trading.bars import Bar
from trading.indicators import rsi
from trading.signals.maps import Reading, confidence_of, score_of
from trading.signals.params import Params, ParamsError

ANY_PRICE = st.floats(1e-3, 1e9)


def reading_of(bars: list[Bar], params: Params = QUICK) -> Reading | None:
    score = score_of(params)
    reading = None
    for each in bars:
        reading = score.update(each)
    return reading


def by_hand(closes: list[float], params: Params) -> float:
    """Return the score as the documentation writes it."""
    returns = [after / before - 1 for before, after in itertools.pairwise(closes)]
    sigma = statistics.stdev(returns[-params.volatility :])

    def squashed(z: float) -> float:
        return z / math.sqrt(1 + z * z)

    def trend(n: int) -> float:
        return squashed((closes[-1] / statistics.fmean(closes[-n:]) - 1) / (sigma * math.sqrt(n / 3)))

    change = closes[-1] / closes[-1 - params.momentum] - 1
    momentum = squashed(change / (sigma * math.sqrt(params.momentum)))
    strength = (50 - rsi(closes, params.rsi)[-1]) / 50
    shares = params.trend_share + params.momentum_share + params.rsi_share
    mean_trend = (trend(params.fast) + trend(params.slow)) / 2
    parts = params.trend_share * mean_trend + params.momentum_share * momentum + params.rsi_share * strength
    return 10 * parts / shares


@pytest.mark.parametrize(
    "params", [Params(), Params(trend_share=1, momentum_share=0, rsi_share=3), QUICK], ids=str
)
def test_the_score_is_the_documented_formula(params: Params) -> None:
    closes = [each.close for each in market(7, symbols=1, days=90, missing=0)["S0"]]

    reading = reading_of(bars_from(closes), params)

    assert reading is not None
    assert reading.score == pytest.approx(by_hand(closes, params), rel=1e-12)


def test_a_steady_rise_that_fell_back_a_little_scores_about_five() -> None:
    """The order of magnitude that the messages show."""
    closes = [100 * 1.004**day * (1 + 0.012 * (-1) ** day) for day in range(80)]

    reading = reading_of(bars_from(closes), Params())

    assert reading is not None
    assert 4 < reading.score < 7


def test_there_is_no_score_before_all_windows_are_full() -> None:
    closes = [100 + day % 3 for day in range(60)]

    assert reading_of(bars_from(closes[:59]), Params()) is None
    assert reading_of(bars_from(closes), Params()) is not None


def test_a_price_that_does_not_move_scores_nothing() -> None:
    reading = reading_of([bar(day, 0.1) for day in range(70)], Params())

    assert reading is not None
    assert (reading.score, reading.rsi, reading.volatility) == (0.0, 50.0, 0.0)


def test_an_oversold_price_in_a_fall_does_not_reach_the_entry() -> None:
    closes = [100 * 0.99**day * (1 + 0.002 * (-1) ** day) for day in range(80)]

    reading = reading_of(bars_from(closes), Params())

    assert reading is not None
    assert reading.rsi < 30
    assert reading.score < 0


@given(st.lists(ANY_PRICE, min_size=9, max_size=30))
def test_a_score_is_a_number_from_minus_ten_to_ten(closes: list[float]) -> None:
    for name in ("maps", "reversal", "maps+reversal"):
        reading = reading_of(bars_from(closes), Params(**{**vars(QUICK), "score": name}))

        assert reading is not None
        assert -10 <= reading.score <= 10


@given(st.lists(st.floats(allow_nan=True, allow_infinity=True), min_size=1, max_size=30))
@example([1.0, -1.0] * 15)
def test_no_close_whatever_breaks_a_score(closes: list[float]) -> None:
    for name in ("maps", "reversal"):
        reading = reading_of(
            [bar(day, close) for day, close in enumerate(closes)], Params(score=name, slow=20)
        )

        assert reading is None or all(map(math.isfinite, reading[:4]))


def test_a_move_beyond_all_measure_counts_as_one_part_at_its_best() -> None:
    params = Params(fast=2, slow=2, rsi=2, volatility=4, momentum=8, trend_share=0, rsi_share=0)
    closes = [1e-200] * 4 + [1e99 * (1 + 1e-5 * (-1) ** day) for day in range(8)]

    readings = [reading_of(bars_from(closes[: 9 + last]), params) for last in range(4)]

    assert [reading.score for reading in readings if reading] == [10.0] * 4


def test_reversal_buys_a_dip_in_a_rise_and_nothing_that_falls() -> None:
    rise = [100 * 1.004**day * (1 + 0.003 * (-1) ** day) for day in range(70)]
    fall = [100 * 0.996**day * (1 + 0.003 * (-1) ** day) for day in range(70)]
    params = Params(score="reversal")

    dip, top, falling = (
        reading_of(bars_from(closes), params) for closes in ([*rise, rise[-1] * 0.95], rise, fall)
    )

    assert dip is not None
    assert top is not None
    assert falling is not None
    assert dip.score > 2
    assert top.score < 0
    assert falling.score == -10


def test_the_currency_of_a_price_does_not_matter() -> None:
    closes = [each.close for each in market(3, symbols=1, missing=0)["S0"]]

    won = reading_of(bars_from([close * 1391 for close in closes]))
    dollars = reading_of(bars_from(closes))

    assert won is not None
    assert dollars is not None
    assert won == pytest.approx(dollars, rel=1e-9)


def test_an_unadjusted_split_moves_the_score_by_no_more_than_its_bound() -> None:
    closes = [100 * 1.002**day * (1 + 0.01 * (-1) ** day) for day in range(80)]
    split = [*closes[:79], closes[79] / 7]

    reading = reading_of(bars_from(split), Params())

    assert reading is not None
    assert -10 < reading.score < 0


@given(st.floats(-10, 10), st.floats(-10, 10))
def test_confidence_rises_with_the_score_from_nothing_to_certainty(one: float, other: float) -> None:
    low, high = sorted((one, other))

    assert 0 <= confidence_of(low) <= confidence_of(high) <= 1
    assert (confidence_of(-10), confidence_of(0), confidence_of(10)) == (0, 0.5, 1)


def test_several_scores_make_their_mean() -> None:
    bars = market(5, symbols=1, missing=0)["S0"]
    one, other, both = (
        reading_of(bars, Params(score=name)) for name in ("maps", "reversal", "maps+reversal")
    )

    assert one is not None
    assert other is not None
    assert both == one._replace(score=(one.score + other.score) / 2)


def test_an_unknown_score_is_refused_with_those_that_are_known() -> None:
    with pytest.raises(ParamsError, match="'mapz' is unknown: known are maps, reversal"):
        score_of(Params(score="mapz"))


def test_a_package_can_bring_a_score_of_its_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    info = tmp_path / "outside-1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Name: outside\nVersion: 1.0\n")
    (info / "entry_points.txt").write_text("[trading.scores]\nconstant = outside_score:Constant\n")
    (tmp_path / "outside_score.py").write_text(
        "from trading.signals.maps import Reading\n"
        "class Constant:\n"
        "    def __init__(self, params): pass\n"
        "    def update(self, bar): return Reading(4.5, 50.0, 0.0, 0.0, 0.01)\n"
    )
    monkeypatch.syspath_prepend(tmp_path)

    assert reading_of([bar(0, 100)], Params(score="constant")) == Reading(4.5, 50.0, 0.0, 0.0, 0.01)

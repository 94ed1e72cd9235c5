"""The kind of market is told by written rules, from the past only, and does not flap."""

from __future__ import annotations

import csv
import io
import itertools
import json
import math
import random
import zipfile
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trading.errors import TradingError
from trading.regime import MarketState, Regime, RegimeRules, Regimes

RULES = RegimeRules(trend=10, momentum=5, volatility=5, confirm=1)


def states(closes: list[float], rules: RegimeRules = RULES) -> list[MarketState | None]:
    market = Regimes(rules)
    return [market.update(close) for close in closes]


def regimes(closes: list[float], rules: RegimeRules = RULES) -> list[Regime | None]:
    return [state.regime if state else None for state in states(closes, rules)]


def grown(*parts: tuple[int, float]) -> list[float]:
    """Return closes that grow by a rate for a number of bars each, with a small tremble."""
    closes = [100.0]
    for bars, rate in parts:
        for _ in range(bars):
            closes.append(closes[-1] * (1 + rate + 0.0005 * (-1) ** len(closes)))
    return closes


@pytest.mark.parametrize(
    ("closes", "regime"),
    [
        (grown((20, 0.004)), "bull"),
        (grown((20, -0.004)), "bear"),
        (grown((20, 0.0)), "sideways"),
        ([100 * (1 + 0.02 * (-1) ** day) for day in range(20)], "volatile"),
        ([100 * 1.02**day * (1 + 0.02 * (-1) ** day) for day in range(20)], "volatile"),
    ],
    ids=["up", "down", "nowhere", "wild", "wild and up"],
)
def test_each_kind_of_market_has_its_rule(closes: list[float], regime: Regime) -> None:
    assert regimes(closes)[-1] == regime


def test_nothing_is_told_before_the_windows_are_full() -> None:
    said = regimes(grown((20, 0.004)))

    assert said[:9] == [None] * 9
    assert None not in said[9:]


def test_the_figures_are_those_of_the_definitions() -> None:
    closes = grown((20, 0.004))

    state = states(closes)[-1]

    assert state is not None
    assert state.trend == pytest.approx(closes[-1] / (sum(closes[-10:]) / 10) - 1)
    assert state.momentum == pytest.approx(closes[-1] / closes[-6] - 1)
    assert 0 < state.volatility < 0.05


def test_a_trend_that_ends_is_no_longer_told() -> None:
    said = regimes(grown((20, 0.006), (20, 0.0), (20, -0.006)))

    assert [word for word, _ in itertools.groupby(said)] == [None, "bull", "sideways", "bear"]


@pytest.mark.parametrize(("sign", "regime"), [(1, "bull"), (-1, "bear")])
def test_a_trend_needs_more_to_begin_than_to_go_on(sign: int, regime: Regime) -> None:
    """A slow trend keeps the close 0.5 % from its mean: within the band."""
    slow = grown((20, sign * 0.001))
    strong_then_slow = grown((20, sign * 0.004), (20, sign * 0.001))

    assert regimes(slow)[-1] == "sideways"
    assert regimes(strong_then_slow)[-1] == regime


@pytest.mark.parametrize("sign", [1, -1])
def test_a_trend_whose_momentum_is_lost_is_none(sign: int) -> None:
    """Still beyond the band from its mean, but back from where it was five bars ago."""
    closes = grown((14, sign * 0.002), (4, sign * 0.02), (5, -sign * 0.001))

    state = states(closes, replace(RULES, volatile_from=9, calm_below=9))[-1]

    assert state is not None
    assert sign * state.trend > RULES.band
    assert sign * state.momentum < 0
    assert state.regime == "sideways"


def test_volatility_has_one_threshold_to_enter_and_another_to_leave() -> None:
    def wild(size: float, bars: int = 12) -> list[float]:
        return [100 * (1 + size * (-1) ** day) for day in range(bars)]

    between = replace(RULES, volatile_from=0.30, calm_below=0.10)

    # A swing of 0.5 % each way is 17 % a year: too little to become volatile, too much to be calm again.
    assert regimes(wild(0.005), between)[-1] == "sideways"
    assert regimes([*wild(0.02), *wild(0.005)], between)[-1] == "volatile"
    assert regimes([*wild(0.02), *wild(0.001)], between)[-1] == "sideways"


def test_a_new_kind_counts_when_it_is_seen_often_enough_but_danger_counts_at_once() -> None:
    closes = grown((20, 0.006), (12, -0.006))
    patient = replace(RULES, confirm=4)

    first = regimes(closes).index("bear")
    later = regimes(closes, patient).index("bear")

    assert later == first + 3
    shocked = [*closes, closes[-1] * 0.8]
    assert regimes(shocked, patient)[-1] == "volatile"


def test_a_word_seen_now_and_then_does_not_flap() -> None:
    chance = random.Random(8)
    closes = [100.0]
    for _ in range(500):
        closes.append(closes[-1] * (1 + chance.gauss(0, 0.004)))
    quick = replace(RULES, band=0, volatile_from=0.066, calm_below=0.066)
    settled = replace(RULES, confirm=3, band=0.01, volatile_from=0.066, calm_below=0.05)

    def turns(rules: RegimeRules) -> int:
        return sum(one != other for one, other in itertools.pairwise(regimes(closes, rules)))

    assert turns(settled) < turns(quick) / 3


def test_a_close_that_is_no_price_changes_nothing() -> None:
    market = Regimes(RULES)
    for close in grown((20, 0.004)):
        market.update(close)
    state = market.state

    assert [market.update(close) for close in (math.nan, math.inf, 0.0, -5.0)] == [state] * 4


@given(st.lists(st.floats(1, 1000), max_size=60), st.integers(0, 60))
def test_what_was_said_of_a_day_never_changes_later(closes: list[float], cut: int) -> None:
    assert states(closes)[:cut] == states(closes[:cut])


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"trend": 0}, "market.trend = 0: use 1 bar or more"),
        ({"volatility": 1}, "market.volatility = 1: use 2 bars or more"),
        ({"calm_below": 0.5}, "write 0 < calm_below <= volatile_from"),
        ({"band": math.nan}, "the band is 0 or more"),
        ({"periods_per_year": 0}, "a year has more than 0 bars"),
    ],
)
def test_rules_that_cannot_be_followed_are_refused(changes: dict[str, float], said: str) -> None:
    with pytest.raises(TradingError, match=said):
        RegimeRules(**changes)  # type: ignore[arg-type]


@pytest.mark.corpus
def test_volatile_days_are_mostly_those_of_two_statistical_models(corpus: Path) -> None:
    """On SPY 2005..2020. Both models look back over all years; these rules knew each day only its past."""
    days, closes = spy(corpus)
    reference = json.loads((corpus / "market" / "reference" / "regime_SPY_two_state.json").read_text())
    high = set(reference["high_vol_segments_both"])

    said = {
        day: state.regime
        for day, state in zip(days, states(closes, RegimeRules()), strict=True)
        if state is not None and "2005" <= day[:4] <= "2020"
    }

    agreed = sum((regime == "volatile") == (day in high) for day, regime in said.items()) / len(said)
    assert len(said) == 4028
    assert agreed == pytest.approx(0.879, abs=0.001)


def spy(corpus: Path) -> tuple[list[str], list[float]]:
    with zipfile.ZipFile(corpus / "market" / "lean" / "equity_usa_daily" / "spy.zip") as archive:
        text = archive.read(archive.namelist()[0]).decode()
    rows = list(csv.reader(io.StringIO(text)))
    return [f"{row[0][:4]}-{row[0][4:6]}-{row[0][6:8]}" for row in rows], [float(row[4]) for row in rows]

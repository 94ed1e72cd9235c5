"""What the engine says of a session: of the past only, the same live and in a backtest, within its caps."""

from __future__ import annotations

import math
import random
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.trading.signals.markets import (
    DAY_NS,
    QUICK,
    bar,
    bars_from,
    follow,
    market,
    played,
    played_sessions,
    still,
)
from trading.bars import Bar
from trading.regime import RegimeRules
from trading.signals.engine import SignalEngine, sessions_of
from trading.signals.params import Params, ParamsError
from trading.signals.signal import Signal, Verdict

SEEDS = st.integers(0, 10**6)
RISING = [100 * 1.01**day * (1 + 0.004 * (-1) ** day) for day in range(20)]
FALLING = [RISING[-1] * 0.98**day * (1 + 0.004 * (-1) ** day) for day in range(1, 12)]


@settings(max_examples=40)
@given(SEEDS, st.integers(0, 60))
def test_a_prefix_gives_the_verdicts_of_the_whole_cut_there(seed: int, cut: int) -> None:
    sessions = list(sessions_of(market(seed)))
    symbols = sorted({symbol for _, bars in sessions for symbol in bars})

    whole = played_sessions(sessions, QUICK, symbols)

    assert played_sessions(sessions[:cut], QUICK, symbols) == whole[:cut]


@settings(max_examples=40)
@given(SEEDS, st.integers(10, 50), st.randoms(use_true_random=False))
def test_shuffling_the_future_changes_nothing(seed: int, today: int, chance: random.Random) -> None:
    sessions = list(sessions_of(market(seed, missing=0)))
    future = [bars for _, bars in sessions[today:]]
    chance.shuffle(future)
    other = sessions[:today] + [
        (time, bars) for (time, _), bars in zip(sessions[today:], future, strict=True)
    ]

    assert (
        played_sessions(other, QUICK, ["S0", "S1", "S2", "S3", "S4"])[:today]
        == played_sessions(sessions, QUICK, ["S0", "S1", "S2", "S3", "S4"])[:today]
    )


@settings(max_examples=40)
@given(SEEDS)
def test_live_says_bar_by_bar_what_the_backtest_said(seed: int) -> None:
    """Live starts anew for each session, warmed up by what came before, and knows only what is held now."""
    series = market(seed, days=40)
    sessions = list(sessions_of(series))
    backtest = played(series)

    held: dict[str, float] = {}
    for today, (time, bars) in enumerate(sessions):
        live = SignalEngine(QUICK, list(series))
        for past, there in sessions[:today]:
            live.observe(past, there)
        verdict = live.on_session(time, bars, held)
        assert verdict == backtest[today]
        follow(verdict, held)


@settings(max_examples=40)
@given(SEEDS, st.randoms(use_true_random=False))
def test_the_order_of_symbols_does_not_matter(seed: int, chance: random.Random) -> None:
    series = market(seed)
    shuffled = list(series)
    chance.shuffle(shuffled)

    assert played({symbol: series[symbol] for symbol in shuffled}, symbols=shuffled) == played(series)


@settings(max_examples=40)
@given(SEEDS, st.floats(0.05, 1), st.floats(0.05, 1))
def test_weights_never_pass_their_caps_and_each_symbol_is_named_once(
    seed: int, max_weight: float, max_total: float
) -> None:
    params = replace(QUICK, max_weight=max_weight, max_total=max_total, max_correlation=0.5)

    for verdict in played(market(seed), params):
        weights = [signal.weight or 0.0 for signal in verdict.signals]
        assert math.fsum(weights) <= max_total + 1e-9
        assert all(0 <= weight <= max_weight + 1e-9 for weight in weights)
        assert all(0 <= signal.confidence <= 1 for signal in verdict.signals)
        named = [signal.symbol for signal in verdict.signals] + [
            each.signal.symbol for each in verdict.filtered
        ]
        assert len(named) == len(set(named))


@settings(max_examples=40)
@given(SEEDS)
def test_only_what_is_not_held_is_bought_and_only_what_is_held_is_sold(seed: int) -> None:
    held: dict[str, float] = {}
    for verdict in played(market(seed)):
        for signal in verdict.signals:
            assert (signal.action == "buy") == (signal.symbol not in held)
        follow(verdict, held)


@settings(max_examples=40)
@given(SEEDS)
def test_what_is_said_follows_from_the_score(seed: int) -> None:
    params = replace(QUICK, entry=3.0, exit=-1.0, min_confidence=0.7)

    for verdict in played(market(seed), params):
        for signal in (*verdict.signals, *(each.signal for each in verdict.filtered)):
            if signal.score is None:
                continue
            if signal.action == "buy":
                assert signal.score > 3
                assert signal.confidence == pytest.approx(0.5 + signal.score / 20)
            elif signal.action == "sell":
                assert signal.score < -1
                assert signal.confidence == pytest.approx(0.5 - signal.score / 20)
            else:
                assert signal.score >= -1


def test_a_rising_symbol_is_bought_held_and_sold_when_its_score_turns() -> None:
    series = {"A": bars_from(RISING + FALLING)}

    said = [verdict.signals[0].action if verdict.signals else "" for verdict in played(series)]

    first, last = said.index("buy"), said.index("sell")
    assert set(said[first + 1 : last]) == {"hold"}
    assert "buy" not in said[last:]
    assert last >= 20


def test_a_signal_carries_the_figures_it_was_made_from() -> None:
    verdict = next(each for each in played({"A": bars_from(RISING)}) if each.signals)

    (signal,) = verdict.signals
    assert signal.symbol == "A"
    assert signal.reason == f"MAPS={signal.score:.1f}, RSI={signal.rsi:.0f}"
    assert signal.confidence == pytest.approx(0.5 + (signal.score or 0) / 20)
    assert signal.weight == 0.15
    assert signal.close == RISING[verdict.time // DAY_NS]
    assert None not in (signal.ma_ratio, signal.momentum, signal.volatility)


def test_a_halted_share_is_not_bought_however_oversold_it_looks() -> None:
    """Its RSI stays where trading stopped, and its volatility falls to nothing."""
    fall = [100 * 0.97**day for day in range(20)]
    halted = {"A": [*bars_from(fall), *(still(20 + day, fall[-1]) for day in range(20))]}
    rise = {"A": [*bars_from(RISING), *(still(20 + day, RISING[-1]) for day in range(20))]}

    after_fall = played(halted, replace(QUICK, min_confidence=0))
    after_rise = [
        engine_of(rise["A"], until).filtered for until in range(21, 40)
    ]  # never held: the gate is asked each day

    assert all(not verdict.signals for verdict in after_fall)
    assert after_rise[0][0].filter == "halted"
    assert (after_rise[0][0].value, after_rise[0][0].threshold) == (1.0, 1.0)
    assert all(each.filter == "halted" for filtered in after_rise for each in filtered)


def engine_of(bars: list[Bar], until: int, params: Params = QUICK) -> Verdict:
    engine = SignalEngine(params, ["A"])
    for each in bars[: until - 1]:
        engine.observe(each.time, {"A": each})
    return engine.on_session(bars[until - 1].time, {"A": bars[until - 1]}, {})


def test_a_bar_that_is_no_price_counts_as_missing() -> None:
    for price in (math.nan, math.inf, 0.0, -3.0):
        sessions = [(each.time, {"A": each}) for each in bars_from(RISING)]
        engine = SignalEngine(QUICK, ["A"])
        for time, bars in sessions:
            engine.observe(time, bars)

        verdict = engine.on_session(20 * DAY_NS, {"A": bar(20, price)}, {"A": 1.0})

        assert verdict.signals == ()
        verdict = engine.on_session(21 * DAY_NS, {"A": bar(21, RISING[-1])}, {"A": 1.0})
        assert [signal.action for signal in verdict.signals] == ["hold"]


def test_a_position_without_bars_keeps_its_share_then_is_to_be_sold() -> None:
    rising = bars_from(RISING)
    series = {"A": rising, "B": bars_from([*RISING, *(RISING[-1] * 1.01**day for day in range(1, 8))])}
    sessions = list(sessions_of(series))
    engine = SignalEngine(replace(QUICK, max_weight=0.6, max_total=1, max_correlation=1), ["A", "B"])
    held = {"A": 1.0, "B": 1.0}

    verdicts = [engine.on_session(time, bars, held) for time, bars in sessions][19:]

    assert [signal.symbol for signal in verdicts[0].signals] == ["A", "B"]
    for verdict in verdicts[1:4]:
        assert [signal.symbol for signal in verdict.signals] == ["B"]
        assert verdict.signals[0].weight is not None
        assert verdict.signals[0].weight < 0.6
    gone, staying = verdicts[4].signals
    assert gone == Signal("sell", 1.0, "no bars for 4 sessions", "A", weight=0.0, close=RISING[-1])
    assert staying.weight == 0.6


def test_what_is_no_longer_in_the_universe_is_to_be_sold() -> None:
    verdict = SignalEngine(QUICK, ["A"]).on_session(0, {"A": bar(0, 10)}, {"A": 0.0, "OLD": 5.0})

    assert verdict.signals == (Signal("sell", 1.0, "no longer among the symbols", "OLD", weight=0.0),)


def test_a_held_symbol_with_too_few_bars_for_a_score_is_held_as_it_is() -> None:
    verdict = SignalEngine(QUICK, ["A"]).on_session(0, {"A": bar(0, 10)}, {"A": 3.0})

    assert verdict.signals == (Signal("hold", 0.5, "too few bars for a score", "A", close=10),)


def test_two_symbols_that_move_together_are_not_both_bought() -> None:
    twin = [close * 2 for close in RISING]
    series = {"A": bars_from(RISING), "B": bars_from(twin)}

    verdicts = played(series, replace(QUICK, max_correlation=0.9))

    first = next(verdict for verdict in verdicts if verdict.signals)
    assert [signal.symbol for signal in first.signals] == ["A"]
    (stopped,) = first.filtered
    assert (stopped.signal.symbol, stopped.filter, stopped.threshold) == ("B", "correlation", 0.9)
    assert stopped.value == pytest.approx(1.0)
    assert stopped.signal.weight is None
    later = verdicts[verdicts.index(first) + 1]
    assert later.filtered[0].filter == "correlation"


def test_of_two_that_move_together_the_one_with_the_higher_score_is_bought() -> None:
    stronger = [close * (1 + 0.0003 * day) for day, close in enumerate(RISING)]
    series = {"A": bars_from(RISING), "B": bars_from(stronger)}

    first = next(each for each in played(series, replace(QUICK, max_correlation=0.9)) if each.signals)

    assert [signal.symbol for signal in first.signals] == ["B"]
    assert [each.signal.symbol for each in first.filtered] == ["A"]
    assert (first.signals[0].score or 0) > (first.filtered[0].signal.score or 0)


def test_with_the_correlation_gate_off_twins_are_both_bought() -> None:
    series = {"A": bars_from(RISING), "B": bars_from(RISING)}

    first = next(each for each in played(series, replace(QUICK, max_correlation=1)) if each.signals)

    assert [signal.symbol for signal in first.signals] == ["A", "B"]


def test_a_return_over_a_missed_session_is_compared_with_none() -> None:
    """B jumps on a day that A misses: A's next return would hold the jump, B's does not."""
    moves = [0.01 + 0.006 * (-1) ** day for day in range(20)]
    moves[12] = 0.3
    closes = [100.0]
    for move in moves:
        closes.append(closes[-1] * (1 + move))
    series = {"A": bars_from(closes), "B": bars_from(closes)}
    del series["A"][13]
    params = replace(QUICK, max_correlation=0.9, max_volatility=100)
    engine = SignalEngine(params, ["A", "B"])

    said = [engine.on_session(time, bars, {"B": 1.0}) for time, bars in sessions_of(series)]

    assert said[14].filtered[0].filter == "correlation"


def test_a_held_symbol_is_not_judged_by_an_old_score() -> None:
    engine = SignalEngine(QUICK, ["A", "B"])
    bars = bars_from(RISING + FALLING)
    for each in bars:
        engine.observe(each.time, {"A": each, "B": each})

    next_day = bars[-1]._replace(time=bars[-1].time + DAY_NS)
    verdict = engine.on_session(next_day.time, {"B": next_day}, {"A": 1.0, "B": 1.0})

    assert [(signal.symbol, signal.action) for signal in verdict.signals] == [("B", "sell")]


def test_one_split_that_nobody_adjusted_does_not_make_the_market() -> None:
    rules = RegimeRules(trend=8, momentum=4, volatility=5, confirm=1)
    series = {name: bars_from(RISING) for name in ("A", "B", "C", "D")}
    series["E"] = bars_from([*RISING[:15], *(close * 9 for close in RISING[15:])])

    last = played(series, replace(QUICK, market=rules))[15]

    assert last.market is not None
    assert last.market.momentum < 0.2


def test_nothing_is_bought_in_a_closed_regime_but_everything_is_sold() -> None:
    rules = RegimeRules(trend=8, momentum=4, volatility=5, volatile_from=3, calm_below=2, confirm=1)
    series = {"A": bars_from(RISING + FALLING)}
    params = replace(QUICK, market=rules)
    closed = replace(params, closed_regimes=("bull",))

    bought = next(verdict for verdict in played(series, params) if verdict.signals)
    verdicts = played(series, closed)

    stopped = next(verdict for verdict in verdicts if verdict.time == bought.time)
    assert stopped.signals == ()
    assert stopped.regime == "bull"
    assert stopped.market is not None
    assert stopped.filtered[0][1:] == ("regime", stopped.market.trend, 0.01)
    engine = SignalEngine(replace(params, closed_regimes=("bear", "volatile")), ["A"])
    said = [engine.on_session(time, bars, {"A": 1.0}) for time, bars in sessions_of(series)]
    assert ("bear", "sell") in {
        (verdict.regime, signal.action) for verdict in said for signal in verdict.signals
    }


def test_parameters_of_a_regime_hold_within_it() -> None:
    rules = RegimeRules(trend=8, momentum=4, volatility=5, volatile_from=3, calm_below=2, confirm=1)
    params = replace(QUICK, market=rules, max_weight=0.5, regimes={"bull": {"max_weight": 0.1}})

    weights = {
        verdict.regime: verdict.signals[0].weight
        for verdict in played({"A": bars_from(RISING)}, params)
        if verdict.signals
    }

    assert weights["bull"] == 0.1
    assert played({"A": bars_from(RISING)}, replace(params, regimes={}))[-1].signals[0].weight == 0.5


def test_the_regime_is_told_by_the_market_symbol_when_there_is_one() -> None:
    rules = RegimeRules(trend=8, momentum=4, volatility=5, volatile_from=3, calm_below=2, confirm=1)
    index = bars_from([100 * 0.99**day * (1 + 0.004 * (-1) ** day) for day in range(20)])
    series = {"A": bars_from(RISING), "INDEX": index}

    mean = played(series, replace(QUICK, market=rules), symbols=["A"])[-1]
    named = played(series, replace(QUICK, market=rules, market_symbol="INDEX"), symbols=["A"])[-1]

    assert (mean.regime, named.regime) == ("bull", "bear")
    assert {signal.symbol for signal in named.signals} == {"A"}


def test_sessions_must_come_in_order() -> None:
    engine = SignalEngine(QUICK, ["A"])
    engine.observe(DAY_NS, {})

    with pytest.raises(ValueError, match="give each session once, in order"):
        engine.on_session(DAY_NS, {}, {})


def test_an_unknown_score_is_refused_at_once() -> None:
    with pytest.raises(ParamsError, match="known are"):
        SignalEngine(Params(score="nothing"), [])

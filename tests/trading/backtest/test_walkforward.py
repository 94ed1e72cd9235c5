"""Walk-forward: what is chosen knows only what came before, and the tests join into one account."""

from __future__ import annotations

import math
from collections.abc import Mapping

import pytest

from tests.trading.backtest.histories import DAY, history_of
from trading.backtest import BacktestError, run_portfolio
from trading.backtest.walkforward import Choice, Window, walk_forward, windows_of
from trading.bars import Bar
from trading.signals.engine import SignalEngine
from trading.signals.params import Params
from trading.signals.signal import Signal, Verdict

QUICK = Params(fast=3, slow=6, rsi=3, momentum=3, volatility=4, correlation_window=12, correlation_least=6)


class Holds:
    """Holds one symbol, and remembers what it was shown."""

    def __init__(self, symbol: str, seen: list[tuple[str, int]]) -> None:
        self.symbol = symbol
        self.seen = seen

    def __deepcopy__(self, memo: object) -> Holds:
        return self

    def observe(self, time: int, bars: Mapping[str, Bar]) -> None:
        self.seen.append((self.symbol, time // DAY))

    def on_session(self, time: int, bars: Mapping[str, Bar], held: Mapping[str, float]) -> Verdict:
        self.observe(time, bars)
        others = [Signal("sell", 1, "", each, weight=0.0) for each in held if each != self.symbol]
        return Verdict(time, (Signal("buy", 1, "", self.symbol, weight=0.5), *others), (), None)


def test_windows_follow_one_another_and_never_overlap_in_their_tests() -> None:
    windows = windows_of(range(100), train=40, test=25)

    assert windows == (Window(0, 39, 40, 64), Window(25, 64, 65, 89))
    assert windows_of(range(100), train=40, test=20)[-1] == Window(40, 79, 80, 99)
    assert windows_of(range(100), train=40, test=25, is_anchored=True)[1] == Window(0, 64, 65, 89)
    assert windows_of(range(78), train=40, test=25)[-1] == Window(25, 64, 65, 77)


def test_a_history_too_short_is_refused_with_what_would_help() -> None:
    with pytest.raises(BacktestError, match="50 sessions are too few to train on 40 and test on 30"):
        windows_of(range(50), train=40, test=30)
    with pytest.raises(BacktestError, match="use 2 or more"):
        windows_of(range(50), train=40, test=1)


def test_the_tests_join_into_one_account_that_pays_for_the_change() -> None:
    series = history_of(1, symbols=2, sessions=60)
    seen: list[tuple[str, int]] = []

    def choose(window: Window) -> Choice:
        symbol = "S0" if window.test_first == 30 * DAY else "S1"
        return Choice(engine=Holds(symbol, seen), score=1.0, parameters={"symbol": symbol})

    walk = walk_forward(series, choose, train=30, test=15, cash=1000.0, fee=0.01)

    assert [time // DAY for time in walk.result.times] == list(range(30, 60))
    assert [step.parameters for step in walk.steps] == [{"symbol": "S0"}, {"symbol": "S1"}]
    sold = next(trade for trade in walk.result.trades if trade.symbol == "S0" and trade.reason == "signal")
    assert sold.exit_time == 46 * DAY
    joined = math.prod(1 + step.test_return for step in walk.steps)
    assert walk.result.final_equity == pytest.approx(1000 * joined)
    assert walk.efficiency == pytest.approx(sum(step.test_score for step in walk.steps) / 2)
    # Each engine is warmed up in its own training and acts in its own test: nothing before, nothing after.
    assert [day for symbol, day in seen if symbol == "S0"] == list(range(45))
    assert [day for symbol, day in seen if symbol == "S1"] == list(range(15, 60))


def test_with_the_same_choice_throughout_it_is_one_backtest() -> None:
    series = history_of(2, sessions=120)
    symbols = sorted(series)

    def choose(window: Window) -> Choice:
        return Choice(engine=SignalEngine(QUICK, symbols), parameters={})

    walk = walk_forward(series, choose, train=60, test=20, cash=1000.0, fee=0.001)
    once = run_portfolio(series, SignalEngine(QUICK, symbols), cash=1000.0, fee=0.001, start=60 * DAY)

    # An exponential memory longer than a training would differ; these windows are all shorter.
    assert walk.result.times == once.times
    assert walk.result.equity == pytest.approx(once.equity, rel=0.05)
    assert math.isnan(walk.efficiency)


def test_a_choice_cannot_see_what_comes_after_its_training() -> None:
    series = history_of(3, sessions=80)
    changed = {
        symbol: [*bars[:70], *history_of(9, sessions=80)[symbol][70:]] for symbol, bars in series.items()
    }

    def result_of(history: Mapping[str, list[Bar]]) -> list[float]:
        def choose(window: Window) -> Choice:
            past = {s: [bar for bar in bars if bar.time < window.test_first] for s, bars in history.items()}
            best = max(past, key=lambda symbol: past[symbol][-1].close)
            return Choice(engine=Holds(best, []), parameters={"symbol": best})

        return walk_forward(history, choose, train=30, test=20, cash=1000.0).result.equity

    assert result_of(series)[:40] == result_of(changed)[:40]

"""Parameter search: the same seed gives the same search, also interrupted; what it found is told honestly."""

from __future__ import annotations

import math
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("optuna")

from tests.trading.backtest.histories import DAY, history_of
from trading.backtest import run_portfolio
from trading.backtest.search import SPACE, Span, hash_of, overfit_of, search
from trading.errors import TradingError
from trading.regime import RegimeRules
from trading.signals.engine import SignalEngine
from trading.signals.params import Params

BASE = Params(fast=5, slow=10, rsi=3, momentum=5, volatility=5, correlation_window=12, correlation_least=6)
SMALL = {"entry": SPACE["entry"], "exit": SPACE["exit"], "momentum": Span(10, 20, is_whole=True)}
SERIES = history_of(5, symbols=3, sessions=90)
SPLIT = 60 * DAY


def found(**more: Any) -> Any:
    given: dict[str, Any] = {
        "trials": 5,
        "space": SMALL,
        "split": SPLIT,
        "cash": 1000.0,
        "fee": 0.001,
        **more,
    }
    return search(SERIES, BASE, **given)


class Killed(Exception):  # noqa: N818 - the name says what happens
    pass


def test_the_same_seed_gives_the_same_search() -> None:
    assert found(seed=3).best == found(seed=3).best
    assert found(seed=3, trials=6).best.parameters != found(seed=4, trials=6).best.parameters


def test_an_interrupted_search_goes_on_and_ends_where_it_would_have_ended(tmp_path: Path) -> None:
    journal = tmp_path / "search.journal"
    counts: list[int] = []

    def killed(done: int, best: float) -> None:
        if done == 2:
            raise Killed

    with pytest.raises(Killed):
        found(seed=1, journal=journal, told=killed)
    resumed = found(seed=1, journal=journal, told=lambda done, best: counts.append(done))

    assert counts == [3, 4, 5]
    assert resumed == found(seed=1)


@pytest.mark.parametrize("change", [{"fee": 0.002}, {"split": 59 * DAY}, {"seed": 2}])
def test_another_question_does_not_go_on_from_the_trials_of_this_one(
    tmp_path: Path, change: dict[str, Any]
) -> None:
    journal = tmp_path / "search.journal"
    found(trials=3, journal=journal)
    counts: list[int] = []

    found(trials=3, journal=journal, told=lambda done, best: counts.append(done), **change)

    assert counts == [1, 2, 3]


def test_other_bars_do_not_go_on_from_the_trials_of_these(tmp_path: Path) -> None:
    journal = tmp_path / "search.journal"
    found(trials=3, journal=journal)
    counts: list[int] = []

    search(
        history_of(6, symbols=3, sessions=90),
        BASE,
        trials=3,
        space=SMALL,
        split=SPLIT,
        journal=journal,
        told=lambda done, best: counts.append(done),
        cash=1000.0,
        fee=0.001,
    )

    assert counts == [1, 2, 3]


def test_the_figures_are_those_of_a_backtest_of_each_part() -> None:
    answer = found()
    engine = SignalEngine(answer.params, sorted(SERIES))

    train = run_portfolio(SERIES, engine, cash=1000.0, fee=0.001, end=SPLIT)
    test = run_portfolio(SERIES, engine, cash=1000.0, fee=0.001, start=SPLIT)

    assert answer.train == train
    assert answer.test == test
    assert answer.best.score == train.sharpe
    assert answer.before.equity[-1] > 0


def test_a_search_for_one_kind_of_market_leaves_the_rest_as_it_is() -> None:
    rules = RegimeRules(trend=10, momentum=5, volatility=5, volatile_from=0.9, calm_below=0.8, confirm=1)
    base = replace(BASE, market=rules, regimes={"bear": {"entry": 4.0}})

    answer = search(
        SERIES, base, trials=4, space={"exit": SPACE["exit"]}, regime="bull", split=SPLIT, cash=1000.0
    )

    assert answer.params.regimes == {"bear": {"entry": 4.0}, "bull": answer.best.parameters}
    assert replace(answer.params, regimes=base.regimes) == base
    with pytest.raises(TradingError, match='"slow" is the same in every regime: use some of entry, exit'):
        search(SERIES, base, trials=4, space={"slow": SPACE["slow"]}, regime="bull")


def test_what_is_held_back_has_no_say_in_the_choice() -> None:
    other = history_of(6, symbols=3, sessions=90)
    changed = {symbol: [*bars[:60], *other[symbol][60:]] for symbol, bars in SERIES.items()}

    first = search(SERIES, BASE, trials=4, space=SMALL, split=SPLIT)
    second = search(changed, BASE, trials=4, space=SMALL, split=SPLIT)

    assert first.best == second.best
    assert first.test != second.test


def test_a_search_that_overfits_says_so() -> None:
    assert "Sharpe 2.00 in training, 0.40" in overfit_of(2.0, 0.4)[0]
    assert overfit_of(1.0, 0.8, luck=0.3, before=0.5) == []
    assert "luck alone" in overfit_of(0.5, 0.5, luck=0.6)[0]
    assert (
        "was better on the sessions held back: Sharpe 0.90, not 0.80" in overfit_of(1.0, 0.8, before=0.9)[0]
    )
    assert overfit_of(1.0, math.nan) == []


def test_bars_that_never_trade_are_told_not_scored() -> None:
    flat = {"A": [bar._replace(open=10.0, high=10.0, low=10.0, close=10.0) for bar in SERIES["S0"]]}

    with pytest.raises(TradingError, match="not one of 3 trials traded"):
        search(flat, BASE, trials=3, space=SMALL)


def test_what_cannot_be_searched_is_refused() -> None:
    with pytest.raises(TradingError, match='"score" cannot be searched: use some of fast'):
        search(SERIES, BASE, trials=3, space={"score": Span(0, 1)})
    with pytest.raises(TradingError, match="trials = 0"):
        search(SERIES, BASE, trials=0)


def test_every_searched_parameter_stays_what_the_engine_takes() -> None:
    for name, span in SPACE.items():
        for value in (span.low, span.high):
            number = int(value) if span.is_whole else value
            Params(**{"fast": 5, "slow": 200, "exit": -3.0, "entry": 5.0, name: number})  # type: ignore[arg-type]


def test_the_hash_of_bars_changes_with_any_of_them_and_not_with_their_order() -> None:
    bars = SERIES["S0"]
    moved = {**SERIES, "S0": [*bars[:-1], bars[-1]._replace(close=bars[-1].close + 1e-9)]}

    assert hash_of(dict(reversed(SERIES.items()))) == hash_of(SERIES)
    assert hash_of(moved) != hash_of(SERIES)
    assert hash_of({"other": bars}) != hash_of({"S0": bars})

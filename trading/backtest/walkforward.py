"""Walk-forward: parameters chosen in one stretch are tried in the next, again and again, in one account.

The stretches roll through the history. Each test begins where its training ended, the tests do not overlap,
and the account goes on from one to the next: its equity is the joined out-of-sample curve, with the fees of
every change. Nothing that is traded in a test was known to the choice that trades it.
"""

from __future__ import annotations

import copy
import math
from bisect import bisect_left
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

from trading.backtest.portfolio import Engine, run_portfolio
from trading.backtest.results import PortfolioResult
from trading.backtest.single import BacktestError
from trading.bars import Bar
from trading.performance import returns_of, sharpe
from trading.signals.signal import Verdict

__all__ = ["Choice", "Step", "WalkForward", "Window", "walk_forward", "windows_of"]


class Window(NamedTuple):
    """A stretch to learn from and the one to be tried in; times of sessions, Unix ns."""

    train_first: int
    train_last: int
    test_first: int
    test_last: int


@dataclass(frozen=True, kw_only=True)
class Choice:
    """What was chosen in a training stretch."""

    engine: Engine
    """Fresh: it has seen no session yet."""
    score: float = math.nan
    """Its Sharpe ratio in the training stretch."""
    parameters: Mapping[str, float | int | str | bool]
    """What was chosen, for people."""


@dataclass(frozen=True, kw_only=True)
class Step:
    """One window, and how what was chosen fared."""

    window: Window
    parameters: Mapping[str, float | int | str | bool]
    train_score: float
    test_score: float
    """Sharpe ratio in the test stretch."""
    test_return: float


@dataclass(frozen=True, kw_only=True)
class WalkForward:
    """All windows, and the joined result of their tests."""

    steps: tuple[Step, ...]
    result: PortfolioResult

    @property
    def efficiency(self) -> float:
        """Mean Sharpe ratio of the tests over that of the trainings; `nan` when the trainings had none.

        Near 1: what was learned held. Near 0 or below: it was noise.
        """
        trained = _mean([step.train_score for step in self.steps])
        return _mean([step.test_score for step in self.steps]) / trained if trained > 0 else math.nan


def windows_of(
    times: Sequence[int], *, train: int, test: int, is_anchored: bool = False
) -> tuple[Window, ...]:
    """Return the windows that fit into the sessions; the last test may be shorter, down to half.

    Args:
        times: All sessions, oldest first.
        train: Sessions to learn from.
        test: Sessions to try in.
        is_anchored: Whether every training begins at the first session, and so grows.

    Raises:
        BacktestError: If not one window fits.
    """
    if train < 2 or test < 2:
        raise BacktestError(f"walk-forward of {train} and {test} sessions: use 2 or more of each.")
    found = []
    for first in range(train, len(times), test):
        last = min(first + test, len(times)) - 1
        if last - first + 1 < max(test / 2, 2):
            break
        begin = 0 if is_anchored else first - train
        found.append(Window(times[begin], times[first - 1], times[first], times[last]))
    if not found:
        raise BacktestError(
            f"{len(times)} sessions are too few to train on {train} and test on {test}: shorten the windows "
            "or take a longer period."
        )
    return tuple(found)


def walk_forward(
    series: Mapping[str, Sequence[Bar]],
    choose: Callable[[Window], Choice],
    *,
    train: int,
    test: int,
    is_anchored: bool = False,
    **account: Any,
) -> WalkForward:
    """Return how choices made in each training stretch fared in the test that follows it.

    Args:
        series: Symbol to bars, oldest first.
        choose: Returns what is best in the training stretch of a window; it must look at nothing later.
        train: Sessions to learn from.
        test: Sessions to try in.
        is_anchored: Whether every training begins at the first session, and so grows.
        account: Cash, fee, limits and the rest; as for `run_portfolio`.

    Raises:
        BacktestError: If the history is too short for one window.
    """
    times = sorted({bar.time for bars in series.values() for bar in bars})
    windows = windows_of(times, train=train, test=test, is_anchored=is_anchored)
    choices = [choose(window) for window in windows]
    switching = _Switching([(window, choice.engine) for window, choice in zip(windows, choices, strict=True)])
    result = run_portfolio(
        series, switching, **account, start=windows[0].test_first, end=windows[-1].test_last + 1
    )
    steps = tuple(_step(*each, result) for each in zip(windows, choices, strict=True))
    return WalkForward(steps=steps, result=result)


class _Switching:
    """An engine that is another one in each test; each is warmed up from the start of its training."""

    def __init__(self, parts: Sequence[tuple[Window, Engine]]) -> None:
        self._parts = [(window, copy.deepcopy(engine)) for window, engine in parts]

    def observe(self, time: int, bars: Mapping[str, Bar]) -> None:
        for window, engine in self._parts:
            if window.train_first <= time < window.test_first:
                engine.observe(time, bars)

    def on_session(self, time: int, bars: Mapping[str, Bar], held: Mapping[str, float]) -> Verdict:
        self.observe(time, bars)
        active = next(
            engine for window, engine in self._parts if window.test_first <= time <= window.test_last
        )
        return active.on_session(time, bars, held)


def _step(window: Window, choice: Choice, result: PortfolioResult) -> Step:
    first = bisect_left(result.times, window.test_first)
    last = bisect_left(result.times, window.test_last)
    before = result.equity[first - 1] if first else result.cash
    equity = [before, *result.equity[first : last + 1]]
    return Step(
        window=window,
        parameters=choice.parameters,
        train_score=choice.score,
        test_score=sharpe(returns_of(equity), periods_per_year=result.periods_per_year),
        test_return=equity[-1] / before - 1,
    )


def _mean(values: Sequence[float]) -> float:
    known = [value for value in values if math.isfinite(value)]
    return math.fsum(known) / len(known) if known else math.nan

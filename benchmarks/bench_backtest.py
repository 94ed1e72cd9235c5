"""What a backtest costs, beside backtesting.py where that is installed.

`pytest benchmarks/bench_backtest.py -s` prints seconds and memory: ten years of daily bars for 30 symbols
through the signal engine, the gates, the risk limits and the account, and 45,000 one-minute bars through a
strategy of one symbol. Bars are made at random: their speed is that of any others. Memory is what a backtest
itself needs at its peak, bars not counted.
"""

from __future__ import annotations

import gc
import random
import time
import tracemalloc
from collections.abc import Callable

import pytest

from trading.backtest import run, run_portfolio
from trading.bars import Bar
from trading.risk import RiskLimits
from trading.signals.engine import SignalEngine
from trading.signals.params import Params
from trading.strategies import maps, sma_cross

DAY = 86_400_000_000_000
MINUTE = 60_000_000_000
SYMBOLS, SESSIONS, MINUTES = 30, 2520, 45_000


def walk(seed: int, count: int, step: int, spread: float) -> list[Bar]:
    dice, price, found = random.Random(seed), 100.0, []
    for index in range(count):
        opening = price * (1 + dice.gauss(0, spread / 3))
        price = opening * (1 + dice.gauss(spread / 40, spread))
        top, bottom = max(opening, price) * (1 + spread / 4), min(opening, price) * (1 - spread / 4)
        found.append(Bar(index * step, opening, top, bottom, price, 1000.0))
    return found


def measured(task: Callable[[], object], repeats: int = 2) -> tuple[float, float, float]:
    """Return the best wall and CPU seconds, and the peak MiB that the task allocates."""
    walls, cpus = [], []
    for _ in range(repeats):
        gc.collect()
        wall, cpu = time.perf_counter(), time.process_time()
        task()
        walls.append(time.perf_counter() - wall)
        cpus.append(time.process_time() - cpu)
    gc.collect()
    tracemalloc.start()
    task()
    peak = tracemalloc.get_traced_memory()[1] / 2**20
    tracemalloc.stop()
    return min(walls), min(cpus), peak


@pytest.fixture(scope="module")
def series() -> dict[str, list[Bar]]:
    return {f"S{index:02}": walk(index, SESSIONS, DAY, 0.012) for index in range(SYMBOLS)}


@pytest.fixture(scope="module")
def minutes() -> list[Bar]:
    return walk(99, MINUTES, MINUTE, 0.001)


def test_ten_years_of_thirty_symbols(series: dict[str, list[Bar]]) -> None:
    terms = {"cash": 1e7, "fee": 0.00015, "slippage": 0.0005, "limits": RiskLimits()}

    seconds = told(
        "30 symbols, 10 years of days, maps",
        lambda: run_portfolio(series, SignalEngine(Params(), sorted(series)), **terms).statistics,
    )

    assert seconds <= 2


def test_forty_five_thousand_minutes(minutes: list[Bar]) -> None:
    seconds = told(
        "45,000 minutes, sma_cross", lambda: run(minutes, sma_cross(20, 60), fee=0.0005).statistics
    )
    told("45,000 minutes, maps", lambda: run(minutes, maps(), fee=0.0005).statistics)

    assert seconds <= 1


def test_the_peer_on_the_same_minutes(minutes: list[Bar]) -> None:
    # AGPL: it may stand beside ours on a developer's machine, and never among our dependencies.
    pytest.importorskip("backtesting")
    import pandas as pd
    from backtesting import Backtest, Strategy
    from backtesting.lib import crossover

    names = ["time", "Open", "High", "Low", "Close", "Volume"]
    frame = pd.DataFrame(minutes, columns=names).set_index("time")
    frame.index = pd.to_datetime(frame.index)

    class Crossing(Strategy):
        def init(self) -> None:
            self.fast = self.I(lambda values: pd.Series(values).rolling(20).mean(), self.data.Close)
            self.slow = self.I(lambda values: pd.Series(values).rolling(60).mean(), self.data.Close)

        def next(self) -> None:
            if crossover(self.fast, self.slow):
                self.buy()
            elif crossover(self.slow, self.fast):
                self.position.close()

    told("45,000 minutes, backtesting.py", lambda: Backtest(frame, Crossing, commission=0.0005).run())


def told(name: str, task: Callable[[], object]) -> float:
    """Print what a task costs; return its CPU seconds: those of the wall are those of whoever else runs."""
    wall, cpu, peak = measured(task)
    print(f"\n  {name:<36} {wall:6.2f} s wall  {cpu:6.2f} s cpu  {peak:6.1f} MiB at the peak")
    return cpu

"""Strategies, backtests and their results: the moves they may make, and that nothing is lost on the way."""

from __future__ import annotations

import math
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trading.backtest import run
from trading.backtest.portfolio import run_portfolio
from trading.backtest.results import BacktestResult
from trading.signals.engine import SignalEngine
from trading.signals.params import Params
from trading.store.backtests import Backtests, StateError, Status, Strategy
from trading.store.database import Database, StoreError
from trading.store.owners import is_alive, this_process
from trading.store.results import packed, unpacked
from trading.strategies import sma_cross

REPO = Path(__file__).resolve().parents[3]
DAY_NS = 86_400_000_000_000


@pytest.fixture
def backtests(tmp_path: Path) -> Iterator[Backtests]:
    database = Database(tmp_path / "performance.db", "performance")
    kept = Backtests(database)
    kept.save_strategy(Strategy(id="s-1", name="Cross", kind="sma_cross", config={"fast": 5}), 1)
    yield kept
    database.close()


def rows(count: int = 120, *, start: float = 100.0, phase: float = 0.0) -> list[tuple[Any, ...]]:
    closes = [start + 10 * math.sin(phase + n / 7) + n / 10 for n in range(count)]
    return [(n * DAY_NS, close - 0.2, close + 1, close - 1, close, 1000.0) for n, close in enumerate(closes)]


def result() -> BacktestResult:
    return run(rows(), sma_cross(5, 10), cash=1000.0, fee=0.001)


def test_the_newest_completed_backtest_of_a_strategy_is_found_with_its_result(backtests: Backtests) -> None:
    config = {"symbols": ["SPY"], "start": "2024-01-02", "end": "2025-01-02"}
    old, new, failed = (backtests.create("s-1", config, at) for at in (10, 20, 30))
    for backtest in (old, new, failed):
        backtests.start(backtest.id, 40)
    for backtest in (new, old):
        backtests.complete(backtest.id, result(), 50, currency="USD", data_hash="ab")
    backtests.fail(failed.id, 60, error_type="ValueError", error="no bars")

    newest = backtests.newest_completed("s-1")

    assert newest is not None
    assert (newest.id, newest.config) == (new.id, config)
    kept = backtests.result(newest.id)
    assert kept is not None
    assert kept.total_return == result().total_return
    assert (kept.currency, kept.data_hash, kept.duration_ms) == ("USD", "ab", 10 / 1e6)
    assert backtests.newest_completed("s-2") is None
    assert backtests.result(failed.id) is None


def test_a_strategy_keeps_the_day_it_was_first_saved(backtests: Backtests) -> None:
    backtests.save_strategy(Strategy(id="s-1", name="Cross 2", config={"fast": 8}), 99)

    found = backtests.strategy("s-1")

    assert found == Strategy(id="s-1", name="Cross 2", config={"fast": 8}, created_ns=1, updated_ns=99)
    assert backtests.strategies() == [found]
    assert backtests.strategy("s-9") is None


def test_a_backtest_of_an_unknown_strategy_is_refused(backtests: Backtests) -> None:
    with pytest.raises(StoreError, match=r'no strategy "s-9"'):
        backtests.create("s-9", {}, 1)


ALLOWED = {
    ("pending", "running"),
    ("pending", "failed"),
    ("running", "completed"),
    ("running", "failed"),
    ("interrupted", "pending"),
}


@pytest.mark.parametrize("before", ["pending", "running", "completed", "failed", "interrupted"])
@pytest.mark.parametrize("after", ["running", "completed", "failed", "pending"])
def test_only_the_moves_of_the_state_machine_are_made(
    before: Status, after: Status, backtests: Backtests, monkeypatch: pytest.MonkeyPatch
) -> None:
    backtest_id = backtests.create("s-1", {}, 1).id
    if before != "pending":
        backtests.start(backtest_id, 2)
    if before == "completed":
        backtests.complete(backtest_id, result(), 3)
    if before == "failed":
        backtests.fail(backtest_id, 3, error_type="X", error="x")
    if before == "interrupted":
        monkeypatch.setattr("trading.store.backtests.is_alive", lambda owner: False)
        backtests.reconcile(3)
    moves = {
        "running": lambda: backtests.start(backtest_id, 4),
        "completed": lambda: backtests.complete(backtest_id, result(), 4),
        "failed": lambda: backtests.fail(backtest_id, 4, error_type="Y", error="y"),
        "pending": lambda: backtests.requeue(backtest_id),
    }

    if (before, after) in ALLOWED:
        assert moves[after]().status == after
    else:
        with pytest.raises(StateError, match=f"is {before}: it cannot become {after}"):
            moves[after]()
        found = backtests.backtest(backtest_id)
        assert found is not None
        assert found.status == before


def test_a_backtest_whose_process_was_killed_is_interrupted_and_may_be_queued_again(
    backtests: Backtests, tmp_path: Path
) -> None:
    mine, theirs = backtests.create("s-1", {}, 1), backtests.create("s-1", {}, 2)
    backtests.start(mine.id, 3)
    program = (
        "import os, signal; from pathlib import Path; from trading.store.store import open_store\n"
        f"open_store(Path({str(tmp_path)!r})).backtests.start({theirs.id!r}, 4)\n"
        "os.kill(os.getpid(), signal.SIGKILL)"
    )
    subprocess.run([sys.executable, "-c", program], cwd=REPO, check=False)
    assert [each.id for each in backtests.find(status="running")] == [theirs.id, mine.id]

    assert backtests.reconcile(5) == [theirs.id]

    found = backtests.backtest(theirs.id)
    assert found is not None
    assert (found.status, found.error, found.finished_ns) == (
        "interrupted",
        "its process ended before it did",
        5,
    )
    assert backtests.requeue(theirs.id).status == "pending"
    assert backtests.reconcile(6) == []


def test_another_process_of_the_same_number_is_not_the_owner() -> None:
    host, pid, started = this_process().rsplit(":", 2)

    assert is_alive(f"{host}:{pid}:{started}")
    assert not is_alive(f"{host}:{pid}:{int(started) + 1}")
    assert is_alive(f"elsewhere:{pid}:{started}")
    assert not is_alive("nonsense")


def test_a_result_comes_back_as_it_was() -> None:
    single = result()
    series = {"A": rows(), "B": rows(phase=2.0)}
    several = run_portfolio(series, SignalEngine(Params(min_confidence=0.0), ["A", "B"]), cash=1e6, fee=0.001)
    assert several.trades
    assert single.trades

    assert unpacked(packed(single)) == single
    assert unpacked(packed(several)) == several


@given(st.lists(st.floats(allow_nan=False, width=64), min_size=1, max_size=5))
def test_any_equity_comes_back_to_the_last_bit(equity: list[float]) -> None:
    kept = BacktestResult(equity=equity, cash=1.0, fee=0.0, times=list(range(len(equity))))

    assert unpacked(packed(kept)) == kept

"""The bundled candles are whole, and a replay shows no more than is known."""

from __future__ import annotations

import itertools
import zipfile
from decimal import Decimal
from pathlib import Path

import pytest

from tests.trading.conftest import START_NS
from trading.bars import Bar, exact
from trading.paper.clock import SECOND_NS, Clock
from trading.paper.replay import MarketError, Replay, load_bars


@pytest.mark.parametrize("symbol", ["BTC/USD", "ETH/USD", "LTC/USD"])
def test_the_bundled_day_has_every_minute(symbol: str) -> None:
    bars = load_bars(symbol)

    steps = [after.time - before.time for before, after in itertools.pairwise(bars)]

    # The file of the first day ends before the day does; the last day is whole.
    assert len(bars) > 2400
    assert len([step for step in steps if step != 60 * SECOND_NS]) == 1
    assert set(steps[-1439:]) == {60 * SECOND_NS}
    assert all(bar.low <= min(bar.open, bar.close) <= max(bar.open, bar.close) <= bar.high for bar in bars)


def test_a_minute_without_a_trade_is_flat(tmp_path: Path) -> None:
    archive(tmp_path, "0,1,2,1,2,5\n120000,3,3,3,3,1\n")

    first, filled, last = load_bars("XXX/USD", folder=tmp_path)

    assert filled == Bar(filled.time, 2, 2, 2, 2, 0)
    assert filled.time - first.time == last.time - filled.time == 60 * SECOND_NS


def test_a_broken_file_and_an_unknown_symbol_are_one_clear_error(tmp_path: Path) -> None:
    archive(tmp_path, "0,1,x,1,2,5\n")

    with pytest.raises(MarketError, match="a row is no candle"):
        load_bars("XXX/USD", folder=tmp_path)
    with pytest.raises(MarketError, match=r"no candles of DOGE/USD. Known: BTC/USD, ETH/USD, LTC/USD"):
        load_bars("DOGE/USD")


def test_a_replay_shows_only_complete_bars() -> None:
    bars = load_bars("BTC/USD")
    clock = Clock(START_NS)
    replay = Replay(bars, clock, first=100)

    assert (replay.last(), replay.price()) == (bars[99], exact(bars[100].open))
    clock.wait(59)
    assert replay.last() == bars[99]
    clock.wait(1)
    assert (replay.last(), replay.price()) == (bars[100], exact(bars[101].open))
    assert list(replay.history(3)) == bars[97:100]
    assert isinstance(replay.volume(), Decimal)


def archive(folder: Path, text: str) -> None:
    (folder / "xxxusd").mkdir()
    with zipfile.ZipFile(folder / "xxxusd" / "20180405_trade.zip", "w") as file:
        file.writestr("20180405_xxxusd_minute_trade.csv", text)

"""From a name and a folder of bars to a result: strategies by name, checked bars, terms, facts, events."""

from __future__ import annotations

import csv
import logging
import subprocess
import sys
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import msgspec
import pytest

from tests.builders import REPO
from tests.trading.backtest.histories import DAY, history_of, walk
from trading.backtest import PortfolioResult, run, run_portfolio
from trading.backtest.engines import EachSymbol, Holding
from trading.backtest.facts import facts_of, held_equally
from trading.backtest.loading import Data, load, year_of
from trading.backtest.naming import subject_of
from trading.backtest.running import Terms, outcome_of
from trading.backtest.telling import Telling
from trading.bars import Bar, time_of
from trading.errors import TradingError
from trading.logs import EVENTS, BotLog
from trading.risk import RiskLimits
from trading.settings import MarketSettings, TradingSettings
from trading.signals.params import Params
from trading.strategies import SmaCross, sma_cross

LOG = BotLog("backtest", "test", mode="backtest")
XNYS = TradingSettings(market=MarketSettings(calendar="XNYS", currency="USD"))


def data_of(series: dict[str, list[Bar]], start: int = 0) -> Data:
    return Data(
        series=series,
        start=start,
        lots=dict.fromkeys(series, 1.0),
        names={symbol: f"Name of {symbol}" for symbol in series},
        source="files",
        currency="KRW",
        interval="1d",
        findings=(),
        refused=(),
    )


def crossing() -> SmaCross:
    """Return a rule; named by its path below."""
    return sma_cross(3, 9)


def nothing() -> object:
    return object()


def test_strategies_have_names() -> None:
    maps, cross = subject_of("maps", Params(entry=3.0)), subject_of("sma_cross:5,20", Params())
    own = subject_of(f"{__name__}:crossing", Params())

    assert (maps.kind, maps.strategy, maps.parameters["entry"]) == ("maps", None, 3.0)
    assert all(isinstance(value, float | int | str | bool) for value in maps.parameters.values())
    assert (cross.kind, cross.parameters) == ("sma_cross", {"fast": 5, "slow": 20})
    assert own.strategy is not None
    assert isinstance(own.strategy(), SmaCross)


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("map", 'strategy "map" is unknown: use maps, sma_cross:FAST,SLOW'),
        ("sma_cross", "Write two numbers of bars"),
        ("sma_cross:20", "Write two numbers of bars"),
        ("sma_cross:20,5", "the fast mean must be shorter"),
        ("no.such:rule", "cannot be made: No module named"),
        ("maps:5", 'strategy "maps:5" is unknown'),
        ("nothere:rule", "cannot be made: No module named 'nothere'"),
        (f"{__name__}:missing", "has no attribute"),
        (f"{__name__}:nothing", "returns a object without on_bar"),
    ],
)
def test_a_name_that_stands_for_nothing_is_an_error_with_the_mend(name: str, words: str) -> None:
    with pytest.raises(TradingError, match=words):
        subject_of(name, Params())


def test_one_symbol_by_a_rule_of_its_own_is_the_plain_backtest() -> None:
    bars = walk(1, 80)

    result = outcome_of(
        subject_of("sma_cross:3,9", Params()),
        data_of({"A": bars}, start=20 * DAY),
        Terms(cash=100, fee=0.001),
    )

    assert result == run(bars[20:], sma_cross(3, 9), cash=100, fee=0.001)


def test_several_symbols_by_a_rule_each_share_the_money() -> None:
    series = history_of(3, symbols=4, sessions=120)

    result = outcome_of(subject_of("sma_cross:3,9", Params()), data_of(series), Terms(cash=1e6))

    assert isinstance(result, PortfolioResult)
    assert {trade.symbol for trade in result.trades} == set(series)
    assert max(fill.quantity * fill.price for fill in result.fills if fill.side == "buy") < 0.35e6
    assert all(fill.quantity == int(fill.quantity) for fill in result.fills)


def test_the_limits_of_the_account_hold_in_a_portfolio() -> None:
    series = history_of(3, symbols=4, sessions=120)
    limits = RiskLimits(stop_loss=0.02)

    result = outcome_of(
        subject_of("sma_cross:3,9", Params()), data_of(series), Terms(cash=1e6, limits=limits)
    )

    assert isinstance(result, PortfolioResult)
    assert "stop_loss" in {trade.reason for trade in result.trades}


def test_holding_buys_each_symbol_once_and_a_late_one_when_it_comes() -> None:
    series = {"A": walk(1, 30), "B": walk(2, 20, first=10)}

    result = run_portfolio(series, Holding(["A", "B"]), cash=1000.0)

    assert [(fill.symbol, fill.time // DAY) for fill in result.fills] == [("A", 1), ("B", 11)]
    assert result.closed == []


def test_an_engine_of_rules_skips_a_symbol_without_a_bar() -> None:
    series = {"A": walk(1, 60), "B": [bar for bar in walk(2, 60) if bar.time // DAY % 7]}

    each = run_portfolio(series, EachSymbol(crossing, ["A", "B"]), cash=1000.0)
    alone = run_portfolio({"B": series["B"]}, EachSymbol(crossing, ["B"]), cash=1000.0)

    assert [t.entry_time for t in each.trades if t.symbol == "B"] == [t.entry_time for t in alone.trades]


def test_held_equally_keeps_cash_until_the_first_bar_and_the_last_value_after_the_last() -> None:
    a = [Bar(day * DAY, 0, 0, 0, close, 0) for day, close in enumerate([10.0, 20.0, 30.0])]
    b = [Bar(DAY, 0, 0, 0, 5.0, 0), Bar(2 * DAY, 0, 0, 0, 10.0, 0), Bar(3 * DAY, 0, 0, 0, 20.0, 0)]

    worth = held_equally({"A": a, "B": b}, [0, DAY, 2 * DAY, 3 * DAY], 100)

    assert worth == [100, 150, 250, 350]
    assert held_equally({}, [0, DAY], 7) == [7, 7]


def test_facts_say_what_the_result_says() -> None:
    data = data_of(history_of(3, symbols=3, sessions=120))
    result = outcome_of(subject_of("sma_cross:3,9", Params()), data, Terms(cash=1e6, fee=0.001))

    facts = facts_of(result, subject_of("sma_cross:3,9", Params()), data, warnings=["look"])

    assert [value for _, value in facts.equity] == result.equity
    assert len(facts.benchmark) == len(result.equity)
    assert (facts.sharpe, facts.total_return, facts.fees) == (result.sharpe, result.total_return, result.fees)
    assert [trade.exit_time is None for trade in facts.trades] == [trade.is_open for trade in result.trades]
    assert facts.trades[0].name.startswith("Name of S")
    assert (facts.bars, facts.warnings, facts.data_hash) == (360, ("look",), data.hash)
    assert msgspec.json.decode(msgspec.json.encode(facts))


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder with two years of two symbols on the sessions of New York, and one file of rubbish."""
    from trading.sessions import load_sessions

    days = load_sessions("XNYS").between(date(2023, 1, 1), date(2024, 12, 31))
    for seed, symbol in enumerate(("AAA", "BBB")):
        with (tmp_path / f"{symbol}.csv").open("w", encoding="utf-8", newline="") as file:
            rows = csv.writer(file)
            rows.writerow(["date", "open", "high", "low", "close", "volume"])
            for day, bar in zip(days, walk(seed, len(days), drift=0.0005), strict=True):
                rows.writerow([day, *(round(value, 4) for value in bar[1:])])
    (tmp_path / "CCC.csv").write_text("date,open,high,low,close,volume\n", encoding="utf-8")
    return tmp_path


def test_bars_of_a_folder_are_checked_and_reach_back_for_the_warm_up(folder: Path) -> None:
    data = load(XNYS, log=LOG, folder=folder, first=date(2024, 3, 1), last=date(2024, 12, 31))

    assert (data.symbols, data.refused, data.currency, data.source) == (
        ("AAA", "BBB"),
        ("CCC",),
        "USD",
        "files",
    )
    assert data.series["AAA"][0].time < time_of(date(2023, 3, 1)) < data.start == data.times[0]
    assert data.times[-1] == time_of(date(2024, 12, 31))
    assert data.lots["AAA"] == 1


def test_a_backtest_begins_with_full_windows(folder: Path) -> None:
    data = load(XNYS, log=LOG, folder=folder, first=date(2024, 3, 1), last=date(2024, 12, 31))

    result = outcome_of(subject_of("maps", Params()), data, Terms(cash=1e5))

    first = min(trade.entry_time for trade in result.trades)
    # Sixty sessions fill the slow mean: without the warm-up nothing could happen before June.
    assert first < time_of(date(2024, 5, 1))
    assert time_of(result.times[0]) == time_of(date(2024, 3, 1))


@pytest.mark.parametrize(
    ("asked", "words"),
    [
        ({"first": date(2024, 3, 1), "last": date(2024, 3, 1)}, "the first day must be before the last"),
        ({"symbols": ["CCC"]}, "none of 1 symbols has usable bars"),
        ({"first": date(2030, 1, 1), "last": date(2030, 3, 1)}, "none of 3 symbols has usable bars"),
        ({"folder": Path("/no/such")}, "no such folder"),
    ],
)
def test_what_cannot_be_loaded_says_why(folder: Path, asked: dict[str, object], words: str) -> None:
    given = {"folder": folder, "first": date(2024, 1, 1), "last": date(2024, 12, 31), **asked}

    with pytest.raises(TradingError, match=words):
        load(XNYS, log=LOG, **given)  # type: ignore[arg-type]


def test_a_year_has_as_many_bars_as_its_market_trades() -> None:
    assert (year_of("XKRX", "1d"), year_of("ALWAYS", "1d")) == (252, 365)
    assert year_of("ALWAYS", "1m") == 365 * 24 * 60
    assert year_of("XNYS", "1h") == pytest.approx(252 * 6.5)


@pytest.fixture
def records() -> Iterator[list[logging.LogRecord]]:
    found: list[logging.LogRecord] = []

    class Keeping(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            found.append(record)

    logger, handler = logging.getLogger("trading.backtest"), Keeping()
    level = logger.level
    logger.addHandler(handler)
    logger.setLevel(logging.DEBUG)
    yield found
    logger.removeHandler(handler)
    logger.setLevel(level)


def test_a_backtest_is_told_in_the_words_of_the_vocabulary(records: list[logging.LogRecord]) -> None:
    telling = Telling(
        "b1", "maps", symbols=["A", "B"], start=1, end=2, fee=0.001, currency="KRW", trigger="chat"
    )
    result = run(walk(1, 60), sma_cross(3, 9))
    flat = run([], sma_cross(3, 9))

    telling.queued()
    telling.started("hash")
    telling.finished(result, 1.5, "hash")
    telling.finished(flat, 0.1, "hash")
    telling.failed(TradingError("no bars"), 0.5)
    telling.failed(ZeroDivisionError("ours"), 0.5)

    names = [vars(record)["event_name"] for record in records]
    assert names == [
        f"backtest.{word}" for word in ("queued", "started", "finished", "finished", "failed", "failed")
    ]
    for record in records:
        said = {key for key in vars(record) if "." in key} - {
            "bot.id",
            "strategy.name",
            "run.mode",
            "service.version",
        }
        assert said <= EVENTS[vars(record)["event_name"]].attributes
        assert vars(record)["run.mode"] == "backtest"
        assert vars(record)["backtest.id"] == "b1"
        record.getMessage()
    assert vars(records[2])["total_return"] == result.total_return
    assert vars(records[2])["duration_ms"] == 1500
    assert "sharpe" not in vars(records[3]), "an undefined figure is no attribute"
    assert [vars(record)["error.type"] for record in records[4:]] == ["invalid", "server"]
    assert [record.levelno for record in records[3:5]] == [logging.INFO, logging.ERROR]
    assert (records[4].exc_info, records[5].exc_info is None) == (None, False)


def test_times_in_facts_are_those_of_the_bars() -> None:
    day = datetime(2024, 1, 1, tzinfo=UTC)
    rows = [(day + timedelta(days=i), *bar[1:]) for i, bar in enumerate(walk(1, 60))]
    data = data_of({"A": [Bar(time_of(row[0]), *row[1:]) for row in rows]}, start=0)

    facts = facts_of(run(rows, sma_cross(3, 9)), subject_of("sma_cross:3,9", Params()), data)

    assert (facts.first, facts.last) == (time_of(rows[0][0]), time_of(rows[-1][0]))
    assert {trade.symbol for trade in facts.trades} == {"A"}


def test_a_backtest_loads_no_heavy_library() -> None:
    heavy = ["numpy", "scipy", "polars", "optuna", "pandas", "sqlalchemy"]
    code = (
        "import sys, trading.backtest, trading.portfolio, trading.backtest.search\n"
        "import trading.commands.backtest, trading.commands.search\n"
        f"print(*[name for name in {heavy} if name in sys.modules])"
    )

    loaded = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=REPO
    )

    assert loaded.stdout.strip() == ""

"""One symbol: fills at the next open, what comes back in which type, and bars that are no bars."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trading.backtest import BacktestError, run
from trading.bars import Bar
from trading.signals.signal import Signal
from trading.strategies import sma_cross

FIRST = date(2025, 1, 1)


class Script:
    """Says what is written down, bar by bar, and notes what it saw."""

    def __init__(self, *said: str | Signal | None) -> None:
        self.said = [Signal(each, 1.0, "script") if isinstance(each, str) else each for each in said]  # type: ignore[arg-type]
        self.index = 0
        self.held: list[float] = []

    def on_bar(self, bar: Bar, held: float) -> Signal | None:
        self.held.append(held)
        self.index += 1
        return self.said[self.index - 1] if self.index <= len(self.said) else None


def bars(*prices: tuple[float, float]) -> list[tuple[date, float, float, float, float, float]]:
    """Return daily bars of (open, close)."""
    return [
        (FIRST + timedelta(days=index), o, max(o, c), min(o, c), c, 1.0)
        for index, (o, c) in enumerate(prices)
    ]


def test_what_is_said_at_a_close_is_filled_at_the_next_open() -> None:
    history = bars((10, 11), (20, 21), (30, 31), (40, 41))

    result = run(history, Script("buy", None, "sell"), cash=100)

    (trade,) = result.trades
    assert (trade.entry_time, trade.exit_time) == (date(2025, 1, 2), date(2025, 1, 4))
    assert (trade.entry_bar, trade.exit_bar, trade.entry_price, trade.exit_price) == (1, 3, 20, 40)
    assert trade.return_ratio == 1
    assert result.equity == [100, 105, 155, 200]
    assert result.times == [row[0] for row in history]
    assert (result.total_return, result.max_drawdown, result.win_rate) == (1, 0, 1)
    assert result.exposure == 0.5


def test_the_fee_is_taken_on_both_sides_and_slippage_makes_each_fill_worse() -> None:
    history = bars((10, 10), (10, 10), (20, 20))

    result = run(history, Script("buy", "sell"), cash=100, fee=0.1, slippage=0.25)

    (trade,) = result.trades
    units = 100 / (12.5 * 1.1)
    assert trade.quantity == pytest.approx(units)
    assert (trade.entry_price, trade.exit_price) == (12.5, 15)
    assert trade.fees == pytest.approx(units * (1.25 + 1.5))
    assert result.final_equity == pytest.approx(units * 15 * 0.9) == pytest.approx(100 + trade.pnl)
    assert trade.return_ratio == pytest.approx((15 * 0.9 - 12.5 * 1.1) / 12.5)


def test_a_position_open_at_the_end_is_valued_not_sold() -> None:
    result = run(bars((10, 10), (10, 12)), Script("buy"), cash=100, fee=0.01)

    (trade,) = result.trades
    assert trade.is_open
    assert (trade.exit_time, trade.exit_price) == (date(2025, 1, 2), 12)
    assert trade.return_ratio == pytest.approx(0.2 - 0.01)
    assert result.closed == []
    assert result.final_equity == pytest.approx(100 / 10.1 * 12)


def test_what_is_said_at_the_last_bar_never_happens() -> None:
    assert run(bars((10, 10), (10, 10)), Script(None, "buy")).trades == []


def test_a_weight_is_a_share_of_the_equity_at_the_open() -> None:
    half, fifth = Signal("buy", 1.0, "", weight=0.5), Signal("sell", 1.0, "", weight=0.2)

    result = run(bars((10, 10), (10, 10), (30, 30), (30, 30)), Script(half, fifth), cash=100)

    first, rest = result.trades
    assert first.quantity == pytest.approx(5 - 0.2 * 200 / 30)
    assert not first.is_open
    assert rest.quantity == pytest.approx(0.2 * 200 / 30)
    assert result.final_equity == 200


def test_the_strategy_is_told_what_is_held_and_stays_unused_itself() -> None:
    script = Script("buy", "sell")
    history = bars((10, 10), (10, 10), (10, 10))

    results = [run(history, script), run(history, script)]

    assert results[0].trades == results[1].trades
    assert (script.index, script.held) == (0, [])


@pytest.mark.parametrize("opening", [math.nan, 0.0, -3.0])
def test_an_order_without_a_price_waits_for_the_next_open_that_has_one(opening: float) -> None:
    history = bars((10, 10), (opening, 10), (20, 20))

    (trade,) = run(history, Script("buy")).trades

    assert (trade.entry_bar, trade.entry_price) == (2, 20)


def test_a_close_that_is_no_price_leaves_the_value_where_it_was() -> None:
    result = run(bars((10, 10), (10, 12), (12, math.nan), (13, 13)), Script("buy"), cash=10)

    assert result.equity == [10, 12, 12, 13]


@pytest.mark.parametrize("count", [0, 1])
def test_no_bar_or_one_bar_is_no_trade(count: int) -> None:
    result = run(bars((10, 11))[:count], sma_cross(2, 3), cash=7)

    assert (result.trades, result.equity, result.final_equity) == ([], [7.0] * count, 7.0)
    assert (result.total_return, result.exposure, result.win_rate) == (0, 0, None)
    assert math.isnan(result.sharpe)


def test_a_flat_price_is_no_trade_and_no_sharpe_ratio() -> None:
    result = run(bars(*[(10.0, 10.0)] * 50), sma_cross(5, 10))

    assert (result.trades, result.total_return, result.max_drawdown, result.volatility) == ([], 0, 0, 0)
    assert math.isnan(result.sharpe)


def test_bars_out_of_order_are_refused_with_their_place() -> None:
    history = bars((10, 10), (10, 10), (10, 10))

    with pytest.raises(BacktestError, match=r"bar 2 \(2025-01-01\) does not come after bar 1 \(2025-01-02\)"):
        run([history[0], history[1], history[0]], Script())


@pytest.mark.parametrize(
    "figure", [{"cash": 0.0}, {"cash": math.nan}, {"fee": -0.1}, {"fee": 1.0}, {"slippage": 5}]
)
def test_figures_out_of_range_are_refused(figure: dict[str, Any]) -> None:
    with pytest.raises(BacktestError, match=next(iter(figure))):
        run(bars((10, 10)), Script(), **figure)


def _nanoseconds(day: date) -> int:
    return int(datetime(day.year, day.month, day.day, tzinfo=UTC).timestamp()) * 1_000_000_000


@pytest.mark.parametrize(
    "form",
    [
        lambda day: day,
        lambda day: day.isoformat(),
        lambda day: datetime(day.year, day.month, day.day),  # noqa: DTZ001 - naive times are UTC
        lambda day: datetime(day.year, day.month, day.day, tzinfo=UTC),
        _nanoseconds,
    ],
    ids=["date", "text", "naive", "aware", "ns"],
)
def test_times_come_back_as_they_were_given(form: Callable[[date], Any]) -> None:
    history = [(form(row[0]), *row[1:]) for row in bars((10, 10), (20, 20), (40, 40))]

    (trade,) = run(history, Script("buy", "sell")).trades

    assert (trade.entry_time, trade.exit_time) == (form(date(2025, 1, 2)), form(date(2025, 1, 3)))


def test_arrays_and_data_frames_give_the_same() -> None:
    numpy = pytest.importorskip("numpy")
    pandas = pytest.importorskip("pandas")
    polars = pytest.importorskip("polars")
    rows = [(f"{row[0]}", *row[1:]) for row in bars(*[(10 + i % 7, 10 + (i * 5) % 11) for i in range(60)])]
    wanted = run(rows, sma_cross(2, 5), fee=0.001)
    names = ["time", "open", "high", "low", "close", "volume"]
    frame = pandas.DataFrame(rows, columns=names)
    frame["time"] = pandas.to_datetime(frame["time"])
    numbers = numpy.array([(_nanoseconds(date.fromisoformat(row[0])), *row[1:]) for row in rows])
    stamped = [(numpy.datetime64(row[0]), *row[1:]) for row in rows]

    for history in (
        frame,
        frame.set_index("time"),
        polars.DataFrame(rows, schema=names, orient="row"),
        numbers,
        stamped,
        numbers.tolist(),
        [list(row) for row in rows],
    ):
        result = run(history, sma_cross(2, 5), fee=0.001)

        assert result.equity == wanted.equity
        assert [trade.entry_bar for trade in result.trades] == [trade.entry_bar for trade in wanted.trades]
    assert str(run(frame, sma_cross(2, 5)).trades[0].entry_time)[:10] == wanted.trades[0].entry_time


prices = st.lists(st.tuples(st.floats(1, 100), st.floats(1, 100)), min_size=2, max_size=80)


@given(prices, st.floats(0, 0.01), st.floats(0, 0.01))
def test_the_equity_is_what_the_trades_made_of_the_cash(
    history: list[tuple[float, float]], fee: float, slippage: float
) -> None:
    result = run(bars(*history), sma_cross(2, 4), cash=50, fee=fee, slippage=slippage)

    earned = sum(trade.pnl for trade in result.trades)
    assert result.final_equity == pytest.approx(50 + earned, rel=1e-9)
    opens = [row[0] for row in history]
    for trade in result.trades:
        assert trade.entry_price == pytest.approx(opens[trade.entry_bar] * (1 + slippage))
        assert trade.entry_bar <= trade.exit_bar


@given(prices, st.data())
def test_another_future_changes_nothing_that_has_happened(
    history: list[tuple[float, float]], data: st.DataObject
) -> None:
    now = data.draw(st.integers(1, len(history)))
    future = data.draw(st.permutations(history[now:]))

    before = run(bars(*history), sma_cross(2, 4), fee=0.001)
    after = run(bars(*history[:now], *future), sma_cross(2, 4), fee=0.001)
    cut = run(bars(*history[:now]), sma_cross(2, 4), fee=0.001)

    assert before.equity[:now] == after.equity[:now] == cut.equity
    assert _settled(before.trades, now) == _settled(after.trades, now) == _settled(cut.trades, now)


def _settled(trades: Sequence[Any], now: int) -> list[Any]:
    return [trade for trade in trades if trade.exit_bar < now and not trade.is_open]


bad = st.sampled_from([math.nan, math.inf, -math.inf, 0.0, -5.0, 1e-300, 1e300])
price = st.one_of(st.floats(1, 100), st.floats(1, 100), st.floats(1, 100), bad)


@given(st.lists(st.tuples(price, price), max_size=60), st.floats(0, 0.05))
def test_whatever_the_prices_are_the_result_is_one(history: list[tuple[float, float]], fee: float) -> None:
    rows = [(FIRST + timedelta(days=day), o, 1e300, 0.0, c, 1.0) for day, (o, c) in enumerate(history)]

    for rule in (sma_cross(2, 3), Script(*["buy", "sell", None] * 20)):
        result = run(rows, rule, cash=1000, fee=fee, slippage=0.01)

        assert all(value >= 0 for value in result.equity)
        assert len(result.equity) == len(rows)
        assert result.max_drawdown <= 0 or not rows
        assert all(0 < trade.entry_price < math.inf for trade in result.trades)

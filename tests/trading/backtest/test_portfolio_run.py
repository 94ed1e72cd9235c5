"""Several symbols: the live engine session by session, risk exits, missing and delisted symbols."""

from __future__ import annotations

import math
import random
from collections.abc import Mapping, Sequence

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.trading.backtest.histories import DAY, history_of, walk
from trading.accounts import GONE_AFTER
from trading.backtest import BacktestError, PortfolioResult, run, run_portfolio
from trading.backtest.engines import EachSymbol
from trading.bars import Bar
from trading.risk import RiskLimits
from trading.signals.engine import SignalEngine, sessions_of
from trading.signals.params import Params
from trading.signals.signal import Signal, Verdict
from trading.strategies import sma_cross

QUICK = Params(fast=3, slow=6, rsi=3, momentum=3, volatility=4, correlation_window=12, correlation_least=6)


class Script:
    """An engine that says what is written down for a session (counted from 0)."""

    def __init__(self, said: Mapping[int, Sequence[Signal]]) -> None:
        self.said = said
        self.session = -1

    def observe(self, time: int, bars: Mapping[str, Bar]) -> None:
        self.session += 1

    def on_session(self, time: int, bars: Mapping[str, Bar], held: Mapping[str, float]) -> Verdict:
        self.observe(time, bars)
        return Verdict(time, tuple(self.said.get(self.session, ())), (), None)


class Crossing:
    """The strategy for one symbol as an engine."""

    def __init__(self) -> None:
        self.strategy = sma_cross(2, 4)

    def observe(self, time: int, bars: Mapping[str, Bar]) -> None:
        self.strategy.on_bar(bars["A"], 0.0)

    def on_session(self, time: int, bars: Mapping[str, Bar], held: Mapping[str, float]) -> Verdict:
        said = self.strategy.on_bar(bars["A"], held.get("A", 0.0))
        signals = () if said is None else (Signal(said.action, 1.0, said.reason, "A", weight=None),)
        return Verdict(time, signals, (), None)


def buy(symbol: str, weight: float) -> Signal:
    return Signal("buy", 0.9, "script", symbol, weight=weight)


def sell(symbol: str) -> Signal:
    return Signal("sell", 0.9, "script", symbol, weight=0.0)


def flat(price: float, sessions: int) -> list[Bar]:
    return [Bar(day * DAY, price, price, price, price, 1.0) for day in range(sessions)]


def test_what_is_decided_at_a_close_is_filled_at_the_next_open() -> None:
    series = {"A": [Bar(day * DAY, 10.0 + day, 20, 1, 10.0, 1) for day in range(4)]}

    result = run_portfolio(series, Script({0: [buy("A", 0.5)], 2: [sell("A")]}), cash=1000, fee=0.01)

    (trade,) = result.trades
    assert (trade.entry_time, trade.exit_time, trade.entry_price, trade.exit_price) == (DAY, 3 * DAY, 11, 13)
    assert trade.quantity == 50
    assert result.final_equity == pytest.approx(1000 + 50 * 2 - 0.01 * 50 * 24) == result.account.cash
    assert result.equity[1] == pytest.approx(1000 - 50 - 5.5)
    assert [share > 0 for share in result.exposures] == [False, True, True, False]
    assert result.fees == pytest.approx(12)


@settings(max_examples=30)
@given(st.integers(0, 10_000), st.floats(0, 0.01), st.floats(0, 0.01))
def test_one_symbol_is_the_same_as_the_backtest_of_one(seed: int, fee: float, slippage: float) -> None:
    history = walk(seed, 60)

    many = run_portfolio({"A": history}, Crossing(), cash=1000, fee=fee, slippage=slippage)
    one = run(history, sma_cross(2, 4), cash=1000, fee=fee, slippage=slippage)

    # The portfolio is sized at the close, so an open below it leaves cash: compared is what has no size.
    assert [(t.entry_time, t.exit_time) for t in many.trades] == [
        (t.entry_time, t.exit_time) for t in one.trades
    ]
    for a, b in zip(many.trades, one.trades, strict=True):
        assert a.return_ratio == pytest.approx(b.return_ratio, rel=1e-9, abs=1e-12)


def test_a_stop_loss_is_judged_at_the_close_and_filled_at_the_next_open() -> None:
    closes = [100.0, 100.0, 91.0, 80.0, 70.0]
    series = {"A": [Bar(day * DAY, close, close, close, close, 1) for day, close in enumerate(closes)]}

    result = run_portfolio(
        series, Script({0: [buy("A", 1.0)]}), cash=1000, limits=RiskLimits(stop_loss=0.09, max_weight=1)
    )

    (trade,) = result.trades
    assert (trade.reason, trade.exit_time, trade.exit_price) == ("stop_loss", 3 * DAY, 80)


class Eager:
    """Wants every symbol in every session, an equal part of each."""

    def observe(self, time: int, bars: Mapping[str, Bar]) -> None:
        pass

    def on_session(self, time: int, bars: Mapping[str, Bar], held: Mapping[str, float]) -> Verdict:
        wanted = [symbol for symbol in sorted(bars) if symbol not in held]
        return Verdict(time, tuple(buy(symbol, 1 / len(bars)) for symbol in wanted), (), None)


@settings(max_examples=40, deadline=None)
@given(st.integers(0, 10_000), st.integers(0, 8))
def test_what_a_stop_loss_closed_is_bought_again_after_the_cooldown_and_not_before(
    seed: int, cooldown: int
) -> None:
    series = history_of(seed)
    limits = RiskLimits(stop_loss=0.01, max_weight=1, cooldown_sessions=cooldown)

    result = run_portfolio(series, Eager(), cash=1000, limits=limits)

    stops = [fill for fill in result.fills if fill.reason == "stop_loss"]
    assert stops, "nothing was stopped, so nothing was tested"
    for stop in stops:
        later = [fill.time for fill in result.fills if fill.symbol == stop.symbol and fill.time > stop.time]
        # An engine that always wants buys at the first open it may.
        again = stop.time + (cooldown + 1) * DAY
        assert later[:1] == ([again] if again <= result.times[-1] else [])
    assert (result.filtered.get("cooldown", 0) > 0) == (cooldown > 0)


def test_a_profit_that_was_taken_starts_no_cooldown() -> None:
    closes = [100.0, 100.0, 130.0, 130.0, 130.0]
    series = {"A": [Bar(day * DAY, close, close, close, close, 1) for day, close in enumerate(closes)]}
    limits = RiskLimits(take_profit=0.2, max_weight=1)

    result = run_portfolio(series, Eager(), cash=1000, limits=limits)

    assert [(fill.side, fill.time // DAY) for fill in result.fills] == [("buy", 1), ("sell", 3), ("buy", 4)]


def test_an_exit_waits_for_the_next_bar_of_its_symbol_and_a_purchase_does_not() -> None:
    a, b = flat(10, 8), flat(20, 8)
    series = {"A": [*a[:3], *a[5:]], "B": [*b[:1], *b[2:]]}

    result = run_portfolio(series, Script({0: [buy("A", 0.5), buy("B", 0.5)], 2: [sell("A")]}), cash=1000)

    assert [(fill.symbol, fill.time // DAY) for fill in result.fills] == [("A", 1), ("A", 5)]


def test_a_missing_session_keeps_the_last_value() -> None:
    a = [Bar(day * DAY, 10, 20, 5, 10.0 + day, 1) for day in range(6)]
    series = {"A": [*a[:3], *a[4:]], "B": flat(1, 6)}

    result = run_portfolio(series, Script({0: [buy("A", 1.0)]}), cash=10)

    assert result.equity == [10, 11, 12, 12, 14, 15]


def test_a_delisted_symbol_is_closed_at_its_last_close_after_its_time() -> None:
    series = {"A": flat(10, 5), "B": flat(1, 40)}

    result = run_portfolio(series, Script({0: [buy("A", 1.0)]}), cash=100, fee=0.01)

    (trade,) = result.trades
    assert (trade.reason, trade.exit_price) == ("liquidation", 10)
    assert trade.exit_time // DAY == 4 + GONE_AFTER
    assert result.account.holdings == {}


def test_what_is_held_at_the_end_is_valued_and_listed_as_open() -> None:
    result = run_portfolio({"A": flat(10, 4)}, Script({0: [buy("A", 0.5)]}), cash=100, fee=0.1)

    (trade,) = result.trades
    assert trade.is_open
    assert trade.pnl == pytest.approx(-5)
    assert result.closed == []
    assert result.win_rate is None


def test_the_win_rate_counts_closed_trades_alone() -> None:
    a = [Bar(day * DAY, 10.0 + day, 20, 1, 10.0 + day, 1) for day in range(6)]
    b = [Bar(day * DAY, 20.0 - day, 20, 1, 20.0 - day, 1) for day in range(6)]

    result = run_portfolio(
        {"A": a, "B": b}, Script({0: [buy("A", 0.4), buy("B", 0.4)], 2: [sell("A")]}), cash=100
    )

    assert [(trade.symbol, trade.is_open, trade.pnl > 0) for trade in result.trades] == [
        ("A", False, True),
        ("B", True, False),
    ]
    assert result.win_rate == 1


def test_before_the_start_nothing_is_traded_and_the_engine_is_warmed_up() -> None:
    series = {"A": flat(10, 6)}

    result = run_portfolio(
        series, Script({0: [buy("A", 0.5)], 3: [buy("A", 0.5)]}), start=2 * DAY, end=5 * DAY
    )

    assert [fill.time // DAY for fill in result.fills] == [4]
    assert [time // DAY for time in result.times] == [2, 3, 4]


def test_no_symbol_no_bar_and_one_bar() -> None:
    nothing: dict[str, list[Bar]] = {}
    one: dict[str, list[Bar]] = {"A": []}
    for series in (nothing, one, {"A": flat(10, 1)}):
        result = run_portfolio(series, SignalEngine(QUICK, list(series)), cash=5)

        assert (result.trades, result.final_equity, result.turnover) == ([], 5, 0)
        assert math.isnan(result.sharpe)


def test_a_symbol_out_of_order_is_named() -> None:
    with pytest.raises(BacktestError, match="B: bar 1"):
        run_portfolio({"A": flat(10, 3), "B": flat(10, 3)[::-1]}, Script({}))


def test_a_worthless_account_goes_on_without_dividing_by_nothing() -> None:
    closes = [10.0, 10.0, 1e-300, 1e-300, 10.0]
    series = {"A": [Bar(day * DAY, close, close, close, close, 1) for day, close in enumerate(closes)]}

    result = run_portfolio(series, Script({0: [buy("A", 1.0)], 2: [buy("A", 0.5)]}), cash=10)

    assert result.max_drawdown == pytest.approx(-1)


def backtest(series: Mapping[str, Sequence[Bar]], params: Params = QUICK) -> PortfolioResult:
    return run_portfolio(
        series,
        SignalEngine(params, sorted(series)),
        cash=1000,
        fee=0.001,
        slippage=0.001,
        limits=RiskLimits(stop_loss=0.05),
    )


@settings(max_examples=20, deadline=None)
@given(st.integers(0, 1000), st.integers(8, 49))
def test_another_future_changes_nothing_that_has_happened(seed: int, now: int) -> None:
    series = history_of(seed)
    dice = random.Random(seed)
    shuffled = {}
    for symbol, bars in series.items():
        future = [bar[1:] for bar in bars[now:]]
        dice.shuffle(future)
        shuffled[symbol] = [*bars[:now], *(Bar((now + i) * DAY, *bar) for i, bar in enumerate(future))]
    cut = {symbol: bars[:now] for symbol, bars in series.items()}

    results = [backtest(each) for each in (series, shuffled, cut)]

    assert results[0].fills, "nothing was traded, so nothing was tested"
    known = [
        (result.equity[:now], [fill for fill in result.fills if fill.time < now * DAY]) for result in results
    ]
    assert known[0] == known[1] == known[2]


@settings(max_examples=20, deadline=None)
@given(st.integers(0, 1000))
def test_the_backtest_gives_the_signals_that_live_gives_bar_by_bar(seed: int) -> None:
    series = history_of(seed)
    told: list[Verdict] = []

    class Listening(SignalEngine):
        def __deepcopy__(self, memo: object) -> Listening:
            return self

        def on_session(self, time: int, bars: Mapping[str, Bar], held: Mapping[str, float]) -> Verdict:
            verdict = super().on_session(time, bars, held)
            told.append(verdict)
            holdings.append(dict(held))
            return verdict

    holdings: list[dict[str, float]] = []
    run_portfolio(series, Listening(QUICK, sorted(series)), cash=1000, fee=0.001)
    live = SignalEngine(QUICK, sorted(series))
    said = [
        live.on_session(time, bars, held)
        for (time, bars), held in zip(sessions_of(series), holdings, strict=True)
    ]

    assert said == told
    assert any(verdict.signals for verdict in said)


@settings(max_examples=20, deadline=None)
@given(st.integers(0, 1000), st.integers(0, 200))
def test_fills_are_at_opens_and_equity_is_what_the_trades_made(seed: int, hole: int) -> None:
    series = history_of(seed)
    del series["S1"][hole % 40 : hole % 40 + 3]
    opens = {(symbol, bar.time): bar.open for symbol, bars in series.items() for bar in bars}

    result = backtest(series)

    for fill in result.fills:
        worse = 1.001 if fill.side == "buy" else 0.999
        assert fill.price == pytest.approx(opens[fill.symbol, fill.time] * worse)
    assert result.final_equity == pytest.approx(1000 + sum(trade.pnl for trade in result.trades), rel=1e-9)
    assert result.account.fees == pytest.approx(result.fees)
    assert all(0 <= share <= 1 + 1e-9 for share in result.exposures)


def test_shuffled_symbols_give_the_same_result() -> None:
    series = history_of(7)

    assert backtest(dict(reversed(series.items()))) == backtest(series)


bad = st.sampled_from([math.nan, math.inf, -math.inf, 0.0, -5.0, 1e-300, 1e300])
price = st.one_of(st.floats(1, 100), st.floats(1, 100), st.floats(1, 100), bad)
rows = st.lists(st.tuples(st.integers(0, 60), price, price), max_size=60, unique_by=lambda row: row[0])


@settings(max_examples=60, deadline=None)
@given(st.dictionaries(st.sampled_from("ABC"), rows, max_size=3), st.floats(0, 0.05))
def test_whatever_the_prices_are_the_account_stays_one(
    histories: dict[str, list[tuple[int, float, float]]], fee: float
) -> None:
    series = {
        symbol: [Bar(day * DAY, opening, 1e300, 0.0, close, 1.0) for day, opening, close in sorted(history)]
        for symbol, history in histories.items()
    }
    limits = RiskLimits(stop_loss=0.05, trailing_stop=0.1, take_profit=0.2, max_weight=0.5)

    for engine in (EachSymbol(lambda: sma_cross(2, 3), sorted(series)), SignalEngine(QUICK, sorted(series))):
        result = run_portfolio(series, engine, cash=1000.0, fee=fee, slippage=0.01, limits=limits)

        assert all(math.isfinite(value) and value >= 0 for value in result.equity)
        assert result.account.cash >= 0
        assert all(held.quantity > 0 for held in result.account.holdings.values())
        assert all(0 < fill.price < math.inf for fill in result.fills)
        assert result.max_drawdown <= 0 or not result.equity

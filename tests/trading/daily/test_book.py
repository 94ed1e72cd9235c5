"""The paper account, session by session: the same numbers as a backtest, and splits that cost nothing."""

from __future__ import annotations

import random
from collections.abc import Mapping, Sequence

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from trading.accounts import Account, Action, Holding
from trading.backtest.portfolio import run_portfolio
from trading.bars import Bar
from trading.daily.book import Advanced, Book, advance, limits_of, new_book, rebased
from trading.settings import AccountSettings
from trading.signals.engine import SignalEngine, sessions_of
from trading.signals.params import Params

DAY_NS = 86_400_000_000_000
PARAMS = Params(
    fast=3, slow=8, rsi=5, momentum=4, volatility=5, entry=0.5, min_confidence=0.5, max_volatility=9.0
)
ACCOUNT = AccountSettings(cash=1_000_000.0, fee=0.001, slippage=0.002, stop_loss=0.05, max_weight=0.3)
LOTS = {"A": 1.0, "B": 0.1}


def walk(seed: int, count: int, *, holes: float = 0.0) -> list[Bar]:
    chance = random.Random(seed)
    price, bars = 100.0, []
    for n in range(count):
        opened = price * (1 + chance.gauss(0, 0.01))
        price = max(opened * (1 + chance.gauss(0.001, 0.03)), 1.0)
        high, low = max(opened, price) * 1.01, min(opened, price) * 0.99
        if chance.random() >= holes:
            bars.append(Bar(n * DAY_NS, opened, high, low, price, 1000.0))
    return bars


def lived(series: Mapping[str, Sequence[Bar]], account: AccountSettings) -> list[Advanced]:
    """Advance day by day as a daily run does: everything between two days goes through JSON."""
    history = {symbol: {bar.time: bar.close for bar in bars} for symbol, bars in series.items()}
    book, days = new_book(account, "KRW"), []
    for time, bars in sessions_of(series):
        # A new engine each day, warmed up with what was before: nothing but the book is carried over.
        engine = SignalEngine(PARAMS, list(series))
        for earlier, seen in sessions_of(series):
            if earlier < time:
                engine.observe(earlier, seen)
        day = advance(
            book, time, bars, history, engine, account, lots=LOTS, periods_per_year=PARAMS.periods_per_year
        )
        book = msgspec.json.decode(msgspec.json.encode(day.book), type=Book)
        days.append(day)
    return days


@settings(max_examples=15, deadline=None)
@given(seed=st.integers(0, 10_000), holes=st.sampled_from([0.0, 0.1]))
def test_day_by_day_the_account_is_that_of_a_backtest(seed: int, holes: float) -> None:
    series = {symbol: walk(seed + n, 60, holes=holes) for n, symbol in enumerate("ABC")}

    days = lived(series, ACCOUNT)

    test = run_portfolio(
        series,
        SignalEngine(PARAMS, list(series)),
        cash=ACCOUNT.cash,
        fee=ACCOUNT.fee,
        slippage=ACCOUNT.slippage,
        limits=limits_of(ACCOUNT),
        band=ACCOUNT.band,
        lots=LOTS,
        periods_per_year=PARAMS.periods_per_year,
    )
    assert [day.book.equity for day in days] == test.equity
    assert [fill for day in days for fill in day.fills] == test.fills
    assert [trade for day in days for trade in day.trades] == test.closed
    assert test.fills


def test_a_stop_loss_sells_at_the_next_open() -> None:
    falling = [100.0, 101.0, 103.0, 105.0, 107.0, 110.0, 112.0, 115.0, 118.0, 121.0, 90.0, 89.0]
    bars = [Bar(n * DAY_NS, close, close, close * 0.99, close, 1.0) for n, close in enumerate(falling)]

    *_, before, last = lived({"A": bars}, replace_settings(ACCOUNT, stop_loss=0.05))

    assert [(action.kind, action.reason) for action in before.actions] == [("close", "stop_loss")]
    assert [(fill.side, fill.reason) for fill in last.fills] == [("sell", "stop_loss")]
    assert last.book.account.holdings == {}


def test_a_cooldown_survives_in_the_stored_account() -> None:
    falling = [100.0, 101.0, 103.0, 105.0, 107.0, 110.0, 112.0, 115.0, 118.0, 121.0, 90.0, 89.0]
    rising = [150.0 + 5 * n for n in range(8)]
    bars = [
        Bar(n * DAY_NS, close, close, close * 0.99, close, 1.0) for n, close in enumerate([*falling, *rising])
    ]

    for cooldown in (0, 3):
        days = lived({"A": bars}, replace_settings(ACCOUNT, cooldown_sessions=cooldown))

        told = [
            (stopped.filter, stopped.value, stopped.threshold)
            for day in days[11:]
            for stopped in day.verdict.filtered
        ]
        bought = [n for n, day in enumerate(days) if n > 11 and any(f.side == "buy" for f in day.fills)]
        assert told == ([("cooldown", 1.0, 3.0), ("cooldown", 2.0, 3.0)] if cooldown else [])
        assert bought[0] == (15 if cooldown else 13)
        assert not days[-1].book.account.stopped


def test_an_account_that_was_stored_before_there_was_a_cooldown_loads() -> None:
    book = holding(50.0, walk(5, 20))
    stored = msgspec.json.decode(msgspec.json.encode(book))
    del stored["account"]["stopped"]

    assert msgspec.json.decode(msgspec.json.encode(stored), type=Book) == book


@pytest.mark.parametrize("ratio", [50.0, 2.0, 0.1, 7.0])
def test_a_split_changes_units_and_prices_and_no_value(ratio: float) -> None:
    bars = walk(5, 20)
    book = holding(bars[-1].close, bars)
    now = {"A": {bar.time: bar.close / ratio for bar in bars}}

    after, splits = rebased(book, now)

    (split,) = splits
    assert split.symbol == "A"
    assert split.ratio == pytest.approx(ratio)
    held = after.account.holdings["A"]
    assert held.quantity == pytest.approx(10 * ratio)
    assert held.quantity * held.last == pytest.approx(10 * bars[-1].close)
    assert held.average_price == pytest.approx(80 / ratio)
    assert after.pending[0].quantity == pytest.approx(4 * ratio)
    assert after.account.cash == book.account.cash


def test_a_corrected_close_or_a_rounding_is_no_split() -> None:
    bars = walk(5, 20)
    book = holding(bars[-1].close, bars)
    corrected = {bar.time: bar.close for bar in bars} | {bars[-1].time: bars[-1].close * 1.08}
    rounded = {bar.time: round(bar.close, 1) for bar in bars}
    unknown: dict[int, float] = {}

    for history in (corrected, rounded, unknown):
        assert rebased(book, {"A": history}) == (book, ())


def holding(price: float, bars: Sequence[Bar]) -> Book:
    account = Account(cash=100.0, holdings={"A": Holding(10, 80.0, bars[0].time, price, price, 70.0)})
    reduce = Action(
        symbol="A", kind="reduce", quantity=4, weight_before=0.9, weight_after=0.5, price=price, lot=1.0
    )
    closes = {"A": tuple((bar.time, bar.close) for bar in bars[-3:])}
    return Book(
        account=account, start_cash=1000.0, equity=900.0, peak=1000.0, pending=(reduce,), closes=closes
    )


def replace_settings(account: AccountSettings, **changes: float) -> AccountSettings:
    return msgspec.structs.replace(account, **changes)

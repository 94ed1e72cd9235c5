"""Accounts of floats: fills at the next open conserve value but for fees; rules for what cannot be filled."""

from __future__ import annotations

import math

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from trading.accounts import (
    Account,
    Action,
    Kind,
    Trade,
    closed_delisted,
    fill_at_open,
    marked,
    valued,
    waiting,
    weights_of,
)
from trading.bars import Bar

DAY = 86_400_000_000_000


def bar(price: float, day: int = 1, close: float | None = None) -> Bar:
    return Bar(day * DAY, price, price, price, price if close is None else close, 100.0)


def action(symbol: str, kind: Kind, quantity: float, lot: float = 0.0) -> Action:
    return Action(
        symbol=symbol, kind=kind, quantity=quantity, weight_before=0, weight_after=0, price=1.0, lot=lot
    )


def bought(symbol: str = "A", quantity: float = 10.0, price: float = 10.0, cash: float = 100.0) -> Account:
    start = Account(cash=cash + quantity * price)
    return fill_at_open(start, {symbol: bar(price)}, [action(symbol, "open", quantity)]).account


def test_a_round_trip_costs_fees_and_slippage_on_both_sides() -> None:
    start = Account(cash=1000.0, currency="KRW")

    first = fill_at_open(start, {"A": bar(10)}, [action("A", "open", 50)], fee=0.01, slippage=0.1)
    last = fill_at_open(
        first.account, {"A": bar(20, day=2)}, [action("A", "close", 50)], fee=0.01, slippage=0.1
    )

    assert first.account.cash == pytest.approx(1000 - 50 * 11 * 1.01)
    assert last.account.cash == pytest.approx(1000 - 50 * 11 * 1.01 + 50 * 18 * 0.99)
    assert last.account.holdings == {}
    assert last.account.currency == "KRW"
    assert last.account.fees == pytest.approx(50 * 11 * 0.01 + 50 * 18 * 0.01)
    (trade,) = last.trades
    assert (trade.entry_time, trade.exit_time) == (DAY, 2 * DAY)
    assert trade.pnl == pytest.approx(last.account.cash - 1000) == last.account.realized
    assert trade.return_ratio == pytest.approx(trade.pnl / (50 * 11))
    assert [fill.side for fill in (*first.fills, *last.fills)] == ["buy", "sell"]


def test_sales_pay_for_purchases_of_the_same_open() -> None:
    held = bought("A", cash=0.0)

    account, fills, _ = fill_at_open(
        held, {"A": bar(10), "B": bar(5)}, [action("B", "open", 20), action("A", "close", 10)]
    )

    assert [fill.symbol for fill in fills] == ["A", "B"]
    assert account.held == {"B": 20}
    assert account.cash == 0


def test_purchases_beyond_the_cash_are_all_cut_by_the_same_factor() -> None:
    wanted = [action("A", "open", 10), action("B", "open", 30), action("C", "open", 7.5, lot=1)]
    bars = {"A": bar(10), "B": bar(10), "C": bar(80)}

    account, _, _ = fill_at_open(Account(cash=500), bars, wanted)

    assert account.held == {"A": 5, "B": 15, "C": 3}
    assert account.cash == pytest.approx(500 - 50 - 150 - 240)


@pytest.mark.parametrize("opening", [math.nan, 0.0, -1.0, math.inf])
def test_what_has_no_usable_open_is_not_filled(opening: float) -> None:
    held = bought("A")
    actions = [action("A", "close", 10), action("B", "open", 1), action("C", "open", 1)]

    account, fills, _ = fill_at_open(held, {"A": bar(opening), "B": bar(opening)}, actions)

    assert (account, fills) == (held, ())
    assert [each.symbol for each in waiting(actions, fills)] == ["A"]


def test_an_average_price_moves_with_purchases_and_not_with_sales() -> None:
    account = bought("A", 10, 10)
    account = fill_at_open(account, {"A": bar(20)}, [action("A", "increase", 5)]).account
    more = account.holdings["A"]

    after, _, (trade,) = fill_at_open(account, {"A": bar(30)}, [action("A", "reduce", 6)], fee=0.1)

    assert more.average_price == pytest.approx(40 / 3)
    assert after.holdings["A"].average_price == more.average_price
    assert after.held == {"A": 9}
    assert trade.quantity == 6
    assert trade.pnl == pytest.approx(6 * (30 - 40 / 3) - 18)


def test_a_position_sold_in_parts_earns_what_the_cash_says() -> None:
    start = Account(cash=1000.0)
    account = fill_at_open(start, {"A": bar(10)}, [action("A", "open", 40)], fee=0.02).account
    trades: list[Trade] = []
    for price, kind, quantity in (
        (12, "reduce", 10),
        (9, "increase", 5),
        (11, "reduce", 20),
        (13, "close", 15),
    ):
        account, _, done = fill_at_open(account, {"A": bar(price)}, [action("A", kind, quantity)], fee=0.02)  # type: ignore[arg-type]
        trades += done

    assert account.holdings == {}
    assert sum(trade.pnl for trade in trades) == pytest.approx(account.cash - 1000)
    assert sum(trade.fees for trade in trades) == pytest.approx(account.fees)


def test_more_than_is_held_cannot_be_sold() -> None:
    account, (fill,), _ = fill_at_open(bought("A"), {"A": bar(10)}, [action("A", "reduce", 99)])

    assert (fill.quantity, account.holdings) == (10, {})


def test_marks_follow_the_closes_and_a_missing_bar_keeps_the_last_one() -> None:
    account = bought("A", 10, 10)
    for close in (12.0, 8.0, 11.0):
        account = marked(account, {"A": bar(10, close=close)})

    missed = marked(marked(account, {}), {"A": bar(10, close=math.nan)})

    holding = missed.holdings["A"]
    assert (holding.best, holding.worst, holding.last, holding.missed) == (12, 8, 11, 2)
    assert valued(missed) == 100 + 110
    assert valued(missed, {"A": 5.0}) == 100 + 50
    assert marked(missed, {"A": bar(10)}).holdings["A"].missed == 0


def test_a_holding_without_bars_for_twenty_sessions_is_closed_at_its_last_close() -> None:
    account = marked(bought("A", 10, 10), {"A": bar(10, close=7)})
    for _ in range(19):
        account = marked(account, {})

    assert closed_delisted(account, 30 * DAY).account == account
    after, (fill,), (trade,) = closed_delisted(marked(account, {}), 30 * DAY, fee=0.1)

    assert (fill.price, fill.reason, trade.reason) == (7, "liquidation", "liquidation")
    assert after.cash == pytest.approx(100 + 70 - 7)
    assert after.holdings == {}


def test_an_account_survives_being_stored() -> None:
    account = marked(bought("A"), {})

    assert msgspec.json.decode(msgspec.json.encode(account), type=Account) == account


def test_weights_are_shares_of_the_equity() -> None:
    account = bought("A", 10, 10, cash=300)

    assert weights_of(account) == {"A": 0.25}
    assert weights_of(account, {"A": 30.0}) == {"A": 0.5}
    assert weights_of(Account(cash=0)) == {}


KINDS: tuple[Kind, ...] = ("open", "increase", "reduce", "close", "keep")
steps = st.lists(
    st.tuples(
        st.sampled_from("ABC"),
        st.sampled_from(KINDS),
        st.floats(0, 100),
        st.dictionaries(st.sampled_from("ABC"), st.floats(0.01, 1000), max_size=3),
    ),
    max_size=12,
)


@given(steps, st.floats(0, 0.05))
def test_value_is_conserved_but_for_fees(
    sequence: list[tuple[str, Kind, float, dict[str, float]]], fee: float
) -> None:
    account = Account(cash=1000.0)
    realized = 0.0

    for symbol, kind, quantity, opens in sequence:
        bars = {each: bar(price) for each, price in opens.items()}
        before = valued(account, opens)
        account, fills, trades = fill_at_open(account, bars, [action(symbol, kind, quantity)], fee=fee)
        paid = sum(fill.fee for fill in fills)
        realized += sum(trade.pnl for trade in trades)

        assert valued(account, opens) == pytest.approx(before - paid, rel=1e-9, abs=1e-9)
        assert account.cash >= 0
        assert all(holding.quantity > 0 for holding in account.holdings.values())
        assert {fill.symbol for fill in fills} <= set(opens)
    assert account.realized == pytest.approx(realized, abs=1e-9)
    unrealized = sum(
        each.quantity * (each.last - each.average_price) - each.fees for each in account.holdings.values()
    )
    assert valued(account) == pytest.approx(1000 + realized + unrealized, rel=1e-9)

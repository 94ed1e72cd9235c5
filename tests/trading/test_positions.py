"""A position is what its fills make it, to the last digit."""

from __future__ import annotations

from decimal import Decimal
from typing import Literal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trading.positions import Fill, Position, applied, closed_trade, marked

D = Decimal


def fill(
    side: Literal["buy", "sell"], quantity: str, price: str, fee: str = "0", *, order: str = "o1", at: int = 0
) -> Fill:
    return Fill(f"{order}-{at}", order, side, D(quantity), D(price), D(fee), at)


def held(*fills: Fill) -> Position:
    position = Position()
    for one in fills:
        position = applied(position, one)
    return position


def test_buying_more_moves_the_average_price() -> None:
    position = held(fill("buy", "1", "100", "0.1", at=5), fill("buy", "3", "120", "0.3", at=9))

    assert (position.quantity, position.average_price, position.fees) == (D(4), D(115), D("0.4"))
    assert position.opened == 5


def test_selling_a_part_realizes_only_that_part() -> None:
    position = held(fill("buy", "4", "115"), fill("sell", "1", "125"))

    assert (position.quantity, position.average_price, position.realized) == (D(3), D(115), D(10))
    assert position.unrealized(D(110)) == D(-15)


def test_a_short_position_earns_when_the_price_falls() -> None:
    position = held(fill("sell", "2", "100"), fill("buy", "2", "90"))

    assert (position.side, position.realized) == ("flat", D(20))


def test_a_fill_larger_than_the_position_turns_it_round() -> None:
    position = held(fill("buy", "1", "100", at=1), fill("sell", "3", "110", "0.3", at=2))

    assert (position.side, position.quantity, position.average_price) == ("short", D(-2), D(110))
    assert (position.realized, position.entry_fees, position.opened) == (D(10), D("0.2"), 2)


def test_a_trade_pays_the_fees_of_both_sides() -> None:
    before = held(fill("buy", "2", "100", "0.2", at=1))

    trade = closed_trade(before, [fill("sell", "1", "110", "0.11", order="o2", at=7)])

    assert (trade.quantity, trade.fees, trade.pnl_net) == (D(1), D("0.21"), D("9.79"))
    assert (trade.pnl_ratio, trade.entry_time, trade.exit_time) == (D("0.0979"), 1, 7)


def test_a_trade_filled_in_parts_has_one_average_exit() -> None:
    before = held(fill("buy", "3", "100"))

    trade = closed_trade(before, [fill("sell", "1", "90", at=1), fill("sell", "2", "120", at=2)])

    assert (trade.exit_price, trade.pnl_net, trade.exit_time) == (D(110), D(30), 2)


def test_a_trade_knows_how_far_the_price_went_against_it_and_for_it() -> None:
    before = marked(marked(held(fill("buy", "1", "100")), D(80)), D(130))

    trade = closed_trade(before, [fill("sell", "1", "110")])

    assert (trade.mae_ratio, trade.mfe_ratio) == (D("-0.2"), D("0.3"))


def test_fills_that_close_nothing_make_no_trade() -> None:
    with pytest.raises(ValueError, match="close nothing"):
        closed_trade(held(fill("buy", "1", "100")), [fill("buy", "1", "100")])


sides = st.sampled_from(("buy", "sell"))
amounts = st.decimals("0.001", "100", places=3)


@given(st.lists(st.tuples(sides, amounts, amounts), max_size=12), amounts)
def test_cash_and_position_add_up_whatever_is_traded(
    trades: list[tuple[Literal["buy", "sell"], Decimal, Decimal]], price: Decimal
) -> None:
    fills = [fill(side, str(quantity), str(paid), "0.01") for side, quantity, paid in trades]

    position = held(*fills)

    cash = -sum((one.signed * one.price for one in fills), D(0))
    assert position.quantity == sum((one.signed for one in fills), D(0))
    assert float(position.realized + position.unrealized(price)) == pytest.approx(
        float(cash + position.quantity * price), abs=1e-6
    )
    assert float(position.fees) == pytest.approx(0.01 * len(fills))

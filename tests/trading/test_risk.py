"""The limits say no with the reason, and never keep a bot from getting out."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal

import pytest

from trading.risk import Account, Denial, Limits, Proposal, TrailingStop, denial_of

D = Decimal
ACCOUNT = Account(cash=D(1000), held=D(0))
BUY = Proposal("buy", D(2), D(100))
SELL = Proposal("sell", D(2), D(100))


@pytest.mark.parametrize(
    ("order", "account", "limits", "wanted"),
    [
        (BUY, ACCOUNT, Limits(), None),
        (BUY, replace(ACCOUNT, state="halted"), Limits(), Denial("halted", D(1), D(0))),
        (BUY, replace(ACCOUNT, state="reducing"), Limits(), Denial("reducing", D(2), D(0))),
        (BUY, ACCOUNT, Limits(max_order_notional=D(199)), Denial("notional", D(200), D(199))),
        (BUY, ACCOUNT, Limits(max_order_notional=D(200)), None),
        (BUY, replace(ACCOUNT, cash=D(199)), Limits(), Denial("balance", D(200), D(199))),
        (BUY, replace(ACCOUNT, orders_last_minute=20), Limits(), Denial("rate_limit", D(20), D(20))),
        (BUY, replace(ACCOUNT, orders_last_minute=19), Limits(), None),
        (BUY, replace(ACCOUNT, is_twin_open=True), Limits(), Denial("duplicate", D(2), D(1))),
    ],
)
def test_each_limit_denies_with_its_reason(
    order: Proposal, account: Account, limits: Limits, wanted: Denial | None
) -> None:
    assert denial_of(order, account, limits) == wanted


@pytest.mark.parametrize("state", ["running", "reducing"])
def test_an_order_that_shrinks_the_position_passes_the_money_limits(state: str) -> None:
    account = replace(ACCOUNT, held=D(2), cash=D(0))
    account = replace(account, state="reducing" if state == "reducing" else "running")

    assert denial_of(SELL, account, Limits(max_order_notional=D(1))) is None
    assert denial_of(replace(SELL, quantity=D(3)), account, Limits(max_order_notional=D(1))) is not None


def test_a_trailing_stop_follows_the_price_in_worthwhile_steps_and_never_back() -> None:
    rule = TrailingStop(distance=D("0.01"), step=D("0.002"))

    assert rule.price(D("200"), D("0.01")) == D("198.00")
    assert not rule.is_due(D("198.00"), rule.price(D("200.2"), D("0.01")))
    assert rule.is_due(D("198.00"), rule.price(D("200.5"), D("0.01")))
    assert not rule.is_due(D("198.00"), rule.price(D("150"), D("0.01")))

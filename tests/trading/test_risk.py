"""The limits say no with the reason, and never keep a bot from getting out; sizes follow the risk."""

from __future__ import annotations

from dataclasses import dataclass, replace
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trading.bars import Bar
from trading.risk import (
    Cut,
    Denial,
    Exit,
    Limits,
    Proposal,
    RiskLimits,
    Standing,
    TrailingStop,
    cooldown_of,
    denial_of,
    exits,
    limited,
    scaled,
    sized,
)

D = Decimal
ACCOUNT = Standing(cash=D(1000), held=D(0))
BUY = Proposal("buy", D(2), D(100))
SELL = Proposal("sell", D(2), D(100))


@dataclass(frozen=True)
class Held:
    quantity: float
    average_price: float
    best: float


def at(close: float) -> Bar:
    return Bar(0, close, close, close, close, 1.0)


@pytest.mark.parametrize(
    ("order", "account", "limits", "wanted"),
    [
        (BUY, ACCOUNT, Limits(), None),
        (BUY, replace(ACCOUNT, state="halted"), Limits(), Denial("halted", D(1), D(0))),
        (BUY, replace(ACCOUNT, state="reducing"), Limits(), Denial("reducing", D(2), D(0))),
        (BUY, ACCOUNT, Limits(max_order_notional=D(199)), Denial("notional", D(200), D(199))),
        (BUY, ACCOUNT, Limits(max_order_notional=D(200)), None),
        (BUY, replace(ACCOUNT, cash=D("200.2")), Limits(), Denial("balance", D("200.3"), D("200.2"))),
        (BUY, replace(ACCOUNT, cash=D("200.3")), Limits(), None),
        (BUY, replace(ACCOUNT, orders_last_minute=20), Limits(), Denial("rate_limit", D(20), D(20))),
        (BUY, replace(ACCOUNT, orders_last_minute=19), Limits(), None),
        (BUY, replace(ACCOUNT, is_twin_open=True), Limits(), Denial("duplicate", D(2), D(1))),
    ],
)
def test_each_limit_denies_with_its_reason(
    order: Proposal, account: Standing, limits: Limits, wanted: Denial | None
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


@pytest.mark.parametrize(
    ("close", "wanted"),
    [
        (92.0, (Exit("A", "stop_loss", 92.0, 92.0),)),
        (92.01, ()),
        (119.99, ()),
        (120.0, (Exit("A", "take_profit", 120.0, 120.0),)),
    ],
)
def test_a_position_is_closed_at_its_levels_and_not_before(close: float, wanted: tuple[Exit, ...]) -> None:
    limits = RiskLimits(stop_loss=0.08, take_profit=0.20)

    assert exits({"A": Held(1.0, 100.0, 100.0)}, {"A": at(close)}, limits) == wanted


def test_a_trailing_stop_counts_from_the_best_price_and_the_nearer_stop_decides() -> None:
    limits = RiskLimits(stop_loss=0.10, trailing_stop=0.05)
    holdings = {"A": Held(1.0, 100.0, 120.0), "B": Held(1.0, 100.0, 100.0)}

    found = exits(holdings, {"A": at(114.0), "B": at(95.01)}, limits)

    assert found == (Exit("A", "stop_loss", 114.0, 114.0),)


def test_nothing_is_closed_that_is_not_held_or_has_no_bar() -> None:
    holdings = {"A": Held(0.0, 100.0, 100.0), "B": Held(1.0, 100.0, 100.0)}

    assert exits(holdings, {"A": at(1.0)}, RiskLimits()) == ()
    assert exits(holdings, {"A": at(1.0), "B": at(1.0)}, RiskLimits(stop_loss=None)) == ()


def test_each_limit_cuts_and_says_so() -> None:
    limits = RiskLimits(max_weight=0.4, max_positions=2, max_exposure=0.6)

    found = limited({"A": 0.5, "B": 0.3, "C": 0.2, "D": 0.0}, limits, held=["C"])

    assert found.weights == pytest.approx({"A": 0.4, "B": 0.0, "C": 0.2, "D": 0.0})
    assert found.cuts == (Cut("A", "max_weight", 0.5, 0.4), Cut("B", "max_positions", 3.0, 2.0))


def test_too_much_in_all_shrinks_all_in_proportion() -> None:
    found = limited({"A": 0.4, "B": 0.2}, RiskLimits(max_exposure=0.3))

    assert found.weights == pytest.approx({"A": 0.2, "B": 0.1})
    assert {(cut.symbol, cut.limit) for cut in found.cuts} == {("A", "max_exposure"), ("B", "max_exposure")}


def test_a_weight_that_is_none_is_an_error() -> None:
    with pytest.raises(ValueError, match="weights must be 0 or more"):
        limited({"A": float("nan"), "B": 0.1}, RiskLimits())


def test_what_moves_more_gets_less_and_nothing_gets_more() -> None:
    weights = {"calm": 0.2, "wild": 0.2, "new": 0.2}
    volatilities = {"calm": 0.1, "wild": 0.8, "new": float("nan")}

    assert scaled(weights, volatilities, RiskLimits()) == weights
    assert scaled(weights, volatilities, RiskLimits(target_volatility=0.4)) == pytest.approx(
        {"calm": 0.2, "wild": 0.1, "new": 0.2}
    )


def test_a_weight_becomes_whole_lots_never_more_than_it_pays() -> None:
    assert sized(0.25, equity=10_000, price=333, lot=1) == 7
    assert sized(0.25, equity=10_000, price=333) == pytest.approx(2500 / 333)
    assert sized(0.3, equity=1.0, price=1.0, lot=0.1) == pytest.approx(0.3)
    with pytest.raises(ValueError, match="buys nothing"):
        sized(0.1, equity=1.0, price=0.0)


@given(
    st.dictionaries(st.sampled_from("ABCDEFGH"), st.floats(0, 2), max_size=8),
    st.floats(0.05, 1),
    st.floats(0.1, 1),
    st.integers(1, 8),
    st.sets(st.sampled_from("ABCDEFGH")),
)
def test_no_limit_is_ever_exceeded(
    weights: dict[str, float], weight: float, exposure: float, count: int, held: set[str]
) -> None:
    limits = RiskLimits(max_weight=weight, max_exposure=exposure, max_positions=count)

    found = limited(weights, limits, held=held)

    assert found.weights.keys() == weights.keys()
    assert all(0 <= found.weights[symbol] <= min(weights[symbol], weight) for symbol in weights)
    assert sum(found.weights.values()) <= exposure * (1 + 1e-9)
    assert sum(value > 0 for value in found.weights.values()) <= count
    assert bool(found.cuts) == (found.weights != weights)


def test_a_cooldown_counts_the_session_of_the_sale_and_ends_after_its_sessions() -> None:
    three, none = RiskLimits(cooldown_sessions=3), RiskLimits(cooldown_sessions=0)

    assert [cooldown_of(sessions, three) for sessions in (None, 1, 2, 3, 4)] == [
        None,
        ("cooldown", 0.0, 3.0),
        ("cooldown", 1.0, 3.0),
        ("cooldown", 2.0, 3.0),
        None,
    ]
    assert [cooldown_of(sessions, none) for sessions in (0, 1, 2)] == [None, None, None]

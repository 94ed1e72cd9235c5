"""From what is held to what is wanted: which action, of how many units, and when nothing is done."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trading.accounts import Account, Holding, fill_at_open
from trading.bars import Bar
from trading.risk import RiskLimits
from trading.signals.signal import Action as Word
from trading.signals.signal import Signal
from trading.tracking import actions_of, changes

PRICES = {"A": 10.0, "B": 20.0, "C": 50.0}


def account(**held: float) -> Account:
    """Return an account of 1000 in all, with these shares of it held at `PRICES`."""
    holdings = {symbol: _holding(share * 1000, PRICES[symbol]) for symbol, share in held.items()}
    return Account(cash=1000 * (1 - sum(held.values())), holdings=holdings)


def says(action: Word, symbol: str = "A", weight: float | None = None, **more: float) -> Signal:
    return Signal(action, 0.7, "because", symbol, weight=weight, **more)  # type: ignore[arg-type]


def kinds(held: Account, *signals: Signal, **more: object) -> dict[str, tuple[str, float]]:
    found = actions_of(held, signals, PRICES, 1000, **more)  # type: ignore[arg-type]
    return {each.symbol: (each.kind, round(each.quantity, 9)) for each in found}


@pytest.mark.parametrize(
    ("share", "signal", "kind", "quantity"),
    [
        (0.0, says("buy", weight=0.2), "open", 20),
        (0.1, says("buy", weight=0.2), "increase", 10),
        (0.3, says("buy", weight=0.2), "reduce", 10),
        (0.3, says("hold", weight=0.2), "reduce", 10),
        (0.3, says("hold"), "keep", 0),
        (0.3, says("sell"), "close", 30),
        (0.3, says("sell", weight=0.1), "reduce", 20),
        (0.1, says("sell", weight=0.2), "keep", 0),
        (0.3, says("buy", weight=0.0), "close", 30),
    ],
)
def test_the_action_leads_from_what_is_held_to_what_is_wanted(
    share: float, signal: Signal, kind: str, quantity: float
) -> None:
    held = account(A=share) if share else account()

    assert kinds(held, signal) == {"A": (kind, quantity)}


@pytest.mark.parametrize("signal", [says("sell"), says("hold", weight=0.2), says("buy", weight=0.0)])
def test_nothing_is_done_with_what_is_not_held_and_not_bought(signal: Signal) -> None:
    assert kinds(account(), signal) == {}


def test_a_position_without_a_signal_is_kept() -> None:
    assert kinds(account(A=0.3, B=0.3), says("buy", "B", 0.5)) == {"A": ("keep", 0), "B": ("increase", 10)}


@pytest.mark.parametrize(
    ("target", "kind"), [(0.119, "keep"), (0.12, "increase"), (0.081, "keep"), (0.08, "reduce")]
)
def test_within_the_band_nothing_is_traded(target: float, kind: str) -> None:
    assert kinds(account(A=0.1), says("buy", weight=target))["A"][0] == kind


def test_opening_and_closing_know_no_band() -> None:
    assert kinds(account(B=0.01), says("buy", weight=0.01), says("sell", "B")) == {
        "A": ("open", 1),
        "B": ("close", 0.5),
    }


def test_an_exit_beats_every_signal() -> None:
    actions = actions_of(account(A=0.3), [says("buy", weight=0.4)], PRICES, 1000, exits={"A": "stop_loss"})

    (action,) = actions
    assert (action.kind, action.quantity, action.reason, action.weight_after) == ("close", 30, "stop_loss", 0)


def test_quantities_are_whole_lots_and_a_lot_too_large_is_not_bought() -> None:
    lots = {"A": 7.0, "C": 10.0}

    assert kinds(account(), says("buy", "A", 0.2), says("buy", "C", 0.2), lots=lots) == {"A": ("open", 14)}


def test_buys_without_a_weight_share_what_nothing_claims() -> None:
    signals = [says("buy", "B"), says("buy", "C")]

    assert kinds(account(A=0.4), *signals) == {"A": ("keep", 0), "B": ("open", 15), "C": ("open", 6)}


@pytest.mark.parametrize("price", [math.nan, 0.0, -1.0])
def test_a_symbol_without_a_price_is_neither_bought_nor_valued_at_nothing(price: float) -> None:
    prices = {**PRICES, "A": price, "B": price}

    actions = actions_of(account(A=0.3), [says("hold", "A", 0.3), says("buy", "B", 0.3)], prices, 1000)

    assert [(each.symbol, each.kind, each.weight_before) for each in actions] == [("A", "keep", 0.3)]


def test_limits_cut_what_would_be_too_large_too_many_or_too_wild() -> None:
    limits = RiskLimits(max_weight=0.3, max_positions=2, target_volatility=0.16)
    signals = [
        says("buy", "A", 0.5),
        says("buy", "B", 0.4, volatility=0.32 / math.sqrt(252)),
        says("buy", "C", 0.1),
    ]

    assert kinds(account(), *signals, limits=limits) == {"A": ("open", 30), "B": ("open", 10)}


@given(
    st.dictionaries(st.sampled_from("ABC"), st.floats(0.05, 0.33), max_size=3),
    st.dictionaries(st.sampled_from("ABC"), st.floats(0.0, 0.33), max_size=3),
)
def test_filled_at_the_same_price_the_weights_are_what_was_wanted(
    now: dict[str, float], wanted: dict[str, float]
) -> None:
    held = account(**now)
    signals = [says("buy", symbol, weight) for symbol, weight in wanted.items()]
    actions = actions_of(held, signals, PRICES, 1000, band=0.0)

    bars = {symbol: Bar(1, price, price, price, price, 1.0) for symbol, price in PRICES.items()}
    after = fill_at_open(held, bars, actions).account

    for action in actions:
        weight = after.held.get(action.symbol, 0.0) * PRICES[action.symbol] / 1000
        assert weight == pytest.approx(action.weight_after, abs=1e-9)
        assert weight == pytest.approx(wanted.get(action.symbol, now.get(action.symbol, 0.0)), abs=1e-9)
    assert all(action.quantity > 0 for action in changes(actions))


def _holding(value: float, price: float) -> Holding:
    return Holding(value / price, price, 0, price, price, price)

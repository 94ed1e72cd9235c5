"""ROI, cost per trade and break-even: by hand, and each case in which they are not defined."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest

from obs.config import load as load_settings
from obs.money.amounts import Money, Rate
from obs.money.rates import Rates
from tests.builders import START
from tests.money.telling import NOW, amounts, calculator, call, closed, ns, opened, rate, say

KRW = rate("USD/KRW", "1400", "2025-11-20T09:00")
COST = call(1, model="ours", llm__cost="10")
"""A call that cost 10 USD."""


def figures(*events: Any, **more: Any) -> Any:
    return calculator(*events, **more).efficiency(7)


def test_a_week_by_hand() -> None:
    trades = [
        closed(f"t-{number}", number, amount, currency="USD") for number, amount in enumerate(("30", "-5"))
    ]
    worth = say("equity.measured", 3, equity="1000", currency="USD")

    found = figures(COST, *trades, opened("p-9", 4), worth)

    assert (amounts(found.total_pnl), amounts(found.total_cost)) == ({"USD": "25"}, {"USD": "10"})
    assert (found.settled, found.pending) == (2, 1)
    assert (found.net.amount, found.net.currency, found.net.rates) == (15, "USD", ())
    assert found.roi == pytest.approx(150)
    assert found.cost_per_trade == Money(Decimal(5), "USD")
    assert found.break_even_pnl_per_trade == Money(Decimal(5), "USD")
    # 10 USD a day by 12.50 USD a trade; 10 by (25 of 1,000) a day.
    assert found.break_even_trades_per_day == pytest.approx(0.8)
    assert found.break_even_capital == Money(Decimal(400), "USD")
    assert not found.roi_reason


def test_won_and_dollars_need_a_rate_and_the_figure_says_which() -> None:
    trade = closed("t-1", 2, "28000", currency="KRW")

    without = figures(COST, trade)
    found = figures(COST, trade, rates=[KRW])

    assert (without.roi, without.roi_reason, without.net) == (None, "no_rate", None)
    assert found.roi == pytest.approx(100)
    assert (found.net.amount, found.net.currency, found.net.rates) == (14_000, "KRW", (KRW,))
    assert found.rates == (KRW,)
    # What a trade costs needs no rate.
    assert without.cost_per_trade == found.cost_per_trade == Money(Decimal(10), "USD")
    assert found.break_even_pnl_per_trade == Money(Decimal(14_000), "KRW")
    assert without.break_even_pnl_per_trade == Money(Decimal(10), "USD")


def test_a_dollar_token_is_no_dollar_unless_a_rate_says_so() -> None:
    trade = closed("t-1", 2, "30", currency="USDT")

    assert figures(COST, trade).roi_reason == "no_rate"
    assert figures(COST, trade, rates=[rate("USDT/USD", "1", "2025-11-20T09:00")]).roi == pytest.approx(200)


@pytest.mark.parametrize(
    ("events", "reason"),
    [
        ((), "nothing_settled"),
        ((COST, opened("p-1", 1)), "nothing_settled"),
        ((closed("t-1", 1, "5"),), "no_cost"),
        ((closed("t-1", 1, "5"), call(1, model="ours")), "unpriced"),
        ((closed("t-1", 1, "5", currency="KRW"), COST), "no_rate"),
    ],
)
def test_a_return_that_is_not_defined_says_why(events: Any, reason: str) -> None:
    found = figures(*events)

    assert (found.roi, found.roi_reason) == (None, reason)


def test_break_even_is_never_where_trades_lose_and_unknown_without_capital() -> None:
    losing = figures(COST, closed("t-1", 1, "-5", currency="USD"))
    bare = figures(COST, closed("t-1", 1, "5", currency="USD"))

    assert (losing.break_even_trades_per_day, losing.break_even_trades_per_day_reason) == (None, "never")
    assert (losing.break_even_capital, losing.break_even_capital_reason) == (None, "never")
    assert losing.roi == pytest.approx(-150)
    assert (bare.break_even_capital, bare.break_even_capital_reason) == (None, "no_equity")


def test_bots_of_one_account_share_its_capital() -> None:
    shared = {"account__id": "main", "equity": "1000", "currency": "USD"}
    trade = closed("t-1", 1, "25", currency="USD")

    once = figures(COST, trade, say("equity.measured", 3, **shared))
    twice = figures(
        COST, trade, say("equity.measured", 3, **shared), say("equity.measured", 4, bot="bot-2", **shared)
    )

    assert once.break_even_capital == twice.break_even_capital == Money(Decimal(400), "USD")


def test_a_rate_holds_from_its_date_on_until_a_newer_one() -> None:
    rates = Rates.of([Rate(10, "USD/KRW", Decimal(1400)), Rate(20, "USD/KRW", Decimal(1000))])

    def won(at: int) -> Decimal | None:
        converted = rates.convert(Decimal(2), "USD", "KRW", at=at)
        return converted.amount if converted is not None else None

    assert [won(9), won(10), won(19), won(20)] == [None, 2800, 2800, 2000]
    back = rates.convert(Decimal(2800), "KRW", "USD", at=15)
    assert back is not None
    assert (back.amount, back.rates[0].rate) == (Decimal(2), Decimal(1400))


def test_a_bot_that_computes_attributions_tells_a_rate() -> None:
    about = {"trade__id": "t-1", "agent__name": "a", "contribution": "1", "currency": "KRW"}
    told = say("attribution.computed", 5, fx__rate="1400", **about)

    found = figures(COST, closed("t-1", 2, "28000", currency="KRW"), told)

    assert found.roi == pytest.approx(100)
    assert [(one.pair, one.source, one.time) for one in found.rates] == [
        ("USD/KRW", "event", START + 5_000_000_000)
    ]


def test_a_told_rate_is_a_rate() -> None:
    told = say("fx.measured", 5, fx__pair="USD/KRW", fx__rate=1400)

    assert figures(COST, closed("t-1", 2, "28000", currency="KRW"), told).roi == pytest.approx(100)


def test_simulated_results_are_weighed_against_what_simulated_bots_cost() -> None:
    paper = {"run__mode": "paper"}
    found = figures(
        call(1, model="ours", llm__cost="10", **paper), closed("t-1", 2, "20", currency="USD", **paper)
    )

    assert (found.roi, found.is_simulated) == (pytest.approx(100), True)


def test_a_window_begins_with_a_day() -> None:
    week_ago = closed("t-1", "2025-11-13T23:59", "1000", currency="USD")
    first_day = closed("t-2", "2025-11-14T00:00", "20", currency="USD")

    found = figures(COST, week_ago, first_day, now=NOW)

    assert amounts(found.total_pnl) == {"USD": "20"}
    with pytest.raises(ValueError, match="days = 0"):
        calculator().efficiency(0)


def test_settings_become_prices_rates_and_a_budget(tmp_path: Any) -> None:
    from obs.config import expectations

    (tmp_path / "mine.toml").write_text('[[price]]\nmodel = "m"\ninput = 1\noutput = 2\n', encoding="utf-8")
    (tmp_path / "obs.toml").write_text(
        f'prices = "{tmp_path / "mine.toml"}"\ntimezone = "Asia/Seoul"\nllm_daily_budget = "6.00 USD"\n'
        '[[rates]]\npair = "USD/KRW"\nrate = 1390.5\nat = 2025-11-20T09:00:00+09:00\n',
        encoding="utf-8",
    )

    expected = expectations(load_settings(folder=tmp_path).settings)

    assert expected.rates == (Rate(ns("2025-11-20T00:00"), "USD/KRW", Decimal("1390.5")),)
    assert expected.llm_daily_budget == Money(Decimal("6.00"), "USD")
    assert (expected.prices.own[0].output, expected.timezone) == (Decimal(2), "Asia/Seoul")


@pytest.mark.parametrize(
    "text",
    [
        'llm_daily_budget = "six"\n',
        '[[rates]]\npair = "USDKRW"\nrate = 1\nat = 2025-11-20T09:00:00Z\n',
        '[[rates]]\npair = "USD/KRW"\nrate = 0\nat = 2025-11-20T09:00:00Z\n',
        '[[rates]]\npair = "USD/KRW"\nrate = 1\nat = 2025-11-20T09:00:00\n',
    ],
)
def test_settings_that_make_no_sense_are_refused(tmp_path: Any, text: str) -> None:
    from obs.config import ConfigError

    (tmp_path / "obs.toml").write_text(text, encoding="utf-8")

    with pytest.raises(ConfigError, match=r"obs\.toml"):
        load_settings(folder=tmp_path)

"""Trades of a day: distinct, settled and pending, won and lost, by whatever words a bot tells them."""

from __future__ import annotations

from typing import Any

import pytest

from obs.events import Event
from obs.money.book import MoneyBook
from tests.money.telling import amounts, book_of, calculator, call, closed, ns, opened, picked, say

COUNTS = ("total_trades_today", "settled", "pending", "won", "lost", "open_trades", "win_rate_today")


def counts(*events: Event, **more: Any) -> tuple[object, ...]:
    return tuple(picked(calculator(*events, **more).realtime(), *COUNTS).values())


def test_the_day_of_the_seed_four_trades_without_a_result_and_what_the_models_cost() -> None:
    trades = [opened(f"p-{number}", number) for number in range(4)]
    calls = [
        call(10, model="claude-private", llm__cost="0.2"),
        call(11, model="gpt-private", llm__cost="0.1"),
        call(12, model="gemini-private", llm__cost="0.1"),
        call(13, model="sonar-of-ours-x", gen_ai__provider__name="acme", llm__cost="0.065"),
    ]

    now = calculator(*trades, *calls).realtime()

    assert picked(now, *COUNTS) == {
        "total_trades_today": 4,
        "settled": 0,
        "pending": 4,
        "won": 0,
        "lost": 0,
        "open_trades": 4,
        "win_rate_today": None,
    }
    assert now.total_pnl_today == ()
    assert amounts(now.total_cost_today) == {"USD": "0.465"}


def test_an_empty_day_has_no_trades_no_rate_and_no_money() -> None:
    now = calculator().realtime()

    assert picked(now, *COUNTS) == dict.fromkeys(COUNTS, 0) | {"win_rate_today": None}
    assert (now.total_pnl_today, now.total_cost_today, now.agent_performance) == ((), (), ())
    assert len(now.hourly_trends) == 24
    assert len(now.daily_trends) == 30


def test_a_trade_that_is_opened_and_closed_counts_once() -> None:
    assert counts(opened("p-1", 0), closed("t-1", 60, "5", position__id="p-1"), opened("p-2", 90)) == (
        2,
        1,
        1,
        1,
        0,
        1,
        100.0,
    )


def test_a_position_that_is_told_as_closed_before_its_trade_has_one_result() -> None:
    ended = say("position.closed", 60, position__id="p-1", pnl__realized="4.9", currency="USDT")

    now = calculator(opened("p-1"), ended, closed("t-1", 61, "5", position__id="p-1")).realtime()

    assert (now.total_trades_today, now.settled, amounts(now.total_pnl_today)) == (1, 1, {"USDT": "5"})


def test_a_bot_that_only_tells_closed_trades_is_counted_too() -> None:
    one = closed("t-1", 60, "5")

    assert counts(one, closed("t-2", 70, "-3"), closed("t-3", 80, "0")) == (3, 3, 0, 1, 1, 0, 33.3333)


def test_a_result_of_exactly_nothing_is_neither_won_nor_lost() -> None:
    assert counts(closed("t-1", 60, "0.00")) == (1, 1, 0, 0, 0, 0, 0.0)


def test_a_trade_entered_yesterday_and_closed_today_is_of_both_days() -> None:
    events = [opened("p-1", "2025-11-19T22:00"), closed("t-1", "2025-11-20T10:00", "5", position__id="p-1")]

    days = calculator(*events).realtime().daily_trends[-2:]

    assert [(day.trades, day.settled, day.pending) for day in days] == [(1, 0, 1), (1, 1, 0)]


def test_a_close_tells_when_the_trade_was_entered() -> None:
    one = closed("t-1", 3_000, "5", entry__time=ns("2025-11-19T10:00"))

    days = calculator(one).realtime().daily_trends[-2:]

    assert [(day.trades, day.settled) for day in days] == [(1, 0), (1, 1)]


def test_positions_whose_id_is_used_again_are_one_trade_each_time() -> None:
    events = [
        opened("net", 0),
        closed("", 10, "1", position__id="net"),
        opened("net", 20),
        closed("", 30, "-2", position__id="net"),
        opened("net", 40),
    ]

    assert counts(*events) == (3, 2, 1, 1, 1, 1, 50.0)


def test_partial_exits_are_trades_of_their_own_when_the_bot_names_them_so() -> None:
    parts = [closed(f"t-{number}", number * 10, "1", position__id="p-1") for number in (1, 2)]

    assert counts(opened("p-1"), *parts)[:3] == (2, 2, 0)


def test_a_trade_that_is_told_again_counts_once_and_the_later_word_stands() -> None:
    events = [closed("t-1", 60, "5"), closed("t-1", 90, "4")]

    now = calculator(*events).realtime()

    assert (now.total_trades_today, amounts(now.total_pnl_today)) == (1, {"USDT": "4"})


def test_a_close_that_two_parts_of_a_bot_tell_counts_once() -> None:
    twice = [closed("", 60, "5", position__id="p-1") for _ in range(2)]

    assert counts(opened("p-1"), *twice)[:3] == (1, 1, 0)


def test_a_close_that_names_no_position_ends_the_open_trade_of_its_symbol() -> None:
    events = [opened("p-1", 0), opened("p-2", 5, symbol="ETH/USDT"), closed("t-9", 60, "5")]

    assert counts(*events)[:3] == (2, 1, 1)


def test_a_close_without_a_result_is_not_open_and_not_settled() -> None:
    assert counts(opened("p-1"), say("position.closed", 60, position__id="p-1")) == (1, 0, 1, 0, 0, 0, None)


@pytest.mark.parametrize("mark", [{"run__mode": "backtest"}, {"reconciliation": True}])
def test_backtests_and_what_a_start_finds_again_are_no_trades(mark: dict[str, Any]) -> None:
    events = [opened("p-1", **mark), closed("t-1", 60, "5", **mark), call(5, **mark)]

    now = calculator(*events).realtime()

    assert (now.total_trades_today, now.settled, now.calls_today) == (0, 0, 0)


def test_currencies_are_never_added() -> None:
    events = [closed("t-1", 1, "5"), closed("t-2", 2, "13000", currency="KRW"), closed("t-3", 3, "-1")]

    now = calculator(*events).realtime()

    assert amounts(now.total_pnl_today) == {"KRW": "13000", "USDT": "4"}


def test_an_amount_without_a_currency_is_kept_apart_and_said() -> None:
    now = calculator(closed("t-1", 1, "5", currency=None)).realtime()

    assert amounts(now.total_pnl_today) == {"?": "5"}
    assert "some results name no currency" in now.notes


def test_simulated_money_is_never_in_one_figure_with_real_money() -> None:
    paper = [closed("t-1", 1, "100", run__mode="paper"), call(2, run__mode="paper")]
    live = [closed("t-2", 3, "-1", bot="bot-2", run__mode="live")]

    both, alone = calculator(*paper, *live).realtime(), calculator(*paper).realtime()

    assert amounts(both.total_pnl_today) == {"USDT": "-1"}
    assert (both.is_simulated, both.total_trades_today) == (False, 1)
    assert both.simulated is not None
    assert amounts(both.simulated.pnl) == {"USDT": "100"}
    assert (alone.is_simulated, alone.simulated, amounts(alone.total_pnl_today)) == (
        True,
        None,
        {"USDT": "100"},
    )
    # The model is paid either way.
    assert amounts(both.total_cost_today) == amounts(alone.total_cost_today) == {"USD": "0.00225"}


def test_a_bot_that_tells_its_mode_at_its_start_only_has_it_from_then_on() -> None:
    events = [
        say("bot.started", "2025-11-19T09:00", run__mode="paper"),
        closed("t-1", "2025-11-19T10:00", "100"),
        say("bot.started", "2025-11-20T09:00", run__mode="live"),
        closed("t-2", "2025-11-20T10:00", "1"),
    ]

    now = calculator(*events).realtime()

    assert [amounts(day.pnl) for day in now.daily_trends[-2:]] == [{}, {"USDT": "1"}]
    assert not now.is_simulated


def test_very_many_trades_become_sums_that_stay_exact() -> None:
    count = 6_000
    events = [closed(f"t-{number}", number, "0.1" if number % 3 else "-0.1") for number in range(count)]
    events += [opened(f"p-{number}", number + 0.5, symbol="ETH/USDT") for number in range(10)]

    book = book_of(*events)
    now = calculator(*events, now=ns("2025-11-20T23:00")).realtime()

    assert book.accounts["bot-1"].count < count
    assert (now.total_trades_today, now.settled, now.won, now.lost) == (count + 10, count, 4_000, 2_000)
    assert amounts(now.total_pnl_today) == {"USDT": "200"}
    assert book.results("bot-1")["USDT"].settled == count


def test_what_is_older_than_the_book_is_counted_and_left_out() -> None:
    book = book_of(call("2025-10-01T00:00"), call("2025-11-20T10:00"), call("2025-10-02T00:00"))

    account = book.accounts["bot-1"]

    assert (len(account.quarters), account.older) == (1, 2)


def test_a_bot_that_tells_fills_only_trades_once_for_each_order() -> None:
    fills = [say("order.filled", at, order__id=order) for at, order in ((1, "o-1"), (2, "o-1"), (3, "o-2"))]

    assert counts(*fills) == (2, 0, 2, 0, 0, 0, None)
    # Once it tells of trades, those are what counts.
    assert counts(*fills, closed("t-1", 60, "5"))[:2] == (1, 1)
    assert counts(closed("t-1", 60, "5"), *fills)[:2] == (1, 1)


def test_an_empty_book_says_so() -> None:
    assert MoneyBook().is_empty
    assert not book_of(opened("p-1")).is_empty

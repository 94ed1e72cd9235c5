"""A week's facts are what the rows of the store add up to, and what is not there is not made up."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import pytest

from tests.trading.reporting.conftest import EQUITY, fill, position
from trading.bars import time_of
from trading.reporting.facts import NONE, ClosedDay, SessionHours, WeeklyFacts
from trading.reporting.tracker import changes, week_of, weekly_facts
from trading.sessions import Sessions, load_sessions
from trading.store.store import Store, open_store


def facts_of(store: Store, sessions: Sessions, day: str, *, over: str = "2025-11-07") -> WeeklyFacts:
    return weekly_facts(
        store, sessions, date.fromisoformat(day), over=date.fromisoformat(over), currency="USD", made=7
    )


def test_a_week_is_told_from_the_close_before_it(store: Store, xkrx: Sessions) -> None:
    facts = facts_of(store, xkrx, "2025-11-09")

    assert (facts.first, facts.last, facts.as_of) == (date(2025, 11, 3), date(2025, 11, 9), date(2025, 11, 7))
    assert facts.week_return == pytest.approx(100 / 104 - 1)
    assert facts.week_profit == -4.0
    assert facts.total_return == 0.0
    assert facts.since == date(2025, 10, 27)
    assert facts.max_drawdown == pytest.approx(90 / 120 - 1)
    assert facts.week_drawdown == pytest.approx(90 / 120 - 1)


def test_the_first_week_is_told_from_what_the_account_began_with(store: Store, xkrx: Sessions) -> None:
    facts = facts_of(store, xkrx, "2025-10-31")

    assert facts.week_return == pytest.approx(0.04)
    assert facts.week_drawdown == pytest.approx(99 / 110 - 1)
    assert facts.days[0].day_return is NONE
    assert facts.days[0].regime is None


def test_a_fall_on_the_first_day_counts(tmp_path: Path, xkrx: Sessions) -> None:
    with open_store(tmp_path / "store") as store:
        fill(store, xkrx, (90.0, 95.0))
        facts = facts_of(store, xkrx, "2025-10-31")

    assert facts.max_drawdown == pytest.approx(-0.1)
    assert facts.week_drawdown == pytest.approx(-0.1)


def test_every_figure_of_the_past_stays_when_time_goes_on(store: Store, xkrx: Sessions) -> None:
    early = facts_of(store, xkrx, "2025-10-31", over="2025-10-31")

    assert early == facts_of(store, xkrx, "2025-10-27", over="2026-03-02")
    assert [value for _, value in early.equity] == list(EQUITY[:5])


def test_win_rate_counts_all_trades_and_zero_is_no_win(store: Store, xkrx: Sessions) -> None:
    facts = facts_of(store, xkrx, "2025-11-07")

    assert (facts.wins, facts.settled) == (1, 3)
    assert [(trade.symbol, trade.profit) for trade in facts.trades] == [("A|B", 20.0), ("C", -5.0)]


def test_signals_are_counted_by_action_and_by_gate(store: Store, xkrx: Sessions) -> None:
    facts = facts_of(store, xkrx, "2025-11-07")

    assert dict(facts.signals) == {"buy": 5, "hold": 5}
    assert dict(facts.filtered) == {"correlation": 5}


def test_positions_are_compared_with_those_before_the_week(store: Store, xkrx: Sessions) -> None:
    facts = facts_of(store, xkrx, "2025-11-07")

    shown = [(change.symbol, change.kind, change.quantity) for change in facts.changes]
    assert shown == [("A|B", "increase", 5.0), ("C", "close", 5.0), ("D", "open", 1.0)]


def test_a_reduced_position_and_one_that_stayed() -> None:
    before, after = [position("A", 5.0), position("B", 2.0)], [position("A", 3.0), position("B", 2.0)]

    assert [(change.kind, change.quantity) for change in changes(before, after)] == [("reduce", 2.0)]


def test_a_session_without_a_row_is_there_and_unknown(store: Store, xkrx: Sessions) -> None:
    facts = facts_of(store, xkrx, "2025-11-12", over="2025-11-12")

    assert [(day.day.day, day.equity) for day in facts.days] == [(10, None), (11, None), (12, None)]
    assert (facts.week_return, facts.week_profit, facts.week_drawdown) == (NONE, NONE, NONE)
    assert facts.as_of == date(2025, 11, 7)
    assert facts.changes == ()


def test_a_session_that_is_not_over_is_not_missed(store: Store, xkrx: Sessions) -> None:
    assert facts_of(store, xkrx, "2025-11-12", over="2025-11-07").days == ()


def test_the_week_ahead_names_the_exam_day(store: Store, xkrx: Sessions) -> None:
    ahead = facts_of(store, xkrx, "2025-11-09").next_sessions

    assert [one.day.day for one in ahead] == [10, 11, 12, 13, 14]
    assert (ahead[3].opens, ahead[3].closes) == ("10:00", "16:30")
    assert ahead[3].note
    assert ahead[0] == SessionHours(day=date(2025, 11, 10), opens="09:00", closes="15:30")


def test_the_week_ahead_names_its_holidays_but_no_weekend(store: Store, xkrx: Sessions) -> None:
    closed = facts_of(store, xkrx, "2024-12-22").closed_days

    assert [one.day for one in closed] == [date(2024, 12, 25)]


def test_a_market_that_never_closes_has_no_closed_days(store: Store) -> None:
    facts = facts_of(store, load_sessions("ALWAYS"), "2025-11-09")

    assert len(facts.next_sessions) == 7
    assert facts.closed_days == ()


def test_a_table_of_ones_own_is_quoted(tmp_path: Path, store: Store) -> None:
    own = tmp_path / "own.toml"
    own.write_text(
        'like = "XKRX"\nholidays = [2025-11-12]\n[notes]\n2025-11-12 = "election"\n', encoding="utf-8"
    )

    facts = facts_of(store, load_sessions("XKRX", own), "2025-11-09")

    assert facts.closed_days == (ClosedDay(day=date(2025, 11, 12), reason="election"),)


def test_a_run_that_failed_is_told_with_its_step(store: Store, xkrx: Sessions) -> None:
    day = date(2025, 11, 6)
    store.journal.begin(day, 1)
    store.journal.begin_step(day, 3, "signals", 1)
    store.journal.end_step(day, "signals", 2, error="no prices")
    store.journal.end(day, "failed", 3, error="no prices")

    (failure,) = facts_of(store, xkrx, "2025-11-07").failures

    assert (failure.day, failure.step, failure.error) == (day, "signals", "no prices")


def test_rows_in_another_currency_are_left_out_and_told(store: Store, xkrx: Sessions) -> None:
    facts = weekly_facts(store, xkrx, date(2025, 11, 7), over=date(2025, 11, 7), currency="KRW", made=0)

    assert facts.equity == ()
    assert (facts.week_return, facts.total_return, facts.settled) == (NONE, NONE, 0)
    assert [failure.error for failure in facts.failures] == ["10 sessions are not in KRW and were left out"]


def test_an_empty_store_knows_nothing(tmp_path: Path, xkrx: Sessions) -> None:
    with open_store(tmp_path) as empty:
        facts = facts_of(empty, xkrx, "2025-11-07")

    assert (facts.as_of, facts.since, facts.max_drawdown, facts.total_return) == (None, None, NONE, NONE)
    assert facts.account.equity is None
    assert len(facts.days) == 5


@pytest.mark.parametrize("day", ["2025-11-03", "2025-11-07", "2025-11-09"])
def test_a_week_runs_from_monday_to_sunday(day: str) -> None:
    assert week_of(date.fromisoformat(day)) == (date(2025, 11, 3), date(2025, 11, 9))


def test_the_curve_has_midnight_of_each_session(store: Store, xkrx: Sessions) -> None:
    assert facts_of(store, xkrx, "2025-11-07").equity[0] == (time_of(date(2025, 10, 27)), 100.0)

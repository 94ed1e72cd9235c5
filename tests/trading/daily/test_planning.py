"""What is due, told by the calendar alone."""

from __future__ import annotations

from datetime import date, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trading.daily.planning import PlanError, plan
from trading.sessions import Sessions, load_sessions


@pytest.fixture(scope="module")
def sessions() -> Sessions:
    return load_sessions("XKRX")


def at(text: str) -> int:
    return int(datetime.fromisoformat(text).timestamp()) * 1_000_000_000


def test_after_the_close_the_day_itself_is_due(sessions: Sessions) -> None:
    done = date(2025, 1, 9)

    assert plan(sessions, at("2025-01-10T15:30+09:00"), done).due == (date(2025, 1, 10),)


def test_before_the_close_it_is_not_and_the_hours_are_told(sessions: Sessions) -> None:
    todo = plan(sessions, at("2025-01-10T15:29+09:00"), date(2025, 1, 9))

    assert todo.due == ()
    assert todo.notes == (
        "2025-01-10 is a session of XKRX (09:00 to 15:30 KST) that has not closed yet: now it is 15:29 KST.",
        "2025-01-09 is done: nothing to do.",
    )


def test_on_exam_day_the_close_is_an_hour_later(sessions: Sessions) -> None:
    exam, before = date(2025, 11, 13), date(2025, 11, 12)

    assert plan(sessions, at("2025-11-13T15:40+09:00"), before).due == ()
    assert plan(sessions, at("2025-11-13T16:30+09:00"), before).due == (exam,)


@pytest.mark.parametrize(
    ("now", "why"),
    [
        ("2025-01-01T16:00+09:00", "2025-01-01 is no session of XKRX (New Year's Day)"),
        ("2025-01-11T16:00+09:00", "2025-01-11 is no session of XKRX (Saturday)"),
    ],
)
def test_on_a_day_without_a_session_it_says_so_and_does_nothing(
    now: str, why: str, sessions: Sessions
) -> None:
    newest = sessions.last_closed(at(now))

    for finished in (newest, None):
        todo = plan(sessions, at(now), finished)

        assert todo.due == ()
        assert todo.notes[0].startswith(why)
        assert "The next one, " in todo.notes[0]


def test_a_store_that_never_ran_begins_with_the_day_of_a_close_or_with_one_that_is_named(
    sessions: Sessions,
) -> None:
    before_the_close, after_it = at("2025-01-10T10:00+09:00"), at("2025-01-10T15:40+09:00")

    first = plan(sessions, before_the_close, None)

    assert first.due == ()
    assert first.notes[-1] == ("The first run will be for 2025-01-10; for 2025-01-09: --as-of 2025-01-09.")
    assert plan(sessions, after_it, None).due == (date(2025, 1, 10),)
    assert plan(sessions, before_the_close, None, as_of=date(2025, 1, 9)).due == (date(2025, 1, 9),)


def test_a_market_that_never_closes_has_a_session_due_all_day() -> None:
    always = load_sessions("ALWAYS")

    for time in ("2025-01-11T00:00+00:00", "2025-01-11T12:00+00:00", "2025-01-11T23:59+00:00"):
        assert plan(always, at(time), None).due == (date(2025, 1, 10),)
        done = plan(always, at(time), date(2025, 1, 10))
        assert done.due == ()
        assert len(done.notes) == 1
        assert done.notes[0].endswith("The next session, 2025-01-11, closes at 2025-01-12 00:00 UTC.")


def test_missed_sessions_come_first_in_order(sessions: Sessions) -> None:
    todo = plan(sessions, at("2025-01-10T15:40+09:00"), date(2025, 1, 7))

    assert todo.due == (date(2025, 1, 8), date(2025, 1, 9), date(2025, 1, 10))
    assert todo.notes == ("Missed before it, and caught up first: 2025-01-08, 2025-01-09.",)


def test_what_was_left_undone_is_done_on_a_holiday_too(sessions: Sessions) -> None:
    undone = [date(2024, 12, 30)]

    todo = plan(sessions, at("2025-01-01T10:00+09:00"), date(2024, 12, 27), unfinished=undone)

    assert todo.due == (date(2024, 12, 30),)
    assert todo.notes[0].startswith("2025-01-01 is no session of XKRX")


def test_a_first_run_that_failed_is_gone_on_with_before_the_next_session(sessions: Sessions) -> None:
    undone = [date(2025, 1, 9)]

    todo = plan(sessions, at("2025-01-10T15:40+09:00"), None, unfinished=undone)

    assert todo.due == (date(2025, 1, 9), date(2025, 1, 10))


def test_a_session_that_was_left_out_unfinished_is_not_begun_again(sessions: Sessions) -> None:
    left_out = [date(2024, 6, 3)]

    todo = plan(sessions, at("2025-01-10T15:40+09:00"), date(2025, 1, 9), unfinished=left_out)

    assert todo.due == (date(2025, 1, 10),)


def test_more_missed_sessions_than_wanted_are_left_out_and_named(sessions: Sessions) -> None:
    todo = plan(sessions, at("2025-01-10T15:40+09:00"), date(2025, 1, 2), most=2)

    assert todo.due == (date(2025, 1, 9), date(2025, 1, 10))
    assert todo.left_out == (date(2025, 1, 3), date(2025, 1, 6), date(2025, 1, 7), date(2025, 1, 8))


@pytest.mark.parametrize(
    ("as_of", "said"),
    [
        (date(2025, 1, 1), "2025-01-01 is no session of XKRX .New Year's Day.*--as-of 2024-12-30"),
        (date(2025, 1, 10), "2025-01-10 closes at 2025-01-10 15:30 KST"),
        (date(2025, 1, 7), "2025-01-07 lies before 2025-01-08, which is done.*--again"),
    ],
)
def test_a_day_that_cannot_be_done_is_refused_with_the_reason(
    as_of: date, said: str, sessions: Sessions
) -> None:
    with pytest.raises(PlanError, match=said):
        plan(sessions, at("2025-01-10T10:00+09:00"), date(2025, 1, 8), as_of=as_of)


def test_again_does_a_session_and_all_that_stand_on_it(sessions: Sessions) -> None:
    now, done = at("2025-01-10T18:00+09:00"), date(2025, 1, 10)

    assert plan(sessions, now, done, again=True).due == (done,)
    older = plan(sessions, now, done, again=True, as_of=date(2025, 1, 8))
    assert older.due == (date(2025, 1, 8), date(2025, 1, 9), done)
    assert older.anew


@given(
    st.integers(at("2024-01-05T00:00+09:00"), at("2025-12-20T00:00+09:00")),
    st.integers(0, 30),
)
def test_what_is_due_is_every_session_since_the_last_one_and_none_that_is_open(
    time: int, behind: int
) -> None:
    sessions = load_sessions("XKRX")
    finished = sessions.last_closed(time)
    for _ in range(behind):
        finished = sessions.previous(finished)

    todo = plan(sessions, time, finished)

    assert len(todo.due) == behind
    assert all(sessions.is_session(day) and sessions.close_of(day) <= time for day in todo.due)
    assert list(todo.due) == sorted(todo.due)
    assert not todo.due or sessions.previous(todo.due[0]) == finished
    assert todo.due or todo.notes

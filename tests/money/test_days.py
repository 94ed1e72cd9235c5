"""Days and hours are those of the configured zone, also in India and when a clock is put forward or back."""

from __future__ import annotations

import itertools
from datetime import date

import pytest

from obs.money.days import HOUR_NS, day_edges, day_of, hour_edges
from tests.money.telling import calculator, call, closed, ns


def test_a_day_of_seoul_begins_nine_hours_before_that_of_utc() -> None:
    events = [
        closed("t-1", "2025-11-19T14:59", "1"),
        closed("t-2", "2025-11-19T15:00", "2"),
        closed("t-3", "2025-11-20T14:59", "4"),
        closed("t-4", "2025-11-20T15:00", "8"),
    ]

    now = calculator(*events, now=ns("2025-11-20T23:00+09:00"), timezone="Asia/Seoul").realtime()

    assert now.day == "2025-11-20"
    assert [point.trades for point in now.daily_trends[-2:]] == [1, 2]


def test_hours_and_days_of_india_begin_at_half_past_by_utc() -> None:
    events = [closed("t-1", "2025-11-20T18:29", "1"), closed("t-2", "2025-11-20T18:30", "2")]

    now = calculator(*events, now=ns("2025-11-20T18:45"), timezone="Asia/Kolkata").realtime()

    assert (now.day, now.total_trades_today) == ("2025-11-21", 1)
    last = now.hourly_trends[-1]
    assert (last.time, last.until) == (ns("2025-11-20T18:30"), ns("2025-11-20T19:30"))
    assert [point.trades for point in now.hourly_trends[-2:]] == [1, 1]


@pytest.mark.parametrize(
    ("day", "hours"), [(date(2025, 3, 9), 23), (date(2025, 11, 2), 25), (date(2025, 11, 3), 24)]
)
def test_a_day_on_which_the_clock_changes_is_shorter_or_longer(day: date, hours: int) -> None:
    start, end = day_edges(day, 1, "America/New_York")

    assert end - start == hours * HOUR_NS


def test_trades_of_the_hour_that_comes_twice_are_of_the_one_day() -> None:
    # 01:30 in New York was at 05:30 and again at 06:30 by UTC.
    events = [closed("t-1", "2025-11-02T05:30", "1"), closed("t-2", "2025-11-02T06:30", "2")]

    now = calculator(*events, now=ns("2025-11-03T04:59"), timezone="America/New_York").realtime()

    assert (now.day, now.total_trades_today) == ("2025-11-02", 2)


def test_a_day_begins_where_the_clock_jumps_over_midnight() -> None:
    # Beirut went from 23:59:59 to 01:00 on 2025-03-30.
    start, _ = day_edges(date(2025, 3, 30), 1, "Asia/Beirut")

    assert start == ns("2025-03-29T22:00")
    assert day_of(start, "Asia/Beirut") == date(2025, 3, 30)
    assert day_of(start - 1, "Asia/Beirut") == date(2025, 3, 29)


def test_twenty_four_hours_end_with_the_one_that_runs() -> None:
    edges = hour_edges(ns("2025-11-20T10:20"), 24, "UTC")

    assert (edges[0], edges[-1]) == (ns("2025-11-19T11:00"), ns("2025-11-20T11:00"))
    assert {late - early for early, late in itertools.pairwise(edges)} == {HOUR_NS}


def test_sums_of_quarters_make_the_days_of_any_zone() -> None:
    calls = [
        call(f"2025-11-20T{hour:02}:{minute}") for hour in range(24) for minute in ("00", "15", "30", "45")
    ]

    for zone in ("UTC", "Asia/Kolkata", "Asia/Kathmandu", "America/St_Johns", "Pacific/Chatham"):
        days = calculator(*calls, now=ns("2025-11-21T12:00"), timezone=zone).realtime().daily_trends
        edges = [point.time for point in days]

        assert sum(point.calls for point in days) == 96
        for point in days:
            assert point.calls == sum(point.time <= one.timestamp < point.until for one in calls)
        assert edges == sorted(edges)


def test_an_hour_in_which_nothing_was_heard_is_a_gap() -> None:
    from obs.analysis import Analyzer

    analyzer = Analyzer()
    for one in (closed("t-1", "2025-11-20T08:10", "1"), closed("t-2", "2025-11-20T10:10", "1")):
        analyzer.feed(one)

    points = analyzer.metrics(ns("2025-11-20T10:30")).realtime().hourly_trends

    assert [(point.has_data, point.trades) for point in points[-4:]] == [
        (False, 0), (True, 1), (False, 0), (True, 1),
    ]  # fmt: skip

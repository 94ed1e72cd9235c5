"""Bars get the session date they belong to; times that cannot be placed are refused."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from tests.trading.market.conftest import ALWAYS, DAY, HOUR, KRX, NYSE, daily, said
from trading.bars import Bar, time_of
from trading.market.checking import Checked, check
from trading.market.source import Interval
from trading.sessions import Sessions


def checked(bars: list[Bar], sessions: Sessions | None, interval: Interval = "1d") -> Checked:
    return check(bars, symbol="X", interval=interval, sessions=sessions)


def stamped(bars: list[Bar], zone: str, hour: int = 0) -> list[Bar]:
    """Daily bars that stand at an hour of a zone, as pandas and exchanges write them."""
    moments = [datetime.fromtimestamp(one.time // 10**9, UTC) for one in bars]
    local = [moment.replace(hour=hour, tzinfo=ZoneInfo(zone)) for moment in moments]
    return [one._replace(time=time_of(time)) for one, time in zip(bars, local, strict=True)]


def minutes(sessions: Sessions, day: date) -> list[Bar]:
    begin, end = sessions.hours(day)[0]
    times = range(begin, end, 60 * 10**9)
    return [Bar(time, 10.0, 10.1, 9.9, 10.0 + n % 3 / 100, float(n + 1)) for n, time in enumerate(times)]


def test_midnight_in_korea_is_15_utc_of_the_day_before_and_gets_its_own_date() -> None:
    bars = daily(40)
    off = stamped(bars, "Asia/Seoul")
    assert off[0].time == bars[0].time - 9 * HOUR

    found = checked(off, KRX)

    assert (found.bars, said(found)) == (bars, [("wrong_zone", "adjusted", 40)])
    assert "15:00 UTC" in found.findings[0].text


def test_rows_with_aware_datetimes_are_those_of_their_moment() -> None:
    seoul = ZoneInfo("Asia/Seoul")
    rows = [(datetime(2024, 1, day, tzinfo=seoul), 10, 11, 9, 10 + day / 10, 5) for day in (2, 3, 4, 5, 8)]

    found = check(rows, symbol="X", interval="1d", sessions=KRX)

    assert [one.time for one in found.bars] == [time_of(date(2024, 1, day)) for day in (2, 3, 4, 5, 8)]


@pytest.mark.parametrize("hour", [0, 9, 16])
def test_bars_that_stand_at_an_hour_in_new_york_get_its_dates_summer_and_winter(hour: int) -> None:
    bars = daily(250, sessions=NYSE)

    found = checked(stamped(bars, "America/New_York", hour), NYSE)

    assert (found.bars, said(found)) == (bars, [("wrong_zone", "adjusted", 250)])


def test_an_offset_that_ignores_summer_time_does_not_move_half_of_the_year() -> None:
    bars = daily(250, sessions=NYSE)
    off = [one._replace(time=one.time + 4 * HOUR) for one in bars]

    assert checked(off, NYSE).bars == bars


@pytest.mark.parametrize("days", [1, -1])
def test_dates_that_are_all_a_day_off_are_moved_when_all_then_fit(days: int) -> None:
    bars = daily(60)
    off = [one._replace(time=one.time - days * DAY) for one in bars]

    found = checked(off, KRX)

    assert (found.bars, said(found)) == (bars, [("wrong_zone", "adjusted", 60)])
    assert ("early" if days > 0 else "late") in found.findings[0].text


def test_daily_bars_at_an_hour_are_refused_when_nobody_names_a_market() -> None:
    found = checked(stamped(daily(40), "Asia/Seoul"), None)

    assert (found.refused, said(found)) == (True, [("wrong_zone", "refused", 40)])


def test_minutes_in_place_of_days_are_refused() -> None:
    found = checked(minutes(KRX, date(2024, 1, 3)), KRX)

    assert found.refused
    assert "not daily" in found.findings[0].text


def test_a_day_of_coins_that_begins_in_the_evening_has_the_date_on_which_it_ends() -> None:
    # A day from 15:00 to 15:00 UTC is not known before 15:00 of the second date.
    bars = daily(40, sessions=ALWAYS)
    off = [one._replace(time=one.time - 9 * HOUR) for one in bars]

    assert checked(off, ALWAYS).bars == bars


@pytest.mark.parametrize(
    ("sessions", "days"),
    [(KRX, [date(2024, 1, 3)]), (NYSE, [date(2024, 1, 3), date(2024, 7, 3)]), (KRX, [date(2025, 11, 13)])],
)
def test_minutes_of_the_exchange_read_as_utc_are_moved_into_the_session(
    sessions: Sessions, days: list[date]
) -> None:
    bars = [one for day in days for one in minutes(sessions, day)]
    offset = {one: datetime.fromtimestamp(one.time // 10**9, sessions.zone).utcoffset() for one in bars}
    naive = [
        one._replace(time=one.time + int((offset[one] or timedelta()).total_seconds()) * 10**9)
        for one in bars
    ]

    found = checked(naive, sessions, "1m")

    assert found.bars == bars
    assert ("wrong_zone", "adjusted", len(bars)) in said(found)


def test_minutes_that_fit_no_reading_are_refused() -> None:
    bars = [one._replace(time=one.time + 7 * HOUR) for one in minutes(KRX, date(2024, 1, 3))]

    found = checked(bars, KRX, "1m")

    assert found.refused
    assert "zone" in found.findings[0].text


def test_minutes_before_and_after_the_session_are_no_wrong_zone() -> None:
    begin, _ = NYSE.hours(date(2024, 1, 3))[0]
    early = [Bar(begin - n * 60 * 10**9, 10.0, 10.1, 9.9, 10.0 + n % 2 / 100, 5.0) for n in range(330, 0, -1)]

    found = checked(early + minutes(NYSE, date(2024, 1, 3)), NYSE, "1m")

    assert said(found) == [("off_session", "dropped", 330)]

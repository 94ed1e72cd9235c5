"""Bars are believed, mended, dropped or refused by written rules, and each is told."""

from __future__ import annotations

import math
from datetime import date

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.trading.market.conftest import DAY, HOUR, KRX, NYSE, bar, daily, said
from trading.bars import Bar, time_of
from trading.market.checking import Checked, check
from trading.market.zones import session_day
from trading.sessions import Sessions

NAN = math.nan


def checked(bars: list[Bar], sessions: Sessions | None = KRX, *, now: int | None = None) -> Checked:
    return check(bars, symbol="069500", interval="1d", sessions=sessions, now=now)


def altered(one: Bar, field: str, value: float) -> Bar:
    return Bar._make(value if name == field else own for name, own in zip(Bar._fields, one, strict=True))


def test_sound_bars_pass_as_they_are_and_nothing_is_said() -> None:
    bars = daily(250)

    assert checked(bars) == Checked(bars, ())


def test_not_one_bar_is_refused_and_never_taken_for_a_day_without_trades() -> None:
    found = checked([])

    assert (found.bars, found.refused, said(found)) == ([], True, [("empty", "refused", 0)])
    assert "login" in found.findings[0].text


@pytest.mark.parametrize("field", ["open", "high", "low", "close"])
@pytest.mark.parametrize("value", [NAN, math.inf, -math.inf])
def test_a_row_with_a_price_that_is_no_number_is_dropped(field: str, value: float) -> None:
    bars = daily(20)
    broken = [*bars[:7], altered(bars[7], field, value), *bars[8:]]

    found = checked(broken)

    assert found.bars == bars[:7] + bars[8:]
    assert said(found) == [("not_a_number", "dropped", 1)]
    assert found.findings[0].time == bars[7].time


@pytest.mark.parametrize("value", [0.0, -1.0])
def test_a_price_of_zero_or_less_is_dropped_and_its_value_is_told(value: float) -> None:
    bars = daily(20)

    found = checked([*bars[:7], bars[7]._replace(close=value), *bars[8:]])

    assert found.bars == bars[:7] + bars[8:]
    assert said(found) == [("not_positive", "dropped", 1)]
    assert found.findings[0].value == value


def test_a_volume_below_zero_is_dropped_and_one_that_is_missing_counts_as_none() -> None:
    bars = daily(20)
    bars[3] = bars[3]._replace(volume=-5.0)
    bars[4] = bars[4]._replace(volume=NAN)

    found = checked(bars)

    assert found.bars == [*bars[:3], bars[4]._replace(volume=0.0), *bars[5:]]
    assert said(found) == [("not_positive", "dropped", 1), ("volume", "adjusted", 1)]


def test_a_high_below_the_low_is_dropped_and_a_rounding_of_high_and_low_is_mended() -> None:
    bars = daily(20)
    bars[3] = bars[3]._replace(high=90.0, low=110.0)
    bars[4] = bars[4]._replace(high=bars[4].close * 0.998)

    found = checked(bars)

    assert found.bars[3] == bars[4]._replace(high=bars[4].close)
    assert said(found) == [("crossed", "dropped", 1), ("crossed", "adjusted", 1)]


def test_rows_before_a_listing_are_empty_and_not_broken() -> None:
    bars = daily(40)
    unlisted = [Bar(one.time, NAN, NAN, NAN, NAN, NAN) for one in bars[:30]]

    found = checked(unlisted + bars[30:])

    assert found.bars == bars[30:]
    assert said(found) == [("empty", "dropped", 30)]


def test_a_series_of_which_most_is_broken_is_refused() -> None:
    bars = daily(20)
    broken = [one._replace(close=0.0) for one in bars[:11]] + bars[11:]

    found = checked(broken)

    assert found.bars == []
    assert ("unusable", "refused", 0) in said(found)


def test_rows_newest_first_and_rows_in_any_order_are_sorted_and_told() -> None:
    bars = daily(20)

    backwards, mixed = checked(bars[::-1]), checked([bars[5], *bars[:5], *bars[6:]])

    assert backwards.bars == mixed.bars == bars
    assert said(backwards) == [("unsorted", "adjusted", 19)]
    assert said(mixed) == [("unsorted", "adjusted", 1)]


def test_of_two_rows_of_one_time_the_one_with_more_volume_stands_whatever_their_order() -> None:
    bars = daily(20)
    early = bars[9]._replace(close=bars[9].open * 1.001, volume=10.0)

    before, after = checked([*bars[:9], early, *bars[9:]]), checked([*bars[:10], early, *bars[10:]])

    assert before.bars == after.bars == bars
    assert said(before) == said(after) == [("duplicate", "dropped", 1)]


def test_a_row_that_is_no_bar_never_wins_over_one_that_is() -> None:
    bars = daily(20)
    broken = bars[9]._replace(close=NAN, volume=1e9)

    found = checked([*bars[:10], broken, *bars[10:]])

    assert found.bars == bars


def test_missing_sessions_are_counted_by_the_calendar_and_never_filled_in() -> None:
    bars = daily(30)
    holes = bars[:10] + bars[12:]

    found = checked(holes)

    assert found.bars == holes
    assert said(found) == [("missing", "kept", 2)]
    assert (found.findings[0].time, found.findings[0].until) == (bars[10].time, bars[11].time)


def test_holidays_and_weekends_are_no_gaps() -> None:
    # Seollal 2024 lies within: 9 to 12 February.
    assert said(checked(daily(40))) == []


def test_without_a_calendar_only_a_gap_that_no_holiday_explains_is_told() -> None:
    bars = daily(60, sessions=KRX)
    short, long = bars[:20] + bars[24:], bars[:20] + bars[40:]

    assert said(checked(short, None)) == []
    assert said(checked(long, None))[0][:2] == ("missing", "kept")


def test_weekly_bars_are_refused_where_daily_ones_are_asked_for() -> None:
    found = checked(daily(250)[::6])

    assert found.refused
    assert said(found) == [("missing", "refused", 205)]


@pytest.mark.parametrize("price", [0.0, None])
def test_a_halted_share_gives_no_bar_at_which_a_strategy_could_trade(price: float | None) -> None:
    # KRX writes zeros but for the close, other sources one flat price.
    bars = daily(30)
    close = bars[9].close
    other = close if price is None else price
    halt = [Bar(one.time, other, other, other, close, 0.0) for one in bars[10:15]]

    found = checked(bars[:10] + halt + bars[15:])

    assert found.bars == bars[:10] + bars[15:]
    assert said(found) == [("halted", "dropped", 5)]


def test_a_share_that_is_halted_now_says_since_when() -> None:
    bars = daily(30)
    halt = [Bar(one.time, 0.0, 0.0, 0.0, bars[24].close, 0.0) for one in bars[25:]]

    found = checked(bars[:25] + halt)

    assert found.bars == bars[:25]
    assert "not traded since 2024-02-0" in found.findings[0].text


def test_a_flat_price_that_trades_or_has_no_volume_at_all_is_kept_and_told() -> None:
    bars = daily(30)
    traded = [bars[8]._replace(time=one.time) for one in bars[10:15]]
    closes = [Bar(one.time, 50.0, 50.0, 50.0, 50.0, 0.0) for one in bars]

    still, shorter = checked(bars[:10] + traded + bars[15:]), checked(bars[:10] + traded[:4] + bars[14:])
    without_volume = checked(closes)

    assert said(still) == [("flat", "kept", 5)]
    assert said(shorter) == []
    assert (len(without_volume.bars), said(without_volume)) == (30, [("flat", "kept", 30)])


def test_bars_on_closed_days_are_dropped_when_empty_and_kept_when_traded() -> None:
    bars = daily(30)
    saturday = bar(date(2024, 1, 6), 100.0, volume=0.0)
    sunday = bar(date(2024, 1, 14), 100.0, volume=500.0)

    found = checked(sorted([*bars, saturday, sunday]))

    assert found.bars == sorted([*bars, sunday])
    assert said(found) == [("off_session", "kept", 1), ("off_session", "dropped", 1)]
    assert "Sunday" in found.findings[0].text


def test_bars_of_a_market_that_never_closes_are_refused_under_a_calendar_of_shares() -> None:
    found = checked([bar(date.fromordinal(738_000 + n), 100.0 + n % 3) for n in range(60)])

    assert found.refused
    assert "[market] calendar" in found.findings[0].text


def test_today_is_dropped_until_its_session_has_closed_and_the_future_always() -> None:
    bars = daily(20)
    close = KRX.close_of(session_day(bars[18].time))

    before, at = checked(bars, now=close - 1), checked(bars, now=close)

    assert (before.bars, at.bars) == (bars[:18], bars[:19])
    assert said(before) == [("future", "dropped", 1), ("unfinished", "dropped", 1)]
    assert said(at) == [("future", "dropped", 1)]


def test_the_exam_day_closes_an_hour_later() -> None:
    exam = date(2025, 11, 13)
    bars = [one for one in daily(20, first=date(2025, 10, 27)) if one.time <= time_of(exam)]
    usual_close = time_of(exam) + 6 * HOUR + HOUR // 2

    assert checked(bars, now=usual_close + 10 * 60 * 10**9).bars == bars[:-1]
    assert checked(bars, now=usual_close + HOUR).bars == bars


@pytest.mark.parametrize(("step", "shift"), [(60, 0), (300, 299)])
def test_bars_that_do_not_open_where_their_interval_begins_are_refused(step: int, shift: int) -> None:
    begin, end = KRX.hours(date(2024, 1, 3))[0]
    times = range(begin + shift * 10**9, end, step * 10**9)
    bars = [Bar(time, 10.0, 10.1, 9.9, 10.0 + n % 3 / 100, 5.0) for n, time in enumerate(times)]

    found = check(bars, symbol="069500", interval="5m", sessions=KRX)

    assert found.refused
    assert "multiple of 5m" in found.findings[0].text


@pytest.mark.parametrize("factor", [1e-6, 1e6])
def test_times_in_a_wrong_unit_are_refused(factor: float) -> None:
    bars = [one._replace(time=int(one.time * factor)) for one in daily(20)]

    found = checked(bars)

    assert found.refused
    assert "unit" in found.findings[0].text


def test_a_print_that_no_neighbour_knows_is_dropped_and_the_same_at_the_end_is_only_told() -> None:
    bars = daily(30)
    wrong = Bar._make((bars[10].time, *(price * 10 for price in bars[10][1:5]), 1000.0))

    within = checked([*bars[:10], wrong, *bars[11:]])
    at_the_end = checked([*bars[:10], wrong])

    assert (within.bars, said(within)) == (bars[:10] + bars[11:], [("spike", "dropped", 1)])
    assert (len(at_the_end.bars), said(at_the_end)) == (11, [("jump", "kept", 1)])


def test_an_open_that_is_twice_the_price_on_both_sides_fills_no_order() -> None:
    bars = daily(30)
    bars[10] = bars[10]._replace(open=200.0, high=200.0)

    assert said(checked(bars)) == [("spike", "dropped", 1)]


def test_minutes_outside_of_the_session_are_dropped() -> None:
    begin, end = NYSE.hours(date(2024, 3, 11))[0]
    minutes = range(begin - 30 * 60 * 10**9, end + 1, 60 * 10**9)
    bars = [Bar(time, 10.0, 10.1, 9.9, 10.0, float(n + 1)) for n, time in enumerate(minutes)]

    found = check(bars, symbol="SPY", interval="1m", sessions=NYSE)

    assert (found.bars[0].time, found.bars[-1].time) == (begin, end)
    assert ("off_session", "dropped", 30) in said(found)


GOOD = st.integers(5, 60).map(daily)


@given(GOOD, st.randoms(use_true_random=False))
def test_the_order_in_which_rows_come_changes_no_bar(bars: list[Bar], random: object) -> None:
    mixed = list(bars)
    random.shuffle(mixed)  # type: ignore[attr-defined]

    assert checked(mixed).bars == checked(bars).bars


PRICE = st.one_of(st.sampled_from([0.0, -1.0, NAN, math.inf, 1e-300, 1e300]), st.floats(50, 200))
ROW = st.builds(
    Bar,
    st.integers(0, 60).map(lambda n: time_of(date(2024, 1, 1)) + n * DAY),
    *[PRICE] * 4,
    st.one_of(st.sampled_from([0.0, -1.0, NAN, math.inf, 1e300]), st.floats(0, 1e9)),
)


@given(st.lists(ROW, max_size=40), st.sampled_from([None, KRX, NYSE]))
@settings(max_examples=300)
def test_whatever_comes_what_is_given_on_is_sorted_unlike_finite_and_positive(
    rows: list[Bar], sessions: Sessions | None
) -> None:
    found = checked(rows, sessions)

    times = [one.time for one in found.bars]
    assert times == sorted(set(times))
    for one in found.bars:
        assert all(math.isfinite(value) for value in one)
        assert 0 < one.low <= min(one.open, one.close) <= max(one.open, one.close) <= one.high
        assert one.volume >= 0
    assert bool(found.bars) != found.refused


@given(st.lists(ROW, max_size=40), st.sampled_from([None, KRX]))
@settings(max_examples=200)
def test_no_row_disappears_without_a_word(rows: list[Bar], sessions: Sessions | None) -> None:
    found = checked(rows, sessions)

    dropped = sum(one.count for one in found.findings if one.action == "dropped")
    assert found.refused or len(rows) - len(found.bars) == dropped

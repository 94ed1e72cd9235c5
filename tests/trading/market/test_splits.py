"""A split is mended, a crash is not, and what may be either is told."""

from __future__ import annotations

import shutil
from datetime import date
from pathlib import Path
from statistics import quantiles

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.trading.market.conftest import ALWAYS, KRX, NYSE, daily, said
from trading.bars import Bar, time_of
from trading.market.checking import Checked, check
from trading.market.files import FileSource
from trading.sessions import load_sessions

LONG_AGO, LATER = date(1990, 1, 1), date(2030, 1, 1)
SPLITS = {
    "SPY": [],
    "QQQ": [("2000-03-20", 2)],
    "IWM": [("2005-06-09", 2)],
    "EEM": [("2005-06-09", 3), ("2008-07-24", 3)],
    "AAPL": [("2000-06-21", 2), ("2005-02-28", 2), ("2014-06-09", 7), ("2020-08-31", 4)],
    "IBM": [("1999-05-27", 2)],
    "BAC": [("2004-08-30", 2)],
}
"""What the companies and funds announced."""


def checked(bars: list[Bar], splits: dict[date, float] | None = None) -> Checked:
    return check(bars, symbol="X", interval="1d", sessions=KRX, splits=splits)


def after(bars: list[Bar], at: int, ratio: float, *, volume: float | None = None) -> list[Bar]:
    """The bars with a split of `ratio` before the one at `at`; its day has `volume` times the usual."""
    new = [
        Bar._make((one.time, *(price / ratio for price in one[1:5]), one.volume * ratio)) for one in bars[at:]
    ]
    if volume is not None:
        new[0] = new[0]._replace(volume=bars[at].volume * volume)
    return bars[:at] + new


@pytest.mark.parametrize("symbol", SPLITS)
def test_of_real_shares_every_split_is_found_and_nothing_else(corpus: Path, symbol: str) -> None:
    raw = FileSource(corpus / "market/lean/equity_usa_daily").bars(symbol, "1d", LONG_AGO, LATER)

    found = check(raw, symbol=symbol, interval="1d", sessions=NYSE)

    splits = [(one.time, one.value) for one in found.findings if one.fault == "split"]
    assert splits == [(time_of(date.fromisoformat(day)), ratio) for day, ratio in SPLITS[symbol]]


def test_the_crash_of_a_share_that_had_splits_stays_a_crash(corpus: Path) -> None:
    raw = FileSource(corpus / "market/lean/equity_usa_daily").bars("AAPL", "1d", LONG_AGO, LATER)

    found = check(raw, symbol="AAPL", interval="1d", sessions=NYSE)

    jumps = [one for one in found.findings if one.fault == "jump"]
    assert [one.time for one in jumps] == [time_of(date(2000, 9, 29))]
    closes = {one.time: one.close for one in found.bars}
    assert closes[time_of(date(2000, 9, 29))] / closes[time_of(date(2000, 9, 28))] == pytest.approx(
        25.81 / 53.38
    )


def test_adjusted_closes_run_along_those_of_somebody_else(corpus: Path, tmp_path: Path) -> None:
    # Apple paid no dividend from 1996 to August 2012: a dividend-adjusted series differs by one factor.
    first, last = date(1998, 1, 2), date(2012, 8, 1)
    shutil.copy(corpus / "market/pyportfolioopt/stock_prices.csv", tmp_path / "prices.csv")
    theirs = {one.time: one.close for one in FileSource(tmp_path).bars("AAPL", "1d", first, last)}
    raw = FileSource(corpus / "market/lean/equity_usa_daily").bars("AAPL", "1d", LONG_AGO, LATER)

    ours = check(raw, symbol="AAPL", interval="1d", sessions=NYSE)

    ratios = [theirs[one.time] / one.close for one in ours.bars if one.time in theirs]
    assert len(ratios) > 3600
    # Closes of consolidated trade and of the auction differ by up to some percent on a few days.
    assert quantiles(ratios, n=100)[0] == pytest.approx(quantiles(ratios, n=100)[-1], rel=0.02)


@pytest.mark.parametrize("ratio", [2, 3, 5, 7, 10, 50, 1 / 2, 1 / 5, 1 / 10])
def test_a_split_and_a_reverse_split_leave_the_bars_that_were_there_before(ratio: float) -> None:
    bars = daily(60)

    found = checked(after(bars, 40, ratio))

    assert said(found) == [("split", "adjusted", 1)]
    assert found.findings[0].value == pytest.approx(ratio)
    for ours, true in zip(found.bars, after(bars, 0, ratio), strict=True):
        assert ours[1:] == pytest.approx(true[1:])


def test_a_fall_by_half_with_many_times_the_usual_value_is_a_crash() -> None:
    bars = after(daily(60), 40, 2, volume=20)

    found = checked(bars)

    assert (found.bars, said(found)) == (bars, [("jump", "kept", 1)])
    assert "10 times the usual" in found.findings[0].text


def test_a_fall_that_fits_no_ratio_is_kept_and_the_mend_is_named() -> None:
    bars = after(daily(60), 40, 1.75)

    found = checked(bars)

    assert (found.bars, said(found)) == (bars, [("jump", "kept", 1)])
    assert 'splits = { "2024-02-29"' in found.findings[0].text


def test_a_jump_within_the_day_suggests_no_split() -> None:
    bars = daily(60)
    bars[-1] = bars[-1]._replace(close=bars[-1].open * 1.6, high=bars[-1].open * 1.6)

    found = checked(bars)

    assert said(found) == [("jump", "kept", 1)]
    assert "splits" not in found.findings[0].text


def test_without_volumes_nothing_speaks_for_a_split_so_it_is_only_told() -> None:
    bars = [one._replace(volume=0.0) for one in after(daily(60), 40, 2)]

    assert said(checked(bars)) == [("jump", "kept", 1)]


def test_a_split_that_the_universe_names_is_adjusted_whatever_the_volume_says() -> None:
    bars = after(daily(60), 40, 1.75, volume=20)
    day = date(2024, 2, 29)

    found = checked(bars, {day: 1.75})

    assert said(found) == [("split", "adjusted", 1)]
    assert found.bars[39].close == pytest.approx(bars[39].close / 1.75)
    assert checked(bars, {day: 1}) == Checked(bars, ())


def test_a_named_split_that_prices_do_not_show_is_not_applied_twice() -> None:
    bars = daily(60)

    assert checked(bars, {date(2024, 2, 29): 2}) == Checked(bars, ())
    assert said(checked(after(bars, 40, 5), {date(2024, 2, 29): 2})) == [("jump", "kept", 1)]


def test_a_split_behind_a_halt_of_some_days_is_found() -> None:
    # As with Samsung Electronics in 2018: three days without trade, then one fiftieth of the price.
    bars = after(daily(60), 40, 50)
    halted = [Bar(one.time, 0.0, 0.0, 0.0, bars[36].close, 0.0) for one in bars[37:40]]

    found = checked(bars[:37] + halted + bars[40:])

    assert said(found) == [("halted", "dropped", 3), ("split", "adjusted", 1)]


def test_coins_do_not_split() -> None:
    bars = after(daily(60, sessions=ALWAYS), 40, 2)

    found = check(bars, symbol="BTC/KRW", interval="1d", sessions=ALWAYS)

    assert (found.bars, said(found)) == (bars, [("jump", "kept", 1)])
    assert "splits" not in found.findings[0].text


@given(st.integers(25, 55), st.integers(30, 60), st.sampled_from([2, 4, 7, 1 / 10]))
def test_what_is_known_on_a_day_has_the_same_returns_as_what_is_known_later(
    at: int, until: int, ratio: float
) -> None:
    bars = after(daily(60), at, ratio)

    then, now = checked(bars[:until]).bars, checked(bars).bars[:until]

    scale = now[-1].close / then[-1].close
    assert [one.close * scale for one in then] == pytest.approx([one.close for one in now])


def test_minutes_take_the_splits_that_the_universe_names_at_the_first_minute_of_their_day() -> None:
    # Sydney's session begins at 23:00 UTC of the day before.
    sydney = load_sessions("XASX")
    days = [date(2024, 2, 6), date(2024, 2, 7)]
    bars = [
        Bar(time, price, price * 1.001, price * 0.999, price, 10.0 + time // 10**9 % 7)
        for price, day in zip((100.0, 25.0), days, strict=True)
        for time in range(*sydney.hours(day)[0], 60 * 10**9)
    ]

    found = check(bars, symbol="BHP", interval="1m", sessions=sydney, splits={days[1]: 4})

    assert ("split", "adjusted", 1) in said(found)
    assert {one.close for one in found.bars} == {25.0}

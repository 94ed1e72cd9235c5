"""Longer bars made of minutes: the definition, carried out by another hand, on every kind of session."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from trading.backtest.loading import load
from trading.bars import SECOND_NS, Bar, time_of
from trading.errors import TradingError
from trading.logs import BotLog
from trading.market.resampling import resampled
from trading.market.source import INTERVAL_NS, Interval
from trading.sessions import Sessions, load_sessions
from trading.settings import load_settings

MINUTE = 60 * SECOND_NS
LENGTHS: list[Interval] = ["5m", "15m", "1h", "1d"]


def minutes(sessions: Sessions, days: list[date], seed: int = 0) -> list[Bar]:
    """Return a bar for each minute of the sessions, all prices different."""
    times = [t for day in days for opens, closes in sessions.hours(day) for t in range(opens, closes, MINUTE)]
    return [
        Bar(t, 100 + n * 7 % 13, 120 + n * 5 % 17, 80 - n * 3 % 11, 100 + n * 11 % 19, 1.0 + n % 5)
        for n, t in enumerate(times, seed)
    ]


@settings(max_examples=60, deadline=None)
@given(
    st.sampled_from(LENGTHS),
    st.sampled_from(
        [("XNYS", date(2024, 11, 29)), ("XKRX", date(2024, 11, 14)), ("XTKS", date(2024, 11, 5))]
    ),
    st.sets(st.integers(0, 600), max_size=200),
)
def test_each_bar_is_what_its_stretch_of_the_session_traded(
    interval: Interval, market: tuple[str, date], gaps: set[int]
) -> None:
    """Reference: for each part of each session, cut at every length after its open."""
    sessions, day = load_sessions(market[0]), market[1]
    days = [sessions.previous(day), day, sessions.next(day)]
    bars = [bar for n, bar in enumerate(minutes(sessions, days)) if n not in gaps]

    expected = []
    for each in days:
        parts = sessions.hours(each)
        cuts = (
            [(time_of(each), parts[0][0], parts[-1][1])]
            if interval == "1d"
            else [
                (start, start, min(start + INTERVAL_NS[interval], closes))
                for opens, closes in parts
                for start in range(opens, closes, INTERVAL_NS[interval])
            ]
        )
        for time, begin, end in cuts:
            inside = [bar for bar in bars if begin <= bar.time < end]
            if inside:
                high, low = max(bar.high for bar in inside), min(bar.low for bar in inside)
                volume = sum(bar.volume for bar in inside)
                expected.append(Bar(time, inside[0].open, high, low, inside[-1].close, volume))

    assert resampled(bars, interval, sessions) == expected


@pytest.mark.parametrize("interval", LENGTHS)
def test_where_trading_never_stops_it_is_what_another_library_makes(interval: Interval) -> None:
    sessions, first = load_sessions("ALWAYS"), date(2024, 3, 9)
    bars = minutes(sessions, [first, first + timedelta(days=1)])[7:-11]
    frame = pl.DataFrame(bars, schema=list(Bar._fields), orient="row").with_columns(
        pl.col("time").cast(pl.Datetime("ns"))
    )

    theirs = frame.group_by_dynamic("time", every=interval).agg(
        pl.col("open").first(), pl.col("high").max(), pl.col("low").min(),
        pl.col("close").last(), pl.col("volume").sum(),
    )  # fmt: skip

    rows = [Bar(*row) for row in theirs.with_columns(pl.col("time").cast(pl.Int64)).iter_rows()]
    assert resampled(bars, interval, sessions) == rows


def test_an_hour_of_new_york_begins_at_half_past_nine_and_the_last_one_is_short() -> None:
    sessions = load_sessions("XNYS")

    half_day = resampled(minutes(sessions, [date(2024, 11, 29)]), "1h", sessions)

    local = [
        datetime.fromtimestamp(bar.time // SECOND_NS, sessions.zone).strftime("%H:%M") for bar in half_day
    ]
    assert local == ["09:30", "10:30", "11:30", "12:30"]
    assert sum(bar.volume for bar in half_day) == sum(
        bar.volume for bar in minutes(sessions, [date(2024, 11, 29)])
    )


def test_minutes_outside_of_the_hours_belong_to_no_bar() -> None:
    sessions = load_sessions("XNYS")
    opens, closes = sessions.hours(date(2024, 11, 29))[0]
    outside = [Bar(t, 1.0, 1.0, 1.0, 1.0, 9.0) for t in (opens - MINUTE, closes)]

    assert resampled(outside, "1d", sessions) == []


def test_a_backtest_of_days_reads_minutes(tmp_path: Path) -> None:
    sessions = load_sessions("XNYS")
    days = sessions.between(date(2024, 3, 1), date(2024, 3, 28))
    (tmp_path / "bars").mkdir()
    rows = [
        f"{datetime.fromtimestamp(t // SECOND_NS, UTC):%Y-%m-%dT%H:%M:%SZ},{100 + n / 1000:.3f},"
        f"{100.2 + n / 1000:.3f},{99.8 + n / 1000:.3f},{100.1 + n / 1000:.3f},10"
        for n, t in enumerate(bar.time for bar in minutes(sessions, days))
    ]
    (tmp_path / "bars" / "AAA.csv").write_text("\n".join(["date,open,high,low,close,volume", *rows]))
    (tmp_path / "universe.toml").write_text('symbols = ["AAA"]\n')
    (tmp_path / "trading.toml").write_text(
        '[data]\nfolder = "bars"\n[market]\ncalendar = "XNYS"\ncurrency = "USD"\n'
    )
    chosen = load_settings(tmp_path / "trading.toml")
    log = BotLog("t", "t", mode="backtest")

    daily = load(chosen, log=log, first=days[0], last=days[-1], interval="1d", made_of="1m")
    hourly = load(chosen, log=log, first=days[0], last=days[-1], interval="1h", made_of="1m")

    assert [bar.time for bar in daily.series["AAA"]] == [time_of(day) for day in days]
    assert [bar.volume for bar in daily.series["AAA"]] == [3900.0] * len(days)
    assert len(hourly.series["AAA"]) == 7 * len(days)
    with pytest.raises(TradingError, match="--bars 1h are longer than --interval 5m"):
        load(chosen, log=log, first=days[0], last=days[-1], interval="5m", made_of="1h")

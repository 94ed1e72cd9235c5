"""On which days a market is open, until when, and what the tables do not know."""

from __future__ import annotations

import json
import logging
import zipfile
from datetime import date, datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from obs.watch.sessions import Calendar, Span, load
from trading.sessions import SessionsError, load_sessions, names

BY_HAND = ("ALWAYS", "FX")


def ns(text: str, zone: str = "Asia/Seoul") -> int:
    return int(datetime.fromisoformat(text).replace(tzinfo=ZoneInfo(zone)).timestamp()) * 10**9


def local(time: int, zone: str) -> str:
    return datetime.fromtimestamp(time // 10**9, ZoneInfo(zone)).strftime("%H:%M")


def hours(market: str, day: date) -> list[str]:
    sessions = load_sessions(market)
    zone = str(sessions.zone)
    return [f"{local(opens, zone)}..{local(closes, zone)}" for opens, closes in sessions.hours(day)]


@pytest.mark.parametrize("year", [2024, 2025])
def test_the_days_of_the_korean_exchange_are_those_of_the_kept_reference(corpus: Path, year: int) -> None:
    kept = json.loads((corpus / "market/reference/xkrx_sessions_2024_2025.json").read_text())

    days = load_sessions("XKRX").between(date(year, 1, 1), date(year, 12, 31))

    assert [str(day) for day in days] == kept["sessions"][str(year)]


def traded_days(corpus: Path, source: str) -> list[date]:
    """The days on which somebody traded, from prices that nobody made with a calendar."""
    market = corpus / "market"
    if source == "spy.zip":
        with zipfile.ZipFile(market / "lean/equity_usa_daily/spy.zip") as archive:
            text = archive.read(archive.namelist()[0]).decode()
        return [date.fromisoformat(line[:8]) for line in text.splitlines()]
    lines = (market / "pyportfolioopt/stock_prices.csv").read_text().splitlines()[1:]
    return [date.fromisoformat(line[:10]) for line in lines]


@pytest.mark.parametrize("source", ["spy.zip", "stock_prices.csv"])
def test_new_york_was_open_on_the_days_of_which_there_are_prices_and_on_no_others(
    source: str, corpus: Path
) -> None:
    days = traded_days(corpus, source)

    assert load_sessions("XNYS").between(days[0], days[-1]) == days


@pytest.mark.parametrize(
    ("market", "day", "expected"),
    [
        ("XKRX", date(2025, 11, 20), ["09:00..15:30"]),
        # Half an hour longer since 2016-08-01.
        ("XKRX", date(2016, 7, 29), ["09:00..15:00"]),
        ("XKRX", date(2016, 8, 1), ["09:00..15:30"]),
        # The exam day moves the whole session by an hour; in 2017 both days did, the exam was put off.
        ("XKRX", date(2006, 11, 16), ["10:00..16:00"]),
        ("XKRX", date(2017, 11, 16), ["10:00..16:30"]),
        ("XKRX", date(2017, 11, 23), ["10:00..16:30"]),
        ("XKRX", date(2021, 11, 18), ["10:00..16:30"]),
        ("XKRX", date(2026, 11, 19), ["10:00..16:30"]),
        # The first session of a year opens late but closes as ever.
        ("XKRX", date(2025, 1, 2), ["10:00..15:30"]),
        # Rest: the last day of a year, elections, a temporary holiday.
        ("XKRX", date(2024, 12, 31), []),
        ("XKRX", date(2025, 6, 3), []),
        ("XKRX", date(2026, 6, 3), []),
        ("XKRX", date(2024, 10, 1), []),
        ("XNYS", date(2025, 11, 26), ["09:30..16:00"]),
        # Half days.
        ("XNYS", date(1999, 11, 26), ["09:30..13:00"]),
        ("XNYS", date(2012, 12, 24), ["09:30..13:00"]),
        ("XNYS", date(2025, 11, 28), ["09:30..13:00"]),
        # Closed out of turn: the attacks of 2001, a storm, mourning.
        ("XNYS", date(2001, 9, 10), ["09:30..16:00"]),
        ("XNYS", date(2001, 9, 11), []),
        ("XNYS", date(2001, 9, 14), []),
        ("XNYS", date(2001, 9, 17), ["09:30..16:00"]),
        ("XNYS", date(2012, 10, 29), []),
        ("XNYS", date(2012, 10, 30), []),
        ("XNYS", date(2025, 1, 9), []),
        # A noon break, and its end.
        ("XTKS", date(2024, 11, 1), ["09:00..11:30", "12:30..15:00"]),
        ("ALWAYS", date(2025, 12, 25), ["00:00..00:00"]),
    ],
)
def test_a_day_has_the_hours_the_exchange_kept(market: str, day: date, expected: list[str]) -> None:
    assert hours(market, day) == expected


@pytest.mark.parametrize(
    ("now", "expected"),
    [
        ("2025-11-12T15:29:59", date(2025, 11, 11)),
        ("2025-11-12T15:30:00", date(2025, 11, 12)),
        # On the exam day 15:40, when a fixed schedule would run, is still within the session.
        ("2025-11-13T15:40:00", date(2025, 11, 12)),
        ("2025-11-13T16:29:59", date(2025, 11, 12)),
        ("2025-11-13T16:30:00", date(2025, 11, 13)),
        # A Sunday, and the long rest around Chuseok 2025.
        ("2025-11-16T12:00:00", date(2025, 11, 14)),
        ("2025-10-09T23:00:00", date(2025, 10, 2)),
    ],
)
def test_the_last_session_is_the_one_that_has_ended(now: str, expected: date) -> None:
    assert load_sessions("XKRX").last_closed(ns(now)) == expected


def test_a_half_day_has_ended_at_its_own_hour() -> None:
    newyork = load_sessions("XNYS")

    before, after = (ns(f"2025-11-28T{hour}", "America/New_York") for hour in ("12:59", "13:00"))

    assert (newyork.last_closed(before), newyork.last_closed(after)) == (
        date(2025, 11, 26),
        date(2025, 11, 28),
    )


def test_hours_follow_the_clocks_of_the_place() -> None:
    opens = [load_sessions("XNYS").hours(day)[0][0] for day in (date(2025, 3, 7), date(2025, 3, 10))]

    assert [local(time, "UTC") for time in opens] == ["14:30", "13:30"]


def test_crypto_has_a_session_each_day_of_utc() -> None:
    always = load_sessions("ALWAYS")

    assert always.last_closed(ns("2026-01-01T00:00", "UTC")) == date(2025, 12, 31)
    assert always.last_closed(ns("2026-01-01T23:59", "UTC")) == date(2025, 12, 31)


@given(st.integers(ns("2001-02-01"), ns("2027-12-01")), st.sampled_from(["XKRX", "XNYS", "CMES"]))
@settings(max_examples=60, deadline=None)
def test_between_the_last_closed_session_and_now_none_has_ended(now: int, market: str) -> None:
    sessions = load_sessions(market)

    last = sessions.last_closed(now)

    assert sessions.close_of(last) <= now < sessions.close_of(sessions.next(last))
    assert sessions.previous(sessions.next(last)) == last


@pytest.mark.parametrize("market", sorted(set(load().names) - set(BY_HAND)))
def test_the_core_and_the_sidecar_open_and_close_together(market: str) -> None:
    theirs, ours = load().get(market), load_sessions(market)
    first, last = date(2020, 1, 1), ours.last - timedelta(days=1)
    days = [first + timedelta(days=n) for n in range((last - first).days)]
    spans = [Span(*part) for day in days for part in ours.hours(day)]

    joined = Calendar(market, "", spans).spans()

    begin, end = joined[0].open, joined[-1].close
    assert joined == [span for span in theirs.spans() if begin <= span.open and span.close <= end]


def test_every_market_of_the_sidecar_has_a_table_here() -> None:
    assert set(names()) == set(load().names)


@pytest.mark.parametrize("market", names())
def test_every_table_knows_its_own_first_and_last_day(market: str, caplog: pytest.LogCaptureFixture) -> None:
    sessions = load_sessions(market)

    sessions.between(sessions.first, min(sessions.last, sessions.first + timedelta(days=2000)))
    sessions.is_session(sessions.last)

    assert caplog.messages == []


def test_a_day_of_rest_says_why() -> None:
    seoul, newyork = load_sessions("XKRX"), load_sessions("XNYS")

    assert seoul.why_closed(date(2025, 11, 20)) == ""
    assert seoul.why_closed(date(2025, 11, 22)) == "Saturday"
    assert seoul.why_closed(date(2025, 10, 7)) == "Chuseok"
    assert seoul.why_closed(date(2025, 6, 3)) == "presidential election"
    assert newyork.why_closed(date(2012, 10, 29)) == "hurricane Sandy"


def test_a_closed_day_has_no_closing_time() -> None:
    with pytest.raises(SessionsError, match="2025-10-07 has no session \\(Chuseok\\)"):
        load_sessions("XKRX").close_of(date(2025, 10, 7))


def test_beyond_the_table_usual_hours_hold_and_that_is_said_once(caplog: pytest.LogCaptureFixture) -> None:
    seoul = load_sessions("XKRX")

    with caplog.at_level(logging.WARNING, "trading"):
        answers = [seoul.is_session(date(2028, 5, 1)), seoul.is_session(date(2028, 5, 5))]
        early = seoul.is_session(date(1999, 3, 2))

    # Both May days are holidays in truth; nobody told the table.
    assert answers == [True, True]
    assert early
    assert [message[: message.index(":", 6)] for message in caplog.messages] == [
        "XKRX: 2028-05-01 lies beyond the session table (2001-01-01 to 2027-12-30)",
        "XKRX: 1999-03-02 lies before the session table (2001-01-01 to 2027-12-30)",
    ]


def test_a_table_of_ones_own_adds_to_the_calendar(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    file = tmp_path / "mine.toml"
    file.write_text(
        'like = "XKRX"\nholidays = [2025-11-13, 2028-05-05]\n'
        '[special]\n2025-11-22 = ["09:00..12:00"]\n2025-10-07 = ["09:00..15:30"]\n'
        '[notes]\n2025-11-13 = "snow"\n'
    )

    seoul = load_sessions("XKRX", file)

    assert [str(day) for day in seoul.between(date(2025, 11, 12), date(2025, 11, 22))] == [
        "2025-11-12", "2025-11-14", "2025-11-17", "2025-11-18", "2025-11-19", "2025-11-20", "2025-11-21",
        "2025-11-22",
    ]  # fmt: skip
    assert seoul.close_of(date(2025, 11, 22)) == ns("2025-11-22T12:00")
    assert seoul.why_closed(date(2025, 11, 13)) == "snow"
    assert seoul.why_closed(date(2025, 10, 7)) == ""
    assert not seoul.is_session(date(2028, 5, 5))
    assert caplog.messages == []
    assert load_sessions("XKRX").is_session(date(2025, 11, 13))


def test_a_whole_table_of_ones_own_takes_the_place_of_ours(tmp_path: Path) -> None:
    file = tmp_path / "mine.toml"
    file.write_text(
        'zone = "Asia/Seoul"\nweekdays = [6]\nfirst = 2025-01-01\nlast = 2025-12-31\n'
        'hours = [{ since = 2025-01-01, open = ["10:00..11:00"] }]\n'
    )

    assert load_sessions("MINE", file).between(date(2025, 1, 1), date(2025, 1, 12)) == [
        date(2025, 1, 4),
        date(2025, 1, 11),
    ]


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ('like = "XNYS"\n', 'like = "XKRX"'),
        ("holidays = [2026-07", "cannot be read"),
        ('holidays = ["2026-07-17"]\n', "without quotes"),
        ('[special]\n2026-11-19 = ["16:30..10:00"]\n', "ends before it begins"),
        ('[special]\n2026-11-19 = ["10 to 16"]\n', "is no part of a day"),
        ('[special]\n2026-11-19 = "10:00..16:30"\n', "Write a list"),
        ('[special]\n"19.11.2026" = ["10:00..16:30"]\n', "Write it as 2026-11-19"),
        ('[special]\n2026-11-19 = ["13:00..15:00", "09:00..12:00"]\n', "not in order"),
        ("holiday = [2026-07-17]\n", "holiday is no part of a session table"),
        ('zone = "Asia/Seoul"\n', "'hours' is missing"),
        (
            'zone = "Asia/Soul"\nweekdays = [1]\nfirst = 2025-01-01\nlast = 2025-12-31\n'
            'hours = [{ since = 2025-01-01, open = ["10:00..11:00"] }]\n',
            "Asia/Soul",
        ),
    ],
)
def test_a_broken_table_names_the_file_the_place_and_the_mend(text: str, words: str, tmp_path: Path) -> None:
    file = tmp_path / "mine.toml"
    file.write_text(text)

    with pytest.raises(SessionsError) as raised:
        load_sessions("XKRX", file)

    assert str(file) in str(raised.value)
    assert words in str(raised.value)


def test_an_unknown_market_names_those_there_are() -> None:
    with pytest.raises(SessionsError, match=r'no session table "KRX"\. Use one of ALWAYS, .*XKRX'):
        load_sessions("KRX")


def test_holidays_without_an_end_are_an_error_not_an_endless_search(tmp_path: Path) -> None:
    file = tmp_path / "mine.toml"
    file.write_text("holidays = [" + ", ".join(str(date(2026, 2, 1) + timedelta(n)) for n in range(80)) + "]")

    with pytest.raises(SessionsError, match="no session within 60 days of 2026-02-01"):
        load_sessions("XKRX", file).next(date(2026, 2, 1))

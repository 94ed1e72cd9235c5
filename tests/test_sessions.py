"""When markets are open, and which market a bot trades at."""

from __future__ import annotations

import json
from datetime import datetime
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from obs.watch.sessions import Calendar, CalendarError, load

HOUR = 3_600_000_000_000
MINUTE = HOUR // 60


def ns(text: str, zone: str = "UTC") -> int:
    return int(datetime.fromisoformat(text).replace(tzinfo=ZoneInfo(zone)).timestamp()) * 1_000_000_000


def is_open(market: str, text: str, zone: str) -> bool:
    return load().get(market).is_open(ns(text, zone))


def session_days(calendar: Calendar, year: int) -> list[str]:
    zone = ZoneInfo(calendar.zone)
    days = {datetime.fromtimestamp(span.open // 10**9, zone).date() for span in calendar.spans()}
    return [str(day) for day in sorted(days) if day.year == year]


@pytest.mark.parametrize("year", [2024, 2025])
def test_the_days_of_the_korean_exchange_are_those_of_the_kept_reference(corpus: Path, year: int) -> None:
    kept = json.loads((corpus / "market/reference/xkrx_sessions_2024_2025.json").read_text())

    assert session_days(load().get("XKRX"), year) == kept["sessions"][str(year)]


@pytest.mark.parametrize(
    ("market", "text", "zone", "expected"),
    [
        ("XKRX", "2025-11-20T08:59:59", "Asia/Seoul", False),
        ("XKRX", "2025-11-20T09:00:00", "Asia/Seoul", True),
        ("XKRX", "2025-11-20T15:29:59", "Asia/Seoul", True),
        ("XKRX", "2025-11-20T15:30:00", "Asia/Seoul", False),
        # The exam day begins and ends an hour later, the first session of a year begins an hour later.
        ("XKRX", "2025-11-13T09:30:00", "Asia/Seoul", False),
        ("XKRX", "2025-11-13T16:15:00", "Asia/Seoul", True),
        ("XKRX", "2025-01-02T09:30:00", "Asia/Seoul", False),
        # Chuseok, a weekend, the local elections.
        ("XKRX", "2025-10-07T10:00:00", "Asia/Seoul", False),
        ("XKRX", "2025-11-22T10:00:00", "Asia/Seoul", False),
        ("XKRX", "2026-06-03T10:00:00", "Asia/Seoul", False),
        # The lunch break, and the longer afternoon since 2024-11-05.
        ("XTKS", "2025-11-20T12:00:00", "Asia/Tokyo", False),
        ("XTKS", "2024-11-01T15:10:00", "Asia/Tokyo", False),
        ("XTKS", "2024-11-05T15:10:00", "Asia/Tokyo", True),
        # The half day after Thanksgiving, and the day before it.
        ("XNYS", "2025-11-28T12:59:00", "America/New_York", True),
        ("XNYS", "2025-11-28T13:00:00", "America/New_York", False),
        ("XNYS", "2025-11-26T15:59:00", "America/New_York", True),
        # Globex opens on Sunday evening and rests an hour each afternoon.
        ("CMES", "2025-11-16T17:30:00", "America/Chicago", True),
        ("CMES", "2025-11-18T16:30:00", "America/Chicago", False),
        ("CMES", "2025-11-18T17:00:00", "America/Chicago", True),
        ("FX", "2025-11-16T16:59:00", "America/New_York", False),
        ("FX", "2025-11-16T17:00:00", "America/New_York", True),
        ("FX", "2025-11-21T17:00:00", "America/New_York", False),
        ("ALWAYS", "2025-12-25T03:00:00", "UTC", True),
    ],
)
def test_a_market_is_open_as_its_table_tells(market: str, text: str, zone: str, expected: bool) -> None:
    assert is_open(market, text, zone) is expected


def test_the_clock_change_of_the_exchange_moves_its_hours_in_utc() -> None:
    new_york = load().get("XNYS")

    assert new_york.is_open(ns("2025-03-07T14:30:00"))
    assert not new_york.is_open(ns("2025-03-10T20:00:00"))
    assert new_york.is_open(ns("2025-03-10T13:30:00"))


def test_only_open_time_counts_between_two_moments() -> None:
    seoul = load().get("XKRX")
    friday, monday = ns("2025-11-21T15:20:00", "Asia/Seoul"), ns("2025-11-24T09:05:00", "Asia/Seoul")

    assert seoul.open_ns(friday, monday) == 15 * MINUTE
    assert seoul.open_ns(monday, friday) == 0


def test_the_spans_around_a_moment_are_the_last_and_the_next_session() -> None:
    seoul, night = load().get("XKRX"), ns("2025-11-21T23:00:00", "Asia/Seoul")
    before, after = seoul.span_before(night), seoul.span_after(night)

    assert before is not None
    assert after is not None
    assert seoul.span_at(night) is None
    assert before.close == ns("2025-11-21T15:30:00", "Asia/Seoul")
    assert after.open == ns("2025-11-24T09:00:00", "Asia/Seoul")


def test_beyond_the_table_the_usual_hours_hold() -> None:
    assert is_open("XSHG", "2028-03-01T10:00:00", "Asia/Shanghai")
    assert not is_open("XSHG", "2028-03-05T10:00:00", "Asia/Shanghai")


def test_several_markets_together_are_open_when_any_is() -> None:
    both = load().get("XNYS", "XKRX")

    assert both.is_open(ns("2025-11-20T10:00:00", "Asia/Seoul"))
    assert both.is_open(ns("2025-11-20T10:00:00", "America/New_York"))
    assert not both.is_open(ns("2025-11-20T20:00:00", "America/New_York") - 2 * HOUR)
    assert load().get("XKRX", "ALWAYS").is_always_open


@pytest.mark.parametrize(
    ("named", "market"),
    [
        ({"exchange": "upbit"}, "ALWAYS"),
        ({"exchange": "binanceusdm"}, "ALWAYS"),
        ({"exchange": "krx", "symbol": "005930"}, "XKRX"),
        ({"symbol": "KRW-BTC", "currency": "KRW"}, "ALWAYS"),
        ({"symbol": "BTC/USDT:USDT"}, "ALWAYS"),
        ({"symbol": "SOL-PERP"}, "ALWAYS"),
        ({"symbol": "ETHUSDT-PERP.BINANCE"}, "ALWAYS"),
        ({"symbol": "069500", "currency": "KRW"}, "XKRX"),
        ({"symbol": "069500.KS"}, "XKRX"),
        ({"symbol": "7203.T"}, "XTKS"),
        ({"symbol": "AAPL.NASDAQ"}, "XNYS"),
        ({"symbol": "BRK.B", "currency": "USD"}, "XNYS"),
        ({"symbol": "EUR/USD.SIM"}, "FX"),
        ({"symbol": "XAUUSD"}, "FX"),
        ({"currency": "USDT"}, "ALWAYS"),
        ({"program": "freqtrade"}, "ALWAYS"),
        ({"exchange": "paper", "symbol": "thing"}, ""),
    ],
)
def test_the_market_is_told_by_exchange_symbol_or_currency(named: dict[str, str], market: str) -> None:
    assert load().market_of(**named) == market


def test_a_file_of_ones_own_adds_days_to_a_table_and_markets_to_the_list(tmp_path: Path) -> None:
    (tmp_path / "XKRX.toml").write_text(
        'like = "XKRX"\nholidays = [2026-07-16]\n[special]\n2026-07-20 = ["07:00..20:00"]\n'
    )
    (tmp_path / "markets.toml").write_text('[exchanges]\nXKRX = ["mybroker"]\n')

    calendars = load(tmp_path)

    seoul = calendars.get("XKRX")
    assert not seoul.is_open(ns("2026-07-16T10:00:00", "Asia/Seoul"))
    assert seoul.is_open(ns("2026-07-20T19:00:00", "Asia/Seoul"))
    assert seoul.is_open(ns("2026-07-21T10:00:00", "Asia/Seoul"))
    assert calendars.market_of(exchange="mybroker") == "XKRX"


@pytest.mark.parametrize(
    ("text", "word"),
    [
        ('zone = "Asia/Nowhere"\nweekdays = [1]\nhours = []\n', "Nowhere"),
        ('like = "XMARS"\n', "XMARS"),
        ('zone = "UTC"\nweekdays = [1]\nhours = [{ since = 2020-01-01, open = ["9-15"] }]\n', "9-15"),
        ('like = "XKRX"\nholidays = ["2026-07-17"]\n', "without quotes"),
        ("like = ", "cannot be read"),
    ],
)
def test_a_wrong_table_is_refused_with_its_file_and_the_mend(tmp_path: Path, text: str, word: str) -> None:
    (tmp_path / "OWN.toml").write_text(text)

    with pytest.raises(CalendarError, match=word) as refused:
        load(tmp_path)

    assert "OWN.toml" in str(refused.value)


def test_every_exchange_table_covers_2020_to_at_least_2026() -> None:
    for name in set(load().names) - {"ALWAYS", "FX", "CMES"}:  # spans of these touch midnight
        calendar = load().get(name)
        for year in range(2020, 2027):
            assert 235 <= len(session_days(calendar, year)) <= 315, (name, year)

"""The market of the settings: history is checked, cut off at a day, and every finding is an event."""

from __future__ import annotations

import logging
import math
from collections.abc import Iterator
from datetime import date
from pathlib import Path

import msgspec
import pytest

from tests.trading.conftest import collected
from tests.trading.market.conftest import DAY, KRX, Shelf, daily
from trading.bars import Bar, time_of
from trading.logs import BotLog
from trading.market.files import FileSource
from trading.market.opening import Market, open_market
from trading.market.source import Interval, LoginError, Source, SourceError
from trading.market.universe import Instrument, Universe, UniverseError
from trading.sessions import load_sessions
from trading.settings import DataSettings, MarketSettings, TradingSettings

BARS = daily(240)
LAST = date(2024, 11, 29)
NOW = time_of(LAST) + DAY
LOG = BotLog("daily", "maps")


def opened(folder: Path, source: Source | None, *, symbols: str = '["069500"]', kind: str = "krx") -> Market:
    (folder / "universe.toml").write_text(f"symbols = {symbols}")
    settings = TradingSettings(
        data=DataSettings(source=kind, folder=folder / "bars", cache=folder / "cache"),  # type: ignore[arg-type]
        market=MarketSettings(universe=folder / "universe.toml"),
    )
    return open_market(settings, log=LOG, now=NOW, source=source)


@pytest.fixture
def records() -> Iterator[list[logging.LogRecord]]:
    with collected() as found:
        yield found


def events(records: list[logging.LogRecord], name: str) -> list[logging.LogRecord]:
    return [record for record in records if getattr(record, "event_name", "") == name]


def told(records: list[logging.LogRecord]) -> list[tuple[str, str, str]]:
    return [
        (record.levelname, getattr(record, "data.fault"), record.action)  # type: ignore[attr-defined]
        for record in events(records, "data.checked")
    ]


def test_history_ends_at_the_day_that_may_be_seen_and_begins_days_before(
    tmp_path: Path, records: list[logging.LogRecord]
) -> None:
    history = opened(tmp_path, Shelf(BARS)).history(date(2024, 6, 28), 100)

    (bars,) = history.values()
    assert bars == [
        one for one in BARS if time_of(date(2024, 3, 20)) <= one.time <= time_of(date(2024, 6, 28))
    ]
    assert told(records) == []


def test_each_fetch_is_an_event_that_says_what_came_and_from_where(
    tmp_path: Path, records: list[logging.LogRecord]
) -> None:
    market = opened(tmp_path, Shelf([*BARS[:50], *BARS[53:]]))

    market.history(LAST, 200)
    market.history(LAST, 200)

    said = [
        tuple(getattr(record, f"{key}") for key in ("symbol", "data.source", "cache.hit", "data.gaps"))
        for record in events(records, "data.collected")
    ]
    assert said == [("069500", "shelf", False, 0), ("069500", "cache", True, 0)]


def test_a_symbol_that_is_refused_is_absent_and_an_error_while_others_go_on(
    tmp_path: Path, records: list[logging.LogRecord]
) -> None:
    class Two(Shelf):
        def bars(self, symbol: str, interval: Interval, first: date, last: date) -> list[Bar]:
            bars = super().bars(symbol, interval, first, last)
            return bars if symbol == "069500" else [one._replace(close=math.nan) for one in bars]

    market = opened(tmp_path, Two(BARS), symbols='["069500", "114800"]')

    history = market.history(LAST, 200)

    assert list(history) == ["069500"]
    assert ("ERROR", "unusable", "refused") in told(records)
    assert {one.symbol for one in market.findings} == {"114800"}


def test_findings_of_long_ago_are_no_news(tmp_path: Path, records: list[logging.LogRecord]) -> None:
    old = BARS[60]._replace(close=0.0)
    new = BARS[-30]._replace(close=0.0)
    for broken in (old, new):
        held = [broken if one.time == broken.time else one for one in BARS]
        folder = tmp_path / str(broken.time)
        folder.mkdir()
        opened(folder, Shelf(held)).history(LAST, 400)

    assert told(records) == [("INFO", "not_positive", "dropped"), ("WARNING", "not_positive", "dropped")]


def test_a_symbol_whose_newest_bar_is_old_is_told_but_kept(
    tmp_path: Path, records: list[logging.LogRecord]
) -> None:
    market = opened(tmp_path, Shelf([one for one in BARS if one.time <= time_of(date(2024, 11, 26))]))

    history = market.history(LAST, 100)

    assert history["069500"][-1].time == time_of(date(2024, 11, 26))
    assert told(records) == [("WARNING", "stale", "kept")]
    assert market.findings[0].count == 3


def test_a_halted_share_is_told_once_and_not_as_stale_too(
    tmp_path: Path, records: list[logging.LogRecord]
) -> None:
    since = time_of(date(2024, 11, 27))
    close = next(one.close for one in reversed(BARS) if one.time < since)
    held = [one if one.time < since else Bar(one.time, 0.0, 0.0, 0.0, close, 0.0) for one in BARS]

    opened(tmp_path, Shelf(held)).history(LAST, 100)

    assert told(records) == [("WARNING", "halted", "dropped")]


class Dead(Shelf):
    """A source that has stopped to answer."""

    def bars(self, symbol: str, interval: Interval, first: date, last: date) -> list[Bar]:
        raise SourceError("shelf: no answer within 30 s. Try again later.")


def test_when_the_source_is_dead_the_cache_serves_and_its_age_is_told(
    tmp_path: Path, records: list[logging.LogRecord]
) -> None:
    opened(tmp_path, Shelf(BARS)).history(date(2024, 11, 26), 100)

    history = opened(tmp_path, Dead([])).history(LAST, 103)

    assert history["069500"][-1].time == time_of(date(2024, 11, 26))
    assert told(records) == [("WARNING", "unreachable", "kept"), ("WARNING", "stale", "kept")]
    assert events(records, "data.collected")[-1].levelname == "ERROR"


def test_when_nothing_is_usable_history_is_an_error(tmp_path: Path, records: list[logging.LogRecord]) -> None:
    with pytest.raises(SourceError, match=r"none of 1 instruments .* no answer within 30 s"):
        opened(tmp_path, Dead([])).history(LAST, 100)

    assert told(records) == [("ERROR", "unreachable", "refused")]


def test_a_login_that_failed_ends_it_at_once_and_is_an_event(
    tmp_path: Path, records: list[logging.LogRecord]
) -> None:
    class Locked(Shelf):
        def bars(self, symbol: str, interval: Interval, first: date, last: date) -> list[Bar]:
            self.asked.append((first, last))
            raise LoginError("shelf: the login failed.")

    source = Locked([])

    with pytest.raises(LoginError):
        opened(tmp_path, source, symbols='["069500", "114800"]').history(LAST, 100)

    assert len(source.asked) == 1
    assert told(records) == [("ERROR", "login", "refused")]


@pytest.mark.parametrize("symbols", ["[]", '["5930"]'])
def test_a_universe_of_no_use_is_an_error_and_an_event(
    tmp_path: Path, records: list[logging.LogRecord], symbols: str
) -> None:
    with pytest.raises(UniverseError):
        opened(tmp_path, Shelf(BARS), symbols=symbols)

    assert told(records) == [("ERROR", "universe", "refused")]


def test_files_are_read_without_a_cache(tmp_path: Path, records: list[logging.LogRecord]) -> None:
    (tmp_path / "bars").mkdir()
    rows = [f"{date.fromordinal(719_163 + one.time // DAY)},{one.close},{one.volume}" for one in BARS]
    (tmp_path / "bars" / "069500.csv").write_text("\n".join(["날짜,종가,거래량", *rows]))

    history = opened(tmp_path, None, kind="files").history(LAST, 100)

    assert history["069500"][-1].close == next(one.close for one in BARS if one.time == time_of(LAST))
    assert [record.name for record in events(records, "data.collected")] == ["trading.data"]
    assert not (tmp_path / "cache").exists()


def test_settings_have_defaults_that_open_a_market(tmp_path: Path) -> None:
    (tmp_path / "universe.toml").write_text('symbols = ["069500"]')
    market = msgspec.structs.replace(MarketSettings(), universe=tmp_path / "universe.toml")

    assert open_market(TradingSettings(market=market), log=LOG).sessions.name == KRX.name


def test_minutes_of_a_day_are_those_of_the_day_at_the_exchange(
    tmp_path: Path, records: list[logging.LogRecord]
) -> None:
    sydney = load_sessions("XASX")
    day = date(2024, 2, 7)
    times = range(*sydney.hours(day)[0], 60 * 10**9)
    rows = [f"{time // 10**6},{100 + n % 3},5" for n, time in enumerate(times)]
    (tmp_path / "BHP.csv").write_text("\n".join(["timestamp,close,volume", *rows]))
    source = FileSource(tmp_path, zone=sydney.zone)
    market = Market(Universe("x", (Instrument("BHP"),)), sydney, source, "AUD", LOG, NOW)

    checked = market.checked(Instrument("BHP"), "1m", day, day)

    assert [one.time for one in checked.bars] == list(times)
    assert checked.findings == ()

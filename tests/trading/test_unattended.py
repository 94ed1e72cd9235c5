"""What status and check tell of an unattended core, at moments that its operator meets."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, date, datetime
from pathlib import Path

import msgspec
import pytest

from trading.sessions import load_sessions
from trading.settings import DataSettings, MarketSettings, PathSettings, TradingSettings, load_settings
from trading.store.store import open_store
from trading.unattended.checks import checkup
from trading.unattended.status import Line, standing

EXAM_DAY = date(2025, 11, 13)


def at(text: str) -> int:
    return int(datetime.fromisoformat(text).astimezone(UTC).timestamp()) * 10**9


@pytest.fixture
def settings(tmp_path: Path) -> TradingSettings:
    file = tmp_path / "trading.toml"
    file.write_text('[paths]\nstore = "db"\n')
    return load_settings(file)


def lines_of(lines: list[Line]) -> Mapping[str, Line]:
    return {line.name: line for line in lines}


def test_a_core_that_never_ran_is_told_which_session_could_be_its_first(settings: TradingSettings) -> None:
    told = lines_of(standing(settings, at("2025-11-13T17:00+09:00")))

    assert told["daily run"] == Line(
        "daily run", "warn", "never ran; 2025-11-13 could be the first", "trading daily"
    )
    assert told["messages"].state == told["back-ups"].state == "warn"


def test_on_the_exam_day_the_market_is_open_until_half_past_four(settings: TradingSettings) -> None:
    told = lines_of(standing(settings, at("2025-11-13T15:45+09:00")))

    assert told["market"].text == (
        "XKRX open until 2025-11-13 16:30 KST; last session 2025-11-12, next closes 2025-11-13 16:30 KST"
    )


def test_a_holiday_is_named(settings: TradingSettings) -> None:
    told = lines_of(standing(settings, at("2025-10-06T12:00+09:00")))

    assert "closed (" in told["market"].text
    assert told["market"].text.endswith("last session 2025-10-02, next closes 2025-10-10 15:30 KST")


def test_a_finished_session_is_fine_and_a_missed_one_is_red_once_patience_ends(
    settings: TradingSettings,
) -> None:
    with open_store(settings.paths.store) as store:
        store.journal.begin(date(2025, 11, 12), at("2025-11-12T15:31+09:00"))
        store.journal.end(date(2025, 11, 12), "done", at("2025-11-12T15:33+09:00"))

    before = lines_of(standing(settings, at("2025-11-13T16:29+09:00")))["daily run"]
    waiting = lines_of(standing(settings, at("2025-11-13T17:30+09:00")))["daily run"]
    overdue = lines_of(standing(settings, at("2025-11-13T18:31+09:00")))["daily run"]

    assert (before.state, before.text) == ("ok", "2025-11-12 done, 2025-11-12 15:33 KST")
    assert waiting.state == "ok"
    assert waiting.text.startswith("2025-11-13 is due since 2025-11-13 16:30 KST")
    assert (overdue.state, overdue.text) == (
        "fail",
        "overdue: 2025-11-13 closed 2 h ago; last done 2025-11-12",
    )
    assert "crontab" in overdue.mend


def test_a_failed_run_is_red_with_its_error(settings: TradingSettings) -> None:
    with open_store(settings.paths.store) as store:
        store.journal.begin(EXAM_DAY, at("2025-11-13T16:31+09:00"))
        store.journal.end(EXAM_DAY, "failed", at("2025-11-13T16:32+09:00"), error="step 3: no prices")

    told = lines_of(standing(settings, at("2025-11-13T16:40+09:00")))["daily run"]

    assert (told.state, told.text) == ("fail", "2025-11-13 failed at try 1: step 3: no prices")


def test_a_fresh_installation_is_told_everything_it_lacks_at_once(settings: TradingSettings) -> None:
    missing = {
        line.name for line in checkup(settings, None, at("2025-11-13T12:00+09:00")) if line.state == "fail"
    }

    assert missing == {"universe", "data", "channels"}


def test_a_calendar_that_ends_soon_is_told_before_it_ends(settings: TradingSettings) -> None:
    last = load_sessions("XKRX").last
    soon = lines_of(checkup(settings, None, at(f"{last}T12:00+09:00")))["calendar"]
    ended = lines_of(checkup(settings, None, at(f"{last.replace(year=last.year + 1)}T12:00+09:00")))[
        "calendar"
    ]

    assert (soon.state, ended.state) == ("warn", "fail")
    assert "overrides" in soon.mend


@pytest.mark.parametrize(("days", "state"), [(60, "fail"), (120, "warn"), (400, "ok")])
def test_a_look_back_that_is_too_short_for_the_parameters_is_told_with_the_days_it_takes(
    settings: TradingSettings, days: int, state: str
) -> None:
    short = msgspec.structs.replace(settings, data=DataSettings(days=days))

    told = lines_of(checkup(short, None, at("2025-11-13T12:00+09:00")))["history"]

    assert told.state == state
    assert "the parameters need 120" in told.text
    assert told.mend == ("" if state == "ok" else f"Set [data] days to 200 or more (it is {days}).")


def test_limits_made_for_shares_are_told_where_coins_are_traded(settings: TradingSettings) -> None:
    coins = msgspec.structs.replace(settings, market=MarketSettings(calendar="ALWAYS"))
    now = at("2025-11-13T12:00+09:00")

    shares, told = (
        [line for line in checkup(each, None, now) if line.name == "parameters"] for each in (settings, coins)
    )

    assert [line.state for line in shares] == ["ok"]
    assert [line.state for line in told] == ["ok", "warn"]
    assert "max_volatility" in told[1].mend


def test_one_broken_check_does_not_hide_the_others(settings: TradingSettings, tmp_path: Path) -> None:
    (tmp_path / "blocked").write_text("a file where a folder should be")
    broken = msgspec.structs.replace(settings, paths=PathSettings(store=tmp_path / "blocked"))

    told = lines_of(checkup(broken, None, at("2025-11-13T12:00+09:00")))

    assert told["store"].state == "fail"
    assert told["calendar"].state == "ok"

"""Dividends and small splits that somebody declared: reinvested on demand, never twice, never guessed."""

from __future__ import annotations

import math
import random
from datetime import date, timedelta
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from trading.backtest.loading import load
from trading.bars import Bar, day_of, time_of
from trading.logs import BotLog
from trading.market.actions import ActionsError, load_actions
from trading.market.checking import check
from trading.sessions import load_sessions
from trading.settings import load_settings

SESSIONS = load_sessions("XNYS")
DAYS = SESSIONS.between(date(2015, 1, 2), date(2018, 12, 31))
EX_DAYS = dict.fromkeys(DAYS[40::63], 0.75)
"""A dividend each quarter."""


def walk(seed: int, *, dividends: dict[date, float] | None = None, night: float = 0.004) -> list[Bar]:
    """Return bars of a walk whose price falls by each dividend on its ex-day."""
    draw, close, bars = random.Random(seed), 100.0, []
    for day in DAYS:
        opened = (close - (dividends or {}).get(day, 0.0)) * math.exp(draw.gauss(0, night))
        close = opened * math.exp(draw.gauss(0.0003, 0.008))
        high, low = max(opened, close) * 1.002, min(opened, close) * 0.998
        bars.append(Bar(time_of(day), opened, high, low, close, 1e6))
    return bars


def checked(bars: list[Bar], dividends: dict[date, float], *, total: bool) -> tuple[list[Bar], list[str]]:
    found = check(bars, symbol="X", interval="1d", sessions=SESSIONS, dividends=dividends, total_return=total)
    return found.bars, [str(each) for each in found.findings if each.fault == "dividend"]


@settings(max_examples=20, deadline=None)
@given(st.integers(0, 10_000))
def test_a_total_return_is_that_of_somebody_who_buys_shares_for_each_dividend(seed: int) -> None:
    """The definition, carried out: units grow by C / (C - D) at the close before each ex-day."""
    bars = walk(seed, dividends=EX_DAYS)
    units, worth = 1.0, []
    for before, bar in zip([None, *bars], bars, strict=False):
        if before is not None and (paid := EX_DAYS.get(day_of(bar.time))):
            units *= before.close / (before.close - paid)
        worth.append(units * bar.close)

    adjusted, findings = checked(bars, EX_DAYS, total=True)

    grown = [bar.close / adjusted[0].close for bar in adjusted]
    assert grown == pytest.approx([each / worth[0] for each in worth], rel=1e-12)
    assert adjusted[-1] == bars[-1]
    assert findings == []


def test_a_price_return_leaves_the_prices_alone() -> None:
    bars = walk(1, dividends=EX_DAYS)

    assert checked(bars, EX_DAYS, total=False) == (bars, [])


@pytest.mark.parametrize("total", [True, False])
def test_prices_that_have_dividends_in_them_already_are_found_and_not_adjusted_again(*, total: bool) -> None:
    bars = walk(2)
    adjusted, findings = checked(bars, EX_DAYS, total=total)

    assert adjusted == bars
    assert len(findings) == 1
    assert "the source has them in its prices already" in findings[0]
    assert ("told as price return is total return" in findings[0]) is not total


def test_a_few_small_dividends_tell_nothing_and_the_word_that_declares_them_holds() -> None:
    one = {DAYS[40]: 0.02}

    for bars in (walk(3), walk(3, dividends=one)):
        adjusted, findings = checked(bars, one, total=True)
        assert findings == []
        assert adjusted[0].close == pytest.approx(bars[0].close * (1 - 0.02 / bars[39].close))


def test_a_dividend_above_the_price_is_an_error_of_scale() -> None:
    adjusted, findings = checked(walk(4), {DAYS[40]: 7_500.0}, total=True)

    assert adjusted == walk(4)
    assert "mend the amount" in findings[0]


@pytest.mark.parametrize("ratio", [1.25, 1.1, 1.05, 0.8])
def test_a_small_split_is_followed_where_prices_show_it_and_not_where_the_source_did(ratio: float) -> None:
    day, bars = DAYS[300], walk(5, night=0.002)
    raw = [
        bar
        if day_of(bar.time) >= day
        else Bar._make((bar.time, *(price * ratio for price in bar[1:5]), bar.volume / ratio))
        for bar in bars
    ]

    for came in (raw, bars):
        found = check(came, symbol="X", interval="1d", sessions=SESSIONS, splits={day: ratio})
        assert [each.close for each in found.bars] == pytest.approx([bar.close for bar in bars])
        assert [each.fault for each in found.findings] == (["split"] if came is raw else [])


def test_a_split_that_an_ordinary_night_hides_is_taken_by_its_word() -> None:
    day, bars = DAYS[300], walk(6, night=0.02)

    found = check(bars, symbol="X", interval="1d", sessions=SESSIONS, splits={day: 1.02})

    assert found.bars[0].close == pytest.approx(bars[0].close / 1.02)


def test_a_backtest_says_which_return_it_is_and_reads_the_file_of_actions(tmp_path: Path) -> None:
    (tmp_path / "bars").mkdir()
    rows = [
        f"{day_of(b.time)},{b.open},{b.high},{b.low},{b.close},{b.volume}" for b in walk(7, dividends=EX_DAYS)
    ]
    for name in ("AAA", "BBB"):
        (tmp_path / "bars" / f"{name}.csv").write_text("\n".join(["date,open,high,low,close,volume", *rows]))
    lines = [f"AAA,{day},dividend,{amount}" for day, amount in EX_DAYS.items()]
    (tmp_path / "actions.csv").write_text("\n".join(["symbol,date,kind,value", *lines]))
    (tmp_path / "universe.toml").write_text('symbols = ["AAA", "BBB"]\n')
    closes = {}
    for returns in ("price", "total"):
        (tmp_path / "trading.toml").write_text(
            f'[data]\nfolder = "bars"\nactions = "actions.csv"\nreturns = "{returns}"\n'
            '[market]\ncalendar = "XNYS"\ncurrency = "USD"\n'
        )
        data = load(
            load_settings(tmp_path / "trading.toml"), log=BotLog("t", "t", mode="backtest"),
            first=DAYS[0] + timedelta(days=1), last=DAYS[-1],
        )  # fmt: skip
        closes[returns] = {symbol: bars[0].close for symbol, bars in data.series.items()}
        expected = {
            "price": f"price return, dividends are not counted (declared: AAA {len(EX_DAYS)})",
            "total": f"total return, declared dividends are reinvested (AAA {len(EX_DAYS)}); "
            "none declared for BBB",
        }
        assert data.returns == expected[returns]

    assert closes["total"]["BBB"] == closes["price"]["BBB"]
    assert closes["total"]["AAA"] < 0.95 * closes["price"]["AAA"]


def test_a_file_of_actions_names_the_line_that_means_nothing(tmp_path: Path) -> None:
    path = tmp_path / "actions.csv"
    for text, words in (
        ("symbol,date,kind\nX,2020-01-02,split\n", "no column value"),
        ("symbol,date,kind,value\nX,2020-13-02,split,2\n", "line 2: '2020-13-02' is no day"),
        ("symbol,date,kind,value\nX,2020-01-02,merger,2\n", "line 2: kind = 'merger'"),
        ("symbol,date,kind,value\nX,2020-01-02,split,0\n", "line 2: value = '0'"),
        (
            "symbol,date,kind,value\nX,2020-01-02,dividend,1\nX,2020-01-02,dividend,1\n",
            "line 3: a second dividend",
        ),
        ("symbol,date,kind,value\n,2020-01-02,split,2\n", "line 2: no symbol"),
    ):
        path.write_text(text)
        with pytest.raises(ActionsError, match=words):
            load_actions(path)

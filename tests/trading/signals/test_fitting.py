"""Parameters beside their market: the year of the calendar, limits made for shares, histories too short."""

from __future__ import annotations

from datetime import date, timedelta
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from trading.bars import Bar
from trading.regime import RegimeRules
from trading.sessions import load_sessions
from trading.signals.engine import SignalEngine
from trading.signals.fitting import Misfit, chosen_params, history_word, mend_of, unfit, year_of
from trading.signals.params import Params, load_params, save_params

DAY_NS = 86_400_000_000_000
FILE = Path("best_params.json")


def only(found: tuple[Misfit, ...]) -> str:
    (misfit,) = found
    return misfit.text


def test_the_year_follows_the_calendar_where_the_file_does_not_say(tmp_path: Path) -> None:
    silent, saying = tmp_path / "silent.json", tmp_path / "saying.json"
    silent.write_text('{"version": 1, "params": {"entry": 1.0}}')
    saying.write_text('{"version": 1, "params": {"periods_per_year": 300.5}}')
    year = year_of("ALWAYS")

    found = [chosen_params(path, year) for path in (tmp_path / "none.json", silent, saying)]

    assert [(params.periods_per_year, params.market.periods_per_year) for params in found] == [
        (365, 365),
        (365, 365),
        (300.5, 300.5),
    ]
    assert chosen_params(tmp_path / "none.json", year_of("XKRX")) == Params()


def test_what_follows_the_calendar_is_saved_and_read_again(tmp_path: Path) -> None:
    params = chosen_params(tmp_path / "none.json", 365.0)

    save_params(tmp_path / "kept.json", params)

    assert load_params(tmp_path / "kept.json") == params


def test_limits_made_for_shares_are_told_where_coins_are_traded_with_what_to_write() -> None:
    shares = chosen_params(FILE, 365.0)

    told = only(unfit(shares, "ALWAYS", 365.0, FILE))

    assert '"max_volatility": 1.2' in told
    assert '"market": {"volatile_from": 0.8, "calm_below": 0.6}' in told
    assert "best_params.json" in told
    assert unfit(Params(), "XNYS", 252.0, FILE) == ()


def test_the_mend_that_is_told_mends_it(tmp_path: Path) -> None:
    told = only(unfit(chosen_params(FILE, 365.0), "ALWAYS", 365.0, FILE))
    mended = tmp_path / "best_params.json"

    mended.write_text(told[told.index('{"version"') :])

    assert unfit(chosen_params(mended, 365.0), "ALWAYS", 365.0, mended) == ()


@pytest.mark.parametrize(("calendar", "wrong"), [("ALWAYS", 252.0), ("XKRX", 365.0)])
def test_the_year_of_another_market_is_told(calendar: str, wrong: float) -> None:
    coins = RegimeRules(volatile_from=0.8, calm_below=0.6)
    params = Params(periods_per_year=wrong, max_volatility=1.5, market=coins)

    told = only(unfit(params, calendar, year_of(calendar), FILE))

    assert told.startswith(f"periods_per_year = {wrong:g}, but {calendar} has about {year_of(calendar):g}")


@settings(max_examples=40, deadline=None)
@given(
    windows=st.lists(st.integers(2, 12), min_size=4, max_size=4),
    market=st.lists(st.integers(2, 12), min_size=3, max_size=3),
)
def test_so_many_sessions_are_needed_and_not_one_more(windows: list[int], market: list[int]) -> None:
    slow, rsi, momentum, volatility = windows
    rules = RegimeRules(trend=market[0], momentum=market[1], volatility=market[2])
    params = Params(fast=2, slow=slow, rsi=rsi, momentum=momentum, volatility=volatility, market=rules)
    engine = SignalEngine(params, ["A"])
    scored, known = [], []

    for n in range(40):
        close = 100.0 + n % 3 + n / 7
        verdict = engine.on_session(
            n * DAY_NS, {"A": Bar(n * DAY_NS, close, close + 1, close - 1, close, 1.0)}, {"A": 1.0}
        )
        (signal,) = verdict.signals
        scored.append(signal.score is not None)
        known.append(verdict.regime is not None)

    assert scored.index(True) + 1 == params.score_sessions
    assert known.index(True) + 1 == params.market_sessions


@pytest.mark.parametrize(
    ("have", "said"),
    [
        (59, "no signal is made and the regime"),
        (60, "signals are made, but the regime"),
        (119, "but"),
        (120, ""),
    ],
)
def test_a_short_history_is_told_by_what_it_is_too_short_for(have: int, said: str) -> None:
    told = history_word(Params(), have, "Mend it.")

    assert said in told
    assert bool(told) == bool(said) == (f"{have} sessions, the parameters need 120" in told)


@settings(max_examples=30, deadline=None)
@given(days=st.integers(1, 200), needed=st.integers(1, 300), calendar=st.sampled_from(["XKRX", "ALWAYS"]))
def test_the_days_that_are_told_are_enough(days: int, needed: int, calendar: str) -> None:
    sessions, last = load_sessions(calendar), date(2025, 11, 6)

    told = mend_of(sessions, last, days, needed)

    enough = len(sessions.between(last - timedelta(days=days), last)) >= needed
    assert ("the source has no more" in told) == enough
    if not enough:
        least = int(told.split("[data] days to ")[1].split()[0])
        assert len(sessions.between(last - timedelta(days=least), last)) >= needed
        assert least > days

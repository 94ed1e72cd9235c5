"""What sales pay to law and exchange: dated rates, the same in every account, nothing where none is named."""

from __future__ import annotations

from datetime import date
from pathlib import Path
from typing import Literal

import pytest

from trading.accounts import Account, Action, fill_at_open
from trading.backtest import run
from trading.backtest.portfolio import run_portfolio
from trading.bars import Bar, time_of
from trading.duties import Duties, DutiesError, duties_of, load_schedules
from trading.market.universe import load_universe
from trading.sessions import load_sessions
from trading.signals.engine import SignalEngine
from trading.signals.params import Params
from trading.strategies import sma_cross

DAYS = load_sessions("XKRX").between(date(2018, 1, 2), date(2026, 6, 30))


def sale(schedule: str, day: date, *, quantity: float = 1.0, price: float = 10_000.0) -> float:
    return duties_of({"X": schedule}).of_sale("X", quantity, price, time_of(day))


@pytest.mark.parametrize(
    ("schedule", "day", "percent"),
    [
        ("KOSPI", date(2019, 5, 29), 0.30),
        ("KOSPI", date(2019, 5, 30), 0.25),
        ("KOSPI", date(2021, 6, 1), 0.23),
        ("KOSPI", date(2023, 6, 1), 0.20),
        ("KOSPI", date(2024, 12, 26), 0.18),
        ("KOSPI", date(2024, 12, 27), 0.15),
        ("KOSPI", date(2026, 1, 2), 0.20),
        ("KOSDAQ", date(2019, 5, 29), 0.30),
        ("KOSDAQ", date(2024, 6, 3), 0.18),
        ("KOSDAQ", date(2025, 6, 2), 0.15),
        ("KOSDAQ", date(2026, 6, 1), 0.20),
        ("KONEX", date(2025, 6, 2), 0.10),
        ("ETF", date(2025, 6, 2), 0.0),
        ("KOSPI", date(2004, 6, 1), 0.0),
    ],
)
def test_a_korean_sale_pays_the_rate_of_its_day(schedule: str, day: date, percent: float) -> None:
    assert sale(schedule, day) == pytest.approx(percent / 100 * 10_000, abs=1e-9)


def test_a_us_sale_pays_by_value_and_by_share_up_to_a_limit() -> None:
    few = sale("US", date(2024, 6, 3), quantity=100, price=200.0)
    many = sale("US", date(2024, 6, 3), quantity=1_000_000, price=1.0)

    assert few == pytest.approx(20_000 * 27.80 / 1e6 + 100 * 0.000166)
    assert many == pytest.approx(27.80 + 8.30)
    assert sale("US", date(2025, 6, 2), quantity=100, price=200.0) == pytest.approx(100 * 0.000166)


@pytest.mark.parametrize("name", ["KOSPI", "KOSDAQ", "KONEX"])
def test_korean_rates_change_with_the_first_sale_that_is_settled_under_the_new_law(name: str) -> None:
    """Two sessions after the sale: the rule behind the days that brokers announced."""
    sessions = load_sessions("XKRX")
    for since in {duty.since for duty in load_schedules()[name].duties if duty.since > date(2019, 1, 1)}:
        settled = sessions.next(sessions.next(since))
        before = sessions.next(sessions.next(sessions.previous(since)))
        law = date(2019, 6, 3) if since.year == 2019 else date(settled.year, 1, 1)

        assert before < law <= settled


def test_a_sale_pays_duties_and_a_purchase_does_not() -> None:
    day = time_of(date(2025, 6, 2))
    bars = {"005930": Bar(day, 60_000.0, 60_000.0, 60_000.0, 60_000.0, 1.0)}
    duties = duties_of({"005930": "KOSPI"})

    def action(kind: Literal["open", "close"]) -> Action:
        return Action(
            symbol="005930", kind=kind, quantity=10, weight_before=0, weight_after=0, price=60_000.0
        )

    bought = fill_at_open(Account(cash=1e6), bars, [action("open")], fee=0.001, duties=duties)
    sold = fill_at_open(bought.account, bars, [action("close")], fee=0.001, duties=duties)

    assert bought.fills[0].fee == pytest.approx(600)
    assert sold.fills[0].fee == pytest.approx(600 + 900)
    assert sold.trades[0].pnl == pytest.approx(-600 - 1500)
    assert sold.account.cash == pytest.approx(1e6 - 2100)
    assert sold.account.fees == pytest.approx(2100)


def closes() -> list[Bar]:
    values = [100 + 20 * ((n // 60) % 2) + 0.3 * (n % 60) for n in range(len(DAYS))]
    return [Bar(time_of(d), c, c + 1, c - 1, c, 1e6) for d, c in zip(DAYS, values, strict=True)]


def test_both_kinds_of_backtest_pay_the_same_and_by_default_what_they_always_paid() -> None:
    bars, rule = closes(), sma_cross(5, 20)
    duties = duties_of({"X": "KOSPI"})

    free = run(bars, rule, cash=1e6, fee=0.001)
    taxed = run(bars, rule, cash=1e6, fee=0.001, duties=duties, symbol="X")

    assert free.equity == run(bars, rule, cash=1e6, fee=0.001, duties=Duties(), symbol="X").equity
    assert [t.entry_time for t in taxed.trades] == [t.entry_time for t in free.trades]
    assert len(taxed.closed) > 5
    for trade in taxed.closed:
        value = trade.quantity * trade.exit_price
        fee = 0.001 * (value + trade.quantity * trade.entry_price)
        assert trade.fees - fee == pytest.approx(
            duties.of_sale("X", trade.quantity, trade.exit_price, trade.exit_time)
        )
    engine = SignalEngine(Params(min_confidence=0.5, entry=0.5, max_volatility=9.0), ["X"])
    portfolio = run_portfolio({"X": bars}, engine, cash=1e6, fee=0.001, duties=duties)
    assert portfolio.closed
    for fill in portfolio.fills:
        due = duties.of_sale("X", fill.quantity, fill.price, fill.time) if fill.side == "sell" else 0.0
        assert fill.fee == pytest.approx(0.001 * fill.quantity * fill.price + due)


def test_a_schedule_nobody_knows_and_a_table_without_sense_are_named(tmp_path: Path) -> None:
    own = tmp_path / "duties.toml"
    for text, word in (
        ("KOSPI = 3", "is no schedule"),
        ("[A]\nduty = [3]", "is no duty"),
        ('[A]\nduty = [{ since = "2020-01-01" }]', "is no day"),
        ("[A]\nduty = [{ since = 2020-01-01T00:00:00 }]", "is no day"),
        ("[A]\nduty = [{ since = 2020-01-01, rate = 15 }]", "fraction below 1"),
        ("[A]\nduty = [{ since = 2020-01-01, rate = nan }]", "number of 0 or more"),
        ("[A]\nduty = [{ since = 2020-01-01, cost = 1 }]", "unknown key 'cost'"),
        ("[A", "no TOML"),
    ):
        own.write_text(text)
        with pytest.raises(DutiesError, match=word):
            duties_of({}, own)
    with pytest.raises(DutiesError, match=r'X: duties = "KOSPY" is no schedule. Write one of KOSPI, KOSDAQ'):
        duties_of({"X": "KOSPY"})


def test_an_own_table_goes_before_the_shipped_one(tmp_path: Path) -> None:
    own = tmp_path / "duties.toml"
    own.write_text('[KOSPI]\nduty = [{ name = "flat", since = 2000-01-01, rate = 0.01 }]\n')

    duties = duties_of({"X": "KOSPI", "Y": "KOSDAQ"}, own)

    assert duties.of_sale("X", 1, 100.0, time_of(date(2025, 6, 2))) == pytest.approx(1.0)
    assert duties.of_sale("Y", 1, 100.0, time_of(date(2025, 6, 2))) == pytest.approx(0.15)


def test_the_universe_names_schedules_and_reports_say_them(tmp_path: Path) -> None:
    (tmp_path / "u.csv").write_text(
        "종목코드,종목명,거래세\n005930,삼성전자,KOSPI\n069500,KODEX 200,ETF\n000660,하이닉스,\n"
    )

    universe = load_universe(tmp_path / "u.csv")
    duties = duties_of({each.symbol: each.duties for each in universe})

    assert [each.duties for each in universe] == ["KOSPI", "ETF", ""]
    assert duties.unnamed(universe.symbols) == ["000660"]
    lines = duties.lines(date(2004, 1, 2))
    assert lines[0].startswith("ETF (069500): Korean ETFs")
    assert lines[1].endswith("; rural tax not known and not taken before 2005-01-03")
    assert "not known" not in duties.lines(date(2010, 1, 4))[1]
    (us,) = duties_of({"SPY": "US"}).lines(date(2015, 1, 2))
    assert us.endswith("; SEC fee not known and not taken before 2018-05-22")

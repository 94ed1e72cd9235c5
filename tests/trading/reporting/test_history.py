"""The account since its start: figures from rows, and nothing made up where there are too few."""

from __future__ import annotations

from datetime import date, timedelta
from pathlib import Path
from typing import Any

import pytest

from tests.trading.reporting.conftest import EQUITY, FIRST
from trading.__main__ import main
from trading.performance import summary
from trading.reporting.facts import NONE, PerformanceFacts, SymbolFacts
from trading.reporting.forms import markdown
from trading.reporting.history import LEAST_SESSIONS, performance_facts
from trading.reporting.performance import performance_page
from trading.sessions import Sessions
from trading.store.store import Store, open_store


def facts_of(store: Store, sessions: Sessions, **options: Any) -> PerformanceFacts:
    return performance_facts(store, sessions, **{"currency": "USD", "made": 0, **options})


def test_the_figures_are_those_of_the_rows(store: Store, xkrx: Sessions) -> None:
    facts = facts_of(store, xkrx)

    assert (facts.since, facts.as_of, facts.sessions) == (FIRST, date(2025, 11, 7), 10)
    assert facts.cash == 100.0
    assert facts.max_drawdown == pytest.approx(90 / 120 - 1)
    assert [value for _, value in facts.equity] == list(EQUITY)
    assert facts.account.equity == 100.0
    assert facts.missed == ()


def test_a_yearly_figure_needs_enough_sessions(store: Store, xkrx: Sessions) -> None:
    few = facts_of(store, xkrx)
    longer(store, xkrx, LEAST_SESSIONS - 10)
    enough = facts_of(store, xkrx)

    assert (few.sharpe, few.cagr, few.volatility) == (NONE, NONE, NONE)
    assert f"Yearly figures need {LEAST_SESSIONS} sessions." in markdown(performance_page(few, "en"))
    expected = summary([value for _, value in enough.equity], start=100.0)
    assert (enough.sharpe, enough.cagr) == (expected.sharpe, expected.cagr)
    assert "Yearly figures" not in markdown(performance_page(enough, "en"))


def test_what_follows_a_regime_belongs_to_the_one_known_before(store: Store, xkrx: Sessions) -> None:
    regimes = facts_of(store, xkrx).regimes

    # The first session had no regime: what came on the second follows nothing known.
    assert [(one.regime, one.sessions) for one in regimes] == [("bull", 8), ("", 1)]
    assert [one.total_return for one in regimes] == pytest.approx([100 / 110 - 1, 0.1])


def test_each_symbol_has_its_signals_and_what_came_of_it(store: Store, xkrx: Sessions) -> None:
    symbols = {one.symbol: one for one in facts_of(store, xkrx).symbols}

    assert symbols["A|B"] == SymbolFacts(symbol="A|B", buys=10, trades=1, wins=1, profit=20.0)
    assert symbols["C"] == SymbolFacts(symbol="C", holds=10, trades=1, profit=-5.0)
    assert symbols["D"] == SymbolFacts(symbol="D", filtered=10, trades=1, profit=0.0)


def test_one_symbol_alone(store: Store, xkrx: Sessions) -> None:
    facts = facts_of(store, xkrx, symbol="C")

    assert {signal.symbol for _, signal in facts.history} == {"C"}
    assert [trade.symbol for trade in facts.trades] == ["C"]
    assert dict(facts.filtered) == {}
    assert len(facts.equity) == 10, "the account is one"


def test_the_newest_signals_come_first(store: Store, xkrx: Sessions) -> None:
    days = [day for day, _ in facts_of(store, xkrx).history]

    assert days == sorted(days, reverse=True)
    assert days[0] == date(2025, 11, 7)


def test_a_session_without_a_row_is_named(store: Store, xkrx: Sessions) -> None:
    longer(store, xkrx, 1, gap=12)
    facts = facts_of(store, xkrx)

    assert len(facts.missed) == 12
    assert facts.missed[0] == date(2025, 11, 10)
    assert "2025-11-10, 2025-11-11, " in markdown(performance_page(facts, "en"))
    assert "2025-11-21 … +2\n" in markdown(performance_page(facts, "en"))


def test_an_empty_store_gives_a_report_that_knows_nothing(tmp_path: Path, xkrx: Sessions) -> None:
    with open_store(tmp_path) as empty:
        facts = facts_of(empty, xkrx)

    text = markdown(performance_page(facts, "en"))
    assert "- Equity: ?\n" in text
    assert "- Sharpe: -\n" in text
    assert "- Win rate: no settled trade\n" in text


def test_rows_in_another_currency_are_counted_only(store: Store, xkrx: Sessions) -> None:
    facts = facts_of(store, xkrx, currency="KRW")

    assert (facts.left_out, facts.equity, facts.trades) == (10, (), ())
    assert "10 sessions in another currency were left out." in markdown(performance_page(facts, "en"))


def test_the_command_writes_the_reports(
    store: Store, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    config = settings(tmp_path)

    assert main(["report", "performance", "--config", config, "--symbol", "A|B", "--language", "en"]) == 0
    assert main(["report", "weekly", "--config", config, "--date", "2025-11-05"]) == 0
    assert main(["report", "daily", "--config", config, "--date", "2025-11-06"]) == 0

    folder = tmp_path / "reports"
    assert "Signals and trades of A\\|B only" in (folder / "performance/performance-A-B.md").read_text(
        "utf-8"
    )
    assert "주간 수익률: -3.85%" in (folder / "weekly/2025-11-09.md").read_text("utf-8")
    assert "평가 자산: 95.00 USD" in (folder / "daily/2025-11-06.md").read_text("utf-8")
    shown = capsys.readouterr().out.splitlines()
    assert {Path(line) for line in shown} == set(folder.glob("*/*"))


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (
            ["daily", "--date", "2025-01-02"],
            "nothing was recorded for the session 2025-01-02. Run `trading daily --as-of",
        ),
        (["performance", "--symbol", "XYZ"], "nothing was ever said of XYZ. Mend --symbol."),
    ],
)
def test_what_is_not_there_is_said_with_its_mend(
    store: Store, tmp_path: Path, capsys: pytest.CaptureFixture[str], arguments: list[str], told: str
) -> None:
    assert main(["report", *arguments, "--config", settings(tmp_path)]) == 2
    assert told in capsys.readouterr().err
    assert not (tmp_path / "reports").exists()


def test_without_a_store_no_store_is_made(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["report", "weekly", "--config", settings(tmp_path)]) == 2
    assert "no store there" in capsys.readouterr().err
    assert not (tmp_path / "store").exists()


def settings(folder: Path) -> str:
    path = folder / "trading.toml"
    path.write_text('[market]\ncurrency = "USD"\n[paths]\nstore = "store"\n', encoding="utf-8")
    return str(path)


def longer(store: Store, sessions: Sessions, count: int, gap: int = 0) -> None:
    (last,) = store.ledger.performance(date(2025, 11, 7), date(2025, 11, 7))
    days = sessions.between(date(2025, 11, 8), date(2025, 11, 8) + timedelta(days=60))[gap : gap + count]
    for index, day in enumerate(days):
        equity = 100.0 + index * (-1) ** index
        row = {**last, "equity": equity, "total_return": equity / 100 - 1}
        store.ledger.save(day, performance=row, positions=[], fills=[], trades=[], state="{}")

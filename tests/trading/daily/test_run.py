"""The daily run as its user sees it: what it does once, and what it leaves."""

from __future__ import annotations

import csv
import json
import sqlite3
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import msgspec
import pytest

from obs.events import Severity
from obs.rules import load as load_rules
from tests.builders import event as log_event
from tests.trading.daily.conftest import Run
from tests.trading.daily.stage import NAMES, Phone, Stage, closes, event, store_of
from trading.backtest.portfolio import run_portfolio
from trading.bars import Bar, time_of
from trading.daily.book import limits_of
from trading.daily.products import Saved
from trading.daily.wording import worded
from trading.reporting.facts import DailyFacts
from trading.sessions import load_sessions
from trading.settings import load_settings
from trading.signals.engine import SignalEngine
from trading.signals.params import load_params

CLOSED = "2025-01-10T15:40+09:00"
DAY = date(2025, 1, 10)


def test_a_session_is_done_once_with_rows_reports_and_messages(stage: Stage, run: Run, heard: Phone) -> None:
    first = run(CLOSED)

    assert first.code == 0, first.text
    assert heard.titles() == ["[장마감] 매매 신호 알림 2025-01-10", "🔄 리밸런싱 안내 2025-01-10"]
    assert all("2025-01-10" in line for line in first.lines if line.startswith(("as of", "Done")))
    with store_of(stage) as store:
        assert [(step["number"], step["status"]) for step in store.journal.steps(DAY)] == [
            (number, "done") for number in range(1, 11)
        ]
        signals, (performance,) = store.signals.signals(DAY), store.ledger.performance()
        facts = msgspec.json.decode(store.signals.facts(DAY) or "", type=DailyFacts)
    assert {signal["symbol"] for signal in signals} <= set(NAMES)
    assert performance["session"] == "2025-01-10"
    assert performance["signals"] == len(signals) == len(facts.signals) > 0
    with (stage.reports / "realtime" / "signals_2025-01-10.csv").open(encoding="utf-8-sig") as file:
        rows = list(csv.DictReader(file))
    assert [(row["date"], row["symbol"], row["name"]) for row in rows] == [
        ("2025-01-10", signal.symbol, signal.name) for signal in facts.signals
    ]
    assert [float(row["weight"]) for row in rows] == [signal.weight for signal in facts.signals]
    for suffix in ("md", "html"):
        assert "2025-01-10" in (stage.reports / "daily" / f"2025-01-10.{suffix}").read_text("utf-8")

    second = run("2025-01-10T16:40+09:00")

    assert second.code == 0
    assert second.lines[-1].startswith("2025-01-10 is done: nothing to do.")
    assert len(heard.messages) == 2


def test_a_history_too_short_for_the_parameters_is_told_with_its_mend(stage: Stage, run: Run) -> None:
    stage.set("data", days=60)

    ran = run(CLOSED)

    (step,) = [line for line in ran.lines if "3/10 signals" in line]
    assert "the history is too short: 42 sessions, the parameters need 120" in step
    assert "Set [data] days to 200 or more (it is 60)." in step
    with store_of(stage) as store:
        facts = msgspec.json.decode(store.signals.facts(DAY) or "", type=DailyFacts)
    (finding,) = [each for each in facts.findings if each.kind == "short"]
    assert (finding.action, finding.count) == ("kept", 42)
    assert "기간 부족" in (stage.reports / "daily" / "2025-01-10.md").read_text("utf-8")
    (event_,) = [
        vars(record)
        for record in ran.records
        if event(record) == "data.checked" and getattr(record, "data.fault", "") == "short"
    ]
    assert (event_["levelname"], event_["sample.count"], event_["value"]) == ("WARNING", 42, 120)


def test_amounts_on_the_console_have_their_currency(stage: Stage, run: Run) -> None:
    ran = run(CLOSED)

    (step,) = [line for line in ran.lines if "4/10 summary" in line]
    assert "equity 10,000,000 KRW, cash 10,000,000 KRW" in step
    assert not any("too short" in line or "Look out" in line for line in ran.lines)


def test_limits_made_for_shares_are_told_once_where_coins_are_traded(stage: Stage, run: Run) -> None:
    stage.set("market", calendar="ALWAYS", currency="USD")
    # What trades on weekdays alone is told as missing its weekends; here it is enough that the step is done.
    ran = run("2025-01-11T01:00+00:00", as_of=DAY)

    (step,) = [line for line in ran.lines if "2/10 params" in line]
    logged = [record.getMessage() for record in ran.records if "parameters:" in record.getMessage()]
    assert '"max_volatility": 1.2, "market": {"volatile_from": 0.8, "calm_below": 0.6}' in step
    assert len(logged) == 1
    assert load_rules().match(log_event(logged[0], severity=Severity.WARN)) == ()


def test_on_a_holiday_it_says_so_and_does_nothing(stage: Stage, run: Run, heard: Phone) -> None:
    ran = run("2025-01-01T15:40+09:00")

    assert ran.code == 0
    assert ran.lines[1].startswith(
        "2025-01-01 is no session of XKRX (New Year's Day). The next one, 2025-01-02, closes at 2025-01-02"
    )
    assert heard.messages == []
    assert not stage.reports.exists()
    with store_of(stage) as store:
        assert store.journal.runs() == []


def test_day_by_day_the_account_is_that_of_a_backtest(
    stage: Stage, run: Run, history: dict[str, list[Bar]]
) -> None:
    days = load_sessions("XKRX").between(date(2024, 12, 16), DAY)
    for day in days:
        assert run(closes(day)).code == 0

    settings = load_settings(stage.folder / "trading.toml")
    params = load_params(settings.signals.params)
    account = settings.account
    test = run_portfolio(
        history,
        SignalEngine(params, list(history)),
        cash=account.cash,
        fee=account.fee,
        slippage=account.slippage,
        limits=limits_of(account),
        band=account.band,
        lots=dict.fromkeys(history, 1.0),
        start=time_of(days[0]),
    )
    with store_of(stage) as store:
        facts = [msgspec.json.decode(store.signals.facts(day) or "", type=DailyFacts) for day in days]
        rows, fills = store.ledger.performance(), store.ledger.fills()
        trades, last = store.ledger.trades(), store.ledger.positions(DAY)
    assert [row["equity"] for row in rows] == pytest.approx(test.equity, rel=1e-9)
    assert [(fill["symbol"], fill["side"], fill["quantity"]) for fill in fills] == [
        (fill.symbol, fill.side, fill.quantity) for fill in test.fills
    ]
    assert [trade["profit"] for trade in trades] == pytest.approx(
        [trade.pnl for trade in test.closed], rel=1e-9
    )
    assert {row["symbol"]: row["quantity"] for row in last} == {
        trade.symbol: trade.quantity for trade in test.trades if trade.is_open
    }
    assert test.fills
    # What a session calls the regime before it is what the run before it said.
    assert [each.regime_before for each in facts[1:]] == [each.regime for each in facts[:-1]]
    assert len({each.regime for each in facts}) > 1


def test_missed_sessions_are_caught_up_and_named_in_one_message(stage: Stage, run: Run, heard: Phone) -> None:
    run("2025-01-07T15:40+09:00")
    before = len(heard.messages)

    ran = run(CLOSED)

    assert ran.code == 0, ran.text
    assert "Missed before it, and caught up first: 2025-01-08, 2025-01-09." in ran.lines
    titles = heard.titles()[before:]
    assert [title for title in titles if "매매 신호" in title] == ["[장마감] 매매 신호 알림 2025-01-10"]
    daily = next(message for message in heard.messages[before:] if "매매 신호" in message["title"])
    assert "2025-01-08, 2025-01-09" in daily["message"]
    with store_of(stage) as store:
        assert [row["session"] for row in store.ledger.performance()] == [
            "2025-01-07",
            "2025-01-08",
            "2025-01-09",
            "2025-01-10",
        ]
        assert {row["session"]: row["told_with"] for row in store.journal.runs()} == {
            "2025-01-07": "",
            "2025-01-08": "2025-01-10",
            "2025-01-09": "2025-01-10",
            "2025-01-10": "",
        }
    assert sorted(path.stem for path in (stage.reports / "daily").glob("*.md")) == [
        "2025-01-07",
        "2025-01-08",
        "2025-01-09",
        "2025-01-10",
    ]


def test_caught_up_or_day_by_day_the_numbers_are_the_same(
    stage: Stage, run: Run, tmp_path: Path, heard: Phone
) -> None:
    other = stage.copied(tmp_path / "other", heard.port)
    for day in load_sessions("XKRX").between(date(2025, 1, 3), DAY):
        assert run(closes(day)).code == 0
    other.run(now="2025-01-03T15:40+09:00")
    other.run(now=CLOSED)

    with store_of(stage) as daily, store_of(other) as caught:
        for table in ("performance", "fills", "trades"):
            rows = [getattr(each.ledger, table)() for each in (daily, caught)]
            assert [untimed(row) for row in rows[0]] == [untimed(row) for row in rows[1]]
        assert daily.ledger.performance()[-1]["session"] == "2025-01-10"


def untimed(row: dict[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in row.items() if key != "made_ns"}


def test_again_replaces_rows_and_reports_and_sends_nothing(stage: Stage, run: Run, heard: Phone) -> None:
    run("2025-01-09T15:40+09:00")
    run(CLOSED)
    before = len(heard.messages)
    with store_of(stage) as store:
        rows = [untimed(row) for row in store.ledger.performance()]
    report = stage.reports / "daily" / "2025-01-09.md"
    report.unlink()

    ran = run("2025-01-10T18:00+09:00", as_of=date(2025, 1, 9), again=True)

    assert ran.code == 0, ran.text
    assert len(heard.messages) == before
    assert report.exists()
    with store_of(stage) as store:
        assert [untimed(row) for row in store.ledger.performance()] == rows
        assert len(store.journal.runs()) == 2


def test_what_the_universe_no_longer_names_is_sold_at_its_next_open(
    stage: Stage, run: Run, history: dict[str, list[Bar]]
) -> None:
    for day in load_sessions("XKRX").between(date(2025, 1, 6), date(2025, 1, 8)):
        run(closes(day))
    with store_of(stage) as store:
        symbol = store.ledger.positions(date(2025, 1, 8))[0]["symbol"]
    universe = stage.folder / "universe.toml"
    blocks = universe.read_text("utf-8").split("[[instrument]]")
    universe.write_text("[[instrument]]".join(block for block in blocks if symbol not in block), "utf-8")

    for day in (date(2025, 1, 9), DAY):
        assert run(closes(day)).code == 0

    with store_of(stage) as store:
        sold = [fill for fill in store.ledger.fills(DAY, DAY) if fill["symbol"] == symbol]
        decided = {row["symbol"]: row for row in store.signals.actions(date(2025, 1, 9))}
    bar = next(bar for bar in history[symbol] if bar.time == time_of(DAY))
    assert decided[symbol]["kind"] == "close"
    assert decided[symbol]["reason"] == "no longer among the symbols"
    assert [(fill["side"], fill["price"]) for fill in sold] == [
        ("sell", pytest.approx(bar.open * (1 - 0.0005)))
    ]


def test_the_account_is_told_in_the_words_of_the_vocabulary(stage: Stage, run: Run) -> None:
    from trading.logs import COMMON, EVENTS

    records = []
    for day in load_sessions("XKRX").between(date(2025, 1, 2), DAY):
        records += run(closes(day)).records

    told = [record for record in records if event(record)]
    assert {"signal.generated", "equity.measured", "order.filled", "position.opened", "position.changed"} <= {
        event(record) for record in told
    }
    for record in told:
        word = EVENTS[event(record)]
        given = {
            key for key in vars(record) if "." in key or key in ("symbol", "currency", "equity", "regime")
        }
        assert given <= word.attributes | COMMON, (event(record), given - word.attributes)
        assert vars(record)["bot.id"] == "daily"


def test_a_split_between_two_sessions_leaves_the_equity_alone(
    stage: Stage, run: Run, history: dict[str, list[Bar]]
) -> None:
    for day in load_sessions("XKRX").between(date(2025, 1, 6), date(2025, 1, 9)):
        run(closes(day))
    with store_of(stage) as store:
        held = [row["symbol"] for row in store.ledger.positions(date(2025, 1, 9))]
    symbol = held[0]
    # An adjusted source rewrites the whole history of a share that was split in two.
    halved = [
        Bar(bar.time, bar.open / 2, bar.high / 2, bar.low / 2, bar.close / 2, bar.volume * 2)
        for bar in history[symbol]
    ]
    stage.put({**history, symbol: halved})

    ran = run(CLOSED)

    assert ran.code == 0, ran.text
    with store_of(stage) as store:
        before, after = store.ledger.performance()[-2:]
        facts = msgspec.json.decode(store.signals.facts(DAY) or "", type=DailyFacts)
        quantities = [
            {row["symbol"]: row["quantity"] for row in store.ledger.positions(day)}[symbol]
            for day in (date(2025, 1, 9), DAY)
        ]
    assert abs(after["equity"] / before["equity"] - 1) < 0.03
    assert quantities[1] >= quantities[0] * 1.8
    assert [finding.kind for finding in facts.findings if finding.symbol == symbol] == ["split"]


def test_the_journal_can_be_read_by_any_shell_of_sqlite(stage: Stage, run: Run) -> None:
    run(CLOSED)

    with sqlite3.connect(stage.store / "signals.db") as raw:
        rows = raw.execute("SELECT step, produced FROM run_steps ORDER BY number").fetchall()
    raw.close()

    produced = {step: json.loads(text) for step, text in rows}
    assert produced["as-of"]["as_of"] == "2025-01-10"
    assert produced["params"]["document"]["params"]["entry"] == 1.0
    assert produced["csv"]["path"].endswith("signals_2025-01-10.csv")
    assert [sent["state"] for sent in produced["notification"]["messages"]] == ["sent", "sent"]


def test_what_is_called_days_is_enough_for_every_window() -> None:
    # 120 sessions of the regime's mean and its confirmation must fit into the default look-back.
    sessions = load_sessions("XKRX")
    seen = sessions.between(DAY - timedelta(days=400), DAY)

    assert len(seen) > 120 + 60


def test_one_thing_is_told_as_one() -> None:
    saved = worded(Saved(signals=1, filtered=0, actions=2), "USD")

    assert saved == "1 signal, 0 filtered, 2 actions"

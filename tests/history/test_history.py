"""What is stored of events, money and models, and what can be asked of it: on both databases."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from decimal import Decimal
from pathlib import Path

import pytest

from obs.events import ExceptionInfo, Severity
from obs.history.chronicle import MOST_TROUBLE, Chronicle
from obs.history.queries import History, HistoryError
from obs.keeping.store import Change, Store, StoreTakenError
from tests.history.rows import DAY, MINUTE, NOON, call, credit, event, filled, tell, trade
from tests.history.rows import store as keep


@pytest.fixture
def opened(where: Path | str) -> Iterator[Store]:
    with Store(where) as store:
        yield store


@pytest.fixture
def history(where: Path | str, opened: Store) -> Iterator[History]:
    with closing(History(where)) as found:
        yield found


def test_records_are_counted_by_minute_part_and_severity_exactly(opened: Store, history: History) -> None:
    chronicle = Chronicle(clock=lambda: NOON)
    tell(chronicle, *(event(number) for number in range(7)), event(8, severity=Severity.ERROR))
    chronicle.counted([NOON, NOON + 5, NOON + MINUTE], Severity.INFO, "bot.core", "grid")
    keep(opened, chronicle)
    chronicle.counted([NOON + 1], Severity.INFO, "bot.core", "grid")
    keep(opened, chronicle)

    points = history.series(1, now=NOON + 2 * MINUTE)

    assert [(point.time, point.counts) for point in points] == [
        (NOON, {"INFO": 10, "ERROR": 1}),
        (NOON + MINUTE, {"INFO": 1}),
    ]
    assert history.series(1, now=NOON + 2 * MINUTE, minutes=60)[0].counts == {"INFO": 11, "ERROR": 1}
    assert history.series(1, now=NOON, service="other") == []


def test_search_finds_words_phrases_and_beginnings_newest_first(opened: Store, history: History) -> None:
    thrown = ExceptionInfo(type="ccxt.InsufficientFunds", message="margin too low")
    filled(
        opened,
        event(1, "order rejected: insufficient balance", severity=Severity.ERROR),
        event(2, "order 42 filled", event_name="order.filled", attributes={"symbol": "BTC/USDT"}),
        event(3, "잔고가 부족합니다", severity=Severity.WARN),
        event(4, "cannot place it", severity=Severity.ERROR, exception=thrown),
        event(5, "sell ETH/USDT: done", event_name="order.filled", attributes={"symbol": "ETH/USDT"}),
    )

    def found(text: str) -> list[int]:
        return [int(row.uid.partition("-")[2]) for row in history.search(text)]

    assert found("order") == [2, 1]
    assert found("ORDER insufficient") == [1]
    assert found("BTC/USDT") == [2]
    assert found('"usdt done"') == [5]
    assert found("insuff*") == [4, 1]
    assert found("order -filled") == [1]
    assert found("ccxt.InsufficientFunds") == [4]
    assert found("잔고") == [3]
    assert found("-order") == []
    assert found("nowhere") == []
    assert found("") == [5, 4, 3, 2, 1]


@pytest.mark.parametrize(
    "text",
    ['"', "'); DROP TABLE exemplars; --", "a OR NEAR(b", "* *", "body:x", "a\0b", "((", "!& |", "\ud800"],
)
def test_no_text_breaks_the_search(opened: Store, history: History, text: str) -> None:
    filled(opened, event(1, "something"))

    assert history.search(text) in ([], history.search(""))


def test_search_narrows_by_bot_part_severity_word_issue_and_time(opened: Store, history: History) -> None:
    filled(
        opened,
        event(1, "first word", severity=Severity.ERROR, service="other"),
        event(2, "second word", event_name="order.filled", at=NOON + DAY),
        event(3, "third word", severity=Severity.WARN, logger="bot.risk"),
    )
    filled(opened, event(4, "fourth word", severity=Severity.ERROR), issue="abcdef0123456789")

    def found(**narrow: object) -> list[int]:
        by_words = [row.seq for row in history.search("word", **narrow)]  # type: ignore[arg-type]
        rows = history.search(**narrow)  # type: ignore[arg-type]
        assert [row.seq for row in rows] == by_words
        return [int(row.uid.partition("-")[2]) for row in rows]

    assert found(service="other") == [1]
    assert found(component="bot.risk") == [3]
    assert found(least_severity=Severity.ERROR) == [4, 1]
    assert found(least_severity=Severity.WARN, service="grid") == [4, 3]
    assert found(event_name="order.filled") == [2]
    assert found(event_name="order.*") == [2]
    assert found(fingerprint="abcdef") == [4]
    assert found(since=NOON + DAY) == [2]
    assert found(until=NOON + DAY, least_severity=Severity.ERROR) == [4, 1]
    assert found(since=NOON + 2 * DAY) == []


def test_pages_follow_one_another_without_gap_or_double(opened: Store, history: History) -> None:
    for start in range(0, 40, 10):
        filled_ = [
            event(number, f"word {number}", event_name="order.filled") for number in range(start, start + 10)
        ]
        chronicle = Chronicle(number=start, clock=lambda: NOON)
        tell(chronicle, *filled_)
        keep(opened, chronicle)

    seen: list[int] = []
    before = None
    while rows := history.search("word", limit=7, before_seq=before):
        seen += [row.seq for row in rows]
        before = rows[-1].seq

    assert len(seen) == 40
    assert seen == sorted(seen, reverse=True)
    assert [row.seq for row in history.search("word", after_seq=seen[5])] == seen[:5]


def test_an_event_is_looked_up_by_its_short_id(opened: Store, history: History) -> None:
    filled(opened, event(1, "needle", event_name="order.filled", attributes={"order.id": "42"}))
    (row,) = history.search("needle")

    found = history.event(row.id)

    assert found == row
    assert '"order.id":"42"' in row.detail
    assert history.event("00000000") is None


def test_a_batch_that_comes_twice_is_written_once(opened: Store, history: History) -> None:
    """Fault 37: the answer to a commit was lost, and the same batch comes again with what followed."""
    chronicle = Chronicle(clock=lambda: NOON)
    tell(chronicle, trade(1, "10.10"), call(2, "0.25"), credit(3, 1, "analyst", "10.10"), event(4))
    opened.save(Change(rows=chronicle.pending()))
    tell(chronicle, trade(5, "-0.10"), call(6, "0.05"))

    opened.save(Change(rows=chronicle.pending()))
    chronicle.stored()
    keep(opened, chronicle)

    totals = history.totals()
    assert (totals.trades, totals.pnl, totals.calls, totals.cost) == (
        2,
        {"USDT": Decimal("10.00")},
        2,
        {"USD": Decimal("0.30")},
    )
    assert history.coverage().counted == 6
    (first, second) = history.agent_days(agent="analyst")
    assert (first["contribution"], first["trades"], second["cost"], second["calls"]) == (
        "10.10",
        1,
        "0.30",
        2,
    )


def test_an_event_that_comes_twice_under_one_id_counts_once(opened: Store, history: History) -> None:
    filled(opened, trade(1, "5"), call(2, "0.5"))
    chronicle = Chronicle(number=1, clock=lambda: NOON)

    tell(chronicle, trade(1, "5"), call(2, "0.5"), call(2, "0.5"), credit(3, 1, "analyst", "5"))
    keep(opened, chronicle)

    totals = history.totals()
    assert (totals.trades, totals.pnl, totals.calls, totals.cost) == (
        1,
        {"USDT": Decimal(5)},
        1,
        {"USD": Decimal("0.5")},
    )
    assert sum(row["calls"] for row in history.agent_days()) == 1
    assert sum(row["calls"] for row in history.model_days()) == 1


def test_sums_are_exact_and_never_cross_currencies(opened: Store, history: History) -> None:
    big, small = "123456789012.1", "0.000000000000000001"
    filled(
        opened,
        trade(1, big),
        trade(2, small),
        trade(3, "-3000", "KRW"),
        *(trade(n, "0.1") for n in (4, 5, 6)),
    )

    assert history.totals().pnl == {
        "KRW": Decimal(-3000),
        "USDT": Decimal("123456789012.400000000000000001"),
    }


def test_a_trade_shows_what_its_agents_are_credited_with(opened: Store, history: History) -> None:
    filled(
        opened, credit(1, 9, "analyst", "7.5"), credit(2, 9, "risk", "-0.5"), trade(9, "7.0"), trade(10, "1")
    )

    plain, credited = history.trades(service="grid")

    assert (plain["trade"], plain["contributions"]) == ("t10", [])
    assert [(one["agent"], one["amount"]) for one in credited["contributions"]] == [
        ("analyst", "7.5"),
        ("risk", "-0.5"),
    ]
    assert history.trades(since=NOON + DAY) == []
    assert history.trades(kind="opened") == []


def test_an_unpriced_call_is_not_a_free_one(opened: Store, history: History) -> None:
    filled(opened, call(1, ""), call(2, "0.10"))

    priced, unpriced = history.llm_calls()

    assert (priced["cost"], unpriced["cost"], unpriced["basis"]) == ("0.10", None, "unpriced")
    (day,) = history.model_days(model="own-model")
    assert (day["calls"], day["unpriced"], day["cost"], day["timed"], day["duration_ms"]) == (
        2,
        1,
        "0.10",
        2,
        500.0,
    )


def test_a_model_that_an_agent_turns_to_is_a_change_and_going_to_and_fro_is_not(
    opened: Store, history: History
) -> None:
    chronicle = Chronicle(clock=lambda: NOON)
    for number, model in enumerate(("old", "old", "new", "old", "new")):
        tell(chronicle, call(number, "0.1", model=model, at=NOON + number * MINUTE))
        keep(opened, chronicle)
    tell(chronicle, call(10, "0.1", model="new", at=NOON + DAY // 2 + MINUTE))
    tell(chronicle, call(11, "0.1", model="old", at=NOON + 3 * DAY))
    keep(opened, chronicle)

    changes = [
        (one["model"], one["previous"], one["changed_at"]) for one in history.model_changes(agent="analyst")
    ]

    assert changes == [
        ("old", "new", NOON + 3 * DAY),
        ("new", "old", NOON + 2 * MINUTE),
        ("old", "", NOON),
    ]


def test_days_are_those_of_the_zone(opened: Store, history: History) -> None:
    chronicle = Chronicle(zone="Asia/Seoul", clock=lambda: NOON)
    tell(chronicle, call(1, "0.1", at=NOON + 2 * 60 * MINUTE), call(2, "0.1", at=NOON + 4 * 60 * MINUTE))
    keep(opened, chronicle)

    assert [row["day"] for row in history.agent_days()] == ["2025-11-20", "2025-11-21"]
    assert history.agent_days(first="2025-11-21")[0]["calls"] == 1


def test_trouble_is_kept_up_to_a_bound_and_counted_beyond_it(opened: Store, history: History) -> None:
    failing = [event(number, f"failed {number}", severity=Severity.ERROR) for number in range(500)]
    filled(opened, *failing, issue="aaaaaaaaaaaaaaaa")

    covered = history.coverage()

    assert (covered.counted, covered.kept, covered.oldest) == (500, MOST_TROUBLE, NOON)


def test_of_quiet_records_the_first_of_each_kind_are_kept(opened: Store, history: History) -> None:
    filled(
        opened,
        *(event(number, f"waiting for candles {number}") for number in range(100)),
        *(event(number, f"equity is {number}") for number in range(100, 200)),
        *(event(number, f"waiting for candles {number}", at=NOON + MINUTE) for number in range(200, 300)),
    )

    kept = [row.body for row in reversed(history.search())]

    assert kept == [
        "waiting for candles 0",
        "waiting for candles 1",
        "equity is 100",
        "equity is 101",
        "waiting for candles 200",
        "waiting for candles 201",
    ]


@pytest.mark.parametrize("body", ["a\0b", "lone \ud800 surrogate", "x" * 100_000, "\x1b[31m", "'; --", ""])
def test_hostile_text_costs_nobody_else(opened: Store, history: History, body: str) -> None:
    """Faults 8 and 29: one NUL would end a whole batch on PostgreSQL."""
    hostile = {"order.id": body[:50], "n\0": 2**70, "nan": float("nan"), "deep": {"a": [body[:10]] * 3}}
    filled(
        opened,
        event(1, "before", event_name="order.filled"),
        event(2, body, event_name="order.filled", attributes=hostile, uid="u\0" + "x" * 500),
        call(3, "0.5", agent=body[:40] or "agent", model="m\0"),
        trade(4, "1e400" if body else "1", service="bot\0" + body[:9]),
        event(5, "after", event_name="order.filled"),
    )

    assert [row.body for row in history.search("before")] == ["before"]
    assert [row.body for row in history.search("after")] == ["after"]
    assert history.coverage().counted == history.coverage().kept == 5
    assert (history.totals().trades, history.totals().calls) == (1, 1)


def test_records_of_files_have_no_id_and_are_told_apart(opened: Store, history: History) -> None:
    lines = [event(number, "order placed", uid="", event_name="order.submitted") for number in range(3)]
    filled(opened, *lines)
    chronicle = Chronicle(number=1, clock=lambda: NOON)

    tell(chronicle, *lines)
    keep(opened, chronicle)

    assert history.coverage().kept == 3


def test_who_lost_the_store_writes_no_rows(opened: Store, history: History) -> None:
    """Fault 30: neither State nor rows of a sidecar that was thought dead."""
    opened.claim("successor")
    chronicle = Chronicle(clock=lambda: NOON)
    tell(chronicle, trade(1, "5"))

    with pytest.raises(StoreTakenError):
        opened.save(Change(state=b"late", rows=chronicle.pending(), owner="sleeper"))

    assert history.totals().trades == 0


def test_a_store_that_is_not_there_is_said(tmp_path: Path) -> None:
    with pytest.raises(HistoryError, match=r"obs\.db holds no history yet .*: start `obs up`"):
        History(tmp_path / "obs.db").search()

"""A bot that watches itself: what it tells, what it does on a bad day, whose work its trades are."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from obs import rules
from obs.events import Event, Severity
from tests.trading.conftest import START_NS, Run
from tests.trading.paper.test_deciding import D, bars, played, said, scripted
from trading.logs import BotLog
from trading.paper import guard, vitals
from trading.paper.fleet import FLEET
from trading.paper.vitals import memory_bytes, memory_limit
from trading.protections import Anomaly, Thresholds
from trading.risk import TrailingStop
from trading.signals.signal import Signal

DAY_NS = 86_400_000_000_000
FAR = TrailingStop(D("0.9"), D("0.5"))
"""A stop that no price of these days reaches."""


def crash_day() -> tuple[Any, list[dict[str, Any]]]:
    """Play a day that falls by a fifth while nearly everything is held, and the first hours of the next."""
    crash = [100.0, 101.0, 100.9, 80.0, 79.0, 78.0, *[78.0] * 600, 90.0, 90.0, 91.0, 91.0]
    signals = {
        101.0: Signal("buy", 0.9, "in"),
        79.0: Signal("buy", 0.9, "more", price=70.0),
        90.0: Signal("sell", 0.9, "out"),
        91.0: Signal("buy", 0.9, "in again"),
    }
    config = scripted(signals, unit=D(2), stop=FAR, patience_s=1e6, min_confidence=0.5)
    return played(config, {"BTC/USD": bars([100.0] * 60 + crash, volume=1e6)}, len(crash) - 1)


@pytest.fixture(scope="module")
def crashed() -> tuple[Any, list[dict[str, Any]]]:
    return crash_day()


def test_a_day_that_loses_a_tenth_trips_the_breaker_once_and_the_next_day_resets_it(
    crashed: tuple[Any, list[dict[str, Any]]],
) -> None:
    bot, events = crashed

    (tripped,), (reset,) = said(events, "circuit_breaker.tripped"), said(events, "circuit_breaker.reset")
    changes = [
        (e["bot.state.previous"], e["bot.state"], e["actor"]) for e in said(events, "bot.state_changed")
    ]

    assert tripped["levelname"] == "CRITICAL"
    assert D(tripped["loss.ratio"]) >= D("0.10") == D(tripped["threshold"])
    assert D(tripped["equity.day_start"]) == bot.day_start
    assert tripped["until"] == (START_NS // DAY_NS + 1) * DAY_NS
    assert reset["created"] * 1e9 >= tripped["until"]
    assert changes == [("running", "reducing", "breaker"), ("reducing", "running", "breaker")]
    assert bot.state == "running"
    daily = [e["event_name"] for e in events if e.get("anomaly.kind") == "daily_loss"]
    assert daily == ["anomaly.detected", "anomaly.cleared"]


def test_the_new_day_counts_its_result_from_its_own_first_equity(
    crashed: tuple[Any, list[dict[str, Any]]],
) -> None:
    _, events = crashed
    midnight = (START_NS // DAY_NS + 1) * DAY_NS / 1e9

    before = [e for e in said(events, "equity.measured") if e["created"] < midnight]
    after = [e for e in said(events, "equity.measured") if e["created"] >= midnight]

    assert D(before[-1]["pnl.day"]) < -30
    assert D(after[0]["pnl.day"]) == 0
    assert after[0]["equity.day_start"] == after[0]["equity"]
    assert after[0]["equity.peak"] == before[-1]["equity.peak"]


def test_a_tripped_bot_takes_its_purchases_back_and_buys_nothing_more_that_day() -> None:
    closes = [100.0, 101.0, 101.5, 101.4, 85.0, 84.0, 83.0, 83.5, 83.6, 83.7]
    signals = {
        101.0: Signal("buy", 0.9, "in"),
        101.4: Signal("buy", 0.9, "lower", price=30.0),
        83.0: Signal("buy", 0.9, "after the fall"),
    }
    config = scripted(
        signals, unit=D(2), stop=FAR, sells_units=True, patience_s=1e6,
        thresholds=Thresholds(daily_loss=D("0.05")),
    )  # fmt: skip

    _, events = played(config, {"BTC/USD": bars([100.0] * 60 + closes, volume=1e6)}, len(closes) - 1)

    (tripped,) = said(events, "circuit_breaker.tripped")
    canceled = [e["reason"] for e in said(events, "order.canceled") if e["order.side"] == "buy"]
    denied = [e for e in said(events, "order.denied") if e["created"] > tripped["created"]]
    assert canceled == ["breaker"]
    assert [e["reason"] for e in denied] == ["reducing"]
    bought = [e for e in said(events, "order.filled") if e["order.side"] == "buy"]
    assert all(e["created"] < tripped["created"] for e in bought)


def test_the_outage_of_the_demo_is_one_anomaly_for_each_bot_that_it_meets(faulty: Run) -> None:
    begun = faulty.events("anomaly.detected")
    over = faulty.events("anomaly.cleared")

    assert {(e["anomaly.kind"], e["bot.id"]) for e in begun} == {
        ("api_errors", "grid-1"),
        ("api_errors", "momo-2"),
        ("api_errors", "meanrev-3"),
    }
    assert all(0.30 <= e["value"] <= 1 and e["sample.count"] >= 10 for e in begun)
    assert {e["anomaly.id"] for e in over} <= {e["anomaly.id"] for e in begun}
    assert Counter(e["bot.id"] for e in begun) == Counter(["grid-1", "momo-2", "meanrev-3"])


def test_a_healthy_run_has_no_anomaly(healthy: Run) -> None:
    assert healthy.events("anomaly.detected") == []


def test_whose_work_the_trades_are_adds_up_to_their_results(healthy: Run) -> None:
    for bot_id in FLEET:
        # What was taken over at the start and fell into its stop was nobody's idea.
        trades = [
            (e["trade.id"], e["pnl.net"])
            for e in healthy.events("trade.closed", bot_id)
            if "decision.id" in e or e["exit.reason"] == "signal"
        ]
        told = healthy.events("attribution.computed", bot_id)

        assert [(e["trade.id"], e["contribution"]) for e in told] == trades
    agents = {e["agent.name"] for e in healthy.events("attribution.computed", "news-4")}
    assert agents == {"news-analyst"}


def test_what_was_taken_over_and_stopped_out_is_nobodys_work() -> None:
    config = replace(
        scripted({}, held=D(10), stop=TrailingStop(D("0.01"), D("0.001"))), venue=FLEET["grid-1"].venue
    )
    closes = [100.0, 100.0, 90.0, 90.0, 90.0]

    _, events = played(config, {"BTC/USD": bars([100.0] * 60 + closes, volume=1e6)}, 4)

    (trade,) = said(events, "trade.closed")
    assert trade["exit.reason"] == "stop_loss"
    assert "decision.id" not in trade
    assert said(events, "attribution.computed") == []


def test_an_anomaly_of_a_kind_that_nobody_judges_is_still_read() -> None:
    event = Event(
        timestamp=START_NS, severity=Severity.ERROR, body="order rejected: anomaly in the book",
        event_name="anomaly.detected", attributes={"anomaly.kind": "of_its_own"},
    )  # fmt: skip

    assert rules.load().match(event)


def test_no_rule_for_logs_takes_the_words_of_an_anomaly_for_a_fault() -> None:
    """The event is known by its name; its words must not make a second issue of it."""
    known = rules.load()
    for kind in guard._WORDS:
        one = Anomaly(kind, "BTC/USD", "high", Decimal("0.4"), Decimal("0.3"), 300, 20)
        for words in ("threshold passed: %s", "back within bounds: %s"):
            event = Event(
                timestamp=START_NS,
                severity=Severity.ERROR,
                body=words % guard._words(one),
                event_name="anomaly.detected",
                attributes={"anomaly.kind": kind},
            )
            assert [match.rule.id for match in known.match(event)] == [], kind


def test_a_heartbeat_says_the_memory_that_the_process_uses(healthy: Run) -> None:
    used = {e["process.memory.usage"] for e in healthy.events("heartbeat")}

    assert all(1_000_000 < one < 100_000_000_000 for one in used)
    assert abs(max(used) - (memory_bytes() or 0)) < 1_000_000_000


def test_a_limit_that_is_none_is_not_told(tmp_path: Path) -> None:
    for name, text in (("max", "max\n"), ("huge", "9223372036854771712\n"), ("some", "536870912\n")):
        (tmp_path / name).write_text(text)

    assert memory_limit((tmp_path / "max",)) is None
    assert memory_limit((tmp_path / "huge",)) is None
    assert memory_limit((tmp_path / "none", tmp_path / "some")) == 536_870_912
    assert vitals.memory_bytes(tmp_path / "none") is None


def test_every_record_says_the_version_that_runs(healthy: Run) -> None:
    import tomllib

    import trading

    project = Path(trading.__file__).with_name("pyproject.toml")
    version = tomllib.loads(project.read_text(encoding="utf-8"))["project"]["version"]

    assert {e["service.version"] for e in healthy.events("bot.started")} == {version}
    assert BotLog("a", "b")._common["service.version"] == version

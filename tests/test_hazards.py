"""What the bot's own words mean when they are put together."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal

from obs.analysis import Analyzer
from obs.events import Severity
from obs.rules import RuleSet
from obs.snapshot import Issue, IssueStatus, Money, Snapshot
from tests.builders import START, event


def story(*events: tuple[float, str, Mapping[str, object]], bot: str = "momo-2") -> Snapshot:
    analyzer = Analyzer(RuleSet(()))
    for number, (at, name, attributes) in enumerate(events):
        failed = name.endswith(("rejected", "failed")) or "error.type" in attributes
        analyzer.feed(
            event(
                name,
                at=at,
                name=name,
                bot=bot,
                severity=Severity.ERROR if failed else Severity.INFO,
                attributes={"run.mode": "live", **attributes},
                uid=f"p-{number}",
            )
        )
    return analyzer.snapshot()


def only(snapshot: Snapshot, rule: str) -> Issue:
    (found,) = [issue for issue in snapshot.issues if issue.rule == rule]
    return found


POSITION = {
    "position.id": "p-sol",
    "symbol": "SOL/USDT",
    "position.quantity": "420",
    "position.average_price": "238.10",
    "currency": "USDT",
}
STOP = {"order.id": "m-stop-17", "order.type": "stop_market", "position.id": "p-sol", "symbol": "SOL/USDT"}
NEW_STOP = {**STOP, "order.id": "m-stop-18"}


def test_a_position_whose_stop_was_canceled_and_not_replaced_is_unprotected_since_the_cancel() -> None:
    snapshot = story(
        (0, "position.opened", POSITION),
        (1, "order.accepted", STOP),
        (600, "order.canceled", STOP),
        (601, "order.submitted", NEW_STOP),
        (605, "order.rejected", NEW_STOP),
        (900, "position.changed", {**POSITION, "pnl.unrealized": "-2230.20"}),
    )

    issue = only(snapshot, "unprotected")

    assert issue.first_seen == START + 600 * 1_000_000_000
    assert issue.money_at_risk == (Money(Decimal("97771.80"), "USDT"),)
    assert snapshot.issues[0] is issue
    assert "no" in snapshot.restart


def test_a_position_with_a_resting_stop_is_no_issue() -> None:
    snapshot = story((0, "position.opened", POSITION), (1, "order.accepted", STOP))

    assert snapshot.issues == ()


def test_a_position_that_never_had_a_stop_order_is_said_to_be_unknown_not_unprotected() -> None:
    snapshot = story((0, "position.opened", POSITION))

    assert snapshot.issues == ()
    assert any("stop rests" in line for line in snapshot.not_known)


def test_a_closed_trade_ends_its_position() -> None:
    snapshot = story(
        (0, "position.opened", POSITION),
        (1, "order.accepted", STOP),
        (2, "order.canceled", STOP),
        (3, "trade.closed", {"position.id": "p-sol", "pnl.net": "5", "currency": "USDT"}),
    )

    assert snapshot.issues == ()
    assert "flat, safe" in snapshot.restart


def failing(at: float, **more: object) -> tuple[float, str, dict[str, object]]:
    return at, "api.requested", {"exchange.id": "binance", "http.response.status_code": 503, **more}


def working(at: float) -> tuple[float, str, dict[str, object]]:
    return at, "api.requested", {"exchange.id": "binance", "http.response.status_code": 200}


def test_an_exchange_that_stopped_answering_is_an_outage_until_calls_succeed_again() -> None:
    down = [failing(100 + second) for second in range(10)]

    during = story(working(0), *down)
    after = story(working(0), *down, working(300), working(400))

    assert (only(during, "outage").count, only(during, "outage").status) == (10, IssueStatus.ONGOING)
    assert only(after, "outage").status is IssueStatus.RESOLVED
    assert only(after, "outage").succeeded_since >= 1
    assert str(after.health) == "OK"


def test_a_few_failed_calls_are_no_outage() -> None:
    assert story(*[failing(second) for second in range(4)]).issues == ()


def test_an_agent_that_talks_to_itself_is_a_loop_and_its_cost_is_said() -> None:
    call = {
        "gen_ai.agent.name": "news-analyst",
        "gen_ai.conversation.id": "c-1",
        "llm.cost": "0.1",
        "llm.cost_currency": "USD",
    }

    issue = only(
        story(*[(s * 10.0, "gen_ai.client.inference.operation.details", call) for s in range(30)]), "llm-loop"
    )

    assert issue.count == 30
    assert "3 USD" in issue.explanation


def test_a_bot_that_says_running_while_its_candles_stopped_is_alive_but_useless() -> None:
    beats = [
        (30.0 * n, "heartbeat", {"bot.state": "running", "candle.age_s": max(0, 30 * n - 60)})
        for n in range(40)
    ]

    issue = only(story(*beats), "stale-feed")

    assert issue.first_seen == START + 60 * 1_000_000_000


def test_a_closed_market_explains_old_candles() -> None:
    beat = {"bot.state": "running", "candle.age_s": 40_000, "market.open": False}

    assert story((0, "heartbeat", beat)).issues == ()


def test_events_of_a_backtest_never_raise_anything() -> None:
    down = [failing(second, **{"run.mode": "backtest"}) for second in range(20)]

    assert story(*down).issues == ()


def test_a_process_that_was_killed_is_critical_and_one_that_was_asked_to_end_is_not() -> None:
    killed = story((1, "process.exited", {"process.signal": "SIGKILL", "process.pid": 7}))
    asked = story((1, "process.exited", {"process.signal": "SIGTERM", "process.pid": 7}))

    assert only(killed, "ended").severity == "critical"
    assert only(asked, "ended").severity == "info"


def test_a_masked_secret_is_reported_with_its_kind_and_count() -> None:
    analyzer = Analyzer(RuleSet(()))
    for second in range(3):
        analyzer.feed(event("GET /account?signature=[REDACTED:signature]", at=second, uid=f"p-{second}"))

    issue = only(analyzer.snapshot(), "leak")

    assert issue.count == 3
    assert "signature" in issue.title


def test_a_bot_that_vanished_without_a_supervisor_is_said_to_have_had_no_last_word() -> None:
    snapshot = story((1, "process.exited", {"process.clean": False, "process.pid": 7}))

    assert only(snapshot, "ended").severity == "critical"
    assert "without a last word" in only(snapshot, "ended").title


def test_a_process_that_ended_by_an_error_is_a_symptom_of_that_error() -> None:
    analyzer = Analyzer(RuleSet(()))
    analyzer.feed(event("boom", at=10, severity=Severity.FATAL, logger="exceptions", uid="a"))
    analyzer.feed(
        event(
            "exited",
            at=11,
            name="process.exited",
            uid="b",
            attributes={"process.exit_code": 1, "process.pid": 7},
        )
    )

    snapshot = analyzer.snapshot()

    ended = only(snapshot, "ended")
    assert ended.cause == snapshot.issues[0].fingerprint
    assert snapshot.issues[0].title == "Unknown error in exceptions"


def live_phase(*, last_stops: bool) -> str:
    analyzer = Analyzer(RuleSet(()))
    analyzer.feed(event("started", name="process.started", bot="parent", uid="0"))
    for number, bot in enumerate(("grid-1", "momo-2")):
        analyzer.feed(event("tick", at=number, bot=bot, uid=f"a-{bot}"))
        if last_stops or number == 0:
            analyzer.feed(event("bye", at=9, name="bot.stopped", bot=bot, uid=f"b-{bot}"))
    return analyzer.snapshot(live=True).phase


def test_bots_that_all_said_they_stopped_are_not_called_running_because_of_their_parent() -> None:
    assert live_phase(last_stops=True) == "stopped at 10:00:09"
    assert live_phase(last_stops=False) == "running"


def test_a_refused_exit_of_an_open_position_carries_the_money_that_stands_on() -> None:
    entry = {"order.id": "b-1", "order.side": "buy", "symbol": "SOL/USDT"}
    leave = {"order.id": "s-1", "order.side": "sell", "symbol": "SOL/USDT", "error.type": "invalid"}
    open_still = story((0, "position.opened", POSITION), (5, "order.rejected", leave))
    closed_since = story(
        (0, "position.opened", POSITION),
        (5, "order.rejected", leave),
        (9, "trade.closed", {"position.id": "p-sol", "pnl.net": "5", "currency": "USDT"}),
    )
    an_entry = story(
        (0, "position.opened", POSITION), (5, "order.rejected", {**entry, "error.type": "invalid"})
    )

    issue = only(open_still, "exit-refused")

    assert (issue.severity, issue.money_at_risk) == ("critical", (Money(Decimal("100002.00"), "USDT"),))
    assert open_still.issues[0] is issue
    assert [one.rule for one in closed_since.issues] == ["rejected"]
    assert [one.rule for one in an_entry.issues] == ["rejected"]


def denials(
    count: int, *, reason: str = "balance", start: int = 0
) -> list[tuple[float, str, dict[str, object]]]:
    return [
        (start + n, "order.denied", {"order.id": f"o-{start + n}", "symbol": "SOL/USDT", "reason": reason})
        for n in range(count)
    ]


def test_a_bot_that_denies_itself_every_order_runs_and_trades_nothing() -> None:
    snapshot = story(*denials(7), *denials(2, reason="notional", start=10))

    issue = only(snapshot, "denied")

    assert (issue.title, issue.count) == ("Every order is denied by the bot's own check", 9)
    assert issue.explanation.startswith("None of the newest 9 orders was sent: balance 7×, notional 2×.")


def test_a_few_denials_are_what_a_limit_is_for_and_a_sent_order_ends_the_row() -> None:
    sent = {"order.id": "o-ok", "symbol": "SOL/USDT", "order.side": "buy"}

    few = story(*denials(4))
    over = story(*denials(9), (50, "order.accepted", sent), *denials(4, start=60))
    again = story(*denials(9), (50, "order.accepted", sent), *denials(5, start=60))

    assert "denied" not in {issue.rule for issue in (*few.issues, *over.issues)}
    assert only(again, "denied").count == 5

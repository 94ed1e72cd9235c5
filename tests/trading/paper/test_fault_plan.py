"""A healthy run has nothing to find; the demo plan plants each of its incidents."""

from __future__ import annotations

import logging
import re
from decimal import Decimal

from tests.trading.conftest import Run, run_fleet
from trading.paper.faults import DEMO
from trading.positions import closed_trade


def test_a_healthy_run_says_nothing_above_info(healthy: Run) -> None:
    assert [r.getMessage() for r in healthy.records if r.levelno > logging.INFO] == []


def test_a_healthy_run_does_business(healthy: Run) -> None:
    for name in ("signal.generated", "signal.filtered", "decision.made", "order.filled", "trade.closed"):
        assert len(healthy.events(name)) >= 3, name
    assert len(healthy.events("order.filled")) > len({e["order.id"] for e in healthy.events("order.filled")})
    assert {event["exit.reason"] for event in healthy.events("trade.closed")} == {"signal", "stop_loss"}
    assert len(healthy.events("notification.sent")) >= 3


def test_every_bot_beats_each_thirty_seconds_and_measures_each_minute(healthy: Run) -> None:
    for bot in healthy.bots:
        assert len(healthy.events("heartbeat", bot)) == 90
        # One more at the end, so that the last word is what the run came to.
        assert len(healthy.events("equity.measured", bot)) == 46
        assert len(healthy.events("market.bar", bot)) == 44 * len(healthy.bots[bot].desks)


def test_the_told_trades_equal_the_bots_own_books(healthy: Run) -> None:
    for bot_id, bot in healthy.bots.items():
        told = sum((Decimal(e["pnl.net"]) for e in healthy.events("trade.closed", bot_id)), Decimal(0))
        closed = half_sold = Decimal(0)
        for desk in bot.desks.values():
            closed += desk.position.realized - (desk.position.fees - desk.position.entry_fees)
            half_sold += sum(closed_trade(before, fills).pnl_net for before, fills in desk.exits.values())

        assert abs(told + half_sold - closed) < Decimal("0.0001"), bot_id


def test_the_told_equity_is_what_was_earned(healthy: Run) -> None:
    for bot_id, bot in healthy.bots.items():
        earned = Decimal(0)
        for desk in bot.desks.values():
            position = desk.position
            earned += position.realized + position.unrealized(desk.mark) - position.fees

        assert abs(bot.equity - bot.day_start - earned) < Decimal("0.0001"), bot_id
        assert healthy.events("equity.measured", bot_id)[0]["pnl.day"] == "0.00"


def test_the_same_seed_gives_the_same_run() -> None:
    def told(run: Run) -> list[tuple[float, str]]:
        return [(record.created, record.getMessage()) for record in run.records]

    assert told(run_fleet("demo")) == told(run_fleet("demo"))
    assert told(run_fleet("demo", seed=1)) != told(run_fleet("demo", seed=2))


def test_a_demo_stays_small(faulty: Run) -> None:
    assert 1000 < len(faulty.records) < 6000


def test_the_outage_hits_three_bots_and_passes(faulty: Run) -> None:
    window = DEMO.outages["binance"]
    requests = [e for e in faulty.events("api.requested") if e["exchange.id"] == "binance"]
    failed = [e for e in requests if e["levelno"] == logging.WARNING]

    assert {e["bot.id"] for e in failed} == {"grid-1", "momo-2", "meanrev-3"}
    assert {e["error.type"] for e in failed} == {"timeout", "server"}
    assert min(e["at"] for e in failed) >= window.start
    assert max(e["at"] for e in failed) < window.end + 30
    assert len([e for e in requests if e["at"] > window.end + 30 and e["levelno"] == logging.DEBUG]) > 100
    assert all(e["levelno"] == logging.DEBUG for e in faulty.events("api.requested", "news-4"))


def test_the_stop_is_lost_while_it_is_moved(faulty: Run) -> None:
    canceled = faulty.events("order.canceled", "momo-2")[-1]
    rejected = [e for e in faulty.events("order.rejected", "momo-2") if e["order.type"] == "stop_market"]
    position = faulty.events("position.changed", "momo-2")[-1]
    (gave_up,) = faulty.lines("execution")

    assert canceled["reason"] == "trailing_update"
    assert len(rejected) == 5
    assert all(e["exc_info"] for e in rejected)
    assert rejected[0]["at"] > canceled["at"]
    assert "giving up on stop" in gave_up.getMessage()
    (desk,) = faulty.bots["momo-2"].desks.values()
    assert desk.stops.stop is None
    assert Decimal(position["position.quantity"]) == 60
    assert [e for e in faulty.events("order.submitted", "momo-2") if e["at"] > rejected[-1]["at"]] == []
    # The price has fallen below where the lost stop stood: it would have fired.
    assert desk.mark < Decimal(rejected[0]["order.price"])


def test_the_alarm_about_it_reaches_nobody(faulty: Run) -> None:
    failed = faulty.events("notification.failed", "momo-2")

    assert [e["error.type"] for e in failed] == ["rate_limit"] * 3
    assert faulty.events("notification.sent", "momo-2") == []


def test_the_feed_stands_still_while_the_bot_says_it_runs(faulty: Run) -> None:
    since = DEMO.stale_feeds["meanrev-3"].start
    beats = [e for e in faulty.events("heartbeat", "meanrev-3") if e["at"] > since + 120]

    assert max(e["at"] for e in faulty.events("market.bar", "meanrev-3")) < since
    assert {e["bot.state"] for e in beats} == {"running"}
    assert beats[-1]["candle.age_s"] > 900
    assert len(faulty.events("market.bar", "grid-1")) == 44


def test_the_key_is_in_the_log_and_not_in_the_source(faulty: Run) -> None:
    leaks = [record.getMessage() for record in faulty.lines("exchange")]
    (other,) = {m[1] for m in re.finditer(r"'X-MBX-APIKEY': '(\w{64})'", "".join(leaks))}
    again = run_fleet("demo", seed=9).lines("exchange")[0].getMessage()

    assert len(leaks) >= 5
    assert all(re.search(r"&signature=[0-9a-f]{64} headers=", text) for text in leaks)
    assert other not in again


def test_the_headline_gives_orders_to_its_reader(faulty: Run) -> None:
    headlines = [
        r.getMessage() for r in faulty.lines("news") if "ignore previous instructions" in r.getMessage()
    ]

    assert len(headlines) == 2
    assert all(mark in headlines[0] for mark in ("\u202e", "\u001b[2K", "](http://", "\n```\n"))


def test_the_agent_asks_the_same_again_and_again_beyond_its_limit(faulty: Run, healthy: Run) -> None:
    calls = faulty.events("gen_ai.client.inference.operation.details", "news-4")
    looping = [e for e in calls if e["gen_ai.response.finish_reasons"] == "tool_calls"]
    (warning,) = faulty.lines("agents")

    assert len(looping) > 100
    assert len({(e["gen_ai.conversation.id"], e["llm.prompt_hash"]) for e in looping}) == 1
    assert sum(Decimal(e["llm.cost"]) for e in calls) > 10
    assert "above llm.daily_limit" in warning.getMessage()
    assert faulty.events("signal.generated", "news-4") == []
    assert len(healthy.events("gen_ai.client.inference.operation.details")) < 20


def test_ids_are_the_bots_own_and_of_this_run(faulty: Run) -> None:
    for name in ("order.accepted", "position.opened", "trade.closed"):
        for event in faulty.events(name):
            key = {
                "order.accepted": "order.id",
                "position.opened": "position.id",
                "trade.closed": "trade.id",
            }[name]
            assert event[key].startswith(f"{event['bot.id']}-hta7c-")

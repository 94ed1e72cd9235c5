"""Outages, refused keys, dead networks and own bugs: told apart, each one incident, each with its proof."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from obs.events import ExceptionInfo, Severity
from obs.snapshot import Category
from tests.scenarios.playing import Story, causes, verdict

POSITION = {
    "position.id": "p-sol",
    "symbol": "SOL/USDT",
    "position.quantity": "420",
    "position.average_price": "238.10",
    "currency": "USDT",
}
BOTS = [f"grid-{number}" for number in range(1, 6)]


def call(
    exchange: str = "binance", route: str = "/api/v3/ticker", status: int = 200, error: str = ""
) -> dict[str, object]:
    failed = {"error.type": error} if error else {}
    return {"exchange.id": exchange, "http.route": route, "http.response.status_code": status, **failed}


def down() -> dict[str, object]:
    return call(status=503, error="server")


def account(*, is_refused: bool) -> dict[str, object]:
    status, error = (401, "auth") if is_refused else (200, "")
    return call(route="/api/v3/account", status=status, error=error)


def outage_of_five_bots() -> Story:
    story = Story()
    for bot in BOTS:
        for minute in range(10):
            story.say(60 * minute, "api.requested", call(), bot=bot)
    story.say(5, "position.opened", POSITION, bot="grid-3")
    for number, bot in enumerate(BOTS):
        for turn in range(8):
            story.say(700 + number + turn * 15, "api.requested", down(), bot=bot)
        story.write(
            760 + number, "binance GET https://api.binance.com/api/v3/depth 503 Service Unavailable", bot=bot
        )
        story.write(
            765 + number,
            "Read timed out. (read timeout=10) host='api.binance.com'",
            bot=bot,
            logger="urllib3",
        )
    for minute in range(14):
        story.say(60 * minute, "api.requested", call("upbit", "/v1/ticker"), bot="arb-9")
    return story


def test_an_outage_across_five_bots_is_one_incident_with_five_services_and_its_proof() -> None:
    story = outage_of_five_bots()

    (outage,) = causes(story.picture())
    said = verdict(story.page())

    assert (outage.rule, outage.services, outage.count) == ("outage", tuple(BOTS), 40)
    for part in ("5 bots", "at risk 100,002.00 USDT", "5 of 6 bots", "upbit", "the network works"):
        assert part in said
    assert all(issue.linked_by for issue in story.picture().issues if issue.cause)


def test_an_outage_that_only_text_tells_of_is_one_incident_too() -> None:
    story = Story()
    for number, bot in enumerate(BOTS):
        for turn in range(4):
            at = 100 + number + 10 * turn
            story.write(
                at, "ExchangeNotAvailable: binance GET https://api.binance.com/api/v3/ticker 503", bot=bot
            )
            story.write(
                at + 1, "HTTPSConnectionPool(host='api.binance.com', port=443): Read timed out.", bot=bot
            )

    (incident,) = causes(story.picture())

    assert incident.services == tuple(BOTS)
    assert incident.category in (Category.EXCHANGE, Category.NETWORK)
    assert any("5 of 5 bots" in effect for effect in incident.effects)


def test_faults_at_two_hosts_stay_two() -> None:
    story = Story()
    for turn in range(4):
        story.write(10 * turn, "HTTPSConnectionPool(host='api.binance.com', port=443): Read timed out.")
        story.write(10 * turn + 1, "HTTPSConnectionPool(host='api.telegram.org', port=443): Read timed out.")

    assert len(causes(story.picture())) == 2


def test_a_machine_without_network_is_told_as_one_and_not_as_the_fault_of_its_peers() -> None:
    story = Story()
    hosts = ("api.binance.com", "api.upbit.com", "api.telegram.org")
    for turn in range(4):
        for number, host in enumerate(hosts):
            text = f"Failed to resolve '{host}' ([Errno -3] Temporary failure in name resolution)"
            story.write(60 * turn + number, text)

    (dead,) = causes(story.picture())

    assert dead.rule == "network-dead"
    assert len(dead.symptoms) == 3
    assert "3 sites cannot be reached" in verdict(story.page())


def unresolved(story: Story, hosts: tuple[str, ...]) -> None:
    for turn in range(6):
        for number, host in enumerate(hosts):
            text = f"Failed to resolve '{host}' ([Errno -3] Temporary failure in name resolution)"
            story.write(60 * turn + number, text)


def test_names_that_resolve_not_while_another_peer_answers_are_no_dead_network() -> None:
    story = Story()
    unresolved(story, ("api.binance.com", "api.upbit.com", "api.kraken.com"))
    assert [issue.rule for issue in causes(story.picture())] == ["network-dead"]

    for turn in range(6):
        story.say(60 * turn + 30, "api.requested", call("bybit"))

    assert len(causes(story.picture())) == 3


def test_two_peers_that_refuse_beside_one_name_that_resolves_not_are_a_dead_network_two_alone_are_not() -> (
    None
):
    two, three = Story(), Story()
    for story, hosts in ((two, ["api.upbit.com"]), (three, ["api.upbit.com", "api.kraken.com"])):
        unresolved(story, ("api.binance.com",))
        for turn in range(6):
            for host in hosts:
                text = f"HTTPSConnectionPool(host='{host}', port=443): Read timed out. (read timeout=10)"
                story.write(60 * turn + 5, text)

    assert "network-dead" not in {issue.rule for issue in causes(two.picture())}
    assert [issue.rule for issue in causes(three.picture())] == ["network-dead"]


def test_a_refused_key_is_told_from_an_outage_by_the_calls_that_go_on() -> None:
    story = Story()
    story.say(2, "position.opened", POSITION)
    for turn in range(40):
        story.say(30 * turn + 3, "api.requested", call(route="/api/v3/klines"))
        story.say(30 * turn + 4, "api.requested", account(is_refused=turn >= 20))
    story.say(900, "order.rejected", {"order.id": "x1", "symbol": "SOL/USDT", "error.type": "auth"})

    (refusal,) = causes(story.picture())
    said = verdict(story.page())

    assert (refusal.rule, refusal.severity, refusal.count) == ("key-refused", "critical", 20)
    assert "All 20 calls" in said
    assert "the key is not" in said
    assert "at risk 100,002.00 USDT" in said


def test_a_key_that_was_renewed_is_resolved() -> None:
    story = Story()
    for turn in range(20):
        story.say(60 * turn, "api.requested", account(is_refused=turn < 10))

    (refusal,) = causes(story.picture())

    assert (refusal.rule, refusal.status) == ("key-refused", "resolved")


def test_a_bug_of_one_bot_is_not_taken_for_the_exchange() -> None:
    story = Story()
    trace = (
        "Traceback (most recent call last):\n"
        '  File "/home/me/bot/strategy.py", line 88, in signal\n    rsi = row["rsi"]\nKeyError: \'rsi\''
    )
    for bot in BOTS:
        story.write(10, "cycle done", Severity.INFO, bot=bot)
    for turn in range(3):
        error = ExceptionInfo("KeyError", "'rsi'", trace)
        story.write(60 * turn + 20, "cycle failed", bot="grid-2", exception=error)

    (bug,) = causes(story.picture())

    assert (bug.category, bug.services) == (Category.CODE, ("grid-2",))
    assert any("4 other bot(s)" in effect for effect in bug.effects)


@pytest.mark.parametrize("story", [outage_of_five_bots])
def test_the_page_of_an_incident_holds_the_verdict_at_any_budget(story: Callable[[], Story]) -> None:
    told = story()

    for budget in (300, 600, 2_000):
        assert "binance does not answer" in told.page(budget=budget)

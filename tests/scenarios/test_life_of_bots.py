"""What grows, repeats, comes back or acts twice: told before it costs, with the time it is met."""

from __future__ import annotations

import random
import re

import pytest

from obs.events import ExceptionInfo, Severity
from obs.insight.lifecycle import Lifecycle
from obs.snapshot import IssueStatus
from tests.builders import SECOND, START
from tests.scenarios.playing import Story, causes, verdict

MIB = 2**20


def heartbeats(story: Story, minutes: int, attribute: str, values: object, **more: object) -> None:
    for minute in range(minutes):
        value = values(minute) if callable(values) else values
        story.say(60 * minute + 10, "heartbeat", {"bot.state": "running", attribute: value, **more})


def test_request_weight_that_rises_is_told_before_the_first_refusal_with_the_time_of_the_ban() -> None:
    story = Story()
    for minute in range(40):
        used = {"ratelimit.used": 300 + 15 * minute + minute % 3, "ratelimit.limit": 1200}
        story.say(60 * minute + 30, "api.requested", {"exchange.id": "binance", **used})

    (weight,) = causes(story.picture())
    said = verdict(story.page())

    assert weight.rule == "request-weight"
    assert "of 1,200 request weight" in said
    met = re.search(r"at about (\d\d):(\d\d)", said)
    assert met is not None
    # 300 + 15 a minute reaches 1,200 after 60 minutes.
    assert (int(met[1]) - 10) * 60 + int(met[2]) == pytest.approx(60, abs=2)
    assert "first 429" in story.page()


def test_steady_request_weight_is_no_issue() -> None:
    story = Story()
    dice = random.Random(1)
    for minute in range(120):
        used = {"ratelimit.used": 500 + dice.randrange(200), "ratelimit.limit": 1200}
        story.say(60 * minute + 30, "api.requested", {"exchange.id": "binance", **used})

    assert causes(story.picture()) == []


def test_slow_memory_growth_is_told_with_the_time_at_which_the_limit_is_met() -> None:
    story = Story()
    dice = random.Random(3)
    heartbeats(
        story,
        180,
        "process.memory.usage",
        lambda minute: int((180 + 2 * minute + dice.random() * 15) * MIB),
        **{"system.memory.limit": 1024 * MIB},
    )

    (growth,) = causes(story.picture())
    said = verdict(story.page())

    assert growth.rule == "memory-growth"
    assert "limit of 1.0 GiB" in said
    met = re.search(r"at about (\d\d):(\d\d) \((\d\d):(\d\d) to (\d\d):(\d\d)\)", said)
    assert met is not None
    at, earliest, latest = (int(met[i]) * 60 + int(met[i + 1]) for i in (1, 3, 5))
    # 180 MiB and 2 more a minute reach 1,024 MiB 422 minutes after 10:00.
    assert earliest <= at <= latest
    assert at == pytest.approx(600 + 418, abs=8)


@pytest.mark.parametrize("seed", range(6))
def test_memory_that_fills_a_cache_saws_or_stays_is_no_growth(seed: int) -> None:
    dice = random.Random(seed)
    filling = Story()
    heartbeats(
        filling, 180, "process.memory.usage", lambda m: int((400 - 220 * 0.95**m + dice.random() * 9) * MIB)
    )
    sawing = Story()
    heartbeats(
        sawing, 180, "process.memory.usage", lambda m: int((200 + m % 30 * 4 + dice.random() * 9) * MIB)
    )
    staying = Story()
    heartbeats(staying, 180, "process.memory.usage", lambda m: int((200 + dice.gauss(0, 12)) * MIB))

    assert [causes(story.picture()) for story in (filling, sawing, staying)] == [[], [], []]


def test_a_clock_that_drifts_is_told_before_signed_requests_are_refused() -> None:
    story = Story()
    heartbeats(story, 90, "clock.offset_ms", lambda minute: 120 + 6 * minute)

    (skew,) = causes(story.picture())
    said = verdict(story.page())

    assert (skew.rule, skew.severity) == ("clock-skew", "warning")
    assert "654 ms" in said
    assert "360 ms an hour" in said
    # 120 + 6 a minute reaches 1,000 ms after 146 minutes.
    assert "12:2" in said


def test_a_clock_that_is_off_by_seconds_is_an_error_and_a_good_one_is_nothing() -> None:
    off, good = Story(), Story()
    heartbeats(off, 20, "clock.offset_ms", -1_800)
    heartbeats(good, 90, "clock.offset_ms", lambda minute: (minute % 7) * 10 - 30)

    assert [issue.severity for issue in causes(off.picture())] == ["error"]
    assert causes(good.picture()) == []


TRACE = (
    "Traceback (most recent call last):\n"
    '  File "/home/me/bot/strategy.py", line 88, in signal\n    rsi = row["rsi"]\nKeyError: \'rsi\''
)


def crashing(times: int, gap: float = 100, *, with_trace: bool = True) -> Story:
    story = Story()
    for number in range(times):
        at = gap * number
        story.say(at, "process.started", {"process.pid": 100 + number})
        if with_trace:
            error = ExceptionInfo("KeyError", "'rsi'", TRACE)
            story.write(at + 55, "unhandled exception", Severity.FATAL, exception=error)
        exited = {"process.pid": 100 + number, "process.exit_code": 1}
        story.say(at + 56, "process.exited", exited, severity=Severity.ERROR)
    return story


def test_a_crash_loop_is_a_symptom_of_the_error_that_ends_the_bot_each_time() -> None:
    story = crashing(5)

    (bug,) = causes(story.picture())
    said = verdict(story.page())

    assert bug.rule == "code.key"
    assert bug.severity == "critical"
    assert "Crash loop: ended 5 times in 6 min by exit code 1" in said
    assert "strategy.py line 88" in story.page()


def test_a_crash_loop_without_a_word_is_told_by_itself_and_two_ends_are_none() -> None:
    (loop,) = causes(crashing(4, with_trace=False).picture())

    assert loop.rule == "crash-loop"
    assert "each after 56 to 56 s" in loop.explanation
    assert {issue.rule for issue in causes(crashing(2, with_trace=False).picture())} == {"ended"}
    assert "crash-loop" not in {i.rule for i in causes(crashing(4, gap=7_200, with_trace=False).picture())}


def test_a_bot_that_lives_again_has_got_over_its_crash_loop() -> None:
    story = crashing(4, with_trace=False)
    story.say(420, "process.started", {"process.pid": 200})
    story.say(1_500, "heartbeat", {"bot.state": "running"})

    loop = next(issue for issue in story.picture().issues if issue.rule == "crash-loop")

    assert loop.status is IssueStatus.RESOLVED


def orders(story: Story, number: int, pids: tuple[int, ...], account: str = "main") -> None:
    for turn in range(number):
        pid = {"process.pid": pids[turn % len(pids)]}
        sent = {
            "order.id": f"o-{turn}",
            "symbol": "BTC/USDT",
            "exchange.id": "binance",
            "account.id": account,
        }
        story.say(100 + 30 * turn, "order.submitted", sent, resource=pid)
        story.say(101 + 30 * turn, "order.filled", sent, resource=pid)


def test_two_processes_that_send_orders_in_turn_are_told_as_a_second_writer() -> None:
    story = Story()
    orders(story, 12, (4711, 5822))
    alien = {"order.id": "zz-9", "symbol": "BTC/USDT", "exchange.id": "binance", "account.id": "main"}
    story.say(600, "order.filled", alien)

    (writer,) = causes(story.picture())
    said = verdict(story.page())

    assert (writer.rule, writer.severity, writer.count) == ("second-writer", "critical", 12)
    assert "process 4711" in said
    assert "process 5822" in said
    assert len(writer.symptoms) == 1


def test_a_restart_another_market_and_simulated_orders_are_no_second_writer() -> None:
    restarted, paper = Story(), Story(mode="paper")
    orders(restarted, 6, (4711,))
    for turn in range(6):
        sent = {"order.id": f"r-{turn}", "symbol": "BTC/USDT", "exchange.id": "binance", "account.id": "main"}
        restarted.say(900 + 30 * turn, "order.submitted", sent, resource={"process.pid": 5822})
        restarted.say(905 + 30 * turn, "order.submitted", {**sent, "symbol": "ETH/USDT"}, bot="grid-1")
    orders(paper, 12, (4711, 5822))

    for story in (restarted, paper):
        assert not [issue for issue in story.picture().issues if issue.rule == "second-writer"]


def test_a_leak_says_what_kind_how_often_since_when_and_what_to_do() -> None:
    story = Story()
    for minute in range(5):
        story.write(
            60 * minute,
            "GET https://api.binance.com/api/v3/account?timestamp=1763632800&signature="
            "c8db56825ae71d6d79447849e617115f4a920fa2acdcab2b053c4b2838bd6b71",
            Severity.DEBUG,
        )

    (leak,) = causes(story.picture())
    said = verdict(story.page())

    assert (leak.rule, leak.count) == ("leak", 5)
    assert "signature" in said
    assert "since 10:00:00, 5 times" in said
    assert "c8db56825ae7" not in story.page(budget=8_000)


def released(story: Story, version: str, at: float, *, broken: bool) -> None:
    resource = {"service.version": version}
    story.say(at, "bot.started", {"service.version": version}, resource=resource)
    for minute in range(25):
        story.say(at + 60 * minute + 30, "heartbeat", {"bot.state": "running"}, resource=resource)
        if broken and minute > 3:
            text = "could not parse fill report of order 17: list index out of range"
            story.write(at + 60 * minute + 35, text, logger="bot.fills", resource=resource)


def test_a_fault_that_begins_after_a_release_names_the_release() -> None:
    story = Story()
    released(story, "1.4", 0, broken=False)
    released(story, "1.5", 1_800, broken=True)

    (bug,) = causes(story.picture())

    assert bug.follows == "began 4 min after release 1.4 → 1.5"
    assert "release 1.4 → 1.5" in verdict(story.page())
    assert [moment.what for moment in story.picture().timeline] == ["release 1.4 → 1.5"]


def test_a_fault_that_one_release_mended_and_the_next_brought_back_is_regressed() -> None:
    story = Story()
    for version, at, broken in (("1.4", 0, True), ("1.5", 1_800, False), ("1.6", 5_400, True)):
        released(story, version, at, broken=broken)

    (bug,) = causes(story.picture())

    assert bug.status is IssueStatus.REGRESSED
    assert "it was gone with release 1.4 → 1.5" in bug.follows
    assert "1.5 → 1.6" in verdict(story.page())


def test_a_fault_that_a_person_resolved_and_that_came_back_tells_both() -> None:
    story = Story()
    released(story, "1.4", 0, broken=True)
    (bug,) = causes(story.picture())
    decision = Lifecycle(IssueStatus.RESOLVED, at=START + 1_700 * SECOND, by="ann", why="fixed in 1.5")
    released(story, "1.5", 1_800, broken=True)

    (again,) = causes(story.picture(lifecycle={bug.fingerprint: decision}))

    assert again.status is IssueStatus.REGRESSED
    assert 'by ann: "fixed in 1.5"' in again.decided


def test_an_unprotected_position_leads_the_page_with_its_money_whatever_else_is_loud() -> None:
    story = Story()
    position = {
        "position.id": "p-sol",
        "symbol": "SOL/USDT",
        "position.quantity": "420",
        "position.average_price": "238.10",
        "currency": "USDT",
    }
    stop = {"order.id": "m-17", "order.type": "stop_market", "position.id": "p-sol", "symbol": "SOL/USDT"}
    story.say(1, "position.opened", position)
    story.say(2, "order.accepted", stop)
    story.say(600, "order.canceled", {**stop, "reason": "replace"})
    for turn in range(3):
        story.say(
            601 + turn, "order.rejected", {**stop, "order.id": f"m-{18 + turn}", "error.type": "timeout"}
        )
    for turn in range(300):
        story.write(300 + turn, "HTTPSConnectionPool(host='api.binance.com', port=443): Read timed out.")

    said = verdict(story.page())

    assert said.startswith("**CRITICAL, ongoing: SOL/USDT has no stop-loss, since 10:10:00")
    assert "at risk 100,002.00 USDT" in said


def test_simulated_money_raises_no_rank() -> None:
    story = Story(mode="paper")
    position = {
        "position.id": "p",
        "symbol": "X/Y",
        "position.quantity": "1",
        "position.average_price": "9000000",
    }
    story.say(1, "position.opened", {**position, "currency": "USDT"}, bot="rich")
    for turn in range(6):
        story.say(
            100 + turn, "api.requested", {"exchange.id": "binance", "error.type": "timeout"}, bot="rich"
        )
    for turn in range(3):
        exited = {"process.exit_code": 1, "process.pid": turn}
        story.say(100 + turn, "process.exited", exited, bot="poor", severity=Severity.ERROR)

    assert causes(story.picture())[0].services == ("poor",)

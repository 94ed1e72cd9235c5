"""What no line complains of: a stop that did not fire, answers cut in half, losses since a change."""

from __future__ import annotations

from decimal import Decimal

import pytest

from obs.hazards.reversals import chance_of
from obs.snapshot import IssueSeverity, Money
from tests.scenarios.playing import Story, causes, verdict

MINUTE = 60
POSITION = {
    "position.id": "p-sol",
    "symbol": "SOL/USDT",
    "position.quantity": "420",
    "position.average_price": "238.10",
    "currency": "USDT",
}
STOP = {
    "order.id": "st-17",
    "order.type": "stop_limit",
    "order.side": "sell",
    "position.id": "p-sol",
    "symbol": "SOL/USDT",
    "order.stop_price": "235",
}


def falling(story: Story, minutes: range, *, begin: float = 238.0) -> None:
    """A price that loses 0.2 a minute, told by the bars a bot logs."""
    for minute in minutes:
        bar = {"symbol": "SOL/USDT", "interval": "1m", "close": f"{begin - 0.2 * minute:.2f}", "volume": "9"}
        story.say(MINUTE * minute + 1, "market.bar", {**bar, "exchange.id": "binance"})
        story.say(MINUTE * minute + 20, "heartbeat", {"bot.state": "running"})


def protected() -> Story:
    story = Story("momo-2")
    story.say(0, "position.opened", POSITION)
    story.say(0.5, "order.accepted", STOP)
    return story


def test_a_stop_that_the_price_has_passed_and_that_never_filled_is_seen() -> None:
    story = protected()
    falling(story, range(1, 40))

    (issue,) = causes(story.picture())
    page = story.page()

    assert issue.rule == "missed-stop"
    assert issue.severity is IssueSeverity.CRITICAL
    assert issue.money_at_risk == (Money(Decimal("96684.0"), "USDT"),)
    assert "Stop passed and not filled: SOL/USDT" in verdict(page)
    # 235 − 230.2 for 420 coins.
    assert "2,016.00 USDT beyond the stop" in verdict(page)
    assert "Restart: momo-2 **no**" in page
    assert "Do not: send a second exit" in page


def test_a_stop_just_crossed_has_a_minute_to_fill() -> None:
    story = protected()
    falling(story, range(1, 17))

    # 234.8 is told at 16 min 1 s.
    assert causes(story.picture(16 * MINUTE + 60)) == []
    assert causes(story.picture(16 * MINUTE + 61)) != []


def test_a_stop_that_filled_or_was_moved_below_the_price_is_no_fault() -> None:
    filled = protected()
    falling(filled, range(1, 18))
    filled.say(17 * MINUTE + 30, "order.filled", STOP)
    filled.say(17 * MINUTE + 31, "position.closed", {**POSITION, "position.quantity": "0"})
    falling(filled, range(18, 30))
    moved = protected()
    falling(moved, range(1, 14))
    moved.say(13 * MINUTE + 30, "order.accepted", {**STOP, "order.stop_price": "225"})
    falling(moved, range(14, 30))

    assert causes(filled.picture()) == []
    assert causes(moved.picture()) == []


def test_prices_before_a_stop_was_raised_do_not_pass_it() -> None:
    story = Story("momo-2")
    story.say(0, "position.opened", POSITION)
    story.say(0.5, "order.accepted", {**STOP, "order.stop_price": "225"})
    falling(story, range(1, 30), begin=236)
    story.say(30 * MINUTE, "order.accepted", {**STOP, "order.stop_price": "235"})
    falling(story, range(31, 40), begin=250)

    assert causes(story.picture()) == []


def test_a_stop_that_was_canceled_is_missing_not_missed() -> None:
    story = protected()
    story.say(30, "order.canceled", {**STOP, "reason": "trailing_update"})
    falling(story, range(1, 40))

    assert [issue.rule for issue in causes(story.picture())] == ["unprotected"]


def test_the_stop_of_a_short_position_is_passed_upwards() -> None:
    story = Story("momo-2")
    story.say(0, "position.opened", {**POSITION, "position.quantity": "-420"})
    story.say(0.5, "order.accepted", {**STOP, "order.side": "buy", "order.stop_price": "241"})
    falling(story, range(1, 10))
    assert causes(story.picture()) == []

    for minute in range(10, 14):
        bar = {"symbol": "SOL/USDT", "interval": "1m", "close": "242", "volume": "9"}
        story.say(MINUTE * minute + 1, "market.bar", bar)

    (issue,) = causes(story.picture())
    assert issue.rule == "missed-stop"


def answers(story: Story, reasons: list[str]) -> None:
    for number, reason in enumerate(reasons):
        call = {
            "gen_ai.agent.name": "analyst",
            "gen_ai.request.model": "small-1",
            "gen_ai.conversation.id": f"c{number}",
            "gen_ai.response.finish_reasons": reason,
            "gen_ai.request.max_tokens": 256,
            "gen_ai.usage.output_tokens": 256 if reason != "stop" else 120,
            "llm.cost": "0.004",
            "llm.cost_currency": "USD",
        }
        story.say(MINUTE * number, "gen_ai.client.inference.operation.details", call)


@pytest.mark.parametrize("reason", ["length", "max_tokens", "MAX_TOKENS", "['length']"])
def test_answers_cut_off_at_the_token_limit_are_seen_in_every_providers_word(reason: str) -> None:
    story = Story("news-4")
    answers(story, ["stop"] * 20 + [reason] * 20)

    (issue,) = causes(story.picture())
    page = story.page()

    assert issue.rule == "llm-cut"
    assert issue.count == 20
    assert "20 of 40 answers" in verdict(page)
    assert "limit 256 tokens" in verdict(page)
    assert "Do not: parse what is there" in page


def test_a_long_answer_now_and_then_is_no_fault() -> None:
    story = Story("news-4")
    answers(story, (["stop"] * 20 + ["length"]) * 4)

    assert [issue.rule for issue in causes(story.picture())] == []


def results(story: Story, begin: int, lost_of_ten: int, count: int) -> None:
    for number in range(begin, begin + count):
        lost = number % 10 < lost_of_ten
        trade = {
            "trade.id": f"t{number}",
            "symbol": "ETH/USDT",
            "pnl.net": "-4.10" if lost else "3.50",
            "currency": "USDT",
        }
        story.say(2 * MINUTE * number + 30, "trade.closed", trade)


def test_a_configuration_that_doubled_the_losses_is_named_as_what_changed() -> None:
    story = Story("grid-1")
    story.say(0, "bot.started", {"bot.state": "running", "config.hash": "aa11"})
    results(story, 0, 3, 30)
    story.say(60 * MINUTE, "bot.started", {"bot.state": "running", "config.hash": "bb22"})
    results(story, 30, 7, 20)

    (issue,) = causes(story.picture())
    page = story.page()

    assert issue.rule == "losses-since"
    assert "More losses since configuration aa11 → bb22" in verdict(page)
    assert "14 of 20 trades" in verdict(page)
    assert "9 of 30 trades" in verdict(page)
    assert "take grid-1 back to what ran before" in page
    # The streak it makes is a symptom, not a second fault.
    assert [one.rule for one in story.picture().issues if one.cause == issue.fingerprint] == ["losing_streak"]


def test_a_change_without_more_losses_than_chance_gives_is_not_blamed() -> None:
    story = Story("grid-1")
    story.say(0, "bot.started", {"bot.state": "running", "service.version": "1.0"})
    results(story, 0, 3, 30)
    story.say(60 * MINUTE, "bot.started", {"bot.state": "running", "service.version": "1.1"})
    results(story, 30, 5, 20)

    assert causes(story.picture()) == []


def test_more_losses_that_did_not_double_are_not_blamed_on_the_change() -> None:
    story = Story("grid-1")
    story.say(0, "bot.started", {"bot.state": "running", "service.version": "1.0"})
    results(story, 0, 4, 100)
    story.say(200 * MINUTE, "bot.started", {"bot.state": "running", "service.version": "1.1"})
    results(story, 100, 6, 100)

    # So few by chance, and yet but half as many again.
    assert chance_of(40, 100, 60, 100) < 0.01
    assert [issue.rule for issue in causes(story.picture())] == []


def test_the_chance_is_that_of_fishers_exact_test() -> None:
    """The tea tasting: 8 cups, 4 of each, 3 or more told right."""
    assert chance_of(1, 4, 3, 4) == pytest.approx(17 / 70)
    assert chance_of(0, 4, 4, 4) == pytest.approx(1 / 70)

"""Why it did not trade: a chain where it is one, counts where it is none, and the cause of no signal."""

from __future__ import annotations

from obs.web.model import Funnel
from obs.web.page import page
from tests.scenarios.playing import Story
from tests.web.days import HOUR, text, well, work

WELL = well()


def of(made: tuple[Funnel, ...], bot: str) -> Funnel:
    return next(one for one in made if one.bot == bot)


def test_signals_become_trades_by_gates_with_their_thresholds() -> None:
    shown = of(page(WELL.picture()).funnel, "llm-swing")

    assert text(shown.sentence) == (
        "24\u00a0signals became 6\u00a0trades. 75% of them stopped at confidence below 0.6."
    )
    assert [(one.label, one.left, one.stopped, one.why) for one in shown.stages] == [
        ("Signals", 24, 0, ""),
        ("Confidence", 6, 18, "18 below 0.6"),
        ("Filled", 6, 0, ""),
    ]


def test_a_cooldown_is_told_by_how_long_was_waited() -> None:
    story = Story()
    for number in range(2):
        story.say(number, "signal.generated", {"symbol": "X"})
        about: dict[str, object] = {"filter": "cooldown", "value": number, "threshold": 5}
        story.say(number, "signal.filtered", {**about, "symbol": "X"})

    (shown,) = page(story.picture()).funnel
    (korean,) = page(story.picture(), lang="ko").funnel

    assert [(one.label, one.stopped, one.why) for one in shown.stages][1] == ("Cooldown", 2, "2 below 5")
    assert korean.stages[1].label == "재진입 대기"


def test_all_bots_together_come_first() -> None:
    made = page(WELL.picture()).funnel

    assert [one.bot for one in made] == ["", "grid-1", "llm-swing"]


def test_a_bot_that_trades_without_signals_is_counted_and_not_explained() -> None:
    story = Story()
    for number in range(5):
        order = {"order.id": f"o{number}", "symbol": "BTC/USDT", "order.type": "limit"}
        story.say(number, "order.submitted", order)

    (shown,) = page(story.picture()).funnel

    assert text(shown.sentence) == "5\u00a0orders."
    assert [one.label for one in shown.stages] == ["Orders"]


def test_a_stop_or_an_exit_is_no_entry() -> None:
    story = Story()
    story.say(1, "signal.generated", {"symbol": "BTC/USDT"})
    others: tuple[dict[str, object], ...] = ({"order.type": "stop_market"}, {"order.reduce_only": True})
    for number, more in enumerate(others):
        story.say(2 + number, "order.submitted", {"order.id": f"x{number}", "symbol": "BTC/USDT", **more})

    (shown,) = page(story.picture()).funnel

    assert text(shown.sentence) == "1\u00a0signal became 0\u00a0trades."


def test_no_signal_names_its_cause_and_leads_there() -> None:
    story = Story()
    work(story, "maps", until=HOUR, stages=(("market.bar", 60.0),))
    story.say(5, "signal.generated", {"symbol": "BTC/USDT"}, bot="maps")
    for step in range(26 * 120):
        story.say(HOUR + step * 30, "heartbeat", {"bot.state": "running"}, bot="maps")

    (shown,) = page(story.picture()).funnel

    assert shown.is_empty
    assert text(shown.sentence).startswith("No signal in 24 h. Alive but without data")
    assert shown.sentence[-1].link.startswith("I-")


def test_a_bot_that_never_speaks_of_signals_is_not_said_to_have_none() -> None:
    shown = of(page(WELL.picture()).funnel, "grid-1")

    assert shown.is_empty
    assert text(shown.sentence).startswith("grid-1 does not speak of its signals.")


def test_what_is_older_than_a_day_is_no_part_of_it() -> None:
    story = Story()
    story.say(0, "signal.generated", {"symbol": "BTC/USDT"})
    story.say(26 * HOUR, "heartbeat", {"bot.state": "running"})

    assert story.picture().passages == ()


def test_of_two_bots_with_different_thresholds_none_is_told_for_all() -> None:
    story = Story()
    for bot, threshold in (("a", 0.6), ("b", 0.7)):
        story.say(1, "signal.generated", {"symbol": "X"}, bot=bot)
        story.say(
            2, "signal.filtered", {"filter": "confidence", "value": 0.5, "threshold": threshold}, bot=bot
        )

    made = page(story.picture()).funnel

    assert [of(made, bot).stages[1].why for bot in ("", "a", "b")] == [
        "2 by confidence",
        "1 below 0.6",
        "1 below 0.7",
    ]

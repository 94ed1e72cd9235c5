"""Money beside the verdict: unknown, none and zero are three things, currencies are never added."""

from __future__ import annotations

import msgspec

from obs.web.model import Figure, Mark, Page
from obs.web.page import page
from tests.scenarios.playing import Story
from tests.web.days import HOUR, bought, busy, stopped, text, well, work


def figure(made: Page, key: str) -> Figure:
    return next(one for one in made.figures if one.key == key)


def test_what_has_no_stop_is_one_hatched_part_and_marked() -> None:
    made = page(busy().picture())

    usdt = made.exposure[0]
    assert usdt.currency == "USDT"
    assert [(part.amount.text, part.label, part.is_hatched, part.mark) for part in usdt.parts] == [
        ("45,000.00", "no stop", True, Mark.CRITICAL)
    ]
    assert figure(made, "unprotected").amount.text == "45,000.00"
    assert text(figure(made, "unprotected").more) == "1 of 2 positions, <age>"


def test_each_currency_has_its_own_bar() -> None:
    made = page(well().picture())

    assert {bar.currency: bar.spoken for bar in made.exposure} == {
        "KRW": "1,420,000\u00a0KRW stop set",
        "USDT": "45,000.00\u00a0USDT stop set",
    }
    assert text(figure(made, "open").more) == "+ 45,000.00\u00a0USDT"


def test_all_stops_resting_is_a_zero_with_its_proof() -> None:
    shown = figure(page(well().picture()), "unprotected")

    assert (shown.amount.text, shown.mark, text(shown.more)) == ("0", None, "2 of 2 stops resting")


def test_a_bot_that_never_tells_its_positions_has_unknown_ones() -> None:
    story = Story()
    work(story, "grid-1", until=600)

    shown = figure(page(story.picture()), "open")

    assert (shown.amount.text, text(shown.more)) == ("?", "no bot tells its positions")


def test_a_bot_that_closed_its_position_has_none() -> None:
    story = Story()
    bought(story, 1, "grid-1", "BTC/USDT", "1", "90000", "USDT")
    story.say(2, "position.closed", {"position.id": "p-grid-1-BTC/USDT", "symbol": "BTC/USDT"}, bot="grid-1")

    shown = figure(page(story.picture()), "open")

    assert (shown.amount.text, text(shown.more)) == ("0", "no open position")


def test_a_position_of_which_no_stop_was_told_is_not_called_safe() -> None:
    story = Story()
    bought(story, 1, "grid-1", "BTC/USDT", "1", "90000", "USDT")

    made = page(story.picture())

    assert figure(made, "unprotected").amount.text == "?"
    assert [part.label for part in made.exposure[0].parts] == ["stop not known"]


def test_a_position_without_a_price_has_an_unknown_value() -> None:
    story = Story()
    values = {"position.id": "p", "symbol": "BTC/USDT", "position.quantity": "1", "currency": "USDT"}
    story.say(1, "position.opened", values)

    made = page(story.picture())

    assert made.exposure[0].parts[0].amount.text == "?"


def test_parts_share_the_whole_bar() -> None:
    story = busy()
    bought(story, 20, "llm-swing", "ETH/USDT", "2", "3000", "USDT")
    stopped(story, 21, "llm-swing", "ETH/USDT", "2900")

    bar = page(story.picture()).exposure[0]

    assert [part.label for part in bar.parts] == ["no stop", "stop set"]
    assert abs(sum(part.share for part in bar.parts) - 1) < 0.001
    assert bar.parts[0].share > bar.parts[1].share


def test_a_bot_that_cannot_act_leaves_its_guarded_position_without_exit_signals() -> None:
    story = Story()
    work(story, "maps", until=HOUR, symbol="BTC/USDT")
    bought(story, 10, "maps", "BTC/USDT", "1", "90000", "USDT")
    stopped(story, 11, "maps", "BTC/USDT", "88000")
    for step in range(80):
        story.say(HOUR + step * 30, "heartbeat", {"bot.state": "running"}, bot="maps")

    (bar,) = page(story.picture()).exposure

    assert [(part.label, part.is_hatched) for part in bar.parts] == [("stop set, no exit signals", True)]


def test_money_figures_that_are_not_computed_are_unknown() -> None:
    made = page(msgspec.structs.replace(well().picture(), money=None))

    assert [figure(made, key).amount.text for key in ("pnl", "llm")] == ["?", "?"]


def test_no_trade_and_no_call_are_none_and_not_zero() -> None:
    made = page(well().picture())

    assert [figure(made, key).amount.text for key in ("pnl", "llm")] == ["—", "—"]

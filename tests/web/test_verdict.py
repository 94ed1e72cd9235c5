"""The verdict: one of five words, what, the money first, how long, where, what to do; never a false calm."""

from __future__ import annotations

import msgspec
import pytest

from obs.analysis import Analyzer
from obs.briefing import render
from obs.rules import RuleSet
from obs.snapshot import Loss
from obs.web.model import Mark
from obs.web.page import page
from obs.web.verdicts import SUBJECT
from tests.builders import SECOND, START
from tests.scenarios.playing import Story
from tests.web.days import HOUR, bought, busy, stopped, text, well

BUSY = busy()
WELL = well()


def test_a_position_without_a_stop_asks_to_act_now_and_says_its_money_first() -> None:
    shown = page(BUSY.picture()).verdict

    assert (shown.mark, shown.word, shown.subject) == (
        Mark.CRITICAL,
        "Act now.",
        "BTC/USDT has no stop-loss.",
    )
    assert text(shown.text).startswith(
        "45,000.00\u00a0USDT unprotected for <age> on grid-1. Check the exchange"
    )
    assert shown.amount is not None
    assert (shown.amount.text, shown.amount.currency) == ("45,000.00", "USDT")


def test_the_first_button_opens_the_plan_of_what_the_verdict_is_about() -> None:
    made = page(BUSY.picture())

    assert made.verdict.plan == made.issues.rows[0].id


def test_the_tab_says_the_verdict() -> None:
    assert page(BUSY.picture()).title == "Act now. BTC/USDT has no stop-loss."


def test_the_briefing_is_about_the_same_issue_in_the_same_words() -> None:
    taken = BUSY.picture()

    assert page(taken).verdict.subject.rstrip(".") in render(taken).split("\n\n")[1]


def test_all_is_well_says_what_was_looked_at() -> None:
    shown = page(WELL.picture(), zone="Asia/Seoul").verdict

    assert (shown.mark, shown.word, shown.subject, shown.plan) == (Mark.OK, "All is well.", "", "")
    assert text(shown.text).startswith(
        "Every position has its stop; 2\u00a0bots run, maps-kr waits for KRX at 21 Nov 09:00."
    )
    assert "checks passed." in text(shown.text)


def test_nothing_seen_is_no_calm() -> None:
    shown = page(Analyzer(RuleSet(())).snapshot(now=START, live=True)).verdict

    assert (shown.mark, shown.word) == (Mark.UNKNOWN, "Cannot say.")
    assert shown.subject == "No bot has been seen."


def test_lost_warnings_are_no_calm() -> None:
    lost = Loss("queue_full", 212, "WARN", first=START, last=START + 60 * SECOND)
    taken = msgspec.structs.replace(WELL.picture(), losses=(lost,))

    shown = page(taken)

    assert (shown.verdict.word, shown.verdict.subject) == ("Cannot say.", "The observer lost warnings.")
    assert shown.observer.mark is Mark.ERROR
    assert "212" in text(shown.observer.alert)


def test_lost_debug_lines_are_told_by_the_observer_only() -> None:
    lost = Loss("queue_full", 212, "DEBUG", first=START, last=START)
    taken = msgspec.structs.replace(WELL.picture(), losses=(lost,))

    shown = page(taken)

    assert shown.verdict.mark is Mark.OK
    assert shown.observer.mark is Mark.WARNING
    assert not shown.observer.alert
    assert "212 lost" in text(shown.observer.line[0])


def test_lost_warnings_stand_beside_what_is_wrong() -> None:
    lost = Loss("queue_full", 3, "ERROR", first=START, last=START)
    taken = msgspec.structs.replace(BUSY.picture(), losses=(lost,))

    shown = page(taken).verdict

    assert shown.mark is Mark.CRITICAL
    assert "lost 3\u00a0warnings or errors" in text(shown.text)


def test_an_unknown_error_needs_somebody_today() -> None:
    story = Story()
    story.write(1, "the widget of the third kind broke")

    shown = page(story.picture()).verdict

    assert (shown.word, shown.mark) == ("Needs you today.", Mark.ERROR)


def test_lost_messages_can_wait() -> None:
    story = well()
    for number in range(3):
        story.say(100 + number, "notification.failed", {"channel": "telegram", "error.type": "rate_limit"})

    shown = page(story.picture()).verdict

    assert (shown.word, shown.mark) == ("When you can.", Mark.WARNING)
    assert text(shown.text).startswith("×3 on momo-1, last <age> ago.")


@pytest.mark.parametrize("lang", ["en", "ko"])
def test_a_subject_is_short_whatever_the_issue_is_called(lang: str) -> None:
    taken = BUSY.picture()
    for title in (
        "x" * 300,
        "Market data is stale for 5 symbols (ADA/BTC, ETC/BTC, ETH/BTC, LTC/BTC, …)",
        "a b " * 40,
    ):
        first = msgspec.structs.replace(taken.issues[0], title=title)
        shown = page(msgspec.structs.replace(taken, issues=(first,)), lang=lang).verdict

        assert len(shown.subject) <= SUBJECT


def test_names_in_parentheses_give_way_before_words_are_cut() -> None:
    taken = BUSY.picture()
    title = "Market data is stale for 5 symbols (ADA/BTC, ETC/BTC, ETH/BTC, …)"
    first = msgspec.structs.replace(taken.issues[0], title=title)

    shown = page(msgspec.structs.replace(taken, issues=(first,))).verdict

    assert shown.subject == "Market data is stale for 5 symbols."


def test_other_issues_that_need_somebody_are_counted() -> None:
    story = busy()
    bought(story, 14_000, "llm-swing", "ETH/USDT", "1", "3000", "USDT")
    stopped(story, 14_001, "llm-swing", "ETH/USDT", "2900")
    stopped(story, 14_002, "llm-swing", "ETH/USDT", "2900", "order.canceled")

    taken = story.picture()
    grave = sum(one.cause is None and one.severity.rank >= 2 for one in taken.issues)

    assert grave == 3
    assert "2\u00a0more issues need you today." in text(page(taken).verdict.text)


def test_simulated_money_is_called_so() -> None:
    story = Story(mode="paper")
    bought(story, 1, "momo-1", "ETH/USDT", "1", "3000", "USDT")
    stopped(story, 2, "momo-1", "ETH/USDT", "2900")
    stopped(story, 3, "momo-1", "ETH/USDT", "2900", "order.canceled")

    made = page(story.picture(HOUR))

    assert "(simulated)" in text(made.verdict.text)
    assert "simulated" in made.issues.rows[0].why_money

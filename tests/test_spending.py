"""The day's budget of language models: an issue when it is spent or will be, and calm while it is far."""

from __future__ import annotations

from decimal import Decimal

import pytest

from obs.briefing import render
from obs.money.amounts import Money
from obs.page.phrasebook import say
from obs.snapshot import Category, Issue, IssueSeverity
from obs.watch.expectations import Expectations
from obs.web.page import page
from tests.scenarios.playing import Story
from tests.web.days import text

HOUR, MINUTE = 3_600.0, 60.0


def spent(*costs: tuple[float, str], agent: str = "news", currency: str = "USD", budget: str = "6") -> Story:
    """A day from 10:00 on with calls at so many hours since then."""
    story = Story()
    limit = Money(Decimal(budget), "USD") if budget else None
    story.analyzer.expected = Expectations(llm_daily_budget=limit)
    for at, cost in costs:
        call(story, at, cost, agent, currency)
    return story


def call(story: Story, at: float, cost: str, agent: str = "news", currency: str = "USD") -> None:
    values = {"gen_ai.request.model": "m", "gen_ai.agent.name": agent}
    money = {"llm.cost": cost, "llm.cost_currency": currency}
    story.say(at * HOUR, "llm.called", {**values, **money})


def budgets(story: Story, at: float) -> list[Issue]:
    return [one for one in story.picture(at * HOUR).issues if one.rule == "llm-budget"]


def test_a_budget_that_is_spent_is_an_error_that_says_by_whom_and_what_the_day_comes_to() -> None:
    story = spent((0.2, "2.00"), (1.2, "3.50"), (2.2, "1.00"))
    call(story, 2.3, "0.25", agent="trend")

    (issue,) = budgets(story, 2.5)

    assert issue.title == "LLM budget of 6.00 USD is exceeded"
    assert (issue.severity, issue.category) == (IssueSeverity.ERROR, Category.LLM)
    # Half of 12:00 to 12:30 and 11:00 to 12:00: 4.75 in an hour and a half, 11 h 30 min are left.
    assert issue.explanation.startswith("6.75 USD spent today, 3.17 USD an hour now")
    assert "at this pace the day ends at 43.17 USD" in issue.explanation
    assert "Most of it: news 6.50 USD, trend 0.25 USD." in issue.explanation
    assert len(issue.evidence) == 2
    assert issue.services == ("momo-1",)


def test_a_budget_that_will_be_spent_warns_with_the_moment_on_page_and_briefing() -> None:
    story = spent((0.2, "1.75"), (1.2, "1.75"))

    (issue,) = budgets(story, 1.5)

    # 3.50 in an hour and a half: the other 2.50 last for 1 h 4 min from 11:30 on.
    assert issue.title == "LLM budget of 6.00 USD will be exceeded at 12:34 UTC"
    assert issue.severity is IssueSeverity.WARNING
    shown = page(story.picture(1.5 * HOUR), zone="Asia/Seoul")
    assert "ends at 21:34 at this rate" in shown.llm.text_hours
    assert [row.title for row in shown.issues.rows] == ["LLM budget of 6.00 USD will be exceeded at 21:34"]
    assert "12:34" in render(story.picture(1.5 * HOUR))


@pytest.mark.parametrize(
    ("costs", "at"),
    [
        ([(0.2, "2.90")], 0.5),
        ([(0.2, "4.00")], 12.0),
        ([(0.2, "5.99")], 3.0),
        ([(0.2, "9.00")], 15.0),
    ],
    ids=["half is not spent", "no pace", "what is left lasts", "yesterday's money"],
)
def test_it_is_calm_while_the_budget_is_far_or_lasts(costs: list[tuple[float, str]], at: float) -> None:
    assert budgets(spent(*costs), at) == []


def test_without_a_budget_and_in_another_currency_nothing_is_exceeded() -> None:
    assert budgets(spent((0.2, "900"), budget=""), 0.5) == []
    assert budgets(spent((0.2, "900"), currency="KRW"), 0.5) == []

    story = spent((0.2, "900"), currency="KRW")
    call(story, 0.3, "7.00")
    (issue,) = budgets(story, 0.5)
    assert "Not in it: 900.00 KRW, for which no budget is set." in issue.explanation


def test_an_unpriced_call_makes_the_true_cost_higher() -> None:
    story = spent((0.2, "7.00"))
    story.say(0.3 * HOUR, "llm.called", {"gen_ai.request.model": "nobody-knows", "gen_ai.agent.name": "x"})

    assert "1 calls have no known price" in budgets(story, 0.5)[0].explanation


def test_its_korean_is_korean() -> None:
    for costs in ([(0.2, "2.00"), (1.2, "5.00")], [(0.2, "1.75"), (1.2, "1.75")]):
        story = spent(*costs)
        call(story, 1.3, "5", currency="KRW")
        (issue,) = budgets(story, 1.5)
        for said in (issue.title, issue.explanation, *issue.actions, issue.do_not, issue.fix_in):
            korean = say(said, "ko")
            words = [word for word in korean.split() if word.isascii() and word.isalpha() and word.islower()]
            assert set(words) <= {"news", "config"}, (said, korean)


def test_money_being_spent_beyond_the_budget_is_in_the_verdict() -> None:
    shown = page(spent((0.2, "2.00"), (1.2, "5.00")).picture(1.5 * HOUR))

    assert shown.verdict.subject.startswith("LLM budget of 6.00 USD is exceeded")
    assert "4.67\u00a0USD an hour being spent" in text(shown.verdict.text)

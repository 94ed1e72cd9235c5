"""A bot's own word of a cost, against the price table: told as an issue, and one source for every view."""

from __future__ import annotations

from obs.analysis import Analyzer
from obs.events import Event
from obs.snapshot import Issue
from tests.money.telling import amounts, call


def issues(*events: Event) -> list[Issue]:
    analyzer = Analyzer()
    for event in events:
        analyzer.feed(event)
    return [issue for issue in analyzer.snapshot().issues if issue.rule == "llm-price"]


def test_a_cost_that_is_off_by_more_than_a_hundredth_is_an_issue_to_know_of() -> None:
    (found,) = issues(*(call(at, llm__cost="0.00228") for at in range(10)))

    assert (found.severity, found.count, found.title) == ("info", 10, "Reported LLM cost differs: gpt-5")
    assert "reported 0.0228 USD for 10 calls" in found.explanation
    assert "0.0225 USD" in found.explanation
    assert found.evidence


def test_what_is_off_by_less_or_rarely_or_has_no_price_is_none() -> None:
    near = [call(at, llm__cost="0.00227") for at in range(10)]
    few = [call(at, llm__cost="9") for at in range(2)]
    unknown = [call(at, model="ours", llm__cost="9") for at in range(10)]
    other_money = [call(at, llm__cost="9", llm__cost_currency="KRW") for at in range(10)]

    assert issues(*near) == issues(*few) == issues(*unknown) == issues(*other_money) == []


def test_the_briefing_and_the_figures_tell_the_same_cost() -> None:
    analyzer = Analyzer()
    for at in range(8_000):
        analyzer.feed(call(at, llm__cost="0.003"))

    snapshot = analyzer.snapshot()

    assert snapshot.money is not None
    assert amounts(snapshot.money.total_cost_today) == {"USD": "18"}
    assert "LLM cost of bot-1 news 18.00 USD" in " ".join(snapshot.money_lines)

"""What a bot's own check of its market data found becomes an issue by its fault, not by its words."""

from __future__ import annotations

from typing import Any

import pytest

from obs.analysis import Analyzer
from obs.events import Severity
from obs.hazards.checks import _FAULTS
from obs.page.phrasebook import say
from obs.rules import RuleSet, load
from obs.snapshot import Issue, IssueSeverity
from tests.builders import event
from trading.market.findings import Fault


def issues(*found: dict[str, Any], rules: RuleSet | None = None) -> list[Issue]:
    analyzer = Analyzer(rules or RuleSet(()))
    for number, values in enumerate(found):
        about = dict(values)
        body, level = about.pop("body", "words nobody knows"), about.pop("level", Severity.WARN)
        analyzer.feed(
            event(
                body,
                at=60 * number,
                name="data.checked",
                bot="daily",
                severity=level,
                attributes={"data.source": "files", "interval": "1d", **about},
                uid=f"p-{number}",
            )
        )
    return list(analyzer.snapshot().issues)


def said(fault: str, symbol: str = "069500", action: str = "kept", **more: Any) -> dict[str, Any]:
    return {"data.fault": fault, "symbol": symbol, "action": action, **more}


def test_a_finding_is_a_warning_that_names_fault_and_symbol_and_its_step() -> None:
    (issue,) = issues(said("split", action="adjusted"))

    assert issue.title == "Split in market data of 069500"
    assert issue.severity is IssueSeverity.WARNING
    assert issue.component == "daily"
    assert any("069500" in step for step in issue.actions)
    assert any("average price" in step for step in issue.actions)
    assert "adjusted" in issue.explanation
    assert len(issue.evidence) == 1


def test_a_refused_symbol_is_an_error_of_its_own_beside_what_was_kept() -> None:
    refused, kept = issues(
        said("missing", "A"), said("missing", "B", "refused", level=Severity.ERROR), said("missing", "C")
    )

    assert (refused.title, refused.severity) == (
        "Missing bars in market data of B: left out",
        IssueSeverity.ERROR,
    )
    assert (kept.title, kept.severity, kept.count) == (
        "Missing bars in market data of A C",
        IssueSeverity.WARNING,
        2,
    )


def test_one_fault_of_many_symbols_is_one_issue_however_often_it_is_told() -> None:
    (issue,) = issues(*[said("stale", f"S{number}") for number in range(5)] * 2)

    assert issue.title == "Bars that end too early in market data of S0 S1 S2 +2"
    assert issue.count == 10


@pytest.mark.parametrize(
    "body", ["crossed (dropped) in the bars of A: nan prices found", "anything", "데이터 이상 감지"]
)
def test_the_words_decide_nothing(body: str) -> None:
    (issue,) = issues(said("crossed", "A", "dropped", body=body), rules=load())

    assert (issue.rule, issue.title) == ("data-fault", "Highs below lows in market data of A")


def test_old_news_is_no_issue() -> None:
    assert issues(said("split", level=Severity.INFO)) == []


def test_a_refused_login_is_left_to_the_rule_that_knows_more() -> None:
    words = (
        "cannot load market data, the source lets nobody in: KRX: the login failed (CD005: no such member)"
    )
    (issue,) = issues(
        {"data.fault": "login", "action": "refused", "level": Severity.ERROR, "body": words},
        rules=load(),
    )

    assert issue.title == "The data source KRX refuses the login"


def test_a_fault_nobody_knows_is_told_by_its_name() -> None:
    (issue,) = issues(said("gremlins", "A"))

    assert issue.title == "Fault gremlins in market data of A"


def test_a_finding_of_no_symbol_is_told_without_one() -> None:
    (issue,) = issues({"data.fault": "short", "action": "kept", "sample.count": 41, "value": 120})

    assert issue.title == "Too short a history in market data"


def test_every_fault_of_the_core_has_its_words_in_both_languages() -> None:
    left = {"login", "universe", "unreachable"}

    assert set(Fault.__args__) - left == set(_FAULTS)  # type: ignore[attr-defined]
    for fault in _FAULTS:
        (issue,) = issues(said(fault, "A", "refused"))
        for text in (issue.title, issue.explanation, *issue.actions, issue.do_not):
            told = say(text, "ko")
            assert told != text
            assert not any(word in told for word in ("market", "data", "bars", "price", "the "))

"""One issue in full: each step with what it touches, the money with what a fall would cost, the incident."""

from __future__ import annotations

import msgspec
import pytest

from obs.snapshot import Category, Issue, Snapshot
from obs.web.issue import view
from obs.web.model import Fact, IssueView, Mark, Style
from obs.web.page import page
from tests.scenarios.playing import Story
from tests.web.days import HOUR, bought, busy, stopped, text, well

BUSY = busy().picture()


def opened(snapshot: Snapshot, rule: str, lang: str = "en") -> IssueView:
    issue = next(one for one in snapshot.issues if one.rule == rule)
    shown = view(snapshot, issue.id, lang=lang)
    assert shown is not None
    return shown


def told(facts: tuple[Fact, ...]) -> dict[str, str]:
    return {fact.label: text(fact.value) for fact in facts}


def changed(snapshot: Snapshot, **values: object) -> tuple[Snapshot, Issue]:
    first = msgspec.structs.replace(snapshot.issues[0], **values)
    return msgspec.structs.replace(snapshot, issues=(first, *snapshot.issues[1:])), first


def test_an_unknown_id_has_no_view() -> None:
    assert view(BUSY, "I-000000") is None


def test_each_step_says_what_it_touches() -> None:
    steps = opened(BUSY, "unprotected").steps

    assert [(step.gate, step.is_grave) for step in steps] == [
        ("", False),
        ("moves money", True),
        ("changes code", False),
    ]
    assert text(steps[1].text) == "Close the position, or place a new stop on the right side of the price."
    assert all(not text(step.text).startswith("[") for step in steps)


def test_a_restart_and_a_setting_are_named_too() -> None:
    actions = ("[restart] The bot, when flat.", "[config] A lower limit.", "[ask] Operator: go on?")
    snapshot, issue = changed(BUSY, actions=actions, category=Category.LLM)

    shown = view(snapshot, issue.id)

    assert shown is not None
    assert [step.gate for step in shown.steps] == ["restarts the bot", "changes settings", "needs a person"]


def test_a_step_that_restarts_says_whether_that_is_safe_now() -> None:
    snapshot, issue = changed(BUSY, actions=("[restart] The bot.",))

    shown = view(snapshot, issue.id)

    assert shown is not None
    assert text(shown.steps[0].text).startswith("The bot. Restart now: grid-1, maps-kr no: open positions")


def test_commands_stand_as_code_and_can_be_copied() -> None:
    actions = (
        "[read] What grows: `du -x --max-depth=2 | sort -n`, logs first.",
        "[read] `fetch_time` of it.",
    )
    snapshot, issue = changed(BUSY, actions=actions)

    shown = view(snapshot, issue.id)

    assert shown is not None
    assert [step.command for step in shown.steps] == ["du -x --max-depth=2 | sort -n", ""]
    assert [span.text for span in shown.steps[1].text if span.style is Style.CODE] == ["fetch_time"]


def test_the_money_tells_what_a_fall_would_cost() -> None:
    facts = opened(BUSY, "unprotected").money

    assert facts[0].mark is Mark.CRITICAL
    assert told(facts) == {
        "Unprotected": "45,000.00\u00a0USDT",
        "for": "<age>",
        "Position": "0.5 BTC/USDT long",
        "Entry": "90,000.00",
        "Meant stop": "88,000.00417",
        "If it falls 5%": "−2,250.00\u00a0USDT",
        "with the stop": "−1,000.00\u00a0USDT",
    }


def test_a_short_position_loses_when_the_price_rises() -> None:
    story = Story(mode="live")
    bought(story, 1, "s", "ETH/USDT", "-2", "3000", "USDT", **{"position.side": "short"})
    values = {"order.type": "stop_market", "order.side": "buy", "position.id": "p-s-ETH/USDT"}
    for number, (name, price) in enumerate((("order.accepted", "3100"), ("order.canceled", "3100"))):
        said = {**values, "symbol": "ETH/USDT", "order.id": "s1", "order.stop_price": price}
        story.say(2 + number, name, said, bot="s")

    facts = told(opened(story.picture(), "unprotected").money)

    assert facts["If it rises 5%"] == "−300.00\u00a0USDT"
    assert facts["with the stop"] == "−200.00\u00a0USDT"
    assert facts["Position"] == "2 ETH/USDT short"


def test_an_issue_without_money_has_no_money_facts() -> None:
    story = Story()
    story.write(1, "the widget of the third kind broke")

    shown = view(story.picture(), story.picture().issues[0].id)

    assert shown is not None
    assert shown.money == ()
    assert shown.row.amount is not None
    assert (shown.row.amount.text, shown.row.why_money) == ("—", "no money behind it")


def test_the_story_leads_to_the_occurrence_and_goes_on_after_it() -> None:
    rows = opened(BUSY, "unprotected").story

    place = [row.is_it for row in rows].index(True)
    assert sum(row.is_it for row in rows) == 1
    assert rows[place].offset == 0
    assert all(row.offset < 0 for row in rows[:place])
    assert [(row.offset, text(row.text).split()[1]) for row in rows[place + 1 :]] == [
        (60_000, "order.rejected")
    ]


def test_not_tried_is_not_fixed() -> None:
    life = opened(BUSY, "unprotected").life

    assert text(life[-1][1]) == "Fixed when a stop for it is accepted, or it is closed: neither so far."


def test_a_fault_that_works_again_says_how_often() -> None:
    snapshot, issue = changed(BUSY, succeeded_since=3)

    shown = view(snapshot, issue.id)

    assert shown is not None
    assert text(shown.life[-1][1]) == "Works again: 3\u00a0good runs since."


def test_an_incident_has_its_symptoms_on_one_axis_and_what_told_it_apart() -> None:
    story = Story()
    for number in range(60):
        failed = {"exchange.id": "bybit", "error.type": "timeout", "http.route": "/v5/order"}
        story.say(HOUR + number * 10, "api.requested", failed, bot=f"bot-{number % 3}")
        good = {"exchange.id": "binance", "http.response.status_code": 200, "http.route": "/api"}
        story.say(HOUR + number * 10 + 5, "api.requested", good, bot="bot-0")
        story.write(
            HOUR + number * 10 + 1, "HTTPSConnectionPool(host='api.bybit.com', port=443): Read timed out."
        )

    taken = story.picture()
    cause = next(one for one in taken.issues if one.symptoms)
    shown = view(taken, cause.id)

    assert shown is not None
    assert shown.incident is not None
    assert shown.incident.start < shown.incident.began < shown.incident.end
    assert all(len(one.bars) in (0, 60) for one in shown.incident.symptoms)
    assert any(sum(one.bars) for one in shown.incident.symptoms)
    assert len(shown.incident.symptoms) == len(cause.symptoms)
    assert cause.id not in [one.id for one in shown.incident.symptoms], "a cause is no symptom of itself"
    labels = [fact.label for fact in shown.incident.told_apart]
    assert {"Other peers", "Other bots"} & set(labels)
    assert shown.incident.where == "not your code"


@pytest.mark.parametrize(
    ("count", "traceback", "note"),
    [
        (1, (), "2 records, `obs show {id}`"),
        (2, ("Traceback (most recent call last):",), "2 records, `obs show {id}`"),
        (7, (), "2 of 7, `obs show {id}`"),
    ],
)
def test_no_more_records_are_quoted_than_there_are_said_to_be(
    count: int, traceback: tuple[str, ...], note: str
) -> None:
    records = opened(BUSY, "unprotected")
    issue = next(one for one in BUSY.issues if one.id == records.row.id)
    two = tuple(msgspec.structs.replace(issue.evidence[0], id=f"log:{number}") for number in (1, 2))
    snapshot, first = changed(BUSY, count=count, traceback=traceback, evidence=two)

    shown = view(snapshot, first.id)

    assert shown is not None
    assert shown.evidence_note.replace("\u00a0", " ") == note.format(id=first.id).replace("`", "")


def test_an_issue_of_its_own_is_no_incident() -> None:
    assert opened(BUSY, "unprotected").incident is None


def test_foreign_text_is_escaped_wherever_it_stands() -> None:
    story = Story()
    story.write(1, "broke \u202eevil\u0000 <script>alert(1)</script>")

    shown = view(story.picture(), story.picture().issues[0].id)

    assert shown is not None
    (line,) = shown.evidence[0].lines
    assert "\u202e" not in line
    assert "\\u202eevil\\u0000 <script>" in line
    assert shown.evidence[0].kind.is_foreign


@pytest.mark.parametrize("lang", ["en", "ko"])
def test_the_row_of_the_view_is_the_row_of_the_list(lang: str) -> None:
    shown = opened(BUSY, "unprotected", lang)

    assert shown.row == page(BUSY, lang=lang).issues.rows[0]


def test_the_copied_text_is_counted() -> None:
    assert 50 < opened(BUSY, "unprotected").tokens <= 2_000


def test_a_guarded_position_says_that_its_stop_rests() -> None:
    story = well()
    stopped(story, 14_000, "grid-1", "BTC/USDT", "88000")
    for number in range(3):
        story.write(14_100 + number, "database is locked", bot="grid-1")

    taken = story.picture()
    issue = next(one for one in taken.issues if one.money_at_risk)
    shown = view(taken, issue.id)

    assert shown is not None
    assert told(shown.money)["Protected"] == "yes, 1\u00a0stop rests"

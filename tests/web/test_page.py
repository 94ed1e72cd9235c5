"""The page as a whole: bounded, quick, in two languages and any time zone, for all bots or one alone."""

from __future__ import annotations

import re
import time
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from typing import Any

import msgspec
import pytest

from obs.analysis import Analyzer, analyze
from obs.events import Severity
from obs.insight.lifecycle import Lifecycle
from obs.rules import RuleSet
from obs.snapshot import IssueStatus, Snapshot
from obs.web.issue import view
from obs.web.model import EventRow, Page, Quoted, Span, StoryRow, Style
from obs.web.page import page
from tests.builders import REPO, SECOND, START, event
from tests.scenarios.playing import Story
from tests.web.days import HOUR, busy, now, text, well

DEMO = analyze(Path(REPO / "tests" / "data" / "demo_day.jsonl.gz"))
BUSY = busy().picture()
NAMES = frozenset(
    {"id", "service", "bot", "name", "model", "currency", "version", "lang", "zone", "agents", "component"}
    | {
        "key",
        "kind",
        "state",
        "stage",
        "currencies",
        "command",
        "category",
        "issue",
        "market",
        "mark",
        "plan",
    }
    | {"evidence_note"}
)
"""Fields that hold names and keys, which no language changes; a note that is a command."""
ENGLISH = re.compile(r"(?<![\w/.:`_-])[a-z]{2,}(?: [a-z]{2,})+(?![\w/.:`_-])")
"""Two small words in a row are a phrase of ours: names stand alone."""


def ours(value: Any) -> Iterator[str]:
    """Every text of ours in a view: neither code nor foreign text, names nor quoted lines."""
    if isinstance(value, Span):
        if value.style not in (Style.CODE, Style.FOREIGN):
            yield value.text
    elif isinstance(value, (EventRow, Quoted, StoryRow)):
        return
    elif isinstance(value, msgspec.Struct):
        for name in value.__struct_fields__:
            if name not in NAMES:
                yield from ours(getattr(value, name))
    elif isinstance(value, (list, tuple)):
        for item in value:
            yield from ours(item)
    elif isinstance(value, dict):
        for item in value.values():
            yield from ours(item)
    elif isinstance(value, str):
        yield value


@pytest.mark.parametrize("snapshot", [DEMO, BUSY, well().picture()], ids=["demo", "busy", "well"])
def test_no_english_of_ours_is_left_on_the_korean_page(snapshot: Snapshot) -> None:
    shown: list[object] = [page(snapshot, lang="ko")]
    shown += [view(snapshot, issue.id, lang="ko") for issue in snapshot.issues]

    left = {said for said in ours(tuple(shown)) if ENGLISH.search(re.sub("`[^`]*`", "", said))}

    assert left == set()


def test_numbers_and_times_follow_the_language() -> None:
    shown = page(well().picture(), lang="ko", zone="Asia/Seoul")

    krw = next(one for one in shown.exposure if one.currency == "KRW")
    assert (krw.parts[0].amount.text, krw.parts[0].amount.currency) == ("1,420,000", "원")
    assert "KRX 11월 21일 09:00" in text(shown.verdict.text)
    assert shown.rhythm.rows[0].cells[0].every == "/ 30초"


def test_the_zone_is_the_reader_s_and_said_once() -> None:
    shown = page(BUSY, zone="Asia/Seoul")

    assert (shown.zone, shown.offset_minutes) == ("KST", 540)


def test_times_in_our_own_sentences_are_the_reader_s() -> None:
    utc, seoul = (
        next(
            shown
            for issue in DEMO.issues
            if issue.rule == "unprotected" and (shown := view(DEMO, issue.id, zone=zone)) is not None
        )
        for zone in ("UTC", "Asia/Seoul")
    )

    assert "not retried since 09:12:19" in text(utc.explanation)
    assert "not retried since 18:12:19" in text(seoul.explanation)


def test_a_page_is_the_same_for_the_same_picture() -> None:
    assert page(BUSY) == page(BUSY)


def test_an_unknown_language_is_refused() -> None:
    with pytest.raises(ValueError, match="lang = 'fr'"):
        page(BUSY, lang="fr")


def test_one_bot_alone_has_its_own_verdict_and_rows() -> None:
    well_bot, bad_bot = page(BUSY, bot="llm-swing"), page(BUSY, bot="grid-1")

    assert well_bot.verdict.word == "All is well."
    assert bad_bot.verdict.subject == "BTC/USDT has no stop-loss."
    assert [row.bot for row in well_bot.rhythm.rows] == ["llm-swing"]
    assert well_bot.exposure == ()
    assert [bar.currency for bar in bad_bot.exposure] == ["USDT"]
    assert [one.bot for one in well_bot.funnel] == [""]
    assert text(well_bot.funnel[0].sentence).startswith("24\u00a0signals")


def test_the_top_bar_names_all_bots_whichever_is_shown() -> None:
    assert page(BUSY, bot="llm-swing").bots == page(BUSY).bots


def test_a_bot_that_nobody_knows_shows_an_empty_page() -> None:
    shown = page(BUSY, bot="no-such-bot")

    assert (shown.issues.rows, shown.exposure, shown.rhythm.rows) == ((), (), ())


def many(count: int) -> Snapshot:
    """Ten bots with heartbeats, and so many different errors."""
    analyzer = Analyzer(RuleSet(()))
    letters = "abcdefghijklmnopqrstuvwxyz"
    for number in range(10 * 120):
        bot, beat = f"bot-{number % 10}", {"bot.state": "running"}
        analyzer.feed(
            event("up", at=number * 3, name="heartbeat", bot=bot, attributes=beat, uid=f"h{number}")
        )
    for number in range(count):
        word = "".join(letters[number // 26**place % 26] for place in range(3))
        said = event(
            f"the {word}{word} part broke", at=4_000 + number, severity=Severity.ERROR, uid=f"e{number}",
            bot=f"bot-{number % 10}", logger=f"x.{word}",
        )  # fmt: skip
        analyzer.feed(said)
    return analyzer.snapshot(now=START + (4_100 + count) * SECOND, live=True)


def test_thousands_of_issues_make_a_bounded_page_in_little_time() -> None:
    snapshot = many(2_000)
    page(snapshot)

    spent = []
    for _ in range(5):
        began = time.process_time()
        shown = page(snapshot)
        spent.append(time.process_time() - began)

    assert len(shown.issues.rows) == 100
    assert shown.issues.more == len(snapshot.issues) - 100
    assert len(msgspec.json.encode(shown)) < 200_000
    # Twice what is meant, for a machine that is busy.
    assert min(spent) < 0.040


def test_a_fault_that_did_not_come_back_today_waits_unseen() -> None:
    story = Story()
    for number in range(3):
        story.write(number * 60, "database is locked")
    for step in range(20):
        story.say(20 * HOUR + step * 30, "heartbeat", {"bot.state": "running"})

    shown = page(story.picture()).issues

    assert shown.rows == ()
    assert [row.count for row in shown.quiet] == [3]


def test_an_archived_issue_is_shown_on_demand_only() -> None:
    story = busy()
    fingerprint = next(one.fingerprint for one in BUSY.issues if one.rule == "unprotected")
    decided = {fingerprint: Lifecycle(IssueStatus.ARCHIVED, START, "ann", "known")}

    shown = page(story.picture(lifecycle=decided))

    assert shown.issues.rows == ()
    assert [(row.life.text if row.life else "", row.is_closed) for row in shown.issues.quiet] == [
        ("Archived", True)
    ]


@pytest.mark.parametrize(
    ("mode", "is_rich", "en", "ko"),
    [
        ("live", True, "by money at risk", "위험 금액순"),
        ("live", False, "by severity", "심각도순"),
        ("dry run", True, "real keys and costs first, then severity", "실제 키와 비용 먼저, 그다음 심각도순"),
    ],
)
def test_the_list_says_by_what_it_is_in_order(mode: str, is_rich: bool, en: str, ko: str) -> None:
    money = [one.money_at_risk if is_rich else () for one in BUSY.issues]
    issues = tuple(
        msgspec.structs.replace(one, money_at_risk=held) for one, held in zip(BUSY.issues, money, strict=True)
    )
    taken = msgspec.structs.replace(BUSY, mode=mode, issues=issues)

    assert page(taken).issues.order == en
    assert page(taken, lang="ko").issues.order == ko


def test_a_list_without_issues_has_no_order() -> None:
    assert page(well().picture()).issues.order == ""


def test_every_passed_check_was_looked_at() -> None:
    shown = page(well().picture()).issues

    assert {check.text: text(check.value) for check in shown.checks} == {
        "Every position has a resting stop": "2 / 2",
        "One writer per account": "1 / 1",
        "Heartbeats on cadence": "3 / 3",
        "Ticks on cadence": "1 / 1",
        "Candles on cadence": "2 / 2",
        "Calendar known": "KRX <clock>",
        "No secret in the log": "0",
    }


def test_what_failed_or_was_not_seen_is_no_passed_check() -> None:
    failed = {check.text for check in page(BUSY).issues.checks}
    empty = page(Analyzer(RuleSet(())).snapshot(now=START, live=True)).issues.checks

    assert "Every position has a resting stop" not in failed
    assert empty == ()


def test_changes_tell_causes_above_symptoms_and_only_what_is_newer() -> None:
    story = well()
    for at, version in ((0, "0.4.2"), (3.9 * HOUR, "0.4.3")):
        story.say(
            at, "bot.started", {"bot.state": "running"}, bot="grid-1", resource={"service.version": version}
        )
    story.write(3.95 * HOUR, "the widget of the third kind broke", bot="grid-1")

    told = page(story.picture(), since=now(HOUR)).changes
    later = page(story.picture(), since=now(4.2 * HOUR)).changes

    assert [row.kind for row in told.rows] == ["deployed", "new"]
    assert text(told.rows[0].text).startswith("grid-1 0.4.2 → 0.4.3, 3\u00a0min before:")
    assert told.rows[0].issue == told.rows[1].issue
    assert later.rows == ()
    assert later.empty == "Nothing has changed."


def test_a_decision_without_proof_is_not_tried() -> None:
    story = well()
    for number in range(3):
        story.write(60 + number, "the widget of the third kind broke", bot="grid-1")
    fingerprint = next(one.fingerprint for one in story.picture().issues if one.count == 3)
    decided = {fingerprint: Lifecycle(IssueStatus.RESOLVED, START + 3_600 * SECOND, "ann", "fixed")}

    (row,) = page(story.picture(lifecycle=decided)).changes.rows

    assert (row.kind, row.word) == ("untried", "Not tried")
    assert text(row.text).endswith("its path has not run since")


def test_a_page_can_be_sent_and_read_back() -> None:
    shown = page(DEMO)

    assert msgspec.json.decode(msgspec.json.encode(shown), type=Page) == shown


def test_result_and_cost_are_drawn_by_the_hour_and_the_day() -> None:
    shown = page(DEMO)

    assert shown.pnl.currencies == ("USD",)
    assert (len(shown.pnl.hours["USD"].points), len(shown.pnl.days["USD"].points)) == (24, 30)
    assert shown.pnl.hours["USD"].amount.text == "+14.92"
    assert shown.llm.agents == ("news-analyst",)
    assert sum(point.by_agent[0] for point in shown.llm.hours) == pytest.approx(14.63, abs=0.01)
    assert [row.name for row in shown.agents.rows] == ["rule", "news-analyst"]


def test_an_hour_of_which_nothing_was_heard_is_a_gap() -> None:
    points = page(DEMO).pnl.hours["USD"].points

    assert points[0].value is None
    assert points[-1].value is not None


def test_a_looping_agent_is_told_by_what_it_spends() -> None:
    row = next(one for one in page(DEMO).issues.rows if "loops" in one.title)

    assert row.amount is not None
    assert row.amount.currency == "USD/h"
    assert row.why_money == "being spent"


def test_the_offset_follows_the_clock_change() -> None:
    summer = int(datetime.fromisoformat("2026-07-01T00:00:00+00:00").timestamp()) * SECOND

    assert page(msgspec.structs.replace(BUSY, taken_at=summer), zone="Europe/Berlin").offset_minutes == 120


def test_what_was_over_before_the_last_look_is_no_change() -> None:
    ended = next(one.last_seen for one in DEMO.issues if one.rule == "outage") // 1_000_000

    before, after = (
        [row.kind for row in page(DEMO, since=ended + distance).changes.rows]
        for distance in (-60_000, 60_000)
    )

    assert "resolved" in before
    assert "resolved" not in after

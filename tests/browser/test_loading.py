"""The page opens, complains of nothing, asks nobody else, and follows the observer without a reload."""

from __future__ import annotations

import re
import time

import pytest
from msgspec.structs import replace
from playwright.sync_api import Browser, expect

from obs.web.model import EventRow
from tests.browser import drawn
from tests.browser.drawn_issues import BARE, BYBIT, views
from tests.browser.drawn_tail import tail
from tests.browser.opening import Heard, open_issue, opened
from tests.browser.spans import plain
from tests.browser.stage import POLICY, Stage


@pytest.mark.parametrize("name", sorted(drawn.PAGES))
def test_every_state_is_drawn_without_a_complaint_and_without_a_request_to_others(
    browser: Browser, name: str
) -> None:
    page, heard = drawn.PAGES[name](), Heard()

    with Stage(page, views(), tail()) as stage:
        tab = opened(browser, stage, lang=page.lang, heard=heard)
        expect(tab).to_have_title(page.title)
        policy = tab.evaluate("fetch('/').then((answer) => answer.headers.get('content-security-policy'))")
        tab.context.close()

    assert policy == POLICY
    assert heard.errors == []
    assert heard.strangers == []


def test_each_section_shows_what_the_page_holds(browser: Browser) -> None:
    with Stage(drawn.act_now(), views(), tail()) as stage:
        tab = opened(browser, stage)
        # It is asked for once the page is drawn.
        expect(tab.locator("#briefing")).to_contain_text("# Verdict")
        text = tab.locator("body").inner_text()
        tab.context.close()

    words = (
        "BTC/USDT has no stop-loss: the exchange refused it", "1,420,000", "2 h 14 min", "Escalating",
        "What changed since 08:10", "Clock skew on the NAS", "waits for signals", "41 in 20 min", "+57.20",
        "trend-agent", "unpriced", "184 signals became 5 trades.", "123 below 0.60", "telegram token, masked",
        "198 queue full 11:21", "BTC/USDT long on grid-1 has no stop",
    )  # fmt: skip
    assert [word for word in words if word not in text.replace("\u00a0", " ")] == []


def test_an_event_is_shown_within_a_second_and_a_verdict_too_without_a_reload(browser: Browser) -> None:
    with Stage(drawn.all_is_well(), views(), tail()) as stage:
        tab = opened(browser, stage)
        tab.evaluate("window.isSame = true")
        row = tail()[0]
        began = time.monotonic()
        stage.tell([replace(row, seq=900, id="ev-fresh", text=(plain("order.rejected just now"),))])
        expect(tab.get_by_role("log")).to_contain_text("order.rejected just now")
        shown_after = time.monotonic() - began
        stage.show(drawn.act_now())
        expect(tab.locator("h1")).to_contain_text("BTC/USDT has no stop-loss.")
        expect(tab).to_have_title(re.compile("Act now"))
        is_same = tab.evaluate("window.isSame")
        tab.context.close()

    assert is_same
    # A bound that a reload or a poll each few seconds would break; usually it is a third of a second.
    assert shown_after < 3


def test_events_that_repeat_are_folded_and_counted(browser: Browser) -> None:
    with Stage(drawn.act_now(), views(), tail()) as stage:
        tab = opened(browser, stage)
        log = tab.get_by_role("log")
        expect(log).to_contain_text("×38")
        count = log.get_by_text("timeout after 10000 ms").count()
        tab.context.close()

    assert count == 1


def test_an_issue_opens_with_its_plan_story_and_evidence_and_back_again(browser: Browser) -> None:
    heard = Heard()
    with Stage(drawn.act_now(), views(), tail()) as stage:
        tab = opened(browser, stage, heard=heard)
        open_issue(tab, BARE)
        view = tab.locator("#view")
        for word in ("Place the stop by hand", "git revert 5e1c0d9", "PRICE_FILTER", "ccxt.InvalidOrder"):
            expect(view).to_contain_text(word)
        tab.keyboard.press("Escape")
        expect(view).to_be_hidden()
        open_issue(tab, BYBIT)
        expect(view).to_contain_text("reconciler")
        expect(view).to_contain_text("Binance answers in 84 ms")
        tab.context.close()

    assert heard.errors == []


def test_a_chosen_bot_is_asked_for_and_kept_in_the_address(browser: Browser) -> None:
    with Stage(drawn.act_now(), views(), tail()) as stage:
        tab = opened(browser, stage)
        tab.get_by_role("link", name=re.compile("maps-kr")).first.click()
        tab.wait_for_url("**bot=maps-kr**")
        tab.wait_for_timeout(200)
        tab.context.close()
        asked = [line for line in stage.asked if "bot=maps-kr" in line]

    assert asked


def test_an_observer_that_refuses_is_told_and_tried_again(browser: Browser) -> None:
    with Stage(drawn.act_now(), views(), tail()) as stage:
        stage.status = 503
        tab = opened(browser, stage, waits=False)
        expect(tab.locator("body")).to_contain_text("503")
        stage.status = 200
        expect(tab.locator("h1")).to_contain_text("Act now.", timeout=15_000)
        tab.context.close()


def test_a_row_holds_what_the_observer_escaped(browser: Browser) -> None:
    row = EventRow(seq=901, id="ev-x", at=drawn.NOW, severity="ERROR", text=(plain("a\\u202eb ⏎ c"),))
    with Stage(drawn.act_now(), views(), ()) as stage:
        tab = opened(browser, stage)
        stage.tell([replace(row, mark=None, event_name="order.rejected")])
        expect(tab.get_by_role("log")).to_contain_text("a\\u202eb ⏎ c")
        tab.context.close()

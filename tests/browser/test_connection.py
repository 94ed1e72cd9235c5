"""What the page says when it hears nothing: never that all is well."""

from __future__ import annotations

import re
import time

from msgspec.structs import replace
from playwright.sync_api import Browser, expect

from tests.browser import drawn
from tests.browser.drawn_issues import views
from tests.browser.drawn_tail import tail
from tests.browser.opening import opened
from tests.browser.stage import Stage


def test_after_five_seconds_of_silence_the_page_cannot_say_and_ages_become_clock_times(
    browser: Browser,
) -> None:
    with Stage(drawn.act_now(drawn.LOST_AT), views(), tail(), beat_seconds=0.2) as stage:
        tab = opened(browser, stage, running=True)
        expect(tab.locator("#issues, main").first).to_contain_text("2 h 13 min")
        stage.beating = False
        tab.wait_for_timeout(500)
        tab.clock.fast_forward(4_000)
        expect(tab.locator("h1")).to_contain_text("Act now.")
        tab.clock.run_for(3_000)
        expect(tab.locator("h1")).to_contain_text("Cannot say.")
        text = tab.locator("main").inner_text().replace("\u00a0", " ")
        title = tab.title()
        stage.beating = True
        expect(tab.locator("h1")).to_contain_text("Act now.")
        tab.context.close()

    assert "BTC/USDT has no stop-loss" in text, "the last verdict stays in sight"
    assert "1,240.50" in text
    assert "as of 11:31:2" in text
    assert "11:31:16" in text, "the last heartbeat of grid-1, as a time"
    assert "2 h 13 min" not in text.replace("no candle for 2 h 14 min", "")
    assert "Act now" not in title


def test_a_quiet_market_is_no_lost_observer(browser: Browser) -> None:
    with Stage(drawn.all_is_well(), views(), (), beat_seconds=0.2) as stage:
        tab = opened(browser, stage, running=True)
        for _ in range(5):
            tab.clock.run_for(4_000)
            tab.wait_for_timeout(450)
        expect(tab.locator("h1")).to_contain_text("All is well.")
        tab.context.close()


def test_the_page_comes_back_by_itself_when_the_sidecar_does(browser: Browser) -> None:
    with Stage(drawn.act_now(), views(), tail(), beat_seconds=0.2) as stage:
        tab = opened(browser, stage, running=True)
        tab.evaluate("window.isSame = true")
        stage.stop()
        tab.wait_for_timeout(200)
        tab.clock.run_for(7_000)
        expect(tab.locator("h1")).to_contain_text("Cannot say.")
        stage.page = drawn.all_is_well()
        stage.start()
        for _ in range(10):
            tab.clock.run_for(3_000)
            tab.wait_for_timeout(200)
            if "All is well" in tab.locator("h1").inner_text():
                break
        expect(tab.locator("h1")).to_contain_text("All is well.")
        is_same = tab.evaluate("window.isSame")
        tab.context.close()

    assert is_same


def test_a_slow_observer_and_one_that_catches_up_are_told_apart(browser: Browser) -> None:
    with Stage(drawn.act_now(), views(), tail(), beat_seconds=0.2) as stage:
        tab = opened(browser, stage)
        top = tab.locator("#top")
        expect(top).to_contain_text("Live")
        stage.behind_ms = 6_000
        expect(top).to_contain_text(re.compile(r"Slow"))
        expect(top).to_contain_text(re.compile(r"6.s"))
        stage.pending_bytes = 1 << 20
        expect(top).to_contain_text("Catching up")
        stage.behind_ms = stage.pending_bytes = 0
        expect(top).to_contain_text("Live")
        tab.context.close()


def test_a_dropped_stream_goes_on_after_the_last_event_and_shows_none_twice(browser: Browser) -> None:
    with Stage(drawn.act_now(), views(), tail(), beat_seconds=0.2) as stage:
        tab = opened(browser, stage)
        expect(tab.get_by_role("log")).to_contain_text("×38")
        before = stage.readers
        stage.drop()
        tab.wait_for_timeout(1_500)
        expect(tab.get_by_role("log")).to_contain_text("×38")
        after = stage.readers
        tab.context.close()

    assert before == after == 1


def test_lost_events_are_said_in_the_tail(browser: Browser) -> None:
    with Stage(drawn.act_now(), views(), tail()) as stage:
        tab = opened(browser, stage)
        stage.lose(1_204)
        expect(tab.locator("#log")).to_contain_text("1,204")
        tab.context.close()


def test_a_connection_that_fell_silent_without_ending_is_opened_anew(browser: Browser) -> None:
    with Stage(drawn.act_now(), views()) as stage:
        tab = opened(browser, stage, running=True)
        stage.beating = False
        begun = time.monotonic()
        while sum("/api/stream" in path for path in stage.asked) < 2 and time.monotonic() - begun < 30:
            tab.wait_for_timeout(200)
        asked = sum("/api/stream" in path for path in stage.asked)
        tab.context.close()

    assert asked >= 2


def test_a_briefing_that_is_copied_without_a_connection_says_so_itself(browser: Browser) -> None:
    with Stage(drawn.act_now(drawn.LOST_AT), views(), beat_seconds=0.2) as stage:
        tab = opened(browser, stage, running=True)
        expect(tab.locator("#briefing")).to_contain_text("# Verdict")
        tab.keyboard.press("c")
        tab.wait_for_timeout(300)
        current = tab.evaluate("navigator.clipboard.readText()")
        stage.stop()
        tab.clock.run_for(9_000)
        expect(tab.locator("h1")).to_contain_text("Cannot say.")
        tab.keyboard.press("c")
        tab.wait_for_timeout(300)
        stale = tab.evaluate("navigator.clipboard.readText()")
        tab.context.close()

    assert current.startswith("# Verdict")
    assert stale.startswith("> Not current: as of 11:31:2")
    assert stale.endswith(current)


def test_issues_beyond_the_list_are_counted_and_named_with_the_way_to_all(browser: Browser) -> None:
    page = drawn.act_now()
    issues = replace(page.issues, more=7, order="by severity")
    with Stage(replace(page, issues=issues), views()) as stage:
        tab = opened(browser, stage)
        text = tab.locator("#issues").inner_text().replace("\u00a0", " ")
        tab.context.close()

    assert "12 open, by severity" in text
    assert "7 more are open" in text
    assert "obs issues" in text

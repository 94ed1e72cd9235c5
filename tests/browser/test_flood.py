"""Five hundred events a second: the page stays as small as it was, and hears its reader."""

from __future__ import annotations

import time

import pytest
from msgspec.structs import replace
from playwright.sync_api import Browser, expect

from tests.browser import drawn
from tests.browser.drawn_issues import views
from tests.browser.drawn_tail import tail
from tests.browser.opening import Heard, opened
from tests.browser.spans import plain
from tests.browser.stage import Stage

# Long: it belongs to the night.
pytestmark = pytest.mark.slow

SECONDS = 3
RATE = 500
BATCHES = 10
"""In a second, as the sidecar sends them."""
GAPS = """() => {
  window.gaps = []; let last = performance.now();
  const step = (now) => { window.gaps.push(now - last); last = now; requestAnimationFrame(step); };
  requestAnimationFrame(step);
}"""


def test_five_hundred_events_a_second_leave_the_page_small_and_listening(browser: Browser) -> None:
    template, heard = tail()[0], Heard()
    with Stage(drawn.act_now(), views(), tail()) as stage:
        tab = opened(browser, stage, heard=heard)
        before = tab.evaluate("document.querySelectorAll('*').length")
        tab.evaluate(GAPS)
        seq, began = 10_000, time.monotonic()
        for batch in range(SECONDS * BATCHES):
            rows = []
            for _ in range(RATE // BATCHES):
                seq += 1
                text = f"order.rejected {seq * 7919 % 99_991:x} no two alike"
                rows.append(replace(template, seq=seq, id=f"ev-{seq}", text=(plain(text),)))
            stage.tell(rows)
            if batch == SECONDS * BATCHES // 2:
                tab.keyboard.press("/")
                tab.keyboard.type("still here")
            time.sleep(max(0.0, began + (batch + 1) / BATCHES - time.monotonic()))
        typed = tab.evaluate("document.activeElement.value")
        tab.keyboard.press("Escape")
        last = f"{seq * 7919 % 99_991:x} no two alike"
        expect(tab.get_by_role("log")).to_contain_text(last, timeout=10_000)
        after = tab.evaluate("document.querySelectorAll('*').length")
        rows_drawn = tab.evaluate("document.querySelector('[role=log]').childElementCount")
        gaps = sorted(tab.evaluate("window.gaps"))
        tab.context.close()

    assert typed == "still here"
    assert rows_drawn <= 600
    assert after - before <= 600 * 15
    assert heard.errors == []
    # Not a promise of speed on a busy machine: a page that stands still for seconds has lost its reader.
    assert gaps[-1] < 5_000, gaps[-5:]

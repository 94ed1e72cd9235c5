"""Reports as a reader gets them: nothing runs out of the page, no text of a chart lies upon another."""

from __future__ import annotations

from pathlib import Path

import pytest
from playwright.sync_api import Browser

from tests.browser.conftest import browser
from tests.trading.reporting.samples import BACKTEST, DAILY, WEEKLY
from trading.reporting.facts import BacktestFacts, DailyFacts, WeeklyFacts
from trading.reporting.writing import write_report

__all__ = ["browser"]

pytestmark = pytest.mark.slow

OVERLAPS = """() => {
  const found = [];
  for (const svg of document.querySelectorAll("svg")) {
    if (!svg.getClientRects().length) continue;
    const frame = svg.getBoundingClientRect();
    const texts = [...svg.querySelectorAll("text")].map(t => [t.getBoundingClientRect(), t.textContent]);
    texts.forEach(([a, one], i) => {
      if (a.left < frame.left - 1 || a.right > frame.right + 1) found.push(`${one} leaves the chart`);
      for (const [b, other] of texts.slice(i + 1))
        if (a.left < b.right && b.left < a.right && a.top + 3 < b.bottom && b.top + 3 < a.bottom)
          found.push(`${one} on ${other}`);
    });
  }
  return found;
}"""
"""Texts that meet; three pixels of each line are the room above its letters."""

LOST = """() => [...document.querySelectorAll("h1, h2, p, dt, dd, th, td")]
  .filter(e => e.getClientRects().length && e.scrollWidth > e.clientWidth + 1 && e.tagName != "TD")
  .map(e => e.textContent)"""


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [375, 1040])
@pytest.mark.parametrize("facts", [DAILY, WEEKLY, BACKTEST], ids=["daily", "weekly", "backtest"])
def test_a_report_fits_its_window(
    browser: Browser, tmp_path: Path, facts: DailyFacts | WeeklyFacts | BacktestFacts, width: int, scheme: str
) -> None:
    path = write_report(facts, tmp_path, "ko")[1]
    page = browser.new_page(
        viewport={"width": width, "height": 900}, color_scheme="dark" if scheme == "dark" else "light"
    )
    told: list[str] = []
    page.on("console", lambda message: told.append(message.text))
    page.on("request", lambda request: told.append(request.url))
    try:
        page.goto(path.as_uri())

        assert page.evaluate("document.documentElement.scrollWidth") <= width
        assert page.evaluate(OVERLAPS) == []
        assert page.evaluate(LOST) == []
        assert (
            len(page.query_selector_all("figure >> visible=true"))
            == len(page.query_selector_all("figure")) / 2
        )
        assert told == [path.as_uri()]
    finally:
        page.close()

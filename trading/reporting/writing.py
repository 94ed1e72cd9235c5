"""Reports as files: Markdown, HTML and the charts beside the Markdown, each written whole or not at all."""

from __future__ import annotations

import os
from pathlib import Path

from trading.reporting.backtests import backtest_page
from trading.reporting.daily import daily_page
from trading.reporting.facts import BacktestFacts, DailyFacts, PerformanceFacts, WeeklyFacts
from trading.reporting.forms import html, markdown
from trading.reporting.page import Page, Picture
from trading.reporting.performance import performance_page
from trading.reporting.weekly import weekly_page
from trading.reporting.words import Language

__all__ = ["page_of", "write_page", "write_report"]

Facts = DailyFacts | WeeklyFacts | BacktestFacts | PerformanceFacts


def write_report(facts: Facts, folder: Path, language: Language, *, stem: str = "") -> list[Path]:
    """Write a report; the same facts write the same files again.

    Args:
        facts: Of a day, a week, a backtest or an account.
        folder: Made when missing.
        language: Of the report.
        stem: Name of the files without their ending; empty: the session (`2025-01-02`), the week's last day,
            `backtest` or `performance`.

    Returns:
        The files: Markdown, HTML, then the charts.
    """
    return write_page(page_of(facts, language), folder, stem or _stem(facts))


def write_page(page: Page, folder: Path, stem: str) -> list[Path]:
    """Write a page; see `write_report`."""
    folder.mkdir(parents=True, exist_ok=True)
    pictures = {
        block.name: block
        for section in page.sections
        for block in section.blocks
        if isinstance(block, Picture)
    }
    names = {name: f"{stem}-{name}.svg" for name in pictures}
    # The charts come first: a Markdown file never names one that is not there yet.
    charts = [_written(folder / names[name], picture.wide) for name, picture in pictures.items()]
    return [
        _written(folder / f"{stem}.md", markdown(page, names)),
        _written(folder / f"{stem}.html", html(page)),
        *charts,
    ]


def page_of(facts: Facts, language: Language) -> Page:
    """Return what a report says, before it is Markdown or HTML."""
    if isinstance(facts, DailyFacts):
        return daily_page(facts, language)
    if isinstance(facts, WeeklyFacts):
        return weekly_page(facts, language)
    if isinstance(facts, PerformanceFacts):
        return performance_page(facts, language)
    return backtest_page(facts, language)


def _stem(facts: Facts) -> str:
    if isinstance(facts, DailyFacts):
        return str(facts.as_of)
    if isinstance(facts, WeeklyFacts):
        return str(facts.last)
    return "performance" if isinstance(facts, PerformanceFacts) else "backtest"


def _written(path: Path, text: str) -> Path:
    # Always the same name: what a kill left behind is written over the next time.
    part = path.with_name(f".{path.name}.part")
    with part.open("w", encoding="utf-8", errors="replace", newline="\n") as file:
        file.write(text)
        file.flush()
        os.fsync(file.fileno())
    part.replace(path)
    return path

"""Every report in both languages and both forms: whole, self-contained, and deaf to foreign text."""

from __future__ import annotations

import re
from html.parser import HTMLParser
from pathlib import Path

import msgspec
import pytest
from markdown_it import MarkdownIt

from tests.trading.reporting.samples import BACKTEST, DAILY, HOSTILE, WEEKLY
from trading.reporting.facts import BacktestFacts, DailyFacts, FilteredFacts, WeeklyFacts
from trading.reporting.forms import html, markdown
from trading.reporting.page import Cell, Column, Page, Section, Table
from trading.reporting.words import WORDS, Language, term
from trading.reporting.writing import page_of, write_report

Facts = DailyFacts | WeeklyFacts | BacktestFacts
ALL = pytest.mark.parametrize("facts", [DAILY, WEEKLY, BACKTEST], ids=["daily", "weekly", "backtest"])
BOTH = pytest.mark.parametrize("language", ["en", "ko"])


class Tags(HTMLParser):
    """Collects tags, attributes and text."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.open: list[str] = []
        self.texts: list[str] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))
        if tag != "meta":
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.texts.append(data)


@BOTH
@ALL
def test_html_stands_alone_and_is_whole(facts: Facts, language: Language) -> None:
    page = Tags(html(page_of(facts, language)))

    assert page.open == []
    names = {tag for tag, _ in page.tags}
    assert names.isdisjoint({"script", "img", "link", "iframe", "a", "object", "b"})
    for _, attributes in page.tags:
        assert not [name for name in attributes if name.startswith("on") or name in ("src", "href")]
    assert ("html", {"lang": language}) in page.tags
    ids = [attributes["id"] for _, attributes in page.tags if "id" in attributes]
    assert len(ids) == len(set(ids))


@BOTH
@ALL
def test_foreign_text_is_text_in_html(facts: Facts, language: Language) -> None:
    page = Tags(html(page_of(facts, language)))

    assert any("<img src=x onerror=alert(1)> [a](http://evil.example)" in text for text in page.texts)
    assert not [text for text in page.texts if "\u202e" in text or "\x00" in text]


@BOTH
@ALL
def test_foreign_text_is_text_in_markdown(facts: Facts, language: Language) -> None:
    page = page_of(facts, language)
    tokens = MarkdownIt("gfm-like", {"linkify": False}).parse(markdown(page, {"equity": "a b.svg"}))

    inline = [child for token in tokens for child in token.children or []]
    assert {token.type for token in inline} <= {
        "text",
        "softbreak",
        "hardbreak",
        "image",
        "strong_open",
        "strong_close",
        "text_special",
    }
    assert [token.attrs["src"] for token in inline if token.type == "image"] == ["a%20b.svg"]
    assert {token.type for token in tokens}.isdisjoint(
        {"html_block", "fence", "code_block", "blockquote_open"}
    )
    assert all(
        token.content == "!"
        for token, before in zip(inline[1:], inline, strict=False)
        if before.type == "strong_open"
    )


@BOTH
@ALL
def test_every_table_of_the_markdown_is_a_table(facts: Facts, language: Language) -> None:
    page = page_of(facts, language)
    tokens = MarkdownIt("gfm-like", {"linkify": False}).parse(markdown(page))

    tables = [
        block
        for section in page.sections
        for block in section.blocks
        if isinstance(block, Table) and block.rows
    ]
    assert len([token for token in tokens if token.type == "table_open"]) == len(tables)
    cells = sum(len(row) for table in tables for row in table.rows)
    assert len([token for token in tokens if token.type == "td_open"]) == cells


@pytest.mark.parametrize(
    "foreign",
    [
        "https://evil.example",
        "www.evil.example",
        "HTTP://x",
        "a@evil.example",
        "~~x~~",
        "<!-- x",
        "&lt;",
        "![x](y)",
        "$x$",
    ],
)
def test_an_address_does_not_become_a_link(foreign: str) -> None:
    table = Table((Column("a"),), ((Cell(foreign),),), "")
    page = Page("en", "t", (), (Section("s", (table,)),), ())

    tokens = MarkdownIt("gfm-like", {"linkify": False}).enable("strikethrough").parse(markdown(page))

    (cell,) = [tokens[i + 1] for i, token in enumerate(tokens) if token.type == "td_open"]
    assert "".join(child.content for child in cell.children or []) == foreign
    assert {child.type for child in cell.children or []} <= {"text", "text_special"}
    # GitHub links bare addresses in the source as well.
    assert not re.search(r"(?i)(?<!\\)://|www\.|[^\\]@", markdown(page))


def test_both_forms_say_the_same_figures() -> None:
    page = page_of(DAILY, "en")
    text = " ".join(Tags(html(page)).texts)

    plain = re.sub(r"\\(.)", r"\1", markdown(page))
    for section in page.sections:
        for block in section.blocks:
            if isinstance(block, Table):
                for row in block.rows:
                    for cell in row:
                        if HOSTILE not in cell.text:
                            assert cell.text in text
                            assert cell.text in plain


def test_unknown_none_and_zero_are_three_things() -> None:
    text = markdown(page_of(DAILY, "en"))

    hold = next(line for line in text.splitlines() if line.startswith("| 229200"))
    assert hold == "| 229200 | - | hold | 50.0% | - | 12,005 KRW | 0.00 | ? | - |"
    assert "- Since the start: 0.00%\n" in text
    assert "- Fees of the day: ?\n" in text
    assert "| 133690 | - | keep | 0 | ? | ? → ? | - |" in text


def test_signals_come_by_action_and_are_counted() -> None:
    text = markdown(page_of(DAILY, "en"))

    assert text.index("| 069500 |") < text.index("| 229200 |")
    assert "\nBuy 1 · sell 0 · hold 1\n" in text


def test_a_gate_is_told_with_what_it_measured() -> None:
    text = markdown(page_of(DAILY, "ko"))

    assert "| 091160 | - | 매수 | 신뢰도 | 41.0% | 50.0% |" in text
    assert "| 305720 | - | 매수 | 상관계수 | 0.83 | 0.80 |" in text


def test_the_date_stands_in_title_and_first_line() -> None:
    assert markdown(page_of(DAILY, "ko")).startswith(
        "# 일일 리포트 2025-11-06\n\n기준일 2025-11-06 (목) 종가  \n거래소 달력 XKRX · "
    )
    assert "다음 거래일 2025-11-07 (금)" in markdown(page_of(DAILY, "ko"))


@pytest.mark.parametrize(
    ("gate", "value", "threshold", "shown"),
    [
        ("correlation", 0.8512, 0.85, ("0.851", "0.850")),
        ("correlation", 0.85001, 0.85, ("0.85001", "0.85000")),
        ("correlation", 0.9, 0.85, ("0.90", "0.85")),
        ("correlation", 0.85, 0.85, ("0.85", "0.85")),
        ("confidence", 0.6496, 0.65, ("64.96%", "65.00%")),
        ("confidence", 0.41, 0.5, ("41.0%", "50.0%")),
    ],
)
def test_what_a_gate_compared_never_looks_equal_when_it_is_not(
    gate: str, value: float, threshold: float, shown: tuple[str, str]
) -> None:
    stopped = FilteredFacts(symbol="A", action="buy", filter=gate, value=value, threshold=threshold)
    page = markdown(page_of(msgspec.structs.replace(DAILY, filtered=(stopped,)), "en"))

    (row,) = [line for line in page.splitlines() if line.startswith("|") and f"| {gate} |" in line]
    assert tuple(cell.strip() for cell in row.strip("|").split("|"))[-2:] == shown


@BOTH
def test_without_a_closed_trade_there_is_no_win_rate(language: Language) -> None:
    facts = WeeklyFacts(first=WEEKLY.first, last=WEEKLY.last, currency="KRW")
    words = WORDS["no_trade"][language == "ko"]

    assert markdown(page_of(facts, language)).count(words) == 3


def test_nothing_failed_is_no_section() -> None:
    facts = DailyFacts(as_of=DAILY.as_of, currency="KRW")

    assert "What failed" not in markdown(page_of(facts, "en"))
    assert "What failed" in markdown(page_of(DAILY, "en"))


def test_a_month_without_a_bar_has_no_return() -> None:
    row = next(line for line in markdown(page_of(BACKTEST, "en")).splitlines() if line.startswith("| 2025 |"))

    assert row == "| 2025 | - | - | - | - | - | - | - | - | - | 0.0% | - | - | 0.0% |"


def test_assumptions_and_parameters_are_told() -> None:
    text = markdown(page_of(BACKTEST, "en"))

    assert "| Fills | signal at a close, filled at the next bar's open |" in text
    assert "| Fee, each side | 0.0150% |" in text
    assert "| Slippage, each side | 0.0500% |" in text
    assert f"| Data (SHA-256) | {'9f' * 32} |" in text
    assert "| fast | 20 |" in text
    assert "| is\\_on | True |" in text
    assert "- Trades: 1 closed, 1 open\n" in text
    assert "- Win rate: 0.0% (0 of 1)\n" in text


def test_long_lists_of_trades_are_cut_and_counted() -> None:
    import msgspec

    from trading.reporting.backtests import MOST_TRADES

    many = msgspec.structs.replace(BACKTEST, trades=BACKTEST.trades * 600)
    text = markdown(page_of(many, "en"))

    assert f"**!** {1200 - MOST_TRADES} more are not shown." in text
    assert text.count("| SPY |") == 500


def test_every_word_is_there_in_both_languages_with_the_same_places() -> None:
    for key, (english, korean) in WORDS.items():
        assert english
        assert korean, key
        assert set(re.findall(r"{(\w+)}", english)) == set(re.findall(r"{(\w+)}", korean)), key


def test_a_foreign_word_is_not_looked_up_as_one_of_ours() -> None:
    assert term("stop_loss", "ko") == "손절매"
    assert term("legend", "ko") == "legend"
    assert term("close", "ko") == "close"


@ALL
def test_the_same_facts_write_the_same_files_again(facts: Facts, tmp_path: Path) -> None:
    first = {path: path.read_bytes() for path in write_report(facts, tmp_path, "ko")}
    again = {path: path.read_bytes() for path in write_report(facts, tmp_path, "ko")}

    assert first == again
    assert set(tmp_path.iterdir()) == set(first)
    assert [path.suffix for path in first][:2] == [".md", ".html"]


def test_pictures_of_the_markdown_lie_beside_it(tmp_path: Path) -> None:
    paths = write_report(DAILY, tmp_path, "en")

    linked = re.findall(r"!\[.*?\]\((.*?)\)", paths[0].read_text(encoding="utf-8"))
    assert linked == ["2025-11-06-equity.svg", "2025-11-06-weights.svg", "2025-11-06-profit.svg"]
    assert [path.name for path in paths[2:]] == linked


def test_what_a_kill_left_behind_is_written_over(tmp_path: Path) -> None:
    (tmp_path / ".2025-11-06.md.part").write_text("half", encoding="utf-8")

    write_report(DAILY, tmp_path, "en")

    assert list(tmp_path.glob(".*")) == []

"""What a reader does in the panels: choose, filter, hold, search, copy, and open what is gone."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from msgspec.structs import replace
from playwright.sync_api import Browser, expect
from playwright.sync_api import Page as Tab

from tests.browser import drawn
from tests.browser.drawn_issues import BARE, NEWS, views
from tests.browser.drawn_tail import tail
from tests.browser.opening import opened
from tests.browser.spans import only
from tests.browser.stage import Stage

# Long: it belongs to the night.
pytestmark = pytest.mark.slow


@pytest.fixture
def stage() -> Iterator[Stage]:
    """The drawn day in trouble."""
    with Stage(drawn.act_now(), views(), tail()) as playing:
        yield playing


@pytest.fixture
def tab(browser: Browser, stage: Stage) -> Iterator[Tab]:
    """The page, open on a desktop."""
    opened_tab = opened(browser, stage)
    yield opened_tab
    opened_tab.context.close()


def test_both_charts_show_the_window_that_one_of_them_chose(tab: Tab) -> None:
    tab.locator("#llm").get_by_role("button", name="30").click()

    expect(tab.locator("#money .amount")).to_contain_text("+706.40")
    expect(tab.locator("#llm .amount")).to_contain_text("103.57")


def test_the_table_behind_a_chart_has_true_minus_signs_and_dashes_where_nothing_is_known(tab: Tab) -> None:
    pnl = tab.locator("#money")
    pnl.get_by_role("button", name="KRW").click()
    pnl.get_by_role("button", name="30").click()
    pnl.get_by_role("button", name="Table").click()

    cells = pnl.locator("tbody tr")
    expect(cells).to_have_count(30)
    assert cells.nth(0).locator("td").all_inner_texts()[:2] == ["—", "—"]
    assert cells.nth(9).locator("td").nth(0).inner_text() == "\u2212900"


def test_the_chart_of_money_follows_the_theme_and_is_never_red_or_green(tab: Tab) -> None:
    dark = _colours(tab)
    tab.get_by_role("button", name="Use the light theme").first.click()
    tab.wait_for_function("getComputedStyle(document.body).backgroundColor === 'rgb(247, 247, 245)'")
    tab.wait_for_timeout(300)
    light = _colours(tab)

    assert "127,162,245" in dark
    assert "58,98,201" in light
    assert "127,162,245" not in light
    # Neither red nor green: Korea reads red as up, the West as down, and here it means: act now.
    assert [colour for colour in dark + light if _is_red_or_green(colour)] == []


def _colours(tab: Tab) -> list[str]:
    """Every colour of the P&L chart that covers what is below it, as `red,green,blue`."""
    return list(
        tab.locator("#money canvas").evaluate("""(canvas) => {
            const data = canvas.getContext("2d").getImageData(0, 0, canvas.width, canvas.height).data;
            const found = new Set();
            for (let at = 0; at < data.length; at += 4)
                if (data[at + 3] === 255) found.add(`${data[at]},${data[at + 1]},${data[at + 2]}`);
            return [...found];
        }""")
    )


def _is_red_or_green(colour: str) -> bool:
    red, green, blue = map(int, colour.split(","))
    return red > 1.3 * max(green, blue) or green > 1.3 * max(red, blue)


def test_a_flag_on_the_axis_leads_to_its_issue(tab: Tab) -> None:
    tab.locator("#llm a.flag").click()

    expect(tab.locator(".view-title")).to_contain_text("news-agent repeats itself")
    assert NEWS in tab.url


@pytest.mark.parametrize(
    ("subject", "lines"),
    [("Order refused: balance not sufficient.", 2), ("BTC/USDT has no stop-loss.", 1)],
)
def test_the_verdict_s_line_ends_after_its_word_when_both_do_not_fit(
    tab: Tab, stage: Stage, subject: str, lines: int
) -> None:
    page = stage.page
    stage.show(replace(page, verdict=replace(page.verdict, word="Needs you today.", subject=subject)))
    expect(tab.locator("h1")).to_contain_text(subject)

    word, told = (tab.locator(f".verdict-{part}").bounding_box() for part in ("word", "subject"))
    assert word is not None
    assert told is not None
    assert round((told["y"] - word["y"]) / 34) + 1 == lines
    assert told["height"] < 40, "what is wrong stands in one piece"


@pytest.mark.parametrize(
    ("lang", "told"),
    [
        ("en", ["\u22124 ms", "+99 ms", "+0.1 s", "\u22129.6 s", "+1 min 52 s", "\u221212 min"]),
        ("ko", ["\u22124 ms", "+99 ms", "+0.1초", "\u22129.6초", "+1분 52초", "\u221212분"]),
    ],
)
def test_what_led_to_an_issue_is_told_to_the_millisecond_where_seconds_say_nothing(
    browser: Browser, lang: str, told: list[str]
) -> None:
    offsets = (-4, 99, 100, -9_600, 112_000, -12 * 60_000 - 5_000)
    view = views()[BARE]
    story = tuple(replace(view.story[0], offset=offset, is_it=False, badge=None) for offset in offsets)
    page = drawn.act_now() if lang == "en" else drawn.PAGES["korean"]()
    with Stage(page, {BARE: replace(view, story=story)}) as stage:
        tab = opened(browser, stage, lang=lang, path=f"#/issues/{BARE}", waits=False)
        expect(tab.locator(".story-time")).to_have_count(len(offsets))
        shown = [text.replace("\u00a0", " ") for text in tab.locator(".story-time").all_inner_texts()]
        tab.context.close()

    assert shown == told


def test_the_funnel_says_the_time_that_its_figures_cover(tab: Tab) -> None:
    head = tab.locator("#funnel").inner_text().replace("\u00a0", " ")

    assert "24 h" in head
    assert "today" not in head


def test_a_bot_without_signals_names_the_cause_and_leads_to_it(tab: Tab) -> None:
    funnel = tab.locator("#funnel")
    funnel.get_by_role("button", name="maps-kr").click()

    expect(funnel).to_contain_text("maps-kr gave no signal in 24 h.")
    funnel.get_by_role("link").click()
    expect(tab.locator(".view-title")).to_contain_text("Alive but useless")


@pytest.mark.parametrize(
    ("wanted", "kept"),
    [
        ("symbol:ETH", 1),
        ("severity:error", 3),
        ("service:maps-kr", 1),
        ("order -BTC/USDT", 3),
        ('"answer cut"', 1),
        ("no such words", 0),
    ],
)
def test_the_filter_of_the_tail_takes_words_and_keys(tab: Tab, wanted: str, kept: int) -> None:
    tab.get_by_label("Filter the tail").fill(wanted)

    expect(tab.locator(".tail-row")).to_have_count(kept)


def test_the_tail_holds_while_it_is_paused_and_shows_afterwards_what_came(tab: Tab, stage: Stage) -> None:
    before = tab.locator(".tail-row").count()
    tab.get_by_role("button", name="Pause").click()
    stage.tell([replace(tail()[0], seq=9_001, id="ev-held", text=only("a new line"))])

    tab.get_by_role("button", name="1 new line").click(timeout=5_000)

    expect(tab.locator(".tail-row")).to_have_count(before + 1)
    expect(tab.locator(".tail-row").first).to_contain_text("a new line")


def test_the_tail_shows_an_event_once_that_history_and_stream_both_tell(browser: Browser) -> None:
    stored = tail()
    live = [replace(row, seq=10**15 + row.seq) for row in stored]
    news = replace(live[-1], seq=live[-1].seq + 1, id="ev-new", at=live[-1].at + 1, text=only("One more."))
    with Stage(drawn.act_now(), views()) as stage:
        stage.stored = list(stored)
        tab = opened(browser, stage)
        rows = tab.locator("#log .tail-text")
        expect(rows.first).to_contain_text("timeout after 10000 ms")
        before = rows.all_inner_texts()
        stage.tell([*live[-20:], news])
        expect(rows.first).to_contain_text("One more.")
        after = rows.all_inner_texts()
        tab.get_by_role("button", name="orders").click()
        tab.get_by_role("button", name="orders").click()
        again = rows.all_inner_texts()
        tab.context.close()

    assert after[1:] == before
    assert again == after


def test_a_press_on_an_event_id_copies_it(tab: Tab) -> None:
    tab.get_by_role("button", name="Copy event id ev-91d8c0").click()

    expect(tab.locator(".tail-id.is-copied")).to_have_text("Copied")
    assert tab.evaluate("navigator.clipboard.readText()") == "ev-91d8c0"


def test_the_search_finds_issues_at_once_and_events_page_by_page(tab: Tab, stage: Stage) -> None:
    stage.tell([
        replace(tail()[0], seq=5_000 + number, id=f"ev-{number}", text=only(f"stop tried {number} times"))
        for number in range(60)
    ])  # fmt: skip
    tab.keyboard.press("/")
    tab.keyboard.type("stop")
    found = tab.locator("#search-panel")

    expect(found.locator(".search-issue").first).to_contain_text("BTC/USDT has no stop-loss")
    expect(found.locator(".search-event")).to_have_count(50)
    found.get_by_role("button", name="Older events").click()
    expect(found).to_contain_text("That is all.")
    tab.keyboard.press("Escape")
    expect(found).to_be_hidden()


def test_a_phone_searches_from_its_log(browser: Browser, stage: Stage) -> None:
    phone = opened(browser, stage, size=(390, 844), touch=True)
    phone.locator("#log").get_by_role("button", name="Search").click()
    field = phone.locator("#search-panel").get_by_role("searchbox")
    expect(field).to_be_focused()
    field.fill("PRICE_FILTER")
    expect(phone.locator(".search-event")).to_have_count(1)
    phone.get_by_role("button", name="Close").click()
    expect(phone.locator("#search-panel")).to_be_hidden()
    phone.context.close()


def test_the_results_of_a_search_are_walked_with_the_arrow_keys(tab: Tab) -> None:
    tab.keyboard.press("/")
    tab.keyboard.type("stop-loss")
    expect(tab.locator(".search-issue")).to_have_count(1)
    tab.keyboard.press("ArrowDown")
    tab.keyboard.press("Enter")

    expect(tab.locator(".view-title")).to_contain_text("BTC/USDT has no stop-loss")
    expect(tab.locator("#search-panel")).to_be_hidden()


def test_an_issue_is_copied_for_an_agent_as_its_own_briefing(tab: Tab, stage: Stage) -> None:
    tab.goto(f"{stage.url}#/issues/{BARE}")
    tab.get_by_role("button", name="Copy for agent").click()

    expect(tab.locator(".view-copy")).to_contain_text("Copied 612 tok")
    assert any("api/briefing?" in asked and f"issue={BARE}" in asked for asked in stage.asked)
    assert tab.evaluate("navigator.clipboard.readText()") == stage.briefing


def test_an_issue_that_is_no_longer_there_is_said_to_be_gone(tab: Tab, stage: Stage) -> None:
    tab.goto(f"{stage.url}#/issues/I-c0ffee")

    expect(tab.locator(".view-main")).to_contain_text("Issue I-c0ffee is not known.")
    tab.get_by_role("link", name="To the list").click()
    expect(tab.locator("#issues")).to_be_visible()


def test_an_issue_that_cannot_be_read_is_tried_again_on_a_press(tab: Tab, stage: Stage) -> None:
    stage.status = 503
    tab.goto(f"{stage.url}#/issues/{BARE}")
    expect(tab.locator(".view-main")).to_contain_text("The issue could not be read.")

    stage.status = 200
    tab.locator(".view-main").get_by_role("button", name="Try again").click()

    expect(tab.locator(".view-title")).to_contain_text("BTC/USDT has no stop-loss")

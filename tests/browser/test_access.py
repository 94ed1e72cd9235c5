"""The page for everybody: by keyboard, by screen reader, narrow, enlarged, without motion."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Literal

import msgspec
import pytest
from axe_playwright_python.sync_playwright import Axe  # type: ignore[import-untyped]
from playwright.sync_api import Browser, expect
from playwright.sync_api import Page as Tab

from obs.web.model import Mark, MergedRow
from tests.browser import drawn
from tests.browser.drawn_issues import BARE, BYBIT, FEED, views
from tests.browser.drawn_tail import tail
from tests.browser.opening import open_issue, opened
from tests.browser.stage import Stage

THEMES: tuple[Literal["dark", "light"], ...] = ("dark", "light")
PHONE = (390, 844)


@pytest.fixture
def stage() -> Iterator[Stage]:
    with Stage(drawn.act_now(), views(), tail(), beat_seconds=0.3) as playing:
        yield playing


def violations(tab: Tab) -> list[str]:
    """What axe-core finds, one line each."""
    found: dict[str, Any] = Axe().run(tab).response
    return [
        f"{one['impact']} {one['id']}: {node['html'][:160]} {node['failureSummary'][:200]}"
        for one in found["violations"]
        for node in one["nodes"]
    ]


@pytest.mark.parametrize(
    ("theme", "names"),
    [
        ("dark", ("act_now", "all_is_well", "empty_day")),
        ("light", ("act_now", "warnings_only", "losses")),
    ],
)
def test_axe_finds_nothing_in_any_state(
    browser: Browser, stage: Stage, theme: Literal["dark", "light"], names: tuple[str, ...]
) -> None:
    tab = opened(browser, stage, theme=theme)
    found = {}
    for name in names:
        make = drawn.PAGES[name]
        stage.show(make())
        expect(tab).to_have_title(make().title)
        tab.wait_for_timeout(300)
        found[name] = violations(tab)
    tab.context.close()

    assert {name: lines for name, lines in found.items() if lines} == {}


@pytest.mark.parametrize("theme", THEMES)
def test_axe_finds_nothing_in_an_issue_an_incident_the_key_list_and_a_lost_connection(
    browser: Browser, stage: Stage, theme: Literal["dark", "light"]
) -> None:
    tab = opened(browser, stage, theme=theme, running=True)
    found = {}
    for key in (BARE, BYBIT):
        open_issue(tab, key)
        found[key] = violations(tab)
        tab.keyboard.press("Escape")
    tab.keyboard.press("?")
    expect(tab.get_by_role("dialog")).to_be_visible()
    found["keys"] = violations(tab)
    tab.keyboard.press("Escape")
    stage.stop()
    tab.clock.run_for(8_000)
    expect(tab.locator("h1:visible")).to_contain_text("Cannot say.")
    found["lost"] = violations(tab)
    tab.context.close()

    assert {name: lines for name, lines in found.items() if lines} == {}


def test_axe_finds_nothing_on_a_phone_in_korean(browser: Browser) -> None:
    page = drawn.PAGES["korean"]()
    with Stage(page, views(), tail()) as stage:
        tab = opened(browser, stage, size=PHONE, lang="ko", theme="light", touch=True)
        found = violations(tab)
        lang = tab.evaluate("document.documentElement.lang")
        tab.context.close()

    assert lang == "ko"
    assert found == []


def test_the_keyboard_alone_leads_through_the_issues(browser: Browser, stage: Stage) -> None:
    tab = opened(browser, stage)
    # The verdict is drawn before the list: a key that is pressed in between finds no row.
    tab.locator(f'a[href*="{FEED}"]').first.wait_for()
    first = _after(tab, "j", "")
    second = _after(tab, "j", first)
    is_ringed = tab.evaluate(
        "(() => { const s = getComputedStyle(document.activeElement);"
        "return s.outlineStyle !== 'none' && parseFloat(s.outlineWidth) >= 2 })()"
    )
    again = _after(tab, "k", second)
    tab.keyboard.press("Enter")
    tab.wait_for_url(f"**{BARE if BARE in again else FEED}**")
    # The address changes before the view is there, which is what Escape leaves.
    tab.locator("#view h1").first.wait_for()
    tab.keyboard.press("Escape")
    tab.wait_for_url(lambda url: "issues" not in url)
    tab.context.close()

    assert first != second
    assert again == first
    assert is_ringed


def _after(tab: Tab, key: str, before: str) -> str:
    """Press a key and return the link that is in focus then, once it is another one than before."""
    tab.keyboard.press(key)
    link = (
        "(document.activeElement.getAttribute('href')"
        " ?? document.activeElement.querySelector('a')?.getAttribute('href') ?? '')"
    )
    tab.wait_for_function(f"before => {link} && {link} !== before", arg=before)
    return str(tab.evaluate(link))


def test_letters_do_what_the_key_list_says(browser: Browser, stage: Stage) -> None:
    tab = opened(browser, stage)
    tab.keyboard.press("c")
    tab.wait_for_function("async () => (await navigator.clipboard.readText()).startsWith('# ')")
    copied = tab.evaluate("navigator.clipboard.readText()")
    tab.keyboard.press("/")
    is_search = tab.evaluate("document.activeElement.matches('input')")
    tab.keyboard.type("ceaj ?")
    typed = tab.evaluate("document.activeElement.value")
    dialogs = tab.locator("dialog[open]").count()
    tab.keyboard.press("Escape")
    tab.keyboard.press("Escape")
    tab.locator("body").press("?")
    keys = tab.get_by_role("dialog").inner_text()
    tab.keyboard.press("Escape")
    tab.evaluate("document.activeElement.blur()")
    tab.keyboard.press("Space")
    expect(tab.locator("#log [aria-pressed=true][aria-keyshortcuts=Space]")).to_have_count(1)
    tab.context.close()

    assert copied.startswith("# Verdict: CRITICAL")
    assert is_search
    assert typed == "ceaj ?", "a letter that is typed is no command"
    assert dialogs == 0
    for key in ("J", "K", "Esc", "C", "E", "A", "/", "Space", "?"):
        assert key in keys, key


def test_resolving_and_archiving_need_the_token_and_carry_the_reason(browser: Browser, stage: Stage) -> None:
    stage.token = "a-token-long-enough"
    reader = opened(browser, stage)
    open_issue(reader, BARE)
    reader.keyboard.press("e")
    said = reader.get_by_role("dialog").inner_text()
    reader.context.close()

    tab = opened(browser, stage, path=f"#token={stage.token}")
    assert stage.token not in tab.url
    open_issue(tab, BARE)
    tab.keyboard.press("a")
    tab.get_by_role("dialog").locator("input[name=why]").fill("known since Monday")
    tab.get_by_role("dialog").locator("button[type=submit]").click()
    expect(tab.get_by_role("dialog")).to_be_hidden()
    tab.context.close()

    assert f"obs issues resolve {BARE}" in said
    assert [(issue, verb, body["why"]) for issue, verb, body in stage.decisions] == [
        (BARE, "archive", "known since Monday")
    ]


def test_issues_are_merged_and_split_and_bots_silenced_in_dialogs(browser: Browser, stage: Stage) -> None:
    stage.token = "a-token-long-enough"
    part = MergedRow(id="I-0dd0dd", title="The part", count=3, decided="merged by ann")
    for key in (BARE, FEED):
        stage.views[key] = msgspec.structs.replace(stage.views[key], merged=(part,))
    tab = opened(browser, stage, path=f"#token={stage.token}")
    dialog = tab.get_by_role("dialog")

    tab.locator("#outside").get_by_role("button", name="Silence").click()
    dialog.locator("select[name=severity]").select_option("error")
    dialog.locator("input[name=why]").fill("moving")
    dialog.locator("button[type=submit]").click()
    expect(dialog).to_be_hidden()
    open_issue(tab, BARE)
    tab.get_by_role("button", name="Merge").click()
    dialog.locator("select[name=into]").select_option(FEED)
    dialog.locator("input[name=why]").fill("one fault")
    dialog.locator("button[type=submit]").click()
    # It goes on with what it is a part of now.
    tab.wait_for_url(f"**{FEED}**")
    tab.get_by_role("button", name="Split off The part").click()
    assert violations(tab) == []
    dialog.locator("button[type=submit]").click()
    expect(dialog).to_be_hidden()
    tab.context.close()

    assert stage.silences == [{"bot": "*", "severity": "error", "for": "30m", "why": "moving"}]
    assert stage.decisions == [
        (BARE, "merge", {"why": "one fault", "into": FEED}),
        ("I-0dd0dd", "split", {"why": ""}),
    ]


def test_a_screen_reader_hears_a_change_of_the_verdict_once(browser: Browser, stage: Stage) -> None:
    tab = opened(browser, stage, running=True)
    tab.evaluate(
        "window.said = []; new MutationObserver(() => {"
        "const text = spoken.textContent;"
        "if (text) window.said.push([spoken.getAttribute('aria-live'), text]) })"
        ".observe(spoken, {childList: true, characterData: true, subtree: true})"
    )
    stage.show(drawn.warnings_only())
    expect(tab.locator("h1")).to_contain_text("When you can.")
    _pass(tab, stage, seconds=2)
    stage.show(drawn.act_now())
    stage.show(drawn.one_bot())
    stage.show(drawn.act_now())
    expect(tab.locator("h1")).to_contain_text("Act now.")
    _pass(tab, stage, seconds=6)
    early = tab.evaluate("window.said")
    _pass(tab, stage, seconds=30)
    said = tab.evaluate("window.said")
    log = tab.get_by_role("log").get_attribute("aria-live")
    heading = tab.locator("h1:visible").count()
    tab.context.close()

    assert early == [["polite", "When you can. news-agent repeats itself."]]
    assert said == [*early, ["assertive", "Act now. BTC/USDT has no stop-loss."]]
    assert log == "off"
    assert heading == 1


def _pass(tab: Tab, stage: Stage, *, seconds: int) -> None:
    """Let time pass for the page, which hears of a living observer all the while.

    A turned clock runs ahead of beats that come in real time: a jump of more than five seconds is silence.
    """
    for step in range(seconds // 2):
        tab.clock.run_for(2_000)
        # Another delay each time: once it is shown, a beat that was sent after the jump has been heard.
        stage.behind_ms = 100 * (step + 1)
        stage.beat()
        expect(tab.locator(".connection")).to_contain_text(f"{stage.behind_ms / 1_000:.1f}")


def test_a_rhythm_cell_reads_as_a_sentence_and_marks_have_names(browser: Browser, stage: Stage) -> None:
    tab = opened(browser, stage)
    snapshot = tab.locator("main").aria_snapshot()
    tab.context.close()

    assert "Candles: none for 2 h 14 min, expected every minute, market open" in snapshot
    assert "1,240.50 USDT without a stop, 620.00 USDT with one" in snapshot


@pytest.mark.parametrize("width", [320, 390, 640, 820, 1100, 1440])
def test_nothing_scrolls_sideways(browser: Browser, stage: Stage, width: int) -> None:
    """640 is 1280 at 200 %, 320 is 1280 at 400 %."""
    tab = opened(browser, stage, size=(width, 800))
    wide = {}
    for name in ("act_now", "all_is_well", "long_texts", "empty_day"):
        stage.show(drawn.PAGES[name]())
        expect(tab).to_have_title(drawn.PAGES[name]().title)
        tab.wait_for_timeout(300)
        wide[name] = tab.evaluate("document.documentElement.scrollWidth")
    open_issue(tab, BARE) if tab.locator(f'a[href*="{BARE}"]').count() else tab.evaluate(
        f"location.hash = '#/issues/{BARE}'"
    )
    tab.wait_for_timeout(300)
    wide["issue"] = tab.evaluate("document.documentElement.scrollWidth")
    tab.evaluate(f"location.hash = '#/issues/{BYBIT}'")
    tab.wait_for_timeout(300)
    wide["incident"] = tab.evaluate("document.documentElement.scrollWidth")
    tab.context.close()

    assert {name: found for name, found in wide.items() if found > width} == {}


@pytest.mark.parametrize(
    "rule",
    [
        "html { font-size: 200% }",
        "* { letter-spacing: .12em !important; word-spacing: .16em !important; line-height: 1.5 !important }",
    ],
    ids=["twice as large", "widely spaced"],
)
def test_the_page_holds_with_text_as_the_reader_sets_it(browser: Browser, stage: Stage, rule: str) -> None:
    tab = opened(browser, stage, size=PHONE)
    tab.evaluate(
        """(rule) => {
          const sheet = new CSSStyleSheet();
          sheet.replaceSync(rule);
          document.adoptedStyleSheets = [sheet];
        }""",
        rule,
    )
    tab.wait_for_timeout(300)
    wide = tab.evaluate("document.documentElement.scrollWidth")
    tab.context.close()

    assert wide <= PHONE[0]


def test_a_thumb_meets_targets_of_44_pixels(browser: Browser, stage: Stage) -> None:
    tab = opened(browser, stage, size=PHONE, touch=True)
    small = tab.evaluate(
        """() => [...document.querySelectorAll('.tabs a, #verdict-place :is(a, button), #top button')]
          .filter((one) => one.checkVisibility())
          .map((one) => [one.textContent.trim(), one.getBoundingClientRect()])
          .filter(([, box]) => box.height < 44 || box.width < 44)
          .map(([text, box]) => `${text} ${box.width}x${box.height}`)"""
    )
    tab.context.close()

    assert small == []


def test_nothing_moves_for_a_reader_who_wants_no_motion(browser: Browser, stage: Stage) -> None:
    tab = opened(browser, stage, calm=True)
    moving = tab.evaluate(
        """() => [...document.querySelectorAll('*')].filter((one) => {
          const style = getComputedStyle(one);
          const long = (text) => text.split(',').some((part) => parseFloat(part) > 0.01);
          const isMoved = style.animationName !== 'none' && long(style.animationDuration);
          return isMoved || long(style.transitionDuration);
        }).map((one) => one.className || one.tagName)"""
    )
    tab.context.close()

    assert moving == []


def test_the_tab_tells_the_state_by_its_icon_and_title(browser: Browser, stage: Stage) -> None:
    tab = opened(browser, stage)
    icons = {}
    for name in ("act_now", "all_is_well", "warnings_only"):
        page = drawn.PAGES[name]()
        stage.show(page)
        expect(tab).to_have_title(page.title)
        icons[page.verdict.mark] = tab.locator("link[rel=icon]").get_attribute("href")
    tab.context.close()

    assert len(set(icons.values())) == 3
    assert Mark.CRITICAL in icons

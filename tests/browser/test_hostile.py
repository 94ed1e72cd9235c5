"""Hostile text in every field of the page and of events: it stays text, whatever it looks like.

The payloads of the security collection are tried when it is there, some of our own always.
"""

from __future__ import annotations

import enum
import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import msgspec
import pytest
from msgspec.structs import replace
from playwright.sync_api import Browser, expect
from playwright.sync_api import Page as Tab

from obs.api.tail import Line, row_of
from obs.web.model import Cell, ChangeRow, Figure, IssueView, Page
from tests.browser import drawn
from tests.browser.drawn_issues import BARE, BYBIT, views
from tests.browser.drawn_tail import tail
from tests.browser.opening import Heard, opened
from tests.browser.stage import Stage

OURS = (
    "<img src=x onerror=\"document.title='owned'\">",
    '"><script src=//canary.invalid/x.js></script>',
    "javascript:document.title='owned'//",
    "' onfocus=alert(1) autofocus tabindex=1 x='",
    "</title></style></textarea><iframe srcdoc='<script>parent.owned=1</script>'></iframe>",
    "<svg><animate onbegin=alert(1) attributeName=x dur=1s>",
    "{{constructor.constructor('alert(1)')()}} ${alert(1)} <%= 7*7 %>",
    "__proto__",
    "constructor",
    "<base href=//canary.invalid/><meta http-equiv=refresh content=0;url=//canary.invalid/>",
    "url(//canary.invalid/a.png); } * { background: url(//canary.invalid/b.png)",
    "\u202eevil\u2066 \u200bzero \x1b[31mred\x07 \x00nul \u2028line",
)
CLOSED = {(Page, "lang"), (Cell, "state"), (Cell, "stage"), (ChangeRow, "kind"), (Figure, "key")}
"""Fields that are words of ours from a closed list; everything else may carry foreign text one day."""
LONGEST = 1_500

SOUND = r"""() => {
  const all = [...document.querySelectorAll('*')];
  const attributes = all.flatMap((one) => [...one.attributes].map((found) => [one, found]));
  return {
    elements: all.filter((one) => ['IMG', 'IFRAME', 'OBJECT', 'EMBED', 'BASE', 'DETAILS', 'ANIMATE'].includes(
      one.tagName.toUpperCase())).map((one) => one.outerHTML.slice(0, 100)),
    scripts: document.scripts.length,
    handlers: attributes.filter(([, found]) => found.name.startsWith('on')).map(([, found]) => found.name),
    links: all.map((one) => one.href?.baseVal ?? one.href ?? one.src ?? one.action ?? '').filter((address) =>
      address
        && !/^(#|data:image\/)/.test(address) && !String(address).startsWith(location.origin)),
    styles: attributes.filter(([, found]) => found.name === 'style' && found.value.includes('url')).map(
      ([, found]) => found.value),
    owned: window.owned ?? null,
  };
}"""
CLEAN = {"elements": [], "scripts": 1, "handlers": [], "links": [], "styles": [], "owned": None}


def poisoned(value: Any, payload: str, known: dict[str, str] | None = None) -> Any:
    """Return the same data with a hostile text in every text field; equal texts stay equal."""
    known = {} if known is None else known
    if isinstance(value, enum.Enum):
        return value
    if isinstance(value, str):
        return known.setdefault(value, f"{payload} {len(known)}") if value else value
    if isinstance(value, msgspec.Struct):
        fields = {
            name: poisoned(getattr(value, name), payload, known)
            for name in value.__struct_fields__
            if (type(value), name) not in CLOSED
        }
        return replace(value, **fields)
    if isinstance(value, Mapping):
        return {poisoned(key, payload, known): poisoned(one, payload, known) for key, one in value.items()}
    if isinstance(value, tuple):
        return tuple(poisoned(one, payload, known) for one in value)
    return value


def _follow(tab: Tab, stage: Stage, page: Page) -> None:
    """Show a Page and wait until it is painted; the tab's clock is turned, so nobody waits for a pause."""
    stage.show(page)
    for _ in range(100):
        tab.clock.run_for(300)
        if tab.evaluate(
            "(word) => document.querySelector('#verdict-title')?.textContent.includes(word)",
            page.verdict.word,
        ):
            return
    raise AssertionError("the page was not painted")


def _tried(browser: Browser, payloads: list[str]) -> dict[str, Any]:
    """Show each payload in every field of page, events and issue views; return what was not sound."""
    heard, unsound = Heard(), {}
    events = tail()
    with Stage(drawn.act_now(), views(), events, beat_seconds=0.5) as stage:
        tab = opened(browser, stage, running=True, heard=heard)
        for number, payload in enumerate(payloads):
            stage.views = {key: poisoned(view, payload) for key, view in views().items()}
            stage.briefing = payload
            base = (drawn.act_now, drawn.losses, drawn.all_is_well, drawn.empty_day)[number % 4]()
            stage.tell(
                poisoned(replace(row, seq=1_000 + number * 100 + place), payload)
                for place, row in enumerate(events[:8])
            )
            _follow(tab, stage, poisoned(base, payload))
            if (found := tab.evaluate(SOUND)) != CLEAN:
                unsound[payload[:80]] = found
        tab.context.close()
    if heard.errors or heard.strangers:
        unsound["heard"] = heard
    return unsound


def test_hostile_text_in_every_field_stays_text(browser: Browser) -> None:
    assert _tried(browser, list(OURS)) == {}


@pytest.mark.slow
@pytest.mark.corpus
def test_the_collection_of_injections_stays_text_in_every_field(browser: Browser, corpus: Path) -> None:
    lines = (corpus / "security" / "injections_dev.jsonl").read_text("utf-8").splitlines()
    payloads = [str(json.loads(line)["text"])[:LONGEST] for line in lines]

    assert len(payloads) >= 70
    assert _tried(browser, payloads) == {}


@pytest.mark.parametrize("key", [BARE, BYBIT])
def test_hostile_text_in_every_field_of_an_issue_stays_text(browser: Browser, key: str) -> None:
    heard, unsound, shown = Heard(), {}, []
    with Stage(drawn.act_now(), {}, tail()) as stage:
        tab = opened(browser, stage, heard=heard)
        for number, payload in enumerate(OURS):
            address = f"{key}-{number}"
            stage.views[address] = poisoned(views()[key], payload)
            tab.evaluate(f"location.hash = '#/issues/{address}'")
            expect(tab.locator("#view h1")).to_be_visible()
            tab.wait_for_function(
                "(text) => document.querySelector('#view').textContent.includes(text)",
                arg=payload[:30],
            )
            shown.append(payload)
            if (found := tab.evaluate(SOUND)) != CLEAN:
                unsound[payload[:80]] = found
        tab.context.close()

    assert unsound == {}
    assert heard.errors == []
    assert heard.strangers == []
    assert len(shown) == len(OURS)


def test_hostile_events_come_as_visible_text_from_the_observers_own_tail(browser: Browser) -> None:
    heard = Heard()
    with Stage(drawn.act_now(), views(), ()) as stage:
        tab = opened(browser, stage, heard=heard)
        stage.tell(
            row_of(Line(f"ev-{number}", drawn.NOW, "ERROR", "grid-1", "bot", payload), number + 1)
            for number, payload in enumerate(OURS)
        )
        expect(tab.get_by_role("log")).to_contain_text("onbegin=alert(1)")
        text = tab.get_by_role("log").inner_text()
        tab.context.close()

    assert "\\u202eevil" in text
    assert "\\u001b[31mred" in text
    assert not set(text) & set("\u202e\u2066\u200b\x1b\x07\x00\u2028")
    assert heard.errors == []


def test_an_address_of_the_page_made_by_a_stranger_does_nothing(browser: Browser) -> None:
    heard = Heard()
    with Stage(drawn.act_now(), views(), tail()) as stage:
        tab = opened(browser, stage, heard=heard)
        for address in (
            "#/issues/%3Cimg%20src=x%20onerror=alert(1)%3E",
            "#/issues/..%2f..%2fapi%2fexport",
            "#/?bot=%3Cscript%3Ealert(1)%3C/script%3E",
            "#__proto__",
            "#/issues/%E0%A4%A",
        ):
            tab.evaluate("(address) => { location.hash = address }", address)
            tab.wait_for_timeout(200)
            assert tab.evaluate(SOUND) == CLEAN, address
        tab.context.close()

    assert [line for line in heard.errors if "404" not in line] == []
    assert heard.strangers == []
    assert not [line for line in stage.asked if line.startswith("/api/export")]


def _fields(value: Any) -> set[str]:
    """Names of every struct that `poisoned` reaches: the test of the test."""
    if isinstance(value, msgspec.Struct):
        return {type(value).__name__}.union(
            *(_fields(getattr(value, name)) for name in value.__struct_fields__)
        )
    if isinstance(value, Mapping):
        return set().union(*map(_fields, value.values()))
    return set().union(*map(_fields, value)) if isinstance(value, tuple) else set()


def test_the_drawn_data_reaches_every_struct_of_the_page() -> None:
    from obs.web import model

    shown = [*(make() for make in drawn.PAGES.values()), *views().values(), *tail()]
    reached = set().union(*map(_fields, shown))
    structs = {
        name
        for name in model.__all__
        if isinstance(kind := getattr(model, name), type) and issubclass(kind, msgspec.Struct)
    }

    assert structs - reached == set()
    assert IssueView.__name__ in reached


def test_every_environment_that_must_have_a_browser_has_one() -> None:
    from tests.browser.chromium import where

    if os.environ.get("OBS_REQUIRE_SERVICES") == "1":
        assert where() is not None

"""Takes pictures of the live page in every drawn state: `python -m tests.browser.shoot [NAME…] --out DIR`.

A picture has the size, theme, language and clock of the drawn one of the same number, so that both can be
laid side by side. `--list` names them; `-k` keeps only names that hold a text.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable, Iterable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from playwright.sync_api import Browser, Error
from playwright.sync_api import Page as Tab

from tests.browser import drawn
from tests.browser.chromium import chromium
from tests.browser.drawn_issues import BARE, BYBIT, views
from tests.browser.drawn_tail import tail
from tests.browser.opening import Heard, open_issue, opened
from tests.browser.stage import Stage

__all__ = ["SHOTS", "Shot", "main", "shoot"]

Size = tuple[int, int]
DESKTOP: Size = (1440, 900)
TABLET: Size = (820, 1180)
PHONE: Size = (390, 844)
NARROW: Size = (320, 640)
MOST_PIXELS = 8_000


@dataclass(frozen=True)
class Shot:
    """One picture: what is shown, how large, and what is done before."""

    name: str
    page: str = "act_now"
    size: Size = DESKTOP
    scale: float = 1.5
    theme: Literal["dark", "light"] = "dark"
    is_full: bool = False
    act: Callable[[Tab, Stage], None] | None = None


_BRIEFINGS = {"all_is_well": drawn.CALM_BRIEFING, "korean": drawn.KOREAN_BRIEFING}


def _lost(tab: Tab, stage: Stage) -> None:
    stage.stop()
    tab.clock.run_for(10_000)
    tab.clock.fast_forward(38_000)
    tab.wait_for_timeout(300)


def _issue(key: str) -> Callable[[Tab, Stage], None]:
    return lambda tab, stage: open_issue(tab, key)


def _at(anchor: str) -> Callable[[Tab, Stage], None]:
    def act(tab: Tab, stage: Stage) -> None:
        tab.locator(f'nav a[href="#{anchor}"]').last.click()
        tab.wait_for_timeout(300)

    return act


def _month(tab: Tab, stage: Stage) -> None:
    _at("money")(tab, stage)
    for button in tab.get_by_role("button", name="30 d").all():
        button.click()
    tab.wait_for_timeout(300)


def _copied(tab: Tab, stage: Stage) -> None:
    tab.keyboard.press("c")
    tab.wait_for_timeout(300)


def _keys(tab: Tab, stage: Stage) -> None:
    tab.keyboard.press("?")
    tab.wait_for_timeout(300)


def _slow(tab: Tab, stage: Stage) -> None:
    stage.behind_ms = 6_000
    tab.wait_for_timeout(2_500)


def _catching(tab: Tab, stage: Stage) -> None:
    stage.behind_ms, stage.pending_bytes = 6_000, 240_000
    tab.wait_for_timeout(2_500)


SHOTS = (
    Shot("01-desktop-dark"),
    Shot("02-desktop-dark-full", scale=1, is_full=True),
    Shot("03-desktop-light", theme="light"),
    Shot("04-phone-dark", size=PHONE, scale=2),
    Shot("05-all-is-well", page="all_is_well"),
    Shot("06-connection-lost", page="act_now_lost", act=_lost),
    Shot("07-issue-detail", act=_issue(BARE)),
    Shot("08-issue-detail-light", theme="light", scale=1, size=(1440, 942), act=_issue(BARE)),
    Shot("09-phone-korean-light", page="korean", size=PHONE, scale=2, theme="light"),
    Shot("10-desktop-korean-light", page="korean", theme="light"),
    Shot("11-incident", act=_issue(BYBIT)),
    Shot("12-states-empty", page="empty_day", is_full=True, scale=1),
    Shot("12-states-losses", page="losses"),
    Shot("12-states-slow", act=_slow),
    Shot("12-states-catching-up", act=_catching),
    Shot("12-states-copied", act=_copied),
    Shot("13-phone-issue", size=PHONE, scale=1.3, act=_issue(BARE)),
    Shot("13-phone-bots", size=PHONE, scale=1.3, act=_at("bots")),
    Shot("13-phone-money", size=PHONE, scale=1.3, act=_month),
    Shot("13-phone-lost", page="act_now_lost", size=PHONE, scale=1.3, act=_lost),
    Shot("13-phone-well", page="all_is_well", size=PHONE, scale=1.3),
    Shot("14-phone-full", size=PHONE, scale=1, is_full=True),
    Shot("20-keys", act=_keys),
    Shot("21-one-bot", page="one_bot"),
    Shot("22-warnings-only", page="warnings_only", is_full=True, scale=1),
    Shot("23-long-texts", page="long_texts", is_full=True, scale=1),
    Shot("24-long-texts-phone", page="long_texts", size=NARROW, scale=1, is_full=True),
    Shot("25-tablet", size=TABLET, scale=1, is_full=True),
    Shot("26-tablet-light", size=TABLET, scale=1, theme="light", is_full=True),
    Shot("27-korean-full", page="korean", scale=1, is_full=True),
    Shot("28-well-light", page="all_is_well", theme="light", scale=1, is_full=True),
    Shot("29-narrow", size=NARROW, scale=1, is_full=True),
)


def shoot(browser: Browser, shot: Shot, folder: Path) -> Path:
    """Take one picture into a folder, also when the page fails: what it complains of is printed."""
    is_lost = shot.page == "act_now_lost"
    page = drawn.act_now(drawn.LOST_AT) if is_lost else drawn.PAGES[shot.page]()
    with Stage(page, views(), () if shot.page == "empty_day" else tail()) as stage:
        stage.briefing = _BRIEFINGS.get(shot.page, drawn.BRIEFING)
        heard = Heard()
        tab = opened(
            browser,
            stage,
            size=shot.size,
            scale=shot.scale,
            theme=shot.theme,
            lang=page.lang,
            running=is_lost,
            heard=heard,
            waits=False,
        )
        try:
            with suppress(Error):
                tab.locator("h1").get_by_text(page.verdict.word).wait_for(timeout=5_000)
            if shot.act is not None:
                shot.act(tab, stage)
            tab.wait_for_timeout(250)
            if shot.is_full:
                # As tall as the page: what is fixed to the window's edge then stands at the page's end.
                tall = tab.evaluate("document.documentElement.scrollHeight")
                tab.set_viewport_size({"width": shot.size[0], "height": min(tall, MOST_PIXELS)})
                tab.wait_for_timeout(300)
            target = folder / f"{shot.name}.png"
            tab.screenshot(path=target, full_page=shot.is_full, animations="disabled")
        finally:
            for error in (*heard.errors, *heard.strangers):
                print(f"{shot.name}: {error}", file=sys.stderr)
            tab.context.close()
    return target


def main(arguments: Iterable[str] | None = None) -> int:
    """Take the named pictures, or all."""
    parser = argparse.ArgumentParser(prog="python -m tests.browser.shoot", description=__doc__)
    parser.add_argument("names", nargs="*", help="names or their beginnings, e.g. 01 or 13-phone")
    parser.add_argument("--out", type=Path, default=Path("shots"), help="folder of the pictures [shots]")
    parser.add_argument("--list", action="store_true", help="name the pictures and go")
    wanted = parser.parse_args(list(arguments) if arguments is not None else None)
    chosen = [shot for shot in SHOTS if not wanted.names or shot.name.startswith(tuple(wanted.names))]
    if wanted.list or not chosen:
        print("\n".join(shot.name for shot in SHOTS))
        return 0 if wanted.list else 2
    wanted.out.mkdir(parents=True, exist_ok=True)
    failed = 0
    with chromium() as browser:
        for shot in chosen:
            try:
                print(shoot(browser, shot, wanted.out))
            except Error as error:
                failed += 1
                print(f"{shot.name}: {error.message}", file=sys.stderr)
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())

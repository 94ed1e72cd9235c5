"""Opens the live page in a tab as a reader would, with a clock that stands, and listens to all it says."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal
from urllib.parse import urlsplit

from playwright.sync_api import Browser, Route, expect
from playwright.sync_api import Page as Tab

from tests.browser.stage import Stage

__all__ = ["Heard", "open_issue", "opened"]


@dataclass
class Heard:
    """What a tab said and asked while it was open."""

    errors: list[str] = field(default_factory=list)
    """Console errors, uncaught exceptions, violations of the content security policy, dialogs."""
    strangers: list[str] = field(default_factory=list)
    """Addresses outside our own server that the page asked for; each was refused."""

    def listen(self, tab: Tab, host: str) -> None:
        """Note everything from now on, and let no request leave this machine."""

        def refuse(route: Route) -> None:
            if urlsplit(route.request.url).netloc == host:
                route.continue_()
            else:
                self.strangers.append(route.request.url)
                route.abort()

        def dialog(opened: object) -> None:
            self.errors.append(f"dialog: {opened}")
            opened.dismiss()  # type: ignore[attr-defined]

        tab.route("**/*", refuse)
        tab.on("pageerror", lambda error: self.errors.append(f"exception: {error}"))
        tab.on("console", lambda said: self.errors.append(said.text) if said.type == "error" else None)
        tab.on("dialog", dialog)


def opened(
    browser: Browser,
    stage: Stage,
    *,
    size: tuple[int, int] = (1440, 900),
    scale: float = 1,
    theme: Literal["dark", "light"] = "dark",
    lang: str = "en",
    running: bool = False,
    calm: bool = False,
    touch: bool = False,
    heard: Heard | None = None,
    path: str = "",
    waits: bool = True,
) -> Tab:
    """Open the page in a context of its own and wait until the verdict is drawn.

    Args:
        browser: The browser.
        stage: The server.
        size: Width and height of the window in CSS pixels.
        scale: Device pixels of a CSS pixel.
        theme: What the reader's system prefers.
        lang: The reader's language.
        running: Whether the page's clock runs on from the Page's time and can be turned; else it stands.
        calm: Whether the reader wants reduced motion.
        touch: Whether it is a touch screen.
        heard: Takes down errors and requests to strangers.
        path: After the address, e.g. `?lang=ko` or `#/issues/…`.
        waits: Whether to wait until the verdict is drawn.
    """
    context = browser.new_context(
        viewport={"width": size[0], "height": size[1]},
        device_scale_factor=scale,
        color_scheme=theme,
        locale="ko-KR" if lang == "ko" else "en-GB",
        # Not the zone of the data: times must come from the Page's own offset.
        timezone_id="America/New_York",
        reduced_motion="reduce" if calm else "no-preference",
        has_touch=touch,
        permissions=["clipboard-read", "clipboard-write"],
    )
    tab = context.new_page()
    tab.set_default_timeout(30_000)
    if heard is not None:
        heard.listen(tab, f"127.0.0.1:{stage.port}")
    moment = stage.page.taken_at / 1_000
    if running:
        tab.clock.install(time=moment)
    else:
        tab.clock.set_fixed_time(moment)
    tab.goto(stage.url + path)
    if waits:
        expect(tab.locator("h1").first).to_contain_text(stage.page.verdict.word, timeout=30_000)
    return tab


def open_issue(tab: Tab, key: str) -> None:
    """Open an issue by its row, as with a click, and wait until its own heading is drawn."""
    tab.locator(f'a[href*="{key}"]').first.click()
    tab.wait_for_url(f"**{key}**")
    tab.locator("#view h1").first.wait_for()
    tab.wait_for_timeout(300)

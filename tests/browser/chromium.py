"""Starts the Chromium of this machine for page tests and pictures; it talks to nobody but our own server."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import contextmanager

from playwright.sync_api import Browser, Error, sync_playwright

__all__ = ["ARGUMENTS", "NoBrowserError", "chromium", "where"]

ARGUMENTS = (
    "--no-sandbox",
    "--disable-gpu",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--disable-dev-shm-usage",
    "--font-render-hinting=none",
    "--hide-scrollbars",
)


class NoBrowserError(RuntimeError):
    """No browser can be started on this machine."""


def where() -> str | None:
    """Return the path of Chromium, or None: then the one that Playwright fetched is tried."""
    return shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")


@contextmanager
def chromium() -> Iterator[Browser]:
    """Give a browser.

    Raises:
        NoBrowserError: If none can be started here.
    """
    with sync_playwright() as playwright:
        try:
            browser = playwright.chromium.launch(executable_path=where(), args=list(ARGUMENTS))
        except Error as error:
            raise NoBrowserError(f"no Chromium here: {error.message.splitlines()[0]}") from None
        try:
            yield browser
        finally:
            browser.close()

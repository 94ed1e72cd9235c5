"""One browser for all page tests; they skip, with a word, where there is none."""

from __future__ import annotations

import os
from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, expect

from tests.browser.chromium import NoBrowserError, chromium

REQUIRED = "OBS_REQUIRE_SERVICES"
"""Set to 1 where a browser must be there: then its absence fails instead of skipping."""


# What a page shows within a moment may take long on a machine that is busy with other tests.
expect.set_options(timeout=20_000)


# Not for the session: while it lives, its event loop counts as running, and no other test could run one.
@pytest.fixture(scope="package")
def browser() -> Iterator[Browser]:
    """Chromium, started once."""
    try:
        with chromium() as started:
            yield started
    except NoBrowserError as error:
        if os.environ.get(REQUIRED) == "1":
            pytest.fail(str(error))
        pytest.skip(str(error))

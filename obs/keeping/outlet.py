"""The view files of a running sidecar: fresh within a second, dated on a change, a page for each end.

Only this module decides when a view is written; what is in it, the views decide.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path

from obs import briefing, dashboard
from obs.keeping.viewfiles import DatedFiles, dated_name, write_whole
from obs.snapshot import Snapshot

__all__ = ["Outlet"]

LEAST_SECONDS = 0.3
MOST_SECONDS = 0.8
"""Between the first event that is not shown and the files that show it, drawing them not counted."""
SHARE = 4
"""Drawing may take one part in so many of our time, as long as that keeps within `MOST_SECONDS`."""
AT_REST_SECONDS = 15.0
"""Redrawn without any event: silence is news as well."""
DATED_SECONDS = 10.0
"""Between two dated briefings at most so often, ends of processes aside."""


class Outlet:
    """Writes `briefings/` and `dashboards/` of one directory."""

    def __init__(
        self,
        directory: Path,
        *,
        budget: int = 2000,
        lang: str = "en",
        templates: Path | None = None,
        timer: Callable[[], float] = time.monotonic,
    ) -> None:
        """Make an outlet; nothing is written yet.

        Args:
            directory: The `OBS_DIR`.
            budget: Most tokens of a briefing.
            lang: Its language.
            templates: Folder of templates that replace ours of the same name.
            timer: A clock in seconds that never goes back.
        """
        self._briefings = directory / "briefings"
        self._dashboards = directory / "dashboards"
        self._dated = DatedFiles(self._briefings)
        self._history = DatedFiles(self._dashboards)
        self.budget = budget
        self.lang = lang
        self.templates = templates
        self._timer = timer
        self._not_before = 0.0
        self._drawn_at = -AT_REST_SECONDS
        self._dated_at = -DATED_SECONDS
        # A look that changes nothing, also by another process, leaves no copy behind.
        self._health = self._dated.newest().upper()
        self.fault = ""
        """Why the last writing failed, in words; empty while all is well."""
        self.written = 0
        """How often the files were written."""

    def is_due(self, *, changed: bool) -> bool:
        """Whether the files should be drawn now."""
        now = self._timer()
        return now >= self._not_before if changed else now >= self._drawn_at + AT_REST_SECONDS

    def draw(self, take: Callable[[], Snapshot], ends: frozenset[str] = frozenset()) -> bool:
        """Take a Snapshot and write the files; never raises for a full disk or a broken template.

        Args:
            take: Makes the Snapshot.
            ends: Services whose process has ended: each gets a page of its own that stays.

        Returns:
            Whether all files were written; when not, `fault` says why.
        """
        began = self._timer()
        faults: list[str] = []
        try:
            snapshot = take()
        except Exception as error:  # noqa: BLE001 - a picture that cannot be taken must not end the sidecar
            faults.append(_words(error))
        else:
            data = self._written(self._dashboards / "latest.json", lambda: dashboard.render(snapshot), faults)
            page = self._written(self._briefings / "latest.md", lambda: self._page(snapshot), faults)
            if page is not None and data is not None:
                self._keep_dated(snapshot, page, data, ends, faults)
        self.fault = "; ".join(faults)
        self.written += not faults
        self._drawn_at = self._timer()
        pause = min(max((self._drawn_at - began) * (SHARE - 1), LEAST_SECONDS), MOST_SECONDS)
        self._not_before = self._drawn_at + pause
        return not self.fault

    def _page(self, snapshot: Snapshot) -> bytes:
        text = briefing.render(snapshot, budget=self.budget, lang=self.lang, templates=self.templates)
        return text.encode("utf-8", "backslashreplace")

    def _written(self, path: Path, make: Callable[[], bytes], faults: list[str]) -> bytes | None:
        """Make one view and write it; a view that cannot be made costs itself and not the others."""
        try:
            data = make()
            write_whole(path, data)
        except Exception as error:  # noqa: BLE001 - templates are the user's, disks are full
            faults.append(_words(error))
            return None
        return data

    def _keep_dated(
        self, snapshot: Snapshot, page: bytes, data: bytes, ends: frozenset[str], faults: list[str]
    ) -> None:
        """Keep a page for each end, and a dated copy when the word for the whole has changed."""
        health = snapshot.health.value
        try:
            for service in sorted(ends):
                self._dated.add(dated_name(snapshot.taken_at, f"post-mortem-{service}", ".md"), page)
            if health == self._health or self._timer() < self._dated_at + DATED_SECONDS:
                return
            self._dated.add(dated_name(snapshot.taken_at, health.lower(), ".md"), page)
            self._history.add(dated_name(snapshot.taken_at, health.lower(), ".json"), data)
        except OSError as error:
            faults.append(_words(error))
        else:
            self._health, self._dated_at = health, self._timer()


def _words(error: Exception) -> str:
    return " ".join(f"{type(error).__name__}: {error}".split())

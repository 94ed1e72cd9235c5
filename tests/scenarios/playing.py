"""A story: events of bots one after the other, and the picture and page at any moment of it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from obs.analysis import Analyzer
from obs.briefing import render
from obs.events import Event, ExceptionInfo, Severity
from obs.insight.lifecycle import Lifecycle
from obs.snapshot import Issue, Snapshot
from tests.builders import SECOND, START, event

__all__ = ["Story"]


class Story:
    """Events of the same day, by seconds since its start."""

    def __init__(self, bot: str = "momo-1", mode: str = "live") -> None:
        self.analyzer = Analyzer()
        self.bot, self.mode = bot, mode
        self.last = 0.0
        self._count = 0

    def say(
        self,
        at: float,
        name: str,
        attributes: Mapping[str, Any] | None = None,
        *,
        bot: str = "",
        severity: Severity | None = None,
        resource: Mapping[str, Any] | None = None,
    ) -> None:
        """Let a bot say an event word; what failed is an error."""
        values = {"run.mode": self.mode, **(attributes or {})}
        failed = "error.type" in values or name.endswith(("rejected", "failed"))
        level = severity or (Severity.ERROR if failed else Severity.INFO)
        self._feed(event(name, at=at, name=name, severity=level, attributes=values), at, bot, resource)

    def write(
        self,
        at: float,
        text: str,
        severity: Severity = Severity.ERROR,
        *,
        bot: str = "",
        logger: str = "bot.core",
        exception: ExceptionInfo | None = None,
        resource: Mapping[str, Any] | None = None,
    ) -> None:
        """Let a bot write a line of text."""
        one = event(text, at=at, severity=severity, logger=logger, exception=exception)
        self._feed(one, at, bot, resource)

    def picture(self, at: float | None = None, lifecycle: Mapping[str, Lifecycle] | None = None) -> Snapshot:
        """Return the Snapshot at a moment; by default right after the last event."""
        now = START + int((self.last + 1 if at is None else at) * SECOND)
        return self.analyzer.snapshot(now=now, live=True, lifecycle=lifecycle)

    def page(self, at: float | None = None, budget: int = 1_500) -> str:
        """Return the briefing at a moment."""
        return render(self.picture(at), budget=budget)

    def _feed(self, one: Event, at: float, bot: str, resource: Mapping[str, Any] | None) -> None:
        self._count += 1
        self.last = max(self.last, at)
        told = {"service.name": bot or self.bot, **(resource or {})}
        values = {name: getattr(one, name) for name in one.__struct_fields__}
        self.analyzer.feed(Event(**{**values, "resource": told, "uid": f"p-{self._count}"}))


def causes(snapshot: Snapshot) -> list[Issue]:
    """Return the issues that are no symptom of another, in rank order."""
    return [issue for issue in snapshot.issues if issue.cause is None]


def verdict(page: str) -> str:
    """Return the paragraph that decides: the first after the title."""
    return page.split("\n\n")[1].split("\n- ")[0]

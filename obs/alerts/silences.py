"""Silences: what is to be archived for a while, whoever said so: `obs alert silence`, or Alertmanager. Pure.

A silence matches an issue by its labels, as Alertmanager's do: `issue`, `bot`, `component`, `severity`,
`category`, and for an alert that came from Alertmanager all labels it has there.

Source: prometheus.io/docs/alerting/latest/alertmanager/#silences
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from fnmatch import translate
from typing import NamedTuple

from obs.snapshot import Issue, IssueSeverity

__all__ = ["NAMES", "Matcher", "Silence", "laid", "own"]

NAMES = ("issue", "bot", "service", "component", "severity", "category")
"""Labels that our own issues have."""
_NAMES_AN_ISSUE = frozenset({"issue", "bot", "service", "component"})
"""Of these a silence must name one: `severity="warning"` alone is said of all that Alertmanager watches."""


class Matcher(NamedTuple):
    """One condition on a label."""

    name: str
    value: str
    is_regex: bool = False
    """Of the whole value."""
    is_equal: bool = True
    """False: the others."""

    def takes(self, value: str) -> bool:
        """Whether a value is meant."""
        same = re.fullmatch(self.value, value) is not None if self.is_regex else value == self.value
        return same is self.is_equal


class Silence(NamedTuple):
    """What is to be archived, and until when."""

    key: str
    """`3` for one of our own, Alertmanager's id for one of its."""
    matchers: tuple[Matcher, ...]
    until: int
    """Unix ns."""
    gravest: IssueSeverity = IssueSeverity.CRITICAL
    """What is graver is not silenced."""
    by: str = ""
    why: str = ""
    alerts: frozenset[str] = frozenset()
    """Fingerprints of issues of which Alertmanager itself says that it silences them."""
    is_foreign: bool = False
    """Whether Alertmanager's."""

    def holds(self, issue: Issue, now: int) -> bool:
        """Whether it silences an issue; one of several bots only when it silences all of them."""
        if now >= self.until or issue.severity.rank > self.gravest.rank:
            return False
        if issue.fingerprint in self.alerts:
            return True
        if self.is_foreign and not self._is_about_us():
            return False
        return all(
            all(matcher.takes(_label(issue, bot, matcher.name)) for matcher in self.matchers)
            for bot in issue.services or ("",)
        )

    def may_hold(self) -> bool:
        """Whether it can hold any issue at all."""
        return bool(self.alerts) or not self.is_foreign or self._is_about_us()

    def _is_about_us(self) -> bool:
        """Whether each condition is on a label of ours, and one of them says which issues."""
        return all(matcher.name in NAMES for matcher in self.matchers) and any(
            matcher.name in _NAMES_AN_ISSUE and matcher.is_equal and not matcher.takes("")
            for matcher in self.matchers
        )


def own(number: int, bot: str, component: str, gravest: str, until: int, by: str, why: str) -> Silence:
    """Return a silence made with `obs alert silence`; bots and components are globs."""
    named = (("bot", bot), ("component", component))
    return Silence(
        key=str(number),
        matchers=tuple(Matcher(name, translate(glob), is_regex=True) for name, glob in named if glob != "*"),
        until=until,
        gravest=IssueSeverity(gravest),
        by=by,
        why=why,
    )


def laid(silences: Iterable[Silence], issues: Iterable[Issue], now: int) -> dict[str, Silence]:
    """Return for each issue that is silenced, by its fingerprint, the silence that ends last.

    Args:
        silences: All that there are.
        issues: All that there are.
        now: Unix ns.
    """
    # Most of an Alertmanager's silences are not about us: they are not matched with each issue.
    ours = [silence for silence in silences if silence.may_hold()]
    ours.sort(key=lambda silence: (silence.until, silence.key), reverse=True)
    found: dict[str, Silence] = {}
    for issue in issues if ours else ():
        silence = next((each for each in ours if each.holds(issue, now)), None)
        if silence is not None:
            found[issue.fingerprint] = silence
    return found


def _label(issue: Issue, bot: str, name: str) -> str:
    match name:
        case "issue":
            return issue.id
        case "bot" | "service":
            return bot
        case "component":
            return issue.component
        case "severity":
            return str(issue.severity)
        case "category":
            return str(issue.category)
    return ""

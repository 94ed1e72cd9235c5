"""What happened to the bots themselves: starts, ends, releases and configurations, on one time line.

A part of `State` and a monoid: the newest starts and ends of each service, and for each release the time it
spanned. What changed when, and what began right after it, is derived.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Mapping
from typing import TypeVar

import msgspec

from obs.events import Event
from obs.quoting import plain
from obs.readings import Release
from obs.series import MINUTE_NS, Series
from obs.snapshot import Issue, IssueStatus, Moment

__all__ = [
    "End",
    "Start",
    "Timeline",
    "came_back",
    "changes_of",
    "follows",
    "moments",
    "on_timeline",
    "releases",
]

MAX_KEPT = 60
"""Starts and ends remembered of each service, the newest."""
MAX_VALUES = 50
"""Releases remembered of each service."""
AFTER_NS = 30 * MINUTE_NS
"""What begins so shortly after a change is told together with it; that is no proof, and the words say so."""
CALM_NS = 10 * MINUTE_NS
"""So long a fault must have been gone for its return to be a return."""

_STARTS = ("bot.started", "process.started")
_FIELDS = {
    "release": ("service.version", "bot.version"),
    "configuration": ("config.hash",),
    "commit": ("vcs.ref.head.revision", "git.commit"),
}


class Start(msgspec.Struct, frozen=True, order=True):
    """A service began, and what it said of itself."""

    time: int
    uid: str
    told: tuple[tuple[str, str], ...] = ()
    """(what, value), e.g. ("release", "1.5")."""


class End(msgspec.Struct, frozen=True, order=True):
    """A process of a service ended."""

    time: int
    uid: str
    how: str
    """`exit code 1`, `SIGKILL`, `out of memory`, `no last word`; empty when all was well."""


T = TypeVar("T", Start, End)


class Timeline(msgspec.Struct):
    """Starts, ends and spans of releases by service."""

    starts: dict[str, list[Start]] = {}
    ends: dict[str, list[End]] = {}
    spans: dict[str, dict[str, tuple[int, int]]] = {}
    """Service -> `release 1.5` -> (first, last) time at which a record said so."""

    def add(self, event: Event, service: str) -> None:
        """Fold one event; most say nothing of the kind and cost one look."""
        if event.event_name in _STARTS or event.event_name == "bot.configured":
            told = _told(event)
            if told or event.event_name in _STARTS:
                self._start(service, Start(event.time, event.uid, told))
        elif event.event_name == "process.exited":
            self.ends[service] = _newest(
                [*self.ends.get(service, ()), End(event.time, event.uid, _how(event))]
            )
        values = event.attributes
        release = event.resource.get("service.version") or values.get("service.version")
        release = release or values.get("bot.version")
        if release and event.time:
            self._span(service, f"release {plain(release)}", event.time, event.time)

    def merge(self, other: Timeline) -> None:
        """Fold in all that `other` has seen."""
        for service, starts in other.starts.items():
            self.starts[service] = _newest([*self.starts.get(service, ()), *starts])
        for service, ends in other.ends.items():
            self.ends[service] = _newest([*self.ends.get(service, ()), *ends])
        for service, spans in other.spans.items():
            for value, (first, last) in spans.items():
                self._span(service, value, first, last)

    def _start(self, service: str, start: Start) -> None:
        self.starts[service] = _newest([*self.starts.get(service, ()), start])

    def _span(self, service: str, value: str, first: int, last: int) -> None:
        spans = self.spans.setdefault(service, {})
        known = spans.get(value)
        spans[value] = (min(first, known[0]), max(last, known[1])) if known else (first, last)
        if len(spans) > MAX_VALUES:
            # The least name leaves, which any order of merging agrees on; newer releases mostly sort last.
            del spans[min(spans)]


def changes_of(timeline: Timeline, service: str) -> list[Moment]:
    """Return the changes of release, configuration and commit of one service, oldest first."""
    known: dict[str, str] = {}
    found: dict[tuple[str, str, str], Moment] = {}
    for start in timeline.starts.get(service, ()):
        for what, value in start.told:
            before = known.get(what)
            if before is not None and before != value:
                found[what, before, value] = Moment(start.time, service, f"{what} {before} → {value}")
            known[what] = value
    spans = sorted(timeline.spans.get(service, {}).items(), key=lambda item: item[1])
    for (before, _), (after, (first, _)) in itertools.pairwise(spans):
        key = ("release", before.removeprefix("release "), after.removeprefix("release "))
        # A start that says so is exact; the first record of a release comes at the same moment or later.
        found.setdefault(key, Moment(first, service, f"{before} → {key[2]}"))
    return sorted(found.values(), key=lambda moment: (moment.time, moment.what))


def releases(timeline: Timeline, most: int = 200) -> tuple[Release, ...]:
    """Return which release each bot runs, of the first `most` in order that say so."""
    services = sorted({*timeline.starts, *timeline.spans})
    found = (release for service in services if (release := _release(timeline, service)) is not None)
    return tuple(itertools.islice(found, most))


def _release(timeline: Timeline, service: str) -> Release | None:
    version, commit, since = "", "", 0
    for start in timeline.starts.get(service, ()):
        told = dict(start.told)
        if (said := told.get("release", version)) != version:
            version, commit, since = said, "", start.time
        # Another commit of the same version is another release; one that comes back counts anew.
        if (said := told.get("commit", commit)) != commit:
            commit, since = said, start.time
    spans = timeline.spans.get(service, {})
    if spans:
        # What no start told, its records do.
        newest = max(spans, key=lambda value: (spans[value][1], value))
        if (said := newest.removeprefix("release ")) != version:
            version, commit, since = said, "", spans[newest][0]
    return Release(service, version, commit, since) if version or commit else None


def moments(timeline: Timeline, most: int = 20) -> tuple[Moment, ...]:
    """Return the newest changes and bad ends of all services, oldest first."""
    services = sorted({*timeline.starts, *timeline.ends, *timeline.spans})
    found = [moment for service in services for moment in changes_of(timeline, service)]
    found += [
        Moment(end.time, service, f"ended: {end.how}")
        for service, ends in sorted(timeline.ends.items())
        for end in ends
        if end.how
    ]
    return tuple(sorted(found, key=lambda one: (one.time, one.service, one.what))[-most:])


def follows(first_seen: int, services: Iterable[str], timeline: Timeline) -> str:
    """Return the change right before `first_seen`, e.g. `began 4 min after release 1.4 → 1.5`; or empty."""
    near = [
        moment
        for service in services
        for moment in changes_of(timeline, service)
        if first_seen and 0 <= first_seen - moment.time <= AFTER_NS
    ]
    if not near:
        return ""
    latest = max(near, key=lambda moment: (moment.time, moment.what))
    return f"began {_span_text(first_seen - latest.time)} after {latest.what}"


def came_back(seen: Series, works: Series | None, services: Iterable[str], timeline: Timeline) -> str:
    """Return in words that a fault ended with one release and returned with a later one; else empty.

    Args:
        seen: When it failed.
        works: When the same path was seen to work, where that is known.
        services: Whose fault.
        timeline: Releases and configurations.
    """
    minutes = sorted(seen.minutes)
    for service in services:
        changes = changes_of(timeline, service)
        for ended, again in itertools.pairwise(changes):
            before = [m for m in minutes if m * MINUTE_NS <= ended.time]
            between = [m for m in minutes if ended.time // MINUTE_NS < m < again.time // MINUTE_NS]
            after = [m for m in minutes if m * MINUTE_NS >= again.time - MINUTE_NS and m not in before]
            worked = works is None or any(
                ended.time // MINUTE_NS <= m <= again.time // MINUTE_NS for m in works.minutes
            )
            if before and after and not between and worked and again.time - ended.time >= CALM_NS:
                span = _span_text(max(0, after[0] * MINUTE_NS - again.time))
                return f"came back {span} after {again.what}; it was gone with {ended.what}"
    return ""


def on_timeline(issue: Issue, timeline: Timeline, seen: Series | None, works: Series | None) -> Issue:
    """Return the issue with the change it follows, and regressed when a release had ended it before.

    Args:
        issue: As the facts tell it.
        timeline: Starts, releases and configurations.
        seen: When it failed, where that is counted.
        works: When the same path was seen to work, where that is known.
    """
    back = came_back(seen, works, issue.services, timeline) if seen is not None else ""
    if back:
        return msgspec.structs.replace(issue, follows=back, status=IssueStatus.REGRESSED)
    return msgspec.structs.replace(issue, follows=follows(issue.first_seen, issue.services, timeline))


def _told(event: Event) -> tuple[tuple[str, str], ...]:
    found = []
    for what, names in _FIELDS.items():
        for name in names:
            value = event.attributes.get(name) or event.resource.get(name)
            if value:
                found.append((what, plain(value)))
                break
    return tuple(found)


def _how(event: Event) -> str:
    values: Mapping[str, object] = event.attributes
    signal, code = plain(values.get("process.signal") or ""), values.get("process.exit_code")
    if values.get("process.oom"):
        return "out of memory"
    if signal:
        return "" if signal in ("SIGTERM", "SIGINT", "SIGHUP") else signal
    if code is None:
        return "no last word" if values.get("process.clean") is False else ""
    return f"exit code {plain(code)}" if code != 0 else ""


def _newest(kept: list[T]) -> list[T]:
    return sorted(set(kept), key=lambda one: (one.time, one.uid))[-MAX_KEPT:]


def _span_text(span_ns: int) -> str:
    seconds = span_ns // 1_000_000_000
    return f"{seconds} s" if seconds < 120 else f"{seconds // 60} min"

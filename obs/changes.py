"""What changed between two looks: new, worse, regressed, resolved, quiet, ongoing.

Quiet is not fixed: an issue that made no noise is *not exercised* unless its path ran well.
"""

from __future__ import annotations

from collections.abc import Mapping

import msgspec

from obs.page.telling import times, when
from obs.snapshot import Issue, IssueSeverity, IssueStatus, Snapshot

__all__ = ["CLASSES", "Change", "changes", "is_unchanged"]

CLASSES = ("new", "worse", "regressed", "resolved", "quiet", "ongoing")
"""The order in which a page tells them; empty classes are named too."""


class Change(msgspec.Struct, frozen=True):
    """One issue, then and now."""

    kind: str
    """One of `CLASSES`."""
    id: str
    title: str
    then: str
    now: str


def changes(now: Snapshot, since: Snapshot | int, words: Mapping[str, str]) -> tuple[Change, ...]:
    """Return the changes since an earlier Snapshot, or since a time (Unix ns).

    Args:
        now: The picture now.
        since: What was seen, or only when it was looked at.
        words: The words of the page's language.
    """
    at = since if isinstance(since, int) else since.taken_at
    before = {} if isinstance(since, int) else {issue.fingerprint: issue for issue in since.issues}
    found = []
    if not isinstance(since, int) and now.phase != since.phase and now.phase:
        found.append(Change("new", "", words["run"], since.phase, now.phase))
    for issue in now.issues:
        if issue.cause is not None or issue.status is IssueStatus.ARCHIVED:
            continue
        old = before.get(issue.fingerprint)
        kind = _kind(issue, old, at)
        # What happened once and was seen is over: it is neither quiet nor going on.
        if kind in ("quiet", "ongoing") and (issue.count == 1 or issue.severity is IssueSeverity.INFO):
            continue
        title = issue.title
        found.append(
            Change(kind, issue.id, title, _then(old, issue, at, words), _now(issue, old, kind, now, words))
        )
    return tuple(sorted(found, key=lambda change: CLASSES.index(change.kind)))


def is_unchanged(now: Snapshot, since: Snapshot | int) -> bool:
    """Whether nothing that a reader would act on differs: issues, money, how the run stands."""
    if isinstance(since, int):
        active = any(i.last_seen > since for i in now.issues if i.cause is None)
        return not active and not any(end.time > since for end in now.ends)
    return (
        _acted_on(now) == _acted_on(since)
        and now.phase == since.phase
        and now.money_lines == since.money_lines
        and now.health == since.health
    )


def _acted_on(snapshot: Snapshot) -> list[tuple[str, IssueStatus, int]]:
    return [(i.fingerprint, i.status, i.count) for i in snapshot.issues if i.cause is None]


def _kind(issue: Issue, old: Issue | None, at: int) -> str:
    if issue.status is IssueStatus.REGRESSED:
        return "regressed"
    if issue.status is IssueStatus.RESOLVED:
        return "resolved"
    if old is None and issue.first_seen > at:
        return "new"
    if issue.last_seen <= at:
        return "quiet"
    if old is not None and issue.count > 2 * max(old.count, 1):
        return "worse"
    return "worse" if issue.trend == "worse" else "ongoing"


def _then(old: Issue | None, issue: Issue, at: int, words: Mapping[str, str]) -> str:
    if old is not None:
        return f"{old.count:,}×" if old.count > 1 else times(old, words)
    return "" if issue.first_seen > at else words["there"]


def _now(issue: Issue, old: Issue | None, kind: str, snapshot: Snapshot, words: Mapping[str, str]) -> str:
    last = words["last"].format(time=when(issue.last_seen, snapshot, fine=False)) if issue.last_seen else ""
    parts = [f"{issue.count:,}×" if issue.count > 1 else times(issue, words)]
    if old is not None and issue.count >= old.count and issue.count > 1:
        parts.append(f"+{issue.count - old.count:,}")
    text = ", ".join([*parts, *([last] if last else [])])
    if kind == "quiet":
        return f"{text}: {words['unexercised']}"
    if kind == "resolved" and issue.succeeded_since:
        return f"{text}; {words['exercised'].format(n=f'{issue.succeeded_since:,}')}"
    return text

"""What changed between two looks: new, worse, regressed, resolved, quiet, ongoing, not exercised."""

from __future__ import annotations

import msgspec

from obs.snapshot import Issue, IssueStatus, Snapshot

__all__ = ["CLASSES", "Change", "changes"]

CLASSES = ("new", "worse", "regressed", "ongoing", "resolved", "quiet")
"""The order in which a page tells them; empty classes are named too."""


class Change(msgspec.Struct, frozen=True):
    """One issue, then and now."""

    kind: str
    id: str
    title: str
    then: str
    now: str


def changes(now: Snapshot, since: Snapshot | int) -> tuple[Change, ...]:
    """Return the changes since an earlier Snapshot, or since a time (Unix ns).

    Quiet is not fixed: an issue that made no noise is `quiet` and *not exercised* unless its path ran well.
    """
    at = since if isinstance(since, int) else since.taken_at
    before = {} if isinstance(since, int) else {issue.fingerprint: issue for issue in since.issues}
    found = []
    for issue in now.issues:
        if issue.cause is not None or issue.status is IssueStatus.ARCHIVED:
            continue
        old = before.get(issue.fingerprint)
        kind = _kind(issue, old, at)
        found.append(Change(kind, issue.id, issue.title, _then(old, issue, at), _now(issue, kind)))
    return tuple(sorted(found, key=lambda change: CLASSES.index(change.kind)))


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


def _then(old: Issue | None, issue: Issue, at: int) -> str:
    if old is not None:
        return f"{old.count:,}×"
    return "" if issue.first_seen > at else "there"


def _now(issue: Issue, kind: str) -> str:
    text = f"{issue.count:,}×"
    if kind == "quiet":
        return f"{text}, +0: **not exercised**, not fixed"
    if kind == "resolved" and issue.succeeded_since:
        return f"{text}; {issue.succeeded_since} good since: **exercised**"
    return text

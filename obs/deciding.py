"""What a person decides about issues: resolve, archive for a while, reopen; and the list to decide on.

Written into the store of a directory, whether a sidecar works there or not: a running one hears of it within
a second and draws its pages anew.
"""

from __future__ import annotations

import getpass
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path

from obs.insight.lifecycle import decide
from obs.keeping.presence import running_pid
from obs.keeping.store import Change, LifecycleEntry, Store
from obs.keeping.vault import decisions
from obs.looking import DATABASE, current, find_issue, since_ns, span_ns, store_of
from obs.snapshot import Issue, IssueStatus, Snapshot

__all__ = ["FOREVER", "VERBS", "apply", "listed", "user", "wakes_at"]

VERBS = ("resolve", "archive", "reopen")
FOREVER = "ever"
ARCHIVED_FOR = "30d"
"""How long an issue is archived unless the person says otherwise: silence for ever hides the next fault."""
CLOSED = (IssueStatus.RESOLVED, IssueStatus.ARCHIVED)


def apply(
    directory: Path,
    snapshot: Snapshot,
    verb: str,
    ids: Sequence[str],
    *,
    now: int,
    why: str = "",
    by: str = "",
    expires: int = 0,
    store: str | None = None,
) -> list[str]:
    """Store a decision on each of the issues, all or none; return a line for each.

    Args:
        directory: The sidecar's folder.
        snapshot: The picture the ids are of.
        verb: One of `VERBS`.
        ids: Issue ids or unique prefixes.
        now: Unix ns.
        why: The reason; an archived issue must have one.
        by: Who decides; the user's name when empty.
        expires: Unix ns at which archived issues wake; 0: never.
        store: Address of the server that keeps it, empty for the folder's file; None asks the settings.

    Raises:
        ValueError: If an id is unknown, or its issue cannot go there.
    """
    who = by or user()
    entries, lines = [], []
    where = store_of(directory) if store is None else store or directory / DATABASE
    with Store(where) as opened:
        stored = decisions(opened.load())
    for wanted in ids:
        issue = find_issue(snapshot.issues, wanted)
        # Of two decisions the store keeps the later, also when the clock of this machine went back.
        earlier = stored.get(issue.fingerprint)
        at = max(now, earlier.at + 1 if earlier is not None else 0)
        made = decide(verb, issue, at, by=who, why=why, expires=expires)
        entries.append(
            LifecycleEntry(
                fingerprint=issue.fingerprint,
                status=made.status,
                at=made.at,
                who=made.by,
                why=made.why,
                expires=made.expires,
                first_seen=issue.first_seen,
                last_seen=issue.last_seen,
            )
        )
        lines.append(_said(issue, verb, made.expires))
    with Store(where) as opened:
        opened.save(Change(lifecycle=entries))
    if running_pid(directory) is None:
        current(directory)  # nobody else draws the pages anew
    return lines


def wakes_at(verb: str, duration: str | None, until: str | None, now: int) -> int:
    """Return the Unix ns at which what is archived now wakes; 0 for never, and for other verbs.

    Raises:
        ValueError: If both are given, a time cannot be read, or the verb takes none.
    """
    if verb != "archive":
        if duration or until:
            raise ValueError(f"{verb}: takes no --for and no --until: only an archived issue wakes")
        return 0
    if duration and until:
        raise ValueError("--for and --until: say one of them")
    if until:
        return since_ns(until, now, option="--until")
    if duration == FOREVER:
        return 0
    return now + span_ns(duration or ARCHIVED_FOR, option="--for")


def listed(snapshot: Snapshot, *, every: bool) -> list[str]:
    """Return a line for each open cause in rank order; with `every` for symptoms and closed ones too."""
    lines = [
        _line(issue)
        for issue in snapshot.issues
        if every or (issue.cause is None and issue.status not in CLOSED)
    ]
    hidden = len(snapshot.issues) - len(lines)
    closed = sum(1 for issue in snapshot.issues if issue.status in CLOSED)
    if not lines:
        lines.append("no open issue")
    if hidden:
        lines.append(f"{hidden} more: {closed} resolved or archived, the rest symptoms; `--all` lists them")
    return lines


def _line(issue: Issue) -> str:
    since = f"since {_time(issue.first_seen)}" if issue.first_seen else "at an unknown time"
    parts = [issue.id, str(issue.status), str(issue.severity), str(issue.category), issue.title]
    text = f"{' '.join(parts)} · {issue.count}× {since}"
    return text + (f" · {issue.decided}" if issue.decided else "")


def _said(issue: Issue, verb: str, expires: int) -> str:
    what = {"resolve": "resolved", "archive": "archived", "reopen": "open again"}[verb]
    end = {
        "resolve": "; a new occurrence makes it regressed",
        "archive": f" until {_time(expires)}" if expires else " until someone reopens it",
        "reopen": "",
    }[verb]
    return f"{issue.id} {issue.title}: {what}{end}"


def user() -> str:
    """Return the name of who runs this; empty when it cannot be known."""
    try:
        return getpass.getuser()
    except (KeyError, OSError, ImportError):
        return ""


def _time(time_ns: int) -> str:
    return f"{datetime.fromtimestamp(time_ns / 1e9, UTC):%Y-%m-%d %H:%M} UTC"

"""What a person decides about issues: resolve, archive for a while, reopen, merge, split; and their list.

Written into the store of a directory, whether a sidecar works there or not: a running one hears of it within
a second and draws its pages anew.
"""

from __future__ import annotations

import getpass
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path

import msgspec

from obs.insight.lifecycle import Lifecycle, decide
from obs.keeping.presence import running_pid
from obs.keeping.store import Change, LifecycleEntry, Store
from obs.keeping.vault import decisions, entry_of
from obs.looking import DATABASE, current, find_issue, since_ns, span_ns, store_of
from obs.snapshot import Issue, IssueStatus, Snapshot

__all__ = ["FOREVER", "VERBS", "WORSE", "apply", "listed", "merge", "split", "user", "wakes_at"]

VERBS = ("resolve", "archive", "reopen")
FOREVER = "ever"
WORSE = "worse"
"""An issue is archived until there is more of it than before."""
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
    until_worse: bool = False,
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
        until_worse: Whether archived issues wake when there is more of them than before.
        store: Address of the server that keeps it, empty for the folder's file; None asks the settings.

    Raises:
        ValueError: If an id is unknown, or its issue cannot go there.
    """
    who = by or user()
    entries, lines = [], []
    where = _where(directory, store)
    stored = _stored(where)
    for wanted in ids:
        issue = find_issue(snapshot.issues, wanted)
        at = _after(stored.get(issue.fingerprint), now)
        made = decide(verb, issue, at, by=who, why=why, expires=expires, until_worse=until_worse)
        entries.append(_entry(issue, made))
        lines.append(_said(issue, verb, made))
    _save(directory, where, entries)
    return lines


def merge(
    directory: Path,
    snapshot: Snapshot,
    into: str,
    ids: Sequence[str],
    *,
    now: int,
    why: str = "",
    by: str = "",
    store: str | None = None,
) -> list[str]:
    """Make issues parts of another, all or none; return a line for each.

    From now on they are shown, counted and decided on as one, and so is what comes of them later; what was
    decided on a part alone is forgotten.

    Args:
        directory: The sidecar's folder.
        snapshot: The picture the ids are of.
        into: Id or unique prefix of the issue that they become a part of.
        ids: The same of each part.
        now: Unix ns.
        why: The reason.
        by: Who decides; the user's name when empty.
        store: As `apply`.

    Raises:
        ValueError: If an id is unknown, or an issue is named twice.
    """
    whole = find_issue(snapshot.issues, into)
    where = _where(directory, store)
    stored = _stored(where)
    entries, lines = [], []
    for wanted in ids:
        part = find_issue(snapshot.issues, wanted)
        if part.fingerprint == whole.fingerprint:
            raise ValueError(f"{wanted}: is {whole.id} itself or merged into it already: name another issue")
        at = _after(stored.get(part.fingerprint), now)
        decision = Lifecycle(IssueStatus.ONGOING, at, by or user(), why.strip(), into=whole.fingerprint)
        entries.append(_entry(part, decision))
        lines.append(f"{part.id} {part.title}: merged into {whole.id} {whole.title}")
    _save(directory, where, entries)
    return lines


def split(
    directory: Path,
    snapshot: Snapshot,
    ids: Sequence[str],
    *,
    now: int,
    by: str = "",
    store: str | None = None,
) -> list[str]:
    """Let merged issues stand alone again, all or none; return a line for each.

    Args:
        directory: The sidecar's folder.
        snapshot: The picture the ids are of.
        ids: Ids or unique prefixes of the parts; that of the whole stands for all of its parts.
        now: Unix ns.
        by: Who decides; the user's name when empty.
        store: As `apply`.

    Raises:
        ValueError: If an id is unknown, or its issue is no part of another and has none.
    """
    where = _where(directory, store)
    stored = _stored(where)
    entries, lines = [], []
    for wanted in ids:
        whole = find_issue(snapshot.issues, wanted)
        start = wanted.lower().removeprefix("i-")
        named = [one for one in whole.merged if one.fingerprint.startswith(start)]
        if not whole.merged:
            raise ValueError(f"{wanted}: nothing was merged into {whole.id}: there is nothing to split")
        for part in named or whole.merged:
            at = _after(stored.get(part.fingerprint), now)
            entries.append(entry_of(part.fingerprint, Lifecycle(IssueStatus.ONGOING, at, by or user())))
            lines.append(f"{part.id} {part.title}".rstrip() + f": split from {whole.id}, stands alone again")
    _save(directory, where, entries)
    return lines


def _where(directory: Path, store: str | None) -> Path | str:
    return store_of(directory) if store is None else store or directory / DATABASE


def _stored(where: Path | str) -> Mapping[str, Lifecycle]:
    with Store(where) as opened:
        return decisions(opened.load())


def _after(earlier: Lifecycle | None, now: int) -> int:
    # Of two decisions the store keeps the later, also when the clock of this machine went back.
    return max(now, earlier.at + 1 if earlier is not None else 0)


def _entry(issue: Issue, made: Lifecycle) -> LifecycleEntry:
    entry = entry_of(issue.fingerprint, made)
    return msgspec.structs.replace(entry, first_seen=issue.first_seen, last_seen=issue.last_seen)


def _save(directory: Path, where: Path | str, entries: Sequence[LifecycleEntry]) -> None:
    with Store(where) as opened:
        opened.save(Change(lifecycle=entries))
    if running_pid(directory) is None:
        current(directory)  # nobody else draws the pages anew


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
    if duration in (FOREVER, WORSE):
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
    text += f" · {len(issue.merged)} merged into it" if issue.merged else ""
    return text + (f" · {issue.decided}" if issue.decided else "")


def _said(issue: Issue, verb: str, made: Lifecycle) -> str:
    what = {"resolve": "resolved", "archive": "archived", "reopen": "open again"}[verb]
    until = f" until {_time(made.expires)}" if made.expires else " until someone reopens it"
    if made.most >= 0:
        until = f" until more than {made.most} of it are seen in an hour"
    end = {"resolve": "; a new occurrence makes it regressed", "archive": until, "reopen": ""}[verb]
    return f"{issue.id} {issue.title}: {what}{end}"


def user() -> str:
    """Return the name of who runs this; empty when it cannot be known."""
    try:
        return getpass.getuser()
    except (KeyError, OSError, ImportError):
        return ""


def _time(time_ns: int) -> str:
    return f"{datetime.fromtimestamp(time_ns / 1e9, UTC):%Y-%m-%d %H:%M} UTC"

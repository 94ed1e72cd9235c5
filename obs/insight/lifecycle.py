"""The life of an issue: which status follows which, and what a person's decision does to it.

The facts alone give new, ongoing, escalating and resolved. What was decided (resolved, archived with a reason
and an end) is kept in the store and laid over them. Which move is legal stands in `MOVES`, nowhere else.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import UTC, datetime

import msgspec

from obs.quoting import plain, shorten
from obs.snapshot import Issue, IssueStatus

__all__ = ["MOVES", "Lifecycle", "decide", "decided", "derive_status", "with_decision"]

REASON_SHOWN = 160
"""Characters of a reason that a page shows."""
TIMES_WORSE, LEAST_WORSE = 2, 10
"""An archived issue got worse with more than so many times the records of its fullest hour, and so many."""
MINUTES = 60
HOUR_NS = MINUTES * 60_000_000_000


class Lifecycle(msgspec.Struct, frozen=True):
    """What was decided about an issue and is kept across restarts."""

    status: IssueStatus
    at: int = 0
    """Unix ns of the decision."""
    by: str = ""
    why: str = ""
    expires: int = 0
    """Unix ns after which an archived issue wakes; 0: never by itself."""
    most: int = -1
    """An archived issue wakes too when more records than this are seen in an hour; -1: however many are."""
    into: str = ""
    """Fingerprint of the issue that it was made a part of; empty for one that stands alone."""


_S = IssueStatus

MOVES: Mapping[IssueStatus, frozenset[IssueStatus]] = {
    _S.NEW: frozenset({_S.ONGOING, _S.ESCALATING, _S.REGRESSED, _S.RESOLVED, _S.ARCHIVED}),
    _S.ONGOING: frozenset({_S.ESCALATING, _S.REGRESSED, _S.RESOLVED, _S.ARCHIVED}),
    _S.ESCALATING: frozenset({_S.ONGOING, _S.REGRESSED, _S.RESOLVED, _S.ARCHIVED}),
    _S.REGRESSED: frozenset({_S.RESOLVED, _S.ARCHIVED}),
    # What was resolved and fails again has regressed, whatever else is true of it.
    _S.RESOLVED: frozenset({_S.REGRESSED, _S.ARCHIVED}),
    _S.ARCHIVED: frozenset({_S.ONGOING, _S.ESCALATING, _S.RESOLVED}),
}
"""Status -> what may follow it. A status may always stay as it is."""

_VERBS = {"resolve": _S.RESOLVED, "archive": _S.ARCHIVED, "reopen": _S.ONGOING}
"""A person's word -> the status it asks for; `reopen` takes a decision back."""


def derive_status(
    stored: Lifecycle | None, issue: Issue, now: int, counts: Iterable[tuple[int, int]] = ()
) -> IssueStatus:
    """Return the status that the stored decision and the facts give together.

    Args:
        stored: The last decision, or None for an issue nobody has touched.
        issue: The issue as the facts tell it; its own `status` is REGRESSED when they tell that it came back
            after a release had ended it, and is ignored else.
        now: Unix ns.
        counts: (Unix ns, records) of its hours and minutes, as far as they are remembered.
    """
    told = _told_by_facts(issue)
    if stored is None or stored.into:
        return told
    if stored.status is _S.ARCHIVED:
        if _got_worse(stored, counts):
            return _S.ESCALATING
        if not (stored.expires and now >= stored.expires):
            return _S.ARCHIVED
    if stored.status is _S.RESOLVED and issue.last_seen <= stored.at:
        return _S.RESOLVED
    if told in MOVES[stored.status] or told is stored.status:
        return told
    # The facts know less than the decision: a resolved one that fails again is not new, a woken one neither.
    return _S.REGRESSED if stored.status in (_S.RESOLVED, _S.REGRESSED) else _S.ONGOING


def with_decision(
    issue: Issue, stored: Lifecycle | None, now: int, counts: Iterable[tuple[int, int]] = ()
) -> Issue:
    """Return the issue with the status that it has now, and with the words of the decision behind it.

    Args: as `derive_status`.
    """
    status = derive_status(stored, issue, now, counts)
    return msgspec.structs.replace(issue, status=status, decided=decided(stored, status))


def decide(
    verb: str,
    issue: Issue,
    now: int,
    *,
    by: str = "",
    why: str = "",
    expires: int = 0,
    until_worse: bool = False,
) -> Lifecycle:
    """Return what to store for a person's decision.

    Args:
        verb: `resolve`, `archive` or `reopen`.
        issue: The issue as it stands.
        now: Unix ns.
        by: Who decides.
        why: The reason; an archived issue must have one.
        expires: Unix ns at which an archived issue wakes; 0: never by itself.
        until_worse: An archived issue wakes when in an hour more than twice as much of it is seen as in any
            hour that is remembered now.

    Raises:
        ValueError: If the issue cannot go there from where it is, or the reason is missing.
    """
    wanted = _VERBS[verb]
    if wanted is issue.status and wanted is not _S.ARCHIVED:
        raise ValueError(f"{issue.id}: is {issue.status} already")
    if verb == "reopen":
        if issue.status not in (_S.RESOLVED, _S.ARCHIVED):
            raise ValueError(
                f"{issue.id}: is {issue.status}: only a resolved or archived issue can be reopened"
            )
    elif wanted is not issue.status and wanted not in MOVES[issue.status]:
        raise ValueError(f"{issue.id}: is {issue.status} and cannot become {wanted}")
    if verb == "archive" and not why.strip():
        raise ValueError(f"{issue.id}: nobody will know why it is silent: give --reason TEXT")
    if expires and expires <= now:
        raise ValueError(f"{issue.id}: the time at which it would wake is past: give a later one")
    if verb != "archive":
        return Lifecycle(wanted, now, by, why.strip())
    most = max(LEAST_WORSE, TIMES_WORSE * _most_in_an_hour(issue.minutes)) if until_worse else -1
    return Lifecycle(wanted, now, by, why.strip(), expires, most)


def decided(stored: Lifecycle | None, status: IssueStatus) -> str:
    """Return who decided what and why, as a page may carry it; the reason is quoted like any foreign text."""
    if stored is None or not stored.at or (stored.status is _S.ONGOING and not stored.into):
        return ""
    what = "merged" if stored.into else str(stored.status)
    text = f"{what} {_time(stored.at)}"
    if stored.status is _S.ARCHIVED and stored.expires:
        text += (
            f" until {_time(stored.expires)}" if status is _S.ARCHIVED else f", woke {_time(stored.expires)}"
        )
    elif stored.status is _S.ARCHIVED and stored.most >= 0:
        worse = f"more than {stored.most} of it in an hour"
        text += f" until there is {worse}" if status is _S.ARCHIVED else f", woke: there was {worse}"
    if stored.by:
        text += f" by {plain(stored.by)}"
    return text + (f": {shorten(stored.why, REASON_SHOWN)}" if stored.why else "")


def _got_worse(stored: Lifecycle, counts: Iterable[tuple[int, int]]) -> bool:
    if stored.most < 0:
        return False
    hours: dict[int, int] = {}
    for at, count in counts:
        if at >= stored.at:
            hours[at // HOUR_NS] = hours.get(at // HOUR_NS, 0) + count
    return max(hours.values(), default=0) > stored.most


def _most_in_an_hour(minutes: Iterable[tuple[int, int]]) -> int:
    hours: dict[int, int] = {}
    for minute, count in minutes:
        hours[minute // MINUTES] = hours.get(minute // MINUTES, 0) + count
    return max(hours.values(), default=0)


def _told_by_facts(issue: Issue) -> IssueStatus:
    if issue.succeeded_since > 0:
        return _S.RESOLVED
    if issue.status is _S.REGRESSED:
        return _S.REGRESSED
    if issue.trend == "worse":
        return _S.ESCALATING
    return _S.ONGOING if issue.count > 1 else _S.NEW


def _time(time_ns: int) -> str:
    return f"{datetime.fromtimestamp(time_ns / 1e9, UTC):%Y-%m-%d %H:%M} UTC"

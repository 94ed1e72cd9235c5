"""A silence archives: every issue that it holds, also those that come while it lasts, until it ends.

What a silence has archived is open again when the silence is ended early or no longer holds it (the issue
grew graver than what was silenced). A person's own decision stands: what was opened again by hand stays open
under the same silence, and what was archived by hand is left alone.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Mapping

from obs.alerts.desk import Desk
from obs.alerts.silencebook import Archived
from obs.alerts.silences import Silence
from obs.journal import Journal, journal
from obs.keeping.store import StoreError
from obs.snapshot import Issue, IssueStatus, Snapshot

__all__ = ["Decide", "Hush"]

Decide = Callable[[str, Snapshot, Issue, int, str, str, int], None]
"""Verb, picture, issue, Unix ns now, who, why, Unix ns of the end -> stores the decision, or raises."""
FRESH_NS = 10 * 1_000_000_000
"""So long after a decision a picture may not show it yet."""
MOST_AT_ONCE = 50
"""Decisions of one look: each is a transaction."""


class Hush:
    """Lays silences over the issues; used by the alerter's thread."""

    def __init__(self, decide: Decide, *, log: Journal | None = None) -> None:
        """Make one.

        Args:
            decide: Stores a decision.
            log: Where it is written down.
        """
        self._decide = decide
        self._log = log if log is not None else journal("alerts")
        self.silenced = 0
        """Issues that a silence holds archived."""

    def step(self, desk: Desk, snapshot: Snapshot, laid: Mapping[str, Silence], now: int) -> None:
        """Archive what a silence holds and open what none holds any more.

        Args:
            desk: Remembers what a silence has archived.
            snapshot: The newest picture.
            laid: Issue -> the silence that holds it.
            now: Unix ns.
        """
        archived = desk.silences.archived()
        if not archived and not laid:
            self.silenced = 0
            return
        held, left = 0, MOST_AT_ONCE
        for issue in snapshot.issues:
            before = archived.get(issue.fingerprint)
            if left <= 0:
                break
            silence = laid.get(issue.fingerprint)
            if silence is not None:
                held += issue.status is IssueStatus.ARCHIVED
                left -= self._archive(desk, snapshot, issue, silence, before, now)
            elif before is not None and now - before.at > FRESH_NS:
                left -= self._release(desk, snapshot, issue, before, now)
        self.silenced = held

    def _archive(
        self,
        desk: Desk,
        snapshot: Snapshot,
        issue: Issue,
        silence: Silence,
        before: Archived | None,
        now: int,
    ) -> int:
        if issue.status is IssueStatus.RESOLVED:
            return 0
        if before is not None and (before.silence, before.until) == (silence.key, silence.until):
            # Archived already, or opened again by a person since.
            return 0
        if before is None and issue.status is IssueStatus.ARCHIVED:
            return 0
        who = f"Alertmanager ({silence.by})" if silence.is_foreign else silence.by
        why = f"silence {silence.key}" + (f": {silence.why}" if silence.why else "")
        if self._stored("archive", snapshot, issue, now, who, why, silence.until):
            desk.silences.archive(issue.fingerprint, Archived(silence.key, now, silence.until))
        return 1

    def _release(self, desk: Desk, snapshot: Snapshot, issue: Issue, before: Archived, now: int) -> int:
        # What woke by itself, or was decided by a person since, needs nothing.
        is_ours = issue.status is IssueStatus.ARCHIVED and f"silence {before.silence}" in issue.decided
        if not is_ours or self._stored("reopen", snapshot, issue, now, "obs", "its silence ended", 0):
            desk.silences.release(issue.fingerprint)
        return int(is_ours)

    def _stored(
        self, verb: str, snapshot: Snapshot, issue: Issue, now: int, who: str, why: str, until: int
    ) -> bool:
        try:
            self._decide(verb, snapshot, issue, now, who, why, until)
        except (StoreError, ValueError, OSError, sqlite3.Error) as error:
            # Tried again at the next look; the message is held back by the silence itself meanwhile.
            self._log.error("a silence could not be laid", issue=issue.id, why=type(error).__name__)
            return False
        return True

"""What changed since the reader looked: causes, such as a release, above symptoms."""

from __future__ import annotations

import re
from decimal import Decimal

from obs.money.amounts import Money
from obs.page.telling import is_bad
from obs.quoting import plain
from obs.snapshot import Issue, IssueStatus, Moment, Snapshot
from obs.web.model import ChangeRow, Changes, Rich, Span
from obs.web.numbers import ms
from obs.web.reader import Reader
from obs.web.rows import causes

__all__ = ["HOURS", "changes", "looked_at", "release_of"]

HOURS = 12
"""So far back it is told what changed, for a reader whose last look is not known."""
MOST = 40
ORDER = ("deployed", "configured", "ended", "new", "worse", "regressed", "resolved", "untried", "pnl")
HOUR_NS = 3_600_000_000_000
_CHANGE = re.compile(r"(release|configuration|commit) (.+) → (.+)")


def changes(snapshot: Snapshot, reader: Reader, since: int) -> Changes:
    """Return what changed since Unix ns.

    Args:
        snapshot: The picture.
        reader: For whom.
        since: Unix ns.
    """
    rows = [_moment(moment, snapshot, reader) for moment in snapshot.timeline if moment.time > since]
    kinds = ((issue, _kind(issue, since)) for issue in causes(snapshot))
    # Of very many only those that will be shown are put into words.
    told = sorted(
        ((issue, kind) for issue, kind in kinds if kind), key=lambda one: (ORDER.index(one[1]), -_at(*one))
    )
    rows += [_issue(issue, kind, reader) for issue, kind in told[:MOST]]
    rows.sort(key=lambda row: (ORDER.index(row.kind), -row.at))
    rows += _result(snapshot, since, reader)
    return Changes(ms(since), tuple(rows[:MOST]), "" if rows else reader.say("change.nothing"))


def looked_at(snapshot: Snapshot, since_ms: int) -> int:
    """Return when the reader looked last, Unix ns; where that is not known, some hours ago."""
    if since_ms:
        return min(since_ms * 1_000_000, snapshot.taken_at)
    # A whole hour, so that the heading stands still while time goes on.
    hour = snapshot.taken_at // HOUR_NS - HOURS
    return max(hour * HOUR_NS, snapshot.first_event - 1, 0)


def release_of(moment: Moment) -> str:
    """Return the release that a moment began, or empty when it is none."""
    found = _CHANGE.fullmatch(moment.what)
    return found[3] if found is not None and found[1] == "release" else ""


def _moment(moment: Moment, snapshot: Snapshot, reader: Reader) -> ChangeRow:
    bot = plain(moment.service)
    found = _CHANGE.fullmatch(moment.what)
    if found is None:
        how = reader.prose(moment.what.removeprefix("ended: "))
        text = reader.say.rich("change.how", bot=bot, how=how)
        return ChangeRow(kind="ended", word=reader.say("change.ended"), text=text, at=ms(moment.time))
    what, before, after = found.groups()
    key = "release" if what == "release" else "other"
    text = reader.say.rich(f"change.{key}", bot=bot, before=before, after=after, what=reader.prose(what))
    then = _followed_by(moment, snapshot)
    if then is not None:
        span = reader.length(then.first_seen - moment.time)
        text += reader.say.rich("change.before", span=span, issue=reader.prose(then.title))
    kind = "configured" if what == "configuration" else "deployed"
    return ChangeRow(
        kind=kind,
        word=reader.say(f"change.{kind}"),
        text=text,
        at=ms(moment.time),
        issue=then.id if then is not None else "",
    )


def _followed_by(moment: Moment, snapshot: Snapshot) -> Issue | None:
    """The first issue that began right after a change, by the issue's own word for it."""
    after = [
        issue
        for issue in causes(snapshot)
        if moment.what in issue.follows
        and moment.service in issue.services
        and issue.first_seen >= moment.time
    ]
    return min(after, key=lambda issue: issue.first_seen, default=None)


def _issue(issue: Issue, kind: str, reader: Reader) -> ChangeRow:
    title = reader.prose(issue.title)
    text: Rich = (Span(title),)
    if kind == "untried":
        text = reader.say.rich("change.not_run", title=title)
    elif kind == "resolved" and issue.succeeded_since:
        text = reader.say.rich("change.runs", title=title, n=issue.succeeded_since)
    elif kind == "worse" and issue.symptoms:
        text = reader.say.rich("change.symptoms", title=title, n=len(issue.symptoms))
    word = reader.say(f"change.{kind}")
    return ChangeRow(kind=kind, word=word, text=text, at=ms(_at(issue, kind)), issue=issue.id)


def _at(issue: Issue, kind: str) -> int:
    """When it changed; 0 for what did not happen."""
    return 0 if kind == "untried" else issue.first_seen if kind == "new" else issue.last_seen


def _kind(issue: Issue, since: int) -> str:
    """How an issue changed, or empty: what is as it was is no change."""
    status = issue.status
    if status is IssueStatus.RESOLVED and issue.decided and not issue.succeeded_since and issue.count > 1:
        return "untried"
    if status is IssueStatus.ARCHIVED or issue.last_seen <= since:
        return ""
    if status is IssueStatus.RESOLVED:
        return "resolved"
    if not is_bad(issue):
        return ""
    if status is IssueStatus.REGRESSED:
        return "regressed"
    if issue.first_seen > since:
        return "new"
    return "worse" if issue.trend == "worse" else ""


def _result(snapshot: Snapshot, since: int, reader: Reader) -> list[ChangeRow]:
    """What was earned since the hour of the last look; hours are what is known."""
    if snapshot.money is None:
        return []
    points = [point for point in snapshot.money.hourly_trends if point.until > since and point.settled]
    sums: dict[str, Decimal] = {}
    for money in (money for point in points for money in point.pnl):
        sums[money.currency] = sums.get(money.currency, Decimal(0)) + money.amount
    if not sums:
        return []
    told = ", ".join(reader.money(Money(amount, currency), sign=True) for currency, amount in sums.items())
    text = reader.say.rich("change.result", money=told, time=Span(clock=ms(points[0].time)))
    value = reader.say("change.trades", n=sum(point.settled for point in points))
    return [ChangeRow(kind="pnl", word=reader.say("change.pnl"), text=text, value=value)]

"""One open issue in one row: what, what to do, how often, what money, since when."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from obs.insight.ranking import Stake, stake_of
from obs.page.telling import SIMULATED, is_bad
from obs.quoting import plain
from obs.series import MINUTE_NS
from obs.snapshot import Issue, IssueSeverity, IssueStatus, Snapshot
from obs.web.checked import ahead, checks
from obs.web.figures import spending
from obs.web.model import Amount, Badge, IssueRow, Issues, Mark
from obs.web.numbers import NONE, ms
from obs.web.plans import todo
from obs.web.reader import Reader

__all__ = [
    "MOST",
    "bars",
    "by_bot",
    "causes",
    "is_lasting",
    "is_open",
    "is_quiet",
    "issues",
    "mark_of",
    "minutes_of",
    "row",
    "services",
    "worst",
]

MOST = 100
"""Rows at most; what is beyond is counted."""
BARS = 20
HOUR_NS = 60 * MINUTE_NS
PAST = (IssueStatus.RESOLVED, IssueStatus.ARCHIVED)
_MARKS = {
    IssueSeverity.INFO: Mark.OK,
    IssueSeverity.WARNING: Mark.WARNING,
    IssueSeverity.ERROR: Mark.ERROR,
    IssueSeverity.CRITICAL: Mark.CRITICAL,
}
_LOUD = (IssueStatus.NEW, IssueStatus.ESCALATING, IssueStatus.REGRESSED)


def issues(snapshot: Snapshot, reader: Reader) -> Issues:
    """Return the issues by what stands to be lost, those that rest apart."""
    found = causes(snapshot)
    midnight = reader.midnight()
    known = {one.fingerprint: one for one in snapshot.issues}
    loud = [one for one in found if is_open(one) and not is_quiet(one, midnight)]
    rest = [one for one in found if not is_open(one) or is_quiet(one, midnight)]
    return Issues(
        checks=checks(snapshot, reader),
        ahead=ahead(snapshot, reader),
        rows=tuple(row(one, snapshot, reader, known) for one in loud[:MOST]),
        quiet=tuple(row(one, snapshot, reader, known) for one in rest[: MOST - min(len(loud), MOST // 2)]),
        more=max(len(loud) - MOST, 0),
        # Where issues stand instead of checks, the time alone would be news at every picture.
        checked=0 if loud else ms(snapshot.taken_at),
        order=_order(loud, snapshot, reader),
    )


def _order(shown: Sequence[Issue], snapshot: Snapshot, reader: Reader) -> str:
    """By what the issues were ranked: simulated money raises no rank; where none is known, severity does."""
    if not shown:
        return ""
    if snapshot.mode in SIMULATED:
        return reader.say("order.simulated")
    return reader.say("order.money" if any(one.money_at_risk for one in shown) else "order.severity")


def causes(snapshot: Snapshot) -> list[Issue]:
    """Return what is no symptom of something else, in order of rank."""
    return [one for one in snapshot.issues if one.cause is None]


def is_open(issue: Issue) -> bool:
    """Whether nobody and nothing has ended it."""
    return issue.status not in PAST


def is_quiet(issue: Issue, midnight: int) -> bool:
    """Whether it can wait unseen: a notice, a side matter, or a fault that did not come back today.

    What is found in facts, such as a position without a stop, lasts until the facts change.
    """
    if not is_bad(issue):
        return True
    return "." in issue.rule and 0 < issue.last_seen < midnight


def row(issue: Issue, snapshot: Snapshot, reader: Reader, known: Mapping[str, Issue]) -> IssueRow:
    """Return one issue as a row."""
    amount, why = _money(issue, snapshot, reader)
    return IssueRow(
        id=issue.id,
        mark=mark_of(issue),
        title=reader.prose(issue.title),
        service=services(issue.services),
        todo=todo(issue, reader) if is_open(issue) else "",
        bars=bars(issue, snapshot, BARS, HOUR_NS, known),
        life=Badge(reader.say(f"life.{issue.status}"), is_loud=issue.status in _LOUD),
        count=issue.count,
        amount=amount,
        why_money=why,
        since=ms(issue.first_seen),
        last=ms(issue.last_seen),
        symptoms=len(issue.symptoms),
        is_closed=not is_open(issue),
    )


def bars(
    issue: Issue, snapshot: Snapshot, parts: int, span: int, known: Mapping[str, Issue]
) -> tuple[int, ...]:
    """Return how often it was seen in equal parts of the time before the picture, oldest first.

    Args:
        issue: The issue; its symptoms' records count with it. What is found in facts lasts since it began.
        snapshot: The picture.
        parts: How many.
        span: Ns that they cover together.
        known: Issues by fingerprint.
    """
    end = (snapshot.taken_at // MINUTE_NS + 1) * MINUTE_NS
    counts = [0] * parts
    minutes = [*minutes_of(issue)]
    for symptom in issue.symptoms:
        minutes += minutes_of(known[symptom]) if symptom in known else ()
    if not minutes and is_lasting(issue) and issue.first_seen:
        minutes = [(at, 1) for at in range(issue.first_seen // MINUTE_NS, end // MINUTE_NS)]
        minutes = minutes[-span // MINUTE_NS :]
    for minute, count in minutes:
        place = (minute * MINUTE_NS - (end - span)) * parts // span
        if 0 <= place < parts:
            counts[place] += count
    return tuple(counts)


def minutes_of(issue: Issue) -> tuple[tuple[int, int], ...]:
    """Return the minutes in which it was seen with counts; where none were kept, those of its evidence."""
    if issue.minutes or is_lasting(issue):
        return issue.minutes
    return tuple((minute, 1) for minute in sorted({e.time // MINUTE_NS for e in issue.evidence if e.time}))


def is_lasting(issue: Issue) -> bool:
    """Whether it is a state that lasts, such as a position without a stop, and not something that recurs."""
    return "." not in issue.rule and issue.count == 1 and is_open(issue)


def mark_of(issue: Issue) -> Mark:
    """Return the mark of an issue's severity; a notice is no trouble."""
    return _MARKS[issue.severity]


def worst(found: Iterable[Issue]) -> Mark:
    """Return the gravest mark of open issues that decide something; the tick when there is none."""
    found = list(found)
    bad = [one for one in found if is_bad(one) and one.cause is None]
    if bad:
        return mark_of(max(bad, key=lambda one: one.severity.rank))
    # Nothing bad was seen, but the end of it neither.
    return Mark.UNKNOWN if any(one.rule == "stopped-short" for one in found) else Mark.OK


def by_bot(snapshot: Snapshot) -> dict[str, Mark]:
    """Return the gravest mark of the issues of each bot; bots without any are not in it."""
    found: dict[str, Issue] = {}
    unseen = set()
    for issue in snapshot.issues:
        if issue.cause is not None or not is_open(issue):
            continue
        bad = is_bad(issue)
        for name in issue.services:
            if bad and (name not in found or issue.severity.rank > found[name].severity.rank):
                found[name] = issue
            if issue.rule == "stopped-short":
                unseen.add(name)
    marks = {name: mark_of(issue) for name, issue in found.items()}
    return dict.fromkeys(unseen, Mark.UNKNOWN) | marks


def services(names: Sequence[str]) -> str:
    """Return the bots concerned: one by its name, of many the first and how many more."""
    told = ", ".join(plain(name) for name in names[:2])
    return told + (f" +{len(names) - 2}" if len(names) > 2 else "")


def _money(issue: Issue, snapshot: Snapshot, reader: Reader) -> tuple[Amount | None, str]:
    """The largest amount behind it and what it is; an amount of nothing is not nothing known."""
    stake = stake_of(issue)
    rate = spending(snapshot, issue.services) if stake is Stake.SPENDING and is_open(issue) else None
    if rate is not None:
        shown = reader.amount(rate.amount, rate.currency)
        return Amount(shown.text, f"{shown.currency}/h"), reader.say("money.spending")
    if not issue.money_at_risk:
        return Amount(NONE), reader.say("money.none")
    first = issue.money_at_risk[0]
    why = {Stake.UNPROTECTED: "unprotected", Stake.UNMANAGED: "unmanaged", Stake.SPENDING: "spending"}.get(
        stake, "open"
    )
    more = f" + {reader.money(*issue.money_at_risk[1:])}" if len(issue.money_at_risk) > 1 else ""
    simulated = f" ({reader.say('figure.simulated')})" if snapshot.mode in SIMULATED else ""
    return reader.amount(first.amount, first.currency), reader.say(f"money.{why}") + simulated + more

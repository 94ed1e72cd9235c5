"""Issues that a person says are one: shown, counted and decided on as one, until they are split again.

What was decided is a fingerprint that goes into another; the facts of each stay apart, so a split takes
nothing away. What comes later of either goes where the decision says.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence

import msgspec

from obs.insight.lifecycle import Lifecycle, decided
from obs.series import newest_of
from obs.snapshot import Evidence, Issue, IssueStatus, Merged, Money
from obs.state import IssueFacts, State

__all__ = ["merged", "renamed", "roots_of"]

MOST_EVIDENCE = 12
"""Lines of all parts together that show it."""
MOST_EFFECTS = 8
_TRENDS = ("quiet", "steady", "burst", "worse")


def roots_of(lifecycle: Mapping[str, Lifecycle]) -> dict[str, str]:
    """Return fingerprint -> the issue that it is a part of, at the end of its chain; a circle has none."""
    roots = {}
    for fingerprint in lifecycle:
        path, into = [fingerprint], lifecycle[fingerprint].into
        while into and into not in path:
            path.append(into)
            into = lifecycle[into].into if into in lifecycle else ""
        if len(path) > 1 and not into:
            roots[fingerprint] = path[-1]
    return roots


def merged(
    issues: Iterable[Issue], roots: Mapping[str, str], lifecycle: Mapping[str, Lifecycle]
) -> list[Issue]:
    """Return the issues with the parts of each in one.

    Args:
        issues: All that the facts tell.
        roots: What `roots_of` gives.
        lifecycle: The decisions by fingerprint.
    """
    if not roots:
        return list(issues)
    groups: dict[str, list[Issue]] = {}
    for issue in issues:
        groups.setdefault(roots.get(issue.fingerprint, issue.fingerprint), []).append(issue)
    known = {one.fingerprint: one for parts in groups.values() for one in parts}
    told: dict[str, list[Merged]] = {}
    for part, root in sorted(roots.items()):
        told.setdefault(root, []).append(_part(part, known.get(part), lifecycle[part]))
    return [_whole(root, parts, told[root]) if root in told else parts[0] for root, parts in groups.items()]


def renamed(state: State, roots: Mapping[str, str]) -> State:
    """Return the state in which records name the whole where they name a part of it as their cause."""
    issues = {
        fingerprint: _pointing(facts, roots)
        for fingerprint, facts in state.issues.items()
        if not roots.keys().isdisjoint(facts.causes)
    }
    return msgspec.structs.replace(state, issues={**state.issues, **issues}) if issues else state


def _pointing(facts: IssueFacts, roots: Mapping[str, str]) -> IssueFacts:
    counts: Counter[str] = Counter()
    for fingerprint, count in facts.causes.items():
        counts[roots.get(fingerprint, fingerprint)] += count
    return msgspec.structs.replace(facts, causes=dict(counts))


def _whole(root: str, parts: Sequence[Issue], told: Sequence[Merged]) -> Issue:
    """One issue of its parts: named as the one they were merged into, else as the part seen first."""
    by_age = sorted(parts, key=lambda one: (one.fingerprint != root, one.first_seen, one.fingerprint))
    first, count = by_age[0], len(told)
    return msgspec.structs.replace(
        first,
        fingerprint=root,
        id=f"I-{root[:6]}",
        severity=max((one.severity for one in parts), key=lambda one: one.rank),
        status=IssueStatus.REGRESSED
        if any(one.status is IssueStatus.REGRESSED for one in parts)
        else first.status,
        services=tuple(sorted({name for one in parts for name in one.services})),
        count=sum(one.count for one in parts),
        first_seen=min((one.first_seen for one in parts if one.first_seen), default=0),
        last_seen=max(one.last_seen for one in parts),
        # It works again when all that it was works again.
        succeeded_since=min(one.succeeded_since for one in parts),
        rate_per_minute=sum(one.rate_per_minute for one in parts),
        trend=max((one.trend for one in parts), key=_TRENDS.index),
        money_at_risk=_together(parts),
        evidence=_evidence(by_age),
        grouped_by="; ".join(
            filter(
                None, (f"{count} issue{'s' if count > 1 else ''} merged into it by hand", first.grouped_by)
            )
        ),
        effects=tuple(dict.fromkeys(text for one in by_age for text in one.effects))[:MOST_EFFECTS],
        until=max(one.until for one in parts),
        minutes=_minutes(parts),
        merged=tuple(told),
    )


def _part(fingerprint: str, issue: Issue | None, stored: Lifecycle) -> Merged:
    part = Merged(
        fingerprint=fingerprint, id=f"I-{fingerprint[:6]}", decided=decided(stored, IssueStatus.ONGOING)
    )
    if issue is None:
        return part
    return msgspec.structs.replace(
        part, title=issue.title, component=issue.component, count=issue.count, last_seen=issue.last_seen
    )


def _together(parts: Iterable[Issue]) -> tuple[Money, ...] | None:
    """What stands behind all of them by currency; None where none of them says so itself."""
    sums: dict[str, Money] = {}
    for one in parts:
        for money in one.money_at_risk or ():
            known = sums.get(money.currency)
            sums[money.currency] = Money(money.amount + (known.amount if known else 0), money.currency)
    if not sums and all(one.money_at_risk is None for one in parts):
        return None
    return tuple(sorted(sums.values(), key=lambda money: (-money.amount, money.currency)))


def _evidence(parts: Sequence[Issue]) -> tuple[Evidence, ...]:
    """Of each part the same share of lines, so that none hides another."""
    share = max(MOST_EVIDENCE // len(parts), 1)
    chosen = [line for one in parts for line in one.evidence[:share]]
    rest = [line for one in parts for line in one.evidence[share:]]
    return tuple({line.id: line for line in (*chosen, *rest)[:MOST_EVIDENCE]}.values())


def _minutes(parts: Iterable[Issue]) -> tuple[tuple[int, int], ...]:
    counts: Counter[int] = Counter()
    for one in parts:
        for minute, count in one.minutes:
            counts[minute] += count
    return newest_of(counts)

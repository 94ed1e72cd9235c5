"""How a hazard becomes an issue: one maker, and the lines that show it."""

from __future__ import annotations

from obs.books import Register
from obs.fingerprints import fingerprint_of
from obs.quoting import plain
from obs.series import MINUTE_NS, Series, newest_minutes
from obs.snapshot import Category, Evidence, Issue, IssueSeverity, IssueStatus, Money

__all__ = ["SECOND_NS", "issue", "listed", "shown"]

SECOND_NS = 1_000_000_000


def issue(
    key: tuple[str, ...],
    category: Category,
    severity: IssueSeverity,
    title: str,
    component: str,
    *,
    first: int,
    last: int,
    count: int,
    explanation: str,
    fix_in: str,
    actions: tuple[str, ...],
    minutes: int,
    grouped_by: str,
    evidence: list[Evidence],
    do_not: str = "",
    trend: str = "steady",
    succeeded: int = 0,
    services: tuple[str, ...] = (),
    money: tuple[Money, ...] | None = None,
    place: str = "",
    seen: Series | None = None,
) -> Issue:
    digest = fingerprint_of(*key)
    minutes_span = max((last - first) / MINUTE_NS, 1.0)
    unique = {item.id: item for item in evidence}
    return Issue(
        fingerprint=digest,
        id=f"I-{digest[:6]}",
        rule=key[0],
        category=category,
        severity=severity,
        status=IssueStatus.ONGOING,
        component=component,
        services=services or ((component,) if component else ()),
        title=title,
        explanation=explanation,
        fix_in=fix_in,
        actions=actions,
        do_not=do_not,
        expected_minutes=minutes,
        count=count,
        first_seen=first,
        last_seen=last,
        succeeded_since=succeeded,
        rate_per_minute=count / minutes_span,
        trend=trend,
        money_at_risk=money,
        evidence=tuple(unique.values()),
        grouped_by=grouped_by,
        place=place,
        minutes=newest_minutes(seen) if seen is not None else (),
    )


def shown(register: Register) -> Evidence:
    quote = register.quote or ("", register.time, "", "", "")
    return Evidence(id=quote[0], time=quote[1], severity=quote[2], source=quote[3], text=quote[4])


def listed(reasons: list[str]) -> str:
    return ", ".join(map(plain, reasons)) or "no reason given"

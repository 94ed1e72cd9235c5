"""Issues: what the facts of a fingerprint mean now: title, severity, life, cause and rank.

Pure functions of `State`, the rules, the stored life cycle and `now`; no clock, no I/O.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import TYPE_CHECKING

import msgspec

from obs.events import Severity
from obs.patterns import form
from obs.quoting import plain
from obs.rules.pack import Rule, fill
from obs.snapshot import Category, Evidence, Issue, IssueSeverity, IssueStatus
from obs.state import IssueFacts, Quote, State

if TYPE_CHECKING:
    from obs.components import SystemStatusTracker

__all__ = [
    "IssueAnalyzer",
    "Lifecycle",
    "Standing",
    "derive_status",
    "evidence_of",
    "from_facts",
    "link",
    "ranked",
    "standing_of",
]

SECOND_NS = 1_000_000_000
END_WINDOW_NS = 10 * SECOND_NS
"""An error so shortly before the end of its process is taken for the reason of it."""
LINK_WINDOW_NS = 120 * SECOND_NS
"""A symptom may show this long after the last sign of its cause."""


class Lifecycle(msgspec.Struct, frozen=True):
    """What was decided about an issue and is kept across restarts."""

    status: IssueStatus
    at: int = 0
    """Unix ns of the decision."""
    by: str = ""
    why: str = ""
    expires: int = 0
    """Unix ns after which an archived issue wakes; 0: never by itself."""


def derive_status(stored: Lifecycle | None, issue: Issue, now: int) -> IssueStatus:
    """Return the status that the stored decision and the facts give together.

    Args:
        stored: The last decision, or None for an issue nobody has touched.
        issue: The issue as the facts tell it; its own `status` is ignored.
        now: Unix ns.
    """
    if stored is not None:
        if stored.status is IssueStatus.ARCHIVED and not (stored.expires and now >= stored.expires):
            return IssueStatus.ARCHIVED
        if stored.status is IssueStatus.RESOLVED:
            return IssueStatus.REGRESSED if issue.last_seen > stored.at else IssueStatus.RESOLVED
    if issue.succeeded_since > 0:
        return IssueStatus.RESOLVED
    if issue.trend == "worse":
        return IssueStatus.ESCALATING
    return IssueStatus.ONGOING if issue.count > 1 else IssueStatus.NEW


def from_facts(fingerprint: str, facts: IssueFacts, rule: Rule | None, state: State) -> Issue:
    """Return one issue as its facts and its rule tell it; not yet linked, ranked or dated by decisions."""
    values = dict(facts.values)
    works = state.successes.get(facts.rule) if facts.rule else None
    succeeded = works.since(facts.seen.last) if works is not None and facts.seen.last else 0
    common = {
        "fingerprint": fingerprint,
        "id": f"I-{fingerprint[:6]}",
        "component": _most(facts.components),
        "services": tuple(sorted(name for name in facts.services if name)),
        "count": facts.seen.count,
        "first_seen": facts.seen.first,
        "last_seen": facts.seen.last,
        "rate_per_minute": facts.seen.rate_per_minute(),
        "trend": facts.seen.trend(),
        "evidence": evidence_of(facts),
        "grouped_by": facts.grouped_by,
        "status": IssueStatus.NEW,
    }
    if rule is None:
        return Issue(
            rule="",
            category=Category(facts.category or "SYSTEM"),
            severity=_severity_of(facts.severity),
            title=facts.title,
            explanation="No rule knows this message: read the evidence.",
            fix_in=_in_code(values) or ("code" if facts.category == "CODE" else ""),
            actions=("[read] The evidence lines and the code or program that prints them.",),
            expected_minutes=30,
            **common,  # type: ignore[arg-type]
        )
    return Issue(
        rule=rule.id,
        category=rule.category,
        severity=rule.severity,
        title=fill(rule.title, values),
        explanation=fill(rule.cause, values),
        fix_in=(_in_code(values) if rule.fix_in.startswith("code") else "") or fill(rule.fix_in, values),
        actions=tuple(fill(action, values) for action in rule.actions),
        do_not=fill(rule.do_not, values),
        expected_minutes=rule.expected_minutes,
        succeeded_since=succeeded,
        **common,  # type: ignore[arg-type]
    )


def _in_code(values: Mapping[str, str]) -> str:
    """Where the bot's own code failed, when a traceback tells: a path and name as prose may carry them."""
    if "code_file" not in values:
        return ""
    file, line, function = (plain(values[key], 120) for key in ("code_file", "code_line", "code_function"))
    return f"code: {file} line {line}, in {function}"


def evidence_of(facts: IssueFacts) -> tuple[Evidence, ...]:
    """Return the lines that show an issue: each kind of line once, where it first stood, and the latest.

    Lines that differ in values only say nothing new; the last one still tells until when it went on.
    """
    kinds: set[str] = set()
    chosen: dict[str, Quote] = {}
    exhibits = [*sorted(facts.first.values(), key=lambda exhibit: exhibit.rank), *facts.last]
    for exhibit in exhibits:
        for quote in exhibit.quotes:
            kind = form(quote.text)
            if kind not in kinds:
                kinds.add(kind)
                chosen[quote.id] = quote
    if exhibits:
        newest = exhibits[-1].quotes[0]
        chosen.setdefault(newest.id, newest)
    return tuple(shown(quote) for quote in chosen.values())


def shown(quote: Quote) -> Evidence:
    """Return a quote as evidence, its focus kept for those who must shorten it."""
    return Evidence(
        id=quote.id,
        time=quote.time,
        severity=quote.severity,
        source=quote.source,
        text=quote.text,
        focus=quote.focus,
    )


class Standing(msgspec.Struct, frozen=True):
    """What the rule behind an issue says of its place among others."""

    role: str = "cause"
    weight: int = 40
    is_side: bool = False
    host: str = ""
    """The host its text names; two faults at different hosts are never cause and symptom."""


def standing_of(issue: Issue, rule: Rule | None, facts: IssueFacts | None) -> Standing:
    """Return the standing of an issue; one that no rule names is a cause of middling weight."""
    values = facts.values if facts is not None else {}
    host = values.get("host") or values.get("url_host") or ""
    if rule is None:
        return Standing(is_side=issue.severity is IssueSeverity.INFO and issue.rule == "ended", host=host)
    return Standing(rule.role, rule.weight, rule.is_side, host)


def link(issues: Iterable[Issue], state: State, standings: Mapping[str, Standing]) -> list[Issue]:
    """Attach symptoms to their causes: found in the same record, or a known symptom at the same time.

    A cause is as grave as the worst of its symptoms and began with the first of them.

    Args:
        issues: All issues.
        state: Holds which issue was found under which in one record.
        standings: Fingerprint -> what its rule says of it.
    """
    known = {issue.fingerprint: issue for issue in issues}
    cause_of: dict[str, str] = {}
    hazards = [issue for issue in known.values() if issue.rule in _EXPLAINS]
    for fingerprint, issue in known.items():
        explained = next((h for h in hazards if h is not issue and _EXPLAINS[h.rule](h, issue)), None)
        if explained is not None:
            cause_of[fingerprint] = explained.fingerprint
            continue
        facts = state.issues.get(fingerprint)
        inside = {c: n for c, n in (facts.causes if facts else {}).items() if c in known}
        if inside and sum(inside.values()) * 2 >= issue.count:
            cause_of[fingerprint] = max(inside, key=lambda c: (inside[c], c))
        elif standings[fingerprint].role == "symptom":
            cause = _cause_at_the_time(issue, known.values(), standings)
            if cause:
                cause_of[fingerprint] = cause
    for issue in known.values():
        if issue.rule == "ended" and issue.severity is IssueSeverity.CRITICAL:
            cause = _last_fault(issue, known.values(), standings)
            if cause:
                cause_of[issue.fingerprint] = cause
    for fingerprint in list(cause_of):
        root, path = fingerprint, {fingerprint}
        while cause_of.get(root) and cause_of[root] not in path:
            root = cause_of[root]
            path.add(root)
        if root == fingerprint:
            del cause_of[fingerprint]
        else:
            cause_of[fingerprint] = root
    symptoms: dict[str, list[str]] = {}
    for fingerprint, cause in cause_of.items():
        symptoms.setdefault(cause, []).append(fingerprint)
    return [
        _with_symptoms(
            issue,
            [known[s] for s in symptoms.get(issue.fingerprint, ())],
            cause_of.get(issue.fingerprint),
            is_side=standings[issue.fingerprint].is_side,
        )
        for issue in known.values()
    ]


def ranked(
    issues: Iterable[Issue], standings: Mapping[str, Standing], *, simulated: bool = False
) -> list[Issue]:
    """Return the issues in the order in which they matter.

    Ongoing before past, cause before symptom, real money at risk, real trouble before side services,
    severity, how specific the rule is, spread, count; the fingerprint decides the rest, so each run agrees.
    """

    def key(issue: Issue) -> tuple[object, ...]:
        past = issue.status in (IssueStatus.RESOLVED, IssueStatus.ARCHIVED)
        standing = standings.get(issue.fingerprint, Standing())
        # Simulated money never raises a rank.
        amounts = () if simulated else issue.money_at_risk or ()
        risk = max((money.amount for money in amounts), default=0)
        return (
            past,
            issue.cause is not None,
            -(risk > 0),
            standing.is_side,
            -issue.severity.rank,
            -risk,
            # What is merely worth knowing is worth it by how often; trouble by how well it is understood.
            -issue.count if issue.severity is IssueSeverity.INFO else 0,
            -standing.weight,
            -len(issue.services),
            -issue.count,
            issue.fingerprint,
        )

    return sorted(issues, key=key)


class IssueAnalyzer:
    """Finds issues in what a status tracker knows, without any log text.

    The full analysis of a stream is `obs.analyze`; this is the small door of the seed documents.
    """

    def analyze_for_issues(self, tracker: SystemStatusTracker) -> list[Issue]:
        """Return one issue for each component that is not well, worst first."""
        return ranked(tracker.issues(), {})


def _with_symptoms(issue: Issue, symptoms: list[Issue], cause: str | None, *, is_side: bool) -> Issue:
    gravest = issue if is_side else max([issue, *symptoms], key=lambda one: one.severity.rank)
    starts = [one.first_seen for one in (issue, *symptoms) if one.first_seen]
    return msgspec.structs.replace(
        issue,
        severity=gravest.severity,
        is_side=is_side,
        first_seen=min(starts, default=0),
        last_seen=max(one.last_seen for one in (issue, *symptoms)),
        cause=cause,
        symptoms=tuple(one.fingerprint for one in sorted(symptoms, key=lambda o: (-o.count, o.fingerprint))),
    )


def _cause_at_the_time(issue: Issue, others: Iterable[Issue], standings: Mapping[str, Standing]) -> str:
    own = standings[issue.fingerprint]

    def fits(other: Issue) -> bool:
        standing = standings[other.fingerprint]
        if other.fingerprint == issue.fingerprint or standing.role != "cause":
            return False
        if own.host and standing.host and own.host != standing.host:
            return False
        # A side service explains only what names the same host.
        if standing.is_side and not (own.host and own.host == standing.host):
            return False
        return other.severity.rank >= IssueSeverity.WARNING.rank and _overlap(other, issue)

    def closeness(other: Issue) -> tuple[object, ...]:
        standing = standings[other.fingerprint]
        return (
            bool(own.host) and own.host == standing.host,
            other.severity.rank,
            standing.weight,
            other.count,
            other.fingerprint,
        )

    best = max(filter(fits, others), key=closeness, default=None)
    return best.fingerprint if best is not None else ""


def _last_fault(end: Issue, others: Iterable[Issue], standings: Mapping[str, Standing]) -> str:
    """The error of the same bot in the last seconds before its process ended by itself."""
    fits = [
        other
        for other in others
        if other.fingerprint != end.fingerprint
        and other.severity.rank >= IssueSeverity.ERROR.rank
        and standings[other.fingerprint].role == "cause"
        and set(end.services) <= set(other.services)
        and end.first_seen - END_WINDOW_NS <= other.last_seen <= end.first_seen + SECOND_NS
    ]
    best = max(fits, key=lambda o: (o.severity.rank, o.last_seen, o.fingerprint), default=None)
    return best.fingerprint if best is not None else ""


def _is_part_of_outage(outage: Issue, issue: Issue) -> bool:
    """Network and exchange trouble, and refused orders, of the same bots while the exchange was away."""
    related = issue.category in (Category.NETWORK, Category.EXCHANGE) and issue.rule not in (
        "outage",
        "notifier",
    )
    if not related and issue.rule != "rejected":
        return False
    return bool(issue.services) and set(issue.services) <= set(outage.services) and _overlap(outage, issue)


def _is_word_about(hazard: Issue, issue: Issue) -> bool:
    """An error line that no rule knows, spoken by the same bot right after a line of the evidence."""
    if issue.rule or issue.services != hazard.services or not issue.first_seen:
        return False
    return any(
        item.time - SECOND_NS <= issue.first_seen and issue.last_seen <= item.time + 5 * SECOND_NS
        for item in hazard.evidence
    )


_EXPLAINS: Mapping[str, Callable[[Issue, Issue], bool]] = {
    "outage": _is_part_of_outage,
    "unprotected": _is_word_about,
}
"""Hazards that explain other issues, and how to tell which."""


def _overlap(cause: Issue, symptom: Issue) -> bool:
    if not cause.first_seen or not symptom.first_seen:
        return True
    return (
        cause.first_seen - 5 * SECOND_NS <= symptom.last_seen
        and symptom.first_seen <= cause.last_seen + LINK_WINDOW_NS
    )


def _severity_of(logged: int) -> IssueSeverity:
    if logged >= Severity.FATAL:
        return IssueSeverity.CRITICAL
    return IssueSeverity.ERROR if logged >= Severity.ERROR else IssueSeverity.WARNING


def _most(counts: Mapping[str, int]) -> str:
    return min(counts, key=lambda name: (-counts[name], name), default="")

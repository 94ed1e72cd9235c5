"""Issues: what the facts of a fingerprint mean now: title, severity, life, cause and rank.

Pure functions of `State`, the rules, the stored life cycle and `now`; no clock, no I/O.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

import msgspec

from obs.alerts import folding as alerts
from obs.events import Severity
from obs.exhibits import Quote
from obs.insight.spikes import WINDOW, spike
from obs.insight.timeline import on_timeline
from obs.patterns import form
from obs.quoting import function_name, plain
from obs.rules.pack import Rule, fill
from obs.series import newest_minutes
from obs.snapshot import Category, Evidence, Issue, IssueSeverity, IssueStatus
from obs.state import MAX_NAMED, IssueFacts, State

if TYPE_CHECKING:
    from obs.components import SystemStatusTracker

__all__ = [
    "IssueAnalyzer",
    "evidence_of",
    "from_facts",
    "over_time",
]

NAMED_IN_TITLE = 3
"""Of many symbols or hosts a title names so many."""


def from_facts(fingerprint: str, facts: IssueFacts, rule: Rule | None, state: State) -> Issue:
    """Return one issue as its facts and its rule tell it; not yet linked, ranked or dated by decisions."""
    values = {**_settings_of(facts, state), **facts.values}
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
        "values": {name: plain(value) for name, value in values.items()},
        "place": plain(values.get("host") or values.get("url_host") or ""),
        "minutes": newest_minutes(facts.seen),
    }
    if alerts.is_alert_rule(facts.rule):
        told = alerts.told(facts.rule)
        return Issue(
            rule=told.rule,
            category=Category.SYSTEM,
            severity=_severity_of(facts.severity),
            title=facts.title,
            explanation=told.explanation,
            actions=(told.action,),
            succeeded_since=succeeded,
            **common,  # type: ignore[arg-type]
        )
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
        severity=_at_least(rule.severity, facts.severity),
        title=fill(rule.title, {**values, **_many(facts)}),
        explanation=fill(rule.cause, values),
        fix_in=(_in_code(values) if rule.fix_in.startswith("code") else "") or fill(rule.fix_in, values),
        actions=tuple(fill(action, values) for action in rule.actions),
        do_not=fill(rule.do_not, values),
        expected_minutes=rule.expected_minutes,
        succeeded_since=succeeded,
        **common,  # type: ignore[arg-type]
    )


def _at_least(usual: IssueSeverity, logged: int) -> IssueSeverity:
    """What a rule says of such messages; a bot that called one fatal gave up, whatever others do about it."""
    gave_up = logged >= Severity.FATAL and usual is IssueSeverity.WARNING
    return IssueSeverity.ERROR if gave_up else usual


def _many(facts: IssueFacts) -> dict[str, str]:
    """Of each thing of which its records name several, how many and the most frequent."""
    counts: dict[str, dict[str, int]] = {}
    for key, count in facts.named.items():
        name, _, value = key.partition("=")
        counts.setdefault(name, {})[plain(value)] = count
    found = {}
    for name, values in counts.items():
        if len(values) < 2:
            continue
        often = sorted(values, key=lambda value: (-values[value], value))
        # What is remembered is bounded, so at the bound there may be more.
        least = "at least " if len(facts.named) >= MAX_NAMED else ""
        told = ", ".join(often[:NAMED_IN_TITLE]) + (", …" if len(often) > NAMED_IN_TITLE else "")
        found[name] = f"{least}{len(often)} {name.replace('_', ' ')}s ({told})"
    return found


def _settings_of(facts: IssueFacts, state: State) -> dict[str, str]:
    """What the bots it concerns told of their own settings and a rule's text may name."""
    known = state.books.bots
    bots = [known[name] for name in facts.services if name in known]
    files = {
        str(s.values["database.file"])
        for b in bots
        for s in b.settings.values()
        if "database.file" in s.values
    }
    return {"database_file": plain(min(files))} if len(files) == 1 else {}


def over_time(issue: Issue, state: State, now: int) -> Issue:
    """Return the issue with what its counts over time tell: a burst, the release it followed, its return."""
    facts = state.issues.get(issue.fingerprint)
    works = state.successes.get(issue.rule) if issue.rule else None
    issue = on_timeline(issue, state.timeline, facts.seen if facts is not None else None, works)
    if issue.follows:
        issue = msgspec.structs.replace(issue, effects=(*issue.effects, f"It {issue.follows}."))
    burst = spike(facts.seen.minutes, now, state.seen.first) if facts is not None else None
    if burst is None or issue.succeeded_since:
        return issue
    usual = f"{burst.expected:.0f}" if burst.expected >= 1 else "fewer than 1"
    said = f"{burst.count:,} of them in the last {WINDOW} min, usually {usual}."
    return msgspec.structs.replace(issue, trend="worse", effects=(*issue.effects, said))


def _in_code(values: Mapping[str, str]) -> str:
    """Where the bot's own code failed, when a traceback tells: a path and name as prose may carry them."""
    if "code_file" not in values:
        return ""
    file, line = (plain(values[key], 120) for key in ("code_file", "code_line"))
    return f"code: {file} line {line}, in {function_name(values['code_function'])}"


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


class IssueAnalyzer:
    """Finds issues in what a status tracker knows, without any log text.

    The full analysis of a stream is `obs.analyze`; this is the small door of the seed documents.
    """

    def analyze_for_issues(self, tracker: SystemStatusTracker) -> list[Issue]:
        """Return one issue for each component that is not well, worst first."""
        from obs.insight.ranking import ranked  # which asks the hazards, and they us

        return ranked(tracker.issues(), {})


def _severity_of(logged: int) -> IssueSeverity:
    if logged >= Severity.FATAL:
        return IssueSeverity.CRITICAL
    return IssueSeverity.ERROR if logged >= Severity.ERROR else IssueSeverity.WARNING


def _most(counts: Mapping[str, int]) -> str:
    return min(counts, key=lambda name: (-counts[name], name), default="")

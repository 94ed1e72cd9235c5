"""What a Snapshot says that takes more than one look at the State: issues, components, bots, leaks."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping

from obs import hazards, outlook, rules, trails
from obs.components import health_of
from obs.hazards import silence
from obs.hazards.endings import endings
from obs.hazards.network import dead_network
from obs.insight import effects
from obs.insight.incidents import link, standing_of
from obs.insight.lifecycle import Lifecycle, with_decision
from obs.insight.merging import merged, renamed, roots_of
from obs.insight.ranking import ranked, with_money
from obs.issues import from_facts, over_time
from obs.logs.composed import is_side
from obs.money.figures import RealTimeMetrics
from obs.series import MINUTE_NS
from obs.snapshot import ComponentStatus, Health, Issue, IssueStatus, Source
from obs.state import State
from obs.watch import anomalies, spending
from obs.watch.expectations import Expectations

__all__ = ["bots_of", "components_of", "issues_of", "leaks_of"]


def issues_of(
    state: State,
    *,
    now: int,
    until: int | None,
    ruleset: rules.RuleSet,
    expected: Expectations,
    read: tuple[Source, ...],
    lifecycle: Mapping[str, Lifecycle],
    money: RealTimeMetrics,
) -> list[Issue]:
    """Return all issues, linked, with their money and in their order.

    Args:
        state: What was seen, its templates joined by likeness.
        now: Unix ns.
        until: Until when silence would have been noticed; None for a recording.
        ruleset: The rules.
        expected: Limits, rhythms and session tables.
        read: The recorded sources.
        lifecycle: Stored decisions by fingerprint.
        money: The figures of now.
    """
    known = {rule.id: rule for rule in ruleset.rules}
    found = [
        from_facts(fingerprint, facts, known.get(facts.rule), state)
        for fingerprint, facts in state.issues.items()
    ]
    found += hazards.find(state, now)
    found += silence.find(state, until, expected)
    found += anomalies.find(state, now, expected)
    found += spending.find(state, money, now)
    found += endings(state, read)
    found += dead_network(found, {one.fingerprint: one.place for one in found}, state)
    found = [over_time(issue, state, now) for issue in found]
    roots = roots_of(lifecycle)
    found, state = merged(found, roots, lifecycle), renamed(state, roots)
    standings = {
        issue.fingerprint: standing_of(issue, known.get(issue.rule), state.issues.get(issue.fingerprint))
        for issue in found
    }
    found = [
        with_decision(issue, lifecycle.get(issue.fingerprint), now, _counts(issue, state)) for issue in found
    ]
    simulated = outlook.mode_of(state) in ("dry run", "backtest")
    linked = with_money(link(found, state, standings), state.books.bots)
    in_order = ranked(linked, standings, simulated=simulated)
    return effects.told(trails.stories(state.trails, in_order, state.issues), state, known)


def _counts(issue: Issue, state: State) -> Iterator[tuple[int, int]]:
    """How often it and what was merged into it was seen over time; without facts, as far as views show it."""
    names = (issue.fingerprint, *(one.fingerprint for one in issue.merged))
    known = [state.issues[name].seen for name in names if name in state.issues]
    for seen in known:
        yield from seen.over_time()
    if not known:
        yield from ((minute * MINUTE_NS, count) for minute, count in issue.minutes)


def components_of(state: State, issues: Iterable[Issue]) -> dict[str, ComponentStatus]:
    """Return each component's status: the worst of its issues that are neither resolved nor archived."""
    components = {
        name: ComponentStatus(Health.OK, "", series.last)
        for name, series in sorted(state.components.items())
        if name
    }
    for issue in issues:
        if issue.status in (IssueStatus.RESOLVED, IssueStatus.ARCHIVED):
            continue
        health, _ = health_of([issue])
        for name in filter(None, {issue.component, *(part.component for part in issue.merged)}):
            current = components.get(name)
            if current is None or health.rank > current.status.rank:
                components[name] = ComponentStatus(health, issue.title, issue.last_seen)
    return components


def bots_of(state: State) -> tuple[str, ...]:
    """Return the services that spoke: no data base, none that only ran backtests or started others."""
    backtests = state.books.backtests
    spoke = {name for name, count in state.services.items() if name and count > backtests.get(name, 0)}
    bots = {name for name in spoke or {name for name in state.books.bots if name} if not is_side(name)}
    return tuple(sorted(bots or spoke))


def leaks_of(state: State) -> dict[str, int]:
    """Return how many records held a secret, by its kind."""
    kinds: dict[str, int] = {}
    for joined, facts in sorted(state.leaks.items()):
        for kind in joined.split("+"):
            kinds[kind] = kinds.get(kind, 0) + facts.seen.count
    return kinds

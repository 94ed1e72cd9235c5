"""A component that suddenly warns or fails far more often than before, beyond what known issues explain."""

from __future__ import annotations

from collections.abc import Iterator

from obs.hazards.making import issue
from obs.insight.spikes import WINDOW, Spike, spike
from obs.insight.tallies import parted
from obs.quoting import plain
from obs.series import MINUTE_NS
from obs.snapshot import Category, Evidence, Issue, IssueSeverity
from obs.state import State

__all__ = ["bursts"]

SHOWN = 3


def bursts(state: State, now: int) -> Iterator[Issue]:
    """Yield an issue for each component and level whose rate has jumped at `now` (Unix ns)."""
    for name, series in sorted(state.alarms.series.items()):
        component, level = parted(name)
        found = spike(series.minutes, now, state.seen.first)
        if found is not None and 2 * _known(state, component, found.began, now) < found.count:
            yield _burst(state, component, level, found, now)


def _known(state: State, component: str, since: int, now: int) -> int:
    """How many of its records of that time known issues count already."""
    return sum(
        count
        for facts in state.issues.values()
        if component in facts.components and facts.seen.last >= since
        for minute, count in facts.seen.minutes.items()
        if since // MINUTE_NS <= minute <= now // MINUTE_NS
    )


def _burst(state: State, component: str, level: str, found: Spike, now: int) -> Issue:
    where = plain(component) or "the program"
    usual = f"{found.expected:.0f}" if found.expected >= 1 else "fewer than 1"
    recent = [
        (identity, facts)
        for identity, facts in state.templates
        if facts.component == component and facts.last >= found.began
    ]
    recent.sort(key=lambda one: (-one[1].count, one[0]))
    word = {"WARN": "Warnings"}.get(level, "Errors")
    return issue(
        ("burst", component, level),
        Category.SYSTEM,
        IssueSeverity.WARNING,
        f"{word} burst in {where}: {found.count:,} in {WINDOW} min, usually {usual}",
        component,
        services=(),
        first=found.began,
        last=now,
        count=found.count,
        trend="worse",
        explanation="No rule knows these messages, but never before came so many of them in so short a time.",
        fix_in="read first",
        actions=("[read] The lines of that time: what else began then, a release, a peer, a market?",),
        minutes=20,
        evidence=[
            Evidence(f"T-{identity[:12]}", facts.example_time, level, where, facts.example)
            for identity, facts in recent[:SHOWN]
        ],
        grouped_by=f"records of level {level} from {where}, against the rate of the day before",
    )

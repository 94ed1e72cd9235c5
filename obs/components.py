"""How each part of a bot is: the tracker a bot may feed, and what issues and heartbeats say of components."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Mapping

from obs.fingerprints import fingerprint_of
from obs.snapshot import Category, ComponentStatus, Health, Issue, IssueSeverity, IssueStatus

__all__ = ["SystemStatusTracker", "health_of", "health_score", "worst"]

_BY_SEVERITY = {
    IssueSeverity.INFO: Health.OK,
    IssueSeverity.WARNING: Health.WARNING,
    IssueSeverity.ERROR: Health.ERROR,
    IssueSeverity.CRITICAL: Health.CRITICAL,
}
_SEVERITY = {health: severity for severity, health in _BY_SEVERITY.items()}
_COST = {IssueSeverity.INFO: 1, IssueSeverity.WARNING: 8, IssueSeverity.ERROR: 25, IssueSeverity.CRITICAL: 60}


class SystemStatusTracker:
    """The live status of components, as the bot reports it.

    Not for the hot path: a dict write and a clock reading per call. Safe to use from several threads, as each
    component is replaced as a whole.
    """

    def __init__(self, clock: Callable[[], int] = time.time_ns) -> None:
        """Start empty; `clock` gives Unix ns."""
        self._clock = clock
        self._components: dict[str, ComponentStatus] = {}

    def update_component_status(self, name: str, status: str | Health, message: str = "") -> None:
        """Say how a component is.

        Args:
            name: The component, e.g. `DatabaseManager`.
            status: One of OK, WARNING, ERROR, CRITICAL, UNKNOWN, in any case.
            message: Why, in a sentence.

        Raises:
            ValueError: If `status` is none of those words.
        """
        try:
            health = Health(str(status).upper())
        except ValueError:
            words = ", ".join(Health)
            raise ValueError(
                f"status {status!r} of component {name!r} is unknown: use one of {words}"
            ) from None
        self._components[name] = ComponentStatus(health, message, self._clock())

    def get_system_health(self) -> str:
        """Return the word of the worst component; `UNKNOWN` while nothing has reported."""
        return str(worst(self._components.values()))

    @property
    def components(self) -> Mapping[str, ComponentStatus]:
        """Every component by name."""
        return dict(self._components)

    def issues(self) -> list[Issue]:
        """Return an issue for each component that is not well."""
        return [
            Issue(
                fingerprint=(digest := fingerprint_of("component", name)),
                id=f"I-{digest[:6]}",
                rule="",
                category=_category_of(name, component.reason),
                severity=_SEVERITY[component.status],
                status=IssueStatus.ONGOING,
                component=name,
                title=f"{name} reports {component.status}",
                explanation=component.reason,
                actions=(f"[read] What {name} logged around this time.",),
                expected_minutes=15,
                count=1,
                first_seen=component.last_seen,
                last_seen=component.last_seen,
                grouped_by=f"the bot's own status of component {name}",
            )
            for name, component in sorted(self._components.items())
            if component.status.rank >= Health.WARNING.rank
        ]


def worst(components: Iterable[ComponentStatus]) -> Health:
    """Return the worst health; `UNKNOWN` when there is no component."""
    return max((component.status for component in components), key=lambda h: h.rank, default=Health.UNKNOWN)


def health_of(issues: Iterable[Issue]) -> tuple[Health, str]:
    """Return the health that the active issues give, and the title of the one that decides it.

    Trouble of a side service (a display, a rate for show) is told, but decides nothing.
    """
    active = [
        i for i in issues if i.status not in (IssueStatus.RESOLVED, IssueStatus.ARCHIVED) and not i.is_side
    ]
    if not active:
        return Health.OK, "no open issue"
    gravest = max(active, key=lambda issue: issue.severity.rank)
    if gravest.severity is IssueSeverity.INFO:
        # A run whose end nobody saw is not known to be well.
        unseen = next((issue for issue in active if issue.rule == "stopped-short"), None)
        if unseen is not None:
            return Health.UNKNOWN, unseen.title
    return _BY_SEVERITY[gravest.severity], gravest.title


def health_score(issues: Iterable[Issue]) -> int:
    """Return 100 less the cost of each open cause: info 1, warning 8, error 25, critical 60; at least 0."""
    active = [
        i for i in issues if i.status not in (IssueStatus.RESOLVED, IssueStatus.ARCHIVED) and i.cause is None
    ]
    return max(0, 100 - sum(_COST[issue.severity] for issue in active))


_WORDS = (
    (("inject", "container", "wiring", "provider"), Category.DI),
    (("database", "sqlite", "postgres", "db", "store"), Category.DB),
    (("memory", "heap"), Category.MEMORY),
    (("config", "setting"), Category.CONFIG),
    (("ui", "window", "widget", "view", "dashboard"), Category.UI),
    (("exchange", "broker"), Category.EXCHANGE),
    (("network", "http", "socket"), Category.NETWORK),
    (("llm", "model", "agent"), Category.LLM),
    (("trade", "order", "position", "strategy"), Category.TRADING),
)


def _category_of(name: str, reason: str) -> Category:
    text = f"{name} {reason}".lower()
    for words, category in _WORDS:
        if any(word in text for word in words):
            return category
    return Category.SYSTEM

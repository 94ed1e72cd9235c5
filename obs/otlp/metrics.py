"""Data points as events: how much memory the process has, that it is alive, what the account is worth.

Most metrics of a bot are its own and none of ours: they are for Prometheus. Used are those that a heartbeat
or an account's measure would say; the names of all others are counted and said.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from typing import Any

from obs import vocabulary
from obs.events import MAX_TIMESTAMP_NS, Event, Severity
from obs.otlp.rows import Owner, PointRow

__all__ = ["events_of"]

BEAT, WORTH = "heartbeat", "equity.measured"
MEMORY = "process.memory.usage"
_MEMORY: Mapping[str, Mapping[str, str]] = {
    MEMORY: {},
    "process.runtime.cpython.memory": {"type": "rss"},
    "process.runtime.go.mem.sys": {},
    "go.memory.used": {},
    "jvm.memory.used": {},
    "dotnet.process.memory.working_set": {},
    "v8js.memory.heap.used": {},
    "nodejs.memory.rss": {},
}
"""Metric -> attributes that its points must carry; the points of one metric are summed up."""
_LIMITS = frozenset({"system.memory.limit", "container.memory.limit", "container.memory.available"})
_LABELS = ("currency", "bot.id", "strategy.name", "run.mode", "account.id", "bot.state", "service.name")
"""What a point says beside its value that belongs to the event."""


def events_of(points: Iterable[tuple[Owner, PointRow]], now: int, unused: Counter[str]) -> list[Event]:
    """Return what data points of one request say.

    Args:
        points: Each with who speaks.
        now: Unix ns, when they came.
        unused: Takes the names of the metrics that are not used, with how many points they had.
    """
    groups: dict[tuple[int, str, tuple[tuple[str, Any], ...]], _Group] = {}
    for owner, point in points:
        meant = _meant(point)
        if meant is None:
            unused[point.name[:200]] += 1
            # Whoever measures is alive, whatever it measures.
            meant = (BEAT, "") if owner.resource.get("service.name") else ("", "")
        event, attribute = meant
        if not event:
            continue
        labels = tuple((key, _hashable(point.attributes[key])) for key in _LABELS if key in point.attributes)
        if event == BEAT and not attribute:
            labels = ()
        group = groups.setdefault((id(owner.resource), event, labels), _Group(owner, event, dict(labels)))
        group.put(attribute, point)
    return [group.event(now) for group in groups.values()]


class _Group:
    """The points that become one event."""

    def __init__(self, owner: Owner, event: str, labels: dict[str, Any]) -> None:
        self._owner, self._name = owner, event
        self._values: dict[str, Any] = labels
        self._sources: dict[str, str] = {}
        self._time = 0

    def put(self, attribute: str, point: PointRow) -> None:
        """Take a point in."""
        self._time = max(self._time, point.time if point.time <= MAX_TIMESTAMP_NS else 0)
        if not attribute:
            return
        source = self._sources.setdefault(attribute, point.name)
        if source == point.name and attribute == MEMORY and isinstance(point.value, (int, float)):
            self._values[attribute] = self._values.get(attribute, 0) + point.value
        elif source == point.name or point.name == attribute:
            self._sources[attribute] = point.name
            self._values[attribute] = point.value

    def event(self, now: int) -> Event:
        """Return what they say together."""
        return Event(
            timestamp=self._time,
            observed_timestamp=now,
            severity=Severity.DEBUG if self._name == BEAT else Severity.INFO,
            body=f"{self._name} by metrics",
            template=f"{self._name} by metrics",
            logger="opentelemetry.metrics",
            event_name=self._name,
            attributes=self._values,
            resource=self._owner.resource,
        )


def _meant(point: PointRow) -> tuple[str, str] | None:
    """Return event and attribute that a point stands for, or None."""
    if point.kind == "distribution" or not isinstance(point.value, (int, float)):
        return None
    needs = _MEMORY.get(point.name)
    if needs is not None:
        if any(str(point.attributes.get(key)) != value for key, value in needs.items()):
            return None
        return BEAT, MEMORY
    if point.name in _LIMITS:
        return BEAT, "system.memory.limit"
    for event in (BEAT, WORTH):
        if point.name in vocabulary.events()[event] and point.name not in _LABELS:
            # An amount without a currency is none.
            is_whole = event == BEAT or point.attributes.get("currency") or point.name.endswith(".ratio")
            return (event, point.name) if is_whole else None
    return None


def _hashable(value: Any) -> str | int | float | bool:
    return value if isinstance(value, (str, int, float, bool)) else str(value)

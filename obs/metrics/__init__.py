"""Snapshot -> Prometheus families: a collector that asks for the newest Snapshot at each scrape.

The only module that imports prometheus_client. Labels come from closed sets and are capped; overflow goes to
`other` and is counted. Every family is in `TABLE`, from which the documentation is made.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping

import msgspec
from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from obs.metrics.table import MAX_COMPONENTS, TABLE
from obs.snapshot import Category, IssueSeverity, IssueStatus, Snapshot

__all__ = ["MAX_COMPONENTS", "TABLE", "Inner", "SnapshotCollector", "exposition"]

CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"


class Inner(msgspec.Struct, frozen=True, kw_only=True):
    """The sidecar's own numbers, beside those of the bots."""

    cache_hits: Mapping[str, int] = {}
    cache_misses: Mapping[str, int] = {}
    resident_bytes: int = 0
    queue_events: int = 0
    pending_bytes: int = 0


class SnapshotCollector(Collector):
    """Turns the newest Snapshot into families; nothing is kept between scrapes."""

    def __init__(self, snapshot: Callable[[], Snapshot], inner: Callable[[], Inner] = Inner) -> None:
        self._snapshot = snapshot
        self._inner = inner

    def collect(self) -> Iterator[Metric]:
        """Yield every family of `TABLE`, also when it has no sample."""
        snapshot, inner = self._snapshot(), self._inner()
        told = dict((*_bots(snapshot), *_own(inner)))
        for name, one in TABLE.items():
            if one.kind == "histogram":
                continue
            family: GaugeMetricFamily | CounterMetricFamily
            if one.kind == "counter":
                family = CounterMetricFamily(name.removesuffix("_total"), one.text, labels=one.labels)
            else:
                family = GaugeMetricFamily(name, one.text, labels=one.labels)
            for values, number in told.get(name, ()):
                family.add_metric(list(values), number)
            yield family


def exposition(snapshot: Snapshot, inner: Inner | None = None) -> bytes:
    """Return one scrape's text for a Snapshot."""
    registry = CollectorRegistry()
    registry.register(SnapshotCollector(lambda: snapshot, lambda: inner or Inner()))
    return generate_latest(registry)


Rows = Iterable[tuple[tuple[str, ...], float]]


def _bots(snapshot: Snapshot) -> Iterator[tuple[str, Rows]]:
    yield "obs_health", [((), snapshot.health.rank)]
    yield "obs_health_score_ratio", [((), snapshot.health_score / 100)]
    yield "obs_component_health", _components(snapshot)
    yield "obs_issues", _issues(snapshot)
    yield "obs_events_total", [((name,), count) for name, count in sorted(snapshot.by_severity.items())]
    yield "obs_events_dropped_total", [((loss.reason,), loss.count) for loss in snapshot.losses]
    yield "obs_secrets_masked_total", [((kind,), count) for kind, count in sorted(snapshot.leaks.items())]
    yield "obs_last_event_timestamp_seconds", [((), snapshot.last_event / 1e9)]
    yield "obs_snapshot_timestamp_seconds", [((), snapshot.taken_at / 1e9)]
    # Two issues of one bot have the same money behind them: it counts once.
    risk: dict[tuple[tuple[str, ...], str], float] = {}
    for issue in snapshot.issues:
        if issue.status not in (IssueStatus.RESOLVED, IssueStatus.ARCHIVED):
            for money in issue.money_at_risk or ():
                key = (issue.services, money.currency)
                risk[key] = max(risk.get(key, 0.0), float(money.amount))
    yield "obs_money_at_risk", [((currency,), amount) for currency, amount in sorted(_once(risk).items())]


def _once(risk: Mapping[tuple[tuple[str, ...], str], float]) -> dict[str, float]:
    """The money of each currency: of single bots summed, or of a group when that is more."""
    single: dict[str, float] = {}
    group: dict[str, float] = {}
    for (services, currency), amount in risk.items():
        if len(services) > 1:
            group[currency] = max(group.get(currency, 0.0), amount)
        else:
            single[currency] = single.get(currency, 0.0) + amount
    return {name: max(single.get(name, 0.0), group.get(name, 0.0)) for name in single | group}


def _own(inner: Inner) -> Iterator[tuple[str, Rows]]:
    yield "obs_cache_hits_total", [((name,), count) for name, count in sorted(inner.cache_hits.items())]
    yield "obs_cache_misses_total", [((name,), count) for name, count in sorted(inner.cache_misses.items())]
    yield "obs_sidecar_resident_memory_bytes", [((), inner.resident_bytes)]
    yield "obs_queue_events", [((), inner.queue_events)]
    yield "obs_spool_pending_bytes", [((), inner.pending_bytes)]


def _components(snapshot: Snapshot) -> Rows:
    ordered = sorted(snapshot.components.items(), key=lambda item: (-item[1].status.rank, item[0]))
    rows: list[tuple[tuple[str, ...], float]] = [
        ((name,), component.status.rank) for name, component in ordered[:MAX_COMPONENTS]
    ]
    rest = [component.status.rank for _, component in ordered[MAX_COMPONENTS:]]
    return [*rows, (("other",), max(rest))] if rest else rows


def _issues(snapshot: Snapshot) -> Rows:
    counts = {(severity.value, category.value): 0 for severity in IssueSeverity for category in Category}
    for issue in snapshot.issues:
        if issue.status not in (IssueStatus.RESOLVED, IssueStatus.ARCHIVED):
            counts[issue.severity.value, issue.category.value] += 1
    return sorted(counts.items())

"""Snapshot and the sidecar's own numbers -> the rows of all `obs_*` metrics."""

from __future__ import annotations

from collections.abc import Mapping

import msgspec

from obs.alerts.numbers import AlertNumbers
from obs.metrics.folding import clean
from obs.metrics.rows import Rows
from obs.metrics.table import MAX_COMPONENTS, MAX_ISSUES
from obs.readings import OTHER, Histogram
from obs.snapshot import Category, IssueSeverity, IssueStatus, Snapshot

__all__ = ["Exported", "Inner", "gather"]

NS = 1e9
SETTLED = (IssueStatus.RESOLVED, IssueStatus.ARCHIVED)


class Exported(msgspec.Struct, frozen=True):
    """What became of what was to be sent by OpenTelemetry, of one signal."""

    taken: int
    sent: int
    waiting: int
    dropped: Mapping[str, int]
    """By reason."""


class Inner(msgspec.Struct, frozen=True, kw_only=True):
    """The sidecar's own numbers, beside those of the bots."""

    version: str = ""
    fault: str = ""
    """What keeps it from storing or showing."""
    started: float = 0.0
    """Unix seconds."""
    cpu_seconds: float = 0.0
    resident_bytes: int = 0
    queue_events: int = 0
    pending_bytes: int = 0
    store_bytes: int = 0
    disk_free_bytes: int | None = None
    """None where nobody can tell."""
    streams: int = 0
    """Pages shown live."""
    cache_hits: Mapping[str, int] = {}
    cache_misses: Mapping[str, int] = {}
    exports: Mapping[str, Exported] = {}
    """By signal; empty where nothing is sent."""
    alerts: AlertNumbers | None = None
    """None where nobody is told."""
    fold_lag: Histogram = msgspec.field(default_factory=Histogram)
    render: Histogram = msgspec.field(default_factory=Histogram)


def gather(snapshot: Snapshot, inner: Inner, rows: Rows) -> None:
    """Enter all that is known of the whole and of the sidecar into the rows of a scrape."""
    rows.put("obs_health", value=snapshot.health.rank)
    rows.put("obs_health_score_ratio", value=snapshot.health_score / 100)
    _components(snapshot, rows)
    _issues(snapshot, rows)
    _events(snapshot, rows)
    rows.put("obs_last_event_timestamp_seconds", value=snapshot.last_event / NS)
    rows.put("obs_snapshot_timestamp_seconds", value=snapshot.taken_at / NS)
    for currency, amount in _money_at_risk(snapshot).items():
        rows.put("obs_money_at_risk", currency, value=amount)
    _inner(inner, rows)


def _components(snapshot: Snapshot, rows: Rows) -> None:
    ordered = sorted(snapshot.components.items(), key=lambda item: (-item[1].status.rank, item[0]))
    # The worst have a series of their own, so the one that matters never hides in `other`.
    for name, component in ordered[:MAX_COMPONENTS]:
        rows.put("obs_component_health", name, value=component.status.rank)
    rest = [component.status.rank for _, component in ordered[MAX_COMPONENTS:]]
    if rest:
        rows.put("obs_component_health", OTHER, value=max(rest))


def _issues(snapshot: Snapshot, rows: Rows) -> None:
    counts = {(severity.value, category.value): 0 for severity in IssueSeverity for category in Category}
    for issue in snapshot.issues:
        if issue.status in SETTLED:
            continue
        counts[issue.severity.value, issue.category.value] += 1
        for service in issue.services:
            if service:
                rows.put("obs_bot_issues", service, issue.severity.value, value=1)
    rows.put_all("obs_issues", counts.items())
    causes = [one for one in snapshot.issues if one.cause is None and one.status not in SETTLED]
    for issue in causes[:MAX_ISSUES]:
        about = (issue.severity.value, issue.category.value, next(iter(issue.services), ""), issue.component)
        rows.put("obs_issue_first_seen_timestamp_seconds", issue.id, *about, value=issue.first_seen / NS)


def _events(snapshot: Snapshot, rows: Rows) -> None:
    for severity, count in snapshot.by_severity.items():
        rows.put("obs_events_total", severity, value=count)
    for severity, counted in snapshot.readings.counts.get("obs_events_total", {}).items():
        if counted.mark is not None and severity in snapshot.by_severity:
            rows.mark("obs_events_total", severity, mark=counted.mark)
    for loss in snapshot.losses:
        rows.put("obs_events_dropped_total", loss.reason, value=loss.count)
    for kind, count in snapshot.leaks.items():
        rows.put("obs_secrets_masked_total", kind, value=count)


def _money_at_risk(snapshot: Snapshot) -> dict[str, float]:
    """The money of each currency: of single bots summed, or of a group when that is more."""
    # Two issues of one bot have the same money behind them: it counts once.
    risk: dict[tuple[tuple[str, ...], str], float] = {}
    for issue in snapshot.issues:
        if issue.status not in SETTLED:
            for money in issue.money_at_risk or ():
                key = (issue.services, money.currency)
                risk[key] = max(risk.get(key, 0.0), float(money.amount))
    single: dict[str, float] = {}
    group: dict[str, float] = {}
    for (services, currency), amount in risk.items():
        if len(services) > 1:
            group[currency] = max(group.get(currency, 0.0), amount)
        else:
            single[currency] = single.get(currency, 0.0) + amount
    return {name: max(single.get(name, 0.0), group.get(name, 0.0)) for name in single | group}


def _inner(inner: Inner, rows: Rows) -> None:
    if inner.version:
        rows.put("obs_build_info", clean(inner.version), value=1)
    for name, number in (
        ("obs_sidecar_fault", int(bool(inner.fault))),
        ("obs_sidecar_start_timestamp_seconds", inner.started),
        ("obs_sidecar_resident_memory_bytes", inner.resident_bytes),
        ("obs_sidecar_cpu_seconds_total", inner.cpu_seconds),
        ("obs_queue_events", inner.queue_events),
        ("obs_spool_pending_bytes", inner.pending_bytes),
        ("obs_store_bytes", inner.store_bytes),
        ("obs_stream_clients", inner.streams),
    ):
        rows.put(name, value=number)
    if inner.disk_free_bytes is not None:
        rows.put("obs_disk_free_bytes", value=inner.disk_free_bytes)
    for cache, count in inner.cache_hits.items():
        rows.put("obs_cache_hits_total", cache, value=count)
    for cache, count in inner.cache_misses.items():
        rows.put("obs_cache_misses_total", cache, value=count)
    for signal, books in inner.exports.items():
        rows.put("obs_otlp_export_taken_total", signal, value=books.taken)
        rows.put("obs_otlp_export_sent_total", signal, value=books.sent)
        rows.put("obs_otlp_export_waiting", signal, value=books.waiting)
        for reason, count in books.dropped.items():
            rows.put("obs_otlp_export_dropped_total", signal, reason, value=count)
    if inner.alerts is not None:
        _alerts(inner.alerts, rows)
    rows.spread("obs_fold_lag_seconds", {"": inner.fold_lag})
    rows.spread("obs_briefing_render_duration_seconds", {"": inner.render})


def _alerts(alerts: AlertNumbers, rows: Rows) -> None:
    for channel, one in alerts.channels.items():
        for outcome, count in (("sent", one.sent), ("failed", one.failed), ("unknown", one.unknown)):
            rows.put("obs_alerts_messages_total", channel, outcome, value=count)
        rows.put("obs_alerts_waiting", channel, value=one.waiting)
        rows.put("obs_alerts_held", channel, value=one.held)
        rows.put("obs_alerts_failing_since_timestamp_seconds", channel, value=one.failing_since / NS)
    rows.put("obs_alerts_silenced_issues", value=alerts.silenced)
    if alerts.mirror >= 0:
        rows.put("obs_alertmanager_up", value=alerts.mirror)

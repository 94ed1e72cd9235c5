"""Rows -> the text of a scrape: Prometheus' own format, or OpenMetrics with exemplars for who accepts it.

Only this module and `writing` import prometheus_client.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from itertools import accumulate

from prometheus_client.core import (
    CounterMetricFamily,
    Exemplar,
    GaugeMetricFamily,
    HistogramMetricFamily,
    Metric,
)
from prometheus_client.openmetrics.exposition import CONTENT_TYPE_LATEST as OPENMETRICS_TYPE
from prometheus_client.registry import Collector

from obs.metrics import own, trading
from obs.metrics.folding import Folded, folded
from obs.metrics.own import Inner
from obs.metrics.rows import Rows, joiner
from obs.metrics.table import TABLE, Family
from obs.metrics.writing import written
from obs.readings import ABOVE, BOUNDS, Histogram, Mark
from obs.snapshot import Snapshot

__all__ = ["CONTENT_TYPE", "OPENMETRICS_TYPE", "SnapshotCollector", "exposition", "negotiated"]

CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"
OPENMETRICS = "application/openmetrics-text"
NS = 1e9


class SnapshotCollector(Collector):
    """Turns the newest Snapshot into families; nothing is kept between scrapes."""

    def __init__(self, snapshot: Callable[[], Snapshot], inner: Callable[[], Inner] = Inner) -> None:
        self._snapshot = snapshot
        self._inner = inner

    def collect(self) -> Iterator[Metric]:
        """Yield every family of `TABLE`, also when it has no sample."""
        snapshot, inner = self._snapshot(), self._inner()
        rows, left = Rows(), Folded()
        own.gather(snapshot, inner, rows)
        trading.gather(snapshot, rows)
        issues = _Issues(snapshot)
        made: dict[str, Metric] = {}
        for name, family in TABLE.items():
            if name != "obs_labels_folded":
                made[name] = _family(name, family, rows, left, issues)
        for label, names in left.names.items():
            rows.put("obs_labels_folded", label, value=len(names))
        for name, family in TABLE.items():
            yield made.get(name) or _family(name, family, rows, left, issues)


def exposition(snapshot: Snapshot, inner: Inner | None = None, *, is_openmetrics: bool = False) -> bytes:
    """Return one scrape's text for a Snapshot.

    Args:
        snapshot: The picture.
        inner: The sidecar's own numbers.
        is_openmetrics: As OpenMetrics, with exemplars.
    """
    collector = SnapshotCollector(lambda: snapshot, lambda: inner or Inner())
    return written(collector.collect(), is_openmetrics=is_openmetrics)


def negotiated(accept: str) -> bool:
    """Return whether whoever asks prefers OpenMetrics over Prometheus' own text.

    Args:
        accept: The header `Accept`; empty when there is none.
    """
    best = {OPENMETRICS: 0.0, "text/plain": 0.0}
    for part in accept.split(","):
        kind, *parameters = (one.strip().lower() for one in part.split(";"))
        if kind in best:
            best[kind] = max(best[kind], _quality(parameters))
    return best[OPENMETRICS] > 0 and best[OPENMETRICS] >= best["text/plain"]


def _quality(parameters: list[str]) -> float:
    told = next((one[2:] for one in parameters if one.startswith("q=")), "1")
    try:
        return float(told)
    except ValueError:
        return 0.0


class _Issues:
    """Finds the issue of a record that no rule saw alone: by the lines that show it, or by what happened."""

    def __init__(self, snapshot: Snapshot) -> None:
        self._by_evidence: dict[str, str] = {}
        self._by_rule: dict[tuple[str, str], str] = {}
        # Of several the first in rank stands.
        for issue in snapshot.issues:
            for evidence in issue.evidence:
                self._by_evidence.setdefault(evidence.id, issue.id)
            for service in issue.services or (issue.component,):
                self._by_rule.setdefault((issue.rule, service), issue.id)

    def of(self, evidence: str, values: tuple[str, ...]) -> str:
        """Return an issue's id, or empty.

        Args:
            evidence: Id of the record's line.
            values: Of the labels of its number.
        """
        known = self._by_evidence.get(evidence)
        if known is not None or len(values) != 2:
            return known or ""
        bot, outcome = values
        rules = ("exit-refused", outcome) if outcome == "rejected" else (outcome,)
        return next((self._by_rule[rule, bot] for rule in rules if (rule, bot) in self._by_rule), "")


def _family(name: str, family: Family, rows: Rows, left: Folded, issues: _Issues) -> Metric:
    if family.kind == "histogram":
        return _histogram(name, family, rows, left, issues)
    numbers = folded(family.labels, rows.numbers.get(name, {}), family.most, joiner(name), left)
    if family.kind == "gauge":
        gauge = GaugeMetricFamily(name, family.text, labels=family.labels)
        for values, number in sorted(numbers.items()):
            gauge.add_metric(list(values), float(number))
        return gauge
    counter = CounterMetricFamily(name.removesuffix("_total"), family.text, labels=family.labels)
    marks = rows.marks.get(name, {})
    for values, number in sorted(numbers.items()):
        counter.add_metric(list(values), float(number), exemplar=_exemplar(marks.get(values), values, issues))
    return counter


def _histogram(name: str, family: Family, rows: Rows, left: Folded, issues: _Issues) -> Metric:
    bounds = (*BOUNDS[name], ABOVE)
    # A histogram is its buckets, its sum and its count.
    most = family.most // (len(bounds) + 2)
    made = HistogramMetricFamily(name, family.text, labels=family.labels)
    known = folded(family.labels, rows.histograms.get(name, {}), most, _merged, left)
    for values, one in sorted(known.items(), key=lambda item: item[0]):
        counts = accumulate(one.buckets.get(bound, 0) for bound in bounds)
        buckets = [
            _bucket(bound, count, _exemplar(one.marks.get(bound), values, issues))
            for bound, count in zip(bounds, counts, strict=True)
        ]
        made.add_metric(list(values), buckets, sum_value=float(one.total))
    return made


def _bucket(
    bound: str, count: int, exemplar: Exemplar | None
) -> tuple[str, float] | tuple[str, float, Exemplar]:
    # OpenMetrics wants bounds as floats are written.
    le = bound if bound == ABOVE else str(float(bound))
    return (le, float(count)) if exemplar is None else (le, float(count), exemplar)


def _merged(a: Histogram, b: Histogram) -> Histogram:
    whole = a.copy()
    whole.merge(b)
    return whole


def _exemplar(mark: Mark | None, values: tuple[str, ...], issues: _Issues) -> Exemplar | None:
    if mark is None:
        return None
    ids = dict(mark.ids)
    if "issue" not in ids and (issue := issues.of(ids.get("evidence", ""), values)):
        ids["issue"] = issue
    return Exemplar(ids, float(mark.value), mark.time / NS if mark.time else None)

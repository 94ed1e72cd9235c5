"""Rows -> a scrape: Prometheus' own text, OpenMetrics with exemplars, or protobuf with native histograms.

Only this module, `writing` and `protobuf` import prometheus_client.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from itertools import accumulate
from typing import Literal

from prometheus_client.core import CounterMetricFamily, Exemplar, GaugeMetricFamily, Metric
from prometheus_client.openmetrics.exposition import CONTENT_TYPE_LATEST as OPENMETRICS_TYPE
from prometheus_client.registry import Collector

from obs.metrics import own, trading
from obs.metrics.folding import Folded, folded
from obs.metrics.own import Inner
from obs.metrics.protobuf import Row, Spread, delimited
from obs.metrics.rows import Rows, joiner
from obs.metrics.table import TABLE, Family
from obs.metrics.writing import written
from obs.readings import ABOVE, BOUNDS, Histogram, Mark
from obs.snapshot import Snapshot

__all__ = ["CONTENT_TYPES", "Form", "SnapshotCollector", "exposition", "negotiated"]

Form = Literal["text", "openmetrics", "protobuf"]
PROTOBUF = "application/vnd.google.protobuf"
CONTENT_TYPES: Mapping[Form, str] = {
    "protobuf": f"{PROTOBUF}; proto=io.prometheus.client.MetricFamily; encoding=delimited",
    "openmetrics": OPENMETRICS_TYPE,
    "text": "text/plain; version=0.0.4; charset=utf-8",
}
"""What may be asked for; of what a reader likes as much the first."""
_ASKED: Mapping[str, Form] = {
    PROTOBUF: "protobuf",
    "application/openmetrics-text": "openmetrics",
    "text/plain": "text",
}
_OF_PROTOBUF = {"proto=io.prometheus.client.metricfamily", "encoding=delimited"}
"""A reader of protobuf that names anything else asks for what we do not have."""
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


def exposition(snapshot: Snapshot, inner: Inner | None = None, *, form: Form = "text") -> bytes:
    """Return one scrape of a Snapshot.

    Args:
        snapshot: The picture.
        inner: The sidecar's own numbers.
        form: `text` is Prometheus' own; `openmetrics` has exemplars; `protobuf` has native histograms too.
    """
    collector = SnapshotCollector(lambda: snapshot, lambda: inner or Inner())
    if form == "protobuf":
        return delimited(collector.collect())
    return written(collector.collect(), is_openmetrics=form == "openmetrics")


def negotiated(accept: str) -> Form:
    """Return the format that whoever asks prefers; Prometheus' own text when it names none of ours.

    Args:
        accept: The header `Accept`; empty when there is none.
    """
    best: dict[Form, float] = {}
    for part in accept.split(","):
        kind, *parameters = (one.strip().lower().replace('"', "") for one in part.split(";"))
        form = _ASKED.get(kind)
        if form is not None and (form != "protobuf" or _OF_PROTOBUF.issubset(parameters)):
            best[form] = max(best.get(form, 0.0), _quality(parameters))
    return max(CONTENT_TYPES, key=lambda form: best.get(form, 0.0)) if any(best.values()) else "text"


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


def _histogram(name: str, family: Family, rows: Rows, left: Folded, issues: _Issues) -> Spread:
    bounds = (*BOUNDS[name], ABOVE)
    # A histogram is its buckets, its sum and its count.
    most = family.most // (len(bounds) + 2)
    made = Spread(name, family.text, family.labels)
    known = folded(family.labels, rows.histograms.get(name, {}), most, _merged, left)
    for values, one in sorted(known.items(), key=lambda item: item[0]):
        counts = accumulate(one.buckets.get(bound, 0) for bound in bounds)
        buckets = tuple(
            (bound, count, _exemplar(one.marks.get(bound), values, issues))
            for bound, count in zip(bounds, counts, strict=True)
        )
        made.rows.append(Row(values, one, buckets))
        made.add_metric(list(values), [_bucket(*bucket) for bucket in buckets], sum_value=float(one.total))
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

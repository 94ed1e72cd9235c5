"""A picture's metrics as a request of OpenTelemetry: cumulative or as what was added, plain or exponential.

They are the metrics of `/metrics`. What is sent as added needs to know what was sent before: `Base` is that,
and each request comes with the base for the next one, which holds once a collector has taken it.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import msgspec
from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import ExportMetricsServiceRequest
from opentelemetry.proto.metrics.v1.metrics_pb2 import AggregationTemporality

import obs
from obs.exporting.shaping import Exemplars, Shape
from obs.exporting.wire import SCOPE, ids_of, values_of
from obs.metrics import TABLE, Inner, SnapshotCollector
from obs.metrics.protobuf import Row, Spread
from obs.readings import ABOVE
from obs.scale import NOTHING, SCHEMA
from obs.snapshot import Snapshot

__all__ = ["Base", "Made", "request_of"]

CUMULATIVE = AggregationTemporality.AGGREGATION_TEMPORALITY_CUMULATIVE
DELTA = AggregationTemporality.AGGREGATION_TEMPORALITY_DELTA
OF_THE_PROCESS = (
    "obs_sidecar_",
    "obs_cache_",
    "obs_queue_",
    "obs_spool_",
    "obs_store_",
    "obs_disk_",
    "obs_stream_",
)
"""What a picture does not tell: `/metrics` does."""
_TRACE = "trace_id"


class _Spread(msgspec.Struct, array_like=True):
    """One series of a histogram as it was sent."""

    total: float = 0.0
    buckets: dict[str, int] = {}
    """Upper bound -> values in this bucket alone."""
    fine: dict[int, int] = {}
    nothing: int = 0


class Base(msgspec.Struct):
    """What was sent so far: of each series, by name and labels."""

    at: int = 0
    """Unix ns of the picture; 0: nothing was."""
    counts: dict[str, float] = {}
    spreads: dict[str, _Spread] = {}


class Made(msgspec.Struct, frozen=True):
    """A request, and what will have been sent with it."""

    body: bytes
    base: Base


def request_of(
    picture: Snapshot,
    resource: Mapping[str, str],
    started: int,
    shape: Shape | None = None,
    base: Base | None = None,
) -> Made:
    """Return the metrics of a picture as a request.

    Args:
        picture: The picture.
        resource: Who sends it.
        started: Since when counts grow in this process, Unix ns.
        shape: Which kinds of metrics are wanted; those of the specification when None.
        base: What was sent before; asked only where what was added is wanted.
    """
    whole = ExportMetricsServiceRequest()
    owner = whole.resource_metrics.add()
    owner.resource.attributes.extend(values_of(resource))
    scope = owner.scope_metrics.add()
    scope.scope.name, scope.scope.version = SCOPE, obs.__version__
    # Counts are stored, so they began with the first event that was ever seen.
    start = min(picture.first_event or started, picture.taken_at)
    writer = _Writer(scope, start, picture.taken_at, shape or Shape(), base or Base())
    for family in SnapshotCollector(lambda: picture, lambda: Inner(version=obs.__version__)).collect():
        if family.samples and not family.name.startswith(OF_THE_PROCESS):
            writer.add(family)
    return Made(whole.SerializeToString(), writer.made)


class _Writer:
    """Writes families into a request, one after the other."""

    def __init__(self, scope: Any, start: int, at: int, shape: Shape, base: Base) -> None:
        self.made = Base(at)
        self._scope, self._at, self._shape, self._base = scope, at, shape, base
        self._start = start
        # Counts are looked at when a picture is taken, as asynchronous counters are: those stay cumulative
        # where only memory is to be spared.
        self._is_added = shape.temporality == "delta"
        self._is_spread_added = shape.temporality != "cumulative"

    def add(self, family: Any) -> None:
        name = f"{family.name}_total" if family.type == "counter" else family.name
        if isinstance(family, Spread):
            self._spread(name, family)
            return
        points = [self._point(family, name, one) for one in family.samples if one.name in (name, family.name)]
        told = [point for point in points if point is not None]
        if not told:
            return
        metric = self._metric(name)
        kind = metric.sum if family.type == "counter" else metric.gauge
        if family.type == "counter":
            kind.is_monotonic = True
            kind.aggregation_temporality = DELTA if self._is_added else CUMULATIVE
        for sample, value in told:
            point = kind.data_points.add(time_unix_nano=self._at, as_double=value)
            point.attributes.extend(values_of(sample.labels))
            if family.type == "counter":
                point.start_time_unix_nano = since = self._since(self._is_added)
                self._mark(point, [sample.exemplar], since)

    def _point(self, family: Any, name: str, sample: Any) -> tuple[Any, float] | None:
        value = float(sample.value)
        if family.type != "counter":
            return sample, value
        key = _key(name, sample.labels.values())
        self.made.counts[key] = value
        if not self._is_added:
            return sample, value
        before = self._base.counts.get(key, 0.0)
        # Less than before: it began anew.
        added = value - before if value >= before else value
        return (sample, added) if added else None

    def _spread(self, name: str, family: Spread) -> None:
        told = [(row, now) for row in family.rows if (now := self._added(name, row)) is not None]
        if not told:
            return
        metric = self._metric(name)
        kind = metric.exponential_histogram if self._shape.is_exponential else metric.histogram
        kind.aggregation_temporality = DELTA if self._is_spread_added else CUMULATIVE
        for row, now in told:
            point = kind.data_points.add(time_unix_nano=self._at, sum=now.total)
            point.start_time_unix_nano = since = self._since(self._is_spread_added)
            point.attributes.extend(values_of(dict(zip(family.label_names, row.values, strict=True))))
            point.count = sum(now.buckets.values())
            (_exponential if self._shape.is_exponential else _explicit)(point, now)
            self._mark(point, (exemplar for *_, exemplar in row.buckets), since)

    def _added(self, name: str, row: Row) -> _Spread | None:
        """What is to be said of one series: all of it, or what was added; None where that is nothing."""
        below, buckets = 0, {}
        for bound, count, _ in row.buckets:
            buckets[bound] = count - below
            below = count
        now = _Spread(float(row.histogram.total), buckets, dict(row.histogram.fine), row.histogram.nothing)
        key = _key(name, row.values)
        self.made.spreads[key] = now
        before = self._base.spreads.get(key)
        if not self._is_spread_added or before is None:
            return now
        added = _Spread(
            now.total - before.total,
            {bound: count - before.buckets.get(bound, 0) for bound, count in buckets.items()},
            {number: count - before.fine.get(number, 0) for number, count in now.fine.items()},
            now.nothing - before.nothing,
        )
        if min((*added.buckets.values(), *added.fine.values(), added.nothing)) < 0:
            return now
        return added if any(added.buckets.values()) else None

    def _since(self, is_added: bool) -> int:
        return min(self._base.at, self._at) if is_added and self._base.at else self._start

    def _metric(self, name: str) -> Any:
        return self._scope.metrics.add(name=name, description=TABLE[name].text)

    def _mark(self, point: Any, exemplars: Iterable[Any], since: int) -> None:
        for one in exemplars:
            if one is not None and _is_wanted(one, self._shape.exemplars) and one.timestamp:
                at = int(float(one.timestamp) * 1e9)
                if at >= since:
                    _exemplify(point, one, at)


def _explicit(point: Any, now: _Spread) -> None:
    for bound, count in now.buckets.items():
        point.bucket_counts.append(count)
        if bound != ABOVE:
            point.explicit_bounds.append(float(bound))


def _exponential(point: Any, now: _Spread) -> None:
    point.scale, point.zero_count, point.zero_threshold = SCHEMA, now.nothing, NOTHING
    numbers = [number for number, count in now.fine.items() if count]
    if numbers:
        # Our bucket's number is that of its upper bound, OpenTelemetry's that of its lower one.
        point.positive.offset = min(numbers) - 1
        point.positive.bucket_counts.extend(
            now.fine.get(number, 0) for number in range(min(numbers), max(numbers) + 1)
        )


def _is_wanted(exemplar: Any, filter_: Exemplars) -> bool:
    if filter_ == "trace_based":
        return bool(ids_of(str(exemplar.labels.get(_TRACE) or ""), 16))
    return filter_ == "always_on"


def _exemplify(point: Any, one: Any, at: int) -> None:
    made = point.exemplars.add(time_unix_nano=at, as_double=float(one.value))
    made.filtered_attributes.extend(
        values_of({key: text for key, text in one.labels.items() if key != _TRACE})
    )
    if trace := ids_of(str(one.labels.get(_TRACE) or ""), 16):
        made.trace_id = trace


def _key(name: str, values: Sequence[str] | Iterable[str]) -> str:
    return "\x1f".join((name, *values))

"""Metrics: the newest Snapshot as an OpenTelemetry request, from time to time.

They are the metrics of `/metrics`, cumulative. Only the newest picture is worth sending, so nothing of them
waits on disk: one that could not be sent before the next came is counted as dropped.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Mapping, Sequence
from typing import Any

from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import ExportMetricsServiceRequest
from opentelemetry.proto.metrics.v1.metrics_pb2 import AggregationTemporality

import obs
from obs.exporting.outbox import Counts
from obs.exporting.sending import Answer, Transport
from obs.exporting.wire import SCOPE, values_of
from obs.metrics import TABLE, Inner, SnapshotCollector
from obs.snapshot import Snapshot

__all__ = ["Pictures", "request_of"]

CUMULATIVE = AggregationTemporality.AGGREGATION_TEMPORALITY_CUMULATIVE
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


class Pictures:
    """Sends pictures; the fold hands one over when it is due."""

    def __init__(self, transport: Transport | None, interval: float, resource: Mapping[str, str]) -> None:
        """Make it; `start` begins to send.

        Args:
            transport: Where to; None: nowhere for now.
            interval: Seconds between two.
            resource: Who sends them.
        """
        self.requests: dict[str, int] = {"ok": 0, "refused": 0, "failed": 0}
        self.fault = ""
        self._transport, self._interval, self._resource = transport, interval, resource
        self._used: Transport | None = None
        self._started = time.time_ns()
        self._due_at = 0.0
        self._lock = threading.Condition()
        self._next: Snapshot | None = None
        self._in_hand = 0
        self._taken = self._sent = 0
        self._dropped: dict[str, int] = {}
        self._is_stopped = False
        self._thread = threading.Thread(target=self._work, name="obs-export-metrics", daemon=True)

    @property
    def is_due(self) -> bool:
        """Whether a picture should be taken now."""
        return self._transport is not None and time.monotonic() >= self._due_at

    def show(self, picture: Snapshot) -> None:
        """Take a picture; one that still waits is dropped for it."""
        self._due_at = time.monotonic() + self._interval
        with self._lock:
            self._taken += 1
            if self._next is not None:
                self._drop("replaced")
            self._next = picture
            self._lock.notify()

    def counts(self) -> Counts:
        """Return the books, in pictures; from any thread."""
        with self._lock:
            waiting = (self._next is not None) + self._in_hand
            return Counts(self._taken, self._sent, waiting, dict(self._dropped))

    @property
    def is_routed(self) -> bool:
        """Whether pictures are sent anywhere."""
        return self._transport is not None

    def start(self) -> None:
        """Begin to send; without a transport there is nothing to begin."""
        if self.is_routed and self._thread.ident is None:
            self._thread.start()

    def redirect(self, transport: Transport | None, interval: float) -> None:
        """Send by another transport from the next picture on, of which one is due at once.

        Args:
            transport: Where to; None: nowhere.
            interval: Seconds between two.
        """
        with self._lock:
            self._transport, self._interval, self.fault = transport, interval, ""
            self._due_at = 0.0

    def stop(self, seconds: float) -> None:
        """End; a picture that waits is sent if that is done in time."""
        with self._lock:
            self._is_stopped = True
            self._lock.notify()
        if self._thread.is_alive():
            self._thread.join(seconds)
        if (used := self._used) is not None:
            used.cut()
        if self._thread.is_alive():
            self._thread.join(1.0)

    def _work(self) -> None:
        while True:
            with self._lock:
                while self._next is None and not self._is_stopped:
                    self._lock.wait()
                picture, self._next = self._next, None
                if picture is None:
                    break
                self._in_hand = 1
                transport, past = self._transport, self._used
                self._used = transport
            if past is not None and past is not transport:
                past.close()
            answer = self._answer(transport, picture)
            is_taken = 200 <= answer.status < 300
            with self._lock:
                self._in_hand = 0
                if is_taken:
                    self._sent += 1
                else:
                    self._drop("refused" if answer.status else "failed")
                if transport is self._transport:
                    told = answer.fault or f"the collector answers {answer.status}"
                    self.fault = "" if is_taken else told
            self.requests["ok" if is_taken else "refused" if answer.status in (400, 413) else "failed"] += 1
        if self._used is not None:
            self._used.close()

    def _answer(self, transport: Transport | None, picture: Snapshot) -> Answer:
        if transport is None:
            return Answer(0)
        try:
            return transport.send(request_of(picture, self._resource, self._started))
        except Exception as error:  # noqa: BLE001 - a picture we cannot write costs itself, not all that follow
            return Answer(0, fault=f"metrics could not be made into a request ({type(error).__name__})")

    def _drop(self, reason: str) -> None:
        self._dropped[reason] = self._dropped.get(reason, 0) + 1


def request_of(picture: Snapshot, resource: Mapping[str, str], started: int) -> bytes:
    """Return the metrics of a picture as a request.

    Args:
        picture: The picture.
        resource: Who sends it.
        started: Since when counts grow in this process, Unix ns.
    """
    whole = ExportMetricsServiceRequest()
    owner = whole.resource_metrics.add()
    owner.resource.attributes.extend(values_of(resource))
    scope = owner.scope_metrics.add()
    scope.scope.name, scope.scope.version = SCOPE, obs.__version__
    at = picture.taken_at
    # Counts are stored, so they began with the first event that was ever seen.
    start = picture.first_event or started
    for family in SnapshotCollector(lambda: picture, lambda: Inner(version=obs.__version__)).collect():
        if family.samples and not family.name.startswith(OF_THE_PROCESS):
            _add(scope.metrics.add(), family, min(start, at), at)
    made: bytes = whole.SerializeToString()
    return made


def _add(metric: Any, family: Any, start: int, at: int) -> None:
    name = f"{family.name}_total" if family.type == "counter" else family.name
    metric.name, metric.description = name, TABLE[name].text
    if family.type == "histogram":
        metric.histogram.aggregation_temporality = CUMULATIVE
        for labels, samples in _series(family.samples).items():
            _spread(metric.histogram.data_points.add(), labels, samples, start, at)
        return
    kind = metric.sum if family.type == "counter" else metric.gauge
    if family.type == "counter":
        kind.is_monotonic, kind.aggregation_temporality = True, CUMULATIVE
    for sample in family.samples:
        if sample.name not in (name, family.name):
            continue
        point = kind.data_points.add(time_unix_nano=at, as_double=float(sample.value))
        if family.type == "counter":
            point.start_time_unix_nano = start
        point.attributes.extend(values_of(sample.labels))


def _series(samples: Sequence[Any]) -> dict[tuple[tuple[str, str], ...], list[Any]]:
    found: dict[tuple[tuple[str, str], ...], list[Any]] = {}
    for sample in samples:
        labels = tuple((key, value) for key, value in sample.labels.items() if key != "le")
        found.setdefault(labels, []).append(sample)
    return found


def _spread(
    point: Any, labels: tuple[tuple[str, str], ...], samples: Sequence[Any], start: int, at: int
) -> None:
    point.start_time_unix_nano, point.time_unix_nano = start, at
    point.attributes.extend(values_of(dict(labels)))
    below = 0
    for sample in samples:
        if "le" in sample.labels:
            count = int(sample.value)
            point.bucket_counts.append(count - below)
            below = count
            if sample.labels["le"] != "+Inf":
                point.explicit_bounds.append(float(sample.labels["le"]))
        elif sample.name.endswith("_sum"):
            point.sum = float(sample.value)
        elif sample.name.endswith("_count"):
            point.count = int(sample.value)

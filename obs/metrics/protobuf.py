"""Metrics in Prometheus' protobuf format: the only one in which Prometheus takes native histograms.

A scrape is a row of `io.prometheus.client.MetricFamily`, each behind its length. The few messages of it are
written here by their field numbers, so that a scrape loads no library. A histogram has its classic buckets
beside the others, and its exemplars twice, where older and where newer readers look.

Source: prometheus/client_model, metrics.proto; Prometheus, "Exposition formats", "Native Histograms".
"""

from __future__ import annotations

import struct
from collections.abc import Iterable, Iterator, Mapping
from functools import lru_cache
from typing import NamedTuple

from prometheus_client import Metric
from prometheus_client.core import Exemplar, HistogramMetricFamily
from prometheus_client.samples import Sample

from obs.readings import ABOVE, Histogram
from obs.scale import NOTHING, SCHEMA

__all__ = ["Row", "Spread", "delimited"]

TYPES: Mapping[str, int] = {"counter": 0, "gauge": 1, "histogram": 4}
NS = 1_000_000_000
MOST_SHORT = 0x80
"""What is less has one byte."""


class Row(NamedTuple):
    """One series of a histogram."""

    values: tuple[str, ...]
    """Of its labels."""
    histogram: Histogram
    buckets: tuple[tuple[str, int, Exemplar | None], ...]
    """Upper bound, how many values are not above it, and what stands for the bucket."""


class Spread(HistogramMetricFamily):
    """A histogram as prometheus_client knows it, and with all that only this format can say."""

    def __init__(self, name: str, text: str, labels: tuple[str, ...]) -> None:
        super().__init__(name, text, labels=labels)
        self.label_names = labels
        self.rows: list[Row] = []


def delimited(metrics: Iterable[Metric]) -> bytes:
    """Return a scrape; families without a series are left out."""
    parts: list[bytes] = []
    for metric in metrics:
        told = b"".join(_spread(metric) if isinstance(metric, Spread) else _numbers(metric))
        if told:
            name = f"{metric.name}_total" if metric.type == "counter" else metric.name
            about = _text(1, name) + _text(2, metric.documentation) + b"\x18" + _count(TYPES[metric.type])
            parts += (_count(len(about) + len(told)), about, told)
    return b"".join(parts)


def _numbers(metric: Metric) -> Iterator[bytes]:
    # Field 3 of a Metric is a counter, field 2 a gauge; both begin with their value.
    tag = b"\x1a" if metric.type == "counter" else b"\x12"
    for sample in metric.samples:
        told = _double(1, sample.value)
        if sample.exemplar is not None:
            told += _part(2, _exemplar(sample.exemplar))
        yield _part(4, _labels(sample) + tag + _count(len(told)) + told)


def _spread(family: Spread) -> Iterator[bytes]:
    for values, histogram, buckets in family.rows:
        pairs = b"".join(map(_pair, family.label_names, values))
        yield _part(4, pairs + _part(7, _histogram(histogram, buckets)))


def _histogram(histogram: Histogram, buckets: tuple[tuple[str, int, Exemplar | None], ...]) -> bytes:
    told = [_whole(1, buckets[-1][1]), _double(2, float(histogram.total))]
    for bound, count, exemplar in buckets:
        bucket = _whole(1, count) + _double(2, float("inf") if bound == ABOVE else float(bound))
        if exemplar is not None:
            bucket += _part(3, _exemplar(exemplar))
        told.append(_part(3, bucket))
    told += (_whole(5, _zigzag(SCHEMA)), _double(6, NOTHING), _whole(7, histogram.nothing))
    told += _scaled(histogram.fine)
    told += (_part(16, _exemplar(one)) for *_, one in buckets if one is not None and one.timestamp)
    return b"".join(told)


def _scaled(fine: Mapping[int, int]) -> Iterator[bytes]:
    """Spans of buckets without a gap, and how much each count is more than the one before it."""
    last, before = 0, 0
    length, offset = 0, 0
    counts = bytearray()
    for number in sorted(fine):
        if length and number == last + 1:
            length += 1
        else:
            if length:
                yield _span(offset, length)
            # The first span's offset is the bucket's number itself, the others' the gap.
            offset, length = number - (last + 1 if length else 0), 1
        counts += _count(_zigzag(fine[number] - before))
        last, before = number, fine[number]
    if length:
        yield _span(offset, length)
        yield _part(13, bytes(counts))


def _span(offset: int, length: int) -> bytes:
    return _part(12, _whole(1, _zigzag(offset)) + _whole(2, length))


def _labels(sample: Sample) -> bytes:
    return b"".join([_pair(name, value) for name, value in sample.labels.items()])


def _exemplar(one: Exemplar) -> bytes:
    told = b"".join([_pair(name, value) for name, value in one.labels.items()]) + _double(2, one.value)
    if one.timestamp is None:
        return told
    seconds, rest = divmod(round(float(one.timestamp) * 1_000), 1_000)
    return told + _part(3, _whole(1, seconds) + _whole(2, rest * NS // 1_000))


@lru_cache(maxsize=8_192)
def _pair(name: str, value: str) -> bytes:
    return _part(1, _text(1, name) + _text(2, value))


def _text(field: int, text: str) -> bytes:
    return _part(field, text.encode())


def _part(field: int, told: bytes) -> bytes:
    return _count(field << 3 | 2) + _count(len(told)) + told


def _whole(field: int, number: int) -> bytes:
    return _count(field << 3) + _count(number)


def _double(field: int, number: float) -> bytes:
    return struct.pack("<Bd", field << 3 | 1, number)


def _zigzag(number: int) -> int:
    return number << 1 if number >= 0 else (-number << 1) - 1


def _count(number: int) -> bytes:
    if number < MOST_SHORT:
        return _SHORT[number]
    made = bytearray()
    while number >= MOST_SHORT:
        made.append(number & 0x7F | 0x80)
        number >>= 7
    made.append(number)
    return bytes(made)


_SHORT = tuple(bytes((number,)) for number in range(MOST_SHORT))

"""Reads Prometheus' protobuf format with the protobuf library, by a description of its messages.

It shares nothing with the writer: a wrong field number on either side is seen.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache
from typing import Any

from google.protobuf import descriptor_pb2, descriptor_pool, message_factory  # type: ignore[import-untyped]

_KINDS = {
    "double": 1,
    "int64": 3,
    "uint64": 4,
    "int32": 5,
    "string": 9,
    "uint32": 13,
    "sint32": 17,
    "sint64": 18,
}
_MESSAGES = {
    "LabelPair": "string name 1, string value 2",
    "Gauge": "double value 1",
    "Timestamp": "int64 seconds 1, int32 nanos 2",
    "Exemplar": "* LabelPair label 1, double value 2, Timestamp timestamp 3",
    "Counter": "double value 1, Exemplar exemplar 2",
    "Bucket": "uint64 cumulative_count 1, double upper_bound 2, Exemplar exemplar 3",
    "BucketSpan": "sint32 offset 1, uint32 length 2",
    "Histogram": "uint64 sample_count 1, double sample_sum 2, * Bucket bucket 3, sint32 schema 5, "
    "double zero_threshold 6, uint64 zero_count 7, * BucketSpan positive_span 12, "
    "* sint64 positive_delta 13, * Exemplar exemplars 16",
    "Metric": "* LabelPair label 1, Gauge gauge 2, Counter counter 3, Histogram histogram 7",
    "MetricFamily": "string name 1, string help 2, uint32 type 3, * Metric metric 4",
}
TYPES = {0: "counter", 1: "gauge", 4: "histogram"}


def read(scrape: bytes) -> Iterator[Any]:
    """Yield the families; raises where a byte is not understood."""
    at = 0
    while at < len(scrape):
        length, at = _length(scrape, at)
        family = _family_type()()
        assert family.ParseFromString(scrape[at : at + length]) == length
        assert not unknown(family), family.name
        at += length
        yield family


def unknown(message: Any) -> bool:
    """Whether a message holds a field that the description does not have."""
    return len(message.SerializeToString()) != len(_stripped(message).SerializeToString())


def buckets(histogram: Any) -> dict[int, int]:
    """Return the native buckets: number -> values in it."""
    found = {}
    number, count, place = 0, 0, 0
    for span in histogram.positive_span:
        number += span.offset
        for _ in range(span.length):
            count += histogram.positive_delta[place]
            found[number] = count
            number, place = number + 1, place + 1
    assert place == len(histogram.positive_delta)
    return found


def labels(owner: Any) -> dict[str, str]:
    return {pair.name: pair.value for pair in owner.label}


def _stripped(message: Any) -> Any:
    other = type(message)()
    other.CopyFrom(message)
    other.DiscardUnknownFields()
    return other


def _length(data: bytes, at: int) -> tuple[int, int]:
    value = shift = 0
    while True:
        byte = data[at]
        value |= (byte & 0x7F) << shift
        at, shift = at + 1, shift + 7
        if byte < 0x80:
            return value, at


@cache
def _family_type() -> Any:
    file = descriptor_pb2.FileDescriptorProto(name="families.proto", package="seen", syntax="proto2")
    for name, fields in _MESSAGES.items():
        message = file.message_type.add(name=name)
        for field in fields.split(", "):
            *repeated, kind, label, number = field.split()
            made = message.field.add(name=label, number=int(number), label=3 if repeated else 1)
            if kind in _KINDS:
                made.type = _KINDS[kind]
            else:
                made.type, made.type_name = 11, f".seen.{kind}"
    pool = descriptor_pool.DescriptorPool()
    pool.Add(file)
    return message_factory.GetMessageClass(pool.FindMessageTypeByName("seen.MetricFamily"))

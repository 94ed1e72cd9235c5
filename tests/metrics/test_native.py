"""Native histograms: the same numbers as in text, and quantiles as near as the scale promises."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable
from decimal import Decimal
from itertools import accumulate
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from prometheus_client import Metric
from prometheus_client.openmetrics.parser import text_string_to_metric_families

from obs.metrics import Inner, exposition
from obs.metrics.protobuf import Row, Spread, delimited
from obs.readings import BOUNDS, Histogram, Mark, Readings
from obs.scale import BUCKETS, ERROR, FIRST, LAST, NOTHING, SCHEMA, place, upper
from obs.snapshot import Snapshot
from tests.builders import START
from tests.metrics.families import TYPES, buckets, labels, read
from tests.metrics.test_scrape import hostile_fleet

NAME = "trading_api_duration_seconds"
Key = tuple[str, tuple[tuple[str, str], ...]]


def test_protobuf_says_of_every_series_what_openmetrics_says() -> None:
    snapshot = hostile_fleet()
    inner = Inner(version="1.2", cache_hits={"lines": 3}, fold_lag=spread([0.2, 0.4]))
    parse: Callable[[str], Iterable[Metric]] = text_string_to_metric_families
    families = list(parse(exposition(snapshot, inner, form="openmetrics").decode()))

    seen = list(read(exposition(snapshot, inner, form="protobuf")))

    told = {key(one.name, one.labels): one for family in families for one in family.samples}
    assert dict(flat(seen)) == {where: (one.value, shown(one.exemplar)) for where, one in told.items()}
    assert [(one.help, TYPES[one.type]) for one in seen] == [
        (family.documentation, family.type) for family in families if family.samples
    ]


def flat(families: Iterable[Any]) -> Iterable[tuple[Key, tuple[float, object]]]:
    """The classic samples of protobuf as those of text."""
    for family in families:
        for metric in family.metric:
            names = labels(metric)
            if TYPES[family.type] != "histogram":
                one = metric.counter if TYPES[family.type] == "counter" else metric.gauge
                told = one.exemplar if TYPES[family.type] == "counter" and one.HasField("exemplar") else None
                yield key(family.name, names), (one.value, seen_of(told))
                continue
            for bucket in metric.histogram.bucket:
                le = "+Inf" if math.isinf(bucket.upper_bound) else str(bucket.upper_bound)
                told = bucket.exemplar if bucket.HasField("exemplar") else None
                where = key(f"{family.name}_bucket", {**names, "le": le})
                yield where, (bucket.cumulative_count, seen_of(told))
            yield key(f"{family.name}_sum", names), (metric.histogram.sample_sum, None)
            yield key(f"{family.name}_count", names), (metric.histogram.sample_count, None)


def key(name: str, names: dict[str, str]) -> Key:
    return name, tuple(sorted(names.items()))


def shown(exemplar: Any) -> object:
    # Prometheus keeps milliseconds.
    return exemplar and (exemplar.labels, exemplar.value, round(float(exemplar.timestamp), 3))


def seen_of(exemplar: Any) -> object:
    at = exemplar and exemplar.timestamp.seconds + exemplar.timestamp.nanos / 1e9
    return exemplar and (labels(exemplar), exemplar.value, at)


@given(st.lists(st.floats(0, 1e7), min_size=1, max_size=80), st.sampled_from((0.1, 0.5, 0.9, 0.99, 1.0)))
def test_a_quantile_is_as_near_as_promised(values: list[float], share: float) -> None:
    told = native(spread(values))

    near = quantile(told, share)

    true = sorted(values)[math.ceil(share * len(values)) - 1]
    assert told.sample_count == len(values)
    if true <= NOTHING:
        assert near == 0
    else:
        assert near == pytest.approx(min(true, upper(LAST)), rel=ERROR + 1e-9)


def quantile(histogram: Any, share: float) -> float:
    """The end of the bucket in which the value of that rank lies."""
    counts = {0: histogram.zero_count, **{upper(one): n for one, n in buckets(histogram).items()}}
    rank = math.ceil(share * histogram.sample_count)
    below = zip(counts, accumulate(counts.values()), strict=True)
    return next(bound for bound, count in below if count >= rank)


def test_bounds_are_those_of_prometheus_schema() -> None:
    ends = [upper(number) for number in range(FIRST, LAST + 1)]

    assert ends == pytest.approx([2 ** (number / 2**SCHEMA) for number in range(FIRST, LAST + 1)], rel=1e-15)
    assert [place(end) for end in ends] == list(range(FIRST, LAST + 1))
    assert [place(math.nextafter(end, math.inf)) for end in ends[:-1]] == list(range(FIRST + 1, LAST + 1))
    assert (place(1.0), place(2.0), upper(0), upper(8)) == (0, 8, 1.0, 2.0)
    assert [place(one) for one in (0.0, NOTHING, -1.0, math.nan)] == [None] * 4
    assert [place(one) for one in (8192.0, 9e9, math.inf)] == [LAST] * 3


def test_buckets_are_bounded_whatever_comes() -> None:
    histogram = spread([10 ** (number / 100) for number in range(-900, 600)])

    assert len(buckets(native(histogram))) == BUCKETS == 240
    assert len(msgspec.json.encode(histogram)) < 4_000


def test_marks_stand_in_the_native_histogram_too() -> None:
    histogram = Histogram()
    mark = Mark(START, "p-1", Decimal("0.3"), (("order", "o-7"), ("evidence", "e1")))
    histogram.observe(NAME, Decimal("0.3"), mark)

    (told,) = native(histogram).exemplars

    assert seen_of(told) == ({"order": "o-7", "evidence": "e1"}, 0.3, START / 1e9)


def test_a_histogram_stored_before_there_was_a_scale_keeps_its_counts() -> None:
    stored = b'{"buckets":{"0.05":3,"0.5":2,"+Inf":1},"total":"40.5","marks":{}}'

    old = msgspec.json.decode(stored, type=Histogram)
    old.observe(NAME, Decimal("0.2"))
    told = native(msgspec.json.decode(msgspec.json.encode(old), type=Histogram))

    assert told.sample_count == sum(buckets(told).values()) + told.zero_count == 7
    assert buckets(told) == {place(0.05): 3, place(0.2): 1, place(0.5): 2, LAST: 1}


def test_a_histogram_without_a_value_is_native_all_the_same() -> None:
    empty = native(Histogram())

    assert (empty.sample_count, empty.zero_count, empty.schema) == (0, 0, SCHEMA)
    # By this Prometheus knows it.
    assert empty.zero_threshold == NOTHING > 0


def test_a_family_without_a_series_takes_no_room() -> None:
    assert delimited([Spread("obs_nothing", "Nothing.", ())]) == b""


@given(st.dictionaries(st.integers(FIRST, LAST), st.integers(1, 2**40)))
def test_spans_with_gaps_come_back(fine: dict[int, int]) -> None:
    family = Spread("x", "y", ("a",))
    family.rows.append(Row(("b",), Histogram(fine=fine), (("+Inf", sum(fine.values()), None),)))

    (found,) = read(delimited([family])) if fine else [None]

    assert found is None or buckets(found.metric[0].histogram) == fine


def spread(values: Iterable[float]) -> Histogram:
    histogram = Histogram()
    for value in values:
        histogram.observe(NAME, Decimal(value))
    return histogram


def native(histogram: Histogram) -> Any:
    """What a scrape says of it."""
    assert NAME in BOUNDS
    snapshot = Snapshot(taken_at=START, readings=Readings(histograms={NAME: {"binance": histogram}}))
    families = {one.name: one for one in read(exposition(snapshot, form="protobuf"))}
    (metric,) = families[NAME].metric
    assert labels(metric) == {"exchange": "binance"}
    return metric.histogram

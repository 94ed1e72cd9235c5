"""Latencies of models: on the scale of all histograms, also what an earlier release stored on another."""

from __future__ import annotations

import math

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from obs.money.quarters import Calls, percentile
from obs.scale import middle, place


@given(st.floats(10, 8_000_000))
def test_a_latency_is_known_to_five_percent(milliseconds: float) -> None:
    calls = Calls()
    calls._took(milliseconds, 3)

    assert percentile(calls.latency, 0.5) == pytest.approx(milliseconds, rel=0.05)


def test_what_an_earlier_release_stored_is_read_and_counted_on() -> None:
    step = math.floor(math.log(1_500) / math.log(1.05))
    stored = msgspec.json.encode([4, 0, 0, 10, 0, 5, 0, 0, 0, {}, {str(step): 4}])

    calls = msgspec.json.decode(stored, type=Calls)
    calls.plus(msgspec.json.decode(stored, type=Calls))
    again = msgspec.json.decode(msgspec.json.encode(calls), type=Calls)

    assert again == calls
    assert (again.calls, sum(again.latency.values()), again.steps) == (8, 8, {})
    assert percentile(again.latency, 0.95) == pytest.approx(1_500, rel=0.07)


def test_the_middle_of_a_bucket_lies_in_it() -> None:
    assert [place(middle(number)) for number in (-135, -1, 0, 7, 104)] == [-135, -1, 0, 7, 104]

"""Slopes that wild samples do not move, with bounds that hold; and gauges that merge exactly."""

from __future__ import annotations

import math
import random

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from obs.insight.trends import KEPT_MINUTES, MAX_GAUGES, Gauge, Gauges, keeps_growing, reaches, theil_sen
from obs.series import MINUTE_NS

START = 29_000_000


def at(minute: float) -> int:
    return int((START + minute) * MINUTE_NS)


def line(rise: float, minutes: int = 60, noise: float = 0.0, seed: int = 1) -> list[tuple[int, float]]:
    dice = random.Random(seed)
    return [(at(m), 100 + rise * m + dice.gauss(0, noise)) for m in range(minutes)]


def test_a_straight_line_is_found_and_met_at_its_limit() -> None:
    found = theil_sen(line(2))

    assert found is not None
    assert found.slope * 60 == pytest.approx(2)
    met = reaches(found, 400)
    assert met is not None
    assert met.at == pytest.approx(at(150), abs=MINUTE_NS)


def test_a_fifth_of_wild_samples_moves_the_slope_little() -> None:
    points = line(2, 100)
    wild = [(time, 10_000.0 if number % 5 == 0 else value) for number, (time, value) in enumerate(points)]

    found = theil_sen(wild)

    assert found is not None
    assert found.slope * 60 == pytest.approx(2, rel=0.1)


def test_the_bounds_hold_the_true_slope_nearly_always() -> None:
    held = 0
    for seed in range(200):
        found = theil_sen(line(1, 40, noise=15, seed=seed))
        assert found is not None
        held += found.low <= 1 / 60 <= found.high

    assert held >= 194


def test_too_few_samples_tell_nothing_and_a_flat_line_meets_no_limit() -> None:
    assert theil_sen(line(2, 9)) is None
    flat = theil_sen(line(0))
    assert flat is not None
    assert reaches(flat, 400) is None
    falling = theil_sen(line(-2))
    assert falling is not None
    assert reaches(falling, 400) is None


def test_noise_alone_is_called_growth_in_none_of_many_streams() -> None:
    alarms = 0
    for seed in range(300):
        dice = random.Random(seed)
        level, walk = 300.0, []
        for minute in range(240):
            # A heap that wanders, pulled back by its collector.
            level += dice.gauss(0, 6) - (level - 300) * 0.1
            walk.append((at(minute), level))
        alarms += keeps_growing(walk, 32) is not None

    assert alarms == 0


def test_growth_is_found_under_noise_and_not_after_it_has_ended() -> None:
    rising = line(1, 240, noise=8)
    risen = [(at(m), 100 + min(m, 60) * 4 + (m * 7919 % 13)) for m in range(240)]

    assert keeps_growing(rising, 32) is not None
    assert keeps_growing(risen, 32) is None


samples = st.lists(
    st.tuples(
        st.sampled_from(("a", "b")),
        st.sampled_from(("memory", "weight x")),
        st.integers(0, 90),
        st.floats(-1e6, 1e6),
        st.sampled_from((0.0, 5.0, 9.0)),
    ),
    max_size=30,
)


def gauges(rows: list[tuple[str, str, int, float, float]]) -> Gauges:
    found = Gauges()
    for service, measure, minute, value, limit in rows:
        found.sample(service, measure, at(minute), value, limit)
    return found


@settings(max_examples=100, deadline=None)
@given(samples, st.randoms(use_true_random=False), st.data())
def test_gauges_are_the_same_from_any_split_and_order(
    rows: list[tuple[str, str, int, float, float]], dice: random.Random, data: st.DataObject
) -> None:
    cut = data.draw(st.integers(0, len(rows)))
    shuffled = list(rows)
    dice.shuffle(shuffled)

    merged = gauges(rows[:cut])
    merged.merge(gauges(rows[cut:]))

    assert merged == gauges(rows) == gauges(shuffled)
    assert msgspec.msgpack.decode(msgspec.msgpack.encode(merged), type=Gauges) == merged


def test_gauges_are_bounded_and_what_left_is_counted() -> None:
    many = Gauges()
    for number in range(MAX_GAUGES + 20):
        many.sample(f"bot-{number:05}", "memory", at(0), 1.0)
    long = Gauge()
    for minute in range(KEPT_MINUTES + 50):
        long.put(at(minute), 1.0, 2.0)

    assert sum(map(len, many.of.values())) == MAX_GAUGES
    assert many.overflow == 20
    assert (len(long.minutes), min(long.minutes)) == (KEPT_MINUTES, START + 50)


def test_values_that_are_no_numbers_never_reach_a_gauge() -> None:
    found = Gauges()
    found.sample("a", "memory", at(0), 1.0)

    assert all(math.isfinite(high) for _, high in found.of["a"]["memory"].highs())

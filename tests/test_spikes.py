"""Bursts are found, and what comes by chance, in clumps or at a start is none."""

from __future__ import annotations

import math
import random

import pytest

from obs.insight.spikes import poisson_tail, spike
from obs.series import MINUTE_NS

START = 29_000_000


def poisson(rate: float, dice: random.Random) -> int:
    limit, k, p = math.exp(-rate), 0, dice.random()
    while p > limit:
        k += 1
        p *= dice.random()
    return k


def at(minute: int) -> int:
    return (START + minute) * MINUTE_NS


def steady(rate: float, minutes: int, seed: int = 1) -> dict[int, int]:
    dice = random.Random(seed)
    drawn = {START + minute: poisson(rate, dice) for minute in range(minutes)}
    return {minute: n for minute, n in drawn.items() if n}


@pytest.mark.parametrize(
    ("count", "expected", "chance"), [(1, 1.0, 0.6321), (5, 1.0, 0.00366), (20, 10.0, 0.00345)]
)
def test_the_tail_is_that_of_the_tables(count: int, expected: float, chance: float) -> None:
    assert poisson_tail(count, expected) == pytest.approx(chance, rel=0.01)


def test_the_tail_holds_for_any_size() -> None:
    assert poisson_tail(0, 3) == 1
    assert 0 <= poisson_tail(100_000, 90_000) < 1e-200
    assert poisson_tail(10, 0) == 0


def test_a_burst_is_found_within_its_first_minutes_and_dated() -> None:
    minutes = steady(0.4, 120)
    minutes |= {START + 118: 40, START + 119: 55}

    found = spike(minutes, at(119), at(0))

    assert found is not None
    assert found.count >= 95
    assert found.expected < 4
    assert found.began == at(118)


def test_a_start_a_small_count_and_a_doubling_are_no_burst() -> None:
    assert spike({START + 9: 500}, at(9), at(0)) is None
    assert spike({START + 99: 8}, at(99), at(0)) is None
    assert spike(steady(5, 100) | {START + 99: 12, START + 98: 11}, at(99), at(0)) is None
    doubled = {START + minute: 200 for minute in range(95, 100)}
    assert spike(steady(100, 95) | doubled, at(99), at(0)) is None


def test_what_always_came_in_clumps_may_come_in_a_clump_again() -> None:
    hourly = {START + hour * 60 + 30: 60 for hour in range(24)}

    assert spike(hourly, at(23 * 60 + 31), at(0)) is None


def test_streams_of_chance_alarm_in_none_of_many_looks() -> None:
    alarms = looks = 0
    for seed, rate in enumerate((0.05, 0.3, 1, 3, 10, 40)):
        minutes = steady(rate, 1_500, seed)
        for now in range(40, 1_500):
            looks += 1
            alarms += spike(minutes, at(now), at(0)) is not None

    assert looks == 8_760
    assert alarms == 0

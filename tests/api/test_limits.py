"""Token buckets: a burst, then a steady rate, for each client by itself, in bounded memory."""

from __future__ import annotations

from obs.api import limits
from obs.api.limits import Rate, RateLimit


class Clock:
    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


def test_after_a_burst_a_client_waits_and_others_do_not() -> None:
    clock = Clock()
    limit = RateLimit(Rate(2, 3), timer=clock)

    assert [limit.take("a") for _ in range(4)] == [0, 0, 0, 0.5]
    assert limit.is_empty("a")
    assert limit.take("b") == 0
    clock.now += 0.5
    assert [limit.take("a") for _ in range(2)] == [0, 0.5]


def test_a_bucket_never_holds_more_than_its_burst() -> None:
    clock = Clock()
    limit = RateLimit(Rate(2, 3), timer=clock)
    limit.take("a")
    clock.now += 1_000

    assert [limit.take("a") for _ in range(4)] == [0, 0, 0, 0.5]


def test_many_clients_are_forgotten_oldest_first() -> None:
    limit = RateLimit(Rate(0.001, 1), timer=Clock())
    for number in range(limits.MOST_CLIENTS + 1):
        limit.take(str(number))

    assert len(limit._buckets) == limits.MOST_CLIENTS
    assert limit.is_empty(str(limits.MOST_CLIENTS))
    assert not limit.is_empty("0")

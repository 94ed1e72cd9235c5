"""A cached function runs once per arguments and time, and its hit rate can be read."""

from __future__ import annotations

import asyncio
from concurrent.futures import ThreadPoolExecutor

import pytest

from obs.keeping.caching import CacheManager, CacheStatistics


class FakeClock:
    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


def test_the_second_call_with_the_same_arguments_does_not_run_the_function() -> None:
    caches = CacheManager()
    ran: list[int] = []

    @caches.cached_function("expensive_calc", max_size=100, ttl=600)
    def expensive_calculation(n: int) -> int:
        ran.append(n)
        return n * n

    assert [expensive_calculation(7), expensive_calculation(7), expensive_calculation(8)] == [49, 49, 64]
    assert ran == [7, 8]
    assert caches.statistics()["expensive_calc"] == CacheStatistics(
        hits=1, misses=2, bypassed=0, entries=2, max_entries=100
    )


def test_none_is_a_result_like_any_other() -> None:
    caches = CacheManager()
    ran: list[int] = []

    @caches.cached_function("nothing")
    def nothing(n: int) -> None:
        ran.append(n)

    nothing(1)
    nothing(1)

    assert ran == [1]


def test_a_result_is_good_until_its_time_is_over() -> None:
    clock = FakeClock()
    caches = CacheManager(timer=clock)
    ran: list[float] = []

    @caches.cached_function("price", ttl=10)
    def price() -> float:
        ran.append(clock.now)
        return clock.now

    price()
    clock.now = 9.9
    price()
    clock.now = 10.1
    price()

    assert ran == [0.0, 10.1]


def test_no_more_results_are_kept_than_asked_for() -> None:
    caches = CacheManager()
    square = caches.cached_function("square", max_size=3)(lambda n: n * n)

    for number in range(50):
        square(number)

    assert caches.statistics()["square"].entries == 3


def test_the_hit_rate_is_unknown_before_the_first_call_and_high_for_repeated_work() -> None:
    caches = CacheManager()
    square = caches.cached_function("square")(lambda n: n * n)
    before = caches.statistics()["square"].hit_rate

    for number in range(1_000):
        square(number % 20)

    assert before is None
    assert caches.statistics()["square"].hit_rate == 0.98


def test_an_exception_is_not_kept() -> None:
    caches = CacheManager()
    answers = iter([ValueError("down"), "up"])

    @caches.cached_function("fetch")
    def fetch() -> str:
        answer = next(answers)
        if isinstance(answer, ValueError):
            raise answer
        return str(answer)

    with pytest.raises(ValueError, match="down"):
        fetch()

    assert [fetch(), fetch()] == ["up", "up"]


def test_arguments_that_are_no_key_run_the_function_and_are_counted() -> None:
    caches = CacheManager()
    total = caches.cached_function("total")(lambda numbers: sum(numbers))

    assert [total([1, 2]), total([1, 2])] == [3, 3]
    assert caches.statistics()["total"].bypassed == 2


def test_one_result_or_all_can_be_forgotten() -> None:
    caches = CacheManager()
    ran: list[int] = []

    @caches.cached_function("f")
    def f(n: int) -> int:
        ran.append(n)
        return n

    f(1)
    f(2)
    assert caches.invalidate("f", 1)
    assert not caches.invalidate("f", 1)
    f(1)
    f(2)
    caches.clear("f")
    caches.clear()
    f(2)

    assert ran == [1, 2, 1, 2]


def test_coroutines_are_cached_and_run_once_for_all_who_wait() -> None:
    caches = CacheManager()
    ran: list[int] = []

    @caches.cached_function("quote")
    async def quote(n: int) -> int:
        ran.append(n)
        await asyncio.sleep(0.01)
        return n * 2

    async def run() -> list[int]:
        together = await asyncio.gather(*(quote(4) for _ in range(20)))
        return [*together, await quote(4)]

    assert asyncio.run(run()) == [8] * 21
    assert ran == [4]


def test_a_waiter_that_gives_up_does_not_take_the_result_from_the_others() -> None:
    caches = CacheManager()

    @caches.cached_function("slow")
    async def slow() -> str:
        await asyncio.sleep(0.05)
        return "done"

    async def run() -> tuple[str, bool]:
        first = asyncio.create_task(slow())
        second = asyncio.create_task(slow())
        await asyncio.sleep(0.01)
        first.cancel()
        return await second, first.cancelled()

    assert asyncio.run(run()) == ("done", True)


def test_a_name_is_given_once() -> None:
    caches = CacheManager()
    caches.cached_function("f")

    with pytest.raises(ValueError, match="a cache named 'f' exists"):
        caches.cached_function("f")


def test_the_figures_are_exact_between_threads() -> None:
    caches = CacheManager()
    square = caches.cached_function("square")(lambda n: n * n)

    with ThreadPoolExecutor(8) as pool:
        results = list(pool.map(square, [number % 10 for number in range(4_000)]))

    figures = caches.statistics()["square"]
    assert results == [(number % 10) ** 2 for number in range(4_000)]
    assert figures.hits + figures.misses == 4_000

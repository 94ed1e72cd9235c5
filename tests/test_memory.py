"""The sidecar knows its own size and does something about it above its ceiling."""

from __future__ import annotations

import gc
import weakref

from obs.keeping.memory import MemoryOptimizer, MemoryWatch, resident_bytes

MIB = 2**20


class FakeClock:
    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


def test_our_own_size_is_a_plausible_number_of_bytes() -> None:
    block = bytearray(64 * MIB)

    with_block = resident_bytes()

    assert 64 * MIB < with_block < 64 * 1024 * MIB
    assert block is not None


def test_steady_growth_is_told_per_hour() -> None:
    clock, size = FakeClock(), 100 * MIB
    watch = MemoryWatch(measure=lambda: size, timer=clock, least_seconds=60)

    slopes = []
    for _ in range(10):
        slopes.append(watch.sample().growth_bytes_per_hour)
        clock.now += 30
        size += MIB

    assert slopes[:2] == [None, None]
    assert slopes[-1] is not None
    assert round(slopes[-1] / MIB) == 120


def test_a_size_that_only_wavers_does_not_grow() -> None:
    clock = FakeClock()
    sizes = iter([100, 101, 99, 100, 101, 99, 100, 101, 99, 100, 100])
    watch = MemoryWatch(measure=lambda: next(sizes) * MIB, timer=clock)

    for _ in range(11):
        sample = watch.sample()
        clock.now += 60

    assert sample.growth_bytes_per_hour is not None
    assert abs(sample.growth_bytes_per_hour) < 5 * MIB


class Cycle:
    def __init__(self) -> None:
        self.itself = self


def test_above_the_ceiling_garbage_is_collected_and_counted() -> None:
    sizes = iter([300 * MIB, 120 * MIB])
    optimizer = MemoryOptimizer(MemoryWatch(200 * MIB, measure=lambda: next(sizes)))
    gc.disable()
    try:
        lost = weakref.ref(Cycle())
        kept_by_cycle = lost() is not None
        after = optimizer.optimize()
    finally:
        gc.enable()

    assert kept_by_cycle
    assert lost() is None
    assert (after.is_over, optimizer.collections, optimizer.freed_bytes) == (False, 1, 180 * MIB)


def test_below_the_ceiling_nothing_is_done() -> None:
    optimizer = MemoryOptimizer(MemoryWatch(200 * MIB, measure=lambda: 199 * MIB))

    optimizer.optimize()

    assert optimizer.collections == 0


def test_a_process_that_needs_its_memory_is_not_kept_collecting() -> None:
    clock = FakeClock()
    optimizer = MemoryOptimizer(
        MemoryWatch(200 * MIB, measure=lambda: 300 * MIB, timer=clock), pause_seconds=30, timer=clock
    )

    for _ in range(60):
        optimizer.optimize()
        clock.now += 1

    assert optimizer.collections == 2


def test_the_seeds_optimizer_needs_no_arguments() -> None:
    assert MemoryOptimizer().optimize().resident_bytes > 0

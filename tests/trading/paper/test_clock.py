"""The run's clock: what is due is done in order, and records carry its time."""

from __future__ import annotations

import logging
import signal
import time

import pytest

from tests.trading.conftest import START_NS, collected
from trading.paper.clock import SECOND_NS, Clock, stamped_records, start_of


def test_what_is_due_is_done_in_order_and_nothing_later() -> None:
    clock, done = Clock(START_NS), list[tuple[str, float]]()

    clock.every(20, lambda: done.append(("beat", clock.elapsed)), first=5)
    clock.at(25, lambda: done.append(("once", clock.elapsed)))
    clock.run_until(45)

    assert done == [("beat", 5), ("once", 25), ("beat", 25)]
    assert clock.elapsed == 45


def test_what_falls_into_a_wait_is_done_after_it() -> None:
    clock, done = Clock(START_NS), list[float]()

    clock.at(10, lambda: clock.wait(30))
    clock.at(20, lambda: done.append(clock.elapsed))
    clock.run_until(60)

    assert done == [40]


def test_records_carry_the_clocks_time_only_inside() -> None:
    clock = Clock(START_NS)
    clock.wait(710.25)

    with collected() as records:
        with stamped_records(clock):
            logging.getLogger("x").info("inside")
        logging.getLogger("x").info("outside")

    assert records[0].created == START_NS / SECOND_NS + 710.25
    assert records[0].msecs == 250
    assert abs(records[1].created - time.time()) < 60


def test_a_run_ends_at_the_walls_time_whatever_its_speed() -> None:
    now = START_NS + 17 * SECOND_NS

    assert start_of(now, 2700, 0) == START_NS - 2700 * SECOND_NS
    assert start_of(now, 2700, 1) == START_NS
    assert start_of(now, 2400, 4) == START_NS - 1800 * SECOND_NS


def test_an_interrupted_wait_leaves_the_clock_where_it_was() -> None:
    clock = Clock(START_NS, speed=1)
    previous = signal.signal(signal.SIGALRM, signal.default_int_handler)
    signal.setitimer(signal.ITIMER_REAL, 0.05)
    try:
        with pytest.raises(KeyboardInterrupt):
            clock.run_until(30)
    finally:
        signal.signal(signal.SIGALRM, previous)

    assert clock.elapsed == 0


def test_a_fast_clock_keeps_pace_with_the_wall() -> None:
    clock, began = Clock(START_NS, speed=1000), time.monotonic()

    clock.run_until(100)

    assert 0.1 <= time.monotonic() - began < 2

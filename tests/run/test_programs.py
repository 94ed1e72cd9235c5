"""Six programs that nobody adapted: what is kept of each, and that its own output does not change."""

from __future__ import annotations

import re
import subprocess
from collections.abc import Callable

import pytest

from tests.run.conftest import Supervise

Alone = Callable[..., subprocess.CompletedProcess[bytes]]
_TIME = re.compile(rb"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d,\d{3}")


@pytest.mark.parametrize(
    "program", ["logs.py", "prints.py", "crashes.py", "leaves_at_once.py", "is_killed.py"]
)
def test_a_programs_output_and_exit_code_are_those_it_has_without_us(
    program: str, supervise: Supervise, alone: Alone
) -> None:
    plain = alone(program)

    watched = supervise(program)

    assert watched.stdout == plain.stdout
    assert _TIME.sub(b"TIME", watched.told) == _TIME.sub(b"TIME", plain.stderr)
    assert watched.status == (plain.returncode if plain.returncode >= 0 else 128 - plain.returncode)


def test_a_logging_program_is_kept_whole_through_its_own_configuration(supervise: Supervise) -> None:
    """Fault 21: `dictConfig` throws every handler off, and `propagate` hides a logger from the root."""
    kept = supervise("logs.py")

    said = [(event["logger"], event["severity"], event["body"]) for event in kept.events]
    assert [line for line in said if line[0].startswith("bot.")] == [
        ("bot.feed", "WARN", "no configuration yet, reading settings.json"),
        ("bot.feed", "INFO", "candles for BTC/USDT: 500 rows"),
        ("bot.orders", "ERROR", "order 42 rejected: insufficient balance"),
        ("bot.feed", "ERROR", "no position for ETH/USDT"),
        ("bot.feed", "INFO", "done"),
    ]
    assert [event["exception"]["type"] for event in kept.events if "exception" in event] == ["KeyError"]
    # What its StreamHandler wrote to stderr came as records, and does not come again as text.
    assert kept.bodies("stderr") == []
    assert (kept.exited["process.exit_code"], kept.exited["process.attached"]) == (0, True)


def test_a_printing_program_is_kept_line_by_line(supervise: Supervise) -> None:
    kept = supervise("prints.py")

    assert kept.bodies("stdout") == [
        "starting grid bot on BTC/USDT",
        "price 97771.8 spread 0.1",
        "... warmed up",
        "loading candles 100 %",
        "잔고 1000 KRW",
        "no line end",
    ]
    assert kept.bodies("stderr") == [
        "RuntimeError: could not fetch the order book",
        "ERROR: order rejected: insufficient balance",
    ]
    (traceback,) = [event["exception"] for event in kept.events if "exception" in event]
    assert traceback["type"] == "RuntimeError"
    assert "ConnectionResetError: [Errno 104] Connection reset by peer" in traceback["stacktrace"]


def test_threads_and_tasks_are_kept_with_what_ended_them(supervise: Supervise) -> None:
    kept = supervise("threads_and_tasks.py")

    bodies = kept.bodies("bot.workers")
    assert [body for body in bodies if body.startswith("feed 1 ")] == [f"feed 1 step {n}" for n in range(20)]
    assert len(bodies) == 4 * 20 + 3 * 20 + 1
    failures = {
        (event["logger"], event["exception"]["type"], event["exception"]["message"])
        for event in kept.events
        if "exception" in event
    }
    assert failures == {
        ("exceptions", "ValueError", "feed 2 has no candles"),
        ("asyncio", "ZeroDivisionError", "signal 1 divided by its own loss"),
    }
    assert kept.bodies("stderr") == []


def test_a_crash_is_kept_although_the_program_has_taken_the_exception_hook(supervise: Supervise) -> None:
    kept = supervise("crashes.py")

    (crash,) = [event for event in kept.events if event["severity"] == "FATAL"]
    assert crash["exception"]["type"] == "ZeroDivisionError"
    assert "in position_size" in crash["exception"]["stacktrace"]
    assert kept.bodies("bot.main") == ["price feed returned 0"]
    assert (kept.status, kept.exited["process.exit_code"]) == (1, 1)


def test_a_program_that_leaves_without_clean_up_loses_nothing(supervise: Supervise) -> None:
    """Fault 16: `os._exit` runs no exit hook."""
    kept = supervise("leaves_at_once.py")

    assert kept.bodies("bot.main") == [*(f"step {n}" for n in range(50)), "margin call: leaving at once"]
    assert kept.bodies("stdout") == ["leaving"]
    assert (kept.status, kept.exited["process.exit_code"]) == (7, 7)


def test_the_last_words_of_a_killed_program_are_kept(supervise: Supervise) -> None:
    """Fault 16: SIGKILL; what was said at WARNING or above is on the disk before the call returned."""
    kept = supervise("is_killed.py")

    assert "stop-loss for BTC/USDT not placed" in kept.bodies("bot.main")
    assert kept.status == 137
    assert (kept.exited["process.signal"], kept.exited["process.oom"]) == ("SIGKILL", False)
    assert "process.exit_code" not in kept.exited

"""The whole way: a program under the supervisor, a real sidecar beside it, and the post-mortem at the end."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest

from obs.keeping.presence import flush_requests, running_pid
from tests.run.conftest import PROGRAMS, supervisor_command, surroundings
from tests.run.test_survival import BOT, wait_for

ENVIRONMENT = {"OBS_SIDECAR": "auto"}


@pytest.fixture
def place(tmp_path: Path) -> Iterator[Path]:
    """A folder whose sidecar is ended with the test."""
    folder = tmp_path / "obs"
    yield folder
    deadline = time.monotonic() + 10
    while (pid := running_pid(folder)) is not None and time.monotonic() < deadline:
        with suppress(ProcessLookupError):
            os.kill(pid, signal.SIGTERM)
        time.sleep(0.05)


@pytest.mark.parametrize(
    ("program", "words"),
    [
        ("logs.py", ["insufficient balance"]),
        ("prints.py", ["order book"]),
        ("threads_and_tasks.py", ["feed 2 has no candles"]),
        ("crashes.py", ["ZeroDivisionError"]),
        ("leaves_at_once.py", ["code 7"]),
        ("is_killed.py", ["SIGKILL", "stop-loss"]),
    ],
)
def test_the_post_mortem_names_what_happened(program: str, words: list[str], place: Path) -> None:
    done = subprocess.run(
        supervisor_command(place, [sys.executable, PROGRAMS / program]),
        env=surroundings(ENVIRONMENT),
        capture_output=True,
        timeout=60,
        check=False,
    )

    last = done.stderr.splitlines()[-1].decode()
    assert last == f"obs: briefing: {place / 'briefings' / 'latest.md'}", (place / "sidecar.log").read_text()
    briefing = (place / "briefings" / "latest.md").read_text()
    assert [word for word in words if word not in briefing] == [], briefing


def test_neither_death_of_supervisor_nor_of_sidecar_is_noticed_by_the_bot(
    place: Path, tmp_path: Path
) -> None:
    output = tmp_path / "output"
    with (
        output.open("wb") as file,
        subprocess.Popen(
            supervisor_command(place, [sys.executable, "-c", BOT, str(tmp_path)]),
            env=surroundings(ENVIRONMENT),
            stdout=file,
            stderr=subprocess.STDOUT,
        ) as process,
    ):
        wait_for(tmp_path / "pid")
        deadline = time.monotonic() + 10
        while (sidecar := running_pid(place)) is None and time.monotonic() < deadline:
            time.sleep(0.02)
        assert sidecar is not None

        os.kill(sidecar, signal.SIGKILL)
        time.sleep(0.3)
        process.kill()
    time.sleep(0.2)
    (tmp_path / "stop").write_text("now")

    assert wait_for(tmp_path / "done") == "ok"
    shown = output.read_text()
    assert shown.rstrip().endswith("stopped in order")
    assert set(shown.split("\n")) == {
        "tick",
        "WARNING:root:tock",
        "last words",
        "WARNING:root:stopped in order",
        "",
    }


def test_a_sidecar_that_died_is_replaced_for_the_post_mortem(place: Path, tmp_path: Path) -> None:
    with subprocess.Popen(
        supervisor_command(place, [sys.executable, "-c", BOT, str(tmp_path)]),
        env=surroundings(ENVIRONMENT),
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
    ) as process:
        wait_for(tmp_path / "pid")
        deadline = time.monotonic() + 10
        while (sidecar := running_pid(place)) is None and time.monotonic() < deadline:
            time.sleep(0.02)
        assert sidecar is not None
        os.kill(sidecar, signal.SIGKILL)
        (tmp_path / "stop").write_text("now")
        _, told = process.communicate(timeout=30)

    assert process.returncode == 0
    assert b"latest.md" in told


def test_a_sidecar_that_dies_while_the_post_mortem_waits_for_it_is_replaced(
    place: Path, tmp_path: Path
) -> None:
    with subprocess.Popen(
        supervisor_command(place, [sys.executable, "-c", BOT, str(tmp_path)]),
        env=surroundings(ENVIRONMENT),
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
    ) as process:
        wait_for(tmp_path / "pid")
        deadline = time.monotonic() + 20
        while (sidecar := running_pid(place)) is None and time.monotonic() < deadline:
            time.sleep(0.02)
        assert sidecar is not None
        os.kill(sidecar, signal.SIGSTOP)
        (tmp_path / "stop").write_text("now")
        while not flush_requests(place) and time.monotonic() < deadline:
            time.sleep(0.01)
        os.kill(sidecar, signal.SIGKILL)
        _, told = process.communicate(timeout=60)

    assert process.returncode == 0
    assert b"latest.md" in told

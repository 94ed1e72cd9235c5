"""Supervisor and sidecar may die in any way; the bot does not notice."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tests.run.conftest import read_spool, supervisor_command, surroundings

BOT = """
import logging, os, pathlib, sys, time
logging.basicConfig(level=20, stream=sys.stdout)
place = pathlib.Path(sys.argv[1])
(place / "pid").write_text(str(os.getpid()))
end = time.monotonic() + 15
while not (place / "stop").exists() and time.monotonic() < end:
    print("tick"); logging.warning("tock"); sys.stdout.flush()
    time.sleep(0.01)
print("last words", flush=True)
logging.warning("stopped in order")
(place / "done").write_text("ok")
"""


def wait_for(path: Path, seconds: float = 10) -> str:
    """Return a file's text once it has one."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        if path.exists() and path.read_text():
            return path.read_text()
        time.sleep(0.01)
    raise AssertionError(f"{path} did not come")


def wait_until_gone(pid: int) -> None:
    """Wait until a process that is not our child has ended."""
    end = time.monotonic() + 10
    while time.monotonic() < end:
        try:
            os.kill(pid, 0)
            state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
        except (ProcessLookupError, FileNotFoundError):
            return
        if state == "Z":
            return
        time.sleep(0.01)
    raise AssertionError(f"process {pid} goes on")


@pytest.mark.parametrize("by", ["python", "shell"])
def test_a_python_bot_outlives_its_supervisor(by: str, tmp_path: Path) -> None:
    """Nothing that the bot writes to goes through the supervisor, also when a shell script starts the bot."""
    bot = [sys.executable, "-c", BOT, str(tmp_path)]
    script = tmp_path / "start.sh"
    script.write_text('#!/bin/sh\nexec "$@"\n')
    script.chmod(0o755)
    command = bot if by == "python" else [str(script), *bot]
    output = tmp_path / "output"
    with (
        output.open("wb") as file,
        subprocess.Popen(
            supervisor_command(tmp_path / "obs", command),
            env=surroundings(),
            stdout=file,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        ) as process,
    ):
        pid = int(wait_for(tmp_path / "pid"))
        process.kill()
    time.sleep(0.1)

    (tmp_path / "stop").write_text("now")

    assert wait_for(tmp_path / "done") == "ok"
    assert output.read_text().rstrip().endswith("WARNING:root:stopped in order")
    wait_until_gone(pid)
    said = [row["body"] for row in read_spool(tmp_path / "obs")]
    assert said.count("last words") == 1
    assert "stopped in order" in said


def test_a_run_goes_on_while_the_spool_is_taken_away(tmp_path: Path) -> None:
    """A folder that is deleted under a running bot costs records, not the bot."""
    bot = [sys.executable, "-c", BOT, str(tmp_path)]
    with subprocess.Popen(
        supervisor_command(tmp_path / "obs", bot),
        env=surroundings(),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    ) as process:
        wait_for(tmp_path / "pid")
        subprocess.run(["rm", "-rf", str(tmp_path / "obs")], check=True)
        time.sleep(0.2)
        (tmp_path / "stop").write_text("now")
        output, _ = process.communicate(timeout=20)

    assert process.returncode == 0
    assert wait_for(tmp_path / "done") == "ok"
    assert b"stopped in order" in output


def test_the_supervisor_sets_no_death_signal(tmp_path: Path) -> None:
    """The parent's death must not become the bot's; the bot is asked, since /proc does not show it."""
    code = (
        "import ctypes, sys\n"
        "value = ctypes.c_int(-1)\n"
        "ctypes.CDLL(None).prctl(2, ctypes.byref(value))\n"
        "print(value.value)\n"
    )
    if not sys.platform.startswith("linux"):
        pytest.skip("only Linux has parent-death signals")

    done = subprocess.run(
        supervisor_command(tmp_path, [sys.executable, "-c", code]),
        env=surroundings(),
        capture_output=True,
        timeout=30,
        check=False,
    )

    assert done.stdout == b"0\n"

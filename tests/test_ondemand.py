"""The sidecar that a bot starts: with the settings of the bot's folder, and out of the way of `obs up`."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest

from obs.keeping.presence import ensure_running, running_pid, wait_processed
from obs.keeping.whereabouts import listening_at
from obs.opening import MARKER, has_settings
from obs.running.exits import is_alive
from obs.sidecar import Sidecar
from tests.builders import PACK
from tests.spool_lines import Bot


def until(condition: Callable[[], object], seconds: float = 20.0) -> bool:
    deadline = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > deadline:
            return False
        time.sleep(0.02)
    return True


@pytest.fixture
def place(tmp_path: Path) -> Iterator[Path]:
    """An `OBS_DIR` whose sidecar is ended with the test."""
    folder = tmp_path / "o"
    yield folder
    deadline = time.monotonic() + 15
    while (pid := running_pid(folder)) is not None and time.monotonic() < deadline:
        with suppress(ProcessLookupError):
            os.kill(pid, signal.SIGTERM)
        time.sleep(0.05)


@contextmanager
def up(place: Path, *arguments: str) -> Iterator[subprocess.Popen[str]]:
    command = [sys.executable, "-m", "obs", "up", "--dir", str(place), "--port", "0", *arguments]
    process = subprocess.Popen(command, stderr=subprocess.PIPE, text=True)
    try:
        yield process
    finally:
        process.terminate()
        process.communicate(timeout=30)


def page_of(place: Path) -> str:
    return (place / "briefings" / "latest.md").read_text(encoding="utf-8")


def test_it_works_with_the_settings_of_the_folder_where_the_bot_was_started(
    place: Path, tmp_path: Path
) -> None:
    (tmp_path / "rules").mkdir()
    (tmp_path / "rules" / "my.toml").write_text(PACK)
    (tmp_path / "obs.toml").write_text('lang = "ko"\nrules = ["rules/my.toml"]\n')
    bot = Bot(place)
    bot.say("hedge for ETH/USDT took 1200 ms", "ERROR")

    assert ensure_running(place, folder=tmp_path, idle_exit=1, wait_seconds=20)

    assert wait_processed(place, 20)
    assert "Hedge late" in page_of(place)
    assert "브리핑" in page_of(place)


@pytest.mark.parametrize(
    "wrong", ['lang = "xx"\n', "lang = \n", 'rules = ["none.toml"]\n', 'no_such = 1\nlang = "ko"\n']
)
def test_wrong_settings_are_said_on_the_page_and_keep_nobody_from_watching(
    place: Path, tmp_path: Path, wrong: str
) -> None:
    (tmp_path / "obs.toml").write_text(wrong)
    Bot(place).say("order 42 rejected", "ERROR")

    assert ensure_running(place, folder=tmp_path, idle_exit=1, wait_seconds=20)

    assert wait_processed(place, 20)
    assert "order 42 rejected" in page_of(place)
    assert "is wrong and not in force" in page_of(place)


def test_wrong_settings_never_stop_a_bot(place: Path, tmp_path: Path) -> None:
    (tmp_path / "obs.toml").write_text("lang = \n")
    command = [
        sys.executable,
        "-m",
        "obs",
        "run",
        "--dir",
        str(place),
        "--",
        sys.executable,
        "-c",
        "print(7)",
    ]

    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, timeout=60, check=False)

    assert (done.returncode, done.stdout) == (0, "7\n")
    assert "the bot runs all the same" in done.stderr
    assert until(lambda: "is wrong and not in force" in page_of(place))


def test_without_settings_none_are_loaded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in [key for key in os.environ if key.startswith("OBS_")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("OBS_DIR", "x")
    assert not has_settings(tmp_path)
    (tmp_path / "pyproject.toml").write_text("[project]\n")
    assert not has_settings(tmp_path)
    (tmp_path / "pyproject.toml").write_text('[tool.obs]\nlang = "ko"\n')
    assert has_settings(tmp_path)
    (tmp_path / "pyproject.toml").unlink()
    monkeypatch.setenv("OBS_LANG", "ko")
    assert has_settings(tmp_path)


def test_up_takes_its_place_and_counts_every_record_once(place: Path, tmp_path: Path) -> None:
    bot = Bot(place)
    for number in range(500):
        bot.say(f"tick {number}")
    first = ensure_running(place, folder=tmp_path, idle_exit=60, wait_seconds=20)
    assert first is not None
    with up(place) as process:
        for number in range(500):
            bot.say(f"tock {number}", "WARNING")
        assert until(lambda: running_pid(place) == process.pid)
        bot.say("the last", "ERROR")
        assert wait_processed(place, 20)
        assert not (place / MARKER).exists()
        assert "watching" in str(process.stderr.readline() if process.stderr else "")

    with Sidecar(place) as sidecar:
        assert sidecar.state.by_severity == {"INFO": 500, "WARN": 500, "ERROR": 1}
    assert until(lambda: not is_alive(first), 5)


def test_a_second_one_in_the_foreground_is_refused(place: Path) -> None:
    with up(place) as first:
        assert until(lambda: running_pid(place) == first.pid)

        second = subprocess.run(
            [sys.executable, "-m", "obs", "up", "--dir", str(place), "--port", "0"],
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )

        assert second.returncode == 2
        assert "reads this spool already" in second.stderr
        assert first.poll() is None


def test_the_page_is_served_where_the_settings_say_so_and_a_taken_port_hurts_nobody(
    place: Path, tmp_path: Path
) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        (tmp_path / "obs.toml").write_text(f"page = true\nport = {port}\n")
        Bot(place).say("order 42 rejected", "ERROR")

        assert ensure_running(place, folder=tmp_path, idle_exit=60, wait_seconds=20)

        assert until(lambda: listening_at(place))
        address = listening_at(place)
        assert f":{port}/" not in address
        assert until(lambda: "order 42" in _read(address + "api/briefing"))
        assert "<!doctype html>" in _read(address)


def test_the_page_makes_room_for_up_too(place: Path, tmp_path: Path) -> None:
    first = ensure_running(place, folder=tmp_path, idle_exit=60, wait_seconds=20, page=True)
    assert until(lambda: listening_at(place))

    with up(place) as process:
        assert until(lambda: running_pid(place) == process.pid)

    assert first != running_pid(place)


def _read(address: str) -> str:
    try:
        with urllib.request.urlopen(address, timeout=5) as answer:
            return str(answer.read().decode())
    except OSError:
        return ""

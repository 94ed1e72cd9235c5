"""A sidecar that a bot has started sends alerts too: once, however many processes the bot has."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import textwrap
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from obs.keeping.presence import running_pid
from tests.alerts.standins import Service
from tests.builders import REPO

BOT = """
import logging, sys, time
from multiprocessing import get_context
from pathlib import Path

def work(number):
    import obs
    obs.attach(service="grid-1")
    for _ in range(3):
        logging.getLogger("bot.db").error("sqlite3.OperationalError: database is locked")
        time.sleep(0.1)
    while not Path("enough").exists():
        time.sleep(0.05)

if __name__ == "__main__":
    processes = [get_context("spawn").Process(target=work, args=(n,)) for n in range(3)]
    for process in processes:
        process.start()
    for process in processes:
        process.join()
"""


def settings(folder: Path, chat: Service) -> None:
    (folder / "obs.toml").write_text(
        f'[alerts]\ngroup_wait = "0s"\n[alerts.channels]\nchat = "{chat.address}"\n'
        '[[alerts.routes]]\nchannels = ["chat"]\n'
    )


def awaited(look: Callable[[], bool], what: str) -> None:
    deadline = time.monotonic() + 90
    while not look():
        assert time.monotonic() < deadline, what
        time.sleep(0.05)


@pytest.mark.slow
@pytest.mark.parametrize("is_later", [False, True])
def test_a_bot_of_several_processes_is_told_of_once_also_when_settings_come_later(
    tmp_path: Path, is_later: bool
) -> None:
    (tmp_path / "bot.py").write_text(textwrap.dedent(BOT))
    environment = {name: value for name, value in os.environ.items() if not name.startswith("OBS_")}
    with Service().open() as chat:
        if not is_later:
            settings(tmp_path, chat)
        bot = subprocess.Popen(
            [sys.executable, "bot.py"],
            cwd=tmp_path,
            env={**environment, "PYTHONPATH": str(REPO)},
            stderr=subprocess.DEVNULL,
        )
        try:
            awaited(lambda: running_pid(tmp_path / ".obs") is not None, "a sidecar was started")
            if is_later:
                settings(tmp_path, chat)
            awaited(lambda: bool(chat.taken), "a message came")
            # Whatever else would be sent is sent by then: it looks once a second.
            time.sleep(3)
        finally:
            (tmp_path / "enough").touch()
            bot.wait(30)
            if (pid := running_pid(tmp_path / ".obs")) is not None:
                os.kill(pid, signal.SIGTERM)
                awaited(lambda: running_pid(tmp_path / ".obs") is None, "the sidecar ended")

    (text,) = chat.texts
    assert "grid-1" in text
    assert "Database is locked" in text

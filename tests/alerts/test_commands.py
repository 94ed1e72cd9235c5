"""`obs alert` as a person uses it, and `obs up` with a route."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from obs.config import AlertRoute, Alerts
from tests.alerts.standins import Service
from tests.builders import REPO

PAGE = (REPO / "docs" / "settings.md").read_text(encoding="utf-8")


@pytest.fixture
def chat() -> Iterator[Service]:
    with Service().open() as service:
        yield service


def obs(folder: Path, *arguments: str, token: str = "") -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "obs", *arguments],
        cwd=folder,
        env={**os.environ, "PYTHONPATH": str(REPO), "OBS_SIDECAR": "never", "CHAT": token},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


def settings(folder: Path, address: str) -> None:
    (folder / "obs.toml").write_text(
        f'port = 0\n[alerts]\ngroup_wait = "0s"\n[alerts.channels]\nchat = "{address}"\n'
        '[[alerts.routes]]\nchannels = ["chat"]\n'
    )


@pytest.mark.parametrize("name", [*Alerts.model_fields, *AlertRoute.model_fields])
def test_every_setting_of_alerts_is_documented(name: str) -> None:
    assert f"| `{name}` |" in PAGE.partition("## Alerts")[2]


def test_a_channel_is_tried_and_its_secret_is_never_shown(tmp_path: Path, chat: Service) -> None:
    settings(tmp_path, f"json://127.0.0.1:{chat.port}/${{CHAT}}")

    good = obs(tmp_path, "alert", "test", "chat", token="s3cr3tT0ken")
    chat.status = 403
    bad = obs(tmp_path, "alert", "test", "chat", token="s3cr3tT0ken")
    unset = obs(tmp_path, "alert", "test", "chat")
    unknown = obs(tmp_path, "alert", "test", "phone")
    shown = obs(tmp_path, "config", token="s3cr3tT0ken")

    assert (good.returncode, bad.returncode, unset.returncode, unknown.returncode) == (0, 1, 2, 2)
    assert "obs: test of chat" in chat.texts[0]
    assert "HTTP 403" in bad.stdout
    assert "CHAT is not set" in unset.stderr
    assert "there are chat" in unknown.stderr
    assert all("s3cr3t" not in done.stdout + done.stderr for done in (good, bad, unset, unknown, shown))


def test_a_silence_is_made_listed_and_ended(tmp_path: Path) -> None:
    nameless = obs(tmp_path, "alert", "silence", "--bot", "grid-*")
    made = obs(tmp_path, "alert", "silence", "--bot", "grid-*", "--for", "2h", "--reason", "maintenance")
    listed = obs(tmp_path, "alert", "status")
    ended = obs(tmp_path, "alert", "silence", "--end", "1")
    again = obs(tmp_path, "alert", "silence", "--end", "1")

    assert (nameless.returncode, "--reason" in nameless.stderr) == (2, True)
    assert "silence 1: bots grid-*" in made.stdout
    assert "silence 1: bots grid-*" in listed.stdout
    assert (ended.returncode, again.returncode) == (0, 2)


def test_secrets_of_alertmanager_and_heartbeat_are_never_shown(tmp_path: Path) -> None:
    (tmp_path / "obs.toml").write_text(
        '[alerts]\nalertmanager = "http://jane:s3cr3t@127.0.0.1:9093"\nalertmanager_token = "s3cr3t"\n'
        'heartbeat = "https://hc-ping.com/s3cr3t"\n'
    )
    shown = obs(tmp_path, "config")
    (tmp_path / "obs.toml").write_text('[alerts]\nalertmanager = "ftp://s3cr3t"\n')
    wrong = obs(tmp_path, "config")

    assert (shown.returncode, wrong.returncode) == (0, 2)
    assert "alerts.alertmanager: is no address" in wrong.stderr
    assert all("s3cr3t" not in done.stdout + done.stderr for done in (shown, wrong))


@pytest.mark.slow
def test_a_running_sidecar_tells_an_issue_once_also_over_a_kill(tmp_path: Path, chat: Service) -> None:
    settings(tmp_path, chat.address)
    log = tmp_path / "bot.log"
    line = {"severity": "ERROR", "logger": "bot.db", "resource": {"service.name": "grid-1"}}
    log.write_text(
        json.dumps(
            {**line, "timestamp": time.time_ns(), "body": "sqlite3.OperationalError: database is locked"}
        )
        + "\n"
    )

    for _ in range(2):
        process = subprocess.Popen(
            [sys.executable, "-m", "obs", "up", str(log)],
            cwd=tmp_path,
            env={**os.environ, "PYTHONPATH": str(REPO)},
            stderr=subprocess.DEVNULL,
        )
        deadline = time.monotonic() + 20
        while not chat.taken and time.monotonic() < deadline:
            time.sleep(0.05)
        time.sleep(2.5)
        os.kill(process.pid, signal.SIGKILL)
        process.wait()

    (text,) = chat.texts
    assert "grid-1" in text
    status = obs(tmp_path, "alert", "status")
    assert (status.returncode, status.stdout.split()[0]) == (0, "sent")

"""The API that a program starts itself."""

from __future__ import annotations

import signal
import socket
import subprocess
import sys
import time
import urllib.request
from pathlib import Path

import pytest
from fastapi.testclient import TestClient

import obs
from obs.config import ConfigError
from obs.money.metrics import PerformanceMetricsCalculator
from tests.builders import REPO


def test_run_serves_what_obs_up_serves_and_ends_cleanly(tmp_path: Path) -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    code = f"import obs, sys; sys.exit(obs.create_dashboard_api(dir='.obs', port={port}).run())"
    process = subprocess.Popen([sys.executable, "-c", code], cwd=tmp_path, env={"PYTHONPATH": str(REPO)})
    try:
        deadline = time.monotonic() + 60
        while not _answers(port):
            assert process.poll() is None
            assert time.monotonic() < deadline
            time.sleep(0.1)
    finally:
        process.send_signal(signal.SIGTERM)
    assert process.wait(30) == 0


def test_the_app_serves_a_calculator_of_one_s_own(tmp_path: Path) -> None:
    calculator = PerformanceMetricsCalculator(now=time.time_ns(), timezone="Asia/Seoul")
    app = obs.create_dashboard_api(dir=tmp_path).app(calculator)

    with TestClient(app, base_url="http://127.0.0.1:8080") as client:
        shown = client.get("/api/metrics/realtime").json()["data"]

    assert (shown["timezone"], shown["total_trades_today"]) == ("Asia/Seoul", 0)
    assert len(shown["hourly_trends"]) == 24


def test_a_wrong_setting_is_told() -> None:
    with pytest.raises(ConfigError, match="port"):
        obs.create_dashboard_api(port=-1)


def _answers(port: int) -> bool:
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/api/health", timeout=5) as answered:
            return bool(answered.status == 200)
    except OSError:
        return False

"""obs on an address that wants a token also for reading: exported files carry them, and all still meet."""

from __future__ import annotations

import subprocess
import urllib.error
import urllib.request
from pathlib import Path

import pytest

from tests.grafana.returning import issues
from tests.grafana.stack import running, wait_for

HOST = "127.0.0.2"
"""Loopback for the machine, and for obs a place where reading needs a token too."""


def test_prometheus_reads_and_alertmanager_posts_with_the_tokens_of_the_export(tmp_path: Path) -> None:
    with running(tmp_path, host=HOST) as stack:
        with pytest.raises(urllib.error.HTTPError, match="401"):
            urllib.request.urlopen(f"http://{HOST}:{stack.obs}/metrics", timeout=10)

        (up,) = stack.ask('up{job="obs"} == 1', step=1)
        alertmanager = f"--alertmanager.url=http://127.0.0.1:{stack.alertmanager}"
        alert = ["alert", "add", "TradingBotDied", "severity=critical", "bot=try"]
        subprocess.run(["amtool", *alert, alertmanager], check=True, capture_output=True)

        assert up["metric"]["instance"] == f"{HOST}:{stack.obs}"
        wait_for("the alert among the issues", lambda: issues(stack, "TradingBotDied"))

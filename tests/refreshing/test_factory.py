from __future__ import annotations

import subprocess
import sys
import threading
import time
from pathlib import Path

import obs
from obs.refreshing.config import PipelineConfig


def test_one_pipeline_serves_the_whole_process_and_ends_with_all_it_holds(tmp_path: Path) -> None:
    before = set(threading.enumerate())
    seen: list[object] = []

    made = obs.create_dashboard_pipeline(
        PipelineConfig(update_interval_seconds=0.02), source=lambda: {"trades": 4}, directory=tmp_path
    )
    assert not made.is_running
    made.subscribe(seen.append)
    assert obs.run_dashboard_pipeline() is made
    assert obs.create_dashboard_pipeline(PipelineConfig(update_interval_seconds=0.01)) is made
    deadline = time.monotonic() + 5
    while len(seen) < 3 and time.monotonic() < deadline:
        time.sleep(0.005)

    assert obs.stop_dashboard_pipeline()
    assert obs.stop_dashboard_pipeline()
    assert seen[:3] == [{"trades": 4}] * 3
    assert (made.is_running, made.config.update_interval_seconds) == (False, 0.01)
    assert set(threading.enumerate()) <= before


def test_a_program_that_forgets_to_stop_it_ends_all_the_same(tmp_path: Path) -> None:
    code = "import obs; obs.run_dashboard_pipeline(source=lambda: {'a': 1}, directory='.').refresh()"

    done = subprocess.run(
        [sys.executable, "-c", code], cwd=tmp_path, capture_output=True, timeout=20, check=False
    )

    assert (done.returncode, done.stderr) == (0, b"")
    assert len(list((tmp_path / "dashboards" / "history").glob("*.json"))) >= 1

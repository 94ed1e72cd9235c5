"""A bot's release comes from its surroundings, so that a fault can be told to follow it."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

from obs.recording.release import told_release
from obs.spool_reader import SpoolReader


def test_the_release_is_read_as_opentelemetry_writes_it_and_our_own_word_wins() -> None:
    told = {
        "OTEL_RESOURCE_ATTRIBUTES": "service.version=1.4%2Bab, vcs.ref.head.revision=c0ffee,team=x,broken"
    }

    assert told_release(told) == {"service.version": "1.4+ab", "vcs.ref.head.revision": "c0ffee"}
    assert told_release({**told, "OBS_RELEASE": "1.5"})["service.version"] == "1.5"
    assert told_release({}) == {}


def test_a_bot_started_under_a_release_says_so_with_each_record(tmp_path: Path) -> None:
    code = (
        "import logging, obs.handler as h; l = logging.root; l.addHandler(h.SidecarHandler()); l.error('x')"
    )
    environment = {**os.environ, "OBS_DIR": str(tmp_path), "OBS_RELEASE": "1.5", "OBS_SIDECAR": "never"}
    subprocess.run([sys.executable, "-c", code], env=environment, check=True, timeout=60)

    reader = SpoolReader(tmp_path / "spool")
    lines = reader.poll(100).lines
    reader.close()

    assert [line.resource["service.version"] for line in lines if json.loads(line.raw)["body"] == "x"] == [
        "1.5"
    ]

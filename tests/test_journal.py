"""The sidecar's own log: JSON lines, whole, that nothing a part tells can break."""

from __future__ import annotations

import io
import json
import sys
from pathlib import Path

import pytest

from obs.journal import journal


def written(monkeypatch: pytest.MonkeyPatch, **told: object) -> dict[str, object]:
    out = io.StringIO()
    monkeypatch.setattr(sys, "stderr", out)
    journal("alerts").error("alert not taken", **told)
    (line,) = out.getvalue().splitlines()
    row: dict[str, object] = json.loads(line)
    return row


def test_a_line_tells_part_event_level_time_and_what_was_told(monkeypatch: pytest.MonkeyPatch) -> None:
    row = written(monkeypatch, channel="team", tries=2)

    assert str(row.pop("timestamp")).endswith("Z")
    assert row == {
        "part": "alerts", "channel": "team", "tries": 2, "event": "alert not taken", "level": "error",
    }  # fmt: skip


def test_values_that_json_does_not_know_are_told_in_words(monkeypatch: pytest.MonkeyPatch) -> None:
    assert written(monkeypatch, where=Path("/a"), files={"b": [1]})["where"] == "/a"


def test_text_that_no_encoding_has_still_makes_one_line(monkeypatch: pytest.MonkeyPatch) -> None:
    out = io.StringIO()
    monkeypatch.setattr(sys, "stderr", out)

    journal("otlp").error("refused", why="lone \ud800\nsecond line")

    assert out.getvalue().count("\n") == 1
    assert "ud800" in out.getvalue()


def test_a_standard_error_that_is_closed_or_absent_stops_nobody(monkeypatch: pytest.MonkeyPatch) -> None:
    closed = io.StringIO()
    closed.close()

    for stream in (None, closed):
        with monkeypatch.context() as patched:
            patched.setattr(sys, "stderr", stream)
            journal("sidecar").info("started")

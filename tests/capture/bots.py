"""Runs small bots as real processes and reads what their spool holds."""

from __future__ import annotations

import os
import subprocess
import sys
import textwrap
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import orjson

from obs.spool_reader import Loss, SpoolReader, WriterEnd

REPO = Path(__file__).resolve().parents[2]

ATTACHED = """
import logging, os, sys, time, threading, signal
import obs.handler
from obs.handler import capture, event
handler = obs.handler.SidecarHandler()
logging.basicConfig(level=logging.DEBUG, handlers=[handler])
log = logging.getLogger("bot.execution.orders")
"""
"""How most bots below begin: one handler on the root logger, and a logger of their own."""


@dataclass(frozen=True)
class Run:
    """One bot's life, seen from outside."""

    returncode: int
    stdout: str
    stderr: str
    events: list[dict[str, Any]]
    """Its lines in the order of their numbers, by process; `process` and `resource` added."""
    ended: list[WriterEnd]
    losses: list[Loss]
    books: Mapping[str, Mapping[str, int]]

    @property
    def bodies(self) -> list[str]:
        return [event["body"] for event in self.events]


def run_bot(
    folder: Path,
    source: str,
    *,
    preamble: str = ATTACHED,
    environment: Mapping[str, str] | None = None,
    python: str = sys.executable,
    seconds: float = 40,
) -> Run:
    """Run `source` with `OBS_DIR` in `folder` and return what it left there."""
    script = folder / "bot.py"
    script.write_text(preamble + textwrap.dedent(source), encoding="utf-8")
    home = folder / "obs"
    environ = {key: value for key, value in os.environ.items() if not key.startswith(("OBS_", "OTEL_"))}
    # Unbuffered: a bot that kills itself must not take what it has printed with it.
    environ |= {"PYTHONPATH": str(REPO), "OBS_DIR": str(home), "PYTHONUNBUFFERED": "1", **(environment or {})}
    process = subprocess.run(
        [python, "-W", "always::DeprecationWarning", str(script)],
        env=environ,
        cwd=folder,
        capture_output=True,
        text=True,
        errors="replace",
        timeout=seconds,
        check=False,
    )
    return read_run(home, process.returncode, process.stdout, process.stderr)


def read_run(home: Path, returncode: int = 0, stdout: str = "", stderr: str = "") -> Run:
    """Read the whole spool below `home`."""
    if not (home / "spool").is_dir():
        return Run(returncode, stdout, stderr, [], [], [], {})
    reader = SpoolReader(home / "spool")
    events, losses, ended = [], [], []
    books: dict[str, Mapping[str, int]] = {}
    try:
        while True:
            batch = reader.poll(100_000)
            for line in batch.lines:
                row = orjson.loads(line.raw)
                events.append({**row, "process": line.process, "resource": line.resource})
            losses += batch.losses
            ended += batch.ended
            books |= batch.books
            if batch.is_empty:
                break
    finally:
        reader.close()
    events.sort(key=lambda row: (row["process"], row["seq"]))
    return Run(returncode, stdout, stderr, events, ended, losses, books)

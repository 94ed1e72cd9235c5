"""Programs started under the supervisor, and what the spool kept of them."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import msgspec
import pytest

from obs.spool_reader import SpoolReader

PROGRAMS = Path(__file__).resolve().parents[1] / "programs"
START = (
    "import sys; from pathlib import Path; from obs.supervisor import run;"
    "sys.exit(run(sys.argv[2:], directory=Path(sys.argv[1])))"
)


@dataclass(frozen=True)
class Outcome:
    """What a run showed to the outside, and what it left in the spool."""

    status: int
    stdout: bytes
    stderr: bytes
    events: list[dict[str, Any]]
    """In the order in which they were said, per process."""

    def named(self, event_name: str) -> list[dict[str, Any]]:
        """Return the attributes of the lifecycle events of one name."""
        return [event["attributes"] for event in self.events if event.get("event_name") == event_name]

    @property
    def exited(self) -> dict[str, Any]:
        """The attributes of the one `process.exited`."""
        (found,) = self.named("process.exited")
        return found

    def bodies(self, logger: str) -> list[str]:
        """Return what one logger, or stream, said."""
        return [event["body"] for event in self.events if event.get("logger") == logger]

    @property
    def told(self) -> bytes:
        """The program's own stderr: without the supervisor's closing line."""
        return b"".join(
            line for line in self.stderr.splitlines(keepends=True) if not line.startswith(b"obs: ")
        )


Supervise = Callable[..., Outcome]


def supervisor_command(directory: Path, command: Sequence[str | Path], *, without: str = "") -> list[str]:
    """Return the command that runs another one under the supervisor.

    `without` are statements that run first, to take away what other systems do not have.
    """
    return [sys.executable, "-c", f"{without}\n{START}", str(directory), *map(str, command)]


def surroundings(more: Mapping[str, str] | None = None) -> dict[str, str]:
    """Return this environment without anything that would change how a program prints or attaches."""
    ours = ("OBS_", "OTEL_", "PYTHON")
    kept = {key: value for key, value in os.environ.items() if not key.startswith(ours)}
    return {**kept, "OBS_SIDECAR": "never", **(more or {})}


def read_spool(directory: Path) -> list[dict[str, Any]]:
    """Return every line of a spool, by process and number."""
    reader = SpoolReader(directory / "spool")
    rows: list[tuple[str, int, dict[str, Any]]] = []
    try:
        checkpoint = None
        while True:
            batch = reader.poll()
            for line in batch.lines:
                row = msgspec.json.decode(line.raw, type=dict[str, Any])
                row["resource"] = {**line.resource, **row.get("resource", {})}
                rows.append((line.process, line.seq, row))
            if batch.checkpoint == checkpoint and not batch.lines:
                break
            checkpoint = batch.checkpoint
    finally:
        reader.close()
    first: dict[str, int] = {}
    for process, _, row in rows:
        first[process] = min(first.get(process, row["timestamp"]), row["timestamp"])
    rows.sort(key=lambda item: (first[item[0]], item[0], item[1]))
    return [row for _, _, row in rows]


def _words(command: Sequence[str | Path]) -> list[str]:
    program = [sys.executable, PROGRAMS / command[0]] if len(command) == 1 else command
    return [str(word) for word in program]


@pytest.fixture
def supervise(tmp_path: Path) -> Supervise:
    """Run a command to its end under the supervisor; a bare name is one of `tests/programs`."""

    def run(
        *command: str | Path,
        env: Mapping[str, str] | None = None,
        directory: Path | None = None,
        cwd: Path | None = None,
    ) -> Outcome:
        words = _words(command)
        place = directory or tmp_path / "obs"
        done = subprocess.run(
            supervisor_command(place, words),
            env=surroundings(env),
            capture_output=True,
            timeout=60,
            check=False,
            cwd=cwd,
        )
        events = read_spool(place) if (place / "spool").is_dir() else []
        return Outcome(done.returncode, done.stdout, done.stderr, events)

    return run


@pytest.fixture
def alone(tmp_path: Path) -> Callable[..., subprocess.CompletedProcess[bytes]]:
    """Run a command as it is without us, to compare with."""

    def run(*command: str | Path, env: Mapping[str, str] | None = None) -> subprocess.CompletedProcess[bytes]:
        return subprocess.run(
            _words(command), env=surroundings(env), capture_output=True, timeout=60, check=False
        )

    return run

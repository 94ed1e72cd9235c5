"""What the supervisor writes into the spool about its program: facts, redacted. Never raises."""

from __future__ import annotations

import json
import os
import shlex
import threading
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from obs.redaction import redact
from obs.running import exits, faults
from obs.running.launch import Program
from obs.running.textlines import PrintedRecord
from obs.spool import SpoolWriter
from obs.spooling.sizes import DEFAULT_QUOTA

__all__ = ["Lifecycle"]

_LOGGER = "obs.supervisor"
_SEGMENT_BYTES = 512 * 1024


class Lifecycle:
    """The supervisor's own pages in the spool, for one run of one program."""

    def __init__(self, directory: Path, service: str, quota_bytes: int = DEFAULT_QUOTA) -> None:
        self.directory = directory
        self.service = service
        self.quota_bytes = quota_bytes
        self.run = f"{os.getpid()}-{time.time_ns():x}"
        """Names this run; the folder of its stack dumps is called so."""
        self._lock = threading.Lock()
        self._emitted = 0
        self._resource: dict[str, str | int] = {"service.name": service}
        self._writer = SpoolWriter(
            directory / "spool",
            resource=self._resource,
            quota_bytes=quota_bytes,
            segment_bytes=_SEGMENT_BYTES,
        )
        self._dropped = 0
        self._program: Program | None = None
        _prepare(directory)
        faults.sweep(directory)

    def started(self, pid: int, command: Sequence[str], program: Program) -> None:
        """Write `process.started`."""
        limit = exits.memory_limit_bytes()
        self._program = program
        self._resource["process.pid"] = pid
        self._write(
            "process.started",
            "INFO",
            f"started {shlex.join(command)}",
            {
                "process.pid": pid,
                "process.command": shlex.join(command),
                "process.executable.name": Path(program.executable).name,
                "process.executable.path": program.executable,
                "process.working_directory": str(Path.cwd()),
                "obs.run": self.run,
                "obs.output": "inside" if program.copies_from_inside else "pipe",
                **({"obs.unreached": program.unreached} if program.unreached else {}),
                **({"process.memory_limit_bytes": limit} if limit is not None else {}),
            },
        )

    def exited(self, pid: int, ended: exits.Exit, *, oom: str, asked: str) -> None:
        """Write `process.exited`, and a `process.fault` for each other process that left a stack dump.

        Args:
            pid: The program.
            ended: How.
            oom: Which of the kernel's counters of out-of-memory kills has risen; empty when none.
            asked: The signal that asked it to stop through us; empty when none did.
        """
        dumps = dict(faults.dumps_of(self.directory, self.run))
        is_oom = ended.signal_name == "SIGKILL" and bool(oom)
        facts: dict[str, Any] = {
            "process.pid": pid,
            "process.exit_code": ended.code,
            "process.signal": ended.signal_name or None,
            "process.oom": is_oom,
            "process.oom.counted_by": oom or None,
            "process.core_dumped": ended.core_dumped or None,
            "process.max_rss_bytes": ended.max_rss_bytes,
            "process.attached": bool(dumps),
            "process.stop_requested": asked or None,
            "duration_s": round(ended.duration_s, 3),
            "faulthandler.stacktrace": dumps.pop(pid, "") or None,
            "obs.run": self.run,
        }
        for other, text in dumps.items():
            if text:
                body = f"process {other} left a stack dump"
                self._write(
                    "process.fault", "ERROR", body, {"process.pid": other, "faulthandler.stacktrace": text}
                )
        words = _words(ended, oom=is_oom, asked=asked) + self._reach(bool(facts["process.attached"]))
        self._write("process.exited", _severity(ended, asked), words, facts)
        faults.sweep(self.directory, self.run)

    def _reach(self, is_attached: bool) -> str:
        """Return what a reader must know of the records: that they are only what was printed, or nothing."""
        program = self._program
        if is_attached or program is None or not program.is_python:
            return ""
        if program.unreached:
            return f" (started with {program.unreached}: only what it printed was read)"
        return " (it did not attach itself: only its end is known)"

    def printed(self, stream: str, record: PrintedRecord) -> None:
        """Write a line, or a traceback, that the program printed into a pipe of ours."""
        more: dict[str, Any] = {}
        if record.stacktrace:
            more["exception"] = {
                "type": record.exception_type,
                "message": redact(record.exception_message),
                "stacktrace": redact(record.stacktrace),
            }
        self._put(
            {
                "severity": "ERROR" if record.stacktrace else "INFO",
                "logger": stream,
                "body": redact(record.body),
                "attributes": {"log.iostream": stream},
                **more,
            }
        )

    def close(self) -> None:
        """End our pages, properly."""
        self._writer.close()

    def _write(self, name: str, severity: str, body: str, attributes: Mapping[str, Any]) -> None:
        self._put(
            {
                "severity": severity,
                "logger": _LOGGER,
                "event_name": name,
                "body": redact(body),
                "attributes": {
                    key: redact(value) if isinstance(value, str) else value
                    for key, value in attributes.items()
                    if value is not None
                },
            }
        )

    def _put(self, row: Mapping[str, Any]) -> None:
        line = {"timestamp": time.time_ns(), **row, "resource": self._resource}
        # This is not the bot: its threads may wait for each other, and one segment is enough for them.
        with self._lock:
            self._emitted += 1
            line["seq"] = self._emitted
            if not self._writer.write(json.dumps(line, separators=(",", ":")).encode()):
                self._dropped += 1
            self._writer.set_counters({"emitted": self._emitted, "dropped.spool": self._dropped})


def _prepare(directory: Path) -> None:
    try:
        directory.mkdir(mode=0o700, parents=True, exist_ok=True)
        ignore = directory / ".gitignore"
        if not ignore.exists():
            ignore.write_text("*\n")
    except OSError:
        return


def _severity(ended: exits.Exit, asked: str) -> str:
    if ended.status == 0 or (asked and ended.signal_name in {"", asked}):
        return "INFO"
    return "FATAL" if ended.signal is not None else "ERROR"


def _words(ended: exits.Exit, *, oom: bool, asked: str) -> str:
    how = f"killed by {ended.signal_name}" if ended.signal is not None else f"exited with code {ended.code}"
    why = ": the kernel ended it for want of memory" if oom else ""
    dumped = " (core dumped)" if ended.core_dumped else ""
    after = f", {asked} had asked it to stop" if asked else ""
    return f"{how}{why}{dumped} after {ended.duration_s:.1f} s{after}"

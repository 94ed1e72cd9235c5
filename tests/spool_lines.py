"""Lines as a bot's capture writes them, for tests of what reads them."""

from __future__ import annotations

import time
from pathlib import Path

import orjson

from obs.spool import SpoolWriter


class Bot:
    """A writer with its numbering: one bot's life, seen from the spool."""

    def __init__(self, directory: Path, service: str = "grid-1", pid: int = 4711) -> None:
        self.writer = SpoolWriter(
            directory / "spool",
            resource={"service.name": service, "process.pid": pid},
            segment_bytes=64 * 1024,
        )
        self.seq = 0

    def say(self, body: str, severity: str = "INFO", **more: object) -> str:
        """Write one record; returns its event id."""
        self.seq += 1
        row = {
            "timestamp": time.time_ns(),
            "severity": severity,
            "logger": "bot.execution",
            "body": body,
            "seq": self.seq,
            **more,
        }
        assert self.writer.write(orjson.dumps(row))
        return f"{self.writer.process}-{self.seq}"

    def end(self, *, clean: bool = True) -> None:
        """Close the spool."""
        self.writer.set_counters({"emitted": self.seq})
        self.writer.close(clean=clean)

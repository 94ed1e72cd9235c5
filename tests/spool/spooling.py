"""What the spool's tests share: numbered lines with a text that only they have, and reading to the end."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Mapping
from hashlib import blake2b
from pathlib import Path
from typing import Any

from obs.spool import SpoolWriter
from obs.spool_reader import Loss, SpoolBatch, SpoolLine, SpoolReader, WriterEnd
from obs.spooling.segments import HEADER_BYTES

REPO = Path(__file__).resolve().parents[2]
RESOURCE: Mapping[str, str | int] = {"service.name": "grid-1", "process.pid": 4711}


def body(number: int, length: int = 40) -> str:
    """Text that only this number has, so a mixed-up line is noticed."""
    digest = blake2b(str(number).encode(), digest_size=20).hexdigest()
    return (digest * (length // len(digest) + 1))[:length]


def line(number: int, *, length: int = 40, severity: str = "INFO") -> bytes:
    record = {
        "timestamp": 1_763_632_800_000_000_000 + number,
        "severity": severity,
        "logger": "bot.execution",
        "body": body(number, length),
        "seq": number,
    }
    return json.dumps(record, separators=(",", ":")).encode()


def words(number: int, *, length: int = 40, severity: str = "ERROR") -> bytes:
    """The line that stands in for `line(number)` until it comes."""
    return line(number, length=length, severity=severity)[:-1] + b',"provisional":true}'


def is_true(found: SpoolLine) -> bool:
    """Whether a line says what was written under its number."""
    record = json.loads(found.raw)
    return bool(record["seq"] == found.seq and record["body"] == body(found.seq, len(record["body"])))


def writer(folder: Path, *, room: int = 64 * 1024, quota: int = 512 * 2**20) -> SpoolWriter:
    return SpoolWriter(folder, resource=RESOURCE, segment_bytes=HEADER_BYTES + room, quota_bytes=quota)


def written(folder: Path, count: int, *, room: int = 64 * 1024) -> SpoolWriter:
    """A writer that has written `count` lines, said so in its books, and closed."""
    made = writer(folder, room=room)
    for number in range(1, count + 1):
        assert made.write(line(number)), made.fault
    made.set_counters({"emitted": count})
    made.close()
    return made


class Drained:
    """All that a reader gives until nothing is left, released after each batch."""

    def __init__(self, reader: SpoolReader, limit: int = 1_000) -> None:
        self.lines: list[SpoolLine] = []
        self.losses: list[Loss] = []
        self.ended: list[WriterEnd] = []
        self.books: dict[str, Mapping[str, int]] = {}
        self.checkpoint: dict[str, Any] = {}
        while True:
            batch: SpoolBatch = reader.poll(limit)
            self.lines += batch.lines
            self.losses += batch.losses
            self.ended += batch.ended
            self.books.update(batch.books)
            self.checkpoint = batch.checkpoint
            reader.release(batch.checkpoint)
            if batch.is_empty:
                return

    @property
    def numbers(self) -> list[int]:
        return sorted(found.seq for found in self.lines)

    @property
    def lost(self) -> int:
        return sum(loss.count for loss in self.losses)


def drain(folder: Path, checkpoint: Mapping[str, Any] | None = None) -> Drained:
    reader = SpoolReader(folder, checkpoint)
    try:
        return Drained(reader)
    finally:
        reader.close()


def run(program: str, *arguments: object, code: int | None = 0) -> str:
    """Run a small program in a process of its own and return what it printed."""
    done = subprocess.run(
        [sys.executable, "-c", program, *map(str, arguments)],
        cwd=REPO,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert code is None or done.returncode == code, done.stderr
    return done.stdout


def segment_files(folder: Path) -> list[Path]:
    return sorted(folder.glob("*.seg"))

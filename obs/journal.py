"""The sidecar's own log: what it did and what kept it from working, as JSON lines on standard error.

It never goes through `logging`, nor through a library that a bot may have set up: the observer cannot listen
to itself. Any thread may write; a line is written whole, and one that cannot be written is no fault.
"""

from __future__ import annotations

import contextlib
import sys
from datetime import UTC, datetime

import orjson

__all__ = ["Journal", "journal"]


class Journal:
    """The journal of one part; its lines carry `part`, what is told, `event`, `level` and `timestamp`."""

    def __init__(self, part: str) -> None:
        """Name the part."""
        self._part = part

    def info(self, event: str, **told: object) -> None:
        """Write down what was done."""
        self._write("info", event, told)

    def warning(self, event: str, **told: object) -> None:
        """Write down what somebody should look at."""
        self._write("warning", event, told)

    def error(self, event: str, **told: object) -> None:
        """Write down what kept us from working."""
        self._write("error", event, told)

    def _write(self, level: str, event: str, told: dict[str, object]) -> None:
        moment = datetime.now(UTC).isoformat().replace("+00:00", "Z")
        row = {"part": self._part, **told, "event": event, "level": level, "timestamp": moment}
        try:
            line = orjson.dumps(row, default=str).decode()
        except (orjson.JSONEncodeError, RecursionError):
            line = ascii(row)
        # No standard error, a closed one, a full disk behind it: nothing that the sidecar stops for.
        with contextlib.suppress(OSError, ValueError, AttributeError):
            sys.stderr.write(f"{line}\n")
            sys.stderr.flush()


def journal(name: str) -> Journal:
    """Return the journal of a part of the sidecar."""
    return Journal(name)

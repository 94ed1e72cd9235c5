"""Records the demo day into `tests/data/demo_day.jsonl.gz`: same core, same records, whenever it is run."""

from __future__ import annotations

import gzip
import json
import logging
import re
import sys
import traceback
from pathlib import Path
from typing import Any

REPO = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(REPO))

from trading.paper.faults import PLANS  # noqa: E402 - after the path
from trading.paper.fleet import FLEET, run_bot  # noqa: E402

START_NS = 1_795_165_200 * 1_000_000_000
"""2026-11-20 09:00:00 UTC."""
MINUTES = 45
_LEFT_OUT = {*vars(logging.makeLogRecord({})), "taskName", "message", "event_name"}
_SHORT = {"strategy.name", "service.version"}
"""The same on every record of a bot, and read by nobody: the file stays small without them."""


class Recorder(logging.Handler):
    """Keeps each record as a line of the listener's own format."""

    def __init__(self) -> None:
        super().__init__()
        self.lines: list[tuple[int, str]] = []

    def emit(self, record: logging.LogRecord) -> None:
        time = round(record.created * 1000) * 1_000_000
        row: dict[str, Any] = {
            "timestamp": time,
            "severity": record.levelname,
            "logger": record.name,
            "body": record.getMessage(),
        }
        if name := getattr(record, "event_name", ""):
            row["event_name"] = name
        said = {key: value for key, value in vars(record).items() if key not in _LEFT_OUT | _SHORT}
        row["attributes"] = said
        row["resource"] = {"service.name": said["bot.id"]}
        if record.exc_info and (error := record.exc_info[1]):
            trace = "".join(traceback.format_exception(error))
            row["exception"] = {
                "type": f"{type(error).__module__}.{type(error).__name__}",
                "message": str(error),
                # A path of the machine that recorded it says nothing to anybody.
                "stacktrace": re.sub(r'File "[^"]*/trading/', 'File "/home/trader/bot/trading/', trace),
            }
        self.lines.append((time, json.dumps(row, separators=(",", ":"))))


def main() -> None:
    """Play the day and write the file."""
    recorder, root = Recorder(), logging.getLogger()
    logging.addLevelName(5, "TRACE")
    root.addHandler(recorder)
    root.setLevel(1)
    for config in FLEET.values():
        run_bot(config, start_ns=START_NS, duration_s=MINUTES * 60.0, faults=PLANS["demo"])
    text = "".join(f"{line}\n" for _, line in sorted(recorder.lines, key=lambda one: one[0]))
    path = REPO / "tests" / "data" / "demo_day.jsonl.gz"
    path.write_bytes(gzip.compress(text.encode(), mtime=0))
    print(f"{path.relative_to(REPO)}: {len(recorder.lines):,} records")


if __name__ == "__main__":
    main()

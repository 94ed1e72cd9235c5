"""A trading day on paper with planted incidents under `obs run`: prints the briefing, and where all lies."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

from obs.keeping.presence import running_pid

FOLDER = Path(".obs") / "demo"


def main() -> int:
    """Play the day, print its briefing; return the exit code."""
    began = time.monotonic()
    stop_sidecar()
    shutil.rmtree(FOLDER, ignore_errors=True)
    obs = [sys.executable, "-m", "obs"]
    books = ["--books", str(FOLDER / "books.json")]
    bot = [sys.executable, "-m", "trading", "run", "--paper", "--faults", "demo", *books]
    print("Playing 45 minutes of five bots on real candles, with six planted incidents.\n", flush=True)
    played = subprocess.run([*obs, "run", "--dir", str(FOLDER), "--", *bot], check=False)
    print(flush=True)
    briefed = subprocess.run([*obs, "brief", "--dir", str(FOLDER)], check=False)
    print(f"\nTook {time.monotonic() - began:.0f} s. Where everything lies:")
    for path, what in (
        ("briefings/latest.md", "the page above, kept fresh"),
        ("dashboards/latest.json", "the same facts for programs"),
        ("books.json", "what the bots themselves counted: hold the page against it"),
        ("spool", "every record of the bots, secrets masked"),
        ("obs.db", "what the sidecar remembers"),
    ):
        print(f"  {FOLDER / path}  {what}")
    print(f"Go on with: .venv/bin/obs up --dir {FOLDER}   (the live page of that day, on 127.0.0.1:8080)")
    print(f"        or: .venv/bin/obs status --dir {FOLDER}   and   .venv/bin/obs show I-… --dir {FOLDER}")
    stop_sidecar()
    return played.returncode or briefed.returncode


def stop_sidecar() -> None:
    """End the demo's own sidecar, which would else wait a minute for the next bot."""
    pid = running_pid(FOLDER)
    if pid is None:
        return
    os.kill(pid, signal.SIGTERM)
    for _ in range(50):
        if running_pid(FOLDER) is None:
            return
        time.sleep(0.1)


if __name__ == "__main__":
    sys.exit(main())

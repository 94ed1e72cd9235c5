"""Puts the present briefing of the kept demo day into the README."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

REPO = Path(__file__).resolve().parents[1]


def main() -> None:
    """Write the README anew."""
    command = [sys.executable, "-m", "obs", "brief", "tests/data/demo_day.jsonl.gz", "--budget", "900"]
    page = subprocess.run(command, cwd=REPO, capture_output=True, check=True).stdout.decode()
    path = REPO / "README.md"
    text = path.read_text(encoding="utf-8")
    block = f"<!-- briefing -->\n````markdown\n{page}````\n<!-- /briefing -->"
    path.write_text(
        re.sub(r"<!-- briefing -->.*?<!-- /briefing -->", lambda _: block, text, flags=re.DOTALL),
        encoding="utf-8",
    )


if __name__ == "__main__":
    main()

"""Write `grafana/dashboards`; a test holds what is committed to it."""

from __future__ import annotations

from pathlib import Path

from scripts.dashboards.building import texts

FOLDER = Path(__file__).parents[2] / "grafana" / "dashboards"

if __name__ == "__main__":
    FOLDER.mkdir(exist_ok=True)
    for name, written in texts().items():
        (FOLDER / name).write_text(written, encoding="utf-8")

"""Writes dashboards/schema.json, the shape of the Snapshot as JSON, from the Snapshot's own types."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from obs.dashboard import SCHEMA
from obs.shapes import properties_of
from obs.snapshot import Snapshot

REPO = Path(__file__).resolve().parents[1]
PATH = REPO / "dashboards" / "schema.json"


def document() -> dict[str, Any]:
    """Return the JSON Schema of a Snapshot as `obs.dashboard` writes it."""
    parts: dict[str, Any] = {}
    body = properties_of(Snapshot, parts)
    body["properties"] = {"schema": {"const": SCHEMA}, **body["properties"]}
    body["required"] = ["schema", *body["required"]]
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "$id": SCHEMA,
        "title": "What obs knows at one instant",
        **body,
        "$defs": dict(sorted(parts.items())),
    }


def text() -> str:
    """Return the file as it must stand."""
    return json.dumps(document(), indent=2) + "\n"


def main() -> None:
    """Write the schema anew."""
    PATH.write_text(text(), encoding="utf-8")


if __name__ == "__main__":
    main()

"""The labelled log collections: snippets, harmless lines and recorded runs, read as they stand.

A third of each, chosen by where it comes from, is *closed*: nobody writes rules by looking at it.
"""

from __future__ import annotations

import gzip
import hashlib
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

__all__ = [
    "Run",
    "Snippet",
    "harmless",
    "is_closed",
    "lines_of",
    "runs",
    "snippets",
]


@dataclass(frozen=True)
class Snippet:
    """A few lines of trouble and what an engineer says of them."""

    id: str
    category: str
    accepted: frozenset[str]
    severity: str
    root_cause: str
    text: str
    closed: bool


@dataclass(frozen=True)
class Run:
    """One recorded run: its streams, and for a fault what it is and what proves it."""

    name: str
    bot: str
    files: tuple[Path, ...]
    accepted: frozenset[str]
    """Categories an engineer would accept; empty for a healthy run."""
    proof: str
    """Pattern of the text that proves the cause; empty when the log does not hold it."""
    closed: bool
    collateral: bool = False
    """Whether the log shows a true side fault of the recording beside the fault, or without one."""


def is_closed(origin: str) -> bool:
    """Whether the part of the collections that comes from `origin` is kept closed while rules are written."""
    return int(hashlib.sha1(origin.encode(), usedforsecurity=False).hexdigest(), 16) % 3 == 0


def snippets(corpus: Path) -> list[Snippet]:
    """Return the labelled snippets."""
    return [
        Snippet(
            row["id"],
            row["category"].upper(),
            frozenset(name.upper() for name in (row["category"], *row["also"])),
            row["severity"],
            row["root_cause"],
            row["text"],
            is_closed(_origin(row["source"])),
        )
        for row in _rows(corpus / "snippets_dev.jsonl")
    ]


def harmless(corpus: Path) -> list[tuple[str, bool]]:
    """Return each line that only looks like trouble, and whether it is closed."""
    lines = (corpus / "harmless_dev.txt").read_text(encoding="utf-8").splitlines()
    return [(line, is_closed(line)) for line in lines]


def runs(corpus: Path) -> list[Run]:
    """Return the recorded runs whose truth is known, faults and healthy ones, in the order of the list."""
    proofs = json.loads((corpus / "bots" / "evidence.json").read_text(encoding="utf-8"))
    streams: dict[str, list[dict[str, Any]]] = {}
    for row in _rows(corpus / "bots" / "runs.jsonl"):
        if not row.get("unlabelled"):
            streams.setdefault(Path(row["file"]).name.split(".")[0], []).append(row)
    return [
        Run(
            name,
            rows[0]["bot"],
            tuple(corpus / row["file"] for row in rows),
            frozenset(word.upper() for word in (rows[0]["category"], *(rows[0].get("also") or ())) if word),
            proofs.get(name, ""),
            is_closed(name),
            any(row.get("collateral") for row in rows),
        )
        for name, rows in streams.items()
    ]


def lines_of(path: Path) -> Iterator[str]:
    """Yield the lines of a log as a shell's tools see them."""
    opened = gzip.open if path.suffix == ".gz" else open
    with opened(path, "rt", encoding="utf-8", errors="replace") as file:
        for line in file:
            yield line.rstrip("\n")


def _origin(source: Mapping[str, Any]) -> str:
    if "repo" in source:
        return str(source["repo"])
    program = str(source["program"])
    return f"{program.split()[0]}_{source['run']}" if "run" in source else program


def _rows(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]

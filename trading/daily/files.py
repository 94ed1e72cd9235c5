"""Files that a run leaves: written beside, then renamed, so that nobody ever sees half of one."""

from __future__ import annotations

import csv
import hashlib
import io
import os
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

__all__ = ["COLUMNS", "signal_csv", "write_whole"]

COLUMNS = (
    "date",
    "symbol",
    "name",
    "action",
    "confidence",
    "weight",
    "price",
    "currency",
    "maps",
    "rsi",
    "ma_ratio",
    "momentum",
    "volatility",
    "regime",
    "reason",
)
"""Of the signal CSV; ratios are fractions, an unknown figure is an empty cell."""

_FORMULA = ("=", "+", "-", "@", "\t", "\r")


def signal_csv(day: str, rows: Iterable[Mapping[str, Any]]) -> bytes:
    """Return the signals of a session as CSV: UTF-8 with a mark, so that spreadsheets read Korean names.

    Args:
        day: The session, ISO.
        rows: Of the table `signals`.
    """
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\r\n")
    writer.writerow(COLUMNS)
    for row in rows:
        cells = {**row, "date": day, "maps": row["score"]}
        writer.writerow([_cell(cells[column]) for column in COLUMNS])
    return text.getvalue().encode("utf-8-sig")


def write_whole(path: Path, content: bytes) -> str:
    """Write a file, whole or not at all; return its SHA-256."""
    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_name(f".{path.name}.part")
    with part.open("wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())
    part.replace(path)
    return hashlib.sha256(content).hexdigest()


def _cell(value: Any) -> Any:
    if isinstance(value, float):
        return f"{value:.10g}"
    if isinstance(value, str) and value.startswith(_FORMULA):
        # A spreadsheet would calculate it.
        return f"'{value}"
    return "" if value is None else value

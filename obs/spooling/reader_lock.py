"""One reader for one spool: a lock that a dead process cannot hold and a second sidecar cannot pass."""

from __future__ import annotations

import contextlib
import json
import os
import time
from pathlib import Path
from typing import Any

from obs.spooling import ownership, segment_files

__all__ = ["LOCK_NAME", "ReaderLock", "SpoolBusyError", "has_living_reader"]

LOCK_NAME = "reader.lock"
_TRIES = 5


class SpoolBusyError(RuntimeError):
    """Another process reads this spool."""


class ReaderLock:
    """Held from making to `release`; SpoolBusyError when another living process has it."""

    def __init__(self, directory: Path) -> None:
        self.path = directory / LOCK_NAME
        self._descriptor = -1
        self.problem = ""
        """Why there is no lock, in words: a folder that cannot be written to; reading goes on without."""
        self._try()

    def check(self) -> None:
        """Take the lock again when its file was deleted under us; SpoolBusyError when another was quicker."""
        if self._descriptor < 0:
            self._try()
            return
        try:
            found, mine = self.path.lstat(), os.fstat(self._descriptor)
            if (found.st_dev, found.st_ino) == (mine.st_dev, mine.st_ino):
                return
        except FileNotFoundError:
            pass
        except OSError:
            return
        self.release()
        self._try()

    def release(self) -> None:
        """Let another reader in."""
        descriptor, self._descriptor = self._descriptor, -1
        if descriptor >= 0:
            # Empty means free where the system has no locks.
            with contextlib.suppress(OSError):
                os.ftruncate(descriptor, 0)
            os.close(descriptor)

    def _try(self) -> None:
        try:
            segment_files.make_directory(self.path.parent)
            self._take()
        except OSError as error:
            self.problem = (
                f"{error.strerror}: {self.path}; reading without a lock, and nothing will be deleted"
            )
        else:
            self.problem = ""

    def _take(self) -> None:
        flags = os.O_RDWR | os.O_CREAT | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_CLOEXEC", 0)
        descriptor = os.open(self.path, flags | getattr(os, "O_BINARY", 0), 0o600)
        try:
            locked = ownership.take_lock(descriptor)
            for _ in range(_TRIES):
                if locked is not False:
                    break
                # A writer that asks whether there is a reader holds the lock for a moment.
                time.sleep(0.01)
                locked = ownership.take_lock(descriptor)
            holder = _holder(descriptor)
            alive = bool(holder) and ownership.is_running(holder) is not False
            other = holder.get("pid") != os.getpid()
            # Where the system has no locks, the word of the file decides.
            if (locked is False and (alive or not holder)) or (locked is None and alive and other):
                who = f"process {holder['pid']}" if holder else "another process"
                raise SpoolBusyError(
                    f"{self.path.parent}: {who} reads this spool already. "
                    "Stop it first, or give this one another directory."
                )
            if locked is False:
                # A child of a dead reader still holds its lock: leave it that file and make another one.
                self.path.unlink(missing_ok=True)
                os.close(descriptor)
                descriptor = os.open(self.path, flags | os.O_EXCL, 0o600)
                locked = ownership.take_lock(descriptor)
            owner = {**ownership.describe_process(), "created_ns": time.time_ns(), "locked": locked is True}
            os.ftruncate(descriptor, 0)
            os.lseek(descriptor, 0, os.SEEK_SET)
            os.write(descriptor, json.dumps(owner).encode("ascii"))
        except BaseException:
            os.close(descriptor)
            raise
        self._descriptor = descriptor


def has_living_reader(directory: Path) -> bool:
    """Whether a sidecar reads this spool now; asked by a writer before it would drop anything."""
    try:
        descriptor = os.open(directory / LOCK_NAME, os.O_RDWR | getattr(os, "O_NOFOLLOW", 0))
    except FileNotFoundError:
        return False
    except OSError:
        return True
    try:
        holder = _holder(descriptor)
        # Held but empty: it is just starting.
        return ownership.is_owner_alive(descriptor, holder) if holder else bool(ownership.is_held(descriptor))
    finally:
        os.close(descriptor)


def _holder(descriptor: int) -> dict[str, Any]:
    try:
        os.lseek(descriptor, 0, os.SEEK_SET)
        found = json.loads(os.read(descriptor, 4_096) or b"{}")
    except (OSError, ValueError):
        return {}
    return found if isinstance(found, dict) else {}

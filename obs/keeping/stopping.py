"""How a sidecar is told to stop: flags that a signal handler may set, once to stop and twice to hurry."""

from __future__ import annotations

import signal
import sys
from typing import Protocol

__all__ = ["HANGUP", "Flag", "Told", "flags_of_signals", "is_on_terminal"]

HANGUP: int | None = getattr(signal, "SIGHUP", None)
"""Asks for the settings to be read anew, or says that the terminal is gone; None where there is no such."""


class Told(Protocol):
    """Something that may be set from elsewhere: a `Flag`, an event of asyncio or of threading."""

    def is_set(self) -> bool:
        """Whether it is set."""


class Flag:
    """The least of its kind: safe to set in a signal handler, where a lock could be held already."""

    def __init__(self) -> None:
        self._is_set = False

    def set(self) -> None:
        """Set it for good."""
        self._is_set = True

    def is_set(self) -> bool:
        """Whether it is set."""
        return self._is_set


def is_on_terminal() -> bool:
    """Whether a terminal reads what we say on standard error; no longer, once it is closed."""
    try:
        return sys.stderr is not None and sys.stderr.isatty()
    except (OSError, ValueError):
        return False


def flags_of_signals() -> tuple[Flag, Flag]:
    """Return the flag that the first SIGTERM or SIGINT sets, and that of the second."""
    stop, hurry = Flag(), Flag()

    def told(*_: object) -> None:
        (hurry if stop.is_set() else stop).set()

    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, told)
    return stop, hurry

"""Which door takes a record when several see it: each event is delivered once.

Programs lead one logging library into another (loguru's `InterceptHandler`, structlog on `logging`), and
attach a handler twice. The first door that sees an event takes it. Only where more than one door is in use is
anything remembered at all, per thread and for 50 ms: the second door comes within the same call.
"""

from __future__ import annotations

import threading
import time
import weakref
from collections import deque
from logging import LogRecord
from typing import Any, Final

from obs.recording.freezing import SAFE

__all__ = ["Doors", "text_of"]

_SAME_CALL_NS: Final = 50_000_000
_REMEMBERED: Final = 8
_MAX_THREADS: Final = 1_000


class Doors:
    """What came in by which door a moment ago; takes no lock."""

    def __init__(self) -> None:
        self.in_use: set[str] = set()
        """Doors besides `logging` that have delivered something."""
        self._records: dict[int, deque[weakref.ref[LogRecord]]] = {}
        self._words: dict[int, deque[tuple[str, int, str, str, int]]] = {}

    def has_passed(self, record: LogRecord) -> bool:
        """Whether this very record object has come in before, by another handler of ours on this thread."""
        recent = _mine(self._records)
        if any(seen() is record for seen in recent):
            return True
        recent.append(weakref.ref(record))
        return False

    def is_second(self, door: str, level: int, text: str, logger: str = "") -> bool:
        """Whether another door has just taken the same event; remembers it for that other door if not.

        Args:
            door: `logging`, `structlog` or `loguru`.
            level: `logging`'s level number.
            text: The message; of structlog the event's name, which the other's message then contains.
            logger: Its logger, compared where structlog is concerned.
        """
        recent = _mine(self._words)
        now = time.monotonic_ns()
        for seen in list(recent):
            if now - seen[4] > _SAME_CALL_NS or seen[0] == door or seen[1] != level:
                continue
            if _is_same(door, text, logger, seen):
                recent.remove(seen)
                return True
        recent.append((door, level, text, logger, now))
        return False


def text_of(record: LogRecord) -> str:
    """Return the record's message as far as that runs no foreign code."""
    message, arguments = record.msg, record.args
    if type(message) is not str:
        event = message.get("event") if type(message) is dict else None
        return event if type(event) is str else ""
    if type(arguments) is tuple and arguments and SAFE.issuperset(map(type, arguments)):
        try:
            return message % arguments
        except Exception:  # noqa: BLE001  (template and arguments do not fit)
            return message
    return message


def _is_same(door: str, text: str, logger: str, seen: tuple[str, int, str, str, int]) -> bool:
    if "structlog" in (door, seen[0]):
        event, message = (text, seen[2]) if door == "structlog" else (seen[2], text)
        return bool(event) and logger == seen[3] and event in message
    return text == seen[2]


def _mine(recent: dict[int, Any]) -> deque[Any]:
    if len(recent) > _MAX_THREADS:
        recent.clear()
    return recent.setdefault(threading.get_ident(), deque(maxlen=_REMEMBERED))  # type: ignore[no-any-return]

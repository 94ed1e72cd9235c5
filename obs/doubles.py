"""Counts each event once: by its id, and across files of one run by what the line says.

Stands before the fold, so that State sees disjoint streams. Lines of our own spool need it not: the reader
knows them exactly by process and number.
"""

from __future__ import annotations

import hashlib

from obs.events import Event

__all__ = ["Doubles"]

WINDOW = 250_000
"""Ids of one generation; two generations are remembered, so at least this many of the newest."""


class Doubles:
    """Remembers which events were seen."""

    def __init__(self) -> None:
        self._new: dict[int, str] = {}
        self._old: dict[int, str] = {}
        self.dropped = 0
        """How many events were left out because they had been counted."""

    def is_double(self, event: Event) -> bool:
        """Whether the event was seen before; it is remembered either way.

        The same id counts once, everywhere. A record of a file without an id is a double when another source
        holds the same time, severity, logger and text, however broken: a log and the console of one run.
        """
        if event.uid:
            key, source = _hash(event.uid), ""
        elif event.origin is not None and event.timestamp:
            # A console of fixed width breaks what the log file holds in one line.
            said = "".join(event.body.split())
            key = _hash(f"{event.timestamp}\x1f{event.severity}\x1f{event.logger}\x1f{said}")
            source = event.origin.source
        else:
            return False
        first = self._new.get(key, self._old.get(key))
        if first is None:
            self._remember(key, source)
            return False
        # Twice in one file is twice: a bot may well say the same in the same millisecond.
        double = bool(event.uid) or first != source
        self.dropped += double
        return double

    def _remember(self, key: int, source: str) -> None:
        if len(self._new) >= WINDOW:
            self._old, self._new = self._new, {}
        self._new[key] = source


def _hash(text: str) -> int:
    digest = hashlib.blake2b(text.encode("utf-8", "surrogatepass"), digest_size=8).digest()
    return int.from_bytes(digest, "big")

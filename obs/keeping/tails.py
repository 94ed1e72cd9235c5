"""The files that a sidecar follows: globs looked at again and again, a letter and a checkpoint for each file.

What a file's records say is read by `obs.logs.following`; here they only get the bot they belong to.
"""

from __future__ import annotations

import itertools
import time
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import msgspec

from obs.events import Event
from obs.logs.following import FileFollower
from obs.sources import SourceError, expand

__all__ = ["Tails"]

PREFIX = "file:"
"""Before a path, in the names of checkpoints."""
LOOK_SECONDS = 2.0
"""How often globs are looked at again."""
MOST_FILES = 200
POLL_BYTES = 256 * 1024
"""Read from one file before the next has its turn: some thousand lines."""
_ALPHABET = "abcdefghijklmnopqrstuvwxyz"


class Tails:
    """Followers of all files that some patterns name."""

    def __init__(
        self, patterns: Sequence[str | Path], checkpoints: Mapping[str, Any], *, timezone: str = "UTC"
    ) -> None:
        """Go on where the checkpoints end.

        Args:
            patterns: Paths and globs; what they name need not exist yet.
            checkpoints: As `checkpoints` gave them, by name.
            timezone: Zone of times that print none.
        """
        self._patterns = [str(Path(pattern).absolute()) for pattern in patterns]
        self._timezone = timezone
        self._stored = {name: entry for name, entry in checkpoints.items() if name.startswith(PREFIX)}
        self._letters = {name: str(entry.get("letter", "")) for name, entry in self._stored.items()}
        self._followers: dict[str, FileFollower] = {}
        self._look_at = 0.0

    def poll(self) -> list[Event]:
        """Return the events that are complete by now, a bounded number of each file."""
        if self._patterns and time.monotonic() >= self._look_at:
            self._look_at = time.monotonic() + LOOK_SECONDS
            self._look()
        events: list[Event] = []
        for follower in self._followers.values():
            found = follower.poll(POLL_BYTES)
            events += (_owned(event, follower.path) for event in found) if found else ()
        return events

    @property
    def pending_bytes(self) -> int:
        """How many bytes wait to be read."""
        return sum(follower.pending_bytes for follower in self._followers.values())

    def checkpoints(self) -> dict[str, Any]:
        """Return where to go on, by name; to be stored with what was made of the events."""
        return {
            name: {**follower.checkpoint, "letter": self._letters[name]}
            for name, follower in self._followers.items()
        }

    def close(self) -> None:
        """Let go of the files."""
        for follower in self._followers.values():
            follower.close()
        self._followers.clear()

    def _look(self) -> None:
        for path in self._named():
            name = PREFIX + str(path)
            if name not in self._followers and len(self._followers) < MOST_FILES and not path.is_dir():
                letter = self._letters.get(name) or self._free_letter()
                self._letters[name] = letter
                self._followers[name] = FileFollower(
                    path, letter=letter, timezone=self._timezone, checkpoint=self._stored.get(name)
                )

    def _named(self) -> Iterable[Path]:
        for pattern in self._patterns:
            try:
                yield from expand([pattern])
            except SourceError:
                # No file yet: the bot may make it later.
                continue

    def _free_letter(self) -> str:
        taken = set(self._letters.values())
        for number in itertools.count():
            letter = _ALPHABET[number % 26] * (number // 26 + 1)
            if letter not in taken:
                break
        return letter


def _owned(event: Event, path: Path) -> Event:
    """Give a record that names no bot the file's stem."""
    if event.service:
        return event
    return msgspec.structs.replace(
        event, resource={**event.resource, "service.name": path.name.split(".", 1)[0]}
    )

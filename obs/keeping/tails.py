"""The files that a sidecar follows: globs looked at again and again, a letter and a checkpoint for each file.

What a file's records say is read by `obs.logs.following`, or once by `obs.keeping.packed`; here they only get
the bot they belong to.
"""

from __future__ import annotations

import itertools
import time
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import msgspec

from obs.events import Event
from obs.keeping.packed import PackedFile, digest_of
from obs.logs.encodings import binary_kind
from obs.logs.following import FileFollower
from obs.quoting import plain
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
        self._followers: dict[str, FileFollower | PackedFile] = {}
        self._refused: dict[str, str] = {}
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
    def refused(self) -> tuple[str, ...]:
        """Which files are not read, and why: a sentence each."""
        return tuple(self._refused.values())

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
            if name in self._followers or len(self._followers) >= MOST_FILES or path.is_dir():
                continue
            stored = self._stored.get(name) or {}
            digest = digest_of(path)
            if digest and self._is_taken(digest, name):
                continue
            letter = self._letters.get(name) or self._free_letter()
            try:
                follower = self._opened(path, letter, stored, is_packed=bool(digest))
            except (SourceError, OSError) as error:
                # What stands behind the name in the message is our own words.
                why = str(error).partition(": ")[2] if isinstance(error, SourceError) else error.strerror
                self._refused[name] = f"What {plain(path.name)} holds: {why or 'it cannot be read.'}"
                continue
            self._refused.pop(name, None)
            self._letters[name] = letter
            self._followers[name] = follower

    def _opened(
        self, path: Path, letter: str, stored: Mapping[str, Any], *, is_packed: bool
    ) -> FileFollower | PackedFile:
        if is_packed:
            return PackedFile(path, letter=letter, timezone=self._timezone, checkpoint=stored)
        if kind := _kind(path):
            raise SourceError(f"{path.name}: {kind}, not a log. Name a text file (plain or gzip).")
        return FileFollower(path, letter=letter, timezone=self._timezone, checkpoint=stored or None)

    def _is_taken(self, digest: str, name: str) -> bool:
        """Whether the same content was taken under another name: logs are renamed when they are rotated."""
        stored = ((key, entry.get("packed")) for key, entry in self._stored.items())
        open_ = ((key, one.digest) for key, one in self._followers.items() if isinstance(one, PackedFile))
        return any(key != name and value == digest for key, value in (*stored, *open_))

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


def _kind(path: Path) -> str:
    """What a file is that holds no text; empty for a log, and for one that is not there yet."""
    try:
        with path.open("rb") as file:
            return binary_kind(file.read(1 << 16))
    except OSError:
        return ""


def _owned(event: Event, path: Path) -> Event:
    """Give a record that names no bot the file's stem."""
    if event.service:
        return event
    return msgspec.structs.replace(
        event, resource={**event.resource, "service.name": path.name.split(".", 1)[0]}
    )

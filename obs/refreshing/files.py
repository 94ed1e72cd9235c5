"""The files of the data pipeline: one for each update, and the snapshots somebody asked for by name."""

from __future__ import annotations

import contextlib
import os
import re
import threading
import unicodedata
from pathlib import Path

from obs.keeping.viewfiles import dated_name, write_whole

__all__ = ["ExportError", "Exports", "HistoryFiles", "file_name"]

MOST_BYTES = 64 * 2**20
"""Of one folder's history."""
MOST_NAME = 55
"""Characters: with `.json`, and beside it while it is written, at most the 255 bytes of a file system."""
MOST_EXPORTS = 1_000
"""Files with a name of somebody's own; they are never deleted by us."""

_OURS = re.compile(r"\d{8}T\d{6}\.\d{3}Z-(metrics|snapshot)-\d{6}\.json")
_LEFT_OVER = re.compile(r"\.\d{8}T\d{6}\.\d{3}Z-(metrics|snapshot)-\d{6}\.json\.\d+\.tmp")
_DEVICES = frozenset(
    {"CON", "PRN", "AUX", "NUL", "CONIN$", "CONOUT$"}
    | {f"{port}{n}" for port in ("COM", "LPT") for n in "0123456789¹²³"}
)


class ExportError(ValueError):
    """A snapshot that cannot be written under this name; the message says what to do."""


class HistoryFiles:
    """Dated JSON files of one folder. Thread-safe within a process; files of others are never touched."""

    def __init__(self, folder: Path, words: str = "metrics") -> None:
        """Look after a folder; nothing is made yet.

        Args:
            folder: Where they stand.
            words: What is in them, `metrics` or `snapshot`: part of their names.
        """
        self.folder = folder
        self._words = words
        self._lock = threading.Lock()

    def add(self, moment_ns: int, data: bytes, most: int) -> Path:
        """Write one more file, whole or not at all, then delete the oldest beyond `most`.

        Raises:
            OSError: If it cannot be written.
        """
        with self._lock:
            first = self._name(moment_ns, 1)
            # Of several at one moment each gets the next number, also when the first of them are gone.
            last = max((name for name in self.names() if name[:20] == first[:20]), default="")
            path = self.folder / (self._name(moment_ns, int(last[-11:-5]) + 1) if last else first)
            write_whole(path, data)
            self._prune(most, path)
        return path

    def names(self) -> list[str]:
        """Return their names, oldest first."""
        try:
            found = [path.name for path in self.folder.iterdir()]
        except OSError:
            return []
        return sorted(name for name in found if self._is_ours(name))

    def _name(self, moment_ns: int, number: int) -> str:
        return dated_name(moment_ns, f"{self._words}-{number:06d}", ".json")

    def _is_ours(self, name: str) -> bool:
        match = _OURS.fullmatch(name)
        return match is not None and match[1] == self._words

    def _prune(self, most: int, newest: Path) -> None:
        total = newest.stat().st_size
        others = [name for name in self.names() if name != newest.name]
        for number, name in enumerate(reversed(others), start=1):
            path = self.folder / name
            with contextlib.suppress(OSError):
                total += path.stat().st_size
                if number >= most or total > MOST_BYTES:
                    path.unlink()
        own = f".{os.getpid()}.tmp"
        for path in self.folder.glob(".*.tmp"):
            # What a killed process left half written.
            if _LEFT_OVER.fullmatch(path.name) and not path.name.endswith(own):
                with contextlib.suppress(OSError):
                    path.unlink()


class Exports:
    """Snapshots that somebody asked for, all in one folder."""

    def __init__(self, root: Path, folder: Path) -> None:
        """Look after a folder; nothing is made yet.

        Args:
            root: What nothing may leave, links included.
            folder: In it, where they stand.
        """
        self._root = root
        self.folder = folder
        self._dated = HistoryFiles(folder, "snapshot")

    def add(self, name: str, moment_ns: int, data: bytes, most: int) -> Path:
        """Write a snapshot; one of the same name is replaced.

        Args:
            name: Of the file, `.json` may be missing; empty: the time, and the oldest of these go.
            moment_ns: When it was taken.
            data: What it holds.
            most: How many without a name stay.

        Raises:
            ExportError: If the name could leave the folder or be unwritable somewhere, or the folder is full.
            OSError: If it cannot be written.
        """
        wanted = file_name(name) if name else ""
        if not self.folder.resolve().is_relative_to(self._root.resolve()):
            raise ExportError(f"{self.folder.name}: is a link to another place: replace it by a folder")
        if not wanted:
            return self._dated.add(moment_ns, data, most)
        path = self.folder / wanted
        if not path.exists() and self._named() >= MOST_EXPORTS:
            raise ExportError(f"{MOST_EXPORTS} snapshots have names of their own: delete some first")
        if path.is_dir():
            raise ExportError(f"{wanted}: is a folder: use another name")
        write_whole(path, data)
        return path

    def _named(self) -> int:
        try:
            return sum(path.suffix == ".json" for path in self.folder.iterdir()) - len(self._dated.names())
        except OSError:
            return 0


def file_name(name: str) -> str:
    """Return the file name for the name somebody gave, safe on every file system.

    Letters and digits of any script, `-`, `_`, `.` and spaces inside; never a path.

    Raises:
        ExportError: If the name is none of these.
    """
    plain = unicodedata.normalize("NFC", name)
    stem = plain[: -len(".json")] if plain.lower().endswith(".json") else plain
    if not stem or not all(char.isalnum() or char in "-_. " for char in stem):
        raise ExportError("a snapshot's name holds letters, digits, '-', '_', '.' and spaces only")
    if not stem[0].isalnum() or stem[-1] in ". ":
        raise ExportError("a snapshot's name begins with a letter or digit and ends with no '.' or space")
    if stem.partition(".")[0].rstrip().upper() in _DEVICES:
        raise ExportError("this name is a device on Windows: use another")
    if len(stem) > MOST_NAME:
        raise ExportError(f"a snapshot's name has at most {MOST_NAME} characters")
    return f"{stem}.json"

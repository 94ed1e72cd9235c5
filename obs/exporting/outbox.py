"""What waits to be sent, on disk, with exact books: taken = sent + dropped + waiting.

The fold writes numbered files before each of its transactions; the last number is stored in it. A file above
the stored number is of a transaction that never was: it is deleted at the start, and its records are folded
and written again. What was sent is written down after each answer of the collector, so after a kill at most
one request is sent twice (its records keep their `log.record.uid`).

The fold never waits for a disk to be certain. Files that stay are made so by `sync`, which whoever has the
time calls each second, so a power cut costs at most what came in the last two. What a disk has lost for
whatever reason is found at the start, because the books no longer balance, and counted.
"""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Iterable, Mapping, Sequence
from itertools import islice
from pathlib import Path

import msgspec

from obs.keeping.syncing import sync_file, sync_folder
from obs.keeping.viewfiles import write_whole

__all__ = ["Counts", "Outbox", "Part", "Written"]

PROGRESS = "progress.json"
SUFFIX = ".jsonl"
FILE_LINES = 2_000


class Counts(msgspec.Struct, frozen=True):
    """The books of one signal."""

    taken: int = 0
    sent: int = 0
    waiting: int = 0
    dropped: Mapping[str, int] = {}
    """By reason."""


class Written(msgspec.Struct, frozen=True):
    """What the fold has written down so far: to be stored with what was folded."""

    number: int = 0
    """Of the last file."""
    taken: int = 0
    lost: Mapping[str, int] = {}
    """Of these, those that could not be written down, by reason."""


class Part(msgspec.Struct, frozen=True):
    """Lines that wait, oldest first."""

    lines: Sequence[bytes] = ()
    number: int = 0
    """The file of the last of them, and how many of its lines are done with it."""
    done: int = 0


class _Progress(msgspec.Struct):
    """What the sending side has done; written whole after each step."""

    number: int = 0
    """The file that is being sent; those before it are done."""
    lines: int = 0
    """How many of its lines are done."""
    gone: list[int] = []
    """Files that were dropped and may still stand on the disk."""
    sent: int = 0
    dropped: dict[str, int] = {}


class _File(msgspec.Struct, frozen=True):
    number: int
    lines: int
    size: int


class Outbox:
    """One signal's files. The fold writes, one thread sends; anyone may ask for the books."""

    def __init__(self, folder: Path, *, most_bytes: int) -> None:
        """Make an outbox; `resume` opens it.

        Args:
            folder: Of its own.
            most_bytes: Beyond it the oldest files go, and are counted as dropped.
        """
        self._folder, self.most_bytes = folder, most_bytes
        self._lock = threading.Lock()
        self._saving = threading.Lock()
        """Held while progress is written; never waited for by the fold."""
        self._gone: list[_File] = []
        """Files that had no room, to be deleted when that is written down."""
        self._owed: list[_File] = []
        """Files that are done with, to be deleted when the disk has that for certain."""
        self._seen_at_sync = self._certain = 0
        """Number of the newest file at the last `sync`, and of those which the disk has for certain."""
        self._filled = threading.Event()
        self._files: list[_File] = []
        """Those that are stored and not done."""
        self._fresh: list[_File] = []
        """Those whose transaction is not over."""
        self._in_hand = 0
        """Number of the last file of which lines are being sent."""
        self._progress = _Progress()
        self._written = self._stored = Written()

    def resume(self, written: Written | None) -> None:
        """Go on from what is stored; None: nothing is remembered, so nothing of what stands here is ours."""
        with self._lock:
            if not self._written.number:
                self._progress = self._read()
            if written is None:
                last = max((file.number for file in _files(self._folder)), default=0)
                last = max(last, self._progress.number, self._written.number)
                self._progress = _Progress(number=last)
                written = Written(number=last)
            self._written = self._stored = written
            self._fresh, self._files = [], []
            for file in _files(self._folder):
                if file.number > written.number or self._is_done(file):
                    self._delete([file])
                else:
                    self._files.append(file)
            self._balance()
            if self._files:
                self._filled.set()

    def write(self, lines: Sequence[bytes], lost: Mapping[str, int] | None = None) -> Written:
        """Write down what came since the last time.

        Args:
            lines: Of one record each.
            lost: How many more came and cannot be written down, by reason.

        Returns:
            What is to be stored.
        """
        left = dict(self._written.lost)
        number = self._written.number
        further = sum((lost or {}).values())
        for reason, count in (lost or {}).items():
            left[reason] = left.get(reason, 0) + count
        for start in range(0, len(lines), FILE_LINES):
            part = lines[start : start + FILE_LINES]
            data = b"\n".join(part) + b"\n"
            file = _File(number + 1, len(part), len(data))
            try:
                write_whole(self._path(file), data)
            except OSError:
                left["disk"] = left.get("disk", 0) + len(part)
            else:
                number += 1
                self._fresh.append(file)
        self._written = Written(number, self._written.taken + len(lines) + further, left)
        return self._written

    def stored(self) -> None:
        """What was written so far is in the store: it may be sent."""
        if self._stored is self._written:
            return
        with self._lock:
            self._stored = self._written
            self._files += self._fresh
            self._fresh = []
            self._make_room()
        # Somebody who is writing takes them along the next time.
        if self._gone and self._saving.acquire(blocking=False):
            try:
                self._save(is_certain=False)
            finally:
                self._saving.release()
        self._filled.set()

    def wait(self, seconds: float) -> None:
        """Wait for something to send."""
        self._filled.wait(seconds)

    def wake(self) -> None:
        """Let whoever waits look again."""
        self._filled.set()

    def read(self, most: int) -> Part:
        """Return the oldest lines that wait; they stay in hand until `done`."""
        with self._lock:
            self._filled.clear()
            lines: list[bytes] = []
            number = end = 0
            for file in self._files:
                if len(lines) >= most:
                    break
                begin = self._progress.lines if file.number == self._progress.number else 0
                end = min(file.lines, begin + most - len(lines))
                number = file.number
                lines += self._lines(file, begin, end)
            self._in_hand = number
            return Part(lines, number, end)

    def done(self, part: Part, sent: int, dropped: Mapping[str, int]) -> None:
        """Write down what became of lines that were read."""
        if not part.lines:
            return
        with self._lock:
            self._progress.number, self._progress.lines = part.number, part.done
            self._progress.sent += sent
            for reason, count in dropped.items():
                self._lose(reason, count)
            self._owed += [file for file in self._files if self._is_done(file)]
            self._files = [file for file in self._files if not self._is_done(file)]
            self._in_hand = 0
        with self._saving:
            self._save(is_certain=False)
        if self._files:
            self._filled.set()

    def sync(self) -> None:
        """Make certain that the disk has what waits for longer; to be called each second, by no fold."""
        with self._lock:
            newest = max((file.number for file in self._files), default=self._certain)
            wanted = [file for file in self._files if self._certain < file.number <= self._seen_at_sync]
            self._seen_at_sync = newest
        # A disk that fails is asked again; what it has lost in the end is counted at the next start.
        with contextlib.suppress(OSError):
            for file in wanted:
                # Sent and deleted meanwhile: nothing is left to be certain of.
                with contextlib.suppress(FileNotFoundError), self._path(file).open("rb") as opened:
                    sync_file(opened.fileno())
            if wanted:
                sync_folder(self._folder)
                self._certain = wanted[-1].number
        if self._owed or self._gone:
            with self._saving:
                self._save(is_certain=True)

    def counts(self) -> Counts:
        """Return the books of what is stored; from any thread."""
        with self._lock:
            waiting = sum(file.lines for file in self._files)
            if any(file.number == self._progress.number for file in self._files):
                waiting -= self._progress.lines
            dropped = dict(self._stored.lost)
            for reason, count in self._progress.dropped.items():
                dropped[reason] = dropped.get(reason, 0) + count
            return Counts(self._stored.taken, self._progress.sent, waiting, dropped)

    def _is_done(self, file: _File) -> bool:
        at = self._progress
        return (
            file.number < at.number
            or file.number in at.gone
            or (file.number == at.number and file.lines <= at.lines)
        )

    def _make_room(self) -> None:
        """Drop the oldest files that are not being sent: the newest are worth more to whoever looks."""
        size = sum(file.size for file in self._files)
        gone: list[_File] = []
        for file in self._files[:-1]:
            if size <= self.most_bytes:
                break
            if file.number > self._in_hand:
                gone.append(file)
                size -= file.size
        if not gone:
            return
        numbers = {file.number for file in gone}
        for file in gone:
            done = self._progress.lines if file.number == self._progress.number else 0
            self._lose("full", file.lines - done)
        self._files = [file for file in self._files if file.number not in numbers]
        self._gone += gone
        self._progress.gone = sorted(file.number for file in self._gone)

    def _lose(self, reason: str, count: int) -> None:
        if count > 0:
            self._progress.dropped[reason] = self._progress.dropped.get(reason, 0) + count

    def _balance(self) -> None:
        """Count what should stand here and does not: a disk has lost it, or somebody has deleted it."""
        at, taken = self._progress, self._written.taken
        waiting = sum(file.lines for file in self._files)
        if any(file.number == at.number for file in self._files):
            waiting -= at.lines
        missing = taken - sum(self._written.lost.values()) - at.sent - sum(at.dropped.values()) - waiting
        self._lose("disk", missing)

    def _save(self, *, is_certain: bool) -> None:
        """Write down how far we are, then delete what is done: a kill between sends and counts nothing twice.

        Args:
            is_certain: Wait until the disk has it; only then what was sent may go, as a power cut may bring
                the older state back.
        """
        with self._lock:
            data, done = msgspec.json.encode(self._progress), self._gone
            self._gone = []
            if is_certain:
                done, self._owed = done + self._owed, []
        # A disk that refuses: what was sent might be sent again after a kill, nothing is lost.
        with contextlib.suppress(OSError):
            write_whole(self._folder / PROGRESS, data, durable=is_certain)
            if is_certain:
                sync_folder(self._folder)
        self._delete(done)

    def _read(self) -> _Progress:
        try:
            return msgspec.json.decode((self._folder / PROGRESS).read_bytes(), type=_Progress)
        except (OSError, msgspec.DecodeError):
            return _Progress()

    def _path(self, file: _File) -> Path:
        return self._folder / f"{file.number:012d}-{file.lines}{SUFFIX}"

    def _lines(self, file: _File, begin: int, end: int) -> list[bytes]:
        """Return these lines; what is not there any more is an empty one, so that it is counted."""
        try:
            with self._path(file).open("rb") as opened:
                found = [line.rstrip(b"\n") for line in islice(opened, begin, end)]
        except OSError:
            found = []
        return found + [b""] * (end - begin - len(found))

    def _delete(self, files: Iterable[_File]) -> None:
        for file in files:
            with contextlib.suppress(OSError):
                self._path(file).unlink()


def _files(folder: Path) -> list[_File]:
    found: list[_File] = []
    with contextlib.suppress(OSError):
        for path in folder.glob(f"*{SUFFIX}"):
            number, _, lines = path.stem.partition("-")
            if number.isdecimal() and lines.isdecimal():
                found.append(_File(int(number), int(lines), path.stat().st_size))
    return sorted(found, key=lambda file: file.number)

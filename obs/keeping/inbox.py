"""Events that came over the network, on disk before their sender is told that they have arrived.

`Inbox` writes them, masked, into append-only segments; `InboxReader` gives them to the fold. Their checkpoint
is stored with State in one transaction, and only then are segments deleted: a kill at any moment loses
nothing that was acknowledged and counts nothing twice. The ids of what was written stay behind (`.ids`), so
that what is sent again after a lost answer counts once.
"""

from __future__ import annotations

import contextlib
import itertools
import os
import threading
import time
from array import array
from collections.abc import Iterable, Mapping, Sequence
from hashlib import blake2b
from pathlib import Path
from typing import Any, NamedTuple

import msgspec
import orjson

from obs import redaction
from obs.events import Event, EventError, decode_line, encode_line
from obs.keeping.recollection import Recollection
from obs.keeping.syncing import sync_file, sync_folder
from obs.keeping.viewfiles import write_whole
from obs.masking import redact_event

__all__ = ["FOLDER", "Entry", "Inbox", "InboxFullError", "InboxReader", "Kept", "entry_of", "loss_of"]

FOLDER = "inbox"
"""In `OBS_DIR`; also the name of the checkpoint."""
SEGMENT_BYTES = 4 << 20
MOST_BYTES = 128 << 20
"""Of what waits to be folded; beyond it senders are asked to come again later."""
LOOK_SECONDS = 0.5
KEPT_IDS = 500_000
KEPT_SECONDS = 24 * 3600
_SEGMENT, _IDS = ".jsonl", ".ids"


class InboxFullError(Exception):
    """Nothing more can be taken in now: too much waits, or the disk refuses; nothing was kept."""


class Entry(NamedTuple):
    """One event as it is written."""

    ids: tuple[int, ...]
    """By the first it counts once; the others are remembered, for what says the same in other words."""
    line: bytes


class Kept(NamedTuple):
    """What became of entries."""

    stored: int
    doubles: int


class Taken(NamedTuple):
    """What one poll found."""

    events: list[Event]
    losses: Mapping[str, int]
    """Reason -> records that came and could not be used."""


def entry_of(event: Event, *, occurrence: int = 0, also: Sequence[str] = ()) -> Entry:
    """Return an event as it is written: masked, with the id by which it counts once.

    Args:
        event: As it came. Without an id of its own it is known by all that it says.
        occurrence: Which of several that say the same in one batch it is.
        also: Further names under which the same may come.
    """
    event = _masked(event)
    line = encode_line(event)
    identity = event.uid.encode("utf-8", "backslashreplace") if event.uid else b"%d\0" % occurrence + line
    ids = (_number(identity), *(_number(name.encode("utf-8", "backslashreplace")) for name in also))
    if not event.timestamp:
        # Without a time it happened when it came; not part of what it is known by, which may come again.
        line = encode_line(
            msgspec.structs.replace(event, timestamp=event.observed_timestamp or time.time_ns())
        )
    return Entry(ids, line)


def loss_of(reason: str, raw: bytes) -> Entry:
    """Return what is written for a record that cannot be used.

    Args:
        reason: In our words.
        raw: The record, by which it is known when it comes again.
    """
    return Entry((_number(reason.encode() + b"\0" + raw),), orjson.dumps({"lost": reason}))


class Inbox:
    """The writing end; any thread may put."""

    def __init__(
        self, directory: Path, *, most_bytes: int = MOST_BYTES, segment_bytes: int = SEGMENT_BYTES
    ) -> None:
        """Take up what an earlier one has left; nothing is made before the first entry.

        Args:
            directory: Where segments stand.
            most_bytes: Of segments that were not yet folded.
            segment_bytes: After which the next segment begins.
        """
        self.directory = directory
        self._most_bytes, self._segment_bytes = most_bytes, segment_bytes
        self._lock = threading.Lock()
        self._syncing = threading.Lock()
        self._put = self._synced = 0
        """How often was put, and of these, how many the disk has for certain."""
        self._named = 0
        """The newest segment whose name the disk has for certain."""
        self._seen = Recollection()
        self._file = -1
        self._path = Path()
        self._size = 0
        self._ids = array("Q")
        self._waiting, self._look_at = 0, 0.0
        self._last, self._arrived = 0, 0
        self._recall()

    def put(self, entries: Iterable[Entry]) -> Kept:
        """Write those that were not seen before; when this returns they survive a kill, after `sync` all.

        Raises:
            InboxFullError: If there is no room; not one of them was kept.
        """
        with self._lock:
            fresh: dict[int, Entry] = {}
            doubles = 0
            for entry in entries:
                if entry.ids[0] in fresh or entry.ids[0] in self._seen:
                    doubles += 1
                else:
                    fresh[entry.ids[0]] = entry
            if fresh:
                # The number that says what came first: clocks of milliseconds give many records one time.
                self._arrived = max(time.time_ns(), self._arrived + 1)
                self._write(b"".join(map(_written, fresh.values(), itertools.count(self._arrived))))
                self._arrived += len(fresh)
                self._put += 1
                for entry in fresh.values():
                    self._seen.update(entry.ids)
                    self._ids.extend(entry.ids)
            return Kept(len(fresh), doubles)

    def sync(self) -> None:
        """Wait until all that was put so far survives a power cut too; meanwhile others go on putting.

        Raises:
            InboxFullError: If the disk fails; what was put is kept, and may be lost in a power cut.
        """
        wanted = self._put
        # Who waited here has waited for all that was put before: many requests share one wait.
        with self._syncing:
            if self._synced >= wanted:
                return
            with self._lock:
                reached, segment = self._put, self._last
                file = os.dup(self._file) if self._file >= 0 else -1
            try:
                if file >= 0:
                    sync_file(file)
                if segment != self._named and file >= 0:
                    sync_folder(self.directory)
            except OSError as error:
                # What a disk once failed to take is not asked of the same file again.
                with self._lock, contextlib.suppress(OSError):
                    self._seal()
                raise InboxFullError(error.strerror or "the disk fails") from error
            finally:
                if file >= 0:
                    os.close(file)
            self._synced, self._named = reached, segment

    @property
    def is_full(self) -> bool:
        """Whether so much waits that nothing more is taken."""
        return self._waiting_bytes() >= self._most_bytes

    def close(self) -> None:
        """Let go of the segment."""
        with self._lock, contextlib.suppress(OSError):
            self._seal()

    def _write(self, data: bytes) -> None:
        if self._waiting_bytes() + len(data) > self._most_bytes:
            raise InboxFullError("too much waits to be folded")
        try:
            file = self._segment()
            try:
                _write_all(file, data)
            except OSError:
                os.ftruncate(file, self._size)
                raise
        except OSError as error:
            raise InboxFullError(error.strerror or "the disk refuses") from error
        self._size += len(data)
        self._waiting += len(data)

    def _segment(self) -> int:
        """Return the file to append to: a new one when there is none, it is full, or it was deleted."""
        if self._file >= 0 and os.fstat(self._file).st_nlink and self._size < self._segment_bytes:
            return self._file
        self._seal()
        self.directory.mkdir(parents=True, exist_ok=True, mode=0o700)
        self._last = max(time.time_ns(), self._last + 1)
        self._path = self.directory / f"{self._last:020d}{_SEGMENT}"
        self._file = os.open(self._path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_APPEND, 0o600)
        self._size = 0
        return self._file

    def _seal(self) -> None:
        if self._file < 0:
            return
        file, self._file = self._file, -1
        try:
            # Who waits for what was put in it looks at the next segment only.
            sync_file(file)
        finally:
            os.close(file)
        ids, self._ids = self._ids, array("Q")
        # Only for what is sent again after a restart: without it that would count twice, nothing is lost.
        with contextlib.suppress(OSError):
            write_whole(self._path.with_suffix(_IDS), ids.tobytes())

    def _waiting_bytes(self) -> int:
        now = time.monotonic()
        if now >= self._look_at or self._waiting >= self._most_bytes // 2:
            self._look_at = now + LOOK_SECONDS
            self._waiting = sum(_size(path) for path in _segments(self.directory))
        return self._waiting

    def _recall(self) -> None:
        """Know again what was written before, and bound how much of it is kept."""
        for path in _segments(self.directory):
            ids = path.with_suffix(_IDS)
            if not ids.exists():
                with contextlib.suppress(OSError):
                    found = array("Q", (number for line in _lines(path) for number in _ids_of(line)))
                    write_whole(ids, found.tobytes())
        known = 0
        for path in sorted(self.directory.glob(f"*{_IDS}"), reverse=True):
            with contextlib.suppress(OSError, ValueError):
                is_old = known > KEPT_IDS or time.time() - path.stat().st_mtime > KEPT_SECONDS
                if is_old and not path.with_suffix(_SEGMENT).exists():
                    path.unlink()
                    continue
                self._last = max(self._last, int(path.stem))
                numbers = array("Q")
                numbers.frombytes(path.read_bytes())
                known += len(numbers)
                self._seen.update(numbers)


class InboxReader:
    """The reading end: gives events in the order in which they were written, each once."""

    def __init__(self, directory: Path, checkpoint: Mapping[str, Any] | None = None) -> None:
        """Go on where a checkpoint ends.

        Args:
            directory: Where segments stand.
            checkpoint: As `checkpoint` gave it; empty: from the first segment there is.
        """
        self._directory = directory
        self._name = str((checkpoint or {}).get("segment", ""))
        self._offset = int((checkpoint or {}).get("offset", 0))
        self._pending = 0

    @property
    def checkpoint(self) -> dict[str, Any]:
        """Where to go on; to be stored with what was made of the events."""
        return {"segment": self._name, "offset": self._offset}

    @property
    def pending_bytes(self) -> int:
        """How many bytes waited at the last poll."""
        return self._pending

    def poll(self, most_bytes: int) -> Taken:
        """Return what was written since, about so many bytes of it; never raises for what stands there."""
        events: list[Event] = []
        losses: dict[str, int] = {}
        waiting = [path for path in _segments(self._directory) if path.name >= self._name]
        sizes = [_size(path) - (self._offset if path.name == self._name else 0) for path in waiting]
        left = most_bytes
        for place, path in enumerate(waiting):
            if path.name != self._name:
                self._name, self._offset = path.name, 0
            data = _read(path, self._offset, left)
            whole = data.rfind(b"\n") + 1
            for line in data[:whole].splitlines():
                _take(line, events, losses)
            self._offset += whole
            # Half a line is being written now, or was when its writer was killed: nobody waits for it.
            sizes[place] -= len(data)
            left -= whole
            if left <= 0:
                break
        self._pending = max(0, sum(sizes))
        return Taken(events, losses)

    def release(self) -> None:
        """Delete the segments before the checkpoint: it is stored."""
        for path in _segments(self._directory):
            if path.name < self._name:
                with contextlib.suppress(OSError):
                    path.unlink()


def _masked(event: Event) -> Event:
    """Mask the secrets of all that is written, also where our own capture writes none."""
    event = redact_event(event)
    names = {key: getattr(event, key) for key in ("logger", "event_name", "severity_text", "uid")}
    clean: dict[str, Any] = {
        key: redaction.redact(text) for key, text in names.items() if text and redaction.has_hint(text)
    }
    if event.resource:
        clean["resource"] = redaction.redact_attributes(event.resource)
    return msgspec.structs.replace(event, **clean) if clean else event


def _number(identity: bytes) -> int:
    return int.from_bytes(blake2b(identity, digest_size=8).digest(), "big") or 1


def _written(entry: Entry, arrived: int) -> bytes:
    return b"%b@%d %b\n" % (b",".join(b"%016x" % number for number in entry.ids), arrived, entry.line)


def _ids_of(line: bytes) -> Iterable[int]:
    with contextlib.suppress(ValueError):
        yield from [int(word, 16) for word in line.partition(b" ")[0].partition(b"@")[0].split(b",")]


def _take(line: bytes, events: list[Event], losses: dict[str, int]) -> None:
    head, _, rest = line.partition(b" ")
    try:
        row = orjson.loads(rest)
        if "lost" in row:
            losses[str(row["lost"])] = losses.get(str(row["lost"]), 0) + 1
        else:
            ids, _, arrived = head.partition(b"@")
            uid = f"inbox-{ids.partition(b',')[0].decode('ascii')}"
            event = decode_line(row, uid=uid)
            events.append(msgspec.structs.replace(event, observed_timestamp=int(arrived or 0)))
    except (EventError, ValueError, TypeError, AttributeError, RecursionError):
        losses["malformed"] = losses.get("malformed", 0) + 1


def _segments(directory: Path) -> list[Path]:
    try:
        names = sorted(entry.name for entry in os.scandir(directory) if entry.name.endswith(_SEGMENT))
    except OSError:
        return []
    return [directory / name for name in names]


def _size(path: Path) -> int:
    try:
        return path.stat().st_size
    except OSError:
        return 0


def _read(path: Path, offset: int, most: int) -> bytes:
    """Return about so many bytes from there, to the end of a line."""
    try:
        with path.open("rb") as file:
            file.seek(offset)
            data = file.read(most)
            return data if data.endswith(b"\n") else data + file.readline()
    except OSError:
        return b""


def _lines(path: Path) -> list[bytes]:
    data = path.read_bytes()
    return data[: data.rfind(b"\n") + 1].splitlines()


def _write_all(file: int, data: bytes) -> None:
    view = memoryview(data)
    while view:
        view = view[os.write(file, view) :]

"""Keep the spool within its quota when nobody reads it: the oldest lines go, their warnings and worse stay.

Only a writer that needs room drops anything, and only while no reader lives. It takes the oldest segment of
its own or of a process that is dead; never one that is being written. Warnings and worse are put into a
reserve beside it first, and each line that goes is counted as `dropped.quota.<severity>.<component>` in the
books of the process that wrote it. Standard library only.
"""

from __future__ import annotations

import re
import time
from collections import Counter
from collections.abc import Mapping
from typing import TYPE_CHECKING, NamedTuple

from obs.spooling import segment_files, segments
from obs.spooling.last_words import PROVISIONAL
from obs.spooling.reader_lock import has_living_reader
from obs.spooling.segment_lines import take_lines
from obs.spooling.segment_store import Opened, SegmentStore

if TYPE_CHECKING:
    from obs.spool import SpoolWriter

__all__ = ["make_room"]

RESERVE_SHARE = 8
"""Reserves may take one part in so many of the quota; then the oldest of them go as well."""

KEPT = frozenset({"WARN", "WARNING", "ERROR", "FATAL", "CRITICAL"})

# A quote inside a text is escaped, so these never match in the middle of a message.
_SEVERITY = re.compile(rb'"severity": ?"([A-Z]+)"')
_LOGGER = re.compile(rb'"logger": ?"([^"\\]{0,80})')
_NUMBER = re.compile(rb'"seq": ?(\d+)')


class _File(NamedTuple):
    name: str
    process: str
    number: int
    is_reserve: bool
    size: int
    modified: float


def make_room(writer: SpoolWriter, size: int) -> str:
    """Make the folder small enough for `size` more bytes.

    Returns:
        Why that is not possible, in words; nothing when there is room now.
    """
    store = SegmentStore(writer.directory)
    files = _files(store)
    over = sum(file.size for file in files) + size - writer.quota_bytes
    if over <= 0:
        return ""
    if has_living_reader(writer.directory):
        return f"the spool is at its quota of {writer.quota_bytes} bytes; its reader is behind"
    for file in _in_order(writer, files):
        if over <= 0:
            break
        over -= file.size - _evict(writer, store, file, files)
    return "" if over <= 0 else f"the spool is at its quota of {writer.quota_bytes} bytes, and nothing may go"


def _files(store: SegmentStore) -> list[_File]:
    listing = store.list()
    found = []
    for name in listing.segments if listing is not None else ():
        parsed = segments.parse_name(name)
        try:
            state = (store.directory / name).lstat()
        except OSError:
            continue
        if parsed is not None:
            # What it takes on the disk: a file may claim more than it has.
            size = min(state.st_size, getattr(state, "st_blocks", state.st_size) * 512)
            found.append(_File(name, *parsed, size, state.st_mtime))
    return found


def _in_order(writer: SpoolWriter, files: list[_File]) -> list[_File]:
    """What may go if its writer is dead or we are it: reserves beyond their share, then segments by age."""
    by_age = sorted(files, key=lambda file: (file.modified, file.number))
    reserves = [file for file in by_age if file.is_reserve and file.size > segments.HEADER_BYTES]
    surplus = sum(file.size for file in reserves) - writer.quota_bytes // RESERVE_SHARE
    first = []
    for file in reserves:
        if surplus > 0:
            first.append(file)
            surplus -= file.size
    still_open = {segments.segment_name(writer.process, index) for index in writer.open_indexes}
    return first + [file for file in by_age if not file.is_reserve and file.name not in still_open]


def _evict(writer: SpoolWriter, store: SegmentStore, file: _File, files: list[_File]) -> int:
    """Let one segment go; return how many bytes its reserve takes, its whole size when it may not go."""
    opened = store.open(file.name)
    if isinstance(opened, str):
        return file.size
    with opened:
        is_own = opened.process == writer.process
        if opened.is_newer or not opened.identity or not (is_own or opened.is_final):
            return file.size
        data = opened.read(segments.HEADER_BYTES, opened.size)
        identity = {key: value for key, value in opened.identity.items() if key != "crc"}
    kept, dropped = _sort_out(data, keeps=not file.is_reserve)
    if is_own:
        slot = writer.count_evicted(dropped)
    else:
        slot = _books_after(store, file.process, dropped)
    reserve = segments.segment_name(file.process, file.number, reserve=True)
    taken = 0
    # The living keep their books in the next segment's header; the dead need a file for them.
    if kept or not is_own:
        content = segment_files.header_of(identity, slot) + kept
        taken = len(content)
        segment_files.write_file(store.directory / reserve, content)
        for other in files:
            is_superseded = other.is_reserve and other.size <= segments.HEADER_BYTES
            if other.process == file.process and is_superseded and other.name != reserve:
                store.remove(other.name, keep=False)
    if not taken or reserve != file.name:
        store.remove(file.name, keep=False)
    return taken


def _sort_out(data: bytes, *, keeps: bool) -> tuple[bytes, Counter[str]]:
    """Return the stored lines that stay, and how many go by severity and component."""
    kept = bytearray()
    dropped: Counter[str] = Counter()
    seen = set()
    # Of a line and the last words that stood in for it, the line.
    found = take_lines(data, len(data), is_last=True).lines
    for line in sorted(found, key=lambda line: line.endswith(PROVISIONAL)):
        number = _NUMBER.search(line)
        if number is not None and number[1] in seen:
            continue
        seen.add(number[1] if number is not None else b"")
        severity = _SEVERITY.search(line)
        word = severity[1].decode() if severity is not None else "UNSPECIFIED"
        if keeps and word in KEPT:
            kept += segments.seal(line)
        else:
            logger = _LOGGER.search(line)
            component = logger[1].decode("utf-8", "replace") if logger is not None else ""
            dropped[f"dropped.quota.{word}.{component}"] += 1
    return bytes(kept), dropped


def _books_after(store: SegmentStore, process: str, dropped: Mapping[str, int]) -> segments.Slot:
    """Return the newest books of a dead process, with what is dropped now added."""
    best = segments.Slot(0, "open", False, 0, time.time_ns(), {})
    # Listed anew, because the last eviction may have made a file that knows more.
    listing = store.list()
    for name in listing.segments if listing is not None else ():
        if not name.startswith(process):
            continue
        opened = store.open(name)
        if isinstance(opened, Opened):
            with opened:
                if opened.slot is not None and opened.slot.generation > best.generation:
                    best = opened.slot
    books = Counter(best.books)
    books.update(dropped)
    return best._replace(generation=best.generation + 1, end=0, books=dict(books))

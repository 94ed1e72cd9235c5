"""Files, globs, gzip and stdin as streams of Events, with what is known of how completely they were read.

How bytes become lines is the business of `obs.logs.decoding`, what a line means that of `obs.logs.formats`;
files that still grow are followed by `obs.logs.following`. Bad input is a `SourceError`: one line that names
place and mend.
"""

from __future__ import annotations

import glob
import sys
import time
import zlib
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import BinaryIO

from obs.events import Event
from obs.logs import formats
from obs.logs.decoding import Decoder
from obs.logs.encodings import binary_kind
from obs.logs.following import FileFollower
from obs.snapshot import Source

__all__ = ["FileFollower", "SourceError", "SourceReader", "expand", "read"]

_CHUNK = 1 << 20
WRITTEN_NS = 120 * 1_000_000_000
"""A file written this shortly ago, with records as new as that, is still being written."""
_GZIP = 31
"""zlib's word for: a gzip header with the largest window."""


class SourceError(ValueError):
    """An input that cannot be read; the message names it and says what to do."""


def expand(patterns: Iterable[str | Path]) -> list[Path]:
    """Return the files that the patterns name, each once, in the order given; a glob's matches by name.

    A name without wildcards is returned as it is: `read` says what is wrong with it.

    Raises:
        SourceError: If a glob matches no file.
    """
    found: dict[Path, None] = {}
    for pattern in map(str, patterns):
        if not glob.has_magic(pattern) or Path(pattern).exists():
            found[Path(pattern)] = None
            continue
        matches = (Path(name) for name in sorted(glob.glob(pattern, recursive=True)))  # noqa: PTH207  absolute ones too
        files = [path for path in matches if not path.is_dir()]
        if not files:
            raise SourceError(f"{pattern}: no file matches. Check the pattern, or name the files.")
        found.update(dict.fromkeys(files))
    return list(found)


def read(
    path: Path | str,
    *,
    letter: str,
    timezone: str = "UTC",
    progress: Callable[[int], None] | None = None,
) -> SourceReader:
    """Open a log for reading once from its begin to its end.

    Args:
        path: A file (plain or gzip), or `-` for standard input.
        letter: The source's letter for `Event.origin`.
        timezone: Zone of times that print none.
        progress: Called with the number of bytes of the file read since the last call.

    Raises:
        SourceError: If the file is missing, unreadable, a directory or no text.
        ZoneError: If the time zone is unknown.
    """
    return SourceReader(path, letter=letter, timezone=timezone, progress=progress)


class SourceReader:
    """An iterable of Events over one input, to be iterated once; `info` is whole after the last one."""

    def __init__(
        self,
        path: Path | str,
        *,
        letter: str,
        timezone: str = "UTC",
        progress: Callable[[int], None] | None = None,
    ) -> None:
        """Open the input and look at its first bytes; see `read`."""
        self._name = "stdin" if str(path) == "-" else str(path)
        self._letter = letter
        self._progress = progress
        self._bytes = 0
        self._notes: list[str] = []
        self._complete = True
        self._file, self._written_ns = _open(path)
        try:
            self._parser = formats.Parser(letter=letter, timezone=timezone, newest_ns=self._written_ns)
            self._decoder = Decoder()
            self._first = self._take()
            self._gzip = zlib.decompressobj(_GZIP) if self._first[:2] == b"\x1f\x8b" else None
            kind = binary_kind(self._first if self._gzip is None else _peek(self._first))
            if kind:
                raise SourceError(f"{self._name}: {kind}, not a log. Name a text file (plain or gzip).")
        except BaseException:
            self.close()
            raise
        self.info = Source(letter=letter, name=self._name, complete=False)

    def __iter__(self) -> Iterator[Event]:
        """Yield the events in the order of the file."""
        parser, decoder = self._parser, self._decoder
        try:
            for chunk in self._chunks():
                yield from parser.feed(decoder.lines(chunk))
            *whole, last = decoder.close() or [""]
            yield from parser.feed(whole)
            if last:
                yield from parser.feed_unfinished(last)
            yield from parser.close()
        finally:
            self.close()
            self.info = self._summary()

    def close(self) -> None:
        """Close the file; iterating to the end does so too."""
        if self._file is not sys.stdin.buffer:
            self._file.close()

    def _take(self) -> bytes:
        try:
            # A pipe gives what it has: a live stream is not held back until a chunk is full.
            data = self._file.read1(_CHUNK)  # type: ignore[attr-defined]  # buffered files have it
        except OSError as error:
            self._complete = False
            self._notes.append(f"reading stopped: {error.strerror or error}")
            return b""
        self._bytes += len(data)
        if self._progress is not None and data:
            self._progress(len(data))
        return bytes(data)

    def _chunks(self) -> Iterator[bytes]:
        data, self._first = self._first, b""
        while data:
            if self._gzip is None:
                yield data
            else:
                yield from self._unpacked(data)
                if not self._complete:
                    return
            data = self._take()
        if self._gzip is not None and not self._gzip.eof:
            self._complete = False
            self._notes.append("the gzip file ends early: what could be unpacked was read")

    def _unpacked(self, data: bytes) -> Iterator[bytes]:
        while data:
            assert self._gzip is not None
            if self._gzip.eof:
                # A gzip file may have several members; zeros after the last are padding.
                if not data.strip(b"\x00"):
                    return
                self._gzip = zlib.decompressobj(_GZIP)
            try:
                text = self._gzip.decompress(data, _CHUNK)
            except zlib.error as error:
                self._complete = False
                self._notes.append(f"the gzip file is damaged ({error}): the rest was not read")
                return
            if text:
                yield text
            data = self._gzip.unconsumed_tail or self._gzip.unused_data

    def _summary(self) -> Source:
        parser, decoder = self._parser, self._decoder
        notes = [*self._notes, *decoder.notes(), *parser.notes()]
        if parser.line == 0:
            notes.append("the input is empty")
        if decoder.unfinished:
            stops = (
                "; it stops in the middle: the writer was cut short, or the copy is"
                if parser.broken_line
                else ""
            )
            notes.append(f"the last line has no line end{stops}")
        return Source(
            letter=self._letter,
            name=self._name,
            format=parser.format,
            lines=parser.line,
            records=parser.records,
            bytes=self._bytes,
            unreadable=decoder.unreadable,
            complete=self._complete,
            is_written=_is_written(self._written_ns, parser.last_ns),
            cut_at_end=parser.broken_line,
            last_time=parser.last_ns,
            zone=parser.zone,
            notes=tuple(notes),
        )


def _is_written(written_ns: int, last_ns: int) -> bool:
    """Whether a file was written just now, and by its own program: a fresh copy holds old records."""
    now = time.time_ns()
    return 0 <= now - written_ns < WRITTEN_NS and abs(written_ns - last_ns) < WRITTEN_NS


def _open(path: Path | str) -> tuple[BinaryIO, int]:
    if str(path) == "-":
        return sys.stdin.buffer, 0
    path = Path(path)
    try:
        if path.is_dir():
            raise SourceError(f"{path} is a directory: name the files in it, e.g. {path / '*.log'}")
        return path.open("rb"), path.stat().st_mtime_ns
    except FileNotFoundError:
        raise SourceError(f"{path}: no such file. Check the name.") from None
    except PermissionError:
        raise SourceError(
            f"{path}: this user may not read it. Change its permissions, or run as its owner."
        ) from None
    except (OSError, ValueError) as error:
        if isinstance(error, SourceError):
            raise
        raise SourceError(f"{path}: cannot be opened ({error}). Check the name.") from None


def _peek(packed: bytes) -> bytes:
    try:
        return zlib.decompressobj(_GZIP).decompress(packed, _CHUNK)
    except zlib.error:
        return b""

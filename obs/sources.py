"""Files, globs, gzip and stdin as streams of Events, with what is known of how completely they were read.

Bytes become lines here; what a line means is the business of `obs.formats`, how bytes become text that of
`obs.decoding`. Bad input is a `SourceError`: one line that names the place and the mend.
"""

from __future__ import annotations

import glob
import sys
import zlib
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import BinaryIO, Literal

from obs import formats
from obs.decoding import Decoder, binary_kind
from obs.events import Event
from obs.snapshot import Source

__all__ = ["SourceError", "SourceReader", "expand", "read"]

_CHUNK = 1 << 20


class SourceError(ValueError):
    """An input that cannot be read; the message names it and says what to do."""


def expand(patterns: Iterable[str]) -> list[Path]:
    """Return the files that the patterns name, each once, in the order given; a glob's matches by name.

    Raises:
        SourceError: If a glob matches nothing. A plain name is returned as it is: `read` says what is wrong with it.
    """
    found: dict[Path, None] = {}
    for pattern in patterns:
        if not glob.has_magic(pattern) or Path(pattern).exists():
            found[Path(pattern)] = None
            continue
        matches = sorted(glob.glob(pattern, recursive=True))  # noqa: PTH207  pathlib cannot glob absolute patterns
        files = [Path(match) for match in matches if not Path(match).is_dir()]
        if not files:
            raise SourceError(f"{pattern}: no file matches. Check the pattern, or name the files.")
        found.update(dict.fromkeys(files))
    return list(found)


def read(
    path: Path | Literal["-"] | str,
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
    """
    return SourceReader(path, letter=letter, timezone=timezone, progress=progress)


class SourceReader:
    """An iterable of Events over one input; `info` is valid after the last one."""

    def __init__(
        self,
        path: Path | str,
        *,
        letter: str,
        timezone: str = "UTC",
        progress: Callable[[int], None] | None = None,
    ) -> None:
        """Check the input's first bytes; see `read`."""
        self._name = "stdin" if str(path) == "-" else str(path)
        self._letter = letter
        self._timezone = timezone
        self._progress = progress
        self._bytes = 0
        self._notes: list[str] = []
        self._complete = True
        self._file, newest_ns = _open(path)
        self._parser = formats.Parser(letter=letter, timezone=timezone, newest_ns=newest_ns)
        self._decoder = Decoder()
        self._first = self._take()
        self._gzip = zlib.decompressobj(31) if self._first[:2] == b"\x1f\x8b" else None
        sample = self._first if self._gzip is None else zlib.decompressobj(31).decompress(self._first, _CHUNK)
        kind = binary_kind(sample)
        if kind:
            self.close()
            raise SourceError(f"{self._name}: {kind}, not a log. Name a text file (plain or gzip).")
        self.info = Source(letter=letter, name=self._name)

    def __iter__(self) -> Iterator[Event]:
        """Yield the events in the order of the file."""
        try:
            for chunk in self._chunks():
                yield from self._parser.feed(self._decoder.lines(chunk))
            yield from self._parser.feed(self._decoder.close())
            yield from self._parser.close()
        finally:
            self.close()
            self.info = self._summary()

    def close(self) -> None:
        """Close the file; iterating to the end does so too."""
        if self._file is not sys.stdin.buffer:
            self._file.close()

    def _take(self) -> bytes:
        data = self._file.read1(_CHUNK) if hasattr(self._file, "read1") else self._file.read(_CHUNK)
        self._bytes += len(data)
        if self._progress is not None and data:
            self._progress(len(data))
        return data

    def _chunks(self) -> Iterator[bytes]:
        data = self._first
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
                if not data.strip(b"\x00"):
                    return
                self._gzip = zlib.decompressobj(31)
            try:
                text = self._gzip.decompress(data, _CHUNK)
            except zlib.error as error:
                self._complete = False
                self._notes.append(f"the gzip data is damaged ({error}): the rest was not read")
                return
            if text:
                yield text
            data = self._gzip.unconsumed_tail or self._gzip.unused_data

    def _summary(self) -> Source:
        parser, decoder = self._parser, self._decoder
        notes = [*self._notes, *decoder.notes()]
        return Source(
            letter=self._letter,
            name=self._name,
            format=parser.format,
            lines=parser.line,
            records=parser.records,
            bytes=self._bytes,
            unreadable=decoder.unreadable,
            complete=self._complete,
            zone=parser.zone,
            notes=tuple(notes + parser.notes()),
        )


def _open(path: Path | str) -> tuple[BinaryIO, int]:
    if str(path) == "-":
        return sys.stdin.buffer, 0
    path = Path(path)
    try:
        if path.is_dir():
            raise SourceError(f"{path} is a directory: name the files in it, e.g. {path / '*.log'}")
        file = path.open("rb")
        return file, path.stat().st_mtime_ns
    except FileNotFoundError:
        raise SourceError(f"{path}: no such file. Check the name.") from None
    except PermissionError:
        raise SourceError(
            f"{path}: not readable for this user. Change its permissions, or run as its owner."
        ) from None
    except (OSError, ValueError) as error:
        raise SourceError(f"{path}: cannot be opened ({error}).") from None

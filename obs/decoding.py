"""Bytes to text lines: encodings by their marks or by a simple score, and what could not be read.

Lines end in a line feed, in whatever width the encoding has; other line ends stay inside the line.
"""

from __future__ import annotations

import codecs

__all__ = ["Decoder", "binary_kind"]

MAX_BYTES = 8 * 2**20
"""A line longer than this is not held in memory as a whole: its rest is skipped and said."""

_MAGIC = (
    (b"\x7fELF", "a program (ELF)"), (b"MZ\x90\x00", "a Windows program"), (b"\x89PNG", "a picture (PNG)"),
    (b"\xff\xd8\xff", "a picture (JPEG)"), (b"GIF8", "a picture (GIF)"), (b"%PDF", "a PDF"),
    (b"PK\x03\x04", "a zip archive"), (b"SQLite format 3\x00", "an SQLite database"), (b"PAR1", "a Parquet file"),
    (b"ARROW1", "an Arrow file"), (b"FEA1", "a Feather file"), (b"\x28\xb5\x2f\xfd", "compressed by zstd"),
    (b"\xfd7zXZ\x00", "compressed by xz"), (b"BZh", "compressed by bzip2"), (b"7z\xbc\xaf", "a 7z archive"),
    (b"\x89HDF", "an HDF5 file"), (b"\x1f\x8b", "a gzip file inside a gzip file"), (b"\x93NUMPY", "a numpy array"),
)  # fmt: skip
_TEXT = frozenset(b"\t\n\r\x0b\x0c\x1b\x08\x07\x00")


def binary_kind(sample: bytes) -> str:
    """Return what a file's first bytes are when they are no text, else an empty string."""
    for magic, kind in _MAGIC:
        if sample.startswith(magic):
            return kind
    sample = sample[:65536]
    if not sample or _wide(sample):
        return ""
    odd = sum(count for byte, count in ((b, sample.count(b)) for b in range(32)) if byte not in _TEXT)
    nuls = sample.count(0)
    if odd > len(sample) * 0.02:
        return "binary data"
    return "binary data" if nuls > len(sample) * 0.9 and nuls == len(sample) else ""


def _wide(sample: bytes) -> str:
    """Return the UTF-16 or UTF-32 flavour of the bytes, or an empty string."""
    for mark, name in (
        (codecs.BOM_UTF32_LE, "utf-32-le"), (codecs.BOM_UTF32_BE, "utf-32-be"),
        (codecs.BOM_UTF16_LE, "utf-16-le"), (codecs.BOM_UTF16_BE, "utf-16-be"),
    ):  # fmt: skip
        if sample.startswith(mark):
            return name
    sample = sample[:4096]
    even, odd = sample[0::2].count(0), sample[1::2].count(0)
    least = len(sample) // 2 * 0.3
    if odd > least and even * 10 < odd:
        return "utf-16-le"
    if even > least and odd * 10 < even:
        return "utf-16-be"
    return ""


class Decoder:
    """Cuts a stream of bytes into decoded lines."""

    def __init__(self) -> None:
        """Start before the first byte."""
        self.encoding = ""
        self.unreadable = 0
        self.unfinished = False
        """Whether the last line had no line end."""
        self._rest = b""
        self._legacy = ""
        self._holes = 0
        self._mangled = False

    def lines(self, chunk: bytes) -> list[str]:
        """Return the lines that are whole after this chunk."""
        data = self._rest + chunk
        if not self.encoding:
            if len(data) < 4:
                self._rest = data
                return []
            self._begin(data)
            data = self._skip_mark(data)
        end = self._newline()
        cut = data.rfind(end)
        if self.encoding.startswith("utf-16"):
            while cut >= 0 and cut % 2:
                cut = data.rfind(end, 0, cut + len(end) - 1)
        if cut < 0:
            self._rest = data
            return []
        whole, self._rest = data[:cut], data[cut + len(end) :]
        return self._decode(whole)

    def close(self) -> list[str]:
        """Return the last line when it has no line end."""
        data, self._rest = self._rest, b""
        if not data:
            return []
        if not self.encoding:
            self._begin(data)
            data = self._skip_mark(data)
        self.unfinished = True
        return self._decode(data)

    def notes(self) -> list[str]:
        """Return what a reader of the result must know, one sentence each."""
        found = []
        if self._mangled:
            found.append("the text went through a wrong encoding before: other letters than ASCII are lost")
        if self._holes:
            found.append(f"{self._holes} lines hold NUL bytes (a hole in the file)")
        if self._legacy:
            found.append(f"not UTF-8: read as {self._legacy}")
        if self.unreadable:
            found.append(f"{self.unreadable} lines do not decode: their bytes are shown as escapes")
        return found

    def _begin(self, data: bytes) -> None:
        # A UTF-16 file that was decoded as UTF-8 with replacements and saved again: its mark became two U+FFFD.
        self._mangled = data.startswith("\ufffd\ufffd".encode()) and 0 in data[:64]
        self.encoding = "utf-8" if self._mangled else _wide(data) or "utf-8"

    def _skip_mark(self, data: bytes) -> bytes:
        if self._mangled:
            return data[6:]
        for mark in (codecs.BOM_UTF8, codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE):
            if data.startswith(mark):
                return data[len(mark) :]
        return data

    def _newline(self) -> bytes:
        return "\n".encode(self.encoding)

    def _decode(self, data: bytes) -> list[str]:
        if self.encoding != "utf-8":
            text = data.decode(self.encoding, "replace")
            return text.split("\n")
        try:
            text = data.decode("utf-8")
        except UnicodeDecodeError:
            return [self._line(line) for line in data.split(b"\n")]
        return text.split("\n")

    def _line(self, line: bytes) -> str:
        try:
            return line.decode("utf-8")
        except UnicodeDecodeError:
            self.unreadable += 1
            return line.decode("utf-8", "backslashreplace")

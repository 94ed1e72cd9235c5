"""Bytes to lines of text, chunk by chunk, whatever the encoding; what could not be read is counted.

Lines end in a line feed, in the width of the encoding; other line ends stay inside the line. A line is never
held in memory beyond `MAX_BYTES`.
"""

from __future__ import annotations

import codecs

from obs.logs.encodings import legacy_of, wide_of

__all__ = ["MAX_BYTES", "Decoder"]

MAX_BYTES = 8 * 2**20
"""The rest of a longer line is skipped, and said."""
_SAMPLE = 65536
# The cut end of an over-long line may be half a secret, so a piece larger than any secret goes with it.
_UNSURE = 8192


class Decoder:
    """Cuts a stream of bytes into decoded lines."""

    def __init__(self, encoding: str = "") -> None:
        """Start before the first byte; a known encoding is not guessed again."""
        self.encoding = encoding
        self.legacy = ""
        """The old encoding in which lines are read that are no UTF-8."""
        self.unreadable = 0
        self.unfinished = False
        """Whether the last line had no line end."""
        self._rest = b""
        self._skipping = False
        self._skipped = 0
        self._mangled = False
        self._guessed = False

    @property
    def pending(self) -> int:
        """How many bytes wait for the end of their line."""
        return len(self._rest)

    def lines(self, chunk: bytes) -> list[str]:
        """Return the lines that are whole after this chunk."""
        data = self._rest + chunk
        if not self.encoding:
            if len(data) < 4:
                self._rest = data
                return []
            data = self._begin(data)
        cut, end = self._last_line_end(data)
        if cut < 0:
            self._rest = self._bounded(data)
            return []
        if self._skipping:
            data = self._after_skipped(data)
            cut, end = self._last_line_end(data)
            if cut < 0:
                self._rest = data
                return []
        whole, self._rest = data[:cut], self._bounded(data[end:])
        return self._decode(whole)

    def close(self) -> list[str]:
        """Return the last line when it has no line end."""
        data, self._rest = self._rest, b""
        if not data:
            return []
        if not self.encoding:
            data = self._begin(data)
        self.unfinished = True
        return self._decode(data) if data else []

    def notes(self) -> list[str]:
        """Return what a reader of the lines must know, one sentence each."""
        found = []
        if self._mangled:
            found.append("the text went through a wrong encoding before: other letters than ASCII are lost")
        if self.legacy:
            found.append(f"not UTF-8: read as {self.legacy}")
        if self.unreadable:
            found.append(f"{self.unreadable} lines do not decode: their bytes are shown as escapes")
        if self._skipped:
            found.append(f"{self._skipped} lines are longer than {MAX_BYTES} bytes: their rest was skipped")
        return found

    def _begin(self, data: bytes) -> bytes:
        # A UTF-16 file decoded as UTF-8 with replacements and saved again: its mark became two U+FFFD.
        lost = "\ufffd\ufffd".encode()
        self._mangled = data.startswith(lost) and 0 in data[:64]
        self.encoding = "utf-8" if self._mangled else wide_of(data) or "utf-8"
        if self._mangled:
            return data[len(lost) :]
        for mark in (codecs.BOM_UTF8, codecs.BOM_UTF32_LE, codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE):
            if data.startswith(mark):
                return data[len(mark) :]
        return data

    def _last_line_end(self, data: bytes) -> tuple[int, int]:
        """Return where the last line end begins and where it is over; -1 when there is none."""
        mark = "\n".encode(self.encoding)
        cut = data.rfind(mark)
        while cut >= 0 and cut % len(mark):  # half of one character and half of the next
            cut = data.rfind(mark, 0, cut + len(mark) - 1)
        return cut, cut + len(mark)

    def _bounded(self, data: bytes) -> bytes:
        if len(data) <= MAX_BYTES:
            return data
        if not self._skipping:
            self._skipping = True
            self._skipped += 1
        return data[: MAX_BYTES - _UNSURE]

    def _after_skipped(self, data: bytes) -> bytes:
        """Cut the skipped rest out of the line that is now whole."""
        self._skipping = False
        mark = "\n".encode(self.encoding)
        keep = MAX_BYTES - _UNSURE
        return data[:keep] + data[max(keep, data.find(mark, keep - len(mark) + 1)) :]

    def _decode(self, data: bytes) -> list[str]:
        if self.encoding != "utf-8":
            text = data.decode(self.encoding, "replace")
            self.unreadable += text.count("\ufffd") > 0
            return text.split("\n")
        try:
            return data.decode("utf-8").split("\n")
        except UnicodeDecodeError:
            return self._by_line(data.split(b"\n"))

    def _by_line(self, lines: list[bytes]) -> list[str]:
        if not self._guessed:
            self._guessed = True
            foreign = [line for line in lines if not line.isascii()]
            broken = [line for line in foreign if not _is_utf8(line)]
            # A few broken lines in a UTF-8 file are damage; most of them are another encoding.
            if len(broken) > 0.5 * len(foreign):
                self.legacy = legacy_of(b"\n".join(broken)[:_SAMPLE])
        return [self._line(line) for line in lines]

    def _line(self, line: bytes) -> str:
        for encoding in ("utf-8", self.legacy):
            try:
                return line.decode(encoding or "utf-8")
            except UnicodeDecodeError:
                continue
        self.unreadable += 1
        return line.decode("utf-8", "backslashreplace")


def _is_utf8(line: bytes) -> bool:
    try:
        line.decode("utf-8")
    except UnicodeDecodeError:
        return False
    return True

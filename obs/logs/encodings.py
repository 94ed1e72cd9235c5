"""What a file's first bytes are: text in which encoding, or no text at all.

UTF-8 and UTF-16 are recognised by their marks and patterns. Among the old encodings of traders' Windows
machines a simple score decides: in double-byte text high bytes come in pairs, and which pairs tells Korean,
Chinese and Japanese apart; in single-byte text words (Cyrillic) or lone letters (Latin) do.
"""

from __future__ import annotations

import codecs
import re

__all__ = ["binary_kind", "legacy_of", "wide_of"]

_MAGIC = (
    (b"\x7fELF", "a program (ELF)"),
    (b"MZ\x90\x00", "a Windows program"),
    (b"\x89PNG", "a picture (PNG)"),
    (b"\xff\xd8\xff", "a picture (JPEG)"),
    (b"GIF8", "a picture (GIF)"),
    (b"%PDF", "a PDF"),
    (b"PK\x03\x04", "a zip archive"),
    (b"SQLite format 3\x00", "an SQLite database"),
    (b"PAR1", "a Parquet file"),
    (b"ARROW1", "an Arrow or Feather file"),
    (b"FEA1", "a Feather file"),
    (b"\x28\xb5\x2f\xfd", "compressed by zstd: unpack it first"),
    (b"\xfd7zXZ\x00", "compressed by xz: unpack it first"),
    (b"BZh", "compressed by bzip2: unpack it first"),
    (b"7z\xbc\xaf", "a 7z archive: unpack it first"),
    (b"\x89HDF", "an HDF5 file"),
    (b"\x93NUMPY", "a numpy array"),
    (b"\x80\x04\x95", "a pickle"),
    (b"\x80\x05\x95", "a pickle"),
    (b"\x1f\x8b", "a gzip file inside a gzip file: unpack it first"),
)
_CONTROL = bytes(set(range(32)) - set(b"\x00\t\n\r\x0b\x0c\x1b\x08\x07"))
_MOST_CONTROL = 0.02
_HIGH_RUN = re.compile(rb"[\x80-\xff]+")
_ENOUGH = 4096
_MARKS = (
    (codecs.BOM_UTF32_LE, "utf-32-le"),
    (codecs.BOM_UTF16_LE, "utf-16-le"),
    (codecs.BOM_UTF16_BE, "utf-16-be"),
)


def binary_kind(sample: bytes) -> str:
    """Return what a file is when its first bytes are no text, else an empty string."""
    for magic, kind in _MAGIC:
        if sample.startswith(magic):
            return kind
    sample = sample[:65536]
    if not sample or wide_of(sample):
        return ""
    control = len(sample) - len(sample.translate(None, _CONTROL))
    if control > len(sample) * _MOST_CONTROL:
        return "binary data"
    # NULs alone are a hole in a text; with little text between them they are data.
    return "binary data" if 0 in sample and sample.count(0) > 0.9 * len(sample) else ""


def wide_of(sample: bytes) -> str:
    """Return the flavour of UTF-16 or UTF-32 that the bytes are, or an empty string."""
    for mark, name in _MARKS:
        if sample.startswith(mark):
            return name
    sample = sample[:_ENOUGH]
    half = len(sample) // 2
    even, odd = sample[0::2].count(0), sample[1::2].count(0)
    if half >= 2 and odd > 0.3 * half and even * 10 < odd:
        return "utf-16-le"
    if half >= 2 and even > 0.3 * half and odd * 10 < even:
        return "utf-16-be"
    return ""


def legacy_of(sample: bytes) -> str:
    """Return the most likely encoding of text that is not UTF-8; empty when the bytes fit none.

    Args:
        sample: Whole lines; more are surer.
    """
    runs = _HIGH_RUN.findall(sample)
    if not runs:
        return ""
    if _is_double_byte(runs):
        return _double_byte(b"".join(runs))
    if _decodes(sample, "cp932") and _share(sample.decode("cp932", "ignore"), "\u3041", "\u30fe") > 0.3:
        return "cp932"
    letters = b"".join(runs)
    in_words = sum(len(run) for run in runs if len(run) >= 3)
    if in_words > 0.7 * len(letters) and sum(byte >= 0xC0 for byte in letters) > 0.8 * len(letters):
        return "cp1251"
    return "cp1252" if _decodes(sample, "cp1252") else "latin-1"


def _is_double_byte(runs: list[bytes]) -> bool:
    even = sum(len(run) for run in runs if len(run) % 2 == 0 and min(run) >= 0xA1)
    return even >= 0.9 * sum(len(run) for run in runs)


def _double_byte(pairs: bytes) -> str:
    # The rows of Hangul are B0 to C8; everyday Chinese characters fill B0 to D7 evenly, by their sound.
    leads = pairs[0::2]
    beyond = sum(0xC9 <= lead <= 0xF7 for lead in leads)
    hangul = sum(0xB0 <= lead <= 0xC8 for lead in leads)
    if beyond > 0.1 * max(1, beyond + hangul) and _decodes(pairs, "gbk"):
        return "gbk"
    return "cp949" if _decodes(pairs, "cp949") else "gbk" if _decodes(pairs, "gbk") else "latin-1"


def _decodes(data: bytes, encoding: str) -> bool:
    try:
        data.decode(encoding)
    except UnicodeDecodeError:
        return False
    return True


def _share(text: str, first: str, last: str) -> float:
    foreign = [letter for letter in text if letter > "\x7f"]
    return sum(first <= letter <= last for letter in foreign) / max(1, len(foreign))

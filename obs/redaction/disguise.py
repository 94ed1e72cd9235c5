"""Sees through what hides a secret from a pattern: colour codes, invisible characters, full-width letters."""

from __future__ import annotations

import re
import unicodedata

__all__ = ["ascii_lower", "uncover"]

_INVISIBLE = re.compile(
    "\x1b\\[[0-9;:?]{0,32}[A-Za-z]|\x1b\\][^\x07\x1b]{0,256}(?:\x07|\x1b\\\\)|\x9b[0-9;]{0,32}[A-Za-z]|[\x00-\x08\x0e-\x1f\x7f\xad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180b-\u180e\u200b-\u200f"
    "\u202a-\u202e\u2060-\u206f\u3164\ufe00-\ufe0f\ufeff\uffa0\U000e0000-\U000e01ef]"
)
_WIDE = re.compile("[\uff01-\uff5e\u3000\U0001d400-\U0001d7ff]")
_LOWER = {code: code + 32 for code in range(65, 91)}


def ascii_lower(text: str) -> str:
    """Lower case that never changes the length."""
    return text.translate(_LOWER)


def uncover(text: str) -> tuple[str, list[int]] | None:
    """Return the text as a reader sees it and, for each of its characters, its place in the original.

    None when nothing was hidden.
    """
    if text.isascii() and "\x1b" not in text and not _INVISIBLE.search(text):
        return None
    if not _INVISIBLE.search(text) and not _WIDE.search(text):
        return None
    places: list[int] = []
    position = 0
    for hidden in _INVISIBLE.finditer(text):
        places.extend(range(position, hidden.start()))
        position = hidden.end()
    places.extend(range(position, len(text)))
    return "".join(_narrow(text[place]) for place in places), places


def _narrow(character: str) -> str:
    if character < "\uff01" and character != "\u3000":
        return character
    plain = unicodedata.normalize("NFKC", character)
    return plain if len(plain) == 1 else character

"""Sees through what hides a secret: colour codes, invisible characters, wide letters, escapes."""

from __future__ import annotations

import re
import unicodedata
from urllib.parse import unquote

__all__ = ["ascii_lower", "uncover"]

_COVERED = re.compile(
    # Colour and link codes of terminals, raw and as a `repr` or a JSON string writes them.
    r"(?P<hidden>(?:(?:\x1b|\\{1,4}x1b|\\{1,4}u001[bB]|\\{1,4}033|\^\[)\[[0-9;:?]{0,32}[A-Za-z]"
    r"|\x1b\][^\x07\x1b]{0,256}(?:\x07|\x1b\\)|\x9b[0-9;]{0,32}[A-Za-z]"
    r"|[\x02-\x08\x0e-\x1a\x7f\x80-\x84\x86-\x9f\xad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180b-\u180e"
    r"\u200b-\u200f\u202a-\u202e\u2060-\u206f\ufe00-\ufe0f\ufeff\U000e0000-\U000e01ef])+)"
    # Letters of another script in JSON or a URL, where names stand escaped.
    r"|(?P<json>\\{1,8}u(?!00[0-7])[0-9a-fA-F]{4})"
    r"|(?P<percent>(?:%[89a-fA-F][0-9a-fA-F]){2,64})"
    # Full-width and mathematical letters.
    r"|(?P<wide>[\uff01-\uff5e\u3000\U0001d400-\U0001d7ff]+)"
)
_INVISIBLE = re.compile(r"[\u200b-\u200f\u202a-\u202e\u2060-\u206f\ufe00-\ufe0f\ufeff\xad\x02-\x08\x0e-\x1a]")
_HIGH_PERCENT = re.compile("%[89a-fA-F][0-9a-fA-F]")
_STRANGE = re.compile(
    "[\x02-\x08\x0e-\x1b\x7f-\x84\x86-\x9f\xad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180b-\u180e"
    "\u200b-\u200f\u202a-\u202e\u2060-\u206f\u3000\ufe00-\ufe0f\ufeff\uff01-\uff5e"
    "\U0001d400-\U0001d7ff\U000e0000-\U000e01ef]"
)
_LOWER = {code: code + 32 for code in range(65, 91)}


def ascii_lower(text: str) -> str:
    """Lower case that never changes the length."""
    return text.translate(_LOWER)


def uncover(text: str) -> tuple[str, list[int]] | None:
    """Return the text as a reader sees it, and where each of its characters starts in the original.

    The list has one more element, the length of the original. None when nothing was hidden.
    """
    covered = _COVERED.search(text) if _may_be_covered(text) else None
    if covered is None:
        return None
    parts: list[str] = []
    places: list[int] = []
    position = 0
    while covered is not None:
        start, end = covered.span()
        parts.append(text[position:start])
        places.extend(range(position, start))
        shown = _shown(covered)
        parts.append(shown)
        places.extend(range(start, end) if len(shown) == end - start else [start] * len(shown))
        position = end
        covered = _COVERED.search(text, position)
    parts.append(text[position:])
    places.extend(range(position, len(text) + 1))
    return "".join(parts), places


def _may_be_covered(text: str) -> bool:
    if "\\" in text and ("\\u" in text or "\\x1b" in text or "\\033" in text):
        return True
    if "%" in text and _HIGH_PERCENT.search(text):
        return True
    if "^[[" in text:
        return True
    return not (text.isascii() and text.isprintable()) and _STRANGE.search(text) is not None


def _shown(covered: re.Match[str]) -> str:
    if covered["hidden"]:
        return ""
    if covered["json"]:
        character = chr(int(covered["json"][-4:], 16))
        return "" if _INVISIBLE.match(character) else character
    if covered["percent"]:
        return unquote(covered["percent"], errors="replace")
    plain = unicodedata.normalize("NFKC", covered["wide"])
    return plain if len(plain) == len(covered["wide"]) else covered["wide"]

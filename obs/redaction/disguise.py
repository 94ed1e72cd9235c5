"""Sees through what hides a secret: colour codes, invisible characters, wide letters, escapes."""

from __future__ import annotations

import re
import unicodedata
from bisect import bisect_right
from typing import NamedTuple

__all__ = ["Uncovered", "lower_case", "uncover"]

MAX_COVERS = 18_000
"""Covers seen through in one text; what follows more of them is masked whole."""

MAX_WIDE = 300_000
"""How far a text that mixes many wide letters is read; what follows is masked whole."""

_FEW_WIDE = 16

_SINGLES = (
    "\x02-\x08\x0e-\x1a\x7f-\x84\x86-\x9f\xad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180b-\u180e"
    "\u200b-\u200f\u202a-\u202e\u2060-\u206f\ufe00-\ufe0f\ufeff\U000e0000-\U000e01ef"
)
_ESCAPED_SINGLE = (
    r"(?:00[aA][dD]|200[b-fB-F]|202[a-eA-E]|206[0-9a-fA-F]|[fF][eE]0[0-9a-fA-F]|[fF][eE][fF]{2})"
)
_ESCAPED = rf"(?!00[0-7]|{_ESCAPED_SINGLE})[0-9a-fA-F]{{4}}"
_CODE = r"\[[0-9;:?]{0,32}[A-Za-z]"
# Every cover begins with a character of one class: the engine skips all others at full speed.
_COVERED = re.compile(
    rf"[\x1b\\^%{_SINGLES}](?:"
    rf"(?<=\\)(?P<slashes>\\{{0,7}})(?:x1b{_CODE}|033{_CODE}|u(?=[0-9a-fA-F]{{4}})(?:001[bB]{_CODE}|{_ESCAPED_SINGLE}"
    # Letters of another script in JSON or a URL, where names stand escaped.
    rf"|{_ESCAPED}(?:\\(?P=slashes)u{_ESCAPED}){{0,255}}(?P<json>)))"
    r"|(?<=%)[89a-fA-F][0-9a-fA-F](?:%[89a-fA-F][0-9a-fA-F]){1,63}(?P<percent>)"
    # Colour and link codes of terminals, raw and as a `repr` or a JSON string writes them.
    rf"|(?<![\\%])(?:(?<=\x1b)(?:{_CODE}|\][^\x07\x1b]{{0,256}}(?:\x07|\x1b\\))"
    r"|(?<=\x9b)[0-9;]{0,32}[A-Za-z]"
    rf"|(?<=[{_SINGLES}])[{_SINGLES}]*"
    rf"|(?<=\^)\[{_CODE})"
    r")"
)
_HIGH_PERCENT = re.compile("%[89a-fA-F][0-9a-fA-F]")
_STRANGE = re.compile(f"[\x1b{_SINGLES}]")
_CONTROLS = bytes({*range(2, 9), *range(14, 28), 127})
# Full-width and mathematical letters.
_WIDE = re.compile("[\uff01-\uff5e\u3000\U0001d400-\U0001d7ff]")
_PLAIN = {
    code: plain
    for code in (*range(0xFF01, 0xFF5F), 0x3000, *range(0x1D400, 0x1D800))
    if len(plain := unicodedata.normalize("NFKC", chr(code))) == 1
}


class Uncovered(NamedTuple):
    """The text as a reader sees it, and where its characters stand in the original."""

    text: str
    end: int
    """Where looking ended in the original: its length, or less when it hides too much."""
    shown: list[int]
    places: list[int]
    strides: list[int]
    """Three columns: from which character on, where that one stands, how many originals each one takes."""

    def place(self, at: int) -> int:
        """Return where a character stands in the original; for the length of the text, the end."""
        segment = bisect_right(self.shown, at) - 1
        return self.places[segment] + (at - self.shown[segment]) * self.strides[segment]


def lower_case(text: str) -> str:
    """Lower case that never changes the length."""
    # The only letter whose small form is two characters long.
    return text.replace("\u0130", "i").lower()


def uncover(text: str) -> Uncovered | None:
    """Return the text as a reader sees it; None when nothing was hidden."""
    plain, end = (text, len(text)) if text.isascii() else _narrow(text)
    if _may_be_covered(plain):
        clear = _clear(plain, end)
        if len(clear.places) > 2 or clear.end < len(text):
            return clear
    return None if plain is text else Uncovered(plain, end, [0], [0], [1])


def _narrow(text: str) -> tuple[str, int]:
    """Wide letters become plain ones, each in its place; and how far that was done."""
    wide = _WIDE.search(text)
    for _ in range(_FEW_WIDE):
        if wide is None:
            return text, len(text)
        text = text.replace(wide.group(), _PLAIN[ord(wide.group())])
        wide = _WIDE.search(text, wide.end())
    if wide is None:
        return text, len(text)
    end = min(len(text), wide.start() + MAX_WIDE)
    return text[: wide.start()] + text[wide.start() : end].translate(_PLAIN), end


def _clear(text: str, end: int) -> Uncovered:
    parts: list[str] = []
    shown: list[int] = []
    places: list[int] = []
    strides: list[int] = []
    position = length = 0
    if text.count("\x1b") > 2 * MAX_COVERS:
        # Codes that are none cost as much as codes do.
        end = min(end, _nth(text, "\x1b", 2 * MAX_COVERS))
    for number, covered in enumerate(_COVERED.finditer(text, 0, end)):
        start, stop = covered.span()
        if number == MAX_COVERS:
            end = start
            break
        if start > position:
            parts.append(text[position:start])
            shown.append(length)
            places.append(position)
            strides.append(1)
            length += start - position
        if covered.lastgroup in ("json", "percent"):
            clear, stride = _shown(covered)
            parts.append(clear)
            shown.append(length)
            places.append(start)
            strides.append(stride)
            length += len(clear)
        position = stop
    parts.append(text[position:end])
    shown += [length, length + end - position]
    places += [position, end]
    strides += [1, 1]
    return Uncovered("".join(parts), end, shown, places, strides)


def _nth(text: str, sign: str, number: int) -> int:
    at = -1
    for _ in range(number):
        at = text.find(sign, at + 1)
    return at


def _may_be_covered(text: str) -> bool:
    if "\\" in text and ("\\u" in text or "\\x1b" in text or "\\033" in text):
        return True
    if "%" in text and _HIGH_PERCENT.search(text):
        return True
    if "^[[" in text:
        return True
    if text.isascii():
        return not text.isprintable() and len(text) != len(text.encode().translate(None, _CONTROLS))
    return _STRANGE.search(text) is not None


def _shown(covered: re.Match[str]) -> tuple[str, int]:
    """What a reader sees, and how many originals stand behind each of its characters; 0: all behind all."""
    if covered.lastgroup == "percent":
        return bytes.fromhex(covered.group().replace("%", "")).decode("utf-8", "replace"), 0
    slashes = covered["slashes"]
    clear = covered.group().replace(slashes + "\\u", "\\u").encode().decode("unicode_escape")
    return clear, len(slashes) + 6

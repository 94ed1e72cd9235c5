"""Foreign text made safe to show: a JSON string that no fence, link, terminal or reader can be broken by.

Everything a bot printed is data. It is quoted: control, bidi and invisible characters escaped, links made
dead, and cuts marked outside the quotes, where the text cannot forge them.
"""

from __future__ import annotations

import hashlib
import re

__all__ = ["function_name", "plain", "quote", "shorten"]

# Controls, bidi marks, zero-width, variation selectors, tags, separators, private use and lone surrogates.
_HIDDEN = re.compile(
    "[\x7f-\x9f\xad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180b-\u180e\u200b-\u200f\u2028-\u202e\u2060-\u206f"
    "\u3164\ud800-\udfff\ue000-\uf8ff\ufe00-\ufe0f\ufeff\uffa0\ufff9-\uffff\U0001d173-\U0001d17a"
    "\U000e0000-\U000e0fff\U000f0000-\U0010ffff]"
)
# Letters take few marks in real text; a pile of them is there to overflow the line.
_MARKS = re.compile("[\u0300-\u036f\u1ab0-\u1aff\u1dc0-\u1dff\u20d0-\u20ff\ufe20-\ufe2f]{3,}")


def quote(text: str) -> str:
    """Return the text as a JSON string of visible characters; `json.loads` gives the text back.

    Three backticks in a row, `://` and `](` are written so that nothing reads them as markup.
    """
    escaped = _CONTROLS.sub(_short, text.replace("\\", "\\\\"))
    if not escaped.isascii() or "\x7f" in escaped:
        escaped = _MARKS.sub(_escaped, _HIDDEN.sub(_escaped, escaped))
    encoded = f'"{escaped}"'
    return (
        encoded.replace("```", "\\u0060\\u0060\\u0060").replace("~~~", "\\u007e~~").replace("://", ":\\/\\/")
    )


def shorten(text: str, limit: int, focus: tuple[int, int] = (0, 0)) -> str:
    """Return the quoted text, its middle cut when it is longer than `limit` characters.

    Args:
        text: Foreign text, secrets already masked (mask first, cut second).
        limit: Most characters of the text to keep; at least 20.
        focus: Half-open range of characters that must stay visible; (0, 0): head and tail.
    """
    limit = max(limit, 20)
    if len(text) <= limit + 20:
        return quote(text)
    start, end = focus
    end = min(end, start + limit)
    if end <= max(start, limit * 2 // 3):
        # The point, if there is one, stands in the head: keep head and tail.
        head = limit * 2 // 3
        kept = [(0, head), (len(text) - (limit - head), len(text))]
    else:
        room = limit - (end - start)
        before = max(0, start - room // 3)
        after = min(len(text), end + room // 3)
        head = min(room // 3, before)
        kept = [(0, head), (before, after)]
    return _joined(text, kept)


def plain(text: object, limit: int = 60) -> str:
    """Return a name from outside as prose may carry it: an identifier, never a sentence.

    Letters, digits and `_./:-`, at most `limit` of them. Of a text with anything else in it only the first
    word stays, marked with `…`; a name without any such word becomes `unnamed-` and a number of its own.
    """
    name = str(text).strip()
    if not name:
        return ""
    found = _NAME.match(name)
    if found is None:
        digest = hashlib.blake2b(name.encode("utf-8", "surrogatepass"), digest_size=2).hexdigest()
        return f"unnamed-{digest}"
    if found[0] == name and len(name) <= limit:
        return name
    return f"{found[0][: min(limit, FIRST_WORD) if found[0] != name else limit]}…"


def _joined(text: str, kept: list[tuple[int, int]]) -> str:
    out: list[str] = []
    at = 0
    for start, end in kept:
        if end <= start:
            continue
        if start > at:
            out.append(f"[{start - at} chars cut]")
        out.append(quote(text[start:end]))
        at = end
    if at < len(text):
        out.append(f"[{len(text) - at} chars cut]")
    return " ".join(out)


def _escaped(found: re.Match[str]) -> str:
    return "".join(_unit(character) for character in found[0])


def _unit(character: str) -> str:
    code = ord(character)
    if code < 0x10000:
        return f"\\u{code:04x}"
    code -= 0x10000
    return f"\\u{0xD800 + (code >> 10):04x}\\u{0xDC00 + (code & 0x3FF):04x}"


_NAME = re.compile(r"[A-Za-z0-9_./:-]+")
FIRST_WORD = 30
_CONTROLS = re.compile('[\x00-\x1f"]')
_SHORT = {"\n": "\\n", "\r": "\\r", "\t": "\\t", '"': '\\"'}


def _short(found: re.Match[str]) -> str:
    return _SHORT.get(found[0], f"\\u{ord(found[0]):04x}")


def function_name(name: str) -> str:
    """Return a function's name as prose may carry it; Python has words of its own for code without one."""
    nameless = {"<module>": "the module itself", "<lambda>": "a lambda", "<genexpr>": "a generator"}
    return nameless.get(name) or plain(name, 120)

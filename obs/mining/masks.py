"""From a line to its form: every value becomes `*`, by its shape alone.

A form is an exact key while streaming: equal forms count together, in any order and after any restart. It
depends on nothing but the line's head with each run of digits read as `0`, so that a dictionary from that
skeleton to the form answers for nearly every line. What a word's shape says is decided in `words`; here the
line is cut, taken apart and put together again, and lists and optional parts become one `*`.
"""

from __future__ import annotations

import re
import sys
import unicodedata

from obs.mining.vocabulary import DAYS, MONTHS
from obs.mining.words import MaskedWords

__all__ = ["MAX_LENGTH", "MAX_WORDS", "canonical", "forget", "form"]

MAX_LENGTH = 2_000
"""Characters of a message that are looked at; what follows rarely names the problem."""
MAX_FORM = 400
"""Characters of the skeleton that are looked at, and so, with `MAX_WORDS`, the cost of a new line."""
MAX_WORDS = 64
MAX_NESTING = 4
"""Brackets within brackets that are looked through."""
MANY_VALUES = 16
_CACHE_SIZE = 20_000
_forms: dict[str, str] = {}
_words = MaskedWords(_CACHE_SIZE)

_DIGITS = {
    number: "0"
    for number in range(sys.maxunicode + 1)
    if number != ord("0") and unicodedata.category(chr(number)) == "Nd"
}
"""Every decimal digit of every script."""

_SEPARATORS = re.compile(r"([\s,;=(){}\[\]\"'<>|`]+)")
_QUERY = re.compile(r"\?[\w.%~-]+=[^\s'\"<>)\]}]*")
_REDACTED = re.compile(r"\[REDACTED:\w*\]")
# A quoted value has one word or two; more is a sentence. An apostrophe inside a word opens nothing.
_QUOTED = re.compile(r"(?<![\w'])'[^'\s]*+(?:\s[^'\s]++)?'(?!\w)|\"[^\"\s]*+(?:\s[^\"\s]++)?\"")

_CALENDAR = frozenset(name for full in MONTHS + DAYS for name in (full, full[:3]))
_MONTH = "(?:" + "|".join(f"{name[:3]}(?:{name[3:]})?" for name in MONTHS) + ")"
_DAY = "(?:" + "|".join(f"{name[:3]}(?:{name[3:]})?" for name in DAYS) + ")"
_ZONE = "UTC|GMT|CES?T|EES?T|[ECMP][SD]T|KST|JST|HKT|IST|BST|MSK|SGT"
_NAMED_DATE = re.compile(
    rf"\b(?:{_DAY}[,.]?\s+)?{_MONTH}[,.]?\s+\*(?:,?\s+\*)*|\*[\s-]{_MONTH}(?:[,\s-]+\*)*|\b{_DAY},?\s+\*"
)
_UNIT = "ns|us|µs|ms|secs?|seconds?|[KMGTP]?i?B|[KMGT]B/s|bytes?|bps|[KMG]?Hz"
_AFTER = re.compile(rf"\*\s?(?:{_UNIT}|[AP]M|{_ZONE})\b(?![:=(])")
_NOTHING = re.compile(r"\*:\s?(?:[Tt]rue|[Ff]alse|None|[Nn]a[Nn]|null)\b")
_OPTIONAL = re.compile(r" [(\[](?<=[\w*] .)(?:[*\s.,:;/+=%-]|\b(?:s|h|m|d|min|hours?|days?)\b)*+[)\]]")
_STRUCT = re.compile(r"=[A-Z]\w*[{(]\*[})]")
_LESS = re.compile(r"<\*(?!\s?>)")
_BARE = re.compile(r"[\[({<](?<![\w.].)\s*\*\s*[\])}>]")
_RUNS = re.compile(r"\*(?:[\s,;:|/+x×#@=-]*+\*)+")
_FRAMES = re.compile(r"(?<!\S)[\w$]++(?:\.[\w$]++){2,}+:\*(?:[\s,]++[\w$]++(?:\.[\w$]++){2,}+:\*)+")


def form(message: str) -> str:
    """Return the message with every value replaced by `*`.

    The first line that says anything decides, cut at `MAX_LENGTH` characters; case and words stay.
    """
    if "\n" in message:
        message = message.lstrip().split("\n", 1)[0]
    head = message[:MAX_LENGTH].translate(_DIGITS)
    while "00" in head:
        head = head.replace("00", "0")
    known = _forms.get(head)
    if known is None:
        if len(_forms) >= _CACHE_SIZE:
            _forms.clear()
        known = _forms[head] = _mask(head)
    return known


def forget() -> None:
    """Forget which lines and words were seen; only what it costs to see them again changes."""
    _forms.clear()
    _words.clear()


def _mask(head: str) -> str:
    if len(head) > MAX_FORM:
        # Not in the middle of a word, which might be half a number.
        head = head[:MAX_FORM].rpartition(" ")[0] or head[:MAX_FORM]
    if "?" in head:
        head = _QUERY.sub("", head)
    if "[REDACTED:" in head:
        head = _REDACTED.sub("0", head)
    if '"' in head or "'" in head:
        head = _QUOTED.sub("*", head)
    parts = _SEPARATORS.split(head, MAX_WORDS)
    if len(parts) > 2 * MAX_WORDS:
        parts = parts[: 2 * MAX_WORDS - 1]
    # Most words are plain and short: for those no call is made.
    parts[::2] = [
        word if word.isalpha() and len(word) < 8 and (len(word) < 5 or not word.isupper()) else _words[word]
        for word in parts[::2]
    ]
    masked = "".join(parts)
    if not _CALENDAR.isdisjoint(parts):
        masked = _NAMED_DATE.sub("*", masked)
    return canonical(masked)


def canonical(masked: str) -> str:
    """Return a masked line in the one way it is written: lists and optional parts are one `*`."""
    if "*" in masked:
        if masked.count("*") > MANY_VALUES:
            masked = _RUNS.sub("*", masked)
        if "<*" in masked:
            masked = _LESS.sub("*", masked)
        masked = _AFTER.sub("*", masked)
        if "*:" in masked:
            masked = _NOTHING.sub("*", masked)
        if " (" in masked or " [" in masked:
            masked = _OPTIONAL.sub("", masked)
        if "=" in masked:
            masked = _STRUCT.sub("=*", masked)
        for _ in range(MAX_NESTING):
            before = masked
            masked = _RUNS.sub("*", _BARE.sub("*", masked))
            if masked == before:
                break
        if masked.count(":*") > 1:
            masked = _FRAMES.sub("*", masked)
    masked = " ".join(masked.split())
    return _listed(masked) if masked.count("*") > 1 else masked


def _listed(masked: str) -> str:
    """Write a list of equal items, each of some words around a value, as one item."""
    words = masked.split(" ")
    if len(words) < 4 or 4 * len(set(words)) > 3 * len(words):
        return masked
    for width in (2, 3, 4, 5):
        if len(words) < 2 * width:
            break
        kept: list[str] = words[:width]
        at = width
        while at < len(words):
            # One word is compared before items are, because most are not equal.
            if (
                words[at] == kept[-width]
                and words[at : at + width] == kept[-width:]
                and "*" in "".join(kept[-width:])
            ):
                at += width
            else:
                kept.append(words[at])
                at += 1
        words = kept
    return " ".join(words)

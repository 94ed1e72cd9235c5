"""Judges whether a value can be a secret at all: placeholders, words, symbols and counts are none."""

from __future__ import annotations

import re
from functools import lru_cache
from itertools import pairwise

from obs.redaction.vocabulary import INNOCENT

__all__ = ["changes", "is_placeholder", "looks_random", "looks_secret"]

_PLACEHOLDER = re.compile(
    r"[*xX•●∗.…\-_#=]+"
    r"|\[REDACTED(?::[a-z0-9_]*)?\]?"
    r"|\[?(?i:redacted|filtered|hidden|masked|removed|secure|secret|scrubbed)\]?"
    r"|<[^<>]{0,60}>?|\$\{[^}]{0,80}\}?|\{\{[^}]{0,80}(?:\}\})?|\$[A-Za-z_]\w{0,60}|%\w{1,60}%|%[sdr]|\{\w{0,40}\}"
    r"|(?:os\.)?environ\b.{0,80}|(?:os\.)?getenv.{0,80}|process\.env\..{0,80}"
    r"|.{0,6}\*{3,}.{0,6}|.{0,6}…{1,3}.{0,6}|.{0,6}\.{3}.{0,6}",
    re.DOTALL,
)
_NUMBER = re.compile(r"[-+]?[0-9][0-9_.,:eE%/+\-TZ]*[a-zA-Z%]{0,3}")
_ADDRESS = re.compile(r"0x(?:[0-9a-fA-F]{40}|[0-9a-fA-F]{1,16})")
_CHARACTERS = re.compile(r"[A-Za-z0-9_\-+/=.~%:]+")
_SEGMENT = re.compile(r"[A-Za-z0-9]+")
_SIGNS = frozenset("!@#$%^&*?+~")
_CODES = {
    **dict.fromkeys(range(97, 123), "a"),
    **dict.fromkeys(range(65, 91), "A"),
    **dict.fromkeys(range(48, 58), "0"),
}


def is_placeholder(value: str) -> bool:
    """Whether the value only stands for a secret: `None`, `***`, `${SECRET}`, `required`, a mask."""
    stripped = value.strip(" .!?:,;\"'()")
    return not stripped or stripped.lower() in INNOCENT or _PLACEHOLDER.fullmatch(stripped) is not None


@lru_cache(maxsize=1024)
def looks_secret(value: str) -> bool:
    """Whether a value behind a secret name in prose is no plain word: it mixes letters, digits, signs."""
    value = value[:128]
    if len(value) < 6 or _NUMBER.fullmatch(value) or is_placeholder(value):
        return False
    letters = any(c.isalpha() for c in value)
    inside = value[:-1]
    marked = (
        any(c.isdigit() for c in value)
        or (not _SIGNS.isdisjoint(inside) and not value.islower())
        or (len(value) >= 8 and value.isascii() and changes(value) >= 0.4 * len(value))
    )
    return (letters and marked and "=" not in value.rstrip("=")) or looks_random(value)


@lru_cache(maxsize=1024)
def looks_random(value: str) -> bool:
    """Whether a value is surely no word, symbol, date or count, as a weak name (`token`, `key`) demands."""
    core = value[:128].strip("=")
    if (
        len(core) < 12
        or _NUMBER.fullmatch(core)
        or _ADDRESS.fullmatch(core)
        or not _CHARACTERS.fullmatch(core)
        or "=" in core
    ):
        return False
    if not any(c.isdigit() for c in core):
        # Without a digit only long text that changes case all the time is no identifier.
        return len(core) >= 20 and core.isalnum() and changes(core) >= 0.4 * len(core)
    segments = _SEGMENT.findall(core)
    longest = max(segments, key=len, default="")
    if len(longest) >= 12:
        return changes(longest) >= 0.16 * len(longest)
    mixed = sum(len(part) for part in segments if not part.isalpha() and not part.isdigit())
    return len(core) >= 16 and mixed >= 0.6 * len(core)


def changes(value: str) -> int:
    """Return how often neighbours differ in class (lower, upper, digit, sign): random text changes often."""
    return sum(a != b for a, b in pairwise(value.translate(_CODES)))

"""Judges whether a value can be a secret at all: placeholders, words and counts are none."""

from __future__ import annotations

import re
from functools import lru_cache

__all__ = ["is_placeholder", "looks_random", "looks_secret"]

_INNOCENT = frozenset(
    """none null nil undefined true false yes no on off ok set unset empty missing required invalid incorrect wrong expired failed
    fail failure hidden masked redacted secret removed filtered sanitized not given present absent changed reset rotated valid
    must should cannot could is was are the for in of and or with from by to a an your this that default optional unknown n/a na
    loaded found available enabled disabled ignored rejected accepted denied granted verified mismatch error str string bytes int
    bool object text any type example changeme placeholder todo tbd env environment authentication authorization check file
    path provided needed updated created deleted revoked refreshed successful success unauthorized forbidden bearer basic digest
    token key password username user name value callable function method class field plain plaintext raw encrypted hashed
    signed unsigned public private read write admin live paper test testnet sandbox prod production dev staging""".split()
)
_PLACEHOLDER = re.compile(
    r"[*x•●∗.…\-_#]+|\[REDACTED(?::[a-z0-9_]*)?\]?|<[^<>]{0,60}>|\$\{[^}]{0,80}\}?|\{\{[^}]{0,80}(?:\}\})?|\$[A-Za-z_]\w{0,60}|%\w{1,60}%|%[sdr]|\{\w{0,40}\}"
    r"|(?:os\.)?environ\b.{0,80}|os\.getenv.{0,80}|getenv.{0,80}|process\.env\..{0,80}|\[?(?:REDACTED|FILTERED|HIDDEN|MASKED|Filtered|hidden|masked|redacted|removed|secure|secret)\]?"
    r"|\*{3,}.{0,4}|.{0,4}\*{3,}|.{1,6}\*{3,}.{1,6}",
    re.DOTALL,
)
_NUMBER = re.compile(r"[-+]?[0-9][0-9_.,:eE%/+\-TZ]*[a-zA-Z%]{0,3}")
_ADDRESS = re.compile(r"0x[0-9a-fA-F]{40}")
_RANDOM_CHARACTERS = re.compile(r"[A-Za-z0-9_\-+/=.~%:]+")


def is_placeholder(value: str) -> bool:
    """Whether the value stands for a secret without being one: `None`, `***`, `${SECRET}`, `required`, a mask."""
    stripped = value.strip(" .!?:\"'")
    return not stripped or stripped.lower() in _INNOCENT or _PLACEHOLDER.fullmatch(stripped) is not None


@lru_cache(maxsize=1024)
def looks_secret(value: str) -> bool:
    """Whether a value behind a secret name in prose is no ordinary word: it mixes letters and digits or signs."""
    if len(value) < 6 or _NUMBER.fullmatch(value) or is_placeholder(value):
        return False
    letters = any(c.isalpha() for c in value)
    return (letters and any(c.isdigit() for c in value)) or looks_random(value)


@lru_cache(maxsize=1024)
def looks_random(value: str) -> bool:
    """Whether a value behind a name that has innocent uses (`token`, `key`, `session`) is surely no word, symbol or count."""
    core = value.strip("=")
    if (
        len(core) < 12
        or _NUMBER.fullmatch(core)
        or _ADDRESS.fullmatch(core)
        or not _RANDOM_CHARACTERS.fullmatch(core)
    ):
        return False
    return changes(core) >= 0.25 * len(core) and any(c.isdigit() for c in core)


def changes(value: str) -> int:
    """Return how often neighbouring characters differ in class (lower, upper, digit, sign): random text changes often."""
    classes = ["a" if c.islower() else "A" if c.isupper() else "0" if c.isdigit() else "." for c in value]
    return sum(a != b for a, b in zip(classes, classes[1:], strict=False))

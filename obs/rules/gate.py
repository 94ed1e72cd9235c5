"""Finding thousands of words in a text at once, and searching it in linear time: the engines of the rules.

The gate says which literals stand where; only then are a rule's patterns tried, and only on those lines.
Both engines have a pure-Python road beside the native one that gives the same answers.
"""

from __future__ import annotations

import functools
import re
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any, Protocol

ahocorasick_rs: Any
try:
    import ahocorasick_rs
except ImportError:  # no wheel for this platform: `in` does the same, more slowly
    ahocorasick_rs = None

re2: Any
try:
    import re2  # type: ignore[no-redef,unused-ignore]
except ImportError:
    re2 = None

__all__ = ["MAX_LINE", "Gate", "Pattern", "PatternError", "compile_pattern", "pattern_set", "stands_alone"]

MAX_LINE = 4_096
"""Characters of a line that patterns see; a longer line is cut first, so that no line can cost a second."""

_OTHERS = re.compile(r"[^\x00-\x7f]+")
_GRAM = 4
"""Characters by which the pure-Python road finds the literals that may stand in a text."""

# What RE2 refuses: each needs backtracking. Checked by text where RE2 itself is absent.
_NEEDS_BACKTRACKING = re.compile(r"\(\?(?:=|!|<=|<!|>|P=|\()|(?<!\\)(?:\\\\)*\\[1-9]|[*+?}]\+")
# A group that repeats and holds a repetition, `(a+)+`: linear in RE2, exponential in `re`.
_NESTED_REPEAT = re.compile(r"\([^()]*[^\\()][*+][^()]*\)(?:[*+]|\{\d*,\})")


class PatternError(ValueError):
    """A pattern that is not a regular expression, or not one that runs in linear time."""


class Pattern(Protocol):
    """What both engines offer: search one line, give the named groups."""

    def search(self, text: str, /) -> Any:
        """Return a match object with `groupdict()`, or None."""


@functools.lru_cache(maxsize=4_096)
def compile_pattern(pattern: str, *, native: bool = True) -> Pattern:
    """Return `pattern` ready to search, ignoring case, in time linear in the text.

    Args:
        pattern: RE2 syntax: what Python's `re` knows, without lookarounds and backreferences.
        native: False takes the standard library even where RE2 is installed.

    Raises:
        PatternError: If it is no pattern, or one that needs backtracking.
    """
    if _NEEDS_BACKTRACKING.search(pattern):
        raise PatternError(
            "it needs backtracking; write it without lookaround, backreference or possessive repeat"
        )
    try:
        if native and re2 is not None:
            return _compile_re2(pattern)
        if _NESTED_REPEAT.search(pattern):
            raise PatternError("a repeat inside a repeat may never end here; write it with one repeat")
        if pattern.isascii():
            return re.compile(pattern, re.IGNORECASE | re.ASCII)
        return _Lowered(pattern)
    except re.error as error:
        raise PatternError(f"it is no regular expression: {error}; mend it at that place") from None


class _Lowered:
    """A pattern with other letters than ASCII, of which `re` heeds the case."""

    def __init__(self, pattern: str) -> None:
        self._compiled = re.compile(_lower_others(pattern), re.IGNORECASE | re.ASCII)

    def search(self, text: str, /) -> re.Match[str] | None:
        return self._compiled.search(_lower_others(text))


def _lower_others(text: str) -> str:
    """Return `text` with its letters beyond ASCII in lower case."""
    return text if text.isascii() else _OTHERS.sub(lambda found: found[0].lower(), text)


def _compile_re2(pattern: str) -> Pattern:
    options = re2.Options()
    options.case_sensitive = False
    options.log_errors = False
    try:
        compiled: Pattern = re2.compile(pattern, options)
    except re2.error as error:
        reason = error.args[0] if error.args else error
        text = reason.decode(errors="replace") if isinstance(reason, bytes) else str(reason)
        raise PatternError(f"RE2 refuses it: {text}; write it without that") from None
    return compiled


def pattern_set(
    patterns: Sequence[str], *, native: bool = True
) -> Callable[[str], Sequence[int] | None] | None:
    """Return a search for all of the patterns at once, giving the numbers of those found; None without RE2.

    It says the same as searching for one after the other, in a tenth of the time when none is there.
    """
    if not native or re2 is None or not patterns:
        return None
    options = re2.Options()
    options.case_sensitive = False
    options.log_errors = False
    made = re2.Set.SearchSet(options)
    for pattern in patterns:
        made.Add(pattern)
    made.Compile()
    match: Callable[[str], Sequence[int] | None] = made.Match
    return match


class Gate:
    """Which of many literals occur in a text, and where.

    Literals are compared in lower case; overlapping ones are all reported. A literal that is a mere number or
    has at most three letters must stand alone (`404` is not in `1404`): it would open for any price or id.
    """

    def __init__(self, literals: Iterable[str], *, native: bool = True) -> None:
        self.literals: Sequence[str] = tuple(dict.fromkeys(literal.lower() for literal in literals))
        self._alone = tuple(stands_alone(literal) for literal in self.literals)
        self._automaton: Any = None
        self._grams: dict[str, list[int]] = {}
        self._short: tuple[int, ...] = ()
        self._short_others: tuple[int, ...] = ()
        if native and ahocorasick_rs is not None and self.literals:
            self._automaton = ahocorasick_rs.AhoCorasick(self.literals)
        else:
            self._index()

    def find(self, lowered: str) -> list[tuple[int, int]]:
        """Return `(index of the literal, position in the text)` for each occurrence, in no set order.

        Args:
            lowered: The text, already in lower case.
        """
        if self._automaton is not None:
            alone = self._alone
            return [
                (index, start)
                for index, start, end in self._automaton.find_matches_as_indexes(lowered, overlapping=True)
                if not alone[index] or _is_alone(lowered, start, end)
            ]
        found = []
        for index in self._candidates(lowered):
            literal = self.literals[index]
            start = lowered.find(literal)
            while start >= 0:
                if not self._alone[index] or _is_alone(lowered, start, start + len(literal)):
                    found.append((index, start))
                start = lowered.find(literal, start + 1)
        return found

    def _index(self) -> None:
        """Note for each literal the few characters of it that fewest others have."""
        pieces = [_grams_of(literal) for literal in self.literals]
        shared = Counter(gram for grams in pieces for gram in grams)
        for index, grams in enumerate(pieces):
            if grams:
                self._grams.setdefault(min(grams, key=lambda gram: (shared[gram], gram)), []).append(index)
        short = [index for index, grams in enumerate(pieces) if not grams]
        self._short = tuple(index for index in short if self.literals[index].isascii())
        self._short_others = tuple(index for index in short if not self.literals[index].isascii())

    def _candidates(self, lowered: str) -> Iterator[int]:
        """Yield the literals that may stand in the text: their piece does, or they are too short for one."""
        yield from self._short
        if not lowered.isascii():
            yield from self._short_others
        known = self._grams
        for gram in known.keys() & _grams_of(lowered):
            yield from known[gram]


def _grams_of(text: str) -> set[str]:
    return {text[start : start + _GRAM] for start in range(len(text) - _GRAM + 1)}


def stands_alone(literal: str) -> bool:
    """Whether a literal only counts between characters that are no letters or digits."""
    bare = literal.removeprefix("-")
    return bare.isascii() and (bare.isdigit() or (bare.isalnum() and len(bare) <= 3))


def _is_alone(text: str, start: int, end: int) -> bool:
    return not (start and text[start - 1].isalnum()) and not (end < len(text) and text[end].isalnum())

"""What a person writes into the search field, as words to find: pure, and the same for both databases.

Words side by side must all be there; `"a phrase"` in this order; `word*` is the beginning of a word; `-word`
must not be there. `BTC/USDT` is the phrase of its parts, as both databases take texts apart at punctuation.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

import msgspec

__all__ = ["Term", "for_server", "for_sqlite", "terms"]

MOST_TERMS = 16
MOST_WORDS = 24
_TERM = re.compile(r'(-?)(?:"([^"]*)"?|(\S+))')
_WORD = re.compile(r"[^\W_]+")
_JOINED = re.compile("[\u1100-\u11ff\u3040-\u30ff\u3130-\u318f\u4e00-\u9fff\uac00-\ud7af]$")
"""Scripts that write endings and particles right at the word: there a word is always a beginning."""


class Term(msgspec.Struct, frozen=True):
    """Words that must follow one another."""

    words: tuple[str, ...]
    is_prefix: bool = False
    """Whether the last word is only a beginning."""
    is_excluded: bool = False


def terms(text: str) -> list[Term]:
    """Return what a text asks for; empty when it asks for nothing."""
    found: list[Term] = []
    for minus, phrase, bare in _TERM.findall(text):
        said = phrase or bare
        words = tuple(word.lower() for word in _WORD.findall(said))[:MOST_WORDS]
        if words:
            is_prefix = (bare.endswith("*") and not phrase) or bool(_JOINED.search(words[-1]))
            found.append(Term(words, is_prefix, bool(minus)))
    # What must be there comes first: neither database can look for mere absence.
    return sorted(found[:MOST_TERMS], key=lambda term: term.is_excluded)


def for_sqlite(found: Sequence[Term]) -> str:
    """Return the terms in FTS5's language; empty when nothing must be there."""
    wanted = [_fts5(term) for term in found if not term.is_excluded]
    unwanted = [_fts5(term) for term in found if term.is_excluded]
    if not wanted:
        return ""
    return " NOT ".join([f"({' AND '.join(wanted)})", *unwanted])


def for_server(found: Sequence[Term]) -> str:
    """Return the terms in the language of PostgreSQL's `to_tsquery`; empty when nothing must be there."""
    if not any(not term.is_excluded for term in found):
        return ""
    return " & ".join(f"{'!' if term.is_excluded else ''}({_tsquery(term)})" for term in found)


def _fts5(term: Term) -> str:
    return f'"{" ".join(term.words)}"{"*" if term.is_prefix else ""}'


def _tsquery(term: Term) -> str:
    # Words hold letters and digits only, so the quotes need no care.
    *first, last = (f"'{word}'" for word in term.words)
    return " <-> ".join([*first, f"{last}:*" if term.is_prefix else last])

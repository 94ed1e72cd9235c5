"""The words of a page in its language: headings and labels, and our own sentences translated.

Sentences are made in English where their facts are; another language is a book of the same sentences with
placeholders. What no book knows stays English, field by field, so that a page is never wrong, only mixed.
"""

from __future__ import annotations

from functools import cache

import orjson

from obs.definitions import definitions

__all__ = ["LANGUAGES", "words_of"]

LANGUAGES = ("en", "ko")


@cache
def words_of(lang: str) -> dict[str, str]:
    """Return headings and labels in a language."""
    text = (definitions("briefings") / f"words.{lang}.json").read_text(encoding="utf-8")
    words: dict[str, str] = orjson.loads(text)
    return words

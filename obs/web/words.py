"""The words of the live page: our sentences with open places, in English and Korean, made into runs of text.

They stand in `words.toml`, each with both languages side by side. Their markup: `*strong*`, `~quiet~`, code
in backticks, `{name}` an open place, `{n:issue|issues}` a count with its word. What fills a place is never
read as markup.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterable
from functools import cache
from pathlib import Path

import msgspec

from obs.web.model import Rich, Span, Style
from obs.web.numbers import SPACE, count

__all__ = ["LANGUAGES", "Words", "plain_text", "tidy", "with_particles", "words"]

LANGUAGES = ("en", "ko")
Slot = str | int | Span | Rich
_TOKEN = re.compile(r"([*~`])|\{(\w+)(?::([^{}|]*)\|([^{}|]*))?\}")
_STYLES = {"*": Style.STRONG, "~": Style.QUIET, "`": Style.CODE}


class Words:
    """Every label and sentence of the page in one language."""

    def __init__(self, lang: str) -> None:
        self.lang = lang
        self._said = _book(lang)

    def __contains__(self, key: str) -> bool:
        return key in self._said

    def __call__(self, key: str, /, **slots: Slot) -> str:
        """Return a label or sentence as plain text."""
        return plain_text(self.rich(key, **slots)) if slots else self._said[key].translate(_BARE)

    def get(self, key: str, otherwise: str) -> str:
        """Return a label, or something else where there is none."""
        return self(key) if key in self._said else otherwise

    def rich(self, key: str, /, **slots: Slot) -> Rich:
        """Return a sentence as runs of text, its open places filled."""
        out: list[Span] = []
        style = Style.PLAIN
        for kind, value, one, many in _parts(self._said[key]):
            if kind == "mark":
                style = Style.PLAIN if style is _STYLES[value] else _STYLES[value]
            elif kind == "text":
                out.append(Span(value, style))
            elif one or many:
                number = slots[value]
                text = count(number) if isinstance(number, int) else str(number)
                out.append(Span(f"{text}{SPACE}{one if number == 1 else many}", style))
            else:
                out += _filled(slots[value], style)
        return with_particles(tidy(out)) if self.lang == "ko" else tidy(out)


@cache
def words(lang: str) -> Words:
    """Return the words of a language.

    Raises:
        ValueError: If it is none of ours.
    """
    if lang not in LANGUAGES:
        raise ValueError(f"lang = {lang!r} is unknown: use one of {', '.join(LANGUAGES)}")
    return Words(lang)


def plain_text(rich: Iterable[Span]) -> str:
    """Return the text of some runs, without those that are ages or times."""
    return "".join(span.text for span in rich)


def tidy(spans: Iterable[Span]) -> Rich:
    """Join neighbours of one style, so that a sentence is as few runs as it can be."""
    out: list[Span] = []
    for span in spans:
        if out and _is_plain(span) and _is_plain(out[-1]) and out[-1].style is span.style:
            out[-1] = Span(out[-1].text + span.text, span.style)
        elif span.text or not _is_plain(span):
            out.append(span)
    return tuple(out)


def with_particles(spans: Rich) -> Rich:
    """Choose the form of Korean particles by what stands before them: `신호은(는)` -> `신호는`."""
    out: list[Span] = []
    before = ""
    for span in spans:
        text = span.text
        while found := _PARTICLE.search(text):
            last = (before + text[: found.start()])[-1:]
            text = text[: found.start()] + found[1 if _ends_closed(last) else 2] + text[found.end() :]
        out.append(span if text == span.text else msgspec.structs.replace(span, text=text))
        before = text or before
    return tuple(out)


_PARTICLE = re.compile(r"([은이을과])\(([는가를와])\)")
_CLOSED_DIGITS = "013678"


def _ends_closed(last: str) -> bool:
    """Whether a word ends in a consonant, as it is read aloud; of Latin letters by the commonest reading."""
    if "\uac00" <= last <= "\ud7a3":
        return (ord(last) - 0xAC00) % 28 > 0
    return last in _CLOSED_DIGITS if last.isdigit() else last.lower() in "lmnbkptc"


_BARE = {ord(mark): None for mark in _STYLES}


def _is_plain(span: Span) -> bool:
    return not (span.since or span.until or span.clock or span.link)


def _filled(slot: Slot, style: Style) -> list[Span]:
    if isinstance(slot, Span):
        slot = (slot,)
    if isinstance(slot, (str, int)):
        return [Span(count(slot) if isinstance(slot, int) else slot, style)]
    return [msgspec.structs.replace(s, style=style) if s.style is Style.PLAIN else s for s in slot]


@cache
def _parts(text: str) -> tuple[tuple[str, str, str, str], ...]:
    """A sentence taken apart: marks, text and open places in order."""
    out: list[tuple[str, str, str, str]] = []
    at = 0
    for token in _TOKEN.finditer(text):
        out.append(("text", text[at : token.start()], "", ""))
        if token[1]:
            out.append(("mark", token[1], "", ""))
        else:
            out.append(("slot", token[2], token[3] or "", token[4] or ""))
        at = token.end()
    out.append(("text", text[at:], "", ""))
    return tuple(part for part in out if part[1])


@cache
def _book(lang: str) -> dict[str, str]:
    text = (Path(__file__).resolve().parent / "words.toml").read_text(encoding="utf-8")
    index = LANGUAGES.index(lang)
    return {
        f"{section}.{key}": both[index]
        for section, said in tomllib.loads(text).items()
        for key, both in said.items()
    }

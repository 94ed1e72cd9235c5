"""The words of a page in its language: headings and labels, and our own sentences translated.

Sentences are made in English where their facts are; another language is a book of the same sentences, numbers
and names left open. What no book knows stays English, field by field: a page may be mixed, never wrong.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterable
from functools import cache, lru_cache
from pathlib import Path

import msgspec
import orjson

from obs.definitions import definitions
from obs.snapshot import Issue, Snapshot

__all__ = ["LANGUAGES", "Phrase", "say", "translated", "words_of"]

LANGUAGES = ("en", "ko")
QUOTED = "quoted"
"""An open place for somebody's own words: they stay as they are."""

_GATE = re.compile(r"(\[\w+\]) (.*)", re.S)
_TAIL = re.compile(r"(.*) (\(I-[0-9a-f]{6}\))", re.S)
_PART = re.compile(r"\[([^\[\]]*\{\w+\}[^\[\]]*)\]")
_SLOT = re.compile(r"\{(\w+)\}")
_SENTENCE = re.compile(r"(?<=[.!?]) (?=[A-Z0-9])")


class Phrase(msgspec.Struct, frozen=True):
    """One sentence with open places: its English as a pattern, and how the other language says it."""

    pattern: re.Pattern[str]
    words: str

    def fits(self, text: str) -> dict[str, str] | None:
        """Return what stands at the open places of a text, or None when it is another sentence."""
        found = self.pattern.fullmatch(text)
        return {k: v for k, v in found.groupdict().items() if v is not None} if found else None


@cache
def words_of(lang: str) -> dict[str, str]:
    """Return headings and labels in a language."""
    text = (definitions("briefings") / f"words.{lang}.json").read_text(encoding="utf-8")
    words: dict[str, str] = orjson.loads(text)
    return words


def translated(snapshot: Snapshot, lang: str, folder: Path | None = None) -> Snapshot:
    """Return the picture with our prose in a language; ids, numbers, names and quoted lines stay.

    Args:
        snapshot: The picture, its prose in English.
        lang: The language.
        folder: A user's own folder, whose `phrases.LANG.toml` is asked first.
    """
    if lang == "en":
        return snapshot

    def tell(text: str) -> str:
        return say(text, lang, folder)

    def each(texts: Iterable[str]) -> tuple[str, ...]:
        return tuple(map(tell, texts))

    return msgspec.structs.replace(
        snapshot,
        phase=tell(snapshot.phase),
        issues=tuple(_issue(issue, lang, folder) for issue in snapshot.issues),
        money_lines=each(snapshot.money_lines),
        restart=tell(snapshot.restart),
        not_exercised=each(snapshot.not_exercised),
        not_known=each(snapshot.not_known),
        facts=tuple((tell(a), tell(b), tell(c)) for a, b, c in snapshot.facts),
        sources=tuple(
            msgspec.structs.replace(source, zone=tell(source.zone), notes=each(source.notes))
            for source in snapshot.sources
        ),
    )


def _issue(issue: Issue, lang: str, folder: Path | None) -> Issue:
    def tell(text: str) -> str:
        return say(text, lang, folder)

    return msgspec.structs.replace(
        issue,
        title=tell(issue.title),
        explanation=tell(issue.explanation),
        fix_in=tell(issue.fix_in),
        actions=tuple(map(tell, issue.actions)),
        do_not=tell(issue.do_not),
        effects=tuple(map(tell, issue.effects)),
        not_known=tuple(map(tell, issue.not_known)),
        follows=tell(issue.follows),
        decided=tell(issue.decided),
    )


@lru_cache(maxsize=20_000)
def say(text: str, lang: str, folder: Path | None = None) -> str:
    """Return one of our sentences in a language: as a whole, else part by part, else as it is.

    Args:
        text: The English sentence; several, a step with its gate or a list joined by `; ` are taken apart.
        lang: The language.
        folder: A user's own folder, whose book is asked first.
    """
    if not text or lang == "en":
        return text
    gate = _GATE.fullmatch(text)
    if gate is not None and text not in _book(lang, folder)[0]:
        return f"{gate[1]} {say(gate[2], lang, folder)}"
    known = _known(text, lang, folder)
    if known is None and text.endswith("."):
        known = _known(text[:-1], lang, folder)
        known = f"{known}." if known is not None else None
    if known is not None:
        return known
    tail = _TAIL.fullmatch(text)
    if tail is not None:
        return f"{say(tail[1], lang, folder)} {tail[2]}"
    for joint, between in ((_SENTENCE, " "), (re.compile("; "), "; "), (re.compile(", "), ", ")):
        parts = joint.split(text)
        if len(parts) > 1:
            told = [say(part, lang, folder) for part in parts]
            return between.join(told)
    return text


def _known(text: str, lang: str, folder: Path | None) -> str | None:
    exact, open_ones = _book(lang, folder)
    if text in exact:
        return exact[text]
    for phrase in open_ones:
        found = phrase.fits(text)
        if found is not None:
            told = {k: v if k == QUOTED else say(v, lang, folder) for k, v in found.items()}
            return _filled(phrase.words, told)
    return None


def _filled(words: str, values: dict[str, str]) -> str:
    def part(match: re.Match[str]) -> str:
        return "" if any(n not in values for n in _SLOT.findall(match[1])) else match[1]

    return _SLOT.sub(lambda slot: values.get(slot[1], ""), _PART.sub(part, words))


@cache
def _book(lang: str, folder: Path | None) -> tuple[dict[str, str], tuple[Phrase, ...]]:
    name = f"phrases.{lang}.toml"
    texts = [(folder / name).read_text(encoding="utf-8")] if folder and (folder / name).is_file() else []
    texts.append((definitions("briefings") / name).read_text(encoding="utf-8"))
    exact: dict[str, str] = {}
    open_ones: dict[str, str] = {}
    for text in texts:
        said = tomllib.loads(text)["say"]
        # Of two sentences that fit, the one that says more of itself is meant; a user's own come first.
        for english in sorted(said, key=lambda one: -len(_SLOT.sub("", one))):
            (open_ones if _SLOT.search(english) else exact).setdefault(english, said[english])
    return exact, tuple(Phrase(_pattern(english), words) for english, words in open_ones.items())


def _pattern(english: str) -> re.Pattern[str]:
    """The sentence as a pattern: `{n}` a number, `{rest}` and `{quoted}` anything, `{name}` a few words."""

    def slots(text: str) -> str:
        out, at = "", 0
        for slot in _SLOT.finditer(text):
            kind = r"[\d,.]*\d" if re.fullmatch(r"n\d?", slot[1]) else r"(?:(?!\. [A-Z])[^();])+?"
            kind = ".+" if slot[1] in ("rest", "list", "reasons", "where", QUOTED) else kind
            out += re.escape(text[at : slot.start()]) + f"(?P<{slot[1]}>{kind})"
            at = slot.end()
        return out + re.escape(text[at:])

    out, at = "", 0
    for part in _PART.finditer(english):
        out += slots(english[at : part.start()]) + f"(?:{slots(part[1])})?"
        at = part.end()
    return re.compile(out + slots(english[at:]), re.S)

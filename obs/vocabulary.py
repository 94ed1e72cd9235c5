"""The event words and their attributes, and which of them a slip was meant to be.

The same list as docs/events.md, which a test holds it to. A bot may say anything beside it: only what is
close to a known word is a slip, because then the bot's author believes that it is understood.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterable, Mapping
from functools import cache, lru_cache
from pathlib import Path
from typing import Any

__all__ = ["common", "events", "meant_attribute", "meant_event", "slips"]

FILE = Path(__file__).resolve().parent / "vocabulary.toml"
MAX_ODD = 8
"""Unknown attributes of one event that are looked at; a record with more is no slip but another language."""


@cache
def _words_file() -> dict[str, Any]:
    return tomllib.loads(FILE.read_text(encoding="utf-8"))


@cache
def events() -> Mapping[str, frozenset[str]]:
    """Return each known event name with its attributes, without those that any record may carry."""
    row = _words_file()
    groups = {name: frozenset(words.split()) for name, words in row["groups"].items()}
    known: dict[str, frozenset[str]] = {}
    for names, words in row["events"].items():
        own: set[str] = set()
        for word in words.split():
            own |= groups[word[1:]] if word.startswith("@") else {word}
        known |= dict.fromkeys(names.split(), frozenset(own))
    return known


@cache
def common() -> frozenset[str]:
    """Return the attributes that any record may carry."""
    return frozenset(_words_file()["groups"]["any"].split())


@cache
def unchecked() -> frozenset[str]:
    """Return event names that are known, but whose attributes are their speaker's own."""
    return frozenset(_words_file()["unchecked"]["events"].split())


@lru_cache(maxsize=4_096)
def slips(name: str, attributes: frozenset[str]) -> tuple[tuple[str, tuple[str, ...]], ...]:
    """Return the slips in one record: each unknown attribute with what it may stand for.

    Args:
        name: The event's name; an unknown one gives `("", (the event it may be,))`.
        attributes: The names of all its attributes.
    """
    if name in unchecked():
        return ()
    known = events().get(name)
    if known is None:
        event = meant_event(name)
        return (("", (event,)),) if event else ()
    strange = [key for key in attributes if key not in known and key not in common()]
    if len(strange) > MAX_ODD:
        return ()
    found: list[tuple[str, tuple[str, ...]]] = []
    for key in sorted(strange):
        meant = meant_attribute(name, key)
        # Who says both says one of them for himself.
        if meant and not attributes & set(meant):
            found.append((key, meant))
    return tuple(found)


def meant_event(name: str) -> str:
    """Return the known event that a name was meant to be, or ""."""
    if name in events() or name in unchecked():
        return ""
    return _nearest(name, events()) or _tense(name)


def meant_attribute(event: str, attribute: str) -> tuple[str, ...]:
    """Return the attributes of `event` that an unknown one may stand for; empty when none is close."""
    known = events().get(event, frozenset()) | common()
    words = _words(attribute)
    synonym = _words_file()["synonyms"].get("_".join(words))
    if synonym in known:
        return (synonym,)
    family = event.split(".", 1)[0]
    wanted = _words(synonym) if synonym else words
    # `quantity` for `order.quantity`, `id` for `order.id`: the last part of a dotted name.
    ends = sorted(
        key for key in known if words and _words(key)[-len(wanted) :] == wanted and key != attribute
    )
    if ends:
        own = [
            key for key in ends if key.startswith((f"{family}.", "fill.") if family == "order" else family)
        ]
        return tuple(own or ends)[:3]
    near = _nearest(attribute, known)
    return (near,) if near else ()


def _tense(name: str) -> str:
    """`order.fill`, `orders.filled`, `trade.close`: another form of the same two words."""
    words = _words(name)
    for candidate in events():
        theirs = _words(candidate)
        if len(theirs) == len(words) >= 2 and all(map(_alike, words, theirs)):
            return candidate
    return ""


def _alike(a: str, b: str) -> bool:
    """Whether two words differ in their ending only."""
    short, long = sorted((a, b), key=len)
    return (
        len(short) >= 4
        and long.startswith(short[:-1] if short.endswith("e") else short)
        and len(long) - len(short) <= 3
    )


def _words(name: str) -> tuple[str, ...]:
    """The words of a name in any spelling: `orderId`, `order_id`, `Order-ID` are (order, id)."""
    spread = re.sub(r"(?<=[a-z0-9])(?=[A-Z])", " ", name)
    return tuple(part for part in re.split(r"[^a-z0-9]+", spread.lower()) if part)


def _nearest(name: str, known: Iterable[str]) -> str:
    words, joined = _words(name), "".join(_words(name))
    best: tuple[int, str] | None = None
    for candidate in known:
        theirs = "".join(_words(candidate))
        if _words(candidate) == words or theirs == joined:
            return candidate
        # One slip in a short word, two in a long one; more is another word.
        allowed = 2 if len(theirs) >= 9 else 1 if len(theirs) >= 5 else 0
        if abs(len(theirs) - len(joined)) > allowed:
            continue
        distance = _distance(theirs, joined, allowed)
        if distance <= allowed and (best is None or (distance, candidate) < best):
            best = (distance, candidate)
    return best[1] if best is not None else ""


def _distance(a: str, b: str, most: int) -> int:
    """How many letters must be added, dropped, changed or swapped to make them equal; `most` + 1: more."""
    before, last = list[int](), list(range(len(b) + 1))
    for i, letter in enumerate(a, 1):
        row = [i]
        for j, other in enumerate(b, 1):
            cost = min(last[j] + 1, row[j - 1] + 1, last[j - 1] + (letter != other))
            if i > 1 and j > 1 and letter == b[j - 2] and a[i - 2] == other:
                cost = min(cost, before[j - 2] + 1)
            row.append(cost)
        if min(row) > most:
            return most + 1
        before, last = last, row
    return last[-1]

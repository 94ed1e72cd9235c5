"""From forms to templates: which words are values although they look like words.

Masks see a value by its shape; a user name, a state or a method looks like any word. Two forms that are equal
but for one word show a hole there; how many words stand in the hole, how much is equal around it and what the
words look like decide whether it is a slot. The result depends on the set of forms alone, in no order.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Collection
from functools import lru_cache

import msgspec

from obs.mining.vocabulary import CONSTANTS, INTRODUCERS, RESULTS

__all__ = ["Mined", "Thresholds", "mine"]


class Thresholds(msgspec.Struct, frozen=True):
    """How many words a hole must show before it is a slot; one setting for every program.

    Chosen with two systems of LogHub left out in turn, see `docs/mining.md`.
    """

    by_context: tuple[int, ...] = (0, 8, 5, 4)
    """Words needed with 0, 1, 2, 3 and more words equal around the hole; 0 is never."""
    first: int = 20
    """Words needed where a line begins: a verb or a name of a part stands there."""
    doubtful: int = 3
    """How many times more are needed when the words look like results of an action."""


class Mined(msgspec.Struct, frozen=True):
    """What slot mining says of a set of forms."""

    templates: dict[str, str]
    """Form -> template."""
    words: dict[str, tuple[str, ...]]
    """Template -> some words that stood in its slots, the least by text."""


TOKEN = re.compile(r"[^\s=,;:()\[\]{}\"'<>|`]+|\s|[=,;:()\[\]{}\"'<>|`]")
MAX_ROUNDS = 16
MAX_TOKENS = 128
MAX_WORDS = 8
MAX_COVERS = 64
"""Templates of one shape that a line is compared with."""
MIN_SURE = 3
"""Words equal around a place that leave no doubt that two lines are of one template."""
ACTION = re.compile(r"(?i)(?:ed|ing|ion|ly|able|ful|less)$")
_SHAPED = re.compile(r"[./_@-]|[a-z][A-Z]")

# Values in a row are a list, of any length; `*: *` is a name and its value.
_LISTS = re.compile(r"\*(?:[\s,;|/+-]*\*)+")

Tokens = tuple[str, ...]


def mine(forms: Collection[str], thresholds: Thresholds | None = None) -> Mined:
    """Return the template of every form.

    Args:
        forms: Distinct forms; order does not matter.
        thresholds: The one general setting when None.
    """
    return _Mining(forms, thresholds or Thresholds()).run()


class _Mining:
    def __init__(self, forms: Collection[str], limits: Thresholds) -> None:
        self.limits = limits
        self.template = {form: tokens_of(form) for form in sorted(forms)}
        self.words: dict[Tokens, set[str]] = defaultdict(set)
        self.known: set[str] = set()

    def run(self) -> Mined:
        for _ in range(MAX_ROUNDS):
            distinct = sorted(set(self.template.values()))
            renamed = self._qualified(distinct)
            if not renamed:
                opened = self._single(distinct) or self._covered(distinct) or self._several(distinct)
                renamed = {tokens: _with_slots(tokens, places) for tokens, places in opened.items() if places}
            if not renamed:
                break
            self._rename(renamed)
        return self._finish()

    def _qualified(self, distinct: list[Tokens]) -> dict[Tokens, Tokens]:
        """A name with its number (`db:*`) is a value where the same line is seen with a mere value."""
        known = set(distinct)
        renamed = {}
        for tokens in distinct:
            for at in range(len(tokens) - 2):
                if tokens[at + 1 : at + 3] != (":", "*") or not _is_word(tokens[at]):
                    continue
                bare = (*tokens[:at], *tokens[at + 2 :])
                if bare in known and sum(map(_is_word, bare)) >= MIN_SURE:
                    renamed[tokens] = bare
        return renamed

    def _single(self, distinct: list[Tokens]) -> dict[Tokens, set[int]]:
        """Return the places of slots that one look at all holes shows, by template."""
        holes: dict[tuple[int, int], list[tuple[Tokens, int]]] = defaultdict(list)
        for tokens in distinct:
            hashes = [hash((word, at)) for at, word in enumerate(tokens)]
            whole = sum(hashes)
            for at in _places(tokens):
                holes[whole - hashes[at], at].append((tokens, at))
        opened: dict[Tokens, set[int]] = defaultdict(set)
        learned: set[str] = set()
        for shared in holes.values():
            if len(shared) < 2:
                continue
            found = {tokens[at] for tokens, at in shared}
            tokens, at = shared[0]
            if not self._is_slot(tokens, at, found):
                continue
            # Where little is said around it, or at the start, what was done is told apart from values.
            if "*" in found and (_is_first(tokens, at) or _context(tokens, at) < MIN_SURE):
                found = {word for word in found if not _is_deed(word)}
            learned |= found
            for tokens, at in shared:
                if tokens[at] != "*" and tokens[at] in found:
                    opened[tokens].add(at)
        self.known |= learned - {"*"}
        return opened

    def _is_slot(self, tokens: Tokens, at: int, found: set[str]) -> bool:
        context = _context(tokens, at)
        star = "*" in found
        words = found - {"*"}
        count = len(words)
        limits = self.limits
        if _is_first(tokens, at):
            names = [word for word in words if not _is_deed(word)]
            return context >= 2 and (
                count >= limits.first
                or (star and len(names) >= 4)
                or (star and count >= 2 and all(map(_SHAPED.search, words)))
            )
        if star:
            # `link 4` and `link closed` say too little to be one.
            return context >= 2 or (context == 1 and not any(map(_is_result, words)))
        lowered = {word.lower() for word in words}
        if lowered <= CONSTANTS:
            return False
        needed = limits.by_context[min(context, len(limits.by_context) - 1)]
        acts = sum(map(_is_result, words))
        if context >= 2 and count >= 3 and not acts and _introducer(tokens, at):
            return True
        if 2 * acts >= count and count < limits.doubtful * needed:
            return False
        return bool(needed and count >= needed) or (context >= 1 and words <= self.known)

    def _covered(self, distinct: list[Tokens]) -> dict[Tokens, set[int]]:
        """A line whose every oddity stands where another template has a value is of that template."""
        groups: dict[Tokens, list[Tokens]] = defaultdict(list)
        for tokens in distinct:
            groups[_shape(tokens)].append(tokens)
        opened: dict[Tokens, set[int]] = {}
        for group in groups.values():
            covers = [tokens for tokens in group if tokens.count("*") > 1][:MAX_COVERS]
            for tokens in group:
                found = min((odd for cover in covers if (odd := _odd(tokens, cover))), key=len, default=None)
                # A boolean is a value here, as numbers or names stand there too; what was done is none.
                if found is not None and not any(_is_deed(tokens[at]) for at in found):
                    opened[tokens] = set(found)
        return opened

    def _several(self, distinct: list[Tokens]) -> dict[Tokens, set[int]]:
        """Return slots that open only together: groups of one shape that differ in several places."""
        groups: dict[Tokens, list[Tokens]] = defaultdict(list)
        for tokens in distinct:
            groups[_shape(tokens)].append(tokens)
        opened: dict[Tokens, set[int]] = defaultdict(set)
        for group in groups.values():
            self._split(group, opened)
        return opened

    def _split(self, group: list[Tokens], opened: dict[Tokens, set[int]]) -> None:
        todo = [group]
        while todo:
            group = todo.pop()
            if len(group) < 2:
                continue
            places = _places(group[0])
            columns = {at: {tokens[at] for tokens in group} for at in places}
            varying = {at: words for at, words in columns.items() if len(words) > 1}
            if not varying:
                continue
            few = {at: words for at, words in varying.items() if not self._is_open(words)}
            constant = sum(1 for at in range(len(group[0])) if _is_word(group[0][at]) and at not in varying)
            if not few and constant >= 3 and constant >= len(varying):
                for tokens in group:
                    opened[tokens].update(at for at in varying if tokens[at] != "*")
                continue
            split = few or varying
            at = min(split, key=lambda at: (len(split[at]), at))
            parts: dict[str, list[Tokens]] = defaultdict(list)
            for tokens in group:
                parts[tokens[at]].append(tokens)
            todo += parts.values()

    def _is_open(self, words: set[str]) -> bool:
        if "*" in words:
            return True
        needed = self.limits.by_context[-1]
        if 2 * sum(map(_is_result, words)) >= len(words):
            needed *= self.limits.doubtful
        return len(words) >= needed

    def _rename(self, renamed: dict[Tokens, Tokens]) -> None:
        for tokens, after in renamed.items():
            self.words[after] |= self.words.get(tokens, set()) | (set(tokens) - set(after))
        for form, tokens in self.template.items():
            # A line may lose several names, one after the other.
            while tokens in renamed:
                tokens = renamed[tokens]
            self.template[form] = tokens

    def _finish(self) -> Mined:
        """Give templates that say the same words one text: the shortest, then the least."""
        skeletons: dict[Tokens, list[str]] = defaultdict(list)
        text = {tokens: "".join(tokens) for tokens in set(self.template.values())}
        for tokens in text:
            letters = tuple(word for word in tokens if _is_word(word))
            if len(letters) >= 3:
                skeletons[letters].append(text[tokens])
        chosen: dict[str, str] = {}
        for alike in skeletons.values():
            best = min(alike, key=lambda one: (len(one), one))
            chosen.update(dict.fromkeys(alike, best))
        words: dict[str, set[str]] = defaultdict(set)
        for tokens, found in self.words.items():
            if tokens in text:
                words[chosen.get(text[tokens], text[tokens])] |= found
        return Mined(
            {form: chosen.get(text[tokens], text[tokens]) for form, tokens in self.template.items()},
            {template: tuple(sorted(found)[:MAX_WORDS]) for template, found in words.items()},
        )


def _with_slots(tokens: Tokens, places: set[int]) -> Tokens:
    text = "".join("*" if at in places else word for at, word in enumerate(tokens))
    return tokens_of(_LISTS.sub("*", text))


def tokens_of(form: str) -> Tokens:
    """Return the words and separators of a form; joined they are the form again."""
    tokens: list[str] = []
    for token in TOKEN.findall(form):
        bare = token.rstrip(".")
        if bare and bare != token:
            tokens += (bare, token[len(bare) :])
        else:
            tokens.append(token)
        if len(tokens) >= MAX_TOKENS:
            break
    return tuple(tokens[:MAX_TOKENS])


@lru_cache(maxsize=8_192)
def _is_word(token: str) -> bool:
    return token != "*" and any(map(str.isalpha, token))


def _is_result(word: str) -> bool:
    """Whether a word says what was done, or is the case: a verb's form, a state, a constant of a program."""
    lowered = word.lower()
    if lowered in RESULTS or lowered in CONSTANTS or ACTION.search(word):
        return True
    return "_" in word and word.isupper()


def _is_deed(word: str) -> bool:
    return _is_result(word) and word.lower() not in CONSTANTS


def _context(tokens: Tokens, at: int) -> int:
    """Return how many words are equal around a place."""
    return sum(1 for i, word in enumerate(tokens) if i != at and _is_word(word))


def _is_first(tokens: Tokens, at: int) -> bool:
    return not any(_is_word(word) or word == "*" for word in tokens[:at])


@lru_cache(maxsize=8_192)
def _is_separator(token: str) -> bool:
    return (len(token) == 1 and token in " =,;:()[]{}\"'<>|`.") or not token.strip(".")


def _places(tokens: Tokens) -> list[int]:
    """Return where a slot may be: words and values, but no name that a value or a bracket follows."""
    last = len(tokens) - 1
    return [
        at
        for at, token in enumerate(tokens)
        if not _is_separator(token) and not (at < last and tokens[at + 1] in "({[=")
    ]


@lru_cache(maxsize=4_096)
def _shape(tokens: Tokens) -> Tokens:
    places = set(_places(tokens))
    first = min((at for at, word in enumerate(tokens) if _is_word(word)), default=0)
    return tuple("" if at in places and at != first else token for at, token in enumerate(tokens))


def _odd(tokens: Tokens, cover: Tokens) -> tuple[int, ...]:
    """Return where `tokens` has words in place of values of `cover`, if that is all and enough is equal."""
    odd = []
    for at, (own, other) in enumerate(zip(tokens, cover, strict=True)):
        if own != other:
            if other != "*":
                return ()
            odd.append(at)
    same = sum(1 for at, own in enumerate(tokens) if _is_word(own) and at not in odd)
    return tuple(odd) if same >= max(2, len(odd)) else ()


def _introducer(tokens: Tokens, at: int) -> bool:
    before = [word for word in tokens[:at] if not word.isspace()]
    return bool(before) and before[-1].lower() in INTRODUCERS

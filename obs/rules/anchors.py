"""Which words a pattern cannot do without: from them the gate of a rule is made when its author gives none.

A pattern is read part by part. What it spells out becomes words; of an alternative each branch must give one;
what may be absent or anything gives none. A pattern without such a word would have to be tried on every line.
"""

from __future__ import annotations

import importlib
import re
from collections.abc import Callable, Iterable, Sequence
from itertools import product
from typing import Any

__all__ = ["anchors", "groups"]

# The standard library's own reading of patterns: RE2's syntax, as far as rules may use it, is a part of it.
_constants: Any = importlib.import_module("re._constants")
_parser: Any = importlib.import_module("re._parser")

MOST = 128
"""Words of one group; more alternatives than that are no gate worth having."""
SHORTEST = 3
"""Characters of a word; a shorter one stands on any line."""

Group = frozenset[str]
"""Words of which one stands in every text that the pattern fits."""
Parsed = Iterable[tuple[Any, Any]]


def anchors(patterns: Sequence[str], weigh: Callable[[Group], float] | None = None) -> tuple[str, ...]:
    """Return words of which one stands in each text that any of the patterns fits; () when there are none.

    Args:
        patterns: Checked patterns.
        weigh: How unwelcome a group is; by default the shorter its shortest word and the more its words.
    """
    chosen: set[str] = set()
    for pattern in patterns:
        found = groups(pattern)
        if not found:
            return ()
        best: Group = min(found, key=lambda group: ((weigh or _unwelcome)(group), sorted(group)))
        chosen |= best
    return tuple(sorted(chosen))


def groups(pattern: str) -> list[Group]:
    """Return all groups of words of which a text must hold one each for the pattern to fit."""
    try:
        exact, required = _read(_parser.parse(pattern, re.IGNORECASE))
    except (re.error, RecursionError):
        return []
    found: list[Group] = _with(required, exact)
    return found


def _unwelcome(group: Group) -> float:
    return -min(len(word) for word in group) + len(group) / 10


def _read(parsed: Parsed) -> tuple[Group | None, list[Group]]:
    """Return all texts that the parts may be, or None when they are too many; and the groups they require."""
    whole = True
    current: Group = frozenset([""])
    required: list[Group] = []
    for operation, argument in parsed:
        exact, own = _part(operation, argument)
        required += own
        if exact is not None and len(current) * len(exact) <= MOST:
            current = frozenset(a + b for a, b in product(current, exact))
            continue
        whole = False
        required = _with(required, current)
        current = exact if exact is not None else frozenset([""])
    if whole:
        return current, required
    return None, _with(required, current)


def _part(operation: Any, argument: Any) -> tuple[Group | None, list[Group]]:
    if operation is _constants.LITERAL:
        return frozenset([chr(argument).lower()]), []
    if operation is _constants.AT:
        return frozenset([""]), []
    if operation is _constants.IN:
        return _members(argument), []
    if operation is _constants.SUBPATTERN:
        return _read(argument[-1])
    if operation is _constants.BRANCH:
        return _branches([_read(branch) for branch in argument[1]])
    if operation in (_constants.MAX_REPEAT, _constants.MIN_REPEAT):
        least, most, repeated = argument
        exact, required = _read(repeated)
        if exact is not None and (least, most) == (0, 1):
            return frozenset((*exact, "")), []
        if exact is not None and least == most and len(exact) ** least <= MOST:
            return frozenset("".join(parts) for parts in product(exact, repeat=least)), []
        return None, _with(required, exact) if least else []
    return None, []


def _members(members: Sequence[tuple[Any, Any]]) -> Group | None:
    if all(operation is _constants.LITERAL for operation, _ in members) and len(members) <= 8:
        return frozenset(chr(argument).lower() for _, argument in members)
    return None


def _branches(read: Sequence[tuple[Group | None, list[Group]]]) -> tuple[Group | None, list[Group]]:
    exacts = [exact for exact, _ in read if exact is not None]
    if len(exacts) == len(read) and sum(map(len, exacts)) <= MOST:
        return frozenset().union(*exacts), []
    best = []
    for exact, required in read:
        found = _with(required, exact)
        if not found:
            return None, []
        best.append(min(found, key=_unwelcome))
    together: Group = frozenset().union(*best)
    return None, [together] if len(together) <= MOST else []


def _with(required: list[Group], exact: Group | None) -> list[Group]:
    """Return the groups and the one that the texts make, if each of them is a word worth looking for."""
    if exact is None or not exact or any(len(text.strip()) < SHORTEST for text in exact):
        return required
    return [*required, exact]

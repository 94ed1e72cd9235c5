"""Masks secrets in text before it reaches a disk, a page or a chat room.

Secrets become `[REDACTED:<kind>]`: found by name (`pairs`), by shape (`tokens`, `shapes`, `mnemonic`) or
because they were registered (`known`). The standard library is enough: the bot's process imports this. Time
is linear in the text. A secret that has neither a name nor a known shape and was never registered stays
readable: that is the limit of any redactor, so register what you know.
"""

from __future__ import annotations

import re
from bisect import bisect_right
from collections.abc import Iterator, Mapping
from typing import Any

from obs.redaction import disguise, known
from obs.redaction.gate import has_hint, has_long_run, has_twelve_words
from obs.redaction.known import forget_known, register_environment, register_known
from obs.redaction.mnemonic import find_mnemonics
from obs.redaction.names import NAMED_KINDS
from obs.redaction.pairs import Span, find_pairs, kind_of_value
from obs.redaction.shapes import OVERFLOW, SHAPED_KINDS, find_encoded, find_shapes
from obs.redaction.tokens import TOKEN_KINDS, find_tokens

__all__ = [
    "KINDS",
    "MASK",
    "forget_known",
    "has_hint",
    "redact",
    "redact_attributes",
    "register_environment",
    "register_known",
]

MASK = re.compile(r"\[REDACTED:([a-z0-9_]+)\]")
"""Finds the masks in redacted text; group 1 is the kind."""

KINDS = NAMED_KINDS | SHAPED_KINDS | TOKEN_KINDS | {OVERFLOW, "known_value", "encoded"}
"""Every kind a mask may carry."""

MAX_SPANS = 1_000
"""Secrets of one sort in one text; what follows more of them is masked whole, so that time stays bounded."""

_ROUNDS = 6


def redact(text: str) -> str:
    """Return the text with every secret replaced by `[REDACTED:<kind>]`.

    A text without secrets comes back as the same object. `redact(redact(x)) == redact(x)`.
    """
    if not has_hint(text):
        return text
    # What a mask leaves behind may read differently than before (a value cut short), so we look again until
    # nothing is found: that is what makes redaction idempotent.
    for _ in range(_ROUNDS):
        spans = _spans(text)
        if not spans:
            break
        text = _mask(text, spans)
    return text


def redact_attributes(attributes: Mapping[str, Any]) -> dict[str, Any]:
    """Return a copy whose secrets are masked; the key is the name of its value, at any depth."""
    return {redact(str(key)): _redact_value(str(key), value, 0) for key, value in attributes.items()}


def _redact_value(key: str, value: Any, depth: int) -> Any:
    if isinstance(value, str):
        kind = kind_of_value(key, value)
        return f"[REDACTED:{kind}]" if kind else redact(value)
    if value is None or isinstance(value, bool | float):
        return value
    if isinstance(value, int):
        return f"[REDACTED:{kind}]" if (kind := kind_of_value(key, str(value))) else value
    if isinstance(value, bytes):
        return redact(value.decode("utf-8", "backslashreplace"))
    if depth > 8:
        return redact(str(value))
    if isinstance(value, Mapping):
        return {redact(str(k)): _redact_value(str(k), v, depth + 1) for k, v in value.items()}
    if isinstance(value, list | tuple | set | frozenset):
        return [_redact_value(key, item, depth + 1) for item in value]
    return value


def _spans(text: str, *, deep: bool = True) -> list[Span]:
    clear = disguise.uncover(text)
    if clear is None:
        return _find(text, deep=deep)
    spans = [
        (clear.place(start), clear.place(end), kind)
        for start, end, kind in _find(clear.text, deep=deep)
        if end > start
    ]
    return spans if clear.end == len(text) else [*spans, (clear.end, len(text), OVERFLOW)]


def _find(text: str, *, deep: bool) -> list[Span]:
    lower = disguise.lower_case(text)
    finders = [find_pairs(text, lower), find_shapes(text, lower), known.find_known(text)]
    if has_twelve_words(text):
        finders.append(find_mnemonics(text))
    if has_long_run(text):
        finders.append(find_tokens(text))
        if deep:
            finders.append(_encoded(text))
    spans = [span for finder in finders for span in _bounded(text, finder)]
    if not spans:
        return spans
    spans = _again(text, _outside_masks(text, spans))
    rest = min((start for start, _, kind in spans if kind == OVERFLOW), default=len(text))
    return (
        spans
        if rest == len(text)
        else [*(span for span in spans if span[0] < rest), (rest, len(text), OVERFLOW)]
    )


def _encoded(text: str) -> Iterator[Span]:
    """Base64 that holds a secret is masked as a whole; what was decoded is not decoded again."""
    for start, end, plain in find_encoded(text):
        if has_hint(plain) and _spans(plain, deep=False):
            yield start, end, "encoded"


def _bounded(text: str, finder: Iterator[Span]) -> Iterator[Span]:
    """The first spans of a finder; a text that holds more of them is masked from there to its end."""
    for number, span in enumerate(finder):
        if number == MAX_SPANS:
            yield span[0], len(text), OVERFLOW
            return
        yield span


def _outside_masks(text: str, spans: list[Span]) -> list[Span]:
    if "[REDACTED:" not in text:
        return [span for span in spans if span[0] < span[1]]
    masks = [mask.span() for mask in MASK.finditer(text)]
    kept: list[Span] = []
    starts = [left for left, _ in masks]
    for start, end, kind in sorted(spans):
        at = bisect_right(starts, start) - 1
        if kind == OVERFLOW:
            kept.append((masks[at][1] if at >= 0 and masks[at][1] > start else start, end, kind))
            continue
        at = max(at, 0)
        while at < len(masks) and masks[at][0] < end:
            left, right = masks[at]
            at += 1
            if right > start:
                if start < left:
                    kept.append((start, left, kind))
                start = right
        if start < end:
            kept.append((start, end, kind))
    return kept


def _again(text: str, spans: list[Span]) -> list[Span]:
    """The same secret, later in the text and without its name, is still the secret."""
    values = {text[start:end]: kind for start, end, kind in spans if 8 <= end - start <= 512}
    for value, kind in list(values.items())[:16]:
        at = text.find(value)
        while at >= 0:
            spans.append((at, at + len(value), kind))
            at = text.find(value, at + len(value))
    return spans


def _mask(text: str, spans: list[Span]) -> str:
    parts: list[str] = []
    position = 0
    for start, end, kind in sorted(spans, key=lambda span: (span[0], -span[1])):
        if start < position:
            if end > position:
                position = end
            continue
        parts += (text[position:start], f"[REDACTED:{kind}]")
        position = end
    parts.append(text[position:])
    return "".join(parts)

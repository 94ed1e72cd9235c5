"""Masks secrets in text before it reaches a disk, a page or a chat room.

Secrets become `[REDACTED:<kind>]`: found by name (`pairs`), by shape (`tokens`, `shapes`, `mnemonic`) or
because they were registered (`known`). The standard library is enough: the bot's process imports this. Time
is linear in the text and bounded by counts (`limits`): what is beyond them becomes `[REDACTED:overflow]`. A
secret that has neither a name nor a known shape and was never registered stays readable: that is the limit
of any redactor, so register what you know.
"""

from __future__ import annotations

import re
from bisect import bisect_right
from collections.abc import Callable, Iterator, Mapping
from itertools import islice
from typing import Any

from obs.redaction import disguise, known
from obs.redaction.gate import has_hint, twelve_words
from obs.redaction.known import forget_known, register_environment, register_known
from obs.redaction.limits import LONG, OVERFLOW, Limits, limits_of
from obs.redaction.mnemonic import find_mnemonics
from obs.redaction.names import NAMED_KINDS
from obs.redaction.pairs import Span, find_pairs, kind_of_value
from obs.redaction.runs import long_runs
from obs.redaction.shapes import SHAPED_KINDS, find_encoded, find_shapes
from obs.redaction.tokens import TOKEN_KINDS, find_bots, find_tokens

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
"""Every kind a mask may carry; `overflow` covers what was not looked at, see `limits`."""

_ROUNDS = 6
_NEAR = 1_500
_RIM = 300
_BLOCK = 512


def redact(text: str) -> str:
    """Return the text with every secret replaced by `[REDACTED:<kind>]`.

    A text without secrets comes back as the same object. `redact(redact(x)) == redact(x)`.
    """
    if not has_hint(text):
        return text
    # What a mask leaves behind may read differently than before (a value cut short), so we look again until
    # nothing is found: that is what makes redaction idempotent.
    spans = _spans(text)
    for _ in range(_ROUNDS):
        if not spans:
            break
        text, masks = _mask(text, spans)
        spans = _spans_near(text, masks)
    return text


def redact_attributes(attributes: Mapping[str, Any]) -> dict[str, Any]:
    """Return a copy whose secrets are masked; the key is the name of its value, at any depth.

    Mappings come back as dicts, sets as lists (two of their items may be masked alike), tuples as tuples.
    """
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
    if isinstance(value, tuple):
        return tuple([_redact_value(key, item, depth + 1) for item in value])
    if isinstance(value, list | set | frozenset):
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


def _spans_near(text: str, masks: list[tuple[int, int]]) -> list[Span]:
    """The secrets around new masks: in a long text nothing has changed far from them."""
    windows: list[tuple[int, int]] = []
    for start, end in masks:
        left, right = max(0, start - _NEAR), min(len(text), end + _NEAR)
        if windows and left <= windows[-1][1]:
            left = windows.pop()[0]
        windows.append((left, right))
    if len(text) <= LONG:
        return _spans(text)
    spans = []
    for left, right in windows:
        # What a window cut through at its rim stands too far from the masks to have changed.
        first = left + _RIM if left else 0
        last = right - _RIM if right < len(text) else right
        spans += [
            (left + start, left + end, kind)
            for start, end, kind in _spans(text[left:right])
            if first <= left + start < last
        ]
    return spans


def _find(text: str, *, deep: bool) -> list[Span]:
    limits = limits_of(text)
    seen, lower = text, disguise.lower_case(text)
    spans: list[Span] = []
    for finder in _finders(limits, deep=deep):
        for span in _bounded(seen, finder(seen, lower), limits.spans):
            if span[2] == OVERFLOW:
                # What is masked whole needs no other look.
                seen, lower = seen[: span[0]], lower[: span[0]]
                break
            spans.append(span)
    rest = len(seen)
    spans = _outside_masks(text, [(start, min(end, rest), kind) for start, end, kind in spans])
    if spans:
        spans = _outside_masks(text, _again(seen, spans, limits.repeats))
    if rest < len(text):
        spans.append((_behind_mask(text, rest), len(text), OVERFLOW))
    return [span for span in spans if span[0] < span[1]]


Finder = Callable[[str, str], Iterator[Span]]


def _finders(limits: Limits, *, deep: bool) -> Iterator[Finder]:
    """The ways to look, cheapest first: where one gives up, the next ones need not go on."""
    yield lambda text, _: _masks(text, limits.masks)
    yield lambda text, lower: find_pairs(text, lower, limits.names)
    yield lambda text, lower: find_shapes(text, lower, limits.places)
    yield lambda text, _: known.find_known(text)
    yield lambda text, _: _in_runs(text, limits, deep=deep)
    yield lambda text, _: find_bots(text)
    yield lambda text, _: find_mnemonics(text, twelve_words(text), limits.words)


def _masks(text: str, most: int) -> Iterator[Span]:
    """Nothing but the place from which there are too many masks to go on."""
    if text.count("[REDACTED:") > most:
        for number, mask in enumerate(MASK.finditer(text)):
            if number == most:
                yield mask.start(), len(text), OVERFLOW
                return


def _in_runs(text: str, limits: Limits, *, deep: bool) -> Iterator[Span]:
    runs = long_runs(text)
    read = mixed = decoded = 0
    while block := list(islice(runs, _BLOCK)):
        read += len(block)
        if read > limits.runs:
            yield block[0][0], len(text), OVERFLOW
            return
        yield from find_tokens(text, block)
        # Base64 that holds a secret is masked as a whole; what was decoded is not decoded again.
        for start, end, plain in find_encoded(text, block) if deep else ():
            mixed += 1
            decoded += bool(plain)
            if mixed > limits.mixed or decoded > limits.encoded:
                yield start, len(text), OVERFLOW
                return
            if plain and (len(plain) > LONG or (has_hint(plain) and _spans(plain, deep=False))):
                yield start, end, "encoded"


def _bounded(text: str, finder: Iterator[Span], most: int) -> Iterator[Span]:
    """The first spans of a finder; a text that holds more of them is masked from there to its end."""
    for number, span in enumerate(finder):
        if number == most:
            yield span[0], len(text), OVERFLOW
            return
        yield span


def _outside_masks(text: str, spans: list[Span]) -> list[Span]:
    """The same spans without the masks in them."""
    if "[REDACTED:" not in text:
        return spans
    masks = [mask.span() for mask in MASK.finditer(text)]
    starts = [left for left, _ in masks]
    kept: list[Span] = []
    for start, end, kind in sorted(spans):
        at = max(0, bisect_right(starts, start) - 1)
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


def _behind_mask(text: str, at: int) -> int:
    """The place itself, or the end of the mask that it would cut."""
    head = text.rfind("[REDACTED:", max(0, at - 64), at)
    mask = MASK.match(text, head) if head >= 0 else None
    return max(at, mask.end()) if mask else at


def _again(text: str, spans: list[Span], most: int) -> list[Span]:
    """The same secret, later in the text and without its name, is still the secret; each at most so often."""
    values = {text[start:end]: kind for start, end, kind in spans if 8 <= end - start <= 512}
    for value, kind in list(values.items())[:16]:
        at = text.find(value)
        for _ in range(most):
            if at < 0:
                break
            spans.append((at, at + len(value), kind))
            at = text.find(value, at + len(value))
        else:
            if at >= 0:
                spans.append((at, len(text), OVERFLOW))
    return spans


def _mask(text: str, spans: list[Span]) -> tuple[str, list[tuple[int, int]]]:
    """The text with masks, and where in it they stand."""
    parts: list[str] = []
    masks: list[tuple[int, int]] = []
    position = length = 0
    for start, end, kind in sorted(spans, key=lambda span: (span[0], -span[1])):
        if start < position:
            if end > position:
                position = end
            continue
        mask = f"[REDACTED:{kind}]"
        parts += (text[position:start], mask)
        length += start - position + len(mask)
        masks.append((length - len(mask), length))
        position = end
    parts.append(text[position:])
    return "".join(parts), masks

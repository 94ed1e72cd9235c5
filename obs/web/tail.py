"""One event as a line of the live tail or a hit of a search: foreign text, made safe to be seen.

What could act on a screen or turn its text around is shown as an escape, masked secrets stand in a box of
their own that names their kind, and the length is bounded. Nothing of it is ever read as markup.
"""

from __future__ import annotations

import re

from obs.events import Severity
from obs.quoting import plain
from obs.redaction import MASK
from obs.web.model import EventRow, Mark, Rich, Span, Style
from obs.web.words import words

__all__ = ["LONGEST", "row", "shown", "visible"]

LONGEST = 600
"""Characters of a message that are shown."""
_MARKS = {Severity.WARN: Mark.WARNING, Severity.ERROR: Mark.ERROR, Severity.FATAL: Mark.CRITICAL}
_NAMES = {"\n": "⏎", "\r": "", "\t": " "}
_HIDDEN = re.compile(
    "[\x00-\x1f\x7f-\x9f\xad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180b-\u180f\u200b-\u200f\u2028-\u202e"
    "\u2060-\u206f\u3164\ud800-\udfff\ue000-\uf8ff\ufe00-\ufe0f\ufeff\uffa0\ufff0-\uffff\U0001d173-\U0001d17a"
    "\U000e0000-\U0010ffff]"
)
"""Controls, bidi marks, what has no width, tags, private use, lone surrogates."""
_PILE = re.compile(
    "([\u0300-\u036f\u1ab0-\u1aff\u1dc0-\u1dff\u20d0-\u20ff\ufe20-\ufe2f]{3})[\u0300-\u036f\u1ab0-\u1aff\u1dc0-\u1dff\u20d0-\u20ff\ufe20-\ufe2f]+"
)
"""Letters take few marks in real text; a pile of them is there to overflow the line."""


def row(
    *,
    seq: int,
    id: str,  # noqa: A002 - the name of the field
    at: int,
    severity: str,
    text: str,
    service: str = "",
    component: str = "",
    event_name: str = "",
    issue: str = "",
    lang: str = "en",
) -> EventRow:
    """Return an event as one line.

    Args:
        seq: Its number; grows with each.
        id: Under which it can be looked up.
        at: Unix ms.
        severity: OpenTelemetry's word.
        text: The message, secrets masked.
        service: The bot.
        component: The part of the bot that spoke.
        event_name: The event word, if it is one.
        issue: Id of the issue it is part of.
        lang: Of the words for masked secrets.
    """
    return EventRow(
        seq=seq,
        id=id,
        at=at,
        severity=severity,
        mark=_MARKS.get(Severity[severity]) if severity in Severity.__members__ else None,
        service=plain(service),
        component=plain(component),
        text=shown(text, lang),
        event_name=plain(event_name),
        issue=issue,
    )


def shown(text: str, lang: str = "en", limit: int = LONGEST) -> Rich:
    """Return foreign text as runs: masked secrets by their kind, nothing in it that acts on a screen.

    Args:
        text: Foreign text, secrets masked as `[REDACTED:kind]`.
        lang: Of the words for masked secrets.
        limit: Characters that are shown.
    """
    cut = len(text) - limit
    text = text[:limit]
    spans: list[Span] = []
    start = 0
    for found in MASK.finditer(text):
        if found.start() > start:
            spans.append(Span(visible(text[start : found.start()])))
        kind = found[1].replace("_", " ")
        spans.append(Span(words(lang)("tail.masked", kind=kind), Style.FOREIGN))
        start = found.end()
    if start < len(text):
        spans.append(Span(visible(text[start:])))
    if cut > 0:
        spans.append(Span(words(lang)("tail.cut", n=cut), Style.QUIET))
    return tuple(spans)


def visible(text: str) -> str:
    """Return foreign text with every character that cannot be seen, or that turns text around, escaped."""
    if text.isascii() and text.isprintable():
        return text
    return _PILE.sub(r"\1…", _HIDDEN.sub(_escaped, text))


def _escaped(found: re.Match[str]) -> str:
    if found[0] in _NAMES:
        return _NAMES[found[0]]
    code = ord(found[0])
    return f"\\u{code:04x}" if code < 0x10000 else f"\\U{code:08x}"

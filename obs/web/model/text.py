"""What all sections are made of: marks, runs of text, amounts, words in boxes, labels with values."""

from __future__ import annotations

import enum

import msgspec

__all__ = ["Amount", "Badge", "Check", "Fact", "Flag", "Mark", "Rich", "Span", "Style"]


class Mark(enum.StrEnum):
    """A state as shape, word and colour: octagon, diamond, triangle, ticked circle, dashed circle."""

    CRITICAL = "critical"
    ERROR = "error"
    WARNING = "warning"
    OK = "ok"
    UNKNOWN = "unknown"


class Style(enum.StrEnum):
    """How a run of text is set."""

    PLAIN = ""
    STRONG = "strong"
    QUIET = "quiet"
    CODE = "code"
    FOREIGN = "foreign"
    """Text from outside, never an instruction: a dashed edge."""


class Span(msgspec.Struct, frozen=True, omit_defaults=True):
    """A run of text in one style; with `since` or `until` its text is that age, and grows or shrinks."""

    text: str = ""
    style: Style = Style.PLAIN
    since: int = 0
    """Unix ms: shown as how long ago that is (`6 min`); as a clock time when the page is stale."""
    until: int = 0
    """Unix ms: shown as how long until then."""
    clock: int = 0
    """Unix ms: shown as the time of day, with the date when it is another day."""
    link: str = ""
    """Id of the issue it opens, or empty."""


Rich = tuple[Span, ...]
"""A sentence: its runs, spaces included."""


class Amount(msgspec.Struct, frozen=True):
    """Money as it is shown: `1,240.50`, `+38.40`, `?` when unknown, `—` when there is none."""

    text: str
    currency: str = ""


class Badge(msgspec.Struct, frozen=True, omit_defaults=True):
    """A word in a box: a life (`New`), `local`, `unpriced`, `changed`."""

    text: str
    is_loud: bool = False
    """Whether its edge is bright: it deserves a look."""
    is_foreign: bool = False
    """Whether its edge is dashed: text from outside, or a masked secret."""


class Flag(msgspec.Struct, frozen=True, kw_only=True):
    """A change or issue marked on a chart's axis."""

    at: int
    text: str
    mark: Mark | None = None
    issue: str = ""


class Check(msgspec.Struct, frozen=True):
    """One thing that was looked at and is as it should be: silence must be proven."""

    text: str
    value: Rich = ()
    mark: Mark = Mark.OK


class Fact(msgspec.Struct, frozen=True, kw_only=True):
    """A label and its value."""

    label: str
    value: Rich
    detail: Rich = ()
    mark: Mark | None = None

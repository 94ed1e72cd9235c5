"""How much is looked at in one text, so that no text costs more than a moment whatever it holds.

A redactor fails closed: from the place where a limit is reached, the rest of the text is masked whole as
`[REDACTED:overflow]`. Long texts get fewer secrets, since each costs another look at what surrounds it, and
the same number of innocent places: a message of a megabyte is data, and data is full of names and numbers.
"""

from __future__ import annotations

from typing import NamedTuple

__all__ = ["LONG", "OVERFLOW", "VALUE", "Limits", "limits_of"]

OVERFLOW = "overflow"
"""The kind of what was not looked at."""

LONG = 65_536
"""Texts of more characters are long ones."""


class Limits(NamedTuple):
    """What one look at a text may cost, in counts."""

    spans: int
    """Secrets of one sort."""
    names: int
    """Places where a name of a secret may stand; one whose value is read counts as `VALUE` of them."""
    places: int
    """Places read for one shape."""
    runs: int
    """Long runs of token characters."""
    mixed: int
    """Runs that may be base64."""
    encoded: int
    """Runs that are base64 of text, looked at as texts of their own."""
    words: int
    """Characters of rows of words that may be recovery phrases."""
    masks: int
    """Masks of an earlier redaction."""
    repeats: int
    """Places of one and the same secret."""


VALUE = 4
"""What reading a value costs, in names."""

_SHORT = Limits(
    spans=1_000,
    names=8_000,
    places=2_000,
    runs=8_192,
    mixed=8_192,
    encoded=2_000,
    words=1_000_000,
    masks=8_192,
    repeats=8_192,
)
_LONG = Limits(
    spans=100,
    names=8_000,
    places=2_000,
    runs=20_000,
    mixed=7_000,
    encoded=200,
    words=400_000,
    masks=4_000,
    repeats=4_000,
)


def limits_of(text: str) -> Limits:
    """Return what may be looked at in this text."""
    return _LONG if len(text) > LONG else _SHORT

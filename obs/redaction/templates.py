"""Which messages surely hold no secret, judged by their parts: a template asked once, values asked once.

`has_hint` reads a message from end to end. A bot says the same few templates with the same few words and
ever other numbers; for these the answer follows from the parts, if no sign of a secret can come about where
template and value meet. Whatever is not surely harmless is left to `has_hint` with the whole message. Nothing
here knows of registered values: ask `is_known_hint` beside it.
"""

from __future__ import annotations

import re

from obs.redaction.gate import has_hint

__all__ = ["MIXED_LIMIT", "UNSURE", "weigh_template", "weigh_value"]

UNSURE = 1_000
"""Weight of what only the whole look can judge."""

MIXED_LIMIT = 8
"""From so many characters in words that mix letters and digits on, a run may be a token: see the gate."""

SIGNS = (
    *("pass", "key", "token", "secret", "cred", "pw", "auth", "otp", "mfa", "2fa"),
    *("acct", "account_n", "account n", "account-n", "accountn", "accno", "acc_no"),
    *("pin=", "pin:", 'pin"', "pin'", "pin ", "pin_", "pin-", "pinc", "pin\\"),
    *("contrase", "konto", "cvv", "iban", "wort", "senha", "parol", "geheim", "cano", "identified", "8=fix"),
    *(" -u", " -p", " -a ", "\\u", "@", "://", "%e", "%d", "%c"),
)
"""The literals of the gate: a message without any of them, of plain ASCII, can only hold a shape."""

_LONGEST = 512
_MOST_BLANKS = 10
# Conversions whose text is known to be plain: digits, a sign, a point, or an inert value.
_CONVERSION = re.compile(r"%(?:(?P<percent>%)|[-+ 0]*(?P<width>[0-9]{0,2})(?:\.[0-9]{0,2})?[sdiufFr])")
_WORD = re.compile("[A-Za-z0-9]+")
_INERT = re.compile(r"[A-Za-z0-9]+(?:[_\-./:][A-Za-z0-9]+)*")
_LONGEST_VALUE = 32

_LEFT = tuple(sign[:cut] for sign in SIGNS for cut in range(1, len(sign)) if sign[cut].isalnum())
"""Beginnings of signs that a value could complete: no piece before a value may end in one."""

_RIGHT = tuple(
    sign[cut:]
    for sign in SIGNS
    for cut in range(1, len(sign))
    # An inert value begins with no sign, holds neither "pin" nor "acc"; the rest `_LEFT` has seen.
    if sign[0].isalnum() and sign[cut - 1].isalnum() and "pin" not in sign[:cut] and "acc" not in sign[:cut]
)
"""Ends of signs that a value could begin: no piece behind a value may begin with one."""


def weigh_template(template: str) -> int:
    """Return how many characters of the template stand in words that mix letters and digits.

    `UNSURE` when the template alone, or it and some value together, may look like a secret. Else a message
    made of it and of numbers and inert values holds none as long as all weights together stay below
    `MIXED_LIMIT`.
    """
    if len(template) > _LONGEST or not template.isascii():
        return UNSURE
    pieces = _pieces(template)
    if pieces is None or has_hint("a".join(pieces)):
        return UNSURE
    for piece in pieces[:-1]:
        if piece[-1:].isalnum() or piece.lower().endswith(_LEFT):
            return UNSURE
    for piece in pieces[1:]:
        if piece[:1].isalnum() or piece.lower().startswith(_RIGHT):
            return UNSURE
    # Between two values there must be something to hold them apart.
    return UNSURE if "" in pieces[1:-1] else sum(map(_mixed, pieces))


def weigh_value(value: str) -> int:
    """Return how many characters of a value stand in words that mix letters and digits.

    `UNSURE` for any value that may be, or may help to make, a sign of a secret.
    """
    if len(value) > _LONGEST_VALUE or not value.isascii() or not _INERT.fullmatch(value):
        return UNSURE
    lower = value.lower()
    return UNSURE if "pin" in lower or "acc" in lower or has_hint(value) else _mixed(value)


def _pieces(template: str) -> list[str] | None:
    """What stands around the conversions; None when one of them could print anything else than is thought."""
    pieces = [""]
    at = widths = 0
    while (percent := template.find("%", at)) >= 0:
        conversion = _CONVERSION.match(template, percent)
        if conversion is None:
            return None
        pieces[-1] += template[at:percent]
        if conversion["percent"]:
            pieces[-1] += "%"
        else:
            pieces.append("")
            widths += int(conversion["width"] or 0)
        at = conversion.end()
    pieces[-1] += template[at:]
    # Padding may line up as many blanks as stand between the words of a recovery phrase.
    padding = widths + (len(pieces) if "% " in template else 0)
    return None if padding and template.count(" ") + padding > _MOST_BLANKS else pieces


def _mixed(text: str) -> int:
    return sum(len(word) for word in _WORD.findall(text) if not word.isalpha() and not word.isdigit())

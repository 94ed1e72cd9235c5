"""Decides which names announce a secret, in any spelling and several languages.

`api_key`, `apiKey`, `X-MBX-APIKEY`, `bot.exchange.secret` and `비밀번호` are names of secrets; `max_tokens`,
`secretary`, `token_symbol` and `cache_key` are not. What the value looks like is judged in `values.py`.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from functools import lru_cache
from typing import NamedTuple

from obs.redaction.vocabulary import ABOUT, FOREIGN, FOREIGN_WEAK, NUMERIC, OTHER, SHORT, STRICT, WEAK

__all__ = [
    "FOREIGN_ASCII_NAMES",
    "FOREIGN_NAMES",
    "NAMED_KINDS",
    "STEMS",
    "Name",
    "classify",
    "foreign",
    "grouped",
]


class Name(NamedTuple):
    """What a name promises about its value."""

    kind: str
    """The kind of the mask."""
    strict: bool
    """Whether any value counts (`password`), or only one that looks random (`token`, `sign`)."""
    numeric: bool = False
    """Whether digits alone are a likely value (PIN, one-time code, account number)."""


_STEM_WORDS = (
    "pass psw pwd pw pin phrase pat parol secret sig sess sid seed ssn senha salasana sifre key token tkn"
    " auth access acc adgangskode hmac hook haslo heslo bearer jwt cred cookie connection_str connectionstr"
    " connstr card cano code cvv cvc csrf contrase xsrf mnemonic mfa motde matkhau recovery refresh otp stp"
    " mtp 2fa tfa iban kennwort konto wachtwoord losenord geheim"
)


def grouped(words: Iterable[str]) -> str:
    """One alternation by first letter: the engine then tries a few branches per character, not eighty."""
    by_letter: dict[str, list[str]] = {}
    for word in words:
        by_letter.setdefault(word[0], []).append(re.escape(word[1:]))
    return "|".join(f"{letter}(?:{'|'.join(rest)})" for letter, rest in by_letter.items())


STEMS = re.compile(grouped(_STEM_WORDS.split()))
"""Where in a lower-case text a name of a secret may stand."""

FOREIGN_NAMES = re.compile(grouped(sorted(FOREIGN, key=len, reverse=True)))
"""Finds names in other scripts and accented spellings in a lower-case text."""

FOREIGN_ASCII_NAMES = re.compile(
    grouped(sorted((name for name in FOREIGN if name.isascii()), key=len, reverse=True))
)
"""The same for a text of plain ASCII, which can hold no other."""

NAMED_KINDS = frozenset().union(*(table.values() for table in (STRICT, SHORT, WEAK, NUMERIC, FOREIGN)))
"""The kinds of masks that names lead to."""

_NUMERIC_KINDS = frozenset(NUMERIC.values())
_WEAK_KINDS = frozenset({"token", "signature", "session", "cookie"})
_WORDS = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+|[0-9]+[a-z]*")
_TAILS = tuple(sorted((tail for tail in STRICT if len(tail) > 5), key=len, reverse=True))
_SHORTEST_TAIL = 6


def foreign(word: str) -> Name:
    """Return what a name in another language promises; `word` is a key of `FOREIGN`."""
    kind = FOREIGN[word]
    strict = kind not in _WEAK_KINDS and word not in FOREIGN_WEAK
    return Name(kind, strict, numeric=kind in _NUMERIC_KINDS)


@lru_cache(maxsize=4096)
def classify(identifier: str) -> Name | None:
    """Return what the name promises about its value, or None when it names no secret.

    Args:
        identifier: A name as printed, with its separators, such as `X-MBX-APIKEY` or `exchange.secret`.
    """
    words = [word.lower() for word in _WORDS.findall(identifier)][-12:]
    for end in range(len(words), 0, -1):
        found = _tail(words[:end])
        if found is not None:
            behind = words[end:]
            told = ABOUT.isdisjoint(behind) and all(word.isalpha() or len(word) <= 2 for word in behind)
            return found if told and not (found.numeric and behind) else None
    return None


def _tail(words: list[str]) -> Name | None:
    """What the last words say together: the head noun of a name stands at its end."""
    last = words[-1]
    for take in range(min(4, len(words)), 0, -1):
        compact = "".join(words[-take:])
        for form in (compact, compact.removesuffix("s")):
            if form in STRICT:
                return Name(STRICT[form], strict=True)
        if compact in NUMERIC:
            return Name(NUMERIC[compact], strict=True, numeric=True)
    if last in SHORT:
        return Name(SHORT[last], strict=True)
    if last in WEAK or last.removesuffix("s") in WEAK:
        other = len(words) > 1 and words[-2] in OTHER
        return None if other else Name(WEAK.get(last) or WEAK[last.removesuffix("s")], strict=False)
    # Run-together spellings: DBPASSWORD, mbxapikey, krxsecret.
    if len(last) > _SHORTEST_TAIL and last.endswith(_TAILS):
        return Name(next(STRICT[tail] for tail in _TAILS if last.endswith(tail)), strict=True)
    return None

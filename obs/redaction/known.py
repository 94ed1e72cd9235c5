"""Masks registered values wherever they appear, also percent-encoded, JSON-escaped or in base64."""

from __future__ import annotations

import base64
import json
from collections.abc import Iterable, Iterator, Mapping
from urllib.parse import quote, quote_plus

from obs.redaction.names import classify
from obs.redaction.values import is_placeholder

__all__ = ["find_known", "forget_known", "is_known_hint", "register_environment", "register_known"]

MIN_LENGTH = 8
"""Shorter values are ordinary words too often."""

# No lock: the first log call of a bot registers its environment, and a signal handler may log meanwhile.
_registered: dict[str, None] = {}
_forms: tuple[str, ...] = ()


def register_known(values: Iterable[str]) -> None:
    """Mask these values from now on, in any text of this process.

    They are kept in memory only. Values under `MIN_LENGTH` characters are ignored.
    """
    global _forms
    forms = {form for value in values if len(value) >= MIN_LENGTH for form in _written(value)}
    _registered.update(dict.fromkeys(forms))
    _forms = tuple(sorted(_registered, key=len, reverse=True))


def register_environment(environ: Mapping[str, str]) -> None:
    """Register the values of the variables whose names announce a secret."""
    register_known(
        value
        for name, value in environ.items()
        # `PWD` is where the shell stands, not a password.
        if len(value) >= MIN_LENGTH
        and name not in ("PWD", "OLDPWD")
        and (found := classify(name)) is not None
        and found.strict
        and not is_placeholder(value)
    )


def forget_known() -> None:
    """Forget every registered value."""
    global _forms
    _registered.clear()
    _forms = ()


def known_forms() -> tuple[str, ...]:
    """Return what is looked for; another object after each registration, for whoever keeps verdicts."""
    return _forms


def is_known_hint(text: str) -> bool:
    """Whether a registered value is in the text."""
    return bool(_forms) and any(form in text for form in _forms)


def find_known(text: str) -> Iterator[tuple[int, int, str]]:
    """Yield every place of a registered value."""
    for form in _forms:
        at = text.find(form)
        while at >= 0:
            yield at, at + len(form), "known_value"
            at = text.find(form, at + len(form))


def _written(value: str) -> Iterator[str]:
    """The ways in which a log writes the value."""
    yield value
    yield quote(value, safe="")
    yield quote(value)
    yield quote_plus(value)
    escaped = json.dumps(value)[1:-1]
    yield escaped
    yield json.dumps(escaped)[1:-1]
    yield repr(value)[1:-1]
    raw = value.encode("utf-8", "surrogatepass")
    if len(raw) >= 12:
        for shift in range(3):
            # Base64 of a longer text that holds the value: only the characters that depend on nothing else.
            encoded = base64.b64encode(bytes(shift) + raw).decode().rstrip("=")
            inner = encoded[(0, 2, 3)[shift] : len(encoded) - 1]
            yield inner
            yield inner.replace("+", "-").replace("/", "_")

"""What has been found out about texts that come again and again: asked once, kept, forgotten together.

Loggers, templates, paths, symbols and the names of attributes are few; looking for secrets in them at each
record is most of what a record would cost. Standard library only.
"""

from __future__ import annotations

import logging
import re
from collections.abc import Callable, Mapping
from typing import Any, Final, TypeVar

from obs.recording.freezing import name_of
from obs.recording.plain import cut
from obs.recording.rows import severity_name

__all__ = ["SHORT_VALUE", "Redaction", "Verdicts", "remember"]

_LIMIT: Final = 8_192
"""Texts that are remembered; then all are forgotten, so that a bot of ever new texts costs no memory."""
_LONGEST: Final = 4_096
SHORT_VALUE: Final = 32
"""Characters of a value that is worth remembering: symbols and sides are, sentences are not."""
# A width or precision that would make megabytes out of one number.
_BOMB = re.compile(r"%[^a-zA-Z%]*(?:\*|[0-9]{5})")

Value = TypeVar("Value")


class Redaction:
    """The ways to look for secrets, as `obs.redaction` has them; an experiment may pass others.

    Args:
        redact: Masks secrets in a text.
        redact_attributes: Masks secrets in a mapping, key names giving the context.
        has_hint: The cheap gate before both: False means there is surely nothing to mask.
        is_known_hint: Whether a registered value is in a text; the one thing that weights do not tell.
        weigh_template: How near a template and plain values come to a secret; see `redaction.templates`.
        weigh_value: The same of a value.
    """

    __slots__ = ("has_hint", "is_known_hint", "redact", "redact_attributes", "weigh_template", "weigh_value")

    def __init__(
        self,
        redact: Callable[[str], str],
        redact_attributes: Callable[[Mapping[str, Any]], dict[str, Any]],
        has_hint: Callable[[str], bool],
        is_known_hint: Callable[[str], bool],
        weigh_template: Callable[[str], int],
        weigh_value: Callable[[str], int],
    ) -> None:
        self.redact = redact
        self.redact_attributes = redact_attributes
        self.has_hint = has_hint
        self.is_known_hint = is_known_hint
        self.weigh_template = weigh_template
        self.weigh_value = weigh_value


class Verdicts:
    """The caches of one encoder; bounded, and no lock: what two threads find out twice is the same."""

    def __init__(self, redaction: Redaction) -> None:
        self._redaction = redaction
        self._cleaned: dict[str, str] = {}
        self._secret_keys: dict[str, bool] = {}
        self._bombs: dict[str, bool] = {}
        self._levels: dict[Any, tuple[str, str]] = {}
        self.hintless: dict[str, bool] = {}
        """Short values in which there was no hint of a secret."""
        self.weights: dict[str, int] = {}
        """Of such values as came again, what they weigh in a message; see `obs.redaction.templates`."""

    def forget(self) -> None:
        """Ask again about texts seen before: more values are known to be secret than then."""
        self._cleaned.clear()
        self._secret_keys.clear()
        self.hintless.clear()
        self.weights.clear()

    def cleaned(self, text: Any) -> str:
        """Return a text that comes again and again (logger, template, path), redacted once."""
        known = self._cleaned.get(text) if type(text) is str else None
        if known is not None:
            return known
        if type(text) is not str:
            text = f"<{name_of(type(text))}>"
        cleaned = self.safe(text, _LONGEST)
        return remember(self._cleaned, text, cleaned) if len(text) <= _LONGEST else cleaned

    def safe(self, text: str, limit: int) -> str:
        """Return the text redacted, and cut when it is longer than `limit` characters."""
        redaction = self._redaction
        if len(text) > limit:
            return cut(text, limit, redaction.redact)[0]
        return redaction.redact(text) if redaction.has_hint(text) else text

    def names_secret(self, key: str) -> bool:
        """Whether the name of an attribute may announce a secret."""
        known = self._secret_keys.get(key)
        if known is None:
            known = remember(self._secret_keys, key, self._redaction.has_hint(f"{key}=x {key}: x"))
        return known

    def is_bomb(self, template: str) -> bool:
        """Whether formatting the template could make megabytes out of one number."""
        known = self._bombs.get(template)
        return known if known is not None else remember(self._bombs, template, bool(_BOMB.search(template)))

    def level(self, level: Any) -> tuple[str, str]:
        """Return the severity of one of `logging`'s levels, and the word that the bot has for it."""
        known = self._levels.get(level)
        if known is None:
            text = logging.getLevelName(level)
            known = (severity_name(level), text if type(text) is str else severity_name(level))
            remember(self._levels, level, known)
        return known

    def note_hintless(self, value: str) -> None:
        """Remember a value in which, alone or within a message, no hint was found; weigh it if it returns."""
        if len(value) > SHORT_VALUE:
            return
        if value in self.hintless:
            if value not in self.weights:
                remember(self.weights, value, self._redaction.weigh_value(value))
        else:
            remember(self.hintless, value, True)


def remember(cache: dict[Any, Value], key: Any, value: Value, limit: int = _LIMIT) -> Value:
    """Put a value into a cache that never grows beyond its limit, and return it."""
    if len(cache) >= limit:
        cache.clear()
    cache[key] = value
    return value

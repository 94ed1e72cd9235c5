"""The text of a message: template and arguments put together, whatever they are, and cut when it is long.

Nothing of the bot's runs here but on the renderer's thread; a template and arguments that do not fit are both
shown. Standard library only.
"""

from __future__ import annotations

import hashlib
import re
from typing import Any, Final

from obs.recording.freezing import SAFE, Snapshot, is_harmless, thaw
from obs.recording.interruptions import is_interruption
from obs.recording.plain import Deferred, Shown, cut
from obs.recording.rows import BODY_LIMIT, PROVISIONAL, QUICK, RENDERED
from obs.recording.verdicts import Redaction, Verdicts

__all__ = ["Messages"]

_PROVISIONAL_BODY: Final = 4_096
_CONVERSION = re.compile(r"%(?:\([^)]*\))?[^a-zA-Z%]*[a-zA-Z]")
_PROBE: Final = "q7Zx9Kd2Lm8Vt4Rb"


class Messages:
    """Makes the bodies of records.

    Args:
        redaction: How to look for secrets.
        verdicts: What is known of texts that come again.
        blocked: Types that are not asked for their text any more.
    """

    def __init__(self, redaction: Redaction, verdicts: Verdicts, blocked: set[type]) -> None:
        self._redact = redaction.redact
        self._verdicts = verdicts
        self._blocked = blocked

    def body(self, item: Any, row: dict[str, Any], attributes: dict[str, Any], mode: int) -> str:
        """Return the message of a record; adds to `row` and `attributes` what else is known of it.

        Raises:
            Deferred: In `QUICK` mode, when foreign code would have to run.
        """
        message = item.msg
        arguments = item.args
        if type(message) is not str:
            message = self.shown(thaw(message), mode)
        elif arguments:
            row["template"] = self._verdicts.cleaned(message)
            message = self._formatted(message, arguments, attributes, mode)
        if type(item) is Snapshot and item.template:
            row["template"] = self._verdicts.cleaned(item.template)
        if type(item) is Snapshot and item.event_name:
            row["event_name"] = item.event_name
        if len(message) > BODY_LIMIT:
            return self._long(message, attributes, mode)
        return str(message)

    def shown(self, value: Any, mode: int, *, quoted: bool = False) -> str:
        """Return any value as text, as `%s` prints it or (`quoted`) as `%r` does.

        Raises:
            Deferred: In `QUICK` mode, when foreign code would have to run.
        """
        if type(value) is Shown:
            return repr(value) if quoted else str(value)
        if type(value) is str and not quoted:
            return value
        if not is_harmless(value):
            if mode == QUICK:
                raise Deferred
            shown = Shown(value, foreign=mode == RENDERED, blocked=self._blocked)
            return repr(shown) if quoted else str(shown)
        text = repr(value) if quoted else str(value)
        return cut(text, 2_048)[0] if quoted else text

    def _formatted(self, template: str, arguments: Any, attributes: dict[str, Any], mode: int) -> str:
        values = arguments
        if type(arguments) is tuple:
            if mode >= PROVISIONAL or not SAFE.issuperset(map(type, arguments)):
                values = tuple([self._argument(thaw(value), mode) for value in arguments])
        else:
            values = thaw(arguments)
            if type(values) is dict:
                values = {key: self._argument(value, mode) for key, value in values.items()}
            else:
                values = self._argument(values, mode)
        if not self._verdicts.is_bomb(template):
            try:
                return str(template % values)
            except Deferred:
                raise
            except Exception as error:
                if mode != RENDERED and is_interruption(error):
                    raise
        attributes["format_error"] = True
        listed = values if type(values) is tuple else (values,)
        # The template may name what an argument is, and the two could not be put together.
        probe = _CONVERSION.sub(_PROBE, template)
        names_secret = self._redact(probe) != probe
        attributes["log.args"] = [
            "[REDACTED:unformatted]" if names_secret else self.shown(value, mode, quoted=True)
            for value in listed[:20]
        ]
        return template

    def _argument(self, value: Any, mode: int) -> Any:
        """Return what `%` may be given in place of an argument."""
        if mode >= PROVISIONAL and type(value) is str and len(value) > BODY_LIMIT:
            return cut(value, _PROVISIONAL_BODY, self._redact)[0]
        if is_harmless(value):
            return value
        if mode == QUICK:
            raise Deferred
        return Shown(value, foreign=mode == RENDERED, blocked=self._blocked)

    def _long(self, message: str, attributes: dict[str, Any], mode: int) -> str:
        """Return head and tail of a long message, redacted before the cut so that no half secret shows."""
        if mode == QUICK:
            raise Deferred  # the digest of ten megabytes is nothing for a slice
        attributes["log.body.length"] = len(message)
        # Last words are made on the bot's time; the whole line follows and replaces them.
        limit = BODY_LIMIT if mode == RENDERED else _PROVISIONAL_BODY
        text, middle = cut(message, limit, self._redact)
        if middle and mode == RENDERED:
            digest = hashlib.sha256()
            for start in range(0, len(message), 1 << 20):
                digest.update(message[start : start + (1 << 20)].encode("utf-8", "surrogatepass"))
            attributes["log.body.sha256"] = digest.hexdigest()
        return text

"""Exceptions as the members of a line: type, message and printed traceback, redacted and cut.

The frames are printed by `obs.recording.raised`; only the renderer's thread reads source files and asks
exceptions with a `__str__` of their own.
"""

from __future__ import annotations

from typing import Final

from obs.recording.plain import Deferred, Shown
from obs.recording.raised import FrameTexts, Raised, cut_text
from obs.recording.rows import BODY_LIMIT, PROVISIONAL, QUICK, RENDERED, TRACE_LIMIT
from obs.recording.verdicts import Verdicts

__all__ = ["Tracebacks"]

_PROVISIONAL_TRACE: Final = 8_192


class Tracebacks:
    """Makes the `exception` member of lines; keeps the text of frames, which come again.

    Args:
        verdicts: What is known of texts that come again.
        blocked: Types that are not asked for their text any more.
    """

    def __init__(self, verdicts: Verdicts, blocked: set[type]) -> None:
        self._safe = verdicts.safe
        self._blocked = blocked
        self._frames = FrameTexts()

    def exception(self, raised: Raised, mode: int) -> dict[str, str]:
        """Return an exception that was summarised at its log call.

        Raises:
            Deferred: In `QUICK` mode, when a file would have to be read or the exception asked.
        """
        if mode == QUICK and not self._frames.known(raised):
            raise Deferred
        if mode == RENDERED:
            _ask(raised, self._blocked)
        limit = TRACE_LIMIT if mode < PROVISIONAL else _PROVISIONAL_TRACE
        printed = self._frames.print(raised, may_read=mode == RENDERED)
        return {
            "type": self._safe(raised.kind, 512),
            "message": self._safe(raised.text, BODY_LIMIT),
            "stacktrace": self._safe(cut_text(printed, limit + 8_192), limit),
        }

    def printed(self, printed: object) -> dict[str, str]:
        """Take an exception apart that another handler has already printed (a record from a queue)."""
        text = str(printed).rstrip("\n") if type(printed) is str else ""
        kind, _, said = text[text.rfind("\n") + 1 :].partition(": ")
        return {
            "type": self._safe(kind, 512),
            "message": self._safe(said, BODY_LIMIT),
            "stacktrace": self._safe(cut_text(text, TRACE_LIMIT + 8_192), TRACE_LIMIT),
        }


def _ask(raised: Raised, blocked: set[type]) -> None:
    """Ask exceptions with a `__str__` of their own for their text; the renderer thread only."""
    one: Raised | None = raised
    while one is not None:
        if one.pending is not None:
            one.text = str(Shown(one.pending, foreign=True, blocked=blocked))
            one.pending = None
        for member in one.members:
            _ask(member, blocked)
        one = one.older

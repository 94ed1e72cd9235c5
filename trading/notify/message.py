"""A message to the operator and what became of it: the two types between who speaks and who delivers.

A message's body is *marked text* (`trading.notify.markup`): `*bold*`, `` `code` ``, everything
else plain. Blocks are separated by a blank line; a block is never cut in two while it fits into one message.
"""

from __future__ import annotations

from typing import Literal, NamedTuple

import msgspec

__all__ = ["SEVERITIES", "Message", "Outcome", "Severity", "State"]

Severity = Literal["info", "warning", "error", "critical"]

SEVERITIES: tuple[Severity, ...] = ("info", "warning", "error", "critical")
"""Least first."""

State = Literal["queued", "sending", "sent", "failed", "unknown", "folded"]
"""`queued`: waits for its turn (`Outcome.due_ns`); `sending`: handed to a channel, no answer yet; `unknown`:
it may have arrived and may not, so it is not sent again by itself; `folded`: went out inside a digest."""


class Message(msgspec.Struct, frozen=True, kw_only=True):
    """What the operator shall read."""

    kind: str
    """What it is about, a word: daily, rebalancing, error, weekly, test, digest, or one of your own."""
    key: str
    """Names it: of several messages with one key only the first is sent."""
    title: str
    """One line of plain text; an e-mail's subject. The body repeats it where it is wanted."""
    body: str
    """Marked text; the title serves when it is empty."""
    severity: Severity = "info"
    short: str = ""
    """Plain text for channels that count characters (SMS); the title serves when it is empty."""
    cause: str = ""
    """Id of the event that led here."""
    language: Literal["ko", "en"] = "en"
    """Of what delivery itself adds: page numbers, why it comes late, why it comes by another channel."""


class Outcome(NamedTuple):
    """What became of a message."""

    state: State
    channel: str = ""
    """Which channel took it, or was the last to refuse it."""
    duplicate: bool = False
    """True: it had been given before; `state` is what became of it then, and nothing was sent now."""
    error_type: str = ""
    """`timeout`, `rate_limit`, `auth`, `invalid`, `server`; empty when there was no error or nobody knows."""
    detail: str = ""
    """What happened, in words for the operator; never holds a secret."""
    due_ns: int = 0
    """When a queued message is to be sent, ns since 1970 UTC."""
    reason: str = ""
    """Why a message waits: `quiet`, `cap` or `retry`."""

    @property
    def ok(self) -> bool:
        """Whether nobody needs to look: every recipient has it, or it waits as the settings want it."""
        if self.state == "queued":
            return self.reason in ("quiet", "cap")
        return self.state in ("sent", "folded") and not self.error_type

"""What is counted of the messages, for metrics and the page."""

from __future__ import annotations

from collections.abc import Mapping

import msgspec

__all__ = ["AlertNumbers", "ChannelNumbers"]


class ChannelNumbers(msgspec.Struct, frozen=True, kw_only=True):
    """Of one channel; the totals since its file was made."""

    sent: int = 0
    """Messages that it took."""
    failed: int = 0
    """Messages that it certainly did not take, after all tries."""
    unknown: int = 0
    """Messages of which nobody knows."""
    waiting: int = 0
    """News and messages that wait now."""
    held: int = 0
    """Of those, held back by quiet hours."""
    failing_since: int = 0
    """Unix ns of the first message in a row that it did not take; 0 while it works."""


class AlertNumbers(msgspec.Struct, frozen=True, kw_only=True):
    """Of all."""

    channels: Mapping[str, ChannelNumbers] = {}
    silenced: int = 0
    """Open issues that a silence holds archived now."""
    mirror: int = -1
    """1: Alertmanager tells its silences, 0: it does not answer, -1: none is set."""

"""How a daily run can end without having done its work."""

from __future__ import annotations

from trading.errors import TradingError

__all__ = ["NoSessionError", "NotPublishedError"]


class NotPublishedError(TradingError):
    """The source has no bars of the session yet: another call, later, will do it."""


class NoSessionError(TradingError):
    """The source has bars before and after the session and none of it: there was no trading that day."""

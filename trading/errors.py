"""The one root of errors that a person can mend; the command line prints their text and ends with 2."""

from __future__ import annotations

__all__ = ["MissingExtraError", "TradingError"]


class TradingError(ValueError):
    """Something a person can mend: the message names the place, the value and the mend."""


class MissingExtraError(TradingError):
    """A library that comes with an extra is not installed."""

    def __init__(self, what: str, extra: str) -> None:
        super().__init__(f'{what} needs the extra "{extra}": pip install "trading-core[{extra}]"')

"""A signal: what a strategy would do with one symbol after one bar, and the figures that made it say so."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

__all__ = ["Action", "Signal"]

Action = Literal["buy", "sell", "hold"]


@dataclass(frozen=True, slots=True)
class Signal:
    """What a strategy would do, and how sure it is."""

    action: Action
    confidence: float
    """0..1."""
    reason: str
    symbol: str = ""
    """Empty when the strategy trades one symbol only."""
    agent: str = "rule"
    price: float | None = None
    """Limit price, or `None` for the market's."""
    weight: float | None = None
    """Share of the equity that the position shall have, 0..1; `None`: whoever sizes decides."""
    score: float | None = None
    """The MAPS score."""
    close: float | None = None
    """Price at which it was said."""
    rsi: float | None = None
    ma_ratio: float | None = None
    """Close over its mean, minus 1."""
    momentum: float | None = None
    """Rate of change, a fraction."""
    volatility: float | None = None
    """Deviation of one bar's return, a fraction."""

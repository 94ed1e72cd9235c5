"""A signal: what a strategy would do with one symbol after one bar, and the figures that made it say so."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, NamedTuple

from trading.regime import MarketState, Regime

__all__ = ["Action", "Filtered", "Signal", "Verdict"]

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


class Filtered(NamedTuple):
    """A signal that a gate stopped."""

    signal: Signal
    filter: str
    """The gate: `halted`, `regime`, `confidence`, `volatility`, `correlation` or `cooldown`."""
    value: float
    """What the gate looked at."""
    threshold: float
    """What it was compared with."""


class Verdict(NamedTuple):
    """What an engine says of one session."""

    time: int
    """Time of the session's bars, Unix ns."""
    signals: tuple[Signal, ...]
    """Those that passed: buys (the surest first), then sells, then holds; equals by symbol."""
    filtered: tuple[Filtered, ...]
    """Buys that a gate stopped, the surest first; those in a cooldown last."""
    market: MarketState | None
    """The market after this session; `None` while its windows are not full."""

    @property
    def regime(self) -> Regime | None:
        """The kind of market; `None` while it is not known."""
        return self.market.regime if self.market else None

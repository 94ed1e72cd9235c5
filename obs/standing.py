"""How the bots stand at one instant, as facts of a Snapshot: what they hold, their rhythm, what was checked.

Only numbers, validated names and words of a closed set; views word them in the reader's language.
"""

from __future__ import annotations

from decimal import Decimal

import msgspec

__all__ = ["BARS", "BAR_MINUTES", "BotStanding", "Check", "Gate", "Holding", "Passage", "Pulse"]

BARS = 60
"""Parts of the time that a rhythm is shown over."""
BAR_MINUTES = 3
"""Length of each."""


class Holding(msgspec.Struct, frozen=True, kw_only=True):
    """One open position, as far as the bot's words tell."""

    service: str
    symbol: str
    side: str = ""
    """`long`, `short` or empty."""
    quantity: Decimal | None = None
    entry: Decimal | None = None
    """Average price."""
    price: Decimal | None = None
    """At which it was last valued."""
    currency: str = "?"
    value: Decimal | None = None
    """Of its whole size at `price`; None when either is not known."""
    unrealized: Decimal | None = None
    protection: str = "unknown"
    """`stop`: one rests at the exchange; `bot`: it lives in the bot only; `none`; `unknown`."""
    unprotected_at: int = 0
    """Unix ns since when it has none."""
    stop: Decimal | None = None
    """Price of the stop that rests, or of the last that was tried."""
    opened_at: int = 0
    is_simulated: bool = False


class Pulse(msgspec.Struct, frozen=True, kw_only=True):
    """One stage of a bot's work over the last three hours."""

    stage: str
    """`heartbeats`, `ticks`, `candles`, `signals`, `orders`, `answers`, ...; `records` is all it says."""
    state: str = "unknown"
    """`on_time`, `late`, `closed` (nothing is due), `off` (the bot does not run), `unknown` (no rhythm)."""
    count: int = 0
    """Since it is remembered."""
    last: int = 0
    every: int = 0
    """Ns between two, typically; 0 when no rhythm is known."""
    shortest: int = 0
    """Ns: a short and a long gap of one that comes irregularly; 0 when it is regular or unknown."""
    longest: int = 0
    source: str = ""
    """How the rhythm is known: `set`, `learned` or empty."""
    missing: int = 0
    """Ns of open time for which it is overdue."""
    bars: tuple[int, ...] = ()
    """`BARS` counts, oldest first; -1: nothing was due; -2: due and missing."""


class BotStanding(msgspec.Struct, frozen=True, kw_only=True):
    """One bot: what it is doing and how each stage of its work keeps its rhythm."""

    name: str
    mode: str = ""
    """`live`, `dry run`, `paper`, `backtest` or empty when nothing tells."""
    state: str = ""
    """`running`, `stopped`, `ended` (its process is gone), `died` (badly), or its own word."""
    last: int = 0
    """Its newest record."""
    market: str = ""
    """Name of its session table; empty when none is known."""
    is_market_open: bool | None = None
    opens_at: int = 0
    """Unix ns of the next opening, for a market with sessions that is closed."""
    closes_at: int = 0
    tells_positions: bool = False
    """Whether it says what it holds: only then is nothing open a known zero."""
    pulses: tuple[Pulse, ...] = ()


class Check(msgspec.Struct, frozen=True, kw_only=True):
    """One thing that was looked at and is as it should be; what could not be looked at is not among them."""

    name: str
    """`stops`, `cadence.candles`, `clock`, ...: a closed set."""
    good: int = 0
    """So many of ..."""
    of: int = 0
    """... so many are well; 0 where it is no count."""
    value: float | None = None
    limit: float | None = None
    unit: str = ""
    """Of value and limit: `ms`, `ratio`, `bytes`, `ns`, `count`."""
    about: str = ""
    """What it is about: a market, a bot."""
    until: int = 0
    """Unix ns up to which it will last, as far as a line tells; or of the next event."""


class Gate(msgspec.Struct, frozen=True, kw_only=True):
    """What kept signals from becoming trades at one place."""

    name: str
    kind: str
    """`filter` before a decision, `risk` before an order, `exchange` after it."""
    stopped: int
    value: str = ""
    """What the newest one came with, and what it would have needed, as told."""
    threshold: str = ""


class Passage(msgspec.Struct, frozen=True, kw_only=True):
    """How far signals came within the last 24 hours, of one bot or of all."""

    service: str = ""
    """Empty: all."""
    signals: int = 0
    decisions: int = 0
    orders: int = 0
    """Entries that were sent."""
    fills: int = 0
    gates: tuple[Gate, ...] = ()

"""What each of the ten steps produces: written into the journal as JSON, and read back by a restarted run."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from typing import Any

import msgspec

from trading.accounts import Action, Fill, Trade
from trading.daily.book import Book
from trading.regime import MarketState, Regime
from trading.reporting.facts import AccountFacts, FindingFacts, PositionFacts

__all__ = [
    "Chosen",
    "Dated",
    "Ended",
    "Judged",
    "Phase",
    "Reported",
    "Saved",
    "Sent",
    "Summed",
    "Told",
    "Written",
]

Row = dict[str, Any]


class Dated(msgspec.Struct, frozen=True, kw_only=True):
    """1 as-of date."""

    as_of: date
    calendar: str
    close: str
    """When the session closed, at the exchange: `2025-01-02 15:30 KST`."""
    attempt: int


class Chosen(msgspec.Struct, frozen=True, kw_only=True):
    """2 parameters: the whole document, so that a restarted run goes on with the same ones."""

    path: str
    """Empty: the defaults."""
    digest: str
    document: Mapping[str, Any]
    warnings: tuple[str, ...] = ()
    """What of them was made for another market."""


class Judged(msgspec.Struct, frozen=True, kw_only=True):
    """3 signals: the session as the account and the engine went through it."""

    source: str
    names: Mapping[str, str]
    """Symbol to name, of the universe."""
    without_bar: tuple[str, ...]
    findings: tuple[FindingFacts, ...]
    book: Book
    """The account after the session; step 10 books it."""
    equity_before: float | None
    """`None` on the account's first session."""
    fills: tuple[Fill, ...]
    trades: tuple[Trade, ...]
    returns: str = ""
    """What prices hold of dividends, in words."""
    duties: tuple[str, ...] = ()
    """What sales pay beyond the fee, in words."""
    asked: Mapping[str, int] = {}
    """As in `trading.daily.book.Advanced`."""
    entered: Mapping[str, int] = {}
    actions: tuple[Action, ...]
    signals: tuple[Row, ...]
    """Rows of the table `signals`."""
    filtered: tuple[Row, ...]
    """Rows of the table `filtered_signals`."""
    market: MarketState | None
    market_before: MarketState | None


class Summed(msgspec.Struct, frozen=True, kw_only=True):
    """4 portfolio summary."""

    account: AccountFacts
    positions: tuple[PositionFacts, ...]
    exposure: float


class Written(msgspec.Struct, frozen=True, kw_only=True):
    """5 signal CSV."""

    path: str
    rows: int
    sha256: str


class Saved(msgspec.Struct, frozen=True, kw_only=True):
    """6 rows in the store."""

    signals: int
    filtered: int
    actions: int


class Phase(msgspec.Struct, frozen=True, kw_only=True):
    """7 regime."""

    regime: Regime | None
    previous: Regime | None
    trend: float | None = None
    momentum: float | None = None
    volatility: float | None = None


class Reported(msgspec.Struct, frozen=True, kw_only=True):
    """8 daily report."""

    paths: tuple[str, ...]


class Sent(msgspec.Struct, frozen=True, kw_only=True):
    """What became of one message."""

    kind: str
    key: str
    state: str
    channel: str = ""
    duplicate: bool = False
    ok: bool = True
    detail: str = ""


class Told(msgspec.Struct, frozen=True, kw_only=True):
    """9 notification."""

    messages: tuple[Sent, ...] = ()
    told_with: date | None = None
    """The session whose message names this one; `None`: it has a message of its own."""
    note: str = ""
    """Why there was none."""


class Ended(msgspec.Struct, frozen=True, kw_only=True):
    """10 done: what the summary line says."""

    line: str

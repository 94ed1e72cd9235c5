"""What a report says, before anyone words it: figures that the daily run, the store and a backtest fill.

Three things are kept apart. `None` is *unknown* and shown as `?`; `Blank.NONE` is *there is none* (no closed
trade, no day before) and shown as `-`; `0.0` is zero. Ratios are fractions (0.012 is 1.2 %), amounts are in
the `currency` of their report, times are Unix ns, and a session has midnight UTC of its date, as a bar has.
Names and reasons are foreign text: whoever shows them escapes them.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from enum import Enum

import msgspec

__all__ = [
    "NONE",
    "AccountFacts",
    "ActionFacts",
    "BacktestFacts",
    "Blank",
    "ClosedDay",
    "DailyFacts",
    "DayFacts",
    "FailureFacts",
    "Figure",
    "FillFacts",
    "FilteredFacts",
    "FindingFacts",
    "PerformanceFacts",
    "PositionFacts",
    "RegimeFacts",
    "SessionHours",
    "SignalFacts",
    "SymbolFacts",
    "TradeFacts",
    "WeeklyFacts",
    "WindowFacts",
]


class Blank(Enum):
    """Why a figure has no number, where that is known."""

    NONE = "none"
    """There is none: nothing happened that it could count or measure."""


NONE = Blank.NONE

Figure = float | Blank | None
"""A number, `NONE` (there is none) or `None` (unknown)."""

Curve = tuple[tuple[int, float], ...]
"""(time in Unix ns, value), oldest first."""


class AccountFacts(msgspec.Struct, frozen=True, kw_only=True):
    """The account after the session's close."""

    equity: Figure = None
    """Cash and holdings at the close."""
    cash: Figure = None
    day_profit: Figure = None
    """Equity less that of the session before; `NONE` on the first day."""
    day_return: Figure = None
    """The same over the equity of the session before."""
    total_return: Figure = None
    """Over what the account started with."""
    drawdown: Figure = None
    """Equity over its highest so far, less 1: zero or negative."""
    fees: Figure = None
    """Paid on this day."""


class PositionFacts(msgspec.Struct, frozen=True, kw_only=True):
    """One holding at the close."""

    symbol: str
    name: str = ""
    quantity: float
    average_price: Figure = None
    price: Figure = None
    """The close; `None` when there was no bar."""
    value: Figure = None
    weight: Figure = None
    """Share of the equity."""
    profit: Figure = None
    """Unrealised: value less cost."""
    profit_ratio: Figure = None
    opened: date | None = None


class SignalFacts(msgspec.Struct, frozen=True, kw_only=True):
    """A signal that passed every gate."""

    symbol: str
    name: str = ""
    action: str
    """buy, sell or hold."""
    confidence: Figure = None
    """0..1."""
    weight: Figure = None
    """The share of the equity that it shall have; `NONE` for a signal that asks for no size."""
    price: Figure = None
    """The close it was made at."""
    score: Figure = None
    """MAPS."""
    rsi: Figure = None
    reason: str = ""


class FilteredFacts(msgspec.Struct, frozen=True, kw_only=True):
    """A signal that a gate stopped."""

    symbol: str
    name: str = ""
    action: str
    confidence: Figure = None
    filter: str
    """confidence, volatility or correlation, or a gate of one's own."""
    value: Figure = None
    """What was measured, in the gate's unit."""
    threshold: Figure = None


class ActionFacts(msgspec.Struct, frozen=True, kw_only=True):
    """What shall be done at the next session's open."""

    symbol: str
    name: str = ""
    kind: str
    """open, increase, reduce, close or keep."""
    quantity: float
    """Units to buy or sell, never negative; 0 for keep."""
    price: Figure = None
    """The close; the fill will be at another price."""
    weight_before: Figure = None
    weight_after: Figure = None
    reason: str = ""


class FillFacts(msgspec.Struct, frozen=True, kw_only=True):
    """What was done at this session's open."""

    symbol: str
    name: str = ""
    side: str
    """buy or sell."""
    quantity: float
    price: Figure = None
    fee: Figure = None
    profit: Figure = None
    """Settled by this fill, after fees; `NONE` for one that settles nothing."""


class FindingFacts(msgspec.Struct, frozen=True, kw_only=True):
    """Something wrong in the data, and what became of it."""

    symbol: str = ""
    kind: str
    action: str
    """dropped, kept, refused or adjusted."""
    count: int = 1
    detail: str = ""


class FailureFacts(msgspec.Struct, frozen=True, kw_only=True):
    """A step that failed, or a channel that took nothing."""

    step: str
    error: str
    day: date | None = None


class DailyFacts(msgspec.Struct, frozen=True, kw_only=True):
    """One session day, as the daily run knows it after the close."""

    as_of: date
    """The session whose closes everything here is of."""
    currency: str
    made: int | None = None
    """When the facts were put together."""
    calendar: str = ""
    strategy: str = ""
    source: str = ""
    """Where the bars came from."""
    instruments: int | None = None
    """How many the universe has."""
    without_bar: tuple[str, ...] = ()
    """Symbols that had no bar in this session."""
    regime: str | None = None
    """bull, bear, sideways or volatile; `None`: not enough history."""
    regime_before: str | None = None
    """The one of the session before."""
    account: AccountFacts = AccountFacts()
    positions: tuple[PositionFacts, ...] = ()
    signals: tuple[SignalFacts, ...] = ()
    filtered: tuple[FilteredFacts, ...] = ()
    actions: tuple[ActionFacts, ...] = ()
    fills: tuple[FillFacts, ...] = ()
    returns: str = ""
    """What prices hold of dividends."""
    duties: tuple[str, ...] = ()
    """What sales pay beyond the fee: a line for each schedule."""
    findings: tuple[FindingFacts, ...] = ()
    failures: tuple[FailureFacts, ...] = ()
    missed: tuple[date, ...] = ()
    """Sessions before this one that were caught up and have no message of their own."""
    equity: Curve = ()
    """Equity at each close since the start, this one included."""
    next_session: date | None = None


class TradeFacts(msgspec.Struct, frozen=True, kw_only=True):
    """A position that was opened and closed again, or the closed part of one."""

    symbol: str
    name: str = ""
    entry_time: int
    exit_time: int | None = None
    """`None`: still open, and valued at the last close."""
    quantity: float
    entry_price: float
    exit_price: Figure = None
    profit: Figure = None
    """After fees."""
    return_ratio: Figure = None
    reason: str = ""


class DayFacts(msgspec.Struct, frozen=True, kw_only=True):
    """One session of a week."""

    day: date
    equity: Figure = None
    """`None`: the daily run left no row for this session."""
    day_return: Figure = None
    regime: str | None = None
    positions: int | None = None
    signals: int | None = None
    filtered: int | None = None


class SessionHours(msgspec.Struct, frozen=True, kw_only=True):
    """A session to come, in the market's own time."""

    day: date
    opens: str
    """`09:00`."""
    closes: str
    note: str = ""
    """Why its hours differ, where they do."""


class ClosedDay(msgspec.Struct, frozen=True, kw_only=True):
    """A weekday without a session."""

    day: date
    reason: str = ""


class WeeklyFacts(msgspec.Struct, frozen=True, kw_only=True):
    """Monday to Sunday, as the store knows it."""

    first: date
    last: date
    as_of: date | None = None
    """The last session with a row, at or before `last`."""
    currency: str
    made: int | None = None
    calendar: str = ""
    week_return: Figure = None
    week_profit: Figure = None
    since: date | None = None
    """The first session of the account."""
    total_return: Figure = None
    max_drawdown: Figure = None
    """Since the start, negative; `NONE` without any session."""
    week_drawdown: Figure = None
    days: tuple[DayFacts, ...] = ()
    """Every session of the week by the calendar, also those without a row."""
    trades: tuple[TradeFacts, ...] = ()
    """Closed within the week."""
    settled: int = 0
    """Trades closed since the start."""
    wins: int = 0
    """Of these, with a profit; exactly zero is no win."""
    signals: Mapping[str, int] = {}
    """action -> count, of this week."""
    filtered: Mapping[str, int] = {}
    """gate -> count, of this week."""
    changes: tuple[ActionFacts, ...] = ()
    """Positions opened, increased, reduced and closed."""
    positions: tuple[PositionFacts, ...] = ()
    """At the last close."""
    account: AccountFacts = AccountFacts()
    equity: Curve = ()
    failures: tuple[FailureFacts, ...] = ()
    next_sessions: tuple[SessionHours, ...] = ()
    closed_days: tuple[ClosedDay, ...] = ()
    """Weekdays without a session in the week that follows."""


class SymbolFacts(msgspec.Struct, frozen=True, kw_only=True):
    """What was said of one symbol, and what came of it, since the start."""

    symbol: str
    name: str = ""
    buys: int = 0
    sells: int = 0
    holds: int = 0
    filtered: int = 0
    trades: int = 0
    """Closed."""
    wins: int = 0
    profit: Figure = NONE
    """Of the closed trades, after fees; `NONE` without one."""


class RegimeFacts(msgspec.Struct, frozen=True, kw_only=True):
    """The sessions that followed one regime."""

    regime: str
    """Empty: it was not known."""
    sessions: int
    total_return: Figure
    """Of these sessions, one after the other."""


class PerformanceFacts(msgspec.Struct, frozen=True, kw_only=True):
    """The account and its signals since the start."""

    currency: str
    as_of: date | None = None
    since: date | None = None
    made: int | None = None
    calendar: str = ""
    cash: Figure = None
    """What the account began with."""
    sessions: int = 0
    missed: tuple[date, ...] = ()
    """Sessions since the start without a row."""
    left_out: int = 0
    """Rows in another currency."""
    account: AccountFacts = AccountFacts()
    cagr: Figure = NONE
    volatility: Figure = NONE
    sharpe: Figure = NONE
    sortino: Figure = NONE
    calmar: Figure = NONE
    max_drawdown: Figure = NONE
    equity: Curve = ()
    trades: tuple[TradeFacts, ...] = ()
    """Closed, oldest first."""
    symbols: tuple[SymbolFacts, ...] = ()
    regimes: tuple[RegimeFacts, ...] = ()
    filtered: Mapping[str, int] = {}
    """gate -> count."""
    history: tuple[tuple[date, SignalFacts], ...] = ()
    """The newest signals, newest first."""


class WindowFacts(msgspec.Struct, frozen=True, kw_only=True):
    """One step of a walk-forward: chosen in the first stretch, tried in the second."""

    train_first: int
    train_last: int
    test_first: int
    test_last: int
    train_score: Figure = None
    test_score: Figure = None
    test_return: Figure = None
    parameters: Mapping[str, float | int | str | bool] = {}


class BacktestFacts(msgspec.Struct, frozen=True, kw_only=True):
    """One backtest with all that is needed to make it again."""

    strategy: str
    symbols: tuple[str, ...]
    currency: str
    made: int | None = None
    first: int | None = None
    """Time of the first bar."""
    last: int | None = None
    bars: int = 0
    """All bars of all symbols."""
    interval: str = "1d"
    cash: float = 1.0
    """What it started with."""
    fee: float = 0.0
    """Fraction of each fill's value."""
    returns: str = ""
    """What prices hold of dividends."""
    duties: tuple[str, ...] = ()
    """What sales pay beyond the fee: a line for each schedule; empty: nothing."""
    slippage: float = 0.0
    """How much worse than the open a fill is, a fraction."""
    risk_free: float = 0.0
    periods_per_year: float = 252
    parameters: Mapping[str, float | int | str | bool] = {}
    data_hash: str = ""
    """SHA-256 of the bars that were used."""
    sources: tuple[str, ...] = ()
    equity: Curve = ()
    """At each bar's close."""
    benchmark: Curve = ()
    """The same money held in equal parts from the first bar, where that was made."""
    trades: tuple[TradeFacts, ...] = ()
    total_return: Figure = None
    cagr: Figure = None
    volatility: Figure = None
    sharpe: Figure = None
    sortino: Figure = None
    calmar: Figure = None
    max_drawdown: Figure = None
    """Negative."""
    fees: Figure = None
    exposure: Figure = None
    """Share of bars with something held."""
    turnover: Figure = None
    """Value traded over mean equity, a year."""
    windows: tuple[WindowFacts, ...] = ()
    warnings: tuple[str, ...] = ()
    seconds: float | None = None
    """How long it took."""

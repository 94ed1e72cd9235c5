"""The paper account of the daily run, one session at a time; pure functions, by the rules of a backtest.

In each session, in this order: a split since the last session is applied to what is held; what was decided at
earlier closes is filled at the opens; holdings take the closes; one that had no bar for a month counts as
delisted; then the engine and the risk limits look at the closes and decide what happens at the next opens.
`trading.backtest.portfolio` does the same, so a backtest over the same bars comes to the same numbers.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

import msgspec

from trading.accounts import (
    Account,
    Action,
    Fill,
    Trade,
    closed_delisted,
    fill_at_open,
    marked,
    valued,
    waiting,
)
from trading.bars import Bar
from trading.duties import NOTHING, Duties
from trading.risk import RiskLimits, exits
from trading.settings import AccountSettings
from trading.signals.engine import SignalEngine
from trading.signals.signal import Verdict
from trading.tracking import actions_of, changes, cooled

__all__ = ["Advanced", "Book", "Split", "advance", "limits_of", "new_book", "rebased"]

REMEMBERED = 3
"""Closes of each holding that are remembered, to see whether its history was rewritten."""
SPLIT_FROM = 0.005
"""A history that differs by less than this fraction is rounding or a correction, not a split."""
REINVESTED_FROM = 0.0001
"""The same where dividends are reinvested: a fraction of a yield counts."""
SPLIT_AGREES = 0.002
"""How far the ratios of the remembered closes may differ from each other, a fraction."""


class Book(msgspec.Struct, frozen=True, kw_only=True):
    """The account after a session, and all that the next session needs to know."""

    account: Account
    start_cash: float
    equity: float
    """At the session's close."""
    peak: float
    """The highest equity so far, the start included."""
    pending: tuple[Action, ...] = ()
    """What shall be filled at the next opens."""
    closes: Mapping[str, tuple[tuple[int, float], ...]] = {}
    """(time, close) of the newest bars of what is held or pending, as they were then."""
    session: int | None = None
    """Time of the session, Unix ns; `None` before the first."""
    decided: Mapping[str, int] = {}
    """Symbol to the session whose decision waits to be filled."""
    entered: Mapping[str, int] = {}
    """Symbol to the session whose decision opened what is held."""


class Split(NamedTuple):
    """A history that was rewritten by a ratio since it was last seen."""

    symbol: str
    ratio: float
    """Old prices over new ones: what one unit became."""


class Advanced(NamedTuple):
    """A session, settled."""

    book: Book
    fills: tuple[Fill, ...]
    trades: tuple[Trade, ...]
    actions: tuple[Action, ...]
    """What was decided at its close, `keep` included."""
    verdict: Verdict
    splits: tuple[Split, ...]
    asked: Mapping[str, int]
    """Symbol of each fill to the session that decided it; what was delisted nobody decided."""
    entered: Mapping[str, int]
    """Symbol of each trade to the session that decided to open it."""


def new_book(settings: AccountSettings, currency: str) -> Book:
    """Return the account before its first session."""
    account = Account(cash=settings.cash, currency=currency)
    return Book(account=account, start_cash=settings.cash, equity=settings.cash, peak=settings.cash)


def limits_of(settings: AccountSettings) -> RiskLimits:
    """Return the risk limits that the settings ask for."""
    return RiskLimits(
        stop_loss=settings.stop_loss or None,
        trailing_stop=settings.trailing_stop or None,
        take_profit=settings.take_profit or None,
        max_weight=settings.max_weight,
        max_exposure=settings.max_exposure,
        max_positions=settings.max_positions,
        target_volatility=settings.target_volatility or None,
        cooldown_sessions=settings.cooldown_sessions,
    )


def advance(
    book: Book,
    time: int,
    bars: Mapping[str, Bar],
    history: Mapping[str, Mapping[int, float]],
    engine: SignalEngine,
    settings: AccountSettings,
    *,
    lots: Mapping[str, float],
    periods_per_year: float,
    duties: Duties = NOTHING,
    is_total: bool = False,
) -> Advanced:
    """Return the account after one more session, and what shall happen at the next opens.

    Args:
        book: After the session before.
        time: Of the session's bars, Unix ns.
        bars: The bar of each symbol that has one in this session.
        history: Symbol to (time to close) as the source has it now, at least back to the session before.
        engine: Has seen every session before this one.
        settings: Fees, slippage, limits.
        lots: Symbol to the smallest quantity that can be traded.
        periods_per_year: Sessions in a year.
        duties: What sales pay beyond the fee.
        is_total: Whether the history has dividends reinvested, so that it is rewritten a little at each.
    """
    book, splits = rebased(book, history, least=REINVESTED_FROM if is_total else SPLIT_FROM)
    limits = limits_of(settings)
    filled = fill_at_open(
        book.account, bars, book.pending, fee=settings.fee, slippage=settings.slippage, duties=duties
    )
    gone = closed_delisted(marked(filled.account, bars), time, fee=settings.fee, duties=duties)
    account = gone.account
    equity = valued(account)
    verdict = cooled(engine.on_session(time, bars, account.held), account, limits)
    actions = actions_of(
        account,
        verdict.signals,
        {symbol: bar.close for symbol, bar in bars.items()},
        equity,
        band=settings.band,
        exits={each.symbol: each.reason for each in exits(account.holdings, bars, limits)},
        lots=lots,
        limits=limits,
        periods_per_year=periods_per_year,
    )
    decided = changes(actions)
    replaced = {action.symbol for action in decided}
    kept = tuple(
        action
        for action in waiting(book.pending, filled.fills)
        if action.symbol not in replaced and action.symbol in account.holdings
    )
    pending = (*kept, *decided)
    asked = {fill.symbol: book.decided[fill.symbol] for fill in filled.fills if fill.symbol in book.decided}
    opened = {fill.symbol for fill in filled.fills if fill.kind == "open"}
    entered = {**book.entered, **{symbol: asked[symbol] for symbol in opened & asked.keys()}}
    followed = {*account.holdings, *(action.symbol for action in pending)}
    after = Book(
        account=account,
        start_cash=book.start_cash,
        equity=equity,
        peak=max(book.peak, equity),
        pending=pending,
        closes={symbol: _newest(history.get(symbol, {}), time) for symbol in sorted(followed)},
        session=time,
        decided={
            **{
                action.symbol: book.decided[action.symbol] for action in kept if action.symbol in book.decided
            },
            **dict.fromkeys((action.symbol for action in decided), time),
        },
        entered={symbol: entered[symbol] for symbol in account.holdings if symbol in entered},
    )
    fills, trades = filled.fills + gone.fills, filled.trades + gone.trades
    return Advanced(after, fills, trades, actions, verdict, splits, asked, book.entered)


def rebased(
    book: Book, history: Mapping[str, Mapping[int, float]], *, least: float = SPLIT_FROM
) -> tuple[Book, tuple[Split, ...]]:
    """Return the account in the prices that the history has now, and which symbols were split since.

    A source with adjusted prices rewrites a whole history at a split: what was 100 becomes 50. Units and
    prices of a holding must follow, or half of its value would be lost. The rule: every remembered close
    differs from what the history says of it now, by one and the same ratio.
    """
    splits = []
    for symbol, closes in book.closes.items():
        now = history.get(symbol, {})
        ratios = [close / now[time] for time, close in closes if now.get(time, 0.0) > 0]
        if not ratios or len(ratios) < len(closes):
            continue
        ratio = ratios[-1]
        if abs(ratio - 1) > least and all(
            abs(each / ratio - 1) < min(SPLIT_AGREES, least) for each in ratios
        ):
            splits.append(Split(symbol, ratio))
    for split in splits:
        book = _split(book, split)
    return book, tuple(splits)


def _split(book: Book, split: Split) -> Book:
    symbol, ratio = split
    account = book.account
    if (held := account.holdings.get(symbol)) is not None:
        held = msgspec.structs.replace(
            held,
            quantity=held.quantity * ratio,
            average_price=held.average_price / ratio,
            last=held.last / ratio,
            best=held.best / ratio,
            worst=held.worst / ratio,
        )
        account = msgspec.structs.replace(account, holdings={**account.holdings, symbol: held})
    pending = tuple(
        msgspec.structs.replace(action, quantity=action.quantity * ratio, price=action.price / ratio)
        if action.symbol == symbol
        else action
        for action in book.pending
    )
    return msgspec.structs.replace(book, account=account, pending=pending)


def _newest(closes: Mapping[int, float], time: int) -> tuple[tuple[int, float], ...]:
    times = sorted(each for each in closes if each <= time)[-REMEMBERED:]
    return tuple((each, closes[each]) for each in times)

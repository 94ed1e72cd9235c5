"""An account of floats: cash, holdings, fills at the next open. Pure functions that give a new account back.

The backtest of a portfolio and the daily paper account share these, so both fill by the same rules:

* An action decided at one close is filled at the symbol's next open, worse by slippage, fee on both sides.
* A sale also pays what law and exchange take from it (`trading.duties`); it is booked as part of the fee.
* Sales come first. When the cash does not pay for all purchases, each is cut by the same factor.
* A symbol without a usable open (no bar, a price that is no number or not above 0) is not filled. An exit
  waits for its next bar (`waiting`); every other action expires: the next close decides anew.
* A holding without a bar keeps its last close. After `GONE_AFTER` sessions without one it counts as delisted
  and is closed at that close (`closed_delisted`).

Amounts are in the account's currency, as floats: they are rounded where they are stored or shown.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from typing import Literal, NamedTuple

import msgspec

from trading.bars import Bar
from trading.duties import NOTHING, Duties

__all__ = [
    "GONE_AFTER",
    "Account",
    "Action",
    "Fill",
    "Filled",
    "Holding",
    "Kind",
    "Reason",
    "Trade",
    "closed_delisted",
    "fill_at_open",
    "marked",
    "valued",
    "waiting",
    "weights_of",
]

Kind = Literal["open", "increase", "reduce", "close", "keep"]
Reason = Literal["signal", "stop_loss", "take_profit", "rebalance", "breaker", "manual", "liquidation"]
"""Why a position is changed; `exit.reason` of the event vocabulary."""

GONE_AFTER = 20
"""Sessions without a bar after which a holding counts as delisted; a month of a halt is survived."""

_DUST = 1e-12
"""A rest of a position below this share of it is rounding, not a holding."""


class Action(msgspec.Struct, frozen=True, kw_only=True):
    """What shall be done with one symbol at its next open."""

    symbol: str
    kind: Kind
    quantity: float
    """Units to buy (open, increase) or to sell (reduce, close); never negative, 0 for keep."""
    weight_before: float
    """Share of the equity held now, 0..1."""
    weight_after: float
    """Share of the equity that is wanted, 0..1."""
    price: float
    """The close at which it was decided; the fill will differ."""
    reason: Reason = "signal"
    note: str = ""
    """Why, in words for people."""
    lot: float = 0.0
    """Smallest quantity that can be traded; 0 when fractions can."""


class Holding(msgspec.Struct, frozen=True):
    """A long position in one symbol."""

    quantity: float
    average_price: float
    """Of the units held, without fees."""
    opened: int
    """Unix ns of the bar at whose open it began."""
    last: float
    """The last known close."""
    best: float
    """The highest close since it began (at first the price paid)."""
    worst: float
    """The lowest close since it began."""
    fees: float = 0.0
    """Paid for getting in, for the units still held."""
    missed: int = 0
    """Sessions in a row without a bar."""


class Account(msgspec.Struct, frozen=True):
    """Cash and what is held."""

    cash: float
    holdings: dict[str, Holding] = {}
    """Symbol to holding; never one of quantity 0."""
    fees: float = 0.0
    """All fees ever paid; they are gone from the cash already."""
    realized: float = 0.0
    """Profit and loss of all that was closed, net of fees."""
    currency: str = ""
    """Of every amount here: ISO 4217, or the coin's code."""
    stopped: dict[str, int] = {}
    """Symbol to the sessions since a stop-loss closed it, the sale's counted, until it is bought again."""

    @property
    def held(self) -> dict[str, float]:
        """Symbol to quantity, as strategies want it."""
        return {symbol: holding.quantity for symbol, holding in self.holdings.items()}


class Fill(msgspec.Struct, frozen=True, kw_only=True):
    """One purchase or sale that has happened."""

    symbol: str
    side: Literal["buy", "sell"]
    kind: Kind
    quantity: float
    price: float
    """Of one unit, slippage included."""
    fee: float
    time: int
    """Unix ns of the bar at whose open it happened."""
    reason: Reason


class Trade(msgspec.Struct, frozen=True, kw_only=True):
    """Units that were bought and sold again; a reduced position makes a trade of the part that was sold."""

    symbol: str
    entry_time: int
    exit_time: int
    """Unix ns of the bar; of an open one: of the last bar, at which it is valued."""
    entry_price: float
    exit_price: float
    quantity: float
    pnl: float
    """Net of the fees of both sides; an open one has paid only the first."""
    return_ratio: float
    """`pnl` over the value at entry, a fraction."""
    fees: float
    reason: Reason
    mae_ratio: float
    """The lowest close while it was held, over the entry price, minus 1; 0 when none was lower."""
    mfe_ratio: float
    """The highest close likewise."""
    is_open: bool = False
    """Whether it was still held at the end: then it is valued at the last close, not sold."""


class Filled(NamedTuple):
    """An account after a session's open."""

    account: Account
    fills: tuple[Fill, ...]
    trades: tuple[Trade, ...]


def fill_at_open(
    account: Account,
    bars: Mapping[str, Bar],
    actions: Sequence[Action],
    *,
    fee: float = 0.0,
    slippage: float = 0.0,
    duties: Duties = NOTHING,
) -> Filled:
    """Return the account after the actions were filled at the opens of these bars.

    Args:
        account: Before the session.
        bars: Symbol to the session's bar; only `time` and `open` are looked at.
        actions: What was decided at an earlier close. Sales are filled first.
        fee: Fraction of each fill's value.
        slippage: How much worse than the open each fill is, a fraction.
        duties: What sales pay beyond the fee; it is booked as part of the fee.
    """
    sells = [action for action in actions if action.kind in ("reduce", "close")]
    buys = [action for action in actions if action.kind in ("open", "increase")]
    fills: list[Fill] = []
    trades: list[Trade] = []
    for action in sells:
        bar = _tradable(bars.get(action.symbol))
        holding = account.holdings.get(action.symbol)
        if bar is None or holding is None:
            continue
        quantity = holding.quantity if action.kind == "close" else min(action.quantity, holding.quantity)
        if quantity <= 0:
            continue
        price = bar.open * (1 - slippage)
        account, fill, trade = _sold(account, action, quantity, price, bar.time, fee, duties)
        fills.append(fill)
        trades.append(trade)
    part = _affordable(account.cash, bars, buys, fee=fee, slippage=slippage)
    for action in buys:
        bar = _tradable(bars.get(action.symbol))
        quantity = action.quantity if part >= 1 else _whole(action.quantity * part, action.lot)
        if bar is None or quantity <= 0:
            continue
        account, fill = _bought(account, action, quantity, bar.open * (1 + slippage), bar.time, fee)
        fills.append(fill)
    return Filled(account, tuple(fills), tuple(trades))


def waiting(actions: Iterable[Action], fills: Iterable[Fill]) -> tuple[Action, ...]:
    """Return the exits that found no open: they wait for the symbol's next bar, all others expire."""
    filled = {fill.symbol for fill in fills}
    return tuple(action for action in actions if action.kind == "close" and action.symbol not in filled)


def marked(account: Account, bars: Mapping[str, Bar]) -> Account:
    """Return the account after a session's closes: last, best and worst price of each holding.

    A holding without a bar (or with a close that is no price) keeps its last price and counts one more
    missed session.
    """
    if not account.holdings and not account.stopped:
        return account
    holdings = {}
    for symbol, old in account.holdings.items():
        bar = bars.get(symbol)
        if bar is None or not 0 < bar.close < math.inf:
            holdings[symbol] = Holding(
                old.quantity,
                old.average_price,
                old.opened,
                old.last,
                old.best,
                old.worst,
                old.fees,
                old.missed + 1,
            )
            continue
        close = bar.close
        holdings[symbol] = Holding(
            old.quantity,
            old.average_price,
            old.opened,
            close,
            close if close > old.best else old.best,
            close if close < old.worst else old.worst,
            old.fees,
        )
    stopped = {symbol: sessions + 1 for symbol, sessions in account.stopped.items()}
    return Account(account.cash, holdings, account.fees, account.realized, account.currency, stopped)


def valued(account: Account, prices: Mapping[str, float] | None = None) -> float:
    """Return the equity: cash and holdings at these prices, or at their last close where there is none."""
    equity = account.cash
    for symbol, holding in account.holdings.items():
        price = holding.last if prices is None else prices.get(symbol, holding.last)
        equity += holding.quantity * (price if math.isfinite(price) else holding.last)
    return equity


def weights_of(account: Account, prices: Mapping[str, float] | None = None) -> dict[str, float]:
    """Return each holding as a share of the equity; nothing when there is no equity."""
    equity = valued(account, prices)
    if equity <= 0:
        return {}
    return {
        symbol: holding.quantity * (prices or {}).get(symbol, holding.last) / equity
        for symbol, holding in account.holdings.items()
    }


def closed_delisted(
    account: Account, time: int, *, fee: float = 0.0, after: int = GONE_AFTER, duties: Duties = NOTHING
) -> Filled:
    """Return the account without the holdings that had no bar for `after` sessions, sold at their last close.

    Args:
        account: After `marked`.
        time: Unix ns of the session.
        fee: Fraction of the value.
        after: Sessions in a row without a bar.
        duties: What sales pay beyond the fee.
    """
    fills: list[Fill] = []
    trades: list[Trade] = []
    for symbol, holding in list(account.holdings.items()):
        if holding.missed < after:
            continue
        action = Action(
            symbol=symbol,
            kind="close",
            quantity=holding.quantity,
            weight_before=0.0,
            weight_after=0.0,
            price=holding.last,
            reason="liquidation",
            note=f"no bar for {holding.missed} sessions",
        )
        account, fill, trade = _sold(account, action, holding.quantity, holding.last, time, fee, duties)
        fills.append(fill)
        trades.append(trade)
    return Filled(account, tuple(fills), tuple(trades))


def _tradable(bar: Bar | None) -> Bar | None:
    return bar if bar is not None and 0 < bar.open < math.inf else None


def _affordable(
    cash: float, bars: Mapping[str, Bar], buys: Sequence[Action], *, fee: float, slippage: float
) -> float:
    opens = [(action.quantity, _tradable(bars.get(action.symbol))) for action in buys]
    cost = sum(quantity * bar.open for quantity, bar in opens if bar) * (1 + slippage) * (1 + fee)
    return cash / cost if cost > cash else 1.0


def _whole(quantity: float, lot: float) -> float:
    return math.floor(quantity / lot + 1e-9) * lot if lot > 0 else quantity


def _bought(
    account: Account, action: Action, quantity: float, price: float, time: int, fee: float
) -> tuple[Account, Fill]:
    value = quantity * price
    paid = value * fee
    old = account.holdings.get(action.symbol)
    if old is None:
        holding = Holding(quantity, price, time, price, price, price, paid)
    else:
        total = old.quantity + quantity
        average = (old.quantity * old.average_price + value) / total
        holding = Holding(
            total, average, old.opened, old.last, old.best, old.worst, old.fees + paid, old.missed
        )
    # All the cash may be spent: what rounding takes below 0 is no debt.
    cash = max(account.cash - value - paid, 0.0)
    holdings = {**account.holdings, action.symbol: holding}
    fill = Fill(
        symbol=action.symbol,
        side="buy",
        kind=action.kind,
        quantity=quantity,
        price=price,
        fee=paid,
        time=time,
        reason=action.reason,
    )
    stopped = {symbol: count for symbol, count in account.stopped.items() if symbol != action.symbol}
    return Account(cash, holdings, account.fees + paid, account.realized, account.currency, stopped), fill


def _sold(
    account: Account, action: Action, quantity: float, price: float, time: int, fee: float, duties: Duties
) -> tuple[Account, Fill, Trade]:
    old = account.holdings[action.symbol]
    paid = quantity * price * fee + duties.of_sale(action.symbol, quantity, price, time)
    rest = old.quantity - quantity
    part = 1.0 if rest <= old.quantity * _DUST else quantity / old.quantity
    trade = _trade(action, old, quantity, price, time, entry_fees=old.fees * part, exit_fees=paid)
    holdings = {symbol: kept for symbol, kept in account.holdings.items() if symbol != action.symbol}
    if part < 1:
        holdings[action.symbol] = msgspec.structs.replace(old, quantity=rest, fees=old.fees * (1 - part))
    # Counted from 0: `marked` adds the session of the sale.
    stopped = {action.symbol: 0} if part >= 1 and action.reason == "stop_loss" else {}
    after = Account(
        account.cash + quantity * price - paid,
        holdings,
        account.fees + paid,
        account.realized + trade.pnl,
        account.currency,
        {**account.stopped, **stopped},
    )
    fill = Fill(
        symbol=action.symbol,
        side="sell",
        kind=action.kind,
        quantity=quantity,
        price=price,
        fee=paid,
        time=time,
        reason=action.reason,
    )
    return after, fill, trade


def _trade(
    action: Action,
    held: Holding,
    quantity: float,
    price: float,
    time: int,
    *,
    entry_fees: float,
    exit_fees: float,
) -> Trade:
    entry = held.average_price
    pnl = quantity * (price - entry) - entry_fees - exit_fees
    return Trade(
        symbol=action.symbol,
        entry_time=held.opened,
        exit_time=time,
        entry_price=entry,
        exit_price=price,
        quantity=quantity,
        pnl=pnl,
        return_ratio=pnl / (quantity * entry),
        fees=entry_fees + exit_fees,
        reason=action.reason,
        mae_ratio=min(held.worst / entry - 1, 0.0),
        mfe_ratio=max(held.best / entry - 1, 0.0),
    )

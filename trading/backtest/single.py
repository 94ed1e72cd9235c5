"""A strategy over the bars of one symbol: the live strategy, one bar at a time, filled at the next open.

The strategy sees a bar when it is complete and can only be filled at the open of the one that follows, so
nothing is known too early. What it decides at the last bar never happens. A position that is open at the end
is valued at the last close, not sold.
"""

from __future__ import annotations

import copy
import math
from collections.abc import Callable, Iterable, Sequence
from itertools import pairwise
from typing import Any

from trading.backtest.results import BacktestResult, Trade
from trading.bars import Bar, bars_of
from trading.duties import NOTHING, Duties
from trading.errors import TradingError
from trading.signals.signal import Signal
from trading.strategies import Strategy

__all__ = ["BacktestError", "bars_in_order", "check_figures", "run"]

_DUST = 1e-12


class BacktestError(TradingError):
    """Bars or figures that cannot be tested on; the message names the place, the value and the mend."""


LEAST, LARGEST = 1e-15, 1e15
"""Beyond these nothing is a price, as for the rules of data: sums of money would overflow."""


def run(
    bars: Iterable[Sequence[Any]],
    strategy: Strategy,
    *,
    cash: float = 1.0,
    fee: float = 0.0,
    slippage: float = 0.0,
    duties: Duties = NOTHING,
    symbol: str = "",
    periods_per_year: float = 252,
    risk_free: float = 0.0,
) -> BacktestResult:
    """Return what a strategy would have done with one symbol, long or flat.

    A buy takes all the cash, or brings the position to `Signal.weight` of the equity at the open; a sell
    gives up everything, or all above `Signal.weight`. An order that finds no price at the next open (not a
    number, not above 0, or beyond 10¹⁵) waits for the first open that has one, unless the strategy says
    something newer.

    Args:
        bars: Rows of (time, open, high, low, close, volume), oldest first; see `trading.bars.bars_of` for
            what a time may be. It comes back in the trades as it was given.
        strategy: Left as it is: a copy of it is run.
        cash: What to start with.
        fee: Fraction of each fill's value, on both sides.
        slippage: How much worse than the open each fill is, a fraction.
        duties: What sales pay beyond the fee, by symbol and day.
        symbol: Whose bars these are; only `duties` asks.
        periods_per_year: Bars in a year, for the statistics: 252 for shares by day, 365 for coins by day.
        risk_free: Annual rate, for the statistics.

    Raises:
        BacktestError: If the bars are not in order or a figure is out of range.
        ValueError: If a row is no bar.
    """
    check_figures(cash, fee, slippage)
    history, times = bars_in_order(bars)
    book = _Book(cash, fee, slippage, times, lambda *sale: duties.of_sale(symbol, *sale))
    strategy = copy.deepcopy(strategy)
    order: Signal | None = None
    equity = []
    price = math.nan
    for index, bar in enumerate(history):
        if order is not None and LEAST < bar.open < LARGEST:
            book.fill(order, index, bar.open, bar.time)
            price = bar.open
            order = None
        if LEAST < bar.close < LARGEST:
            price = bar.close
        equity.append(book.value(price))
        signal = strategy.on_bar(bar, book.units)
        if signal is not None and signal.action != "hold":
            order = signal
    book.value_open(len(history) - 1, price)
    return BacktestResult(
        equity=equity,
        cash=cash,
        fee=fee,
        slippage=slippage,
        periods_per_year=periods_per_year,
        risk_free=risk_free,
        times=times,
        trades=book.trades,
    )


class _Book:
    """Cash and units of one symbol."""

    def __init__(
        self,
        cash: float,
        fee: float,
        slippage: float,
        times: Sequence[Any],
        duty: Callable[[float, float, int], float],
    ) -> None:
        self.cash = cash
        self.units = 0.0
        self.trades: list[Trade] = []
        self._fee = fee
        self._slippage = slippage
        self._times = times
        self._duty = duty
        self._entry_bar = 0
        self._entry_price = 0.0
        self._entry_fees = 0.0

    def value(self, price: float) -> float:
        """Return the equity at a price."""
        return self.cash + self.units * price if self.units else self.cash

    def fill(self, order: Signal, index: int, opening: float, time: int) -> None:
        """Bring the position to what the order asks for, at the open of the bar of that time."""
        weight = order.weight
        if order.action == "buy":
            price = opening * (1 + self._slippage)
            affordable = self.cash / (price * (1 + self._fee))
            wanted = affordable
            if weight is not None:
                wanted = max(weight, 0.0) * self.value(opening) / price - self.units
            self._buy(min(wanted, affordable), price, index)
        elif order.action == "sell" and self.units:
            kept = max(weight or 0.0, 0.0) * self.value(opening) / opening
            self._sell(self.units - kept, opening * (1 - self._slippage), index, time)

    def value_open(self, index: int, price: float) -> None:
        """Add the position that is still held, valued at a price."""
        if self.units:
            self.trades.append(self._trade(self.units, price, index, exit_fees=0.0, is_open=True))

    def _buy(self, units: float, price: float, index: int) -> None:
        if not units > 0:
            return
        paid = units * price * self._fee
        if not self.units:
            self._entry_bar, self._entry_price, self._entry_fees = index, price, paid
        else:
            total = self.units + units
            self._entry_price = (self.units * self._entry_price + units * price) / total
            self._entry_fees += paid
        self.units += units
        # All the cash may be spent: what rounding takes below 0 is no debt.
        self.cash = max(self.cash - units * price - paid, 0.0)

    def _sell(self, units: float, price: float, index: int, time: int) -> None:
        if not units > 0:
            return
        if self.units - units <= self.units * _DUST:
            units = self.units
        paid = units * price * self._fee + self._duty(units, price, time)
        trade = self._trade(units, price, index, exit_fees=paid, is_open=False)
        self.trades.append(trade)
        self.cash += units * price - paid
        self._entry_fees -= trade.fees - paid
        self.units -= units

    def _trade(self, units: float, price: float, index: int, *, exit_fees: float, is_open: bool) -> Trade:
        fees = self._entry_fees * (units / self.units) + exit_fees
        pnl = units * (price - self._entry_price) - fees
        return Trade(
            entry_time=self._times[self._entry_bar],
            exit_time=self._times[index],
            entry_price=self._entry_price,
            exit_price=price,
            quantity=units,
            return_ratio=pnl / (units * self._entry_price),
            pnl=pnl,
            fees=fees,
            entry_bar=self._entry_bar,
            exit_bar=index,
            is_open=is_open,
        )


def bars_in_order(bars: Iterable[Sequence[Any]], symbol: str = "") -> tuple[list[Bar], list[Any]]:
    """Return rows as bars, and their times as they came.

    Raises:
        BacktestError: If a bar does not come after the one before it.
        ValueError: If a row is no bar.
    """
    rows = [*_rows(bars)]
    # Bars need no second reading; a search takes the same ones a hundred times.
    history: list[Bar] = rows if all(type(row) is Bar for row in rows) else bars_of(rows)  # type: ignore[assignment]
    times = [row[0] for row in rows]
    for index, (before, after) in enumerate(pairwise(history)):
        if after.time <= before.time:
            raise BacktestError(
                f"{symbol or 'bars'}: bar {index + 1} ({times[index + 1]}) does not come after bar {index} "
                f"({times[index]}): sort the bars and drop those with the same time."
            )
    return history, times


def _rows(bars: Any) -> Iterable[Sequence[Any]]:
    # A data frame iterates over its columns: its rows are meant. Pandas keeps the time in the index often.
    if hasattr(bars, "itertuples"):
        return bars.itertuples(index=len(bars.columns) < 6, name=None)  # type: ignore[no-any-return]
    return bars.iter_rows() if hasattr(bars, "iter_rows") else bars  # type: ignore[no-any-return]


def check_figures(cash: float, fee: float, slippage: float) -> None:
    """Raise a `BacktestError` if a figure is out of range."""
    if not 0 < cash < math.inf:
        raise BacktestError(f"cash = {cash}: start with an amount above 0.")
    for name, value in (("fee", fee), ("slippage", slippage)):
        if not 0 <= value < 1:
            raise BacktestError(f"{name} = {value}: write it as a fraction, 0 or more and below 1.")

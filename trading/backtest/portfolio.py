"""A signal engine over the bars of several symbols in one account: the live engine, session by session.

In each session, in this order: what was decided at an earlier close is filled at the opens; holdings take
the closes; a holding that had no bar for `trading.accounts.GONE_AFTER` sessions is closed at its last close;
then the engine and the risk limits look at the closed bars and decide what happens at the next opens.
What is decided at the last close never happens, and what is held then is valued, not sold.
"""

from __future__ import annotations

import copy
import math
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Protocol

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
from trading.backtest.results import PortfolioResult
from trading.backtest.single import bars_in_order, check_figures
from trading.bars import Bar
from trading.duties import NOTHING, Duties
from trading.risk import RiskLimits, exits
from trading.signals.signal import Verdict
from trading.tracking import BAND, actions_of, changes, cooled

__all__ = ["Engine", "run_portfolio"]


class Engine(Protocol):
    """What turns sessions into verdicts: `trading.signals.engine.SignalEngine`, or one of your own."""

    def observe(self, time: int, bars: Mapping[str, Bar]) -> object:
        """Take in one session without a verdict, as a warm-up does."""

    def on_session(self, time: int, bars: Mapping[str, Bar], held: Mapping[str, float]) -> Verdict:
        """Take in one session and return what it says."""


def run_portfolio(
    series: Mapping[str, Iterable[Sequence[Any]]],
    engine: Engine,
    *,
    cash: float = 1.0,
    fee: float = 0.0,
    slippage: float = 0.0,
    limits: RiskLimits | None = None,
    band: float = BAND,
    lots: Mapping[str, float] | None = None,
    duties: Duties = NOTHING,
    start: int | None = None,
    end: int | None = None,
    periods_per_year: float = 252,
    risk_free: float = 0.0,
) -> PortfolioResult:
    """Return what an engine would have done with several symbols in one account, long only.

    Args:
        series: Symbol to rows of (time, open, high, low, close, volume), oldest first.
        engine: Left as it is: a copy of it is run.
        cash: What to start with.
        fee: Fraction of each fill's value, on both sides.
        slippage: How much worse than the open each fill is, a fraction.
        limits: Stop-loss, take-profit and what may be held; `None`: no risk rules.
        band: Share of the equity by which a position may be off its target; see `trading.tracking`.
        lots: Symbol to the smallest quantity that can be traded; absent: fractions can.
        duties: What sales pay beyond the fee, by symbol and day.
        start: Unix ns of the first session that is traded; what is before only warms the engine up.
        end: Unix ns of the first session that is left out.
        periods_per_year: Sessions in a year, for the statistics.
        risk_free: Annual rate, for the statistics.

    Raises:
        BacktestError: If the bars of a symbol are not in order or a figure is out of range.
        ValueError: If a row is no bar.
    """
    check_figures(cash, fee, slippage)
    sessions = _sessions(series, end)
    engine = copy.deepcopy(engine)
    book = _Book(Account(cash=cash), fee, slippage, duties)
    gates: Counter[str] = Counter()
    signals = 0
    for time, bars in sessions:
        if start is not None and time < start:
            engine.observe(time, bars)
            continue
        book.open(time, bars)
        prices = {symbol: bar.close for symbol, bar in bars.items()}
        equity = book.close(time)
        account = book.account
        stops = {each.symbol: each.reason for each in exits(account.holdings, bars, limits)} if limits else {}
        verdict = cooled(engine.on_session(time, bars, account.held), account, limits)
        signals += len(verdict.signals)
        gates.update(stopped.filter for stopped in verdict.filtered)
        book.decide(
            actions_of(
                account,
                verdict.signals,
                prices,
                equity,
                band=band,
                exits=stops,
                lots=lots,
                limits=limits,
                periods_per_year=periods_per_year,
            )
        )
    book.value_open()
    return PortfolioResult(
        equity=book.equity,
        cash=cash,
        fee=fee,
        slippage=slippage,
        periods_per_year=periods_per_year,
        risk_free=risk_free,
        times=book.times,
        trades=book.trades,
        fills=book.fills,
        exposures=book.exposures,
        signals=signals,
        filtered=dict(gates),
        account=book.account,
    )


class _Book:
    """The account and everything that happened to it."""

    def __init__(self, account: Account, fee: float, slippage: float, duties: Duties) -> None:
        self.account = account
        self.times: list[int] = []
        self.equity: list[float] = []
        self.exposures: list[float] = []
        self.fills: list[Fill] = []
        self.trades: list[Trade] = []
        self._pending: tuple[Action, ...] = ()
        self._fee = fee
        self._slippage = slippage
        self._duties = duties

    def open(self, time: int, bars: Mapping[str, Bar]) -> None:
        """Fill what is pending, take the closes, close what is gone."""
        if self._pending:
            filled = fill_at_open(
                self.account,
                bars,
                self._pending,
                fee=self._fee,
                slippage=self._slippage,
                duties=self._duties,
            )
            self._pending = waiting(self._pending, filled.fills)
            self._take(*filled)
        self.account = marked(self.account, bars)
        self._take(*closed_delisted(self.account, time, fee=self._fee, duties=self._duties))

    def close(self, time: int) -> float:
        """Return the equity at the closes and keep it."""
        equity = valued(self.account)
        self.times.append(time)
        self.equity.append(equity)
        self.exposures.append(1 - self.account.cash / equity if equity > 0 else 0.0)
        return equity

    def decide(self, actions: Iterable[Action]) -> None:
        """Take what shall happen at the next opens; an exit that waits is kept unless replaced."""
        changed = changes(actions)
        replaced = {action.symbol for action in changed}
        held = self.account.holdings
        kept = [each for each in self._pending if each.symbol not in replaced and each.symbol in held]
        self._pending = (*kept, *changed)

    def value_open(self) -> None:
        """Add what is still held, valued at the last close."""
        for symbol, held in sorted(self.account.holdings.items()):
            pnl = held.quantity * (held.last - held.average_price) - held.fees
            self.trades.append(
                Trade(
                    symbol=symbol,
                    entry_time=held.opened,
                    exit_time=self.times[-1],
                    entry_price=held.average_price,
                    exit_price=held.last,
                    quantity=held.quantity,
                    pnl=pnl,
                    return_ratio=pnl / (held.quantity * held.average_price),
                    fees=held.fees,
                    reason="signal",
                    mae_ratio=min(held.worst / held.average_price - 1, 0.0),
                    mfe_ratio=max(held.best / held.average_price - 1, 0.0),
                    is_open=True,
                )
            )

    def _take(self, account: Account, fills: Sequence[Fill], trades: Sequence[Trade]) -> None:
        self.account = account
        self.fills += fills
        self.trades += trades


def _sessions(
    series: Mapping[str, Iterable[Sequence[Any]]], end: int | None
) -> list[tuple[int, dict[str, Bar]]]:
    """Return each time with the bars of the symbols that have one then, oldest first."""
    sessions: dict[int, dict[str, Bar]] = {}
    limit = math.inf if end is None else end
    for symbol in sorted(series):
        bars, _ = bars_in_order(series[symbol], symbol)
        for bar in bars:
            if bar.time < limit:
                sessions.setdefault(bar.time, {})[symbol] = bar
    return sorted(sessions.items())

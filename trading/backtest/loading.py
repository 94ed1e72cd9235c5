"""Bars for backtests and searches: those of the settings' market, or of a folder, checked by the same rules.

Used by commands and services: the backtests themselves read nothing.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from functools import cached_property
from pathlib import Path

from trading.backtest.search import hash_of
from trading.bars import Bar, time_of
from trading.duties import NOTHING, Duties, duties_of
from trading.errors import TradingError
from trading.logs import BotLog
from trading.market.files import FileSource
from trading.market.findings import Finding
from trading.market.opening import Market, actions_of, open_market
from trading.market.resampling import resampled
from trading.market.source import DAY_NS, INTERVAL_NS, Interval, SourceError
from trading.market.universe import Instrument, Universe
from trading.sessions import load_sessions
from trading.settings import TradingSettings
from trading.signals.fitting import ALWAYS
from trading.signals.fitting import year_of as sessions_in_year

__all__ = ["Data", "load", "year_of"]

WARM_UP_DAYS = 400
"""Calendar days before the first session, so that every window is full when trading begins."""


@dataclass(frozen=True, kw_only=True)
class Data:
    """Checked bars of some symbols."""

    series: Mapping[str, Sequence[Bar]]
    start: int
    """Time of the first bar that is traded, Unix ns; what is before warms indicators up."""
    lots: Mapping[str, float]
    names: Mapping[str, str]
    returns: str = ""
    """What the prices hold of dividends, in words."""
    duties: Duties = NOTHING
    """What sales pay beyond the fee."""
    source: str
    currency: str
    interval: Interval
    findings: tuple[Finding, ...]
    refused: tuple[str, ...]
    """Symbols without usable bars."""

    @property
    def symbols(self) -> tuple[str, ...]:
        """Those with bars, sorted."""
        return tuple(sorted(self.series))

    @cached_property
    def hash(self) -> str:
        """SHA-256 of the bars."""
        return hash_of(self.series)

    @cached_property
    def times(self) -> list[int]:
        """The times that are traded, oldest first."""
        return sorted({bar.time for bars in self.series.values() for bar in bars if bar.time >= self.start})


def load(
    settings: TradingSettings,
    *,
    log: BotLog,
    symbols: Sequence[str] = (),
    folder: Path | None = None,
    first: date,
    last: date,
    interval: Interval = "1d",
    made_of: Interval | None = None,
) -> Data:
    """Return the checked bars of a period.

    Args:
        settings: Which market.
        log: Who tells what was wrong with the bars.
        symbols: Which; none: the whole universe, or every file of the folder.
        folder: Read these files in place of the settings' source.
        first: First day that is traded.
        last: Last day.
        interval: Length of a bar.
        made_of: Length of the bars that are read, where they are shorter: they are joined within sessions.

    Raises:
        TradingError: If the period is empty, a symbol is unknown, or nothing is usable.
    """
    if first >= last:
        raise TradingError(f"period {first} to {last}: the first day must be before the last.")
    read = made_of or interval
    if INTERVAL_NS[read] > INTERVAL_NS[interval]:
        raise TradingError(f"--bars {read} are longer than --interval {interval}. Read shorter ones.")
    market = _folder_market(settings, folder, symbols, log) if folder else open_market(settings, log=log)
    wanted = [_instrument(market.universe, symbol) for symbol in symbols] or list(market.universe)
    series: dict[str, list[Bar]] = {}
    findings: list[Finding] = []
    start = time_of(first)
    for instrument in wanted:
        checked = market.checked(instrument, read, first - timedelta(days=WARM_UP_DAYS), last)
        findings += checked.findings
        if not checked.refused and checked.bars and checked.bars[-1].time >= start:
            bars = checked.bars
            series[instrument.symbol] = (
                bars if read == interval else resampled(bars, interval, market.sessions)
            )
    if not series:
        why = f"; the first reason: {findings[0]}" if findings else ""
        raise SourceError(f"none of {len(wanted)} symbols has usable bars from {first} to {last}{why}")
    return Data(
        series=series,
        start=start,
        lots={instrument.symbol: instrument.lot for instrument in wanted},
        names={instrument.symbol: instrument.name for instrument in wanted},
        returns=market.returns(sorted(series)),
        duties=duties_of(
            {instrument.symbol: instrument.duties for instrument in wanted}, settings.account.duties
        ),
        source=market.source.name,
        currency=market.currency,
        interval=interval,
        findings=tuple(findings),
        refused=tuple(each.symbol for each in wanted if each.symbol not in series),
    )


def year_of(calendar: str, interval: Interval) -> float:
    """Return how many bars a year has: 365 days where trading never stops, else 252 of 6.5 hours."""
    is_always, days = calendar == ALWAYS, sessions_in_year(calendar)
    if interval == "1d":
        return days
    return days * (DAY_NS if is_always else DAY_NS * 6.5 / 24) / INTERVAL_NS[interval]


def _folder_market(settings: TradingSettings, folder: Path, symbols: Sequence[str], log: BotLog) -> Market:
    if not folder.is_dir():
        raise TradingError(f"{folder}: no such folder. Name the one that holds the bars.")
    sessions = load_sessions(settings.market.calendar, settings.market.overrides)
    source = FileSource(
        folder, zone=sessions.zone, decimal=settings.data.decimal, adjusted=settings.data.adjusted
    )
    names = [*symbols] or source.symbols()
    if not names:
        raise TradingError(f"{folder}: no file of a single symbol there. Name symbols with --symbols.")
    universe = Universe(str(folder), tuple(Instrument(name) for name in names))
    return Market(
        universe,
        sessions,
        source,
        settings.market.currency,
        log,
        actions=actions_of(settings),
        is_total=settings.data.returns == "total",
    )


def _instrument(universe: Universe, symbol: str) -> Instrument:
    try:
        return universe[symbol]
    except KeyError:
        some = ", ".join(universe.symbols[:8]) + (", …" if len(universe.symbols) > 8 else "")
        raise TradingError(f'"{symbol}" is not in {universe.name} ({some}). Add it there.') from None

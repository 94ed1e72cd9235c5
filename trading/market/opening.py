"""The market of the settings, opened: universe, sessions, source and cache in one; checked history out.

What the daily run and backtests call. Every finding becomes an event `data.checked`, every fetch
`data.collected`.
"""

from __future__ import annotations

import time
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import date, timedelta

from trading.bars import Bar, time_of
from trading.logs import BotLog
from trading.market.actions import Declared, declared_for, load_actions, returns_line
from trading.market.cache import Cache
from trading.market.checking import Checked, check
from trading.market.files import FilesError, FileSource
from trading.market.findings import Fault, Finding, Subject, counted
from trading.market.source import EmptyAnswerError, Interval, LoginError, Source, SourceError
from trading.market.telling import report_fetch, report_findings, report_refusal
from trading.market.universe import Instrument, Universe, UniverseError, load_universe
from trading.market.zones import local_day, session_day
from trading.sessions import Sessions, load_sessions
from trading.settings import TradingSettings

__all__ = ["Market", "actions_of", "open_market", "open_source"]

OLD_NEWS_DAYS = 31
"""A finding that lies further back than this is told at INFO: it was told when it was new."""
KRX_CODE = 6


@dataclass
class Market:
    """One market: what is traded, when, and at what prices."""

    universe: Universe
    sessions: Sessions
    source: Source
    """Who gives the bars; with a cache, the cache."""
    currency: str
    log: BotLog
    now: int | None = None
    """Unix ns; `None`: the wall's clock, each time it is asked."""
    actions: Mapping[str, Declared] = field(default_factory=dict)
    """Splits and dividends that a file declares, beside those of the universe."""
    is_total: bool = False
    """Whether declared dividends are reinvested."""
    findings: tuple[Finding, ...] = field(default=(), init=False)
    """What was wrong with the bars of the newest `history`."""

    def history(self, last: date, days: int) -> dict[str, list[Bar]]:
        """Return the checked daily bars of each usable instrument, oldest first.

        Args:
            last: The newest session date that may be seen; bars after it are cut off.
            days: Calendar days to look back.

        Returns:
            Symbol to bars, in the order of the universe; a refused symbol is absent.

        Raises:
            LoginError: If the source does not let us in.
            SourceError: If not one instrument has usable bars.
        """
        found: list[Finding] = []
        series: dict[str, list[Bar]] = {}
        for instrument in self.universe:
            checked = self.checked(instrument, "1d", last - timedelta(days=days), last)
            found += checked.findings
            if checked.bars and not checked.refused:
                series[instrument.symbol] = checked.bars
        self.findings = tuple(found)
        if not series:
            raise SourceError(
                f"{self.universe.name}: none of {len(self.universe)} instruments has usable bars up to "
                f"{last}; the first: {found[0] if found else 'no answer'}"
            )
        return series

    def checked(self, instrument: Instrument, interval: Interval, first: date, last: date) -> Checked:
        """Return the checked bars of one instrument, and tell what was found.

        Raises:
            LoginError: If the source does not let us in.
        """
        symbol = instrument.symbol
        declared = declared_for(instrument, self.actions)
        raw, found = self._fetched(symbol, interval, first, last)
        checked = check(
            raw,
            symbol=symbol,
            interval=interval,
            sessions=self.sessions,
            splits=declared.splits,
            dividends=declared.dividends,
            total_return=self.is_total,
            now=self.now if self.now is not None else time.time_ns(),
        )
        if found and not raw:
            checked = Checked([], ())
        bars = [bar for bar in checked.bars if first <= self._day(bar, interval) <= last]
        found += checked.findings
        if not _is_halted(bars, found):
            found += self._stale(symbol, interval, bars, last)
        horizon = time_of(last - timedelta(days=OLD_NEWS_DAYS))
        report_findings(found, self.log, source=self.source.name, horizon=horizon)
        return Checked(bars, tuple(found))

    def _fetched(
        self, symbol: str, interval: Interval, first: date, last: date
    ) -> tuple[list[Bar], list[Finding]]:
        subject = Subject(symbol, interval)
        cache = self.source if isinstance(self.source, Cache) else None
        before = len(cache.findings) if cache else 0
        begun = time.perf_counter()
        came: list[Bar] = []
        found: list[Finding] = []
        try:
            raw = came = self.source.bars(symbol, interval, first, last)
        except LoginError as error:
            report_refusal(self.log, "login", error, source=self.source.name)
            raise
        except SourceError as error:
            raw = cache.within(symbol, interval, first, last) if cache else []
            fault = _fault_of(error)
            kept = f" The {len(raw)} bars of the cache are used." if raw else ""
            found = [subject.finding(fault, "kept" if raw else "refused", [], f"{error}{kept}")]
        finally:
            is_hit = cache is not None and cache.was_hit
            name = "cache" if is_hit else self.source.name
            seconds = time.perf_counter() - begun
            report_fetch(self.log, came, subject, self.sessions, source=name, is_hit=is_hit, seconds=seconds)
        return raw, found + (cache.findings[before:] if cache else [])

    def returns(self, symbols: Iterable[str]) -> str:
        """Return, for reports, what the prices of these symbols hold of dividends."""
        known = {instrument.symbol: instrument for instrument in self.universe}
        counts = {
            symbol: len(declared_for(known.get(symbol, Instrument(symbol)), self.actions).dividends)
            for symbol in symbols
        }
        return returns_line(counts, is_total=self.is_total)

    def close(self) -> None:
        """Let go of the source: a login, a process of its own."""
        getattr(self.source, "close", lambda: None)()

    def _stale(self, symbol: str, interval: Interval, bars: list[Bar], last: date) -> list[Finding]:
        closed = self.sessions.last_closed(self.now if self.now is not None else time.time_ns())
        if not bars:
            return []
        newest = self._day(bars[-1], interval)
        due = self.sessions.between(newest + timedelta(days=1), min(last, closed))
        if not due:
            return []
        text = (
            f"its newest bar is of {newest}, {counted(due, 'session')} before {due[-1]}: "
            "no signal is made for a session without a bar."
        )
        times = [time_of(day) for day in due]
        return [Subject(symbol, interval).finding("stale", "kept", times, text, value=float(len(due)))]

    def _day(self, bar: Bar, interval: Interval) -> date:
        return session_day(bar.time) if interval == "1d" else local_day(bar.time, self.sessions.zone)


def open_market(
    settings: TradingSettings,
    *,
    log: BotLog,
    now: int | None = None,
    source: Source | None = None,
    universe: Universe | None = None,
) -> Market:
    """Return the market of the settings; nothing is fetched yet.

    Args:
        settings: What to open.
        log: Who speaks.
        now: Unix ns, for a run that plays another time; `None`: the wall's clock.
        source: In place of the one that `[data] source` names.
        universe: In place of the one that `[market] universe` names.

    Raises:
        UniverseError: If the universe is missing, empty or wrong.
        SessionsError: If there is no such calendar.
        MissingExtraError: If the source's library is not installed.
    """
    sessions = load_sessions(settings.market.calendar, settings.market.overrides)
    try:
        universe = universe or load_universe(settings.market.universe)
        if sessions.name == "XKRX":
            _require_krx_codes(universe)
    except UniverseError as error:
        report_refusal(log, "universe", error)
        raise
    asked = source or open_source(settings, sessions, log=log)
    if settings.data.source != "files":
        asked = Cache(
            settings.data.cache,
            asked,
            sessions,
            now=now if now is not None else time.time_ns(),
            refresh_days=settings.data.refresh_days,
        )
    return Market(
        universe,
        sessions,
        asked,
        settings.market.currency,
        log,
        now,
        actions=actions_of(settings),
        is_total=settings.data.returns == "total",
    )


def actions_of(settings: TradingSettings) -> dict[str, Declared]:
    """Return what the settings' file declares; nothing where none is named."""
    return load_actions(settings.data.actions) if settings.data.actions else {}


def open_source(settings: TradingSettings, sessions: Sessions, *, log: BotLog) -> Source:
    """Return the source that `[data] source` names, without a cache."""
    data = settings.data
    if data.source == "krx":
        from trading.market.krx import KrxSource

        return KrxSource(log=log)
    if data.source == "crypto":
        from trading.market.crypto import CryptoSource

        return CryptoSource(data.exchange, log=log)
    return FileSource(data.folder, zone=sessions.zone, decimal=data.decimal, adjusted=data.adjusted)


def _fault_of(error: SourceError) -> Fault:
    if isinstance(error, EmptyAnswerError):
        return "empty"
    return "unreadable" if isinstance(error, FilesError) else "unreachable"


def _is_halted(bars: list[Bar], findings: list[Finding]) -> bool:
    """Return whether the newest rows are those of a halt, which says already why no bar is newer."""
    return any(
        one.fault == "halted" and one.until is not None and bool(bars) and one.until > bars[-1].time
        for one in findings
    )


def _require_krx_codes(universe: Universe) -> None:
    for symbol in universe.symbols:
        if symbol.isdigit() and len(symbol) < KRX_CODE:
            raise UniverseError(
                f'{universe.name}: "{symbol}" is no code of KRX; a spreadsheet may have dropped zeros. '
                f'Write "{symbol.zfill(KRX_CODE)}".'
            )

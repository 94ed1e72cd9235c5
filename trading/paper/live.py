"""A live market for paper bots: the newest candles of an exchange, asked for each minute by an own thread.

The bot never waits for it: while the exchange does not answer, its newest candle grows old, and its heartbeat
says so. A minute that was missed is not made up for.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Sequence
from decimal import Decimal
from typing import Protocol

from trading.bars import Bar, exact
from trading.logs import BotLog
from trading.market.source import Interval, SourceError
from trading.paper.replay import BAR_NS, MarketError, aligned, whole

__all__ = ["LiveFeed", "LiveMarket", "Newest", "open_live"]

FETCH_DELAY_S = 2.0
"""How long after a minute's end its candle is asked for."""
OVERLAP = 10
"""Candles asked for each time, so that a minute or two without an answer leave no gap."""


class Newest(Protocol):
    """Gives the newest complete bars of a symbol."""

    def newest(self, symbol: str, interval: Interval, count: int) -> list[Bar]:
        """Return the complete bars that opened within the last `count` lengths."""


class LiveMarket:
    """One symbol: what is known of it now."""

    def __init__(self, bars: Sequence[Bar]) -> None:
        self._history = tuple(bars)
        self._bars = self._history

    def history(self, count: int) -> Sequence[Bar]:
        """Return the last bars that were complete when the run began."""
        return self._history[-count:]

    def last(self) -> Bar:
        """Return the newest complete bar."""
        return self._bars[-1]

    def price(self) -> Decimal:
        """Return the price now, as far as is known: where the newest bar closed."""
        return exact(self._bars[-1].close)

    def volume(self) -> Decimal:
        """Return what can be bought now: what the newest bar traded."""
        return exact(self._bars[-1].volume)

    def take(self, bars: Sequence[Bar], until: int) -> None:
        """Take in newer bars; minutes up to `until` that have none saw no trade.

        Args:
            bars: Oldest first; those that are known already are left out.
            until: When the newest minute that an answer speaks of began, Unix ns.
        """
        known = self._bars[-1]
        fresh = [known, *(bar for bar in bars if bar.time > known.time)]
        if (newest := fresh[-1]).time < until:
            flat = newest.close
            fresh.append(Bar(until, flat, flat, flat, flat, 0.0))
        # One assignment: the bot's thread sees all of it or nothing.
        self._bars = tuple(whole(fresh))


class LiveFeed:
    """The markets of several symbols, kept fresh."""

    def __init__(
        self,
        source: Newest,
        symbols: Sequence[str],
        log: BotLog,
        *,
        history: int,
        now: Callable[[], int] = time.time_ns,
    ) -> None:
        """Ask for the history of all symbols.

        Args:
            source: The exchange.
            symbols: Which.
            log: Who speaks.
            history: Minutes before the run.
            now: Unix ns.

        Raises:
            SourceError: If the exchange gives none.
            MarketError: If a symbol was not traded within these minutes.
        """
        series = {symbol: whole(source.newest(symbol, "1m", history)) for symbol in symbols}
        for symbol, bars in series.items():
            if not bars:
                raise MarketError(f"{symbol} was not traded within {history} minutes: choose another.")
        self.history = aligned(series)
        self.markets = {symbol: LiveMarket(bars) for symbol, bars in self.history.items()}
        self._source = source
        self._log = log
        self._now = now
        self._end = threading.Event()
        self._thread = threading.Thread(target=self._follow, name="live-feed", daemon=True)

    @property
    def clock_offset_ms(self) -> float | None:
        """The exchange's clock minus ours, as the source last saw it; `None`: it does not tell."""
        return getattr(self._source, "clock_offset_ms", None)

    def start(self) -> None:
        """Keep the markets fresh from now on."""
        self._thread.start()

    def stop(self) -> None:
        """End that."""
        self._end.set()
        if self._thread.is_alive():
            self._thread.join(timeout=5)

    def refresh(self) -> None:
        """Ask for what is new, once; a symbol that gets no answer keeps what it has, and that is said."""
        until = self._now() // BAR_NS * BAR_NS - BAR_NS
        for symbol, market in self.markets.items():
            try:
                market.take(self._source.newest(symbol, "1m", OVERLAP), until)
            except SourceError as error:
                self._log.line("data", logging.WARNING, "no new candle of %s: %s", symbol, error)

    def _follow(self) -> None:
        while not self._end.wait(self._seconds_to_next()):
            self.refresh()

    def _seconds_to_next(self) -> float:
        return (BAR_NS - self._now() % BAR_NS) / 1e9 + FETCH_DELAY_S


def open_live(exchange: str, symbols: Sequence[str], log: BotLog, *, history: int) -> LiveFeed:
    """Return the live markets of an exchange as ccxt knows it (extra `crypto`).

    Raises:
        TradingError: If it cannot be had; the message says how to mend that.
    """
    from trading.market.crypto import CryptoSource

    return LiveFeed(CryptoSource(exchange, log=log), symbols, log, history=history)

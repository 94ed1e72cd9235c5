"""The history of a run: sessions in order, and an engine that has seen those before the one at work."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date

from trading.bars import Bar, time_of
from trading.market.zones import session_day
from trading.regime import MarketState
from trading.signals.engine import SignalEngine, sessions_of
from trading.signals.params import Params

__all__ = ["Tape"]


class Tape:
    """All bars that a run reads; asked for its sessions in order."""

    def __init__(self, series: Mapping[str, Sequence[Bar]]) -> None:
        self._sessions = list(sessions_of(series))
        self.closes = {symbol: {bar.time: bar.close for bar in bars} for symbol, bars in series.items()}
        """Symbol to (time to close)."""
        self._params: Params | None = None
        self._engine: SignalEngine | None = None
        self._seen = 0
        self._market: MarketState | None = None

    def bars_of(self, day: date) -> dict[str, Bar]:
        """Return the bar of each symbol that has one on a session day."""
        time = time_of(day)
        return next((bars for at, bars in self._sessions if at == time), {})

    def count_until(self, day: date) -> int:
        """Return how many sessions there are up to a day, itself counted."""
        time = time_of(day)
        return sum(at <= time for at, _ in self._sessions)

    @property
    def newest(self) -> date | None:
        """The newest session that has a bar."""
        return session_day(self._sessions[-1][0]) if self._sessions else None

    def is_hole(self, day: date) -> bool:
        """Return whether there are bars after a day, so that its own will not come any more."""
        return bool(self._sessions) and self._sessions[-1][0] > time_of(day)

    def engine_before(
        self, day: date, params: Params, symbols: Sequence[str]
    ) -> tuple[SignalEngine, MarketState | None]:
        """Return an engine that has seen every session before `day`, and the market after the last of them.

        It must then be given the session itself, and what it says of the market to `remember`.
        """
        time = time_of(day)
        if self._engine is None or self._params != params or self._time_seen() >= time:
            self._engine, self._params = SignalEngine(params, symbols), params
            self._seen, self._market = 0, None
        while self._seen < len(self._sessions) and self._sessions[self._seen][0] < time:
            at, bars = self._sessions[self._seen]
            self._market = self._engine.observe(at, bars)
            self._seen += 1
        before = self._market
        if self._seen < len(self._sessions) and self._sessions[self._seen][0] == time:
            self._seen += 1
        return self._engine, before

    def remember(self, market: MarketState | None) -> None:
        """Take in the market after the session that was asked for last."""
        self._market = market

    def _time_seen(self) -> int:
        return self._sessions[self._seen - 1][0] if self._seen else -1

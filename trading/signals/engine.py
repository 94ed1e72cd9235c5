"""The signal engine: bars of one session in, a verdict out; scores, gates, weights and the market's regime.

A fold over sessions: what it says of one depends on that session's bars and those before, on its parameters,
and on what is held now. Live runs, the daily run and backtests use this same object. No clock, no I/O.

* Not held, score above `entry`: a buy, if no gate stops it.
* Held, score below `exit`: a sell. It passes every gate.
* Held otherwise: hold, with the weight it should have now.
* A symbol without a bar in a session is skipped for it. When it is held, its share of the equity stays
  reserved; after `gone_after` sessions, or when it is no longer among the symbols, it is to be sold.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence

from trading.bars import Bar
from trading.regime import REGIMES, MarketState, Regimes
from trading.signals.gates import Correlations, stop_of
from trading.signals.maps import Reading, Score, confidence_of, score_of
from trading.signals.params import Params
from trading.signals.signal import Action, Filtered, Signal, Verdict
from trading.signals.weighing import weights_of

__all__ = ["SignalEngine", "sessions_of"]

LARGEST_MOVE = 0.5
"""In the mean return of all symbols, a larger one counts as this: it is a split more often than a return."""
UNKNOWN = 0.5
"""Confidence of a held symbol that has no score."""


class SignalEngine:
    """Turns sessions into verdicts."""

    def __init__(self, params: Params, symbols: Sequence[str]) -> None:
        """Follow `symbols`; their order does not matter.

        Raises:
            ParamsError: If the parameters name an unknown score.
        """
        self._params = params
        self._within = {regime: params.within(regime) for regime in REGIMES}
        self._label = params.score.upper()
        score_of(params)  # An unknown name is refused even where no symbol needs it yet.
        self._tracks = {symbol: _Track(score_of(params)) for symbol in sorted(set(symbols))}
        self._correlations = Correlations(self._tracks, params.correlation_window, params.correlation_least)
        self._regimes = Regimes(params.market)
        self._index: float | None = None
        self._session = 0
        self._time: int | None = None

    def observe(self, time: int, bars: Mapping[str, Bar]) -> MarketState | None:
        """Take in one session without a verdict, as a warm-up does, and return the market after it.

        Raises:
            ValueError: If the session is not later than the one before.
        """
        if self._time is not None and time <= self._time:
            raise ValueError(
                f"session {time} is not later than {self._time}: give each session once, in order"
            )
        self._time = time
        self._session += 1
        returns: dict[str, float] = {}
        for symbol, track in self._tracks.items():
            bar = bars.get(symbol)
            # A price that is none must not look like a fall to 0: the session counts as missing.
            if bar is not None and 0 < bar.close < math.inf:
                change = track.take(bar, self._session)
                if change is not None:
                    returns[symbol] = change
        self._correlations.add(returns)
        return self._observe_market(bars, returns)

    def on_session(self, time: int, bars: Mapping[str, Bar], held: Mapping[str, float]) -> Verdict:
        """Take in one session and return what it says.

        Args:
            time: Of the session's bars, Unix ns; later than the session before.
            bars: The bar of each symbol that has one.
            held: Symbol to quantity; what is not above 0 is not held.

        Raises:
            ValueError: If the session is not later than the one before.
        """
        market = self.observe(time, bars)
        params = self._within[market.regime] if market else self._params
        owned = {symbol for symbol, quantity in held.items() if quantity > 0}
        kept, sells = self._kept(owned, params)
        buys, filtered = self._bought(owned, market, params)
        if not kept and not buys:
            # Most sessions of a single symbol: nothing is to be weighed.
            return Verdict(time, tuple(sells), tuple(filtered), market)
        weights = weights_of(
            {**kept, **{symbol: confidence for symbol, confidence, _ in buys}},
            max_weight=params.max_weight,
            max_total=params.max_total,
        )
        signals = [
            self._signal("buy", symbol, confidence, reading, weights[symbol])
            for symbol, confidence, reading in buys
        ]
        signals += sells
        signals += [
            self._hold(symbol, kept[symbol], weights[symbol])
            for symbol in sorted(kept, key=lambda symbol: (-kept[symbol], symbol))
            if self._is_here(symbol)
        ]
        return Verdict(time, tuple(signals), tuple(filtered), market)

    def _observe_market(self, bars: Mapping[str, Bar], returns: Mapping[str, float]) -> MarketState | None:
        symbol = self._params.market_symbol
        if symbol:
            bar = bars.get(symbol)
            return self._regimes.update(bar.close) if bar is not None else self._regimes.state
        if self._index is None:
            is_begun = any(track.seen for track in self._tracks.values())
            self._index = 100.0 if is_begun else None
        elif returns:
            moves = [min(max(move, -LARGEST_MOVE), LARGEST_MOVE) for move in returns.values()]
            self._index *= 1 + math.fsum(moves) / len(moves)
        else:
            return self._regimes.state
        return self._regimes.update(self._index) if self._index is not None else None

    def _kept(self, owned: set[str], params: Params) -> tuple[dict[str, float], list[Signal]]:
        """Return the confidence of each position that stays, and the sells."""
        kept: dict[str, float] = {}
        sells: list[tuple[float, Signal]] = []
        if not owned:
            return kept, []
        for symbol in sorted(owned):
            track = self._tracks.get(symbol)
            reason = self._gone(track, params)
            if track is None or reason:
                close = track.close if track else None
                sells.append((1.0, Signal("sell", 1.0, reason, symbol, weight=0.0, close=close)))
            elif track.seen == self._session and track.reading and track.reading.score < params.exit:
                sure = 1 - confidence_of(track.reading.score)
                sells.append((sure, self._signal("sell", symbol, sure, track.reading, 0.0)))
            else:
                kept[symbol] = confidence_of(track.reading.score) if track.reading else UNKNOWN
        sells.sort(key=lambda each: (-each[0], each[1].symbol))
        return kept, [signal for _, signal in sells]

    def _gone(self, track: _Track | None, params: Params) -> str:
        if track is None:
            return "no longer among the symbols"
        absent = self._session - track.seen
        return f"no bars for {absent} sessions" if absent >= params.gone_after else ""

    def _bought(
        self, owned: set[str], market: MarketState | None, params: Params
    ) -> tuple[list[tuple[str, float, Reading]], list[Filtered]]:
        """Return the buys that pass all gates, and those that do not; the surest first."""
        wanted = [
            (symbol, track.reading, track.still)
            for symbol, track in self._tracks.items()
            if track.seen == self._session
            and symbol not in owned
            and track.reading is not None
            and track.reading.score > params.entry
        ]
        if not wanted:
            return [], []
        wanted.sort(key=lambda each: (-each[1].score, each[0]))
        beside = sorted(owned)
        buys: list[tuple[str, float, Reading]] = []
        filtered: list[Filtered] = []
        for symbol, reading, still in wanted:
            confidence = confidence_of(reading.score)
            stop = stop_of(reading, confidence, still, market, params)
            if stop is None:
                most = params.max_correlation
                value = self._correlations.highest_first(symbol, beside, most)
                stop = None if value is None else ("correlation", value, most)
            if stop is None:
                buys.append((symbol, confidence, reading))
                beside.append(symbol)
            else:
                filtered.append(Filtered(self._signal("buy", symbol, confidence, reading, None), *stop))
        return buys, filtered

    def _is_here(self, symbol: str) -> bool:
        return self._tracks[symbol].seen == self._session

    def _hold(self, symbol: str, confidence: float, weight: float) -> Signal:
        track = self._tracks[symbol]
        if track.reading is None:
            return Signal("hold", UNKNOWN, "too few bars for a score", symbol, close=track.close)
        return self._signal("hold", symbol, confidence, track.reading, weight)

    def _signal(
        self, action: Action, symbol: str, confidence: float, reading: Reading, weight: float | None
    ) -> Signal:
        score, strength, ratio, momentum, volatility = reading
        return Signal(
            action,
            confidence,
            f"{self._label}={score:.1f}, RSI={strength:.0f}",
            symbol,
            "rule",
            None,
            weight,
            score,
            self._tracks[symbol].close,
            strength,
            ratio,
            momentum,
            volatility,
        )


class _Track:
    """What is remembered of one symbol."""

    __slots__ = ("close", "reading", "score", "seen", "still")

    def __init__(self, score: Score) -> None:
        self.score = score
        self.reading: Reading | None = None
        self.close: float | None = None
        self.seen = 0
        """The session of its newest bar."""
        self.still = 0
        """Bars in a row without any movement."""

    def take(self, bar: Bar, session: int) -> float | None:
        """Take in a bar; return its return if it spans one session."""
        last, before = self.close, self.seen
        close = bar.close
        self.reading = self.score.update(bar)
        self.still = self.still + 1 if close == last and bar.high == bar.low else 0
        self.close, self.seen = close, session
        return close / last - 1 if last is not None and before == session - 1 else None


def sessions_of(series: Mapping[str, Sequence[Bar]]) -> Iterator[tuple[int, dict[str, Bar]]]:
    """Return the sessions of several symbols, oldest first: each time with the bars that have it.

    Args:
        series: The bars of each symbol, sorted by time, each time once.
    """
    sessions: dict[int, dict[str, Bar]] = {}
    for symbol in sorted(series):
        for bar in series[symbol]:
            sessions.setdefault(bar.time, {})[symbol] = bar
    for time in sorted(sessions):
        yield time, sessions[time]

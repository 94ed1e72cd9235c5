"""Made-up markets for the tests of signals: prices that wander, and sessions that some symbols miss."""

from __future__ import annotations

import random
from collections.abc import Mapping, Sequence

from trading.bars import Bar
from trading.signals.engine import SignalEngine, sessions_of
from trading.signals.params import Params
from trading.signals.signal import Verdict

DAY_NS = 86_400 * 1_000_000_000

QUICK = Params(
    fast=3,
    slow=8,
    rsi=4,
    momentum=3,
    volatility=5,
    correlation_window=12,
    correlation_least=6,
    min_confidence=0.6,
    max_volatility=3.0,
    gone_after=4,
)
"""Short windows, so that short markets have signals."""

Sessions = list[tuple[int, dict[str, Bar]]]


def bar(day: int, close: float, *, opened: float | None = None) -> Bar:
    """Return a daily bar with some range."""
    first = close if opened is None else opened
    return Bar(day * DAY_NS, first, max(first, close) * 1.002, min(first, close) * 0.998, close, 1000.0)


def still(day: int, close: float) -> Bar:
    """Return a bar of a day on which nothing was traded."""
    return Bar(day * DAY_NS, close, close, close, close, 0.0)


def bars_from(closes: Sequence[float], *, start: int = 0) -> list[Bar]:
    """Return a bar for each close, each opening at the one before."""
    return [
        bar(start + day, close, opened=closes[day - 1] if day else close) for day, close in enumerate(closes)
    ]


def market(seed: int, *, symbols: int = 5, days: int = 60, missing: float = 0.05) -> dict[str, list[Bar]]:
    """Return symbols that wander with one market, in which some bars are missing and some stand still."""
    chance = random.Random(seed)
    series: dict[str, list[Bar]] = {f"S{index}": [] for index in range(symbols)}
    closes = dict.fromkeys(series, 100.0)
    for day in range(days):
        common = chance.gauss(0, 0.01)
        for symbol, bars in series.items():
            last = closes[symbol]
            kind = chance.random()
            if kind < missing:
                continue
            if kind < 2 * missing:
                bars.append(still(day, last))
                continue
            closes[symbol] = last * (1 + common + chance.gauss(0.001, 0.01))
            bars.append(bar(day, closes[symbol], opened=last))
    return series


def played(
    series: Mapping[str, Sequence[Bar]], params: Params = QUICK, *, symbols: Sequence[str] | None = None
) -> list[Verdict]:
    """Return the verdict of every session; what is bought is held from then on, until it is sold."""
    return played_sessions(list(sessions_of(series)), params, symbols or list(series))


def played_sessions(sessions: Sessions, params: Params, symbols: Sequence[str]) -> list[Verdict]:
    """Return the verdict of each of these sessions."""
    engine, held = SignalEngine(params, symbols), dict[str, float]()
    verdicts = []
    for time, bars in sessions:
        verdict = engine.on_session(time, bars, held)
        verdicts.append(verdict)
        follow(verdict, held)
    return verdicts


def follow(verdict: Verdict, held: dict[str, float]) -> None:
    """Hold what was bought, and no longer what was sold."""
    for signal in verdict.signals:
        if signal.action == "buy":
            held[signal.symbol] = 1.0
        elif signal.action == "sell":
            held.pop(signal.symbol, None)

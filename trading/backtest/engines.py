"""Engines for `run_portfolio` that are no signal engine: a strategy for each symbol, and plain holding."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace

from trading.bars import Bar
from trading.signals.signal import Signal, Verdict
from trading.strategies import Strategy

__all__ = ["EachSymbol", "Holding"]


class EachSymbol:
    """A strategy of its own for each symbol, each with an equal part of the equity."""

    def __init__(self, make: Callable[[], Strategy], symbols: Sequence[str]) -> None:
        """Run what `make` returns on each of the symbols."""
        self._rules = {symbol: make() for symbol in sorted(set(symbols))}

    def observe(self, time: int, bars: Mapping[str, Bar]) -> None:
        """Take in one session without a verdict."""
        self.on_session(time, bars, {})

    def on_session(self, time: int, bars: Mapping[str, Bar], held: Mapping[str, float]) -> Verdict:
        """Take in one session; a buy without a weight gets the symbol's part."""
        signals = []
        for symbol, rule in self._rules.items():
            if symbol not in bars:
                continue
            said = rule.on_bar(bars[symbol], held.get(symbol, 0.0))
            if said is not None and said.action != "hold":
                signals.append(self._own(said, symbol))
        return Verdict(time, tuple(signals), (), None)

    def _own(self, said: Signal, symbol: str) -> Signal:
        if said.action == "sell":
            return replace(said, symbol=symbol)
        weight = 1.0 if said.weight is None else said.weight
        return replace(said, symbol=symbol, weight=weight / len(self._rules))


class Holding:
    """Buys each symbol once, with an equal part of the equity, and never sells."""

    def __init__(self, symbols: Sequence[str]) -> None:
        """Hold these symbols."""
        self._part = 1 / max(len(set(symbols)), 1)
        self._bought: set[str] = set()

    def observe(self, time: int, bars: Mapping[str, Bar]) -> None:
        """Take in one session without a verdict."""

    def on_session(self, time: int, bars: Mapping[str, Bar], held: Mapping[str, float]) -> Verdict:
        """Take in one session; what is held already is bought."""
        self._bought |= held.keys()
        news = [symbol for symbol in sorted(bars) if symbol not in self._bought]
        signals = [Signal("buy", 1.0, "held from the start", symbol, weight=self._part) for symbol in news]
        return Verdict(time, tuple(signals), (), None)

"""A verdict in the words of the vocabulary: what was wanted, what a gate stopped, how the market turned.

Every signal is told as `signal.generated`, a filtered one as `signal.filtered` too, with the gate, the value
and the threshold, so that whoever listens can count how far signals come.
"""

from __future__ import annotations

from datetime import UTC, datetime

from trading.logs import BotLog, Value
from trading.regime import MarketState
from trading.signals.signal import Filtered, Signal, Verdict

__all__ = ["signal_id", "tell", "tell_filtered", "tell_regime", "tell_signal"]

SECOND_NS = 1_000_000_000
DAY_NS = 86_400 * SECOND_NS


def tell(log: BotLog, verdict: Verdict, *, market: str = "", before: MarketState | None = None) -> None:
    """Log a verdict.

    Args:
        log: Whose verdict it is.
        verdict: What to tell.
        market: What the regime is of: a symbol, or empty for all symbols together.
        before: The market of the session before; a regime is told when it differs.
    """
    if verdict.market is not None:
        tell_regime(log, verdict.market, before, symbol=market)
    for signal in verdict.signals:
        tell_signal(log, signal, verdict.time)
    for filtered in verdict.filtered:
        tell_signal(log, filtered.signal, verdict.time)
        tell_filtered(log, filtered, verdict.time)


def tell_signal(log: BotLog, signal: Signal, time: int) -> None:
    """Log one signal of the bar of that time."""
    name = signal_id(signal.symbol, time)
    about: dict[str, Value] = {
        "signal.id": name,
        "log.record.uid": f"{log.bot_id}:{name}",
        "agent.name": signal.agent,
        "symbol": signal.symbol,
        "signal.action": signal.action,
        "signal.confidence": _rounded(signal.confidence),
        "signal.weight": _rounded(signal.weight),
        "signal.score": _rounded(signal.score),
        "indicator.rsi": _rounded(signal.rsi),
        "indicator.ma_ratio": _rounded(signal.ma_ratio),
        "indicator.momentum": _rounded(signal.momentum),
        "bar.time": time,
        "reason": signal.reason,
    }
    log.event("signal.generated", about, "%s signal for %s", signal.action, signal.symbol)


def tell_filtered(log: BotLog, filtered: Filtered, time: int) -> None:
    """Log which gate stopped a signal, and the two numbers it compared."""
    symbol = filtered.signal.symbol
    about: dict[str, Value] = {
        "signal.id": signal_id(symbol, time),
        "cause.id": f"{log.bot_id}:{signal_id(symbol, time)}",
        "symbol": symbol,
        "filter": filtered.filter,
        "value": _rounded(filtered.value),
        "threshold": _rounded(filtered.threshold),
    }
    log.event(
        "signal.filtered",
        about,
        "%s signal for %s filtered by %s",
        filtered.signal.action,
        symbol,
        filtered.filter,
    )


def tell_regime(log: BotLog, market: MarketState, before: MarketState | None, *, symbol: str = "") -> None:
    """Log that the market is of another kind than before; nothing when it is of the same."""
    previous = before.regime if before else None
    if market.regime == previous:
        return
    about: dict[str, Value] = {
        "symbol": symbol or None,
        "regime": market.regime,
        "regime.previous": previous,
        "trend": _rounded(market.trend),
        "momentum": _rounded(market.momentum),
        "volatility": _rounded(market.volatility),
    }
    log.event("regime.changed", about, "market is %s, was %s", market.regime, previous or "unknown")


def signal_id(symbol: str, time: int) -> str:
    """Return the name of a symbol's signal at a bar: the same bar told twice is the same signal."""
    # Whole seconds, not a float: a bar's time must come out the same wherever it is made.
    moment = datetime.fromtimestamp(time // SECOND_NS, UTC)
    return f"s-{moment:%Y%m%d}-{symbol}" if time % DAY_NS == 0 else f"s-{moment:%Y%m%dT%H%M%S}-{symbol}"


def _rounded(value: float | None) -> float | None:
    return None if value is None else round(value, 6)

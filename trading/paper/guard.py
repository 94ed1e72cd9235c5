"""Watches one bot from within: tells anomalies as they begin and end, and trips its breaker.

What stands out is only told; a day that lost too much is acted on: the bot may close, and open nothing more
until the next day of UTC. Rules and bounds are in `trading.protections`.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from decimal import Decimal

from trading.bars import SECOND_NS, Bar
from trading.logs import BotLog, Value
from trading.protections import Anomaly, Breaker, Thresholds, Watch

__all__ = ["Guard"]

CENT = Decimal("0.01")
RATIO = Decimal("0.000001")
# No words of trouble: whoever reads logs by their words knows this event by its name.
_WORDS = {
    "trade_frequency": "{value} trades within {window} min",
    "losing_streak": "{value} of the last {count} trades below zero",
    "slippage": "a fill of {symbol} {percent} % beyond its reference",
    "api_errors": "{percent} % of {count} requests not answered well within {window} min",
    "price_move": "{symbol} moved {percent} % within a minute",
    "volume_spike": "volume of {symbol} {value} times its mean",
    "daily_loss": "the day is {percent} % below its first equity",
}


@dataclass
class Guard:
    """The watch of one bot."""

    log: BotLog
    currency: str
    bot_id: str
    new_id: Callable[[str], str]
    now: Callable[[], int]
    """Unix ns, by the bot's clock."""
    thresholds: Thresholds = field(default_factory=Thresholds)
    _named: dict[tuple[str, str], str] = field(default_factory=dict)
    """Kind and symbol → id of the anomaly that is on."""

    def __post_init__(self) -> None:
        self._watch = Watch(self.thresholds)
        self.breaker = Breaker(self.thresholds.daily_loss)

    def bar(self, symbol: str, bar: Bar) -> None:
        """A candle is complete."""
        self._tell(self._watch.bar(symbol, bar))

    def fill(self, order_id: str, symbol: str, slippage: Decimal) -> None:
        """An order was filled, or a part of it."""
        self._tell(self._watch.fill(order_id, symbol, slippage, self.now()))

    def trade(self, symbol: str, net: Decimal) -> None:
        """A trade was closed."""
        self._tell(self._watch.trade(symbol, net))

    def request(self, exchange: str, *, failed: bool) -> None:
        """A request to an exchange has ended."""
        self._tell(self._watch.request(exchange, self.now(), failed=failed))

    def measure(self, equity: Decimal) -> str | None:
        """Take in what the account is worth; return `tripped` or `reset` when the breaker just did that."""
        now, before = self.now(), self.breaker.day_start
        self._tell(self._watch.pass_time(now))
        moved = self.breaker.measure(equity, now)
        if moved is None:
            return None
        start = self.breaker.day_start if moved == "tripped" else before
        loss = self.breaker.loss(equity)
        if moved == "tripped":
            self._tell([self._daily_loss(loss)])
        about: dict[str, Value] = {
            "loss.ratio": loss.quantize(RATIO),
            "threshold": self.breaker.threshold,
            "equity.day_start": start.quantize(CENT),
            "equity": equity.quantize(CENT),
            "bots.stopped": self.bot_id if moved == "tripped" else None,
            "until": self.breaker.until,
            "currency": self.currency,
        }
        if moved == "tripped":
            assert self.breaker.until is not None
            until = datetime.fromtimestamp(self.breaker.until // SECOND_NS, UTC)
            words = "circuit breaker: the day is %s %% down, nothing is opened before %s UTC"
            percent = (100 * loss).quantize(CENT)
            self.log.event("circuit_breaker.tripped", about, words, percent, f"{until:%Y-%m-%d %H:%M}")
        else:
            self.log.event(
                "circuit_breaker.reset",
                about,
                "circuit breaker reset: a new day, positions may be opened again",
            )
            self._tell([self._daily_loss(loss, is_over=True)])
        return moved

    def _daily_loss(self, loss: Decimal, *, is_over: bool = False) -> Anomaly:
        return Anomaly("daily_loss", "", "critical", loss, self.breaker.threshold, 86_400, 1, is_over)

    def _tell(self, found: Iterable[Anomaly]) -> None:
        for one in found:
            self._tell_one(one)

    def _tell_one(self, one: Anomaly) -> None:
        key = (one.kind, one.symbol)
        name = self._named.pop(key, "") or self.new_id("a")
        if not one.is_over:
            self._named[key] = name
        about: dict[str, Value] = {
            "anomaly.id": name,
            "anomaly.kind": one.kind,
            "anomaly.severity": one.severity,
            "value": round(float(one.value), 6),
            "threshold": float(one.threshold),
            "window_s": one.window_s or None,
            "sample.count": one.sample,
            "symbol": one.symbol or None,
            "action": "opens nothing until the next day" if one.kind == "daily_loss" else "none",
        }
        is_grave = one.severity in ("high", "critical") and not one.is_over
        self.log.event(
            "anomaly.cleared" if one.is_over else "anomaly.detected",
            about,
            "back within bounds: %s" if one.is_over else "threshold passed: %s",
            _words(one),
            level=logging.ERROR if is_grave else logging.WARNING,
        )


def _words(one: Anomaly) -> str:
    return _WORDS[one.kind].format(
        value=f"{float(one.value):.4g}",
        percent=f"{100 * float(one.value):.4g}",
        count=one.sample,
        window=one.window_s // 60,
        symbol=one.symbol,
    )

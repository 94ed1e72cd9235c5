"""What a bot watches of itself in order to act: anomalies as folds, and the breaker that ends a bad day.

The same thresholds that a listener may judge by from outside (`docs/rules.md`), but known within the bot at
the moment they are passed. Pure: time is an argument, nothing is logged. A test feeds the same day to both.

Whether a bound itself counts: 20 trades *or more*, 7 of 10 losses *or more*, *more* than 0.5 % slippage,
30 % failed requests *or more*, 5 % within a minute *or more*, 10 times the volume *or more*, 10 % of the
day's first equity *or more*.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Literal, NamedTuple

from trading.bars import SECOND_NS, Bar, exact

__all__ = ["Anomaly", "Breaker", "Severity", "Thresholds", "Watch"]

Severity = Literal["low", "medium", "high", "critical"]
DAY_NS = 86_400 * SECOND_NS
MINUTE_NS = 60 * SECOND_NS

_SEVERITY: dict[str, Severity] = {
    "trade_frequency": "high",
    "losing_streak": "high",
    "slippage": "medium",
    "api_errors": "high",
    "price_move": "medium",
    "volume_spike": "low",
    "daily_loss": "critical",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Thresholds:
    """When something is out of the ordinary; ratios are fractions."""

    trades: int = 20
    """Orders with a first fill within `trades_window_s`, this many or more."""
    trades_window_s: int = 600
    losses: int = 7
    """Losses among the last `losses_of` closed trades, this many or more; fewer trades give no verdict."""
    losses_of: int = 10
    slippage: Decimal = Decimal("0.005")
    """A fill worse than its reference by more than this."""
    api_error_rate: Decimal = Decimal("0.30")
    """Share of failed requests within `api_window_s`, this or more."""
    api_requests: int = 10
    """Fewer requests give no verdict: one failure of one call is no rate."""
    api_window_s: int = 300
    price_move: Decimal = Decimal("0.05")
    """From one minute's close to the next, this or more, up or down."""
    volume_times: Decimal = Decimal(10)
    """Times the mean of the `volume_bars` before, this or more; the bar itself is no part of the mean."""
    volume_bars: int = 60
    daily_loss: Decimal = Decimal("0.10")
    """Fraction of the equity with which the day began, this or more."""


class Anomaly(NamedTuple):
    """A threshold that is passed now, or no longer (`is_over`)."""

    kind: str
    """As in `anomaly.kind` of the event vocabulary."""
    symbol: str
    """Empty where it concerns the whole bot."""
    severity: Severity
    value: Decimal
    threshold: Decimal
    window_s: int
    """What it was counted over; 0: one moment."""
    sample: int
    """How many were counted."""
    is_over: bool = False


class Watch:
    """Remembers what the thresholds look at; each method returns what began or ended just then."""

    def __init__(self, thresholds: Thresholds | None = None) -> None:
        self._at = thresholds or Thresholds()
        self._active: set[tuple[str, str]] = set()
        self._orders: dict[str, int] = {}
        self._trades: deque[int] = deque()
        self._nets: deque[Decimal] = deque(maxlen=self._at.losses_of)
        self._answers: dict[str, deque[tuple[int, bool]]] = {}
        self._bars: dict[str, deque[Bar]] = {}

    def bar(self, symbol: str, bar: Bar) -> list[Anomaly]:
        """Take in one more complete bar of one minute."""
        bars = self._bars.setdefault(symbol, deque(maxlen=self._at.volume_bars))
        found = []
        if bars and bar.time - bars[-1].time == MINUTE_NS:
            before, now = exact(bars[-1].close), exact(bar.close)
            is_jump = abs(now - before) >= self._at.price_move * before
            found += self._judged("price_move", symbol, is_jump, now / before - 1, self._at.price_move, 60, 2)
        if len(bars) == self._at.volume_bars:
            total = sum((exact(one.volume) for one in bars), Decimal(0))
            times = exact(bar.volume) * len(bars) / total if total else Decimal(0)
            limit, window = self._at.volume_times, 60 * len(bars)
            found += self._judged("volume_spike", symbol, times >= limit, times, limit, window, len(bars))
        bars.append(bar)
        return found

    def fill(self, order_id: str, symbol: str, slippage: Decimal, time: int) -> list[Anomaly]:
        """Take in a fill; only an order's first one counts as a trade.

        Args:
            order_id: Of the order.
            symbol: What was traded.
            slippage: How much worse than the reference, a fraction; below 0: better.
            time: Unix ns.
        """
        limit = self._at.slippage
        found = self._judged("slippage", symbol, slippage > limit, slippage, limit, 0, 1)
        if order_id not in self._orders:
            self._orders[order_id] = time
            self._trades.append(time)
        return found + self._frequency(time)

    def trade(self, symbol: str, net: Decimal) -> list[Anomaly]:
        """Take in what a closed trade earned; exactly 0 is no loss."""
        self._nets.append(net)
        if len(self._nets) < self._at.losses_of:
            return []
        lost = sum(one < 0 for one in self._nets)
        is_on = lost >= self._at.losses
        return self._judged(
            "losing_streak", "", is_on, Decimal(lost), Decimal(self._at.losses), 0, len(self._nets)
        )

    def request(self, exchange: str, time: int, *, failed: bool) -> list[Anomaly]:
        """Take in how a request to an exchange ended."""
        self._answers.setdefault(exchange, deque()).append((time // SECOND_NS, failed))
        return self._errors(exchange, time)

    def pass_time(self, time: int) -> list[Anomaly]:
        """Judge again what ends by itself: counts whose window has moved on."""
        found = self._frequency(time)
        for exchange in self._answers:
            found += self._errors(exchange, time)
        return found

    def _frequency(self, time: int) -> list[Anomaly]:
        window = self._at.trades_window_s * SECOND_NS
        while self._trades and time - self._trades[0] >= window:
            self._trades.popleft()
        # An order's later fills may come long after its first one, but not days later.
        self._orders = {order: at for order, at in self._orders.items() if time - at < DAY_NS}
        count = len(self._trades)
        return self._judged(
            "trade_frequency", "", count >= self._at.trades, Decimal(count), Decimal(self._at.trades),
            self._at.trades_window_s, count,
        )  # fmt: skip

    def _errors(self, exchange: str, time: int) -> list[Anomaly]:
        answers = self._answers[exchange]
        while answers and time // SECOND_NS - answers[0][0] >= self._at.api_window_s:
            answers.popleft()
        total, failed = len(answers), sum(failed for _, failed in answers)
        limit = self._at.api_error_rate
        is_on = failed > 0 and total >= self._at.api_requests and failed >= limit * total
        rate = Decimal(failed) / total if total else Decimal(0)
        return self._judged("api_errors", "", is_on, rate, limit, self._at.api_window_s, total, of=exchange)

    def _judged(
        self,
        kind: str,
        symbol: str,
        is_on: bool,
        value: Decimal,
        threshold: Decimal,
        window_s: int,
        count: int,
        *,
        of: str = "",
    ) -> list[Anomaly]:
        key = (kind, of or symbol)
        if is_on == (key in self._active):
            return []
        self._active ^= {key}
        return [Anomaly(kind, symbol, _SEVERITY[kind], value, threshold, window_s, count, not is_on)]


@dataclass
class Breaker:
    """Stops a bot from opening anything once the day's loss is too large; the next day it may again.

    A day is one of UTC. The equity of its first measurement is what the loss is compared with.
    """

    threshold: Decimal = Decimal("0.10")
    day_start: Decimal = Decimal(0)
    """Equity with which the day began."""
    until: int | None = None
    """While it is tripped: when the day ends, Unix ns."""
    _day: int = field(default=-1, repr=False)

    @property
    def is_tripped(self) -> bool:
        """Whether nothing may be opened now."""
        return self.until is not None

    def loss(self, equity: Decimal) -> Decimal:
        """Return what the day has lost, as a fraction of its first equity, 0 or more."""
        return max(1 - equity / self.day_start, Decimal(0)) if self.day_start > 0 else Decimal(0)

    def measure(self, equity: Decimal, time: int) -> Literal["tripped", "reset"] | None:
        """Take in what the account is worth; return whether that trips it, or a new day resets it."""
        was_tripped = self.is_tripped
        if time // DAY_NS != self._day:
            self._day, self.day_start, self.until = time // DAY_NS, equity, None
            return "reset" if was_tripped else None
        if was_tripped or self.loss(equity) < self.threshold:
            return None
        self.until = (self._day + 1) * DAY_NS
        return "tripped"

"""The tape: what the trading thresholds are measured on, the newest of everything, bounded.

A part of `State` and a monoid like it. Each list is a set of rows in order, of which the greatest stay: any
split and any order of a stream keeps the same rows. Nothing is judged here; `obs.watch.thresholds` does.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Callable, Mapping
from decimal import Decimal
from typing import Any, Protocol, TypeVar

import msgspec

from obs.adapters import PROGRAM
from obs.books.facts import decimal
from obs.events import Event, Severity

__all__ = ["KINDS", "Answers", "Bar", "BookShare", "Equity", "Fill", "Funding", "Tape", "Tapes", "Trade"]

SECOND_NS = 1_000_000_000
HOUR_NS = 3_600 * SECOND_NS
KEPT_BARS = 150
"""Bars of each symbol: those of the mean before, and more than an hour of minutes."""
MAX_SYMBOLS = 64
"""Symbols and intervals of one bot whose bars are kept, the first in order of name."""
KEPT_SHARES = 2_000
KEPT_FILLS = 600
KEPT_TRADES = 300
KEPT_FUNDING = 300
KEPT_SECONDS = 1_800
"""Seconds with a request, for each exchange: at least half an hour, whatever the rate."""
KEPT_HOURS = 200
MAX_EXCHANGES = 32


class Row(msgspec.Struct, frozen=True, order=True, array_like=True):
    """One fact at one time; rows compare field by field, so that time decides first."""

    time: int
    """Unix ns by which it is ordered."""


class Bar(Row, frozen=True, order=True, array_like=True):
    """One candle that is complete."""

    symbol: str
    interval: str
    volume: float
    """Before the price: of two records of one bar the fuller is the later one."""
    close: float
    seen: int
    """When it was told, Unix ns; `time` is the bar's own."""
    id: str


class BookShare(Row, frozen=True, order=True, array_like=True):
    """One look at an order book."""

    symbol: str
    levels: int
    """Levels that were counted; 0 when the event does not tell."""
    bid_share: float
    id: str


class Fill(Row, frozen=True, order=True, array_like=True):
    """One fill of an order."""

    order: str
    symbol: str
    slippage: str
    """As a fraction, positive is worse; empty when neither told nor computable."""
    id: str


class Trade(Row, frozen=True, order=True, array_like=True):
    """One closed trade."""

    trade: str
    symbol: str
    pnl: str
    currency: str
    id: str


class Funding(Row, frozen=True, order=True, array_like=True):
    """One funding rate."""

    symbol: str
    rate: str
    id: str


class Answers(msgspec.Struct, frozen=True, array_like=True):
    """Requests that ended within one second."""

    total: int = 0
    failed: int = 0
    id: str = ""
    """Evidence of a failure: the greatest, so that any order of merging agrees."""

    def plus(self, other: Answers) -> Answers:
        """Return both together."""
        return Answers(self.total + other.total, self.failed + other.failed, max(self.id, other.id))


class Equity(msgspec.Struct, frozen=True, array_like=True):
    """What an account was worth within one hour."""

    first: tuple[int, float, str]
    """(time, equity, id) of the earliest record."""
    least: tuple[float, int, str]
    """(equity, time, id) of the lowest."""
    worst: tuple[float, int, str]
    """(loss as a fraction of the day's start, time, id) of the worst as the bot told it, else 0."""
    currency: str = ""

    def plus(self, other: Equity) -> Equity:
        """Return both together."""
        return Equity(
            min(self.first, other.first),
            min(self.least, other.least),
            max(self.worst, other.worst),
            max(self.currency, other.currency),
        )


class Tape(msgspec.Struct):
    """The rows of one bot."""

    bars: dict[str, list[Bar]] = {}
    """`BTC/USDT 1m` -> its bars."""
    shares: list[BookShare] = []
    fills: list[Fill] = []
    trades: list[Trade] = []
    funding: list[Funding] = []
    answers: dict[str, dict[int, Answers]] = {}
    """Exchange -> second since 1970 -> requests that ended in it."""
    equity: dict[int, Equity] = {}
    """Hour since 1970 -> what the account was worth in it."""
    said: dict[str, tuple[int, str]] = {}
    """Kind of anomaly that the bot itself reported, or `breaker` -> (latest time, id)."""

    def merge(self, other: Tape) -> None:
        """Add all that `other` has seen."""
        for name, keep in _KEPT.items():
            setattr(self, name, sorted({*getattr(self, name), *getattr(other, name)})[-keep:])
        for name, bars in other.bars.items():
            self.bars[name] = sorted({*self.bars.get(name, ()), *bars})[-KEPT_BARS:]
        while len(self.bars) > MAX_SYMBOLS:
            del self.bars[max(self.bars)]
        for exchange, seconds in other.answers.items():
            mine = self.answers.setdefault(exchange, {})
            for second, answers in seconds.items():
                _join(mine, second, answers, KEPT_SECONDS)
        while len(self.answers) > MAX_EXCHANGES:
            del self.answers[max(self.answers)]
        for hour, equity in other.equity.items():
            _join(self.equity, hour, equity, KEPT_HOURS)
        for kind, at in other.said.items():
            self.said[kind] = max(self.said.get(kind, at), at)


class Tapes(msgspec.Struct):
    """The tapes of all bots."""

    bots: dict[str, Tape] = {}

    def add(self, event: Event, service: str, evidence: str) -> None:
        """Fold one event that speaks the vocabulary.

        Args:
            event: The event; one of `run.mode=backtest` is no news of a market or an account.
            service: The bot.
            evidence: The id under which its line can be looked up.
        """
        values = event.attributes
        # A program's line may tell of a position and of the fill behind it at once.
        writer = _WRITERS.get(event.event_name) or _WRITERS.get(str(values.get("order.event") or ""))
        if writer is None or not event.time or values.get("run.mode") == "backtest":
            return
        if values.get("reconciliation") is True:
            return
        tape = self.bots.get(service)
        if tape is None:
            tape = self.bots[service] = Tape()
        writer(tape, event, values, evidence)

    def merge(self, other: Tapes) -> None:
        """Add all that `other` has seen."""
        for name, theirs in other.bots.items():
            self.bots.setdefault(name, Tape()).merge(theirs)


R = TypeVar("R", bound=Row)


class _Joined(Protocol):
    def plus(self, other: Any, /) -> Any: ...


J = TypeVar("J", bound=_Joined)


def _put(rows: list[R], row: R, keep: int) -> None:
    """Add a row to a set in order, of which the greatest stay."""
    if not rows or row > rows[-1]:
        rows.append(row)
    else:
        place = bisect_left(rows, row)
        if rows[place] == row:
            return
        rows.insert(place, row)
    if len(rows) > keep:
        del rows[0]


def _join(values: dict[int, J], key: int, value: J, keep: int) -> None:
    """Add to what is known under a number, of which the greatest stay."""
    known = values.get(key)
    values[key] = value if known is None else known.plus(value)
    if len(values) > keep:
        del values[min(values)]


def _bar(tape: Tape, event: Event, values: Mapping[str, Any], evidence: str) -> None:
    close, volume = decimal(values.get("close")), decimal(values.get("volume"))
    if close is None or close <= 0:
        return
    begun = values.get("bar.time")
    row = Bar(
        time=begun if isinstance(begun, int) and not isinstance(begun, bool) and begun > 0 else event.time,
        symbol=str(values.get("symbol") or ""),
        interval=str(values.get("interval") or ""),
        # -1: the bar tells no volume, which is not the same as none.
        volume=float(volume) if volume is not None and volume >= 0 else -1.0,
        close=float(close),
        seen=event.time,
        id=evidence,
    )
    name = f"{row.symbol} {row.interval}"
    bars = tape.bars.get(name)
    if bars is None:
        bars = tape.bars[name] = []
    _put(bars, row, KEPT_BARS)
    if len(tape.bars) > MAX_SYMBOLS:
        del tape.bars[max(tape.bars)]


def _share(tape: Tape, event: Event, values: Mapping[str, Any], evidence: str) -> None:
    share, levels = decimal(values.get("bid_share")), decimal(values.get("levels"))
    if share is None or not 0 <= share <= 1:
        return
    symbol = str(values.get("symbol") or "")
    row = BookShare(event.time, symbol, int(levels) if levels is not None else 0, float(share), evidence)
    _put(tape.shares, row, KEPT_SHARES)


def _fill(tape: Tape, event: Event, values: Mapping[str, Any], evidence: str) -> None:
    order = str(values.get("order.id") or "") or event.uid or evidence
    slippage = slippage_of(values)
    row = Fill(event.time, order, str(values.get("symbol") or ""), _text(slippage), evidence)
    _put(tape.fills, row, KEPT_FILLS)


def slippage_of(values: Mapping[str, Any]) -> Decimal | None:
    """Return how much worse than its reference a fill was, as a fraction; None when nothing tells.

    The bot's own figure, else side × (fill − reference) / reference.
    """
    told = decimal(values.get("slippage.ratio"))
    if told is not None:
        return told
    price, reference = decimal(values.get("fill.price")), decimal(values.get("order.reference_price"))
    side = {"buy": 1, "sell": -1}.get(str(values.get("order.side") or "").lower())
    if price is None or not reference or reference < 0 or side is None:
        return None
    return side * (price - reference) / reference


def _trade(tape: Tape, event: Event, values: Mapping[str, Any], evidence: str) -> None:
    pnl = decimal(values.get("pnl.net"))
    if pnl is None:
        return
    name = str(values.get("trade.id") or "") or event.uid or evidence
    currency = str(values.get("currency") or "")
    symbol = str(values.get("symbol") or "")
    _put(tape.trades, Trade(event.time, name, symbol, _text(pnl), currency, evidence), KEPT_TRADES)


def _funding(tape: Tape, event: Event, values: Mapping[str, Any], evidence: str) -> None:
    rate = decimal(values.get("funding.rate"))
    if rate is not None:
        row = Funding(event.time, str(values.get("symbol") or ""), _text(rate), evidence)
        _put(tape.funding, row, KEPT_FUNDING)


def _answer(tape: Tape, event: Event, values: Mapping[str, Any], evidence: str) -> None:
    if PROGRAM in values:
        # Programs print the calls that failed and few of the good ones: no rate can be made of them.
        return
    exchange = str(values.get("exchange.id") or values.get("server.address") or "exchange")
    if exchange not in tape.answers and len(tape.answers) >= MAX_EXCHANGES and exchange > max(tape.answers):
        return
    status = decimal(values.get("http.response.status_code"))
    failed = bool(values.get("error.type")) or (status is not None and status >= 400)
    failed = failed or event.severity >= Severity.ERROR
    row = Answers(1, int(failed), evidence if failed else "")
    _join(tape.answers.setdefault(exchange, {}), event.time // SECOND_NS, row, KEPT_SECONDS)
    while len(tape.answers) > MAX_EXCHANGES:
        del tape.answers[max(tape.answers)]


def _equity(tape: Tape, event: Event, values: Mapping[str, Any], evidence: str) -> None:
    equity = decimal(values.get("equity"))
    if equity is None:
        return
    start, today = decimal(values.get("equity.day_start")), decimal(values.get("pnl.day"))
    loss = Decimal(0)
    if start is not None and start > 0:
        loss = (-today if today is not None else start - equity) / start
    row = Equity(
        (event.time, float(equity), evidence),
        (float(equity), event.time, evidence),
        (float(loss), event.time, evidence),
        str(values.get("currency") or ""),
    )
    _join(tape.equity, event.time // HOUR_NS, row, KEPT_HOURS)


def _anomaly(tape: Tape, event: Event, values: Mapping[str, Any], evidence: str) -> None:
    kind = str(values.get("anomaly.kind") or "")
    if kind in KINDS:
        tape.said[kind] = max(tape.said.get(kind, (0, "")), (event.time, evidence))


def _breaker(tape: Tape, event: Event, values: Mapping[str, Any], evidence: str) -> None:
    tape.said["breaker"] = max(tape.said.get("breaker", (0, "")), (event.time, evidence))


def _text(value: Decimal | None) -> str:
    return "" if value is None else format(value, "f")


KINDS = (
    "trade_frequency", "losing_streak", "slippage", "api_errors", "unresponsive", "price_move",
    "volume_spike", "funding", "book_imbalance", "daily_loss",
)  # fmt: skip
"""The ten anomalies by name."""
_KEPT = {
    "shares": KEPT_SHARES,
    "fills": KEPT_FILLS,
    "trades": KEPT_TRADES,
    "funding": KEPT_FUNDING,
}
_WRITERS: Mapping[str, Callable[[Tape, Event, Mapping[str, Any], str], None]] = {
    "market.bar": _bar,
    "market.book": _share,
    "market.funding": _funding,
    "order.filled": _fill,
    "trade.closed": _trade,
    "api.requested": _answer,
    "equity.measured": _equity,
    "anomaly.detected": _anomaly,
    "circuit_breaker.tripped": _breaker,
}

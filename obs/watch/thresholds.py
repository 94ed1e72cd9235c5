"""The trading thresholds: when does what the tape holds pass a limit.

Too many trades, a losing streak, slippage, failing calls, a price that jumps, a volume that explodes, extreme
funding, a lopsided book, the loss of a day. Each function takes rows and limits; no clock, no I/O. Whether a
bound itself counts is written beside it, as the trade words it. Issues are made in `obs.watch.anomalies`.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from decimal import Decimal
from itertools import groupby, pairwise
from zoneinfo import ZoneInfo

import msgspec

from obs.watch.tape import HOUR_NS, SECOND_NS, Answers, Bar, BookShare, Equity, Fill, Funding, Trade

__all__ = [
    "Hit",
    "Limits",
    "book_holds",
    "daily_losses",
    "error_rates",
    "funding_extremes",
    "losing_streaks",
    "price_moves",
    "slippages",
    "trade_bursts",
    "volume_spikes",
]

MINUTE_NS = 60 * SECOND_NS
MINUTE_WORDS = ("", "1m", "1min", "60s", "M1", "1T")
MAX_LOOK_GAP_NS = MINUTE_NS
"""Two looks at a book further apart say nothing of the time between them."""


class Limits(msgspec.Struct, frozen=True, kw_only=True):
    """Every threshold; ratios are fractions."""

    trades: int = 20
    """So many trades (orders with a first fill) within `trades_window_s` are too many."""
    trades_window_s: int = 600
    losses: int = 7
    """So many losses among the last `losses_of` closed trades are a losing streak."""
    losses_of: int = 10
    slippage: Decimal = Decimal("0.005")
    """More than this is too much."""
    api_error_rate: Decimal = Decimal("0.30")
    """This share of failed requests or more."""
    api_requests: int = 10
    """Fewer requests within `api_window_s` give no verdict."""
    api_window_s: int = 300
    silence_s: int = 900
    """So long without a word, while the market is open, or longer."""
    price_move: Decimal = Decimal("0.05")
    """From one minute's close to the next, this or more, up or down."""
    volume_times: Decimal = Decimal(10)
    """So many times the mean of the `volume_bars` before, or more."""
    volume_bars: int = 60
    funding: Decimal = Decimal("0.001")
    """For one interval, more than this, up or down."""
    book_share: Decimal = Decimal("0.70")
    """This share of bids or more, or of asks."""
    book_levels: int = 10
    book_hold_s: int = 10
    """It must hold so long: at a single moment books lean all the time."""
    daily_loss: Decimal = Decimal("0.10")
    """This fraction of the day's first equity, or more."""


class Hit(msgspec.Struct, frozen=True, order=True):
    """One time at which a limit was passed."""

    time: int
    symbol: str
    value: Decimal
    """What was compared with the limit."""
    begin: int = 0
    """When that which was measured began, Unix ns."""
    id: str = ""
    """Evidence of its last record."""
    text: str = ""
    """That record's own attributes, as logfmt."""
    count: int = 1
    """Records that were measured."""


def exact(number: float) -> Decimal:
    """Return a float as the decimal it was written as."""
    return Decimal(repr(number))


def trade_bursts(fills: Sequence[Fill], limits: Limits) -> list[Hit]:
    """Return each trade that was one too many: with those of the window before it, `trades` or more.

    A trade is an order's first fill; the window reaches back less than `trades_window_s`.
    """
    first: dict[str, Fill] = {}
    for fill in fills:
        first.setdefault(fill.order, fill)
    trades = list(first.values())
    hits, start = [], 0
    for index, fill in enumerate(trades):
        while fill.time - trades[start].time >= limits.trades_window_s * SECOND_NS:
            start += 1
        count = index - start + 1
        if count >= limits.trades:
            text = f"order.id={fill.order} symbol={fill.symbol}"
            hits.append(Hit(fill.time, fill.symbol, Decimal(count), trades[start].time, fill.id, text, count))
    return hits


def losing_streaks(trades: Sequence[Trade], limits: Limits) -> list[Hit]:
    """Return each closed trade after which `losses` or more of the last `losses_of` were losses.

    A result of exactly 0 is no loss; fewer trades give no verdict. A trade told twice counts once.
    """
    first: dict[str, Trade] = {}
    for trade in trades:
        first.setdefault(trade.trade, trade)
    closed = list(first.values())
    hits = []
    for end in range(limits.losses_of, len(closed) + 1):
        window = closed[end - limits.losses_of : end]
        lost = sum(Decimal(trade.pnl) < 0 for trade in window)
        if lost >= limits.losses:
            last = window[-1]
            text = f"trade.id={last.trade} pnl.net={last.pnl} currency={last.currency}"
            hits.append(
                Hit(last.time, last.symbol, Decimal(lost), window[0].time, last.id, text, len(window))
            )
    return hits


def slippages(fills: Sequence[Fill], limits: Limits) -> list[Hit]:
    """Return each fill that was worse than its reference by more than `slippage`."""
    return [
        Hit(
            fill.time,
            fill.symbol,
            Decimal(fill.slippage),
            fill.time,
            fill.id,
            f"order.id={fill.order} slippage.ratio={fill.slippage}",
        )
        for fill in fills
        if fill.slippage and Decimal(fill.slippage) > limits.slippage
    ]


def error_rates(seconds: Mapping[int, Answers], limits: Limits) -> list[Hit]:
    """Return each failure after which `api_error_rate` or more of the window's requests had failed.

    Windows with fewer than `api_requests` give no verdict. Requests count by the second in which they ended.
    """
    hits: list[Hit] = []
    window, bad = deque[int](), deque[int]()
    total = failed = 0
    for second, answers in sorted(seconds.items()):
        window.append(second)
        if answers.failed:
            bad.append(second)
        total, failed = total + answers.total, failed + answers.failed
        while second - window[0] >= limits.api_window_s:
            gone = seconds[window.popleft()]
            total, failed = total - gone.total, failed - gone.failed
        while bad and bad[0] < window[0]:
            bad.popleft()
        if failed and total >= limits.api_requests and failed >= limits.api_error_rate * total:
            # A good answer may be what tells, but the trouble lies between the first and the last failure.
            hit = Hit(
                bad[-1] * SECOND_NS,
                "",
                Decimal(failed) / total,
                bad[0] * SECOND_NS,
                seconds[bad[-1]].id,
                f"failed={failed} requests={total}",
                total,
            )
            if not hits or hit.time > hits[-1].time:
                hits.append(hit)
    return hits


def price_moves(bars: Iterable[Bar], limits: Limits) -> list[Hit]:
    """Return each bar whose close is `price_move` or more away from the close one minute before."""
    hits = []
    for symbol, _, group in _by_symbol(bars):
        for before, bar in pairwise(group):
            if bar.time - before.time != MINUTE_NS or bar.interval not in MINUTE_WORDS:
                continue
            # Floats decide the clear cases, the written decimals the close ones.
            if abs(bar.close / before.close - 1) < float(limits.price_move) * 0.999:
                continue
            move = exact(bar.close) / exact(before.close) - 1
            if abs(exact(bar.close) - exact(before.close)) >= limits.price_move * exact(before.close):
                text = f"symbol={symbol} close={bar.close:g} close.before={before.close:g}"
                hits.append(Hit(bar.time, symbol, move, before.seen, bar.id, text, 2))
    return sorted(hits)


def volume_spikes(bars: Iterable[Bar], limits: Limits) -> list[Hit]:
    """Return each bar with `volume_times` or more of the mean volume of the `volume_bars` before it.

    The bar itself is no part of the mean; without that many bars, or with no volume in them, no verdict.
    """
    hits, size = [], limits.volume_bars
    for symbol, _, group in _by_symbol(bar for bar in bars if bar.volume >= 0):
        known = sum(bar.volume for bar in group[:size])
        for index in range(size, len(group)):
            bar = group[index]
            if known > 0 and bar.volume * size >= float(limits.volume_times) * known * 0.999:
                before = sum((exact(one.volume) for one in group[index - size : index]), Decimal(0))
                if before > 0 and exact(bar.volume) * size >= limits.volume_times * before:
                    times = exact(bar.volume) * size / before
                    text = f"symbol={symbol} volume={bar.volume:g} mean.before={float(before) / size:.6g}"
                    hits.append(Hit(bar.time, symbol, times, bar.seen, bar.id, text, size))
            known += bar.volume - group[index - size].volume
    return sorted(hits)


def funding_extremes(rates: Iterable[Funding], limits: Limits) -> list[Hit]:
    """Return each funding rate beyond ± `funding`."""
    return [
        Hit(
            row.time,
            row.symbol,
            Decimal(row.rate),
            row.time,
            row.id,
            f"symbol={row.symbol} funding.rate={row.rate}",
        )
        for row in rates
        if abs(Decimal(row.rate)) > limits.funding
    ]


def book_holds(shares: Iterable[BookShare], limits: Limits) -> list[Hit]:
    """Return each look at a book that has leaned to one side for `book_hold_s` or longer.

    Bids are `book_share` or more of `book_levels` levels, or asks are. Looks that counted another number of
    levels give no verdict.
    """
    hits = []
    rows = sorted((row.symbol, row) for row in shares if row.levels in (0, limits.book_levels))
    for symbol, group in groupby(rows, key=lambda item: item[0]):
        side, begin, last, count = 0, 0, 0, 0
        for _, row in group:
            share = exact(row.bid_share)
            now = 1 if share >= limits.book_share else -1 if share <= 1 - limits.book_share else 0
            if now != side or row.time - last > MAX_LOOK_GAP_NS:
                side, begin, count = now, row.time, 0
            last, count = row.time, count + 1
            if side and row.time - begin >= limits.book_hold_s * SECOND_NS:
                text = f"symbol={symbol} bid_share={row.bid_share:g}"
                hits.append(Hit(row.time, symbol, share, begin, row.id, text, count))
    return sorted(hits)


def daily_losses(hours: Mapping[int, Equity], limits: Limits, zone: str = "UTC") -> list[Hit]:
    """Return each day, in the market's zone, on which `daily_loss` or more of the first equity was lost.

    The loss as the bot tells it (`pnl.day` or `equity` against `equity.day_start`) goes before what the day's
    own records give.
    """
    place, days = ZoneInfo(zone), dict[str, list[Equity]]()
    for hour, equity in sorted(hours.items()):
        day = datetime.fromtimestamp(hour * HOUR_NS // SECOND_NS, place).date().isoformat()
        days.setdefault(day, []).append(equity)
    hits = []
    for parts in days.values():
        loss, time, shown = max(part.worst for part in parts)
        first, least = parts[0].first, min(part.least for part in parts)
        if loss <= 0 and first[1] > 0:
            loss, time, shown = (
                float((exact(first[1]) - exact(least[0])) / exact(first[1])),
                least[1],
                least[2],
            )
        if exact(loss) >= limits.daily_loss:
            text = f"equity={least[0]:.10g} currency={parts[0].currency}"
            hits.append(Hit(time, "", exact(loss), first[0], shown, text, len(parts)))
    return hits


def _by_symbol(bars: Iterable[Bar]) -> Iterable[tuple[str, str, list[Bar]]]:
    """The bars of each symbol and interval in order of time, the fullest record of each bar only."""
    found: dict[tuple[str, str], dict[int, Bar]] = {}
    for bar in bars:
        found.setdefault((bar.symbol, bar.interval), {})[bar.time] = bar
    for (symbol, interval), group in sorted(found.items()):
        yield symbol, interval, [bar for _, bar in sorted(group.items())]

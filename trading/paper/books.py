"""A bot's own books: what it counts and sums itself, whoever listens to its records or not.

Amounts are exact, in the bot's currency; only `told` rounds. `run --books FILE` writes what
`told` says of each bot, so that a listener's figures can be held against it.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

from trading.bars import SECOND_NS
from trading.paper.broker import Order, Status
from trading.positions import Fill, Position, Trade

__all__ = ["SCHEMA", "BookedTrade", "Books", "Holding", "together", "told"]

SCHEMA = "trading.books/1"
CENT = Decimal("0.01")
ZERO = Decimal(0)


@dataclass(frozen=True, slots=True)
class BookedTrade:
    """A closed trade and what names it."""

    trade_id: str
    symbol: str
    reason: str
    trade: Trade


@dataclass(frozen=True, slots=True)
class Holding:
    """A position as it stands, and its value."""

    symbol: str
    position: Position
    price: Decimal
    """The last close."""
    has_stop: bool


@dataclass
class Books:
    """The books of one bot."""

    bot_id: str
    strategy: str
    currency: str
    cash: Decimal
    signals: int = 0
    filtered: Counter[str] = field(default_factory=Counter)
    """Gate → signals it stopped."""
    decisions: int = 0
    acted: int = 0
    """Decisions that asked for an order."""
    orders: dict[str, Order] = field(default_factory=dict)
    """Every order by its id, as it stands; one that was refused and sent again is one order."""
    moves: Counter[tuple[bool, Status, str]] = field(default_factory=Counter)
    """(is it a stop, where it came to, why) → how often, retries counted."""
    fees: Decimal = ZERO
    trades: list[BookedTrade] = field(default_factory=list)
    llm_calls: int = 0
    llm_cost: Decimal = ZERO
    llm_currency: str = "USD"

    def note(self, order: Order, reason: str = "") -> None:
        """Enter an order as it now stands; `reason` says why it was denied or rejected."""
        self.orders[order.order_id] = order
        self.moves[order.is_stop, order.status, reason] += 1

    def pay(self, fill: Fill) -> None:
        """Enter a fill: what it cost or brought, and its fee."""
        self.fees += fill.fee
        self.cash -= fill.signed * fill.price + fill.fee


def told(
    books: Books, holdings: Iterable[Holding], *, day_start: Decimal, start_ns: int, end_ns: int
) -> dict[str, Any]:
    """Return the books of a run of one bot as they are written; `together` joins several.

    A bot's amounts are text with two decimals. `totals` are exact, because cents that were rounded bot by bot
    would not add up.

    Args:
        books: The books.
        holdings: What is held.
        day_start: Equity when the run began.
        start_ns: When the run began, Unix ns.
        end_ns: When it ended.
    """
    held = list(holdings)
    equity = books.cash + sum((one.position.quantity * one.price for one in held), ZERO)
    sums = {
        books.currency: {
            "equity": equity,
            "pnl_day": equity - day_start,
            "pnl_closed": sum((one.trade.pnl_net for one in books.trades), ZERO),
            "fees": books.fees,
        }
    }
    if books.llm_calls:
        sums.setdefault(books.llm_currency, {})["llm_cost"] = books.llm_cost
    return {
        "schema": SCHEMA,
        "start": _time(start_ns),
        "end": _time(end_ns),
        "totals": {
            currency: {name: _plain(round(amount, 8)) for name, amount in mine.items()}
            for currency, mine in sums.items()
        },
        "bots": [_bot(books, held, equity, day_start)],
    }


def together(runs: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """Return the books of several bots as one: what `told` says of each, at least one."""
    sums: defaultdict[str, defaultdict[str, Decimal]] = defaultdict(lambda: defaultdict(Decimal))
    for run in runs:
        for currency, amounts in run["totals"].items():
            for name, amount in amounts.items():
                sums[currency][name] += Decimal(amount)
    return {
        "schema": SCHEMA,
        "start": min(run["start"] for run in runs),
        "end": max(run["end"] for run in runs),
        "totals": {
            currency: {name: _plain(amount) for name, amount in mine.items()}
            for currency, mine in sorted(sums.items())
        },
        "bots": sorted((bot for run in runs for bot in run["bots"]), key=lambda bot: str(bot["bot"])),
    }


def _bot(books: Books, held: Sequence[Holding], equity: Decimal, day_start: Decimal) -> dict[str, Any]:
    return {
        "bot": books.bot_id,
        "strategy": books.strategy,
        "currency": books.currency,
        "equity": _cents(equity),
        "day_start": _cents(day_start),
        "pnl_day": _cents(equity - day_start),
        "cash": _cents(books.cash),
        "fees": _cents(books.fees),
        "signals": {"generated": books.signals, "filtered": dict(sorted(books.filtered.items()))},
        "decisions": {"made": books.decisions, "acted": books.acted},
        "orders": _orders(books, stops=False),
        "stops": _orders(books, stops=True),
        "results": _results(books.trades),
        "trades": [_trade(one) for one in books.trades],
        "positions": [_holding(one) for one in held if one.position.quantity],
        "llm": {
            "calls": books.llm_calls,
            "cost": _cents(books.llm_cost),
            "currency": books.llm_currency,
        },
    }


def _orders(books: Books, *, stops: bool) -> dict[str, Any]:
    """Return what became of the orders that decisions led to, or of the stops."""

    def counted(*statuses: Status) -> Counter[str]:
        found: Counter[str] = Counter()
        for (is_stop, status, reason), count in books.moves.items():
            if is_stop == stops and status in statuses:
                found[reason] += count
        return found

    return {
        "submitted": counted(Status.SUBMITTED).total(),
        "fills": counted(Status.PARTIALLY_FILLED, Status.FILLED).total(),
        "denied": dict(sorted(counted(Status.DENIED).items())),
        "rejected": dict(sorted(counted(Status.REJECTED).items())),
        "ended": _outcomes(order for order in books.orders.values() if order.is_stop == stops),
    }


def _outcomes(orders: Iterable[Order]) -> dict[str, int]:
    return dict(sorted(Counter("open" if order.is_open else str(order.status) for order in orders).items()))


def _results(trades: list[BookedTrade]) -> dict[str, Any]:
    results = [one.trade.pnl_net for one in trades]
    return {
        "closed": len(results),
        "won": sum(result > 0 for result in results),
        "lost": sum(result < 0 for result in results),
        "net": _cents(sum(results, ZERO)),
        "fees": _cents(sum((one.trade.fees for one in trades), ZERO)),
    }


def _trade(one: BookedTrade) -> dict[str, Any]:
    trade = one.trade
    return {
        "id": one.trade_id,
        "symbol": one.symbol,
        "quantity": _plain(trade.quantity),
        "entry_price": _cents(trade.entry_price),
        "exit_price": _cents(trade.exit_price),
        "entry_time": _time(trade.entry_time),
        "exit_time": _time(trade.exit_time),
        "net": _cents(trade.pnl_net),
        "fees": _cents(trade.fees),
        "reason": one.reason,
    }


def _holding(one: Holding) -> dict[str, Any]:
    position = one.position
    return {
        "symbol": one.symbol,
        "side": position.side,
        "quantity": _plain(position.quantity),
        "average_price": _cents(position.average_price),
        "price": _cents(one.price),
        "value": _cents(position.quantity * one.price),
        "unrealized": _cents(position.unrealized(one.price)),
        "realized": _cents(position.realized),
        "stop": one.has_stop,
    }


def _cents(amount: Decimal) -> str:
    return str(amount.quantize(CENT))


def _plain(quantity: Decimal) -> str:
    return f"{quantity.normalize():f}"


def _time(when_ns: int) -> str:
    return datetime.fromtimestamp(when_ns // SECOND_NS, UTC).isoformat().replace("+00:00", "Z")

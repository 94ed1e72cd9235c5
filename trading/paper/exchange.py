"""A paper exchange: it keeps a book for one account, takes a fee, slips, fills in parts and refuses.

It speaks and fails like a real one's REST interface, seen through a client library: each request is an
`api.requested` event, each failure an exception with its cause. It never opens a connection.
"""

from __future__ import annotations

import hashlib
import hmac
import logging
import random
import string
import urllib.error
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from email.message import Message
from typing import NoReturn, Protocol

from trading.logs import BotLog, Value
from trading.paper.clock import Clock
from trading.paper.faults import FaultPlan
from trading.positions import Fill, Side

__all__ = ["BINANCE", "COINBASE", "ExchangeError", "ExchangeNotAvailable", "InsufficientFunds"]
__all__ += ["InvalidOrder", "PaperExchange", "Prices", "RequestTimeout", "Venue", "Wanted"]


class ExchangeError(Exception):
    """A request that failed; `error_type` is the vocabulary's word for why."""

    error_type = "server"
    code: str | None = None
    """What the exchange itself calls the failure."""


class RequestTimeout(ExchangeError):  # noqa: N818 - these are the words client libraries use
    """No answer in time. What was asked may have been done or not."""

    error_type = "timeout"


class ExchangeNotAvailable(ExchangeError):  # noqa: N818
    """The exchange says that it cannot answer now."""

    code = "503"


class InvalidOrder(ExchangeError):  # noqa: N818
    """The exchange has read the order and does not take it."""

    error_type = "invalid"
    code = "-1013"


class InsufficientFunds(InvalidOrder):
    """The account cannot pay for the order."""

    code = "-2010"


@dataclass(frozen=True, slots=True)
class Venue:
    """What differs between exchanges."""

    exchange_id: str
    host: str
    depth: str
    account: str
    orders: str
    open_orders: str
    key_header: str
    fee: Decimal = Decimal("0.001")
    """Fraction of each fill's value."""
    tick: Decimal = Decimal("0.01")
    min_notional: Decimal = Decimal(10)
    lot: Decimal = Decimal("0.001")
    """The smallest part of a coin that is traded; quantities are multiples of it."""


BINANCE = Venue(
    exchange_id="binance",
    host="https://api.binance.com",
    depth="/api/v3/depth",
    account="/api/v3/account",
    orders="/api/v3/order",
    open_orders="/api/v3/openOrders",
    key_header="X-MBX-APIKEY",
)
COINBASE = Venue(
    exchange_id="coinbase",
    host="https://api.coinbase.com",
    depth="/v3/brokerage/product_book",
    account="/v3/brokerage/accounts",
    orders="/v3/brokerage/orders",
    open_orders="/v3/brokerage/orders/historical/batch",
    key_header="CB-ACCESS-KEY",
)


class Wanted(Protocol):
    """What the exchange needs to know of an order."""

    @property
    def order_id(self) -> str: ...
    @property
    def side(self) -> Side: ...
    @property
    def type(self) -> str: ...
    @property
    def remaining(self) -> Decimal: ...
    @property
    def price(self) -> Decimal | None: ...


class Prices(Protocol):
    """What the exchange needs to know of the market."""

    def price(self) -> Decimal: ...
    def volume(self) -> Decimal: ...


@dataclass
class PaperExchange:
    """One account at one exchange."""

    venue: Venue
    clock: Clock
    log: BotLog
    bot_id: str
    faults: FaultPlan = field(default_factory=FaultPlan)
    rng: random.Random = field(default_factory=lambda: random.Random(0))
    slippage: Decimal = Decimal("0.0003")
    """How much worse than the price a market order is filled, a fraction."""
    participation: Decimal = Decimal("0.1")
    """The most that one fill takes of what is traded within the minute, a fraction."""
    on_answer: Callable[[bool], None] | None = None
    """Hears of each request whether it failed."""

    def __post_init__(self) -> None:
        letters = string.ascii_letters + string.digits
        # A key of this run alone, so that nothing secret stands in the source.
        self._key = "".join(self.rng.choices(letters, k=64))
        self._secret = "".join(self.rng.choices(letters, k=64)).encode()
        self._ids = 8800
        self._fills = 0

    def request(self, method: str, route: str, *, retry: int = 0, is_background: bool = False) -> None:
        """Make one signed request.

        Args:
            method: The HTTP method.
            route: The path at the exchange.
            retry: How often this was asked before; the last retry is 2.
            is_background: Whether the bot goes on meanwhile; else it waits for the answer.

        Raises:
            RequestTimeout: If no answer comes.
            ExchangeNotAvailable: If the exchange answers 503.
        """
        failure = self.faults.outage(self.venue.exchange_id, self.clock.elapsed, self.rng)
        seconds = 10.0 if failure == "timeout" else 0.05 + self.rng.random() * 0.06
        url = self._signed_url(route)
        if not is_background:
            self.clock.wait(seconds)
        about: dict[str, Value] = {
            "exchange.id": self.venue.exchange_id,
            "http.route": route,
            "duration_ms": round(seconds * 1000),
            "retry.count": retry,
        }
        if failure is None:
            self.log.event("api.requested", {**about, "http.response.status_code": 200}, "%s 200", route)
            self._heard(failed=False)
            return
        status = 503 if failure == "server" else None
        word = "503" if status else "timeout"
        self.log.event(
            "api.requested",
            {**about, "http.response.status_code": status, "error.type": failure},
            "%s %s", route, word, level=logging.WARNING,
        )  # fmt: skip
        self._heard(failed=True)
        if self.bot_id in self.faults.verbose_requests and route == self.venue.account and retry == 2:
            # What a client library prints when its debug switch was left on.
            headers = {self.venue.key_header: self._key, "User-Agent": "paper/0.1"}
            self.log.line(
                "exchange",
                logging.ERROR,
                "request failed: %s %s headers=%s -> %s",
                method,
                url,
                headers,
                word,
            )
        self._raise(method, route, status)

    def submit(
        self, order: Wanted, market: Prices, *, cash: Decimal, held: Decimal
    ) -> tuple[str, list[Fill]]:
        """Place an order; return the exchange's id for it and what was filled at once.

        A stop and a sale may count on the same coins, as with reduce-only orders: neither binds them.

        Args:
            order: What is wanted.
            market: Where its symbol is traded.
            cash: Free money in the account.
            held: Units of the asset in the account.

        Raises:
            InvalidOrder: If the exchange does not take it.
            ExchangeError: If it cannot be reached.
        """
        self.request("POST", self.venue.orders)
        price = order.price or market.price()
        if order.remaining <= 0 or order.remaining % self.venue.lot:
            raise self._refused(InvalidOrder, "Filter failure: LOT_SIZE")
        if order.remaining * price < self.venue.min_notional:
            raise self._refused(InvalidOrder, "Filter failure: NOTIONAL")
        costs = order.remaining * price * (1 + self.venue.fee)
        if (costs > cash) if order.side == "buy" else (order.remaining > held):
            words = "Account has insufficient balance for requested action."
            raise self._refused(InsufficientFunds, words)
        self._ids += 1
        return str(self._ids), self._matched(order, market)

    def cancel(self, order: Wanted) -> None:
        """Take an order out of the book."""
        self.request("DELETE", self.venue.orders)

    def match(self, orders: Sequence[Wanted], market: Prices, held: Decimal) -> list[Fill]:
        """Return what the minute under way fills of resting orders; nothing while the exchange is down.

        Args:
            orders: What rests for one symbol, oldest first.
            market: Where that symbol is traded.
            held: Units of the asset in the account: no coin is sold twice.
        """
        fills: list[Fill] = []
        if self.is_down():
            return fills
        for order in orders:
            found = self._matched(order, market, most=held if order.side == "sell" else None)
            held += sum((fill.signed for fill in found), Decimal(0))
            fills += found
        return fills

    def is_down(self) -> bool:
        """Whether it answers nobody now."""
        return self.faults.outage(self.venue.exchange_id, self.clock.elapsed, random.Random(0)) is not None

    def _heard(self, *, failed: bool) -> None:
        if self.on_answer is not None:
            self.on_answer(failed)

    def _refused(self, kind: type[InvalidOrder], words: str) -> InvalidOrder:
        return kind(f"{self.venue.exchange_id} {{'code': {kind.code}, 'msg': '{words}'}}")

    def _matched(self, order: Wanted, market: Prices, most: Decimal | None = None) -> list[Fill]:
        price = market.price()
        worse = price * (1 + self.slippage if order.side == "buy" else 1 - self.slippage)
        if order.type != "market":
            assert order.price is not None
            is_reached = _is_reached(order.type, order.side, price, order.price)
            if not is_reached:
                return []
            worse = order.price if order.type == "limit" else worse
        traded = (market.volume() * self.participation) // self.venue.lot * self.venue.lot
        quantity = min(order.remaining, traded, *([] if most is None else [most]))
        if quantity <= 0:
            return []
        paid = worse.quantize(self.venue.tick)
        fee = (paid * quantity * self.venue.fee).quantize(Decimal("0.0001"))
        self._fills += 1
        fill_id = f"{order.order_id}-f{self._fills}"
        return [Fill(fill_id, order.order_id, order.side, quantity, paid, fee, self.clock.now_ns)]

    def _signed_url(self, route: str) -> str:
        query = f"timestamp={self.clock.now_ns // 1_000_000}&recvWindow=5000"
        signature = hmac.new(self._secret, query.encode(), hashlib.sha256).hexdigest()
        return f"{self.venue.host}{route}?{query}&signature={signature}"

    def _raise(self, method: str, route: str, status: int | None) -> NoReturn:
        where = f"{self.venue.exchange_id} {method} {self.venue.host}{route}"
        try:
            _answer(self.venue.host + route, status)
        except TimeoutError as error:
            raise RequestTimeout(f"{where} timed out after 10 s") from error
        except urllib.error.HTTPError as error:
            raise ExchangeNotAvailable(f"{where} 503 Service Unavailable") from error


def _answer(url: str, status: int | None) -> NoReturn:
    if status is None:
        raise TimeoutError("The read operation timed out")
    raise urllib.error.HTTPError(url, status, "Service Unavailable", Message(), None)


_BETTER: dict[tuple[str, str], Callable[[Decimal, Decimal], bool]] = {
    ("limit", "buy"): lambda price, wanted: price <= wanted,
    ("limit", "sell"): lambda price, wanted: price >= wanted,
    ("stop_market", "buy"): lambda price, wanted: price >= wanted,
    ("stop_market", "sell"): lambda price, wanted: price <= wanted,
}


def _is_reached(order_type: str, side: Side, price: Decimal, wanted: Decimal) -> bool:
    return _BETTER[order_type, side](price, wanted)

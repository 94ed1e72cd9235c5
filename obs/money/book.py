"""The book: what was traded, called and credited, of all bots. A part of `State` and a monoid like it.

It knows no clock, no time zone and no rates: `obs.money.metrics` makes days and figures of it.
"""

from __future__ import annotations

from bisect import insort
from collections.abc import Callable, Mapping
from decimal import Decimal
from typing import TYPE_CHECKING

import msgspec

from obs.events import Event
from obs.money.accounts import Account
from obs.money.amounts import Rate
from obs.money.decisions import awarded, decision_of, signal_of
from obs.money.entries import LlmCall, credit_of, decimal, mode_of, name, trade_of
from obs.money.quarters import Results, joined

if TYPE_CHECKING:
    from obs.exhibits import Quote

__all__ = ["Compared", "MoneyBook"]

MAX_ACCOUNTS = 500
"""Bots told apart; the least names stay, the events of others are counted."""
MAX_RATES = 64
"""Rates of each pair that are kept, the newest."""
MAX_PAIRS = 64
MAX_COMPARED = 500


class Compared(msgspec.Struct):
    """Calls of one model whose cost is known both from a price table and from the bot."""

    calls: int = 0
    computed: Decimal = Decimal(0)
    reported: Decimal = Decimal(0)
    first: int = 0
    last: tuple[int, str] = (0, "")
    """Time and id of the newest."""
    price: str = ""
    quote: tuple[str, int, str, str, str] | None = None

    def merge(self, other: Compared) -> None:
        """Add the other's calls."""
        self.calls += other.calls
        self.computed += other.computed
        self.reported += other.reported
        self.first = min(self.first, other.first) if self.first and other.first else self.first or other.first
        if other.last >= self.last:
            self.last, self.price, self.quote = other.last, other.price, other.quote


class MoneyBook(msgspec.Struct):
    """The money facts of all bots over 31 days."""

    accounts: dict[str, Account] = {}
    events: int = 0
    """How many were folded: while it stays, nothing else changes."""
    last: int = 0
    """Unix ns of the newest event."""
    overflow: int = 0
    """Events of bots that were too many to be told apart."""
    rates: dict[str, list[Rate]] = {}
    """Pair -> what bots told of it, the newest, in order of time."""
    compared: dict[str, Compared] = {}
    """Service, agent, model and currency -> costs that are known twice."""

    def add(
        self, event: Event, service: str, call: LlmCall | None = None, quote: Quote | None = None
    ) -> None:
        """Fold one event that speaks the vocabulary.

        Args:
            event: The event; one of `run.mode=backtest` is no money.
            service: The bot.
            call: What `llm_call_of` makes of it, with its cost.
            quote: How the event is quoted.
        """
        values = event.attributes
        mode = mode_of(values)
        if mode == "backtest" and not values.get("run.whole"):
            return
        writer = _WRITERS.get(event.event_name)
        if writer is None and not mode and call is None:
            return
        self.events += 1
        self.last = max(self.last, event.time)
        account = self._account(service)
        if account is None:
            return
        if mode:
            account.said_mode(event, mode)
        if writer is not None and mode != "backtest":
            writer(self, account, event, service)
        if call is not None:
            account.call(call)
            self._compare(call, quote)

    def merge(self, other: MoneyBook) -> None:
        """Add all that `other` has seen; their events must be disjoint."""
        for service, theirs in other.accounts.items():
            mine = self.accounts.get(service)
            if mine is None:
                mine = self.accounts[service] = Account()
            mine.merge(theirs)
        self.events += other.events
        self.last = max(self.last, other.last)
        self.overflow += other.overflow
        while len(self.accounts) > MAX_ACCOUNTS:
            del self.accounts[max(self.accounts)]
            self.overflow += 1
        for pair, rates in other.rates.items():
            self.rates[pair] = sorted({*self.rates.get(pair, ()), *rates})[-MAX_RATES:]
        for key, compared in other.compared.items():
            self.compared.setdefault(key, Compared()).merge(compared)
        self._bound()

    def rate(self, event: Event, base: str, quote: str, rate: Decimal | None) -> None:
        """Remember what a bot tells of an exchange rate: one `base` is so many `quote`."""
        if rate is None or rate <= 0 or not base or not quote or base == quote or quote == "?":
            return
        known = self.rates.setdefault(f"{base}/{quote}", [])
        told = Rate(event.time, f"{base}/{quote}", rate, "event")
        if told not in known:
            insort(known, told)
            del known[:-MAX_RATES]
        self._bound()

    @property
    def is_empty(self) -> bool:
        """Whether nobody said anything of trades, models or credits."""
        return not any(
            account.rows or account.quarters or account.fills or account.credits or account.older
            for account in self.accounts.values()
        )

    def results(self, service: str) -> dict[str, Results]:
        """Return all results of one bot by currency, however old and of whatever mode."""
        account = self.accounts.get(service)
        return account.results() if account is not None else {}

    def _account(self, service: str) -> Account | None:
        account = self.accounts.get(service)
        if account is None:
            account = self.accounts[service] = Account()
            if len(self.accounts) > MAX_ACCOUNTS:
                last = max(self.accounts)
                del self.accounts[last]
                self.overflow += 1
                return None if last == service else account
        return account

    def _compare(self, call: LlmCall, quote: Quote | None) -> None:
        if call.basis not in ("table", "override") or call.reported is None or call.cost is None:
            return
        if call.reported_currency != call.currency:
            return
        seen = (quote.id, quote.time, quote.severity, quote.source, quote.text) if quote is not None else None
        key = joined(call.service, call.agent, call.model, call.currency)
        self.compared.setdefault(key, Compared()).merge(
            Compared(1, call.cost, call.reported, call.time, (call.time, call.uid), call.price, seen)
        )
        self._bound()

    def _bound(self) -> None:
        for known, most in ((self.rates, MAX_PAIRS), (self.compared, MAX_COMPARED)):
            while len(known) > most:
                del known[max(known)]


def _trade(book: MoneyBook, account: Account, event: Event, service: str) -> None:
    entry = trade_of(event, service)
    if entry is not None:
        account.trade(entry)
    if event.event_name != "trade.closed":
        account.mark(event, event.attributes)


def _mark(book: MoneyBook, account: Account, event: Event, service: str) -> None:
    account.mark(event, event.attributes)


def _fill(book: MoneyBook, account: Account, event: Event, service: str) -> None:
    account.fill(event, event.attributes)
    account.order(event, event.attributes)


def _order(book: MoneyBook, account: Account, event: Event, service: str) -> None:
    account.order(event, event.attributes)


def _equity(book: MoneyBook, account: Account, event: Event, service: str) -> None:
    account.worth(event, event.attributes)


def _signal(book: MoneyBook, account: Account, event: Event, service: str) -> None:
    if (found := signal_of(event)) is not None:
        account.signal(*found)


def _decision(book: MoneyBook, account: Account, event: Event, service: str) -> None:
    if (found := decision_of(event)) is not None:
        account.decide(*found)


def _credit(book: MoneyBook, account: Account, event: Event, service: str) -> None:
    credit = credit_of(event, service)
    if credit is None:
        return
    account.award(joined(credit.trade or credit.uid, credit.agent), awarded(credit))
    book.rate(event, credit.llm_currency, credit.currency, credit.fx_rate)


def _rate(book: MoneyBook, account: Account, event: Event, service: str) -> None:
    values = event.attributes
    base, _, quote = name(values, "fx.pair").partition("/")
    book.rate(event, base, quote, decimal(values.get("fx.rate")))


_WRITERS: Mapping[str, Callable[[MoneyBook, Account, Event, str], None]] = {
    **dict.fromkeys(("position.opened", "position.closed", "trade.closed"), _trade),
    "position.changed": _mark,
    "order.submitted": _order,
    "order.filled": _fill,
    "equity.measured": _equity,
    "signal.generated": _signal,
    "decision.made": _decision,
    "attribution.computed": _credit,
    "fx.measured": _rate,
}

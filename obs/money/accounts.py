"""One bot's money facts, bounded: the newest trades one by one, older ones and all model calls as sums.

Everything merges: rows are sets of which the newest stay, sums add up. A trade whose two ends were folded
apart is put together when they meet; only one that has left the list (of `MAX_ROWS` statements) before its
other end came is counted by each end it has.
"""

from __future__ import annotations

from bisect import insort
from collections.abc import Callable, Container, Mapping
from decimal import Decimal
from typing import Any, TypeVar

import msgspec

from obs.events import Event
from obs.money.crediting import Crediting
from obs.money.decisions import Awarded, Decided, Signalled
from obs.money.entries import MAX_NAME, LlmCall, TradeEntry, decimal, mode_of, uid_of
from obs.money.quarters import DAY_QUARTERS, QUARTER_NS, Credited, Quarter, Results, joined, split
from obs.money.trips import Told, Trip, told, walked, with_bare_closes

__all__ = ["KEPT_QUARTERS", "MAX_ROWS", "Account", "Equity", "Unrealized"]

KEPT_QUARTERS = 31 * 96
"""31 days: 30 days of any time zone are whole."""
MAX_ROWS = 1_200
"""Statements about trades that are kept one by one."""
SLACK = 200
"""So many more may gather before the oldest trades become sums."""
MAX_DECISIONS = 2_000
MAX_SIGNALS = 6_000
MAX_CREDITS = 4_000
MAX_MODES = 64
MAX_FILLS = 2_000
"""Orders whose first fill is remembered, so that a second one is no other trade."""
MAX_ORDERED = 16
"""Orders of one position whose decision is remembered, the newest."""
ORDER_NS = 3_600 * 1_000_000_000
"""An order that was sent or filled longer before an entry was another's."""
MAX_MARKS = 500
MAX_WORTH = 16


class Equity(msgspec.Struct, frozen=True, array_like=True):
    """What an account was worth."""

    time: int
    uid: str
    amount: Decimal
    currency: str


class Unrealized(msgspec.Struct, frozen=True, array_like=True):
    """What an open position would bring."""

    time: int
    uid: str
    amount: Decimal
    currency: str


class Filled(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """The first fill of an order."""

    time: int
    uid: str
    mode: str


class Account(msgspec.Struct):
    """What one bot earned and spent."""

    rows: dict[str, list[Told]] = {}
    """Position's id -> what was said of its trades, in order."""
    count: int = 0
    """Statements in `rows`."""
    quarters: dict[int, Quarter] = {}
    """Quarter hour since 1970 -> sums."""
    newest: int = 0
    """The newest quarter."""
    older: int = 0
    """Trades and calls that are older than all quarters: only counted."""
    totals: dict[str, Results] = {}
    """Mode and currency -> all results that left `rows`, however old."""
    modes: list[tuple[int, str, str]] = []
    """Time, id and mode of its starts and state changes, the newest."""
    mode: tuple[int, str, str] = (0, "", "")
    """The same of whatever event told a mode last."""
    tells_trades: bool = False
    """Whether the bot says any word of positions or trades."""
    fills: dict[str, Filled] = {}
    """Of a bot that does not: order -> its first fill. Each such order counts as a trade without a result."""
    decisions: dict[str, Decided] = {}
    signals: dict[str, Signalled] = {}
    ordered: dict[str, list[tuple[int, str]]] = {}
    """Position, or symbol of orders that name none -> time and decision of its orders, in order of time."""
    credits: dict[str, Awarded] = {}
    """Trade and agent -> what the bot itself credits."""
    credits_until: int = 0
    """Time of the newest credit that was forgotten: trades up to it are not credited anew."""
    unrealized: dict[str, Unrealized] = {}
    equity: dict[str, Equity] = {}
    """Account id and currency -> what it was worth last."""

    def trade(self, entry: TradeEntry) -> None:
        """Take in what an event says of a trade."""
        if not self.tells_trades:
            self._tell_trades()
        row = told(entry)
        rows = self.rows.setdefault(entry.position, [])
        if rows and row.order <= rows[-1].order:
            if row in rows:
                return
            insort(rows, row, key=lambda one: one.order)
        else:
            rows.append(row)
        self.count += 1
        if self.count > MAX_ROWS + SLACK:
            self._settle()

    def fill(self, event: Event, values: Mapping[str, Any]) -> None:
        """Take in the fill of an order."""
        if self.tells_trades or values.get("reconciliation") is True:
            return
        said = Filled(event.time, uid_of(event), mode_of(values))
        key = str(values.get("order.id") or said.uid)[:MAX_NAME]
        self.fills[key] = min(self.fills.get(key, said), said, key=_when)
        self._forget_fills()

    def call(self, call: LlmCall) -> None:
        """Take in a call of a model."""
        quarter = self._quarter(call.time // QUARTER_NS)
        if quarter is None:
            self.older += 1
        else:
            quarter.call(call)

    def said_mode(self, event: Event, mode: str) -> None:
        """Remember in which mode the bot runs."""
        said = event.time, uid_of(event), mode
        self.mode = max(self.mode, said)
        if event.event_name.startswith("bot.") and said not in self.modes:
            insort(self.modes, said)
            del self.modes[:-MAX_MODES]

    def mark(self, event: Event, values: Mapping[str, Any]) -> None:
        """Remember what an open position would bring."""
        amount = decimal(values.get("pnl.unrealized"))
        key = str(values.get("position.id") or values.get("symbol") or "")
        if amount is None or not key:
            return
        said = Unrealized(event.time, uid_of(event), amount, str(values.get("currency") or "?"))
        _latest(self.unrealized, key, said, _when)
        _bound(self.unrealized, MAX_MARKS, _when)

    def worth(self, event: Event, values: Mapping[str, Any]) -> None:
        """Remember what the account is worth."""
        amount = decimal(values.get("equity"))
        if amount is None:
            return
        currency = str(values.get("currency") or "?")
        said = Equity(event.time, uid_of(event), amount, currency)
        _latest(self.equity, joined(values.get("account.id") or "", currency), said, _when)
        _bound(self.equity, MAX_WORTH, _when)

    def decide(self, key: str, decided: Decided) -> None:
        """Remember a decision."""
        _latest(self.decisions, key, decided, _when)
        self._bound_decisions()

    def order(self, event: Event, values: Mapping[str, Any]) -> None:
        """Remember by which decision an order was sent or filled."""
        decision = str(values.get("decision.id") or "")[:MAX_NAME]
        position = str(values.get("position.id") or "")[:MAX_NAME] or _symbol(values.get("symbol"))
        if not decision or values.get("order.reduce_only") is True or values.get("reconciliation") is True:
            return
        known = self.ordered.setdefault(position, [])
        if (event.time, decision) not in known:
            insort(known, (event.time, decision))
            del known[:-MAX_ORDERED]
        _bound(self.ordered, MAX_DECISIONS, _last)

    def decision_of(self, trip: Trip) -> str:
        """Return the id of the decision that a trade came from; empty when nothing tells."""
        told = trip.first("decision")
        if told or not trip.entered:
            return told
        for key in (trip.key, _symbol(trip.first("symbol"))):
            before = [one for at, one in self.ordered.get(key, ()) if 0 <= trip.entered - at < ORDER_NS]
            if before:
                return before[-1]
        return ""

    def signal(self, key: str, signalled: Signalled) -> None:
        """Remember a signal."""
        _latest(self.signals, key, signalled, _when)
        self._bound_signals()

    def award(self, key: str, award: Awarded) -> None:
        """Remember what the bot itself credits an agent with."""
        _latest(self.credits, key, award, _when)
        self._forget_credits()

    def mode_at(self, time: int, said: str = "") -> str:
        """Return the mode of an event: its own word, else the bot's latest before it, else its next."""
        if said:
            return said
        before = ""
        for at, _, mode in self.modes:
            if at > time and before:
                break
            before = mode
        return before or self.mode[2]

    def trips(self) -> list[Trip]:
        """Return the trades that are kept one by one, in no order."""
        return with_bare_closes(trip for key, rows in self.rows.items() for trip in walked(key, rows))

    def results(self) -> dict[str, Results]:
        """Return all results by currency, however old."""
        whole: dict[str, Results] = {}
        for key, results in self.totals.items():
            whole.setdefault(split(key)[1], Results()).plus(results)
        for trip in self.trips():
            if (row := trip.result) is not None:
                whole.setdefault(row.currency, Results()).plus(results_of(row))
        return whole

    def merge(self, other: Account) -> None:
        """Add all that `other` has seen."""
        for key, rows in other.rows.items():
            mine = self.rows.setdefault(key, [])
            new = [row for row in rows if row not in mine]
            mine.extend(new)
            mine.sort(key=lambda one: one.order)
            self.count += len(new)
        for quarter, sums in other.quarters.items():
            self._add(quarter, sums)
        self.older += other.older
        for key, said in other.fills.items():
            self.fills[key] = min(self.fills.get(key, said), said, key=_when)
        if self.tells_trades or other.tells_trades:
            self._tell_trades()
        self._forget_fills()
        for key, results in other.totals.items():
            self.totals.setdefault(key, Results()).plus(results)
        self.modes = sorted({*self.modes, *other.modes})[-MAX_MODES:]
        self.mode = max(self.mode, other.mode)
        self.credits_until = max(self.credits_until, other.credits_until)
        _join(self.decisions, other.decisions)
        _join(self.signals, other.signals)
        for position, ordered in other.ordered.items():
            self.ordered[position] = sorted({*self.ordered.get(position, ()), *ordered})[-MAX_ORDERED:]
        _bound(self.ordered, MAX_DECISIONS, _last)
        _join(self.unrealized, other.unrealized)
        _join(self.equity, other.equity)
        _bound(self.unrealized, MAX_MARKS, _when)
        _bound(self.equity, MAX_WORTH, _when)
        for key, award in other.credits.items():
            _latest(self.credits, key, award, _when)
        if self.count > MAX_ROWS + SLACK:
            self._settle()
        self._forget_credits()
        self._bound_decisions()
        self._bound_signals()

    def _quarter(self, number: int) -> Quarter | None:
        """Return the sums of a quarter, made when it is new; None when it is too old to be kept."""
        quarter = self.quarters.get(number)
        if quarter is not None:
            return quarter
        if number > self.newest:
            self.newest = number
            for old in [old for old in self.quarters if old <= number - KEPT_QUARTERS]:
                self.older += self.quarters.pop(old).records
        elif number <= self.newest - KEPT_QUARTERS:
            return None
        quarter = self.quarters[number] = Quarter()
        return quarter

    def _add(self, number: int, sums: Quarter) -> None:
        quarter = self._quarter(number)
        if quarter is None:
            self.older += sums.records
        else:
            quarter.plus(sums)

    def _tell_trades(self) -> None:
        """From now on trades are what the bot calls so."""
        self.tells_trades = True
        self.fills.clear()
        for quarter in self.quarters.values():
            quarter.filled.clear()

    def _forget_fills(self) -> None:
        if len(self.fills) <= MAX_FILLS + SLACK:
            return
        for key in sorted(self.fills, key=lambda key: (_when(self.fills[key]), key))[:-MAX_FILLS]:
            said = self.fills.pop(key)
            self._add(said.time // QUARTER_NS, Quarter(1, filled={said.mode: 1}))

    def _settle(self) -> None:
        """Turn the oldest trades into sums until the list is at its size again.

        Whole ones first: the other end of half a trade may be in a part of the stream that is merged later.
        """
        trips = sorted(
            self.trips(),
            key=lambda trip: (trip.is_open, not trip.entered, trip.left or trip.entered, trip.key),
        )
        crediting = Crediting(self)
        for trip in trips:
            if self.count <= MAX_ROWS:
                break
            self._sum(trip, crediting)
            for row in trip.rows:
                rows = self.rows[row.position]
                rows.remove(row)
                self.count -= 1
                if not rows:
                    del self.rows[row.position]

    def _bound_decisions(self) -> None:
        """Forget the oldest decisions; those of listed trades last, since most decisions come to nothing."""
        if len(self.decisions) > MAX_DECISIONS + MAX_DECISIONS // 8:
            used = self._traded()
            self.decisions = _kept(self.decisions, used, MAX_DECISIONS)

    def _traded(self) -> set[str]:
        """Ids of the decisions that listed trades came from."""
        traded = {row.decision for rows in self.rows.values() for row in rows}
        keys = {*self.rows, *(_symbol(row.symbol) for rows in self.rows.values() for row in rows)}
        return traded | {one for key in keys for _, one in self.ordered.get(key, ())}

    def _bound_signals(self) -> None:
        """Forget the oldest signals; those of listed trades last."""
        if len(self.signals) > MAX_SIGNALS + MAX_SIGNALS // 8:
            traded = self._traded() & self.decisions.keys()
            used = {signal for key in traded for signal in self.decisions[key].signals}
            self.signals = _kept(self.signals, used, MAX_SIGNALS)

    def _forget_credits(self) -> None:
        if len(self.credits) <= MAX_CREDITS + SLACK:
            return
        for key in sorted(self.credits, key=lambda key: (_when(self.credits[key]), key))[:-MAX_CREDITS]:
            award = self.credits.pop(key)
            self.credits_until = max(self.credits_until, award.time)
            name = joined(award.mode, split(key)[1], award.currency, award.method)
            sums = Quarter(1, credits={name: Credited(1, int(award.amount > 0), award.amount)})
            self._add(award.time // QUARTER_NS, sums)

    def _sum(self, trip: Trip, crediting: Crediting) -> None:
        mode, entered, left = trip.mode, trip.entered // QUARTER_NS, trip.left // QUARTER_NS
        if entered:
            self._add(entered, Quarter(1, entered={mode: 1}))
        if not left:
            return
        sums = Quarter(1, closed={mode: 1})
        if entered and left - entered <= DAY_QUARTERS:
            sums.both[joined(mode, left - entered)] = 1
        result = trip.result
        if result is not None:
            key = joined(mode, result.currency)
            sums.results[key] = results_of(result)
            self.totals.setdefault(key, Results()).plus(sums.results[key])
        for part in crediting.parts(trip):
            key = joined(mode, part.agent, part.currency, part.method)
            sums.credits.setdefault(key, Credited()).plus(part.credited)
            self.credits.pop(joined(trip.name, part.agent), None)
        self._add(left, sums)


def results_of(row: Told) -> Results:
    """Return the result of one trade as a sum."""
    pnl = row.pnl or Decimal(0)
    return Results(1, int(pnl > 0), int(pnl < 0), pnl)


T = TypeVar("T")


def _when(value: Any) -> tuple[int, str]:
    return value.time, value.uid


def _symbol(symbol: object) -> str:
    # No position's id begins like this.
    return joined("", symbol or "")


def _last(ordered: list[tuple[int, str]]) -> tuple[int, str]:
    return ordered[-1]


def _latest(known: dict[str, T], key: str, value: T, order: Callable[[T], Any]) -> None:
    mine = known.get(key)
    if mine is None or order(value) >= order(mine):
        known[key] = value


def _bound(known: dict[str, T], most: int, order: Callable[[T], Any]) -> None:
    if len(known) <= most + most // 8:
        return
    # Many at once, so that each new one does not look through all.
    for key in sorted(known, key=lambda key: (order(known[key]), key))[:-most]:
        del known[key]


def _kept(known: dict[str, T], used: Container[str], most: int) -> dict[str, T]:
    """Return those that are used, and of the others the newest, `most` in all."""
    order = sorted(known, key=lambda key: (key in used, _when(known[key]), key))
    return {key: known[key] for key in order[-most:]}


def _join(mine: dict[str, T], theirs: Mapping[str, T]) -> None:
    for key, value in theirs.items():
        _latest(mine, key, value, _when)

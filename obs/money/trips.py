"""Trades put together from what was said of them: when each was entered, when closed, with which result.

A position's id may be used again for the next trade, a close may be told twice (`position.closed`, then
`trade.closed`), and many bots tell only one end. So the rows of one position are walked in order of time.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from decimal import Decimal

import msgspec

from obs.money.entries import TradeEntry

__all__ = ["Told", "Trip", "told", "walked", "with_bare_closes"]

_RANK = {"opened": 0, "ended": 1, "closed": 2}


class Told(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """One statement about a trade, as short as it is worth keeping."""

    kind: str
    """As in `TradeEntry`."""
    position: str
    at: int
    """Unix ns at which it happened: the trade's own time, else the event's."""
    time: int
    """Unix ns of the event."""
    uid: str
    trade: str
    is_bare: bool
    """Whether the event named no position."""
    entered: int
    symbol: str
    side: str
    quantity: Decimal | None
    entry_price: Decimal | None
    exit_price: Decimal | None
    pnl: Decimal | None
    fees: Decimal | None
    ratio: Decimal | None
    currency: str
    mode: str
    decision: str

    @property
    def order(self) -> tuple[int, int, int, str]:
        """Its place among the statements about one position."""
        return self.at, _RANK[self.kind], self.time, self.uid


class Trip(msgspec.Struct):
    """One trade from its entry to its result."""

    key: str
    """The position's id."""
    rows: list[Told]
    opened: Told | None = None
    ended: Told | None = None
    closed: Told | None = None

    @property
    def entered(self) -> int:
        """When it was entered, Unix ns; 0 when nobody said."""
        if self.opened is not None:
            return self.opened.at
        return self.closed.entered if self.closed is not None else 0

    @property
    def left(self) -> int:
        """When it was closed, Unix ns; 0 while it is open."""
        last = self.closed or self.ended
        return last.at if last is not None else 0

    @property
    def is_open(self) -> bool:
        """Whether nothing has told its end."""
        return self.closed is None and self.ended is None

    @property
    def result(self) -> Told | None:
        """The statement that gives its result; None while that is not known."""
        for row in (self.closed, self.ended):
            if row is not None and row.pnl is not None:
                return row
        return None

    @property
    def name(self) -> str:
        """Its id as the bot names it, else that of its position."""
        return (self.closed.trade if self.closed is not None else "") or self.key

    def first(self, field: str) -> str:
        """Return a text of the statement that tells it, the latest first; empty when none does."""
        for row in (self.closed, self.ended, self.opened):
            if row is not None and getattr(row, field):
                return str(getattr(row, field))
        return ""

    @property
    def mode(self) -> str:
        """`live`, `paper`, or empty when no statement says."""
        return self.first("mode")

    @property
    def side(self) -> str:
        """`long`, `short` or empty."""
        return (self.opened.side if self.opened is not None else "") or self.first("side")

    @property
    def notional(self) -> Decimal | None:
        """What was put in, in its currency; None when not known."""
        for row in (self.opened, self.closed):
            if row is not None and row.quantity is not None and row.entry_price is not None:
                return row.quantity * row.entry_price
        return None

    @property
    def move(self) -> float | None:
        """How the price moved from entry to exit, as a fraction; None when not known."""
        closed = self.closed
        if closed is None:
            return None
        entry = closed.entry_price or (self.opened.entry_price if self.opened is not None else None)
        if entry and closed.exit_price:
            return float(closed.exit_price / entry - 1)
        sign = {"long": 1, "short": -1}.get(self.side)
        return float(closed.ratio) * sign if closed.ratio is not None and sign else None


def told(entry: TradeEntry) -> Told:
    """Return the short form of what an event says of a trade."""
    at = {"opened": entry.entered, "closed": entry.left}.get(entry.kind, 0) or entry.time
    return Told(
        kind=entry.kind,
        position=entry.position,
        at=at,
        time=entry.time,
        uid=entry.uid,
        trade=entry.trade,
        is_bare=entry.position in (entry.trade, entry.uid),
        entered=entry.entered,
        symbol=entry.symbol,
        side=entry.side,
        quantity=entry.quantity,
        entry_price=entry.entry_price,
        exit_price=entry.exit_price,
        pnl=entry.pnl,
        fees=entry.fees,
        ratio=entry.ratio,
        currency=entry.currency,
        mode=entry.mode,
        decision=entry.decision,
    )


def walked(key: str, rows: Sequence[Told]) -> list[Trip]:
    """Return the trades that the statements about one position tell of.

    Args:
        key: The position's id.
        rows: The statements, in order.
    """
    trips: list[Trip] = []
    by_trade: dict[str, Trip] = {}
    for row in rows:
        last = trips[-1] if trips else None
        if row.kind == "opened":
            if last is None or not last.is_open:
                trips.append(Trip(key, [row], opened=row))
            else:
                last.rows.append(row)  # more of the same trade
        elif row.kind == "ended":
            if last is None or last.ended is not None:
                trips.append(Trip(key, [row], ended=row))
            else:
                last.ended = row
                last.rows.append(row)
        else:
            _close(key, row, trips, by_trade)
    return trips


def _close(key: str, row: Told, trips: list[Trip], by_trade: dict[str, Trip]) -> None:
    known = by_trade.get(row.trade) if row.trade else None
    again = trips[-1].closed if trips and not row.trade else None
    if again is not None and (again.at, again.pnl, again.currency) == (row.at, row.pnl, row.currency):
        trips[-1].rows.append(row)  # two parts of a bot tell the same close
        return
    if known is None:
        # The first that ended and waits for its result, else the one that is open.
        known = next((trip for trip in trips if trip.closed is None), None)
        if known is None:
            known = Trip(key, [])
            trips.append(known)
    elif known.closed is not None and (known.closed.time, known.closed.uid) > (row.time, row.uid):
        known.rows.append(row)  # told again, and the later word stands
        return
    known.closed = row
    known.rows.append(row)
    if row.trade:
        by_trade[row.trade] = known


def with_bare_closes(trips: Iterable[Trip]) -> list[Trip]:
    """Return the trades with each close that named no position joined to the entry it most likely ends.

    A bot may name positions when it opens them and only trades when it closes them: the newest open entry of
    the same symbol before the close is its entry.
    """
    trips = list(trips)
    waiting: dict[str, list[Trip]] = {}
    for trip in sorted((trip for trip in trips if trip.is_open), key=lambda trip: trip.entered):
        waiting.setdefault(trip.first("symbol"), []).append(trip)
    gone: set[int] = set()
    bare = [t for t in trips if t.opened is None and t.closed is not None and t.closed.is_bare]
    for trip in sorted(bare, key=lambda trip: trip.left):
        entries = [entry for entry in waiting.get(trip.first("symbol"), ()) if entry.entered <= trip.left]
        if not entries or not trip.first("symbol"):
            continue
        entry = entries[-1]
        waiting[trip.first("symbol")].remove(entry)
        gone.add(id(entry))
        trip.opened = entry.opened
        trip.rows = [*entry.rows, *trip.rows]
    return [trip for trip in trips if id(trip) not in gone]

"""What is known of one bot: registers in which the latest writer by time wins, sums and series.

The parts of `obs.books.Books`, and how they merge. They hold facts only; what they mean is said elsewhere.
"""

from __future__ import annotations

from decimal import Decimal, InvalidOperation
from typing import Any

import msgspec

from obs.series import Newest, Series

__all__ = [
    "MAX_ENTRIES",
    "BotFacts",
    "Calls",
    "Llm",
    "Register",
    "Size",
    "Thing",
    "decimal",
    "earlier",
    "forget_kinds",
    "merge_into",
    "note",
    "put",
    "tally",
]

MOST_DIGITS = 15
"""Of an amount, before its point."""
MAX_ENTRIES = 2_000
"""Orders, positions or feeds remembered per bot; the newest by time stay."""
MAX_KINDS = 100
"""Ways in which signals end that are told apart, per bot."""
MAX_SIZES = 100
"""Statements of one position's size remembered since the last full one; the newest by time stay."""


class Register(msgspec.Struct):
    """The latest known values of one thing; the later record wins, equal times by id."""

    time: int = 0
    order: str = ""
    name: str = ""
    """The event that wrote it."""
    values: dict[str, Any] = {}
    quote: tuple[str, int, str, str, str] | None = None
    """Id, time, severity, source and text of that event."""

    def put(self, other: Register) -> None:
        """Take over `other` when it is later."""
        if (other.time, other.order) >= (self.time, self.order):
            self.time, self.order, self.name = other.time, other.order, other.name
            self.values, self.quote = other.values, other.quote


class Size(msgspec.Struct, frozen=True):
    """One statement of how large a position is."""

    time: int
    order: str
    how: str
    """`is` tells the whole size, `first` too unless one is known, `more` and `less` how it changed."""
    quantity: Decimal
    price: Decimal | None = None
    """The average price of the whole, or the price of what was added."""


class Thing(msgspec.Struct):
    """An order or a position: each attribute by its own latest writer, as records seldom repeat them all."""

    last: Register = msgspec.field(default_factory=Register)
    fields: dict[str, tuple[int, str, Any]] = {}
    """Attribute -> (time, order, value)."""
    began: int = 0
    """Unix ns of its earliest record."""
    said: dict[str, int] = {}
    """Event name -> how often it was said of this thing."""
    sizes: list[Size] = []
    """Of a position: the newest full statement of its size and those after it, in order of time."""

    @property
    def values(self) -> dict[str, Any]:
        """The latest known value of each attribute; the size of a position as all statements tell it."""
        values = {key: value for key, (_, _, value) in self.fields.items()}
        if len(self.sizes) > 1 or any(size.how != "is" for size in self.sizes):
            values["position.quantity"], values["position.average_price"] = _told(self.sizes)
        return values

    def merge(self, other: Thing) -> None:
        """Take over whatever `other` knows later."""
        self.last.put(other.last)
        self.began = min(self.began, other.began) if self.began and other.began else self.began or other.began
        for name, count in other.said.items():
            self.said[name] = self.said.get(name, 0) + count
        for key, field in other.fields.items():
            mine = self.fields.get(key)
            if mine is None or field[:2] >= mine[:2]:
                self.fields[key] = field
        if other.sizes:
            self.sizes = _since_the_last_full(sorted((*self.sizes, *other.sizes), key=_when))


class Calls(msgspec.Struct):
    """How a path outside the bot answered."""

    ok: Series = msgspec.field(default_factory=Series)
    failed: Series = msgspec.field(default_factory=Series)
    reasons: dict[str, int] = {}
    first_failure: Register | None = None
    last_failure: Register = msgspec.field(default_factory=Register)
    first_ok_after: Register = msgspec.field(default_factory=Register)


class Llm(msgspec.Struct):
    """One agent's model calls."""

    calls: Series = msgspec.field(default_factory=Series)
    cost: dict[str, Decimal] = {}
    unpriced: int = 0
    repeated: dict[str, Series] = {}
    """Conversation or prompt -> its calls; the busiest of many say whether the agent talks to itself."""
    limit: Decimal | None = None
    cut: Series = msgspec.field(default_factory=Series)
    """Answers that ended because no more tokens were allowed."""
    last_cut: Register = msgspec.field(default_factory=Register)
    first: Register | None = None
    last: Register = msgspec.field(default_factory=Register)


class BotFacts(msgspec.Struct):
    """What is known of one bot from its own words."""

    events: int = 0
    mode: Register = msgspec.field(default_factory=Register)
    program: Register = msgspec.field(default_factory=Register)
    state: Register = msgspec.field(default_factory=Register)
    ending: Register = msgspec.field(default_factory=Register)
    """When it began to stop, for one that tells so."""
    heartbeats: Series = msgspec.field(default_factory=Series)
    heartbeat: Register = msgspec.field(default_factory=Register)
    beats: Newest = msgspec.field(default_factory=Newest)
    equity: Register = msgspec.field(default_factory=Register)
    account: Register = msgspec.field(default_factory=Register)
    """What it counted of its own positions."""
    positions: dict[str, Thing] = {}
    orders: dict[str, Thing] = {}
    stops: dict[str, Thing] = {}
    order_outcomes: dict[str, int] = {}
    cancels: dict[str, int] = {}
    """Why orders were canceled."""
    calls: dict[str, Calls] = {}
    notifications: dict[str, Calls] = {}
    llm: dict[str, Llm] = {}
    feeds: dict[str, Series] = {}
    requests: dict[str, Series] = {}
    """Symbol -> when its data was asked for."""
    signals: int = 0
    exits: int = 0
    """Signals to leave a position."""
    faults: dict[str, Thing] = {}
    """What its check of market data found, by fault, symbol and whether it was refused."""
    gates: dict[str, int] = {}
    decisions: int = 0
    process: Register = msgspec.field(default_factory=Register)
    settings: dict[str, Thing] = {}
    """What the bot told of its configuration, in one entry."""
    passed: dict[str, Series] = {}
    """What became of its signals, and when: `signal`, `filter confidence`, `entry.submitted`, ..."""
    gate_words: dict[str, Register] = {}
    """Key of `passed` -> the newest that was stopped there."""


def decimal(value: object) -> Decimal | None:
    """Return an amount as it was meant, or None when it is none; floats by their shortest decimal form.

    Beyond `MOST_DIGITS` it is no amount of anything: sums and products of such would lose their digits.
    """
    if isinstance(value, bool) or not isinstance(value, (int, float, str, Decimal)):
        return None
    try:
        amount = Decimal(str(value))
    except InvalidOperation:
        return None
    return amount if amount.is_finite() and amount.adjusted() < MOST_DIGITS else None


def put(things: dict[str, Thing], key: str, register: Register) -> None:
    """Enter what an event says of a thing."""
    fields = {name: (register.time, register.order, value) for name, value in register.values.items()}
    things.setdefault(key, Thing()).merge(
        Thing(register, fields, register.time, {register.name: 1}, _sizes(register))
    )
    _bound(things)


def earlier(a: Register | None, b: Register | None) -> Register | None:
    """Return the register that was written first."""
    if a is None or b is None:
        return a or b
    return min(a, b, key=lambda register: (register.time, register.order))


def tally(counts: dict[str, int], key: str) -> None:
    """Count one more of a kind."""
    counts[key] = counts.get(key, 0) + 1


def merge_into(mine: Any, theirs: Any) -> None:
    """Merge two equal structs field by field: sums, series and registers each by their own law."""
    for name in mine.__struct_fields__:
        a, b = getattr(mine, name), getattr(theirs, name)
        if name in ("first", "first_failure"):
            setattr(mine, name, earlier(a, b))
        elif isinstance(a, (Series, Newest)):
            a.merge(b)
        elif isinstance(a, Register):
            a.put(b)
        elif isinstance(a, dict):
            _merge_dict(a, b)
        elif name == "limit":
            setattr(mine, name, max((x for x in (a, b) if x is not None), default=None))
        else:
            setattr(mine, name, a + b)


def _merge_dict(mine: dict[str, Any], theirs: dict[str, Any]) -> None:
    for key, value in theirs.items():
        if isinstance(value, Thing):
            mine.setdefault(key, Thing()).merge(value)
        elif key not in mine:
            mine[key] = msgspec.msgpack.decode(msgspec.msgpack.encode(value), type=type(value))
        elif isinstance(value, Series):
            mine[key].merge(value)
        elif isinstance(value, Register):
            mine[key].put(value)
        elif isinstance(value, (int, Decimal)):
            mine[key] += value
        else:
            merge_into(mine[key], value)
    if theirs and isinstance(next(iter(theirs.values())), Thing):
        _bound(mine)


def note(bot: BotFacts, key: str, time: int, register: Register | None = None) -> None:
    """Count what became of a signal; of too many kinds the first names stay, whatever came first."""
    if key not in bot.passed and len(bot.passed) >= MAX_KINDS and key > max(bot.passed):
        return
    bot.passed.setdefault(key, Series()).add(time)
    if register is not None:
        bot.gate_words.setdefault(key, Register()).put(register)
    forget_kinds(bot)


def forget_kinds(bot: BotFacts) -> None:
    """Keep the first names of the kinds of `passed` only."""
    while len(bot.passed) > MAX_KINDS:
        last = max(bot.passed)
        del bot.passed[last]
        bot.gate_words.pop(last, None)


def _sizes(register: Register) -> list[Size]:
    """What an event says of a position's size."""
    values = register.values
    if register.name == "position.closed":
        return [Size(register.time, register.order, "is", Decimal(0))]
    quantity = decimal(values.get("position.quantity"))
    if quantity is None or not register.name.startswith("position."):
        return []
    how = str(values.get("position.size") or "is")
    price = decimal(values.get("position.average_price"))
    return [Size(register.time, register.order, how, quantity, price)]


def _when(size: Size) -> tuple[int, str]:
    return size.time, size.order


def _since_the_last_full(sizes: list[Size]) -> list[Size]:
    """Drop what the newest full statement supersedes: no later merge can need it."""
    full = max((index for index, size in enumerate(sizes) if size.how == "is"), default=0)
    kept = sizes[full:]
    if len(kept) <= MAX_SIZES:
        return kept
    # Of very many the oldest become one: what they come to, told when the last of them was.
    oldest, newest = kept[:-MAX_SIZES], kept[-MAX_SIZES:]
    quantity, price = _told([*oldest, newest[0]])
    if quantity is None:
        return newest
    return [Size(newest[0].time, newest[0].order, "is", quantity, price), *newest[1:]]


def _told(sizes: list[Size]) -> tuple[Decimal | None, Decimal | None]:
    """Return the size and average price that statements in order of time come to; None where unknown."""
    quantity: Decimal | None = None
    price: Decimal | None = None
    for size in sizes:
        if size.how == "is" or (size.how == "first" and not quantity):
            quantity, price = size.quantity, size.price or price
        elif size.how == "more" and quantity is not None:
            if price is not None and size.price is not None and quantity + size.quantity:
                whole = quantity * price + size.quantity * size.price
                price = whole / (quantity + size.quantity)
            quantity += size.quantity
        elif size.how == "less" and quantity is not None:
            quantity -= size.quantity
    return quantity, price


def _bound(things: dict[str, Thing]) -> None:
    while len(things) > MAX_ENTRIES:
        del things[min(things, key=lambda key: (things[key].last.time, things[key].last.order))]

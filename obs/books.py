"""What a bot's own event words say of its trading: positions, stops, calls, cost, signals.

A part of `State` and a monoid like it: sums, series, and registers in which the latest writer by time wins.
It holds facts only; what they mean (unprotected, stale, looping) is derived in `obs.hazards`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from decimal import Decimal, InvalidOperation
from typing import TYPE_CHECKING, Any

import msgspec

from obs.events import Event, Severity
from obs.series import Series

if TYPE_CHECKING:
    from obs.state import Quote

__all__ = [
    "LLM_CALL",
    "WRITERS",
    "Books",
    "BotFacts",
    "Calls",
    "Llm",
    "Register",
    "Thing",
    "Trades",
    "decimal",
]

MAX_ENTRIES = 2_000
"""Orders, positions or feeds remembered per bot; the newest by time stay."""

LLM_CALL = "gen_ai.client.inference.operation.details"
_STOPS = ("stop_market", "stop_limit", "stop")


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


class Thing(msgspec.Struct):
    """An order or a position: each attribute by its own latest writer, as records seldom repeat them all."""

    last: Register = msgspec.field(default_factory=Register)
    fields: dict[str, tuple[int, str, Any]] = {}
    """Attribute -> (time, order, value)."""
    began: int = 0
    """Unix ns of its earliest record."""
    said: dict[str, int] = {}
    """Event name -> how often it was said of this thing."""

    @property
    def values(self) -> dict[str, Any]:
        """The latest known value of each attribute."""
        return {key: value for key, (_, _, value) in self.fields.items()}

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


class Calls(msgspec.Struct):
    """How a path outside the bot answered."""

    ok: Series = msgspec.field(default_factory=Series)
    failed: Series = msgspec.field(default_factory=Series)
    reasons: dict[str, int] = {}
    first_failure: Register | None = None
    last_failure: Register = msgspec.field(default_factory=Register)
    first_ok_after: Register = msgspec.field(default_factory=Register)


class Trades(msgspec.Struct):
    """Closed trades of one currency."""

    settled: int = 0
    won: int = 0
    pnl: Decimal = Decimal(0)


class Llm(msgspec.Struct):
    """One agent's model calls."""

    calls: Series = msgspec.field(default_factory=Series)
    cost: dict[str, Decimal] = {}
    unpriced: int = 0
    repeated: dict[str, Series] = {}
    """Conversation or prompt -> its calls; the busiest of many say whether the agent talks to itself."""
    limit: Decimal | None = None
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
    equity: Register = msgspec.field(default_factory=Register)
    positions: dict[str, Thing] = {}
    orders: dict[str, Thing] = {}
    stops: dict[str, Thing] = {}
    order_outcomes: dict[str, int] = {}
    cancels: dict[str, int] = {}
    """Why orders were canceled."""
    trades: dict[str, Trades] = {}
    calls: dict[str, Calls] = {}
    notifications: dict[str, Calls] = {}
    llm: dict[str, Llm] = {}
    feeds: dict[str, Series] = {}
    requests: dict[str, Series] = {}
    """Symbol -> when its data was asked for."""
    signals: int = 0
    exits: int = 0
    """Signals to leave a position."""
    gates: dict[str, int] = {}
    decisions: int = 0
    process: Register = msgspec.field(default_factory=Register)
    settings: dict[str, Thing] = {}
    """What the bot told of its configuration, in one entry."""


class Books(msgspec.Struct):
    """The facts of all bots."""

    bots: dict[str, BotFacts] = {}
    backtests: dict[str, int] = {}
    """Service -> events of `run.mode=backtest`: counted, never money, never an anomaly."""

    def add(self, event: Event, service: str, quote: Quote) -> None:
        """Fold one event that speaks the vocabulary."""
        if event.attributes.get("run.mode") == "backtest":
            _tally(self.backtests, service)
            if not event.attributes.get("run.whole"):
                return
            # Not one backtest beside a bot's trading: this process does nothing else, whatever its lines say.
        bot = self.bots.setdefault(service, BotFacts())
        bot.events += 1
        shown = (quote.id, quote.time, quote.severity, quote.source, quote.text)
        register = Register(
            time=event.time,
            order=f"{quote.id}|{event.uid}",
            name=event.event_name,
            values=dict(event.attributes),
            quote=shown,
        )
        if event.attributes.get("run.mode"):
            bot.mode.put(register)
        writer = WRITERS.get(event.event_name)
        if writer is not None:
            writer(bot, event, register)

    def merge(self, other: Books) -> None:
        """Add all that `other` has seen."""
        for name, count in other.backtests.items():
            self.backtests[name] = self.backtests.get(name, 0) + count
        for name, theirs in other.bots.items():
            mine = self.bots.get(name)
            if mine is None:
                mine = self.bots[name] = BotFacts()
            _merge_struct(mine, theirs)


def decimal(value: object) -> Decimal | None:
    """Return an amount as it was meant, or None when it is none; floats by their shortest decimal form."""
    if isinstance(value, bool) or not isinstance(value, (int, float, str, Decimal)):
        return None
    try:
        amount = Decimal(str(value))
    except InvalidOperation:
        return None
    return amount if amount.is_finite() else None


def _state(bot: BotFacts, event: Event, register: Register) -> None:
    bot.state.put(register)
    if register.values.get("bot.state") == "stopping":
        bot.ending.put(register)
    if event.attributes.get("bot.program"):
        bot.program.put(register)


def _heartbeat(bot: BotFacts, event: Event, register: Register) -> None:
    bot.heartbeats.add(event.time)
    bot.heartbeat.put(register)


def _equity(bot: BotFacts, event: Event, register: Register) -> None:
    bot.equity.put(register)


def _position(bot: BotFacts, event: Event, register: Register) -> None:
    values = register.values
    key = str(values.get("position.id") or values.get("symbol") or "")
    _put(bot.positions, key, register)
    if values.get("order.event"):
        # The line that tells of the position tells of its order's fill too.
        _order(bot, event, msgspec.structs.replace(register, name=str(values["order.event"])))


def _order(bot: BotFacts, event: Event, register: Register) -> None:
    values = register.values
    # Programs that do not name the order name what it is for: one entry, exit and stop per symbol.
    slot = str(values.get("order.slot") or "")
    kind = register.name.removeprefix("order.")
    _tally(bot.order_outcomes, f"{slot}.{kind}" if slot in ("exit", "stop") else register.name)
    if kind == "canceled":
        _tally(bot.cancels, str(values.get("reason") or "unknown"))
    key = f"{values.get('symbol')} {slot}" if slot else str(values.get("order.id") or "")
    if not key:
        return
    stop = str(values.get("order.type") or "") in _STOPS or "order.stop_price" in values or "stop" in key
    _put(bot.stops if stop else bot.orders, key, register)


def _trade(bot: BotFacts, event: Event, register: Register) -> None:
    values = register.values
    if values.get("position.id"):
        # A closed trade ends its position, also when no word of the position itself says so.
        ended = msgspec.structs.replace(register, name="position.closed")
        _put(bot.positions, str(values["position.id"]), ended)
    if values.get("reconciliation") is True:
        return
    pnl = decimal(values.get("pnl.net"))
    trades = bot.trades.setdefault(str(values.get("currency") or "?"), Trades())
    if pnl is None:
        return
    trades.settled += 1
    trades.won += pnl > 0
    trades.pnl += pnl


def _api(bot: BotFacts, event: Event, register: Register) -> None:
    values = register.values
    status = values.get("http.response.status_code")
    if isinstance(status, str) and status.isdecimal():
        status = int(status)
    failed = bool(values.get("error.type")) or (isinstance(status, int) and status >= 400)
    reason = str(values.get("error.type") or status or "")
    known = ("exchange.id", "server.address", "call.path")
    key = next((str(values[name]) for name in known if values.get(name)), "exchange")
    _call(bot.calls, key, event, register, failed=failed or event.severity >= Severity.ERROR, reason=reason)


def _notification(bot: BotFacts, event: Event, register: Register) -> None:
    failed = event.event_name == "notification.failed"
    key = str(register.values.get("channel") or "notifier")
    reason = str(register.values.get("error.type") or "")
    _call(bot.notifications, key, event, register, failed=failed, reason=reason)


def _call(
    calls: dict[str, Calls], key: str, event: Event, register: Register, *, failed: bool, reason: str
) -> None:
    entry = calls.setdefault(key, Calls())
    if not failed:
        entry.ok.add(event.time)
        entry.first_ok_after.put(register)
        return
    entry.failed.add(event.time)
    if reason:
        _tally(entry.reasons, reason)
    entry.first_failure = _earlier(entry.first_failure, register)
    entry.last_failure.put(register)


def _llm(bot: BotFacts, event: Event, register: Register) -> None:
    values = register.values
    agent = bot.llm.setdefault(str(values.get("gen_ai.agent.name") or "agent"), Llm())
    agent.calls.add(event.time)
    agent.first = _earlier(agent.first, register)
    agent.last.put(register)
    cost = decimal(values.get("llm.cost"))
    if cost is None:
        agent.unpriced += 1
    else:
        currency = str(values.get("llm.cost_currency") or "USD")
        agent.cost[currency] = agent.cost.get(currency, Decimal(0)) + cost
    for key in ("gen_ai.conversation.id", "llm.prompt_hash"):
        name = f"{key} {values[key]}" if values.get(key) else ""
        if name and (name in agent.repeated or len(agent.repeated) < MAX_ENTRIES):
            agent.repeated.setdefault(name, Series()).add(event.time)
    limit = decimal(values.get("llm.daily_limit"))
    if limit is not None:
        agent.limit = limit if agent.limit is None else max(agent.limit, limit)


def _signal(bot: BotFacts, event: Event, register: Register) -> None:
    if register.values.get("signal.action") == "exit":
        bot.exits += 1
    else:
        bot.signals += 1


def _gate(bot: BotFacts, event: Event, register: Register) -> None:
    _tally(bot.gates, str(register.values.get("filter") or register.values.get("reason") or "unknown"))


def _decision(bot: BotFacts, event: Event, register: Register) -> None:
    bot.decisions += 1


def _feed(bot: BotFacts, event: Event, register: Register) -> None:
    key = f"{event.event_name} {register.values.get('symbol') or ''}".strip()
    if key in bot.feeds or len(bot.feeds) < MAX_ENTRIES:
        bot.feeds.setdefault(key, Series()).add(event.time)


def _request(bot: BotFacts, event: Event, register: Register) -> None:
    symbol = str(register.values.get("symbol") or "")
    if symbol in bot.requests or len(bot.requests) < MAX_ENTRIES:
        bot.requests.setdefault(symbol, Series()).add(event.time)


def _settings(bot: BotFacts, event: Event, register: Register) -> None:
    _put(bot.settings, "", register)


def _process(bot: BotFacts, event: Event, register: Register) -> None:
    bot.process.put(register)


WRITERS: Mapping[str, Callable[[BotFacts, Event, Register], None]] = {
    **dict.fromkeys(("bot.started", "bot.stopped", "bot.state_changed"), _state),
    **dict.fromkeys(("position.opened", "position.changed", "position.closed"), _position),
    **dict.fromkeys(
        (
            "order.submitted",
            "order.accepted",
            "order.denied",
            "order.rejected",
            "order.filled",
            "order.canceled",
            "order.expired",
            "order.confirmed",
        ),
        _order,
    ),
    **dict.fromkeys(("notification.sent", "notification.failed"), _notification),
    **dict.fromkeys((LLM_CALL, "llm.called"), _llm),
    **dict.fromkeys(("market.bar", "data.collected"), _feed),
    **dict.fromkeys(("process.started", "process.exited"), _process),
    "data.requested": _request,
    "bot.configured": _settings,
    "heartbeat": _heartbeat,
    "equity.measured": _equity,
    "trade.closed": _trade,
    "api.requested": _api,
    "signal.generated": _signal,
    "signal.filtered": _gate,
    "decision.made": _decision,
}


def _put(things: dict[str, Thing], key: str, register: Register) -> None:
    fields = {name: (register.time, register.order, value) for name, value in register.values.items()}
    things.setdefault(key, Thing()).merge(Thing(register, fields, register.time, {register.name: 1}))
    _bound(things)


def _bound(things: dict[str, Thing]) -> None:
    while len(things) > MAX_ENTRIES:
        del things[min(things, key=lambda key: (things[key].last.time, things[key].last.order))]


def _earlier(a: Register | None, b: Register | None) -> Register | None:
    if a is None or b is None:
        return a or b
    return min(a, b, key=lambda register: (register.time, register.order))


def _tally(counts: dict[str, int], key: str) -> None:
    counts[key] = counts.get(key, 0) + 1


def _merge_struct(mine: Any, theirs: Any) -> None:
    """Merge two equal structs field by field: sums, series and registers each by their own law."""
    for name in mine.__struct_fields__:
        a, b = getattr(mine, name), getattr(theirs, name)
        if name in ("first", "first_failure"):
            setattr(mine, name, _earlier(a, b))
        elif isinstance(a, Series):
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
        elif isinstance(value, (int, Decimal)):
            mine[key] += value
        else:
            _merge_struct(mine[key], value)
    if theirs and isinstance(next(iter(theirs.values())), Thing):
        _bound(mine)

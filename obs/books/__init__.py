"""What a bot's own event words say of its trading: positions, stops, calls, cost, signals.

A part of `State` and a monoid like it: sums, series, and registers in which the latest writer by time wins.
It holds facts only; what they mean (unprotected, stale, looping) is derived in `obs.hazards`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING

import msgspec

from obs.books import calls, orders, running
from obs.books.calls import LLM_CALL
from obs.books.facts import (
    BotFacts,
    Calls,
    Llm,
    Register,
    Thing,
    decimal,
    forget_kinds,
    merge_into,
    tally,
)
from obs.events import Event

if TYPE_CHECKING:
    from obs.exhibits import Quote
    from obs.money.entries import LlmCall

__all__ = [
    "LLM_CALL",
    "WRITERS",
    "Books",
    "BotFacts",
    "Calls",
    "Llm",
    "Register",
    "Thing",
    "decimal",
]


class Books(msgspec.Struct):
    """The facts of all bots."""

    bots: dict[str, BotFacts] = {}
    backtests: dict[str, int] = {}
    """Service -> events of `run.mode=backtest`: counted, never money, never an anomaly."""

    def add(self, event: Event, service: str, quote: Quote, call: LlmCall | None = None) -> None:
        """Fold one event that speaks the vocabulary.

        Args:
            event: The event.
            service: The bot.
            quote: How it is quoted.
            call: The call of a language model that it tells of, with its cost.
        """
        if event.attributes.get("run.mode") == "backtest":
            tally(self.backtests, service)
            if not event.attributes.get("run.whole"):
                return
            # Not one backtest beside a bot's trading: this process does nothing else, whatever its lines say.
        bot = self.bots.setdefault(service, BotFacts())
        bot.events += 1
        shown = (quote.id, quote.time, quote.severity, quote.source, quote.text)
        register = Register(
            time=event.time,
            order=_order(event, quote.id),
            name=event.event_name,
            values=dict(event.attributes),
            quote=shown,
        )
        if event.attributes.get("run.mode"):
            bot.mode.put(register)
        if call is not None:
            calls.llm(bot, event, register, call)
            return
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
            merge_into(mine, theirs)
            orders.with_stops(mine)
            forget_kinds(mine)


def _order(event: Event, shown_id: str) -> str:
    """Of events of one time, which came later: by line, by arrival, by the number in its id, by short id."""
    if event.origin is not None and event.origin.source:
        return f"{event.origin.source}:{event.origin.line:>10}|{event.uid}|{shown_id}"
    process, _, number = event.uid.rpartition("-")
    return f"{event.observed_timestamp:>20}|{process}-{number:>12}|{shown_id}"


WRITERS: Mapping[str, Callable[[BotFacts, Event, Register], None]] = {
    **dict.fromkeys(("bot.started", "bot.stopped", "bot.state_changed"), running.state),
    **dict.fromkeys(("position.opened", "position.changed", "position.closed"), orders.position),
    **dict.fromkeys(
        (
            "order.initialized",
            "order.submitted",
            "order.accepted",
            "order.denied",
            "order.rejected",
            "order.filled",
            "order.canceled",
            "order.expired",
            "order.confirmed",
        ),
        orders.order,
    ),
    **dict.fromkeys(("notification.sent", "notification.failed"), calls.notification),
    **dict.fromkeys((LLM_CALL, "llm.called"), calls.llm),
    **dict.fromkeys(("market.bar", "data.collected"), running.feed),
    **dict.fromkeys(("process.started", "process.exited"), running.process),
    "data.requested": running.request,
    "data.checked": running.checked,
    "bot.configured": running.settings,
    "heartbeat": running.heartbeat,
    "equity.measured": orders.equity,
    "account.reported": orders.account,
    "trade.closed": orders.trade,
    "api.requested": calls.api,
    "signal.generated": running.signal,
    "signal.filtered": running.gate,
    "decision.made": running.decision,
}

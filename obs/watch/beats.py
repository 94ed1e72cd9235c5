"""Beats: when each bot last spoke, and when each stage of its work was seen to happen.

A part of `State` and a monoid like it. Whether a silence means anything is derived in `obs.watch.cadence`
from these facts, the session tables and `now`.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Sequence
from typing import TYPE_CHECKING

import msgspec

from obs.books.calls import LLM_CALL
from obs.books.facts import Register, decimal
from obs.events import Event
from obs.series import Series
from obs.vocabulary import slips

if TYPE_CHECKING:
    from obs.exhibits import Quote

__all__ = ["STAGES", "Age", "Beats", "BotBeats", "Odd", "Stage"]

STAGES = {
    "market.mark": "ticks",
    "market.book": "ticks",
    "market.bar": "candles",
    "data.collected": "candles",
    "data.requested": "candles",
    "signal.generated": "signals",
    "decision.made": "decisions",
    "order.submitted": "orders",
    "order.filled": "fills",
    LLM_CALL: "answers",
    "llm.called": "answers",
    "equity.measured": "equity",
    "heartbeat": "heartbeats",
}
"""Event -> the stage of a bot's work that it shows."""
KEPT_AGES = 500
KEPT_HINTS = 64
KEPT_ODD = 100


class Age(msgspec.Struct, frozen=True, order=True, array_like=True):
    """How old a heartbeat said its newest candle was."""

    time: int
    age_s: float


class Stage(msgspec.Struct):
    """One stage of one bot."""

    seen: Series = msgspec.field(default_factory=Series)
    last: Register = msgspec.field(default_factory=Register)
    """The latest event that showed it; its values are not kept."""

    def merge(self, other: Stage) -> None:
        """Add all that `other` has seen."""
        self.seen.merge(other.seen)
        self.last.put(other.last)


class Odd(msgspec.Struct):
    """One slip in the words a bot speaks, counted."""

    seen: Series = msgspec.field(default_factory=Series)
    services: dict[str, int] = {}
    last: Register = msgspec.field(default_factory=Register)

    def merge(self, other: Odd) -> None:
        """Add all that `other` has seen."""
        self.seen.merge(other.seen)
        self.last.put(other.last)
        for name, count in other.services.items():
            self.services[name] = self.services.get(name, 0) + count


class BotBeats(msgspec.Struct):
    """What is known of one bot's rhythm."""

    spoke: Series = msgspec.field(default_factory=Series)
    """Every record of it, of whatever kind."""
    stages: dict[str, Stage] = {}
    hints: dict[str, int] = {}
    """`exchange binance`, `symbol BTC/USDT KRW`, `program freqtrade`: what tells its market -> how often."""
    ages: list[Age] = []
    started: int = 0
    """Unix ns of its latest start, as far as one was told."""

    def merge(self, other: BotBeats) -> None:
        """Add all that `other` has seen."""
        self.spoke.merge(other.spoke)
        for name, stage in other.stages.items():
            self.stages.setdefault(name, Stage()).merge(stage)
        for hint, count in other.hints.items():
            _hint(self.hints, hint, count)
        self.ages = sorted({*self.ages, *other.ages})[-KEPT_AGES:]
        self.started = max(self.started, other.started)


class Beats(msgspec.Struct):
    """The rhythm of all bots, and slips in their words."""

    bots: dict[str, BotBeats] = {}
    odd: dict[str, Odd] = {}
    """`event attribute` -> the records that carried it."""

    def add(self, event: Event, service: str) -> None:
        """Count one record."""
        bot = self.bots.get(service)
        if bot is None:
            bot = self.bots[service] = BotBeats()
        bot.spoke.add(event.time)

    def count(self, times: Sequence[int], service: str) -> None:
        """Count records of one bot as `add` would one by one; none of the times is 0."""
        bot = self.bots.get(service)
        if bot is None:
            bot = self.bots[service] = BotBeats()
        bot.spoke.add_all(times)

    def say(self, event: Event, service: str, quote: Quote) -> None:
        """Fold one event that speaks the vocabulary; `add` has counted its record already."""
        values = event.attributes
        register = Register(
            event.time,
            f"{quote.id}|{event.uid}",
            event.event_name,
            {},
            (quote.id, quote.time, quote.severity, quote.source, quote.text),
        )
        if "bot.program" not in values:
            for attribute, _ in slips(event.event_name, frozenset(values)):
                self._odd(f"{event.event_name} {attribute}".strip(), event, service, register)
        if values.get("run.mode") == "backtest" or not event.time:
            return
        bot = self.bots.setdefault(service, BotBeats())
        if event.event_name in ("bot.started", "process.started"):
            bot.started = max(bot.started, event.time)
        for hint in _hints(event):
            _hint(bot.hints, hint, 1)
        if event.event_name == "heartbeat":
            age = decimal(values.get("candle.age_s"))
            if age is not None and age >= 0:
                _age(bot.ages, Age(event.time, float(age)))
        name = STAGES.get(event.event_name)
        if name is None:
            return
        stage = bot.stages.get(name)
        if stage is None:
            stage = bot.stages[name] = Stage()
        stage.seen.add(event.time)
        stage.last.put(register)

    def merge(self, other: Beats) -> None:
        """Add all that `other` has seen."""
        for name, bot in other.bots.items():
            self.bots.setdefault(name, BotBeats()).merge(bot)
        for name, odd in other.odd.items():
            self.odd.setdefault(name, Odd()).merge(odd)
        while len(self.odd) > KEPT_ODD:
            del self.odd[max(self.odd)]

    def _odd(self, name: str, event: Event, service: str, register: Register) -> None:
        if name not in self.odd and len(self.odd) >= KEPT_ODD and name > max(self.odd):
            return
        odd = self.odd.setdefault(name, Odd())
        odd.seen.add(event.time)
        odd.services[service] = odd.services.get(service, 0) + 1
        odd.last.put(register)
        while len(self.odd) > KEPT_ODD:
            del self.odd[max(self.odd)]


def _hints(event: Event) -> list[str]:
    values = event.attributes
    found = []
    if values.get("exchange.id"):
        found.append(f"exchange {values['exchange.id']}")
    if values.get("symbol"):
        found.append(f"symbol {values['symbol']} {values.get('currency') or ''}".rstrip())
    if values.get("bot.program"):
        found.append(f"program {values['bot.program']}")
    return found


def _hint(hints: dict[str, int], hint: str, count: int) -> None:
    """The first names in order stay: the same ones whatever came first."""
    if hint not in hints and len(hints) >= KEPT_HINTS and hint > max(hints):
        return
    hints[hint] = hints.get(hint, 0) + count
    while len(hints) > KEPT_HINTS:
        del hints[max(hints)]


def _age(ages: list[Age], age: Age) -> None:
    if not ages or age > ages[-1]:
        ages.append(age)
    else:
        place = bisect_left(ages, age)
        if ages[place] == age:
            return
        ages.insert(place, age)
    if len(ages) > KEPT_AGES:
        del ages[0]

"""What agents and models did on one calendar day, added up exactly before it meets what is stored."""

from __future__ import annotations

import decimal
from collections.abc import Iterable, Mapping, Sequence
from decimal import Decimal
from typing import Any

import msgspec

from obs.money.entries import Credit, LlmCall

__all__ = ["EXACT", "Day", "agent_days", "model_days", "total"]

EXACT = decimal.Context(prec=400)
"""More digits than any sum of amounts has: additions in it round nothing."""
DAY_NS = 86_400_000_000_000

Key = tuple[str, ...]


def total(amounts: Iterable[Decimal | str | None]) -> Decimal:
    """Return the exact sum of amounts of one currency; those that are not known add nothing."""
    result = Decimal(0)
    for amount in amounts:
        if amount is not None:
            result = EXACT.add(result, Decimal(amount))
    return result


class Day(msgspec.Struct):
    """One row of a day, as it grows."""

    counts: dict[str, int] = {}
    amounts: dict[str, Decimal] = {}
    duration_ms: float = 0.0
    first: int = 0
    last: int = 0
    model: str = ""
    """The model, in a row about models; there only the life below is kept."""
    previous: str = ""
    changed_at: int = 0

    def count(self, **more: int) -> None:
        """Add to counts."""
        for name, number in more.items():
            self.counts[name] = self.counts.get(name, 0) + number

    def add(self, name: str, amount: Decimal | None) -> None:
        """Add an amount; one that is not known adds nothing."""
        self.amounts[name] = total((self.amounts.get(name), amount))

    def follow(self, uses: Sequence[tuple[str, int]]) -> None:
        """Say whether the agent turned to this model, given when it last used which.

        Args:
            uses: Each model with its last use, Unix ns.
        """
        own = max((at for model, at in uses if model == self.model), default=0)
        if own and self.first - own < DAY_NS:
            return
        self.changed_at = self.first
        others = [(at, model) for model, at in uses if model != self.model and at <= self.first]
        self.previous = max(others)[1] if others else ""

    def joined(self, stored: Mapping[str, Any]) -> dict[str, Any]:
        """Return the columns of the row, with what is stored of it already."""
        row: dict[str, Any] = {name: stored.get(name, 0) + more for name, more in self.counts.items()}
        row |= {name: str(total((stored.get(name), more))) for name, more in self.amounts.items()}
        if self.first:
            row["first"] = min(stored.get("first", self.first), self.first)
            row["last"] = max(stored.get("last", 0), self.last)
            row["duration_ms"] = stored.get("duration_ms", 0.0) + self.duration_ms
            row["previous"] = stored.get("previous", self.previous)
            row["changed_at"] = stored.get("changed_at", self.changed_at)
        return row


def agent_days(
    credited: Iterable[tuple[str, Credit]], calls: Iterable[tuple[str, LlmCall]]
) -> dict[Key, Day]:
    """Return what each agent is credited with and what its models cost, by day, model and currency."""
    days: dict[Key, Day] = {}
    for at, credit in credited:
        day = days.setdefault((at, credit.service, credit.agent, "", credit.currency), _agent_day())
        day.count(trades=1, wins=int(credit.amount > 0))
        day.add("contribution", credit.amount)
    for at, call in calls:
        day = days.setdefault((at, call.service, call.agent, call.model, call.currency), _agent_day())
        _add_call(day, call)
    return days


def model_days(calls: Iterable[tuple[str, LlmCall]]) -> dict[Key, Day]:
    """Return each model's benchmark, by day, agent and currency, the earliest first."""
    days: dict[Key, Day] = {}
    for at, call in sorted(calls, key=lambda one: one[1].time):
        key = (at, call.service, call.agent, call.provider, call.model, call.currency)
        day = days.get(key)
        if day is None:
            day = days[key] = _model_day(call)
        _add_call(day, call)
        day.count(cut=int(call.is_cut), timed=int(call.duration_ms is not None))
        day.duration_ms += call.duration_ms or 0.0
        day.first, day.last = min(day.first, call.time), max(day.last, call.time)
    return days


def _add_call(day: Day, call: LlmCall) -> None:
    day.count(
        calls=1,
        failed=int(bool(call.error)),
        unpriced=int(call.cost is None),
        input_tokens=call.input_tokens or 0,
        output_tokens=call.output_tokens or 0,
    )
    day.add("cost", call.cost)


_CALLS = ("calls", "failed", "unpriced", "input_tokens", "output_tokens")


def _agent_day() -> Day:
    counts = dict.fromkeys(("trades", "wins", *_CALLS), 0)
    return Day(counts=counts, amounts={"contribution": Decimal(0), "cost": Decimal(0)})


def _model_day(call: LlmCall) -> Day:
    counts = dict.fromkeys((*_CALLS, "cut", "timed"), 0)
    return Day(counts=counts, amounts={"cost": Decimal(0)}, first=call.time, last=call.time, model=call.model)

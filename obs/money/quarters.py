"""Sums of one quarter of an hour, from which the hours and days of any time zone are made.

Every zone's offset is a multiple of a quarter of an hour, so no day begins inside one. All fields merge by
adding, so that any split of a stream gives the same sums.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from decimal import Decimal
from typing import TypeVar

import msgspec

from obs.money.entries import LlmCall
from obs.scale import FIRST, middle, place

__all__ = ["QUARTER_NS", "Calls", "Credited", "Quarter", "Results", "joined", "percentile", "split"]

QUARTER_NS = 15 * 60 * 1_000_000_000
DAY_QUARTERS = 100
"""A day of 25 hours: two quarters that are further apart never share a day."""
MAX_KINDS = 64
"""Agents with their models told apart within one quarter; the greatest names join `OTHER`."""
OTHER = "other"
SEPARATOR = "\x1f"
_STEP = math.log(1.05)
"""Of the scale of milliseconds on which earlier releases kept latencies."""


class Results(msgspec.Struct, array_like=True):
    """Trades that got their result, of one mode and currency."""

    settled: int = 0
    won: int = 0
    lost: int = 0
    """A result of exactly 0 is neither won nor lost."""
    pnl: Decimal = Decimal(0)

    def plus(self, other: Results) -> None:
        """Add the other's."""
        self.settled += other.settled
        self.won += other.won
        self.lost += other.lost
        self.pnl += other.pnl


class Calls(msgspec.Struct, array_like=True):
    """Calls of one model by one agent."""

    calls: int = 0
    failed: int = 0
    cut: int = 0
    input_tokens: int = 0
    cached_tokens: int = 0
    output_tokens: int = 0
    reasoning_tokens: int = 0
    unpriced: int = 0
    reported: int = 0
    """Calls whose cost is the bot's own word."""
    cost: dict[str, Decimal] = {}
    steps: dict[int, int] = {}
    """As an earlier release stored latencies; empty as soon as it is read."""
    latency: dict[int, int] = {}
    """Number of a bucket of `obs.scale`, in seconds -> calls."""

    def __post_init__(self) -> None:
        for step, calls in self.steps.items():
            self._took(math.exp((step + 0.5) * _STEP), calls)
        self.steps = {}

    def add(self, call: LlmCall) -> None:
        """Count one call."""
        self.calls += 1
        self.failed += bool(call.error)
        self.cut += call.is_cut
        self.input_tokens += call.input_tokens or 0
        self.cached_tokens += call.cached_tokens
        self.output_tokens += call.output_tokens or 0
        self.reasoning_tokens += call.reasoning_tokens
        self.unpriced += call.basis == "unpriced"
        self.reported += call.basis == "reported"
        if call.cost is not None:
            self.cost[call.currency] = self.cost.get(call.currency, Decimal(0)) + call.cost
        if call.duration_ms is not None:
            self._took(call.duration_ms, 1)

    def plus(self, other: Calls) -> None:
        """Add the other's."""
        self.calls += other.calls
        self.failed += other.failed
        self.cut += other.cut
        self.input_tokens += other.input_tokens
        self.cached_tokens += other.cached_tokens
        self.output_tokens += other.output_tokens
        self.reasoning_tokens += other.reasoning_tokens
        self.unpriced += other.unpriced
        self.reported += other.reported
        for currency, cost in other.cost.items():
            self.cost[currency] = self.cost.get(currency, Decimal(0)) + cost
        for number, count in other.latency.items():
            self.latency[number] = self.latency.get(number, 0) + count

    def _took(self, milliseconds: float, calls: int) -> None:
        number = place(milliseconds / 1_000)
        number = FIRST if number is None else number
        self.latency[number] = self.latency.get(number, 0) + calls


class Credited(msgspec.Struct, array_like=True):
    """What one agent was credited with, of one mode and currency."""

    trades: int = 0
    won: int = 0
    amount: Decimal = Decimal(0)
    judged: int = 0
    right: int = 0

    def plus(self, other: Credited) -> None:
        """Add the other's."""
        self.trades += other.trades
        self.won += other.won
        self.amount += other.amount
        self.judged += other.judged
        self.right += other.right


class Quarter(msgspec.Struct):
    """Everything of one quarter of an hour; of trades only those that left the book's own list."""

    weight: int = 0
    """Calls and trades that were added: while it stays, nothing else changes."""
    entered: dict[str, int] = {}
    """Mode -> trades entered."""
    closed: dict[str, int] = {}
    """Mode -> trades closed."""
    filled: dict[str, int] = {}
    """Mode -> orders with their first fill, of a bot that tells no trades."""
    both: dict[str, int] = {}
    """Mode and quarters back to the entry -> trades closed here, where both may fall on one day."""
    results: dict[str, Results] = {}
    """Mode and currency -> results."""
    llm: dict[str, Calls] = {}
    """Mode, agent, provider and model -> calls."""
    credits: dict[str, Credited] = {}
    """Mode, agent, currency and method -> what was credited."""

    @property
    def records(self) -> int:
        """How many trades and calls it holds."""
        trades = sum(self.closed.values()) + sum(self.filled.values())
        return trades + sum(calls.calls for calls in self.llm.values())

    def call(self, call: LlmCall) -> None:
        """Count one call of a model."""
        key = joined(call.mode, call.agent, call.provider, call.model)
        self.llm.setdefault(key, Calls()).add(call)
        self.weight += 1
        self._bound()

    def plus(self, other: Quarter) -> None:
        """Add the other's."""
        self.weight += other.weight
        for mine, theirs in (
            (self.entered, other.entered),
            (self.closed, other.closed),
            (self.both, other.both),
            (self.filled, other.filled),
        ):
            for key, count in theirs.items():
                mine[key] = mine.get(key, 0) + count
        _add(self.results, other.results, Results)
        _add(self.llm, other.llm, Calls)
        _add(self.credits, other.credits, Credited)
        self._bound()

    def _bound(self) -> None:
        while len(self.llm) > MAX_KINDS + 1:
            # The least names stay, whatever came first; what is beyond is counted together.
            last = max(key for key in self.llm if not key.endswith(_REST))
            mode = last.split(SEPARATOR, 1)[0]
            self.llm.setdefault(mode + _REST, Calls()).plus(self.llm.pop(last))


_REST = SEPARATOR + SEPARATOR.join((OTHER, "", OTHER))


S = TypeVar("S", Results, Calls, Credited)


def _add(mine: dict[str, S], theirs: Mapping[str, S], kind: type[S]) -> None:
    for key, value in theirs.items():
        known = mine.get(key)
        if known is None:
            known = mine[key] = kind()
        known.plus(value)


def joined(*parts: object) -> str:
    """Return several names as one key."""
    return SEPARATOR.join(str(part).replace(SEPARATOR, " ") for part in parts)


def split(key: str) -> list[str]:
    """Return the names that `joined` put together."""
    return key.split(SEPARATOR)


def percentile(latency: Mapping[int, int], share: float) -> float | None:
    """Return the latency in ms that `share` of the calls did not exceed, to 5 %; None without any.

    Args:
        latency: Number of a bucket of `obs.scale`, in seconds -> calls.
        share: In (0, 1].
    """
    total = sum(latency.values())
    if not total:
        return None
    wanted = share * total
    for number in sorted(latency):
        wanted -= latency[number]
        if wanted <= 1e-9:
            return round(middle(number) * 1_000, 1)
    return None

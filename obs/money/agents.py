"""How each agent did over a window of days: what it brought, what it cost, whether it was right.

Ranked by the lower end of a bootstrap interval of contribution by cost, not by its mean: who was lucky twice
does not lead. Below `FEW` trades a figure says so; without a cost, a price or a rate there is no rank.
"""

from __future__ import annotations

import functools
import math
import random
from collections.abc import Callable, Iterable, Mapping, Sequence
from decimal import Decimal

import msgspec

from obs.money.amounts import Money, Rate
from obs.money.crediting import Part
from obs.money.figures import AgentPerformance
from obs.money.quarters import Calls, Credited
from obs.money.rates import Rates
from obs.money.windows import Ledger, Listed, Sums, amounts_of, short

__all__ = ["FEW", "Tally", "correlation", "lower_bound", "performances", "tallies"]

FEW = 20
"""Fewer closed trades prove nothing."""
RESAMPLES = 400
SAMPLES = 500
"""The newest trades that an interval is made of."""
JUDGED_LEAST = 3
"""Fewer judged signals have no correlation."""


class Tally(msgspec.Struct):
    """What one agent did in a window."""

    agent: str
    trades: int = 0
    won: int = 0
    open_trades: int = 0
    credited: dict[str, Decimal] = {}
    provisional: dict[str, Decimal] = {}
    methods: set[str] = msgspec.field(default_factory=set)
    samples: list[tuple[int, Decimal, str]] = []
    """Time, amount and currency of each listed trade's credit."""
    judged: int = 0
    right: int = 0
    stances: list[tuple[float, float, bool]] = []
    """Signed confidence, move of the price, and whether it was right."""
    llm: dict[tuple[str, str], Calls] = {}
    services: set[str] = msgspec.field(default_factory=set)

    def take(self, part: Part, time: int) -> None:
        """Add its part in one closed trade."""
        self.sum(part.credited, part.currency, part.method, is_credited=part.amount is not None)
        if part.amount is not None:
            self.samples.append((time, part.amount, part.currency))
        if part.is_right is not None and part.stance is not None and part.move is not None:
            self.stances.append((part.stance, part.move, part.is_right))

    def sum(self, credited: Credited, currency: str, method: str, *, is_credited: bool = True) -> None:
        """Add a sum of credits."""
        self.trades += credited.trades
        self.won += credited.won
        self.judged += credited.judged
        self.right += credited.right
        if is_credited:
            self.credited[currency] = self.credited.get(currency, Decimal(0)) + credited.amount
            self.methods |= {method} - {""}

    @property
    def cost(self) -> dict[str, Decimal]:
        """LLM cost by currency."""
        whole: dict[str, Decimal] = {}
        for calls in self.llm.values():
            for currency, amount in calls.cost.items():
                whole[currency] = whole.get(currency, Decimal(0)) + amount
        return whole

    @property
    def calls(self) -> int:
        """Calls of language models."""
        return sum(calls.calls for calls in self.llm.values())

    @property
    def unpriced(self) -> int:
        """Calls whose cost is not known."""
        return sum(calls.unpriced for calls in self.llm.values())


def tallies(ledger: Ledger, sums: Sums, start: int, end: int, *, is_simulated: bool) -> dict[str, Tally]:
    """Return what each agent did in [start, end), by name.

    Args:
        ledger: All trades.
        sums: The same window's sums of the same kind of money.
        start: Unix ns.
        end: Unix ns.
        is_simulated: Which kind of money.
    """
    found: dict[str, Tally] = {}

    def of(agent: str, service: str = "") -> Tally:
        tally = found.setdefault(agent, Tally(agent))
        tally.services |= {service} - {""}
        return tally

    for listed in ledger.listed:
        if (listed.mode == "paper") != is_simulated:
            continue
        if listed.trip.is_open:
            _take_open(ledger, listed, of)
        elif start <= listed.trip.left < end and listed.trip.result is not None:
            for part in ledger.parts(listed):
                of(part.agent, listed.service).take(part, listed.trip.left)
    for (agent, currency, method), credited in sums.credits.items():
        of(agent).sum(credited, currency, method)
    for award in ledger.awards(start, end):
        if (award.mode == "paper") == is_simulated:
            of(award.agent, award.service).sum(award.credited, award.currency, award.method)
    for (agent, provider, model), calls in sums.llm.items():
        of(agent).llm.setdefault((provider, model), Calls()).plus(calls)
    for agent, services in sums.services.items():
        if agent in found:
            found[agent].services |= services
    return found


def _take_open(ledger: Ledger, listed: Listed, of: Callable[[str, str], Tally]) -> None:
    for part in ledger.crediting(listed.service).provisional(listed.trip):
        tally = of(part.agent, listed.service)
        tally.open_trades += 1
        if part.amount is not None:
            tally.provisional[part.currency] = tally.provisional.get(part.currency, Decimal(0)) + part.amount


def performances(
    found: Iterable[Tally],
    rates: Rates,
    *,
    now: int,
    daily: Mapping[str, Mapping[str, Sequence[float]]] | None = None,
) -> tuple[AgentPerformance, ...]:
    """Return the agents with their ranks, ranked ones first.

    Args:
        found: What each did.
        rates: For those whose results and costs are in different currencies.
        now: Unix ns; later rates do not hold.
        daily: Agent -> currency -> its credits of each day.
    """
    made = [_performance(tally, rates, now, (daily or {}).get(tally.agent, {})) for tally in found]
    ranked = [one for one in made if one.efficiency_low is not None]
    ranked.sort(key=lambda one: (one.trades < FEW, -(one.efficiency_low or 0), one.agent))
    rest = [one for one in made if one.efficiency_low is None]
    rest.sort(key=lambda one: (-one.trades, -one.calls, one.agent))
    with_rank = [msgspec.structs.replace(one, rank=rank) for rank, one in enumerate(ranked, 1)]
    return (*with_rank, *rest)


def _performance(
    tally: Tally, rates: Rates, now: int, daily: Mapping[str, Sequence[float]]
) -> AgentPerformance:
    cost = tally.cost
    currency = max(tally.credited, key=lambda one: (abs(tally.credited[one]), one), default="")
    score, low, roi, used, reason = _efficiency(tally, currency, rates, now)
    spent = _one(cost, rates, now)
    stances = tally.stances
    return AgentPerformance(
        agent=tally.agent,
        reason=reason,
        services=tuple(sorted(tally.services)),
        models=tuple(sorted({model for _, model in tally.llm if model})),
        trades=tally.trades,
        open_trades=tally.open_trades,
        won=tally.won,
        win_rate=round(100 * tally.won / tally.trades, 4) if tally.trades else None,
        contribution=amounts_of(tally.credited),
        method=next(iter(tally.methods)) if len(tally.methods) == 1 else "mixed" if tally.methods else "",
        provisional=amounts_of(tally.provisional),
        cost=amounts_of(cost),
        calls=tally.calls,
        unpriced=tally.unpriced,
        efficiency_score=score,
        efficiency_low=low,
        roi=roi,
        cost_per_trade=Money(short(spent.amount / tally.trades), spent.currency)
        if spent is not None and tally.trades and not tally.unpriced
        else None,
        hit_rate=tally.right / tally.judged if tally.judged else None,
        brier=_brier(stances),
        correlation=correlation([stance for stance, _, _ in stances], [move for _, move, _ in stances]),
        judged=tally.judged,
        rates=used,
        daily=tuple(daily.get(currency, ())),
        currency=currency,
    )


Efficient = tuple[float | None, float | None, float | None, tuple[Rate, ...], str]


def _efficiency(tally: Tally, currency: str, rates: Rates, now: int) -> Efficient:
    """Return score, lower bound, ROI in percent, the rates used, and why there is none."""
    nothing = None, None, None, ()
    if not tally.trades:
        return *nothing, "no_trades"
    if tally.unpriced:
        return *nothing, "unpriced"
    if not any(tally.cost.values()):
        return *nothing, "no_cost"
    if not tally.credited:
        return *nothing, "not_credited"
    cost = rates.total(amounts_of(tally.cost), currency, at=now)
    whole = rates.total(amounts_of(tally.credited), currency, at=now)
    if cost is None or whole is None:
        return *nothing, "no_rate"
    spent = float(cost.amount)
    score = float(whole.amount) / spent
    samples = [
        converted.amount
        for _, amount, its in sorted(tally.samples)[-SAMPLES:]
        if (converted := rates.convert(amount, its, currency, at=now)) is not None
    ]
    # Of trades no longer listed only the sum is known: the listed ones stand for all.
    low = lower_bound(tuple(float(sample) for sample in samples)) * tally.trades / spent if samples else score
    used = tuple(sorted({*cost.rates, *whole.rates}))
    return score, low, (score - 1) * 100, used, "too_few_trades" if tally.trades < FEW else ""


@functools.lru_cache(maxsize=1_024)
def lower_bound(samples: tuple[float, ...]) -> float:
    """Return the lower end of the 90 % bootstrap interval of the mean; the same for the same samples.

    Args:
        samples: At least one.
    """
    draw = random.Random(len(samples))
    means = sorted(math.fsum(draw.choices(samples, k=len(samples))) / len(samples) for _ in range(RESAMPLES))
    return means[RESAMPLES // 20]


def correlation(first: Sequence[float], second: Sequence[float]) -> float | None:
    """Return Pearson's correlation; None for fewer than three pairs or when one side never changes."""
    count = len(first)
    if count < JUDGED_LEAST:
        return None
    a, b = math.fsum(first) / count, math.fsum(second) / count
    over = math.fsum((x - a) * (y - b) for x, y in zip(first, second, strict=True))
    spread = math.sqrt(math.fsum((x - a) ** 2 for x in first) * math.fsum((y - b) ** 2 for y in second))
    return max(-1.0, min(1.0, over / spread)) if spread else None


def _brier(stances: Sequence[tuple[float, float, bool]]) -> float | None:
    if not stances:
        return None
    return math.fsum((abs(stance) - right) ** 2 for stance, _, right in stances) / len(stances)


def _one(sums: dict[str, Decimal], rates: Rates, now: int) -> Money | None:
    """Sums by currency as one amount in the largest of them; None without any, or without a rate."""
    amounts = amounts_of(sums)
    if not amounts:
        return None
    whole = rates.total(amounts, amounts[0].currency, at=now)
    return Money(whole.amount, whole.currency) if whole is not None else None

"""Single figures of money that several parts of the page need."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal

from obs.money.amounts import Money
from obs.money.figures import TrendPoint
from obs.snapshot import Snapshot

__all__ = ["cost_currency", "spending"]

HOUR_NS = 3_600_000_000_000


def spending(snapshot: Snapshot, services: Sequence[str]) -> Money | None:
    """Return what language models cost in an hour now, of the newest that is known; None when nothing is.

    Args:
        snapshot: The picture.
        services: The bots whose spending is meant; where several have agents, theirs are together.
    """
    money = snapshot.money
    if money is None:
        return None
    agents = {one.agent for one in money.agent_performance if not services or set(one.services) & {*services}}
    newest = money.hourly_trends[-2:]
    currency = cost_currency(newest)
    if not newest or not currency:
        return None
    spent = sum(
        (
            amount.amount
            for point in newest
            for name, amounts in point.cost_by_agent.items()
            if not agents or name in agents
            for amount in amounts
            if amount.currency == currency
        ),
        Decimal(0),
    )
    span = snapshot.taken_at - newest[0].time
    return Money(spent * HOUR_NS / span, currency) if spent and span > 0 else None


def cost_currency(points: Sequence[TrendPoint]) -> str:
    """Return the currency in which most of the cost of language models is told; empty when there is none."""
    counts: dict[str, int] = {}
    for point in points:
        for amount in point.cost:
            counts[amount.currency] = counts.get(amount.currency, 0) + 1
    return min(counts, key=lambda one: (-counts[one], one), default="")

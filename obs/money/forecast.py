"""What language models will have cost when the day ends, and when a budget is spent: at the pace of now."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal
from typing import NamedTuple

from obs.money.days import HOUR_NS
from obs.money.figures import RealTimeMetrics, TrendPoint

__all__ = ["Forecast", "forecast", "hourly_pace"]


class Forecast(NamedTuple):
    """How the cost of one currency goes on today if nothing changes."""

    spent: Decimal
    """Since the day began."""
    per_hour: Decimal
    """By the hour that runs and the one before it."""
    total: Decimal
    """What the day will have come to."""
    exceeded_at: int
    """Unix ns at which the budget is spent; 0: not today, or it is spent already."""


def forecast(money: RealTimeMetrics, currency: str, budget: Decimal | None, now: int) -> Forecast:
    """Return how today's cost goes on.

    Args:
        money: The figures of now.
        currency: Whose cost is meant; nothing is added across two.
        budget: What the day may cost; None: any sum.
        now: Unix ns.
    """
    spent = next((one.amount for one in money.total_cost_today if one.currency == currency), Decimal(0))
    pace = hourly_pace(money.hourly_trends, currency, now)
    left = max(money.daily_trends[-1].until - now, 0) if money.daily_trends else 0
    at = 0
    if budget is not None and pace and spent < budget:
        end = now + int((budget - spent) / pace * HOUR_NS)
        at = end if end < now + left else 0
    return Forecast(spent, pace, spent + pace * left / HOUR_NS, at)


def hourly_pace(hours: Sequence[TrendPoint], currency: str, now: int) -> Decimal:
    """Return what an hour costs, by the one that runs and the one before it."""
    newest = hours[-2:]
    if not newest or now <= newest[0].time:
        return Decimal(0)
    spent = sum((a.amount for p in newest for a in p.cost if a.currency == currency), Decimal(0))
    return spent * HOUR_NS / (now - newest[0].time)

"""The day's budget of language models: passed, or at this pace about to be; calm while it is far."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from decimal import Decimal
from typing import NamedTuple

from obs.books import Register
from obs.hazards.making import issue, shown
from obs.money.amounts import Money
from obs.money.figures import RealTimeMetrics
from obs.money.forecast import Forecast, forecast
from obs.quoting import plain
from obs.snapshot import Category, Issue, IssueSeverity
from obs.state import State

__all__ = ["find"]

FAR = Decimal("0.5")
"""Before so much of a budget is spent, the pace of two hours says too little of the day."""
NAMED = 3
"""Agents that are named, the costliest first."""


class _Agent(NamedTuple):
    """One agent's part in what today cost."""

    name: str
    cost: Decimal


def find(state: State, money: RealTimeMetrics, now: int) -> Iterator[Issue]:
    """Yield the issue of a budget that is spent, or will be before the day ends.

    Args:
        state: Whose calls they are.
        money: The figures of now, with the budget if there is one.
        now: Unix ns.
    """
    budget = money.budget
    if budget is None or budget.amount <= 0 or not money.daily_trends:
        return
    seen = forecast(money, budget.currency, budget.amount, now)
    is_spent = seen.spent >= budget.amount
    if is_spent or (seen.exceeded_at and seen.spent >= budget.amount * FAR):
        yield _issue(state, money, budget, seen, is_spent=is_spent)


def _issue(state: State, money: RealTimeMetrics, budget: Money, seen: Forecast, *, is_spent: bool) -> Issue:
    today = money.daily_trends[-1]
    agents = _agents(money, budget.currency)
    names = {agent.name for agent in agents}
    calls = {
        (name, agent): llm.last
        for name, bot in state.books.bots.items()
        for agent, llm in bot.llm.items()
        if llm.last.time >= today.time and agent in names
    }
    bots = sorted({name for name, _ in calls if name})
    dearest = plain(agents[0].name) if agents and agents[0].name else "the agent that spends most"
    first, last = _since(money, budget, is_spent=is_spent), max((r.time for r in calls.values()), default=0)
    return issue(
        ("llm-budget", budget.currency),
        Category.LLM,
        IssueSeverity.ERROR if is_spent else IssueSeverity.WARNING,
        f"LLM budget of {_told(budget.amount, budget)} is exceeded"
        if is_spent
        else f"LLM budget of {_told(budget.amount, budget)} will be exceeded at {_clock(seen.exceeded_at)}",
        bots[0] if len(bots) == 1 else "",
        services=tuple(bots),
        first=first or today.time,
        last=last or first or today.time,
        count=max(money.calls_today, 1),
        explanation=_explanation(money, budget, seen, agents),
        fix_in="config: model, pace and prompts of the agents; a person decides on the budget",
        actions=(
            f"[read] The calls of {dearest}: what for, how often, how long are prompts and answers?",
            f"[ask] Operator: is it worth it, or pause {dearest} until the day ends?",
            "[config] A cheaper model, fewer calls or shorter prompts; a higher `llm_daily_budget` if it is "
            "worth it.",
        ),
        do_not="pause an agent that decides on open positions before somebody else watches them",
        minutes=15,
        evidence=[shown(one) for one in _newest(calls, agents) if one.quote],
        grouped_by=f"the day's budget in {budget.currency}",
    )


def _explanation(money: RealTimeMetrics, budget: Money, seen: Forecast, agents: list[_Agent]) -> str:
    text = f"{_told(seen.spent, budget)} spent today, {_told(seen.per_hour, budget)} an hour now"
    text += f"; at this pace the day ends at {_told(seen.total, budget)}." if seen.per_hour else "."
    if agents:
        told = ", ".join(
            f"{plain(one.name) or 'no agent'} {_told(one.cost, budget)}" for one in agents[:NAMED]
        )
        text += f" Most of it: {told}."
    if money.unpriced_today:
        text += f" {money.unpriced_today} calls have no known price: the true cost is higher."
    others = [one for one in money.total_cost_today if one.currency != budget.currency]
    if others:
        told = ", ".join(f"{one.amount:.2f} {plain(one.currency)}" for one in others)
        text += f" Not in it: {told}, for which no budget is set."
    return text + " Nothing stops the agents: the observer only tells."


def _agents(money: RealTimeMetrics, currency: str) -> list[_Agent]:
    """Who spent today's money of a currency, the costliest first."""
    found = [
        _Agent(name, one.amount)
        for name, amounts in money.daily_trends[-1].cost_by_agent.items()
        for one in amounts
        if one.currency == currency
    ]
    return sorted(found, key=lambda one: (-one.cost, one.name))


def _since(money: RealTimeMetrics, budget: Money, *, is_spent: bool) -> int:
    """The hour in which as much was spent as makes it an issue; 0 when the hours do not tell."""
    least = budget.amount if is_spent else budget.amount * FAR
    spent, start = Decimal(0), money.daily_trends[-1].time
    for hour in money.hourly_trends:
        if hour.time < start:
            continue
        spent += sum((one.amount for one in hour.cost if one.currency == budget.currency), Decimal(0))
        if spent >= least:
            return hour.time
    return 0


def _newest(calls: dict[tuple[str, str], Register], agents: list[_Agent]) -> list[Register]:
    order = {agent.name: place for place, agent in enumerate(agents)}
    found = sorted(calls, key=lambda key: (order[key[1]], key))
    return [calls[key] for key in found[:NAMED]]


def _told(amount: Decimal, budget: Money) -> str:
    return f"{amount:.2f} {plain(budget.currency)}"


def _clock(time: int) -> str:
    return f"{datetime.fromtimestamp(time // 1_000_000_000, UTC):%H:%M} UTC"

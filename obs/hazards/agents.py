"""Agents that talk to themselves and spend."""

from __future__ import annotations

from collections.abc import Iterator

from obs.books import BotFacts, Llm
from obs.hazards.making import issue, shown
from obs.quoting import plain
from obs.snapshot import Category, Issue, IssueSeverity

__all__ = ["loops"]

LOOP_CALLS = 20
"""So many model calls in one conversation without an order are a loop."""


def loops(name: str, bot: BotFacts) -> Iterator[Issue]:
    for agent, llm in sorted(bot.llm.items()):
        loop = max(llm.repeated.values(), key=lambda series: series.count, default=llm.calls)
        repeated = loop.count if llm.repeated else 0
        over_limit = llm.limit is not None and any(cost > llm.limit for cost in llm.cost.values())
        if repeated < LOOP_CALLS and not over_limit:
            continue
        cost = ", ".join(
            f"{amount.normalize():f} {currency}" for currency, amount in sorted(llm.cost.items())
        )
        yield issue(
            ("llm-loop", name, agent),
            Category.LLM,
            IssueSeverity.ERROR,
            "LLM agent loops",
            name,
            first=loop.first,
            last=loop.last,
            count=loop.count,
            trend=loop.trend(),
            explanation=_loop_text(agent, llm, repeated, cost, bot),
            fix_in=f"config: pause agent {plain(agent)}; then code",
            actions=(
                f"[config] Pause {plain(agent)}, or set its call and cost limit.",
                "[read] The last answers: why does the conversation not end?",
                "[code] A call limit per conversation, and a stop when answers repeat.",
            ),
            do_not="raise the daily limit to get it going again",
            minutes=20,
            evidence=[shown(r) for r in (llm.first, llm.last) if r is not None],
            grouped_by=f"model calls of agent {plain(agent)}",
        )


def _loop_text(agent: str, llm: Llm, repeated: int, cost: str, bot: BotFacts) -> str:
    text = f"{llm.calls.count} calls, {repeated} of them in one conversation or with one prompt"
    text += f", {cost} so far" if cost else ", unpriced"
    if llm.limit is not None:
        text += f" (daily limit {llm.limit.normalize():f})"
    if llm.unpriced:
        text += f", {llm.unpriced} calls unpriced"
    orders = sum(bot.order_outcomes.values())
    return text + f"; {bot.signals} signals and {orders} order records of this bot."

"""Agents that talk to themselves and spend."""

from __future__ import annotations

from collections.abc import Iterator

from obs.books import BotFacts, Llm, decimal
from obs.hazards.making import issue, shown
from obs.quoting import plain
from obs.snapshot import Category, Issue, IssueSeverity

__all__ = ["cut_off", "loops"]

LOOP_CALLS = 20
"""So many model calls in one conversation without an order are a loop."""
CUT_ANSWERS = 3
"""Fewer cut answers, or less than a tenth of all, are a long answer now and then."""


def cut_off(name: str, bot: BotFacts) -> Iterator[Issue]:
    """Yield an issue for each agent whose answers end at the token limit."""
    for agent, llm in sorted(bot.llm.items()):
        cut, calls = llm.cut.count, llm.calls.count
        if cut < CUT_ANSWERS or cut * 10 < calls:
            continue
        # Half of all answers, or nearly every one since it began.
        grave = cut * 2 >= calls or cut * 5 >= 4 * llm.calls.since(llm.cut.first) > 0
        values = llm.last_cut.values
        limit, used = (
            decimal(values.get(key)) for key in ("gen_ai.request.max_tokens", "gen_ai.usage.output_tokens")
        )
        model = plain(str(values.get("gen_ai.response.model") or values.get("gen_ai.request.model") or ""))
        told = [f"model {model}" if model else "", f"limit {limit:f} tokens" if limit is not None else ""]
        told.append(f"last answer {used:f}" if used is not None else "")
        thinking = decimal(values.get("gen_ai.usage.reasoning.output_tokens"))
        if thinking is not None and used:
            told.append(f"{thinking:f} of them spent on thinking")
        detail = ", ".join(part for part in told if part)
        yield issue(
            ("llm-cut", name, agent),
            Category.LLM,
            IssueSeverity.ERROR if grave else IssueSeverity.WARNING,
            f"Answers of {plain(agent)} are cut off at the token limit",
            name,
            first=llm.cut.first,
            last=llm.cut.last,
            count=cut,
            trend=llm.cut.trend(),
            explanation=f"{cut} of {calls} answers end before their end"
            + (f" ({detail})" if detail else "")
            + ". What is parsed from them is half a sentence or half a JSON object: a decision may be "
            f"missing, or wrong. This bot made {bot.decisions} decisions and "
            f"{sum(bot.order_outcomes.values())} order records.",
            fix_in="config: token limit and prompt; then code",
            actions=(
                f"[read] The last answers of {plain(agent)}: where do they end, and what was made of them?",
                "[config] A higher limit for the answer, less thinking, or a shorter form to answer in.",
                "[code] Treat a cut answer as no answer: check the finish reason before parsing.",
            ),
            do_not="parse what is there and trade on it",
            minutes=15,
            evidence=[shown(llm.last_cut)] if llm.last_cut.quote else [],
            seen=llm.cut,
            grouped_by=f"cut answers of agent {plain(agent)}",
        )


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
            f"LLM agent {plain(agent)} loops",
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
            seen=loop,
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

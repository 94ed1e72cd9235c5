"""What each model was used for: calls, failures, tokens, latency, cost, and what became of its advice."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal

from obs.money.agents import Tally
from obs.money.amounts import Money
from obs.money.figures import LlmUsage
from obs.money.quarters import Calls, percentile
from obs.money.rates import Rates
from obs.money.windows import Sums, amounts_of, short

__all__ = ["by_model", "by_provider", "joined_calls"]


def joined_calls(*sums: Sums) -> dict[tuple[str, str, str], Calls]:
    """Return the calls of several sums: models are paid for simulated trades too."""
    whole: dict[tuple[str, str, str], Calls] = {}
    for one in sums:
        for key, calls in one.llm.items():
            whole.setdefault(key, Calls()).plus(calls)
    return whole


def by_model(
    calls: Mapping[tuple[str, str, str], Calls], tallies: Mapping[str, Tally], rates: Rates, *, now: int
) -> tuple[LlmUsage, ...]:
    """Return each model of each provider, the costliest first.

    Args:
        calls: Agent, provider and model -> calls.
        tallies: What the agents did in the same window.
        rates: For costs in several currencies.
        now: Unix ns.
    """
    models: dict[tuple[str, str], Calls] = {}
    agents: dict[tuple[str, str], set[str]] = {}
    for (agent, provider, model), one in calls.items():
        models.setdefault((provider, model), Calls()).plus(one)
        agents.setdefault((provider, model), set()).add(agent)
    made = [
        _usage(provider, model, whole, agents[provider, model], tallies, rates, now)
        for (provider, model), whole in models.items()
    ]
    return tuple(
        sorted(
            made,
            key=lambda one: (-max((m.amount for m in one.cost), default=Decimal(0)), -one.calls, one.model),
        )
    )


def by_provider(calls: Mapping[tuple[str, str, str], Calls]) -> dict[str, tuple[Money, ...]]:
    """Return LLM cost by provider."""
    sums: dict[str, dict[str, Decimal]] = {}
    for (_, provider, _), one in calls.items():
        own = sums.setdefault(provider or "?", {})
        for currency, amount in one.cost.items():
            own[currency] = own.get(currency, Decimal(0)) + amount
    return {provider: amounts_of(own) for provider, own in sorted(sums.items())}


def _usage(
    provider: str,
    model: str,
    calls: Calls,
    agents: set[str],
    tallies: Mapping[str, Tally],
    rates: Rates,
    now: int,
) -> LlmUsage:
    own = [tallies[agent] for agent in agents if agent in tallies]
    trades, judged = sum(tally.trades for tally in own), sum(tally.judged for tally in own)
    amounts = amounts_of(calls.cost)
    whole = rates.total(amounts, amounts[0].currency, at=now) if amounts else None
    return LlmUsage(
        provider=provider,
        model=model,
        agents=tuple(sorted(agents)),
        calls=calls.calls,
        failed=calls.failed,
        cut=calls.cut,
        input_tokens=calls.input_tokens,
        cached_tokens=calls.cached_tokens,
        output_tokens=calls.output_tokens,
        reasoning_tokens=calls.reasoning_tokens,
        cost=amounts,
        unpriced=calls.unpriced,
        reported=calls.reported,
        p50_ms=percentile(calls.latency, 0.5),
        p95_ms=percentile(calls.latency, 0.95),
        trades=trades,
        cost_per_trade=Money(short(whole.amount / trades), whole.currency)
        if whole is not None and trades and not calls.unpriced
        else None,
        hit_rate=sum(tally.right for tally in own) / judged if judged else None,
        judged=judged,
    )

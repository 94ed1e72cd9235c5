"""Which agent earned what part of a result: Shapley values over the rule that made the decision.

The rule is a pure function, so it can be asked again for every set of agents: what would have been taken, and
earned, had only these spoken? An agent's value is what it adds on average over all orders in which they could
have come. Values add up to the result, and a dissenter who was right is credited also when nobody heeded it.
Source: L. S. Shapley, "A Value for n-Person Games", 1953.
"""

from __future__ import annotations

import math
import random
from collections.abc import Callable, Iterable
from dataclasses import dataclass

__all__ = ["EXACT", "Opinion", "decide", "shapley", "value_of"]

EXACT = 12
"""So many agents are asked in every combination; of more, orders are drawn."""
DRAWS = 200
"""Orders drawn for each agent, half of them the others reversed."""


@dataclass(frozen=True)
class Opinion:
    """What one agent said."""

    agent: str
    direction: int
    """1 buy, -1 sell, 0 neither."""
    confidence: float
    """In 0..1."""
    weight: float = 1.0


def shapley(value_of: Callable[[frozenset[str]], float], agents: Iterable[str]) -> dict[str, float]:
    """Return each agent's Shapley value.

    Args:
        value_of: What a set of agents would have earned; asked 2ⁿ times for n agents up to 12, and once for
            each set that a drawn order meets beyond. It must give the same answer for the same set.
        agents: Their names, each once.

    Returns:
        Agent → value. They add up to `value_of(all) - value_of(nobody)`, but for rounding.

    Raises:
        ValueError: If a name stands twice.
    """
    names = list(agents)
    if len(set(names)) != len(names):
        raise ValueError(f"agents = {names}: a name stands twice: give each agent once")
    return _exact(value_of, names) if len(names) <= EXACT else _sampled(value_of, names)


def decide(opinions: Iterable[Opinion], threshold: float, *, of: frozenset[str] | None = None) -> int:
    """Return the position of a weighted vote: 1, -1, or 0 when the score does not reach the threshold.

    Args:
        opinions: Of all agents.
        threshold: Least size of the score, itself included.
        of: The agents that speak; the others abstain, and nobody weighs more for it. None: all.
    """
    opinions = list(opinions)
    total = math.fsum(one.weight for one in opinions)
    heard = [one for one in opinions if of is None or one.agent in of]
    score = math.fsum(one.direction * one.confidence * one.weight for one in heard)
    # Not divided by the weights: 0.3 × 3 votes must meet a score of 0.9.
    if not score or abs(score) < threshold * total - 1e-12:
        return 0
    return 1 if score > 0 else -1


def value_of(
    opinions: Iterable[Opinion], threshold: float, *, asset_return: float, notional: float, cost: float = 0.0
) -> Callable[[frozenset[str]], float]:
    """Return what a set of agents would have earned, for `shapley`.

    Args:
        opinions: Of all agents.
        threshold: As of `decide`.
        asset_return: What the price did while the position was (or would have been) held, a fraction.
        notional: What is put in, in any currency; results are in it.
        cost: Of entering and leaving, in that currency.
    """
    known = tuple(opinions)

    def value(agents: frozenset[str]) -> float:
        position = decide(known, threshold, of=agents)
        return position * asset_return * notional - abs(position) * cost

    return value


def _exact(value_of: Callable[[frozenset[str]], float], names: list[str]) -> dict[str, float]:
    count = len(names)
    values = [
        value_of(frozenset(name for index, name in enumerate(names) if mask >> index & 1))
        for mask in range(1 << count)
    ]
    whole = math.factorial(count)
    # Of all orders, the share in which exactly a set of this size came before.
    shares = [math.factorial(size) * math.factorial(count - size - 1) / whole for size in range(count)]
    return {
        name: math.fsum(
            shares[mask.bit_count()] * (values[mask | 1 << index] - values[mask])
            for mask in range(1 << count)
            if not mask >> index & 1
        )
        for index, name in enumerate(names)
    }


def _sampled(value_of: Callable[[frozenset[str]], float], names: list[str]) -> dict[str, float]:
    # A fixed seed: the same decision is always told the same way.
    draw = random.Random(0)
    known: dict[frozenset[str], float] = {}
    gained: dict[str, list[float]] = {name: [] for name in names}

    def value(agents: frozenset[str]) -> float:
        if agents not in known:
            known[agents] = value_of(agents)
        return known[agents]

    for _ in range(DRAWS * len(names) // 2):
        order = draw.sample(names, len(names))
        # Each order also backwards: what is too much in one is too little in the other.
        for one in (order, order[::-1]):
            before: frozenset[str] = frozenset()
            for name in one:
                gained[name].append(value(before | {name}) - value(before))
                before |= {name}
    return {name: math.fsum(gains) / len(gains) for name, gains in gained.items()}

"""Who moved a decision: Shapley values over the rule that made it.

The rule is a weighted vote: each agent says a direction with a confidence, and a position is taken when the
score passes the threshold. What a position earned is fixed, as its size does not move the market; so only the
rule need be asked again for each set of agents, others abstaining. Exact up to 12 agents, sampled beyond.
Source: L. S. Shapley, "A Value for n-Person Games", 1953; see docs/guide.md for what it means here.
"""

from __future__ import annotations

import functools
import math
import random
from decimal import Decimal

import msgspec

__all__ = ["EXACT", "Share", "Vote", "shares", "side_of"]

EXACT = 12
"""So many agents are asked in every combination; of more, orders are drawn."""
DRAWS = 200
"""Orders drawn for each agent, each also in reverse."""


class Vote(msgspec.Struct, frozen=True):
    """What one agent said for a decision."""

    push: Decimal
    """Direction × confidence × weight."""
    weight: Decimal


class Share(msgspec.Struct, frozen=True):
    """One agent's part in a decision, in units of one out of `whole`."""

    position: int
    """Of the position taken: the parts of all add up to -1, 0 or 1."""
    size: int
    """Of its size, which is what costs go by."""
    whole: int


def side_of(votes: tuple[Vote, ...], threshold: Decimal, *, is_mean: bool = True) -> int:
    """Return the position that the rule takes: 1, -1, or 0 when the score does not reach the threshold.

    Args:
        votes: Of all agents.
        threshold: Least score, the threshold itself included; 0: any score but 0.
        is_mean: Whether the score is the mean by weight, not the sum.
    """
    return _side(sum((vote.push for vote in votes), Decimal(0)), _needed(votes, threshold, is_mean))


@functools.lru_cache(maxsize=4_096)
def shares(votes: tuple[Vote, ...], threshold: Decimal, *, is_mean: bool = True) -> tuple[Share, ...]:
    """Return each agent's share in the position that the rule takes; arguments as of `side_of`.

    Weights are those of the whole: an agent that is asked out abstains, the others do not weigh more.
    """
    needed = _needed(votes, threshold, is_mean)
    pushes = [vote.push for vote in votes]
    return _exact(pushes, needed) if len(votes) <= EXACT else _sampled(pushes, needed)


def _needed(votes: tuple[Vote, ...], threshold: Decimal, is_mean: bool) -> Decimal:
    return threshold * sum((vote.weight for vote in votes), Decimal(0)) if is_mean else threshold


def _side(push: Decimal, needed: Decimal) -> int:
    if push == 0 or abs(push) < needed:
        return 0
    return 1 if push > 0 else -1


def _exact(pushes: list[Decimal], needed: Decimal) -> tuple[Share, ...]:
    count = len(pushes)
    sums = [Decimal(0)] * (1 << count)
    for index, push in enumerate(pushes):
        for mask in range(1 << index):
            sums[mask | 1 << index] = sums[mask] + push
    sides = [_side(total, needed) for total in sums]
    weights = [
        math.factorial(size) * math.factorial(count - size - 1) for size in range(count)
    ]  # of `count!` orders, those in which exactly this set came before
    found = []
    for index in range(count):
        bit = 1 << index
        position = size = 0
        for mask in range(1 << count):
            if mask & bit or sides[mask] == sides[mask | bit]:
                continue
            weight = weights[mask.bit_count()]
            position += weight * (sides[mask | bit] - sides[mask])
            size += weight * (abs(sides[mask | bit]) - abs(sides[mask]))
        found.append(Share(position, size, math.factorial(count)))
    return tuple(found)


def _sampled(pushes: list[Decimal], needed: Decimal) -> tuple[Share, ...]:
    # Drawn with a fixed seed: the same decision is always told the same way.
    draw = random.Random(0)
    count = len(pushes)
    positions, sizes = [0] * count, [0] * count
    orders = DRAWS * count // 2
    for _ in range(orders):
        order = list(range(count))
        draw.shuffle(order)
        for one in (order, order[::-1]):
            total, before = Decimal(0), 0
            for index in one:
                total += pushes[index]
                after = _side(total, needed)
                positions[index] += after - before
                sizes[index] += abs(after) - abs(before)
                before = after
    return tuple(Share(position, size, 2 * orders) for position, size in zip(positions, sizes, strict=True))

"""Weights in proportion to confidence, under a cap for each position and one for all together."""

from __future__ import annotations

import math
from collections.abc import Mapping

__all__ = ["weights_of"]

STEPS = 1_000_000
"""Weights are cut off to this fraction, so that their sum never passes the cap by a rounding."""


def weights_of(confidence: Mapping[str, float], *, max_weight: float, max_total: float) -> dict[str, float]:
    """Return the weight of each symbol, a share of the equity.

    What a capped position may not take goes to the others, again by confidence, until all are capped or
    `max_total` is spent. The order of the symbols does not matter.

    Args:
        confidence: 0..1 for each symbol.
        max_weight: Cap for each position.
        max_total: Cap for the sum, 1 at most.
    """
    weights: dict[str, float] = {}
    left = min(max_total, 1.0)
    # The surest come first: once a share stays under the cap, all later ones do.
    ranked = sorted(confidence, key=lambda symbol: (-confidence[symbol], symbol))
    rest = [confidence[symbol] for symbol in ranked]
    for index, symbol in enumerate(ranked):
        total = math.fsum(rest[index:])
        share = min(max_weight, left * rest[index] / total) if total > 0 else 0.0
        left -= share
        weights[symbol] = math.floor(share * STEPS + 1 / STEPS) / STEPS
    return weights

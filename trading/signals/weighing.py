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
    left, total = min(max_total, 1.0), math.nan
    # The surest come first: once a share stays under the cap, all later ones do.
    ranked = sorted(confidence, key=lambda symbol: (-confidence[symbol], symbol))
    is_capped = True
    for index, symbol in enumerate(ranked):
        if is_capped:
            total = math.fsum([confidence[other] for other in ranked[index:]])
            is_capped = total > 0 and left * (confidence[symbol] / total) > max_weight
        share = max_weight if is_capped else left * (confidence[symbol] / total) if total > 0 else 0.0
        left -= max_weight if is_capped else 0.0
        weights[symbol] = math.floor(share * STEPS + 1 / STEPS) / STEPS
    return weights

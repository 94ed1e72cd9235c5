"""Bars that walk at random, the same for the same seed."""

from __future__ import annotations

import random

from trading.bars import Bar

DAY = 86_400_000_000_000


def walk(seed: int, sessions: int, *, first: int = 0, drift: float = 0.002) -> list[Bar]:
    """Return daily bars from day `first` on; nearly all rules trade on them."""
    dice, price, found = random.Random(seed), 100.0, []
    for day in range(first, first + sessions):
        opening = price * (1 + dice.gauss(0, 0.01))
        price = opening * (1 + dice.gauss(drift, 0.02))
        found.append(Bar(day * DAY, opening, max(opening, price), min(opening, price), price, 1.0))
    return found


def history_of(seed: int, symbols: int = 4, sessions: int = 50) -> dict[str, list[Bar]]:
    """Return the bars of some symbols."""
    return {f"S{index}": walk(seed * 10 + index, sessions) for index in range(symbols)}

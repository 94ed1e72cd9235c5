"""One line for the product of each step, for whoever watches a run."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import msgspec

from trading import amounts
from trading.daily import products

__all__ = ["worded"]


def worded(product: msgspec.Struct, currency: str) -> str:
    """Return what a step produced, in words; amounts with their currency."""
    if isinstance(product, products.Summed):
        return _summed(product, currency)
    return _WORDS[type(product)](product)


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}{'' if number == 1 else 's'}"


def _dated(made: products.Dated) -> str:
    return f"{made.calendar}, closed {made.close}"


def _chosen(made: products.Chosen) -> str:
    return "".join(
        [f"{made.path or 'defaults'} ({made.digest})", *map(". Look out: {}".format, made.warnings)]
    )


def _judged(made: products.Judged) -> str:
    without = f", {len(made.without_bar)} without a bar" if made.without_bar else ""
    found = f", {_count(len(made.findings), 'finding')} in the data" if made.findings else ""
    fills = f", {_count(len(made.fills), 'fill')} at the open" if made.fills else ""
    counts = f"{_count(len(made.signals), 'signal')}, {len(made.filtered)} filtered"
    short = "".join(f". Look out: {one.detail}" for one in made.findings if one.kind == "short")
    of = f"{_count(len(made.names), 'instrument')} from {made.source}"
    return f"{counts} of {of}{without}{found}{fills}{short}"


def _summed(made: products.Summed, currency: str) -> str:
    account = made.account
    figures = [
        f"{name} {amounts.amount(value, currency, 'en')}"
        for name, value in (("equity", account.equity), ("cash", account.cash))
        if isinstance(value, float)
    ]
    return f"{', '.join(figures)}, {_count(len(made.positions), 'position')}, {made.exposure:.1%} invested"


def _written(made: products.Written) -> str:
    return f"{_count(made.rows, 'row')} in {made.path}"


def _saved(made: products.Saved) -> str:
    return f"{_count(made.signals, 'signal')}, {made.filtered} filtered, {_count(made.actions, 'action')}"


def _phase(made: products.Phase) -> str:
    if made.regime is None:
        return "unknown: not enough history"
    turned = f", was {made.previous}" if made.previous and made.previous != made.regime else ""
    return f"{made.regime}{turned}"


def _reported(made: products.Reported) -> str:
    return ", ".join(made.paths)


def _told(made: products.Told) -> str:
    if not made.messages:
        return made.note or "no message"
    return ", ".join(
        f"{each.kind} {each.state}"
        + (f" by {each.channel}" if each.channel else "")
        + (" (before)" if each.duplicate else "")
        for each in made.messages
    )


def _ended(made: products.Ended) -> str:
    return "account and positions booked"


_WORDS: dict[type[msgspec.Struct], Callable[[Any], str]] = {
    products.Dated: _dated,
    products.Chosen: _chosen,
    products.Judged: _judged,
    products.Written: _written,
    products.Saved: _saved,
    products.Phase: _phase,
    products.Reported: _reported,
    products.Told: _told,
    products.Ended: _ended,
}

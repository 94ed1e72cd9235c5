"""Fills the variables of a dashboard into an expression: all that a metric has a label for filter it."""

from __future__ import annotations

import re
from collections.abc import Iterable

from obs.metrics.table import TABLE

__all__ = ["VARIABLES", "full", "used"]

VARIABLES = ("instance", "bot", "mode", "currency")
"""Variables that filter, in the order in which they stand above a dashboard: each is named as its label."""
_OF_PROMETHEUS = {
    "up": ("instance",),
    "scrape_duration_seconds": ("instance",),
    "scrape_samples_scraped": ("instance",),
    "ALERTS": ("instance", "bot"),
    "ALERTS_FOR_STATE": ("instance", "bot"),
}
_SELECTOR = re.compile(r"([a-zA-Z_:][a-zA-Z0-9_:]*)\{\*(,[^}]*)?\}")
_ENDS = ("_bucket", "_sum", "_count")


def full(expression: str) -> str:
    """Return the expression with each `{*}` written out in Grafana's words.

    Raises:
        KeyError: If nobody serves a metric of it.
    """

    def selector(found: re.Match[str]) -> str:
        name, more = found[1], found[2] or ""
        chosen = ",".join(f'{label}=~"${label}"' for label in _labels(name))
        return f"{name}{{{chosen}{more}}}"

    return _SELECTOR.sub(selector, expression)


def used(expressions: Iterable[str]) -> set[str]:
    """Return the variables that filter any of these, as `full` made them."""
    return {name for name in VARIABLES for one in expressions if f'=~"${name}"' in one}


def _labels(name: str) -> tuple[str, ...]:
    if name in _OF_PROMETHEUS:
        return _OF_PROMETHEUS[name]
    if ":" in name:
        # A recording rule is named after the label that it keeps.
        level = name.partition(":")[0]
        return ("instance", level) if level in VARIABLES and level != "instance" else ("instance",)
    if name not in TABLE:
        name = next((name.removesuffix(end) for end in _ENDS if name.removesuffix(end) in TABLE), name)
    return ("instance", *(label for label in VARIABLES if label in TABLE[name].labels))

"""Asks a running Prometheus all that dashboards and rules ask: what came, or why nothing did."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import NamedTuple

from tests.grafana.boards import asked
from tests.grafana.rules import metrics_of, rules
from tests.grafana.stack import Stack

__all__ = ["SOMETIMES", "WITHOUT_DATA", "Row", "survey"]

WITHOUT_DATA: Mapping[str, str] = {
    "obs_events_dropped_total": "nothing was lost",
    "obs_labels_folded": "a fleet of six bots has room for every name",
    "obs_otlp_export_dropped_total": "the collector takes all",
}
"""Metrics that a good day has no series of, and why. The list is exact: more is as wrong as less."""
SOMETIMES: Mapping[str, str] = {
    "trading_stage_overdue_seconds": "nothing is overdue in so short a run",
    "obs_alerts_failing_since_timestamp_seconds": "a channel fails when four tries have, which takes longer",
}
"""Metrics that a run may have series of or not, as quick as the machine is."""


class Row(NamedTuple):
    """What came for one expression."""

    where: str
    """Dashboard, or file of rules."""
    name: str
    """Panel, mark over the panels, or rule."""
    expression: str
    series: int
    reason: str = ""
    """Why there is nothing; empty where there should be something."""

    @property
    def is_well(self) -> bool:
        return bool(self.series or self.reason)


def survey(stack: Stack) -> list[Row]:
    """Ask every expression of every panel, annotation and rule over the last minutes."""
    return [*_panels(stack), *_rules(stack)]


def _panels(stack: Stack) -> Iterator[Row]:
    # Some marks are on every dashboard.
    for one in dict.fromkeys(asked()):
        series = len(stack.ask(one.expression, step=1))
        yield Row(one.board, one.panel, one.expression, series, "" if series else _reason(one.expression))


def _rules(stack: Stack) -> Iterator[Row]:
    for rule in rules():
        expression = rule["expr"]
        series = len(stack.ask(expression, step=1))
        if "record" in rule:
            recorded = len(stack.ask(rule["record"], step=1))
            yield Row("recording rule", rule["record"], expression, min(series, recorded))
        else:
            reason = "" if series else _quiet(stack, expression)
            yield Row("alert", rule["alert"], expression, series, reason)


def _reason(expression: str) -> str:
    reasons = {**WITHOUT_DATA, **SOMETIMES}
    return next((reasons[name] for name in sorted(metrics_of(expression)) if name in reasons), "")


def _quiet(stack: Stack, expression: str) -> str:
    """Say why an alert does not fire: what it looks at is there and is well, or is not there for a reason."""
    missing = [name for name in sorted(metrics_of(expression)) if not _is_served(stack, name)]
    if not missing:
        return "quiet: what it looks at is well"
    return _reason(missing[0])


def _is_served(stack: Stack, name: str) -> bool:
    return any(stack.ask(one, step=1) for one in (name, f"{name}_count"))

"""The committed dashboards as a test sees them: panels, expressions, variables filled in."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from types import MappingProxyType
from typing import Any, NamedTuple

from tests.grafana.rules import FOLDER

DASHBOARDS = tuple(sorted((FOLDER / "dashboards").glob("*.json")))
FILLED = {
    "$__rate_interval": "1m",
    "$__range": "15m",
    "$instance": ".*",
    "$bot": ".*",
    "$mode": ".*",
    "$currency": ".*",
}


class Asked(NamedTuple):
    """One expression of a dashboard."""

    board: str
    panel: str
    expression: str
    """As Prometheus gets it."""
    unit: str = ""


def boards() -> dict[str, Any]:
    return {file.stem: json.loads(file.read_text(encoding="utf-8")) for file in DASHBOARDS}


def panels() -> Iterator[tuple[str, dict[str, Any]]]:
    for name, board in boards().items():
        for panel in board["panels"]:
            if panel["type"] != "row":
                yield name, panel


def asked(chosen: Mapping[str, str] = MappingProxyType({})) -> list[Asked]:
    """Every expression of every panel and annotation; `chosen` are variables that are not All."""
    found = [
        Asked(name, panel["title"], filled(target["expr"], chosen), panel["fieldConfig"]["defaults"]["unit"])
        for name, panel in panels()
        for target in panel.get("targets", ())
    ]
    found += [
        Asked("marks on every dashboard", one["name"], filled(one["expr"], chosen))
        for board in boards().values()
        for one in board["annotations"]["list"]
        if "expr" in one
    ]
    return found


def filled(expression: str, chosen: Mapping[str, str] = MappingProxyType({})) -> str:
    """Return an expression as Prometheus gets it from Grafana."""
    for variable, value in {**FILLED, **chosen}.items():
        expression = expression.replace(variable, value)
    return expression

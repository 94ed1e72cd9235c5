"""What Prometheus answers to a panel: lines for those over time, rows for tables, one number for the rest."""

from __future__ import annotations

import re
import urllib.parse
from typing import Any, NamedTuple

from tests.grafana.boards import filled
from tests.grafana.stack import Stack

__all__ = ["Line", "Span", "lines_of", "marks_of", "rows_of"]


class Span(NamedTuple):
    """The time that is shown, Unix seconds."""

    start: float
    end: float


class Line(NamedTuple):
    """One series."""

    name: str
    points: list[tuple[float, float]]


def lines_of(stack: Stack, panel: dict[str, Any], span: Span) -> list[Line]:
    """Return the series of a panel over time, by the names in its legend."""
    found = []
    for target in panel["targets"]:
        for series in _range(stack, target["expr"], span):
            points = [(when, float(value)) for when, value in series["values"] if value != "NaN"]
            if points:
                found.append(Line(_legend(target.get("legendFormat", ""), series["metric"]), points))
    return found


def rows_of(stack: Stack, panel: dict[str, Any]) -> list[dict[str, Any]]:
    """Return the rows of a table: those of several queries are joined by the labels that they share."""
    several = len(panel["targets"]) > 1
    rows: list[dict[str, Any]] = []
    for target in panel["targets"]:
        field = f"Value #{target['refId']}" if several else "Value"
        query = urllib.parse.urlencode({"query": filled(target["expr"])})
        for series in stack.get(stack.prometheus, f"/api/v1/query?{query}")["data"]["result"]:
            one = {**series["metric"], field: float(series["value"][1])}
            fits = [
                row
                for row in rows
                if all(row.get(name, value) == value for name, value in series["metric"].items())
            ]
            for row in fits:
                row.update(one)
            if not fits:
                rows.append(one)
    return rows


def marks_of(stack: Stack, board: dict[str, Any], span: Span) -> list[tuple[float, str]]:
    """Return the moments at which something of a dashboard's annotations began, with their colours."""
    found = []
    for mark in board["annotations"]["list"]:
        for series in _range(stack, mark["expr"], span) if "expr" in mark else ():
            values = [
                (float(value) / 1000 if mark["useValueForTime"] else when) for when, value in series["values"]
            ]
            found.append((min(values), mark["iconColor"]))
    return sorted({(round(when), color) for when, color in found if span.start <= when <= span.end})


def _range(stack: Stack, expression: str, span: Span) -> list[dict[str, Any]]:
    # Scrapes come each second here: Grafana would take four of them.
    asked = filled(
        expression.replace("$__rate_interval", "5s").replace("$__range", f"{span.end - span.start:.0f}s")
    )
    query = urllib.parse.urlencode({"query": asked, "start": span.start, "end": span.end, "step": 1})
    result: list[dict[str, Any]] = stack.get(stack.prometheus, f"/api/v1/query_range?{query}")["data"][
        "result"
    ]
    return result


def _legend(form: str, labels: dict[str, str]) -> str:
    for name, value in labels.items():
        form = form.replace(f"{{{{{name}}}}}", value)
    return " ".join(re.sub(r"{{.*?}}", "", form).split())

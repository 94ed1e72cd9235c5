"""Reads the rule files and the PromQL in them."""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

import promql_parser
import yaml

from obs.metrics.table import TABLE

FOLDER = Path(__file__).parents[2] / "grafana"
RULES = FOLDER / "rules"
FILES = (RULES / "recording.yml", RULES / "alerts.yml")
TESTS = tuple(sorted((RULES / "tests").glob("*.yml")))

OF_PROMETHEUS = frozenset(
    ("up", "ALERTS", "ALERTS_FOR_STATE", "scrape_duration_seconds", "scrape_samples_scraped")
)
"""Series that Prometheus makes by itself."""


def rules() -> list[dict[str, Any]]:
    return [rule for file in FILES for group in _read(file)["groups"] for rule in group["rules"]]


def recorded() -> set[str]:
    return {rule["record"] for rule in rules() if "record" in rule}


def alerts() -> dict[str, dict[str, Any]]:
    return {rule["alert"]: rule for rule in rules() if "alert" in rule}


def cases() -> Iterator[dict[str, Any]]:
    for file in TESTS:
        for test in _read(file)["tests"]:
            yield from test.get("alert_rule_test", ())


def asked_in_cases() -> set[str]:
    """Return the series that the cases look at by an expression."""
    tests = [test for file in TESTS for test in _read(file)["tests"]]
    return {
        name for test in tests for one in test.get("promql_expr_test", ()) for name in series_of(one["expr"])
    }


def series_of(expression: str) -> set[str]:
    """Return the names of the series an expression asks for; raises where it is no PromQL."""
    return set(_selected(promql_parser.parse(expression)))


def unknown(expression: str) -> set[str]:
    """Return the series of an expression that nobody serves or records."""
    served = set(OF_PROMETHEUS) | recorded()
    for name, family in TABLE.items():
        # A histogram has its bare name in native form.
        served.add(name)
        if family.kind == "histogram":
            # By its own name where Prometheus keeps it as a native one.
            served |= {name, f"{name}_bucket", f"{name}_sum", f"{name}_count"}
    return series_of(expression) - served


def metrics_of(expression: str) -> set[str]:
    """Return the metrics of our table that an expression asks for, itself or through a recording rule."""
    by_record = {rule["record"]: rule["expr"] for rule in rules() if "record" in rule}
    found = set()
    for name in series_of(expression):
        if name in by_record:
            found |= metrics_of(by_record[name])
        else:
            bare = name.removesuffix("_bucket").removesuffix("_sum").removesuffix("_count")
            found.add(bare if bare in TABLE else name)
    return found


def _selected(node: Any) -> Iterator[str]:
    if isinstance(node, promql_parser.VectorSelector):
        yield str(node.name)
    for part in ("expr", "lhs", "rhs", "vector_selector", "param"):
        inner = getattr(node, part, None)
        if inner is not None:
            yield from _selected(inner)
    for inner in getattr(node, "args", None) or ():
        yield from _selected(inner)


@cache
def _read(file: Path) -> Any:
    return yaml.safe_load(file.read_text(encoding="utf-8"))

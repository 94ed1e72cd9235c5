"""The metrics of a recorded day equal what its lines come to when they are simply added up."""

from __future__ import annotations

import gzip
import json
from collections import Counter
from collections.abc import Callable, Iterable
from decimal import Decimal
from typing import Any

import pytest
from prometheus_client import Metric
from prometheus_client.openmetrics.parser import text_string_to_metric_families

from obs import analyze
from obs.metrics import exposition
from tests.builders import REPO

Numbers = dict[tuple[str, ...], float]


@pytest.fixture(scope="module")
def lines() -> list[str]:
    with gzip.open(REPO / "tests" / "data" / "demo_day.jsonl.gz", "rt", encoding="utf-8") as file:
        return list(file)


@pytest.fixture(scope="module")
def said(lines: list[str]) -> list[tuple[str, str, dict[str, Any]]]:
    """Bot, event and attributes of each line."""
    rows = [json.loads(line) for line in lines]
    return [
        (row["resource"]["service.name"], row.get("event_name", ""), row.get("attributes", {}))
        for row in rows
        if row.get("resource", {}).get("service.name")
    ]


@pytest.fixture(scope="module")
def scraped(lines: list[str]) -> Callable[..., Numbers]:
    text = exposition(analyze(lines), form="openmetrics").decode()
    parse: Callable[[str], Iterable[Metric]] = text_string_to_metric_families
    samples = [sample for family in parse(text) for sample in family.samples]

    def told(name: str, *labels: str) -> Numbers:
        return {
            tuple(sample.labels[label] for label in labels): sample.value
            for sample in samples
            if sample.name == name
        }

    return told


def test_orders_by_bot_and_outcome_are_those_of_the_lines(
    said: list[tuple[str, str, dict[str, Any]]], scraped: Callable[..., Numbers]
) -> None:
    counted: Counter[tuple[str, ...]] = Counter()
    for bot, event, values in said:
        if event.startswith("order."):
            is_part = event == "order.filled" and Decimal(str(values.get("order.remaining", 0))) > 0
            counted[bot, "partly_filled" if is_part else event.removeprefix("order.")] += 1

    # Of every bot it is told that none was rejected, so that the first is seen as a rise.
    none = {(bot, "rejected"): 0 for bot, _ in counted}
    assert scraped("trading_orders_total", "bot", "outcome") == none | dict(counted)
    assert len(counted) > 10


def test_fees_and_volume_are_exact(
    said: list[tuple[str, str, dict[str, Any]]], scraped: Callable[..., Numbers]
) -> None:
    fees: dict[tuple[str, ...], Decimal] = {}
    volume: dict[tuple[str, ...], Decimal] = {}
    for bot, event, values in said:
        if event == "order.filled" and not values.get("reconciliation"):
            key = (bot, "simulated", values["currency"])
            size = Decimal(values["fill.price"]) * Decimal(values["fill.quantity"])
            fees[key] = fees.get(key, Decimal(0)) + Decimal(values["fill.fee"])
            volume[key] = volume.get(key, Decimal(0)) + size

    labels = ("bot", "mode", "currency")
    assert scraped("trading_fees_total", *labels) == {key: float(sum_) for key, sum_ in fees.items()}
    assert scraped("trading_volume_total", *labels) == {key: float(sum_) for key, sum_ in volume.items()}


def test_the_spread_of_latency_is_that_of_the_lines(
    said: list[tuple[str, str, dict[str, Any]]], scraped: Callable[..., Numbers]
) -> None:
    told = [
        (bot, float(values["latency_ms"]) / 1_000)
        for bot, event, values in said
        if event.startswith("order.") and "latency_ms" in values
    ]

    buckets = scraped("trading_order_latency_seconds_bucket", "bot", "le")
    assert told
    for (bot, le), count in buckets.items():
        assert count == sum(one == bot and value <= float(le) for one, value in told), (bot, le)


def test_worth_models_and_gates_are_those_of_the_lines(
    said: list[tuple[str, str, dict[str, Any]]], scraped: Callable[..., Numbers]
) -> None:
    worth = {
        (bot, values["currency"]): float(values["equity"])
        for bot, event, values in said
        if event == "equity.measured"
    }
    gates = Counter((bot, values["filter"]) for bot, event, values in said if event == "signal.filtered")
    tokens = sum(int(values.get("gen_ai.usage.input_tokens", 0)) for _, _, values in said)

    assert scraped("trading_equity", "bot", "currency") == worth
    assert scraped("trading_signals_filtered_total", "bot", "gate") == dict(gates)
    assert scraped("trading_llm_tokens_total", "kind")["input",] == tokens > 0

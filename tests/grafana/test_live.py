"""The whole path for real: bots -> sidecar -> Prometheus -> rules -> Alertmanager -> the sidecar's own door.

What stays without data is listed with its reason, and the list must be exact.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from typing import Any

import pytest

from tests.grafana.boards import asked
from tests.grafana.rules import alerts, rules
from tests.grafana.stack import Stack, running, wait_for

WITHOUT_DATA = {
    "obs_events_dropped_total": "nothing was lost",
    "obs_labels_folded": "a fleet of six bots has room for every name",
    "obs_otlp_export_": "no collector is set",
    "trading_llm_budget": "no budget is set",
}
"""Metrics that a good day has no series of, and why."""
SOMETIMES = {"trading_stage_overdue_seconds": "the bots stop at once or a little after something was due"}
BOT = {"bot.id": "late-1"}
COST = {"gen_ai.provider.name": "openai", "gen_ai.agent.name": "news", "duration_ms": 900, **BOT}


@pytest.fixture(scope="module")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    with running(tmp_path_factory.mktemp("stack")) as started:
        for _ in range(3):
            started.say(*words())
            time.sleep(2)
        # Twice: a rate needs counters that move after they were first seen.
        started.play()
        time.sleep(3)
        started.play()
        started.say(*words())
        wait_for("the demo's bots in Prometheus", lambda: len(started.ask("trading_bot_info", step=1)) > 5)
        # Recording rules of a rate want two scrapes after the last counter moved.
        time.sleep(5)
        yield started


def test_every_expression_of_a_dashboard_has_data_or_a_reason(stack: Stack) -> None:
    empty = {one.expression for one in asked() if not stack.ask(one.expression, step=1)}

    unexplained = {one for one in empty if not any(name in one for name in WITHOUT_DATA | SOMETIMES)}
    assert unexplained == set()
    assert {name for name in WITHOUT_DATA if any(name in one for one in empty)} == set(WITHOUT_DATA)


def test_every_recording_rule_records(stack: Stack) -> None:
    empty = {rule["record"] for rule in rules() if "record" in rule and not stack.ask(rule["record"], step=1)}

    assert empty == set()


def test_prometheus_evaluates_every_rule_without_an_error(stack: Stack) -> None:
    groups = stack.get(stack.prometheus, "/api/v1/rules")["data"]["groups"]

    states = {
        rule["name"]: (rule["health"], rule.get("lastError")) for one in groups for rule in one["rules"]
    }
    assert {name: state for name, state in states.items() if state != ("ok", None)} == {}
    assert len(states) == len(rules())


def test_alerts_come_back_as_issues_through_alertmanager(stack: Stack) -> None:
    firing = {one["metric"]["alertname"] for one in stack.ask('ALERTS{alertstate="firing"}', step=1)}
    assert {"TradingPositionUnprotected", "TradingBreakerTripped"} <= firing <= set(alerts())

    wait_for("the breaker's alert among the issues", lambda: _issues(stack, "TradingBreakerTripped"))

    assert any("late-1" in str(issue) for issue in _issues(stack, "TradingBreakerTripped"))
    # What obs itself found is not told back to it: the alert would live on by its own issue.
    assert not _issues(stack, "ObsCriticalIssue")


def test_a_scrape_is_small_and_quick(stack: Stack) -> None:
    (series,) = stack.ask("max_over_time(scrape_samples_scraped[3m])", step=1)

    assert 100 < max(float(value) for _, value in series["values"]) <= 2_000


def test_an_exemplar_reaches_prometheus_and_leads_to_its_issue(stack: Stack) -> None:
    span = f"start={time.time() - 600}&end={time.time()}"
    answer = stack.get(stack.prometheus, f"/api/v1/query_exemplars?query=%7B__name__=~%22.%2B%22%7D&{span}")

    ids = [found["labels"] for series in answer["data"] for found in series["exemplars"]]
    assert any("issue" in one for one in ids)
    issue = next(one["issue"] for one in ids if "issue" in one)
    assert stack.get(stack.obs, f"/api/issues/{issue}")["data"]["id"] == issue


def _issues(stack: Stack, word: str) -> list[Any]:
    found = stack.get(stack.obs, "/api/issues")["data"]
    listed = found["issues"] if isinstance(found, dict) else found
    return [issue for issue in listed if word in str(issue)]


def words() -> list[dict[str, Any]]:
    """What the demo's bots do not say: a breaker, an anomaly, an unknown model, an attribution."""
    return [
        {
            "event_name": "heartbeat",
            "severity": "DEBUG",
            "body": "alive",
            "attributes": {"bot.state": "running", "clock.offset_ms": 12, "process.memory.usage": 9e7, **BOT},
        },
        {
            "event_name": "anomaly.detected",
            "severity": "ERROR",
            "body": "price moved",
            "attributes": {
                "anomaly.id": "a1",
                "anomaly.kind": "price_move",
                "anomaly.severity": "high",
                "symbol": "BTC/USD",
                "value": 0.2,
                "threshold": 0.1,
                **BOT,
            },
        },
        {
            "event_name": "circuit_breaker.tripped",
            "severity": "FATAL",
            "body": "breaker",
            "attributes": {"loss.ratio": 0.06, "threshold": 0.05, "currency": "USD", **BOT},
        },
        {
            "event_name": "llm.called",
            "severity": "INFO",
            "body": "asked",
            "attributes": {
                "gen_ai.request.model": "nobody-knows-1",
                "gen_ai.usage.input_tokens": 900,
                "gen_ai.usage.output_tokens": 90,
                **COST,
                # What an agent brings for its cost is not known when a price is missing.
                "gen_ai.agent.name": "scout",
            },
        },
        {
            "event_name": "attribution.computed",
            "severity": "INFO",
            "body": "credited",
            "attributes": {
                "agent.name": "news",
                "trade.id": f"t{time.time_ns()}",
                "contribution": "12.5",
                "contribution.method": "shapley",
                "currency": "USD",
                **BOT,
            },
        },
        {
            "event_name": "llm.called",
            "severity": "INFO",
            "body": "asked",
            "attributes": {
                "gen_ai.request.model": "gpt-5-mini",
                "gen_ai.usage.input_tokens": 9_000,
                "gen_ai.usage.output_tokens": 900,
                **COST,
            },
        },
    ]

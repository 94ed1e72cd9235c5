"""The whole path for real: bots -> sidecar -> Prometheus -> rules -> Alertmanager -> the sidecar's own door.

What stays without data is listed with its reason, and the list must be exact.
"""

from __future__ import annotations

import time
from collections.abc import Iterator

import pytest

from tests.grafana.playing import play
from tests.grafana.returning import issues, returned
from tests.grafana.rules import alerts, metrics_of, rules
from tests.grafana.stack import Stack, running
from tests.grafana.surveying import WITHOUT_DATA, Row, survey


@pytest.fixture(scope="module")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    with running(tmp_path_factory.mktemp("stack")) as started:
        play(started)
        yield started


@pytest.fixture(scope="module")
def surveyed(stack: Stack) -> list[Row]:
    return survey(stack)


def test_every_expression_of_a_dashboard_has_data_or_a_reason(surveyed: list[Row]) -> None:
    assert [row for row in surveyed if not row.is_well] == []


def test_every_reason_is_needed(surveyed: list[Row]) -> None:
    """Where there is data after all, the list of reasons would hide the day on which there is none."""
    empty = {name for row in surveyed if not row.series for name in metrics_of(row.expression)}

    assert set(WITHOUT_DATA) - empty == set()


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

    returned(stack)

    assert any("late-1" in str(issue) for issue in issues(stack, "TradingBreakerTripped"))
    # What obs itself found is not told back to it: the alert would live on by its own issue.
    assert not issues(stack, "ObsCriticalIssue")


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

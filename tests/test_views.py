"""Dashboard JSON and metrics are pure views of the same Snapshot."""

from __future__ import annotations

import json

import jsonschema
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from prometheus_client.parser import text_string_to_metric_families

from obs.analysis import Analyzer
from obs.dashboard import render, rfc3339, schema
from obs.events import Severity
from obs.metrics import MAX_COMPONENTS, TABLE, Inner, exposition
from obs.rules import RuleSet
from obs.snapshot import Snapshot
from scripts import write_schema
from tests.builders import REPO, event
from tests.test_briefing import BUSY


def test_the_dashboard_keeps_to_its_schema() -> None:
    jsonschema.validate(json.loads(BUSY.to_json()), schema())


def test_money_and_times_are_written_as_the_contract_says() -> None:
    issue = json.loads(BUSY.to_json())["issues"][0]

    assert issue["money_at_risk"] == [{"amount": "200", "currency": "USDT"}]
    assert issue["first_seen"] == "2025-11-20T10:00:02.000Z"


@settings(max_examples=30, deadline=None)
@given(st.text(max_size=200))
def test_any_text_gives_json_that_strict_readers_take(text: str) -> None:
    analyzer = Analyzer(RuleSet(()))
    analyzer.feed(event(text, severity=Severity.ERROR, logger=text[:30]))

    document = render(analyzer.snapshot())

    jsonschema.validate(json.loads(document), schema())
    document.decode("utf-8")


def test_an_unknown_time_is_null() -> None:
    assert rfc3339(0) is None


def families(snapshot: Snapshot, inner: Inner | None = None) -> dict[str, list[tuple[dict[str, str], float]]]:
    parsed: dict[str, list[tuple[dict[str, str], float]]] = {}
    for family in text_string_to_metric_families(exposition(snapshot, inner).decode()):
        for sample in family.samples:
            parsed.setdefault(sample.name, []).append((dict(sample.labels), float(sample.value)))
    return parsed


def test_metrics_say_what_the_snapshot_says() -> None:
    seen = families(BUSY, Inner(cache_hits={"templates": 9}, cache_misses={"templates": 1}))

    assert seen["obs_health"] == [({}, 4.0)]
    assert seen["obs_money_at_risk"] == [({"currency": "USDT"}, 200.0)]
    assert seen["obs_cache_hits_total"] == [({"cache": "templates"}, 9.0)]
    assert ({"severity": "critical", "category": "TRADING"}, 1.0) in seen["obs_issues"]
    assert sum(value for _, value in seen["obs_events_total"]) == BUSY.events


def test_a_flood_of_components_and_forged_names_cannot_grow_the_scrape() -> None:
    analyzer = Analyzer(RuleSet(()))
    for number in range(3 * MAX_COMPONENTS):
        analyzer.feed(event("x", logger=f'part{number}"}} 1\nobs_forged', uid=str(number)))

    seen = families(analyzer.snapshot())

    assert len(seen["obs_component_health"]) == MAX_COMPONENTS + 1
    assert "obs_forged" not in seen


@pytest.mark.parametrize("name", sorted(TABLE))
def test_every_metric_is_documented(name: str) -> None:
    assert f"`{name}`" in (REPO / "docs" / "metrics.md").read_text(encoding="utf-8")


def test_the_committed_schema_is_the_one_that_the_snapshot_s_types_give() -> None:
    committed = (REPO / "dashboards" / "schema.json").read_text(encoding="utf-8")

    assert committed == write_schema.text(), "run scripts/write_schema.py"

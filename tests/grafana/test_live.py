"""The whole path for real: bots -> sidecar -> Prometheus -> rules -> Alertmanager -> the sidecar's own door.

What stays without data is listed with its reason, and the list must be exact.
"""

from __future__ import annotations

import re
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml

from scripts.dashboards.variables import QUERIES
from tests.grafana.boards import asked
from tests.grafana.playing import play
from tests.grafana.returning import issues, returned
from tests.grafana.rules import FOLDER, alerts, metrics_of, rules
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


@pytest.mark.parametrize(
    ("bots", "shown"),
    [(".*", 6), ("(grid-1|momo-2)", 2), ("grid-1", 1), ("nobody", 0)],
    ids=["all", "two", "one", "none"],
)
def test_choices_above_a_dashboard_are_followed(stack: Stack, bots: str, shown: int) -> None:
    """As Grafana fills a variable in: all of it, several, one, and one that nobody is called."""
    (table,) = (
        one
        for one in asked({"$bot": bots})
        if "max by (bot, mode, state)" in one.expression and one.board == "obs-bot"
    )

    assert len({series["metric"]["bot"] for series in stack.ask(table.expression, step=1)}) == shown


def test_a_choice_that_nobody_has_empties_panels_and_breaks_none(stack: Stack) -> None:
    nobody = dict.fromkeys(("$bot", "$mode", "$currency"), "nobody")

    found = {one: len(stack.ask(one.expression, step=1)) for one in asked(nobody)}

    of_bots = [
        one
        for one in found
        if re.search(r'[{,]bot=~"nobody"', one.expression) and " or " not in one.expression
    ]
    assert of_bots
    assert {one for one in of_bots if found[one]} == set()


def test_the_choices_themselves_are_those_of_the_play(stack: Stack) -> None:
    offered = {name: set(stack.offered(query)) for name, query in QUERIES.items()}

    assert {"grid-1", "late-1", "maps-5", "meanrev-3", "momo-2", "news-4"} <= offered["bot"]
    assert offered["mode"] >= {"simulated"}
    assert offered["currency"] == {"USD"}
    assert offered["instance"] == {f"127.0.0.1:{stack.obs}"}


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


def test_each_exemplar_leads_where_the_source_in_grafana_says(stack: Stack) -> None:
    span = f"start={time.time() - 6_000}&end={time.time()}"
    answer = stack.get(stack.prometheus, f"/api/v1/query_exemplars?query=%7B__name__=~%22.%2B%22%7D&{span}")
    labels = [found["labels"] for series in answer["data"] for found in series["exemplars"]]
    source = yaml.safe_load((FOLDER / "provisioning" / "datasources" / "obs.yml").read_text(encoding="utf-8"))

    for lead in source["datasources"][0]["jsonData"]["exemplarTraceIdDestinations"]:
        ids = {one[lead["name"]] for one in labels if lead["name"] in one}
        assert ids, lead["name"]
        path = lead["url"].partition(":8080")[2].replace("$${__value.raw}", sorted(ids)[0])
        # The page's own address names the issue behind the mark, which no server sees.
        told = stack.get(stack.obs, path.replace("/#/issues/", "/api/issues/"))["data"]
        assert told.get("id") in ids if lead["name"] == "issue" else told["events"], lead["name"]


@pytest.mark.slow
def test_nothing_is_empty_in_a_prometheus_that_takes_histograms_in_native_form(tmp_path: Path) -> None:
    """It then has none of the series with buckets: rules and panels have to ask for either form."""
    with running(tmp_path, features="exemplar-storage,native-histograms") as stack:
        play(stack)
        rows = survey(stack)

        assert stack.ask("trading_order_latency_seconds_bucket", step=1) == []
        assert [row for row in rows if not row.is_well] == []

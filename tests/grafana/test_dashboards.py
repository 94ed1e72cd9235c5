"""Dashboards: fresh, valid by Grafana's own types, and about metrics that exist."""

from __future__ import annotations

import json
import re
from itertools import pairwise
from typing import Any

import pytest
from grafana_foundation_sdk.cog import plugins
from grafana_foundation_sdk.cog.encoder import JSONEncoder
from grafana_foundation_sdk.models.dashboard import Dashboard

from obs.metrics.table import TABLE
from scripts.dashboards.building import texts
from scripts.dashboards.panel import UNITS
from scripts.dashboards.selecting import VARIABLES, full
from tests.grafana.boards import DASHBOARDS, asked, boards, panels
from tests.grafana.rules import metrics_of, series_of, unknown


def test_the_committed_dashboards_are_those_of_the_script() -> None:
    """Else: python -m scripts.dashboards."""
    assert {file.name: file.read_text(encoding="utf-8") for file in DASHBOARDS} == texts()


@pytest.mark.parametrize("name", [file.stem for file in DASHBOARDS])
def test_grafanas_own_types_know_every_word_of_the_dashboard(name: str) -> None:
    """What they do not know, a misspelt or a former word, is not there any more when they write it again."""
    plugins.register_default_plugins()
    whole = boards()[name]

    again = json.loads(JSONEncoder().encode(Dashboard.from_json(whole)))

    for one in whole["annotations"]["list"]:
        # Words of Prometheus' own source, which the types of the dashboard leave open.
        for word in ("titleFormat", "textFormat", "tagKeys", "step", "useValueForTime"):
            one.pop(word, None)
    assert again == whole


def test_every_expression_asks_only_for_what_is_served() -> None:
    strange = {one: unknown(one.expression) for one in asked()}

    assert {one: names for one, names in strange.items() if names} == {}


def test_every_metric_is_in_a_panel() -> None:
    shown = {name for one in asked() for name in metrics_of(one.expression)}

    assert set(TABLE) - shown == set()


def test_every_panel_says_what_it_tells_in_a_unit_of_grafanas_and_leads_on() -> None:
    for name, panel in panels():
        where = (name, panel["title"])
        assert panel["description"].endswith("."), where
        if panel["type"] == "text":
            continue
        defaults = panel["fieldConfig"]["defaults"]
        assert panel["datasource"]["uid"] == "${datasource}", where
        assert {defaults["unit"], *_units_of_columns(panel)} <= UNITS, where
        assert defaults["thresholds"]["steps"][0]["value"] is None, where
        assert panel["links"], where


def test_a_line_of_a_bot_leads_to_that_bot_and_keeps_time_and_variables() -> None:
    for name, panel in panels():
        if any("{{bot}}" in target["legendFormat"] for target in panel.get("targets", ())):
            (link,) = panel["fieldConfig"]["defaults"]["links"]
            path, _, query = link["url"].partition("?")
            assert path == "/d/obs-bot", (name, panel["title"])
            assert {"${__url_time_range}", "${datasource:queryparam}", "${currency:queryparam}"} < set(
                query.split("&")
            )
            assert query.endswith("&var-bot=${__field.labels.bot}")


def test_links_between_dashboards_lead_to_dashboards_that_exist() -> None:
    uids = {board["uid"] for board in boards().values()}
    for name, board in boards().items():
        for uid in re.findall(r"/d/([\w-]+)", json.dumps(board)):
            assert uid in uids, name


def test_no_amount_is_added_across_currencies() -> None:
    money = {name for name, family in TABLE.items() if "currency" in family.labels}

    for one in asked():
        if metrics_of(one.expression) & money and "sum by" in one.expression:
            assert "currency" in one.expression, one


def test_every_dashboard_links_to_the_others_and_to_the_live_page() -> None:
    for name, board in boards().items():
        others, page = board["links"]
        assert (others["type"], others["tags"], board["tags"]) == ("dashboards", ["obs"], ["obs"]), name
        assert (others["includeVars"], others["keepTime"]) == (True, True), name
        assert page["url"] == "${obs}/", name


def test_every_dashboard_has_all_variables_so_that_they_go_along() -> None:
    """A link passes what the dashboard that it is on knows: one that knows no bot would forget it."""
    for name, board in boards().items():
        variables = board["templating"]["list"]
        raw = [target["expr"] for panel in board["panels"] for target in panel.get("targets", ())]
        assert [one["name"] for one in variables] == ["datasource", *VARIABLES, "obs"], name
        for one in variables[1:-1]:
            assert (one["multi"], one["includeAll"], one["allValue"]) == (True, True, ".*"), name
            used = any(f'=~"${one["name"]}"' in expression for expression in raw)
            assert (one["hide"] == 2) is not used, (name, one["name"])


def test_no_address_is_taken_from_a_link_to_a_dashboard() -> None:
    """The text panel holds a frame: whoever could set its address would show readers a page of his own."""
    for name, board in boards().items():
        address = board["templating"]["list"][-1]
        assert (address["type"], address["hide"], address["skipUrlSync"]) == ("constant", 2, True), name


def test_every_metric_is_filtered_by_all_variables_that_it_has_a_label_for() -> None:
    assert full('sum(rate(trading_fees_total{*,x="y"}[5m]))') == (
        'sum(rate(trading_fees_total{instance=~"$instance",bot=~"$bot",mode=~"$mode",'
        'currency=~"$currency",x="y"}[5m]))'
    )
    assert full("trading_slippage_ratio_bucket{*}") == (
        'trading_slippage_ratio_bucket{instance=~"$instance",bot=~"$bot"}'
    )
    assert full("exchange:trading_api_failed:ratio_rate5m{*}").endswith('{instance=~"$instance"}')
    with pytest.raises(KeyError):
        full("trading_nonsense{*}")
    for one in asked():
        for series in series_of(one.expression):
            # A name that no filter follows would show what nobody has chosen.
            assert not re.search(rf"(?<![\w:]){series}(?![\w:]|{{instance=~)", one.expression), one


def test_marks_are_what_people_set_by_hand_and_releases_incidents_and_trips() -> None:
    for name, board in boards().items():
        by_hand, *marks = board["annotations"]["list"]
        assert (by_hand["builtIn"], by_hand["datasource"]["uid"]) == (1, "-- Grafana --"), name
        assert [one["name"] for one in marks] == [
            "Releases of bots",
            "Starts of obs",
            "Incidents",
            "Breaker trips",
        ]
        for one in marks:
            # A value that is a moment has to be one in milliseconds.
            assert one["useValueForTime"] is ("1000" in one["expr"]), one["name"]


def test_no_two_panels_lie_on_one_another() -> None:
    for name, board in boards().items():
        places = [panel["gridPos"] for panel in board["panels"]]
        cells = [
            (x, y)
            for place in places
            for x in range(place["x"], place["x"] + place["w"])
            for y in range(place["y"], place["y"] + place["h"])
        ]
        assert len(cells) == len(set(cells)), name
        assert all(left["y"] <= right["y"] for left, right in pairwise(places)), name
        assert len({panel["id"] for panel in board["panels"]}) == len(places)


def test_dashboards_are_of_one_schema_and_leave_what_is_the_servers_to_it() -> None:
    for name, board in boards().items():
        assert board["schemaVersion"] == 41, name
        assert (board["timezone"], board["refresh"]) == ("browser", "30s"), name
        assert board["time"] == {"from": "now-3h", "to": "now"}, name
        # Numbers that a server gives: with them an import would write over another dashboard.
        assert "id" not in board, name
        assert "version" not in board, name


def _units_of_columns(panel: dict[str, Any]) -> set[str]:
    overrides = panel["fieldConfig"]["overrides"]
    return {one["value"] for each in overrides for one in each["properties"] if one["id"] == "unit"}

"""Dashboards: fresh, valid by Grafana's own types, and about metrics that exist."""

from __future__ import annotations

from itertools import pairwise

import pytest
from grafana_foundation_sdk.models.dashboard import Dashboard

from obs.metrics.table import TABLE
from scripts.write_dashboards import texts
from tests.grafana.boards import DASHBOARDS, asked, boards, panels
from tests.grafana.rules import metrics_of, unknown


def test_the_committed_dashboards_are_those_of_the_script() -> None:
    """Else: python -m scripts.write_dashboards."""
    assert {file.name: file.read_text(encoding="utf-8") for file in DASHBOARDS} == texts()


@pytest.mark.parametrize("name", [file.stem for file in DASHBOARDS])
def test_grafanas_own_types_read_the_dashboard(name: str) -> None:
    read = Dashboard.from_json(boards()[name])

    assert read.uid == name
    assert len(read.panels or []) == len(boards()[name]["panels"])


def test_every_expression_asks_only_for_what_is_served() -> None:
    strange = {one: unknown(one.expression) for one in asked()}

    assert {one: names for one, names in strange.items() if names} == {}


def test_every_metric_is_in_a_panel() -> None:
    shown = {name for one in asked() for name in metrics_of(one.expression)}

    assert set(TABLE) - shown == set()


def test_every_panel_has_a_description_a_unit_and_its_source() -> None:
    for name, panel in panels():
        assert panel["description"], (name, panel["title"])
        if panel["type"] != "text":
            assert panel["datasource"]["uid"] == "${datasource}", (name, panel["title"])
            assert panel["fieldConfig"]["defaults"]["unit"], (name, panel["title"])


def test_no_amount_is_added_across_currencies() -> None:
    money = {name for name, family in TABLE.items() if "currency" in family.labels}

    for one in asked():
        if metrics_of(one.expression) & money and "sum by" in one.expression:
            assert "currency" in one.expression, one


def test_every_dashboard_links_to_the_others_and_to_the_live_page() -> None:
    for name, board in boards().items():
        assert [link["type"] for link in board["links"]] == ["dashboards", "link"], name
        assert [one["name"] for one in board["templating"]["list"]] == [
            "datasource",
            "instance",
            "bot",
            "obs",
        ]
        assert len(board["annotations"]["list"]) == 3


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

"""Gives dashboards Grafana's form, with the types of its own SDK."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from grafana_foundation_sdk.builders import dashboard as build
from grafana_foundation_sdk.cog.encoder import JSONEncoder
from grafana_foundation_sdk.models import dashboard

from scripts.dashboards import BOARDS
from scripts.dashboards.annotations import annotations
from scripts.dashboards.panel import Board, Panel
from scripts.dashboards.panels import built
from scripts.dashboards.selecting import full, used
from scripts.dashboards.variables import SOURCE, variables

__all__ = ["texts"]

WIDE = 24
"""Columns of Grafana's grid."""


def texts() -> dict[str, str]:
    """Return the JSON of each dashboard by its file's name."""
    encode = JSONEncoder(sort_keys=True, indent=2, ensure_ascii=False).encode
    return {f"{board.uid}.json": f"{encode(_whole(board))}\n" for board in BOARDS}


def _whole(board: Board) -> dashboard.Dashboard:
    made = (
        build.Dashboard(board.title)
        .uid(board.uid)
        .description(board.text)
        .tags(["obs"])
        .time("now-3h", "now")
        .refresh("30s")
        .timezone("browser")
        .tooltip(dashboard.DashboardCursorSync.CROSSHAIR)
        .editable()
        .links([_others(), _page()])
    )
    for variable in variables(used(_expressions(board))):
        made = made.with_variable(variable)
    top = 0
    for heading, panels in board.rows:
        made = made.with_row(build.Row(heading).grid_pos(dashboard.GridPos(h=1, w=WIDE, x=0, y=top)))
        top += 1
        for panel, place in _placed(panels, top):
            made = made.with_panel(built(panel, place, board))
            last = place.y + place.h
        top = last
    whole = made.build()
    whole.annotations = annotations(SOURCE)
    for number, one in enumerate(whole.panels or [], 1):
        one.id_val = number
    for variable in whole.templating.list_val or [] if whole.templating else []:
        # A link must not be able to name another address, which readers would take for ours.
        variable.skip_url_sync = variable.type_val == dashboard.VariableType.CONSTANT
    return whole


def _placed(panels: Iterable[Panel], top: int) -> Iterator[tuple[Panel, dashboard.GridPos]]:
    """Place panels from left to right, and below when a line is full."""
    x = tall = 0
    for panel in panels:
        if x + panel.width > WIDE:
            x, top, tall = 0, top + tall, 0
        yield panel, dashboard.GridPos(h=panel.height, w=panel.width, x=x, y=top)
        x, tall = x + panel.width, max(tall, panel.height)


def _expressions(board: Board) -> list[str]:
    panels = [panel for _, row in board.rows for panel in row]
    return [full(expression) for panel in panels for expression, _ in panel.queries]


def _others() -> build.DashboardLink:
    """Return the links to the other dashboards: time and variables go with the reader."""
    kind = dashboard.DashboardLinkType.DASHBOARDS
    return build.DashboardLink("obs").type(kind).tags(["obs"]).include_vars(True).keep_time(True)


def _page() -> build.DashboardLink:
    kind = dashboard.DashboardLinkType.LINK
    return build.DashboardLink("Live page").type(kind).url("${obs}/").target_blank(True)

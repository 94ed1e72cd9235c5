"""Write `grafana/dashboards` from `dashboard_panels.py`, with Grafana's own types; a test holds them fresh.

python -m scripts.write_dashboards
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from grafana_foundation_sdk.builders import common as shared
from grafana_foundation_sdk.builders import dashboard as build
from grafana_foundation_sdk.builders import prometheus, stat, table, text, timeseries
from grafana_foundation_sdk.cog.encoder import JSONEncoder
from grafana_foundation_sdk.models import common, dashboard
from grafana_foundation_sdk.models.prometheus import PromQueryFormat

from scripts.dashboard_panels import BOARDS, HEALTH, Board, Panel, full

FOLDER = Path(__file__).parent.parent / "grafana" / "dashboards"
SOURCE = dashboard.DataSourceRef(type_val="prometheus", uid="${datasource}")
HEIGHT = 8
SMALL = 4

_ANNOTATIONS = (
    (
        "Sidecar releases",
        "blue",
        'obs_build_info{instance=~"$instance"} unless obs_build_info offset 5m',
        "obs {{version}}",
    ),
    ("Incidents", "red", 'ALERTS{alertstate="firing",severity=~"critical|error"}', "{{alertname}} {{bot}}"),
    ("Breaker trips", "orange", 'trading_breaker_tripped{instance=~"$instance"} == 1', "breaker of {{bot}}"),
)


def texts() -> dict[str, str]:
    """Return the JSON of each dashboard by its file's name."""
    return {f"{board.uid}.json": text_of(board) for board in BOARDS}


def text_of(board: Board) -> str:
    """Return a dashboard as JSON."""
    encoded = JSONEncoder(sort_keys=True, indent=2, ensure_ascii=False).encode(built(board))
    return f"{encoded}\n"


def built(board: Board) -> dashboard.Dashboard:
    """Return a dashboard in Grafana's types."""
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
    )
    for variable in _variables():
        made = made.with_variable(variable)
    for name, color, expression, legend in _ANNOTATIONS:
        made = made.annotation(_Annotation(name, color, expression, legend))
    made = made.link(
        build.DashboardLink("obs")
        .type(dashboard.DashboardLinkType.DASHBOARDS)
        .tags(["obs"])
        .include_vars(True)
        .keep_time(True)
    )
    made = made.link(build.DashboardLink("Live page").type(dashboard.DashboardLinkType.LINK).url("$obs/"))
    at = 0
    for heading, panels in board.rows:
        made = made.with_row(build.Row(heading).grid_pos(dashboard.GridPos(h=1, w=24, x=0, y=at)))
        at += 1
        x = tall = 0
        for panel in panels:
            if x + panel.width > 24:
                x, at = 0, at + tall
                tall = 0
            height = SMALL if panel.kind in ("stat", "text") else HEIGHT
            made = made.with_panel(_panel(panel, dashboard.GridPos(h=height, w=panel.width, x=x, y=at)))
            x, tall = x + panel.width, max(tall, height)
        at += tall
    whole = made.build()
    for number, panel in enumerate(whole.panels or [], 1):
        panel.id_val = number
    return whole


class _Annotation:
    """Of Prometheus: the SDK's builder has no place for a legend."""

    def __init__(self, name: str, color: str, expression: str, legend: str) -> None:
        self._asked = dashboard.AnnotationQuery(
            name=name, datasource=SOURCE, enable=True, icon_color=color, expr=expression
        )
        self._legend = legend

    def build(self) -> Any:
        asked, legend = self._asked, self._legend

        class Query:
            def to_json(self) -> dict[str, object]:
                return {**asked.to_json(), "titleFormat": asked.name, "textFormat": legend, "step": "30s"}

        return Query()


def _variables() -> list[Any]:
    def asked(name: str, label: str, query: str) -> Any:
        return (
            build.QueryVariable(name)
            .label(label)
            .datasource(SOURCE)
            .query({"query": query, "refId": name})
            .refresh(dashboard.VariableRefresh.ON_TIME_RANGE_CHANGED)
            .sort(dashboard.VariableSort.ALPHABETICAL_ASC)
            .multi(True)
            .include_all(True)
            .all_value(".*")
            .current(dashboard.VariableOption(text="All", value="$__all", selected=True))
        )

    return [
        build.DatasourceVariable("datasource").label("Prometheus").type("prometheus"),
        asked("instance", "Sidecar", "label_values(obs_build_info, instance)"),
        asked("bot", "Bot", 'label_values(trading_bot_info{instance=~"$instance"}, bot)'),
        build.TextBoxVariable("obs").label("Address of obs").default_value("http://127.0.0.1:8080"),
    ]


def _panel(panel: Panel, place: dashboard.GridPos) -> Any:
    if panel.kind == "text":
        return text.Panel().title(panel.title).description(panel.text).content(panel.content).grid_pos(place)
    made: Any = {"stat": stat.Panel, "table": table.Panel, "timeseries": timeseries.Panel}[panel.kind]()
    made = made.title(panel.title).description(panel.text).datasource(SOURCE).grid_pos(place).unit(panel.unit)
    steps = [dashboard.Threshold(value=value, color=color) for value, color in panel.limits]
    made = made.thresholds(
        build.ThresholdsConfig().mode(dashboard.ThresholdsMode.ABSOLUTE).steps(steps)
    ).no_value("none")
    if panel.is_health:
        shown = {
            key: dashboard.ValueMappingResult(text=word, color=color) for key, (word, color) in HEALTH.items()
        }
        made = made.mappings([dashboard.ValueMap(options=shown)])
    if panel.kind == "timeseries":
        made = made.fill_opacity(25 if panel.stacked else 0).line_width(1)
        if len(panel.limits) > 1:
            made = made.thresholds_style(
                shared.GraphThresholdsStyleConfig().mode(common.GraphThresholdsStyleMode.DASHED)
            )
        if panel.stacked:
            made = made.stacking(shared.StackingConfig().mode(common.StackingMode.NORMAL))
    for letter, (expression, legend) in zip("ABCDEF", panel.queries, strict=False):
        made = made.with_target(_query(panel, letter, full(expression), legend))
    return made


def _query(panel: Panel, letter: str, expression: str, legend: str) -> Any:
    query = prometheus.Dataquery().expr(expression).legend_format(legend).ref_id(letter).datasource(SOURCE)
    if panel.kind == "timeseries":
        return query.range().exemplar("_bucket" in expression)
    query = query.instant()
    return query.format(PromQueryFormat.TABLE) if panel.kind == "table" else query


if __name__ == "__main__":
    FOLDER.mkdir(exist_ok=True)
    for name, written in texts().items():
        (FOLDER / name).write_text(written, encoding="utf-8")

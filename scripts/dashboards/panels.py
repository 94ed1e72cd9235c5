"""Gives one panel Grafana's form."""

from __future__ import annotations

from string import ascii_uppercase
from typing import Any

from grafana_foundation_sdk.builders import common as shared
from grafana_foundation_sdk.builders import dashboard as build
from grafana_foundation_sdk.builders import prometheus, stat, statetimeline, table, text, timeseries
from grafana_foundation_sdk.models import common, dashboard
from grafana_foundation_sdk.models.prometheus import PromQueryFormat
from grafana_foundation_sdk.models.text import TextMode

from scripts.dashboards.panel import Board, Column, Limits, Panel, Words
from scripts.dashboards.selecting import VARIABLES, full
from scripts.dashboards.variables import SOURCE

__all__ = ["built"]

_KEPT = "&".join(
    (
        "${__url_time_range}",
        *(f"${{{name}:queryparam}}" for name in ("datasource", *VARIABLES) if name != "bot"),
    )
)
_LINKS = {
    # Of a line by its label, of a table's row by the field.
    "line": ("Dashboard of ${__field.labels.bot}", f"/d/obs-bot?{_KEPT}&var-bot=${{__field.labels.bot}}"),
    "bot": ("Dashboard of ${__data.fields.bot}", f"/d/obs-bot?{_KEPT}&var-bot=${{__data.fields.bot}}"),
    "issue": ("The issue", "${obs:raw}/#/issues/${__data.fields.issue}"),
}


def built(panel: Panel, place: dashboard.GridPos, board: Board) -> Any:
    """Return the builder of a panel, at its place on a dashboard."""
    if panel.kind == "text":
        note = text.Panel().mode(TextMode.HTML).content(panel.content)
        return note.title(panel.title).description(panel.text).grid_pos(place)
    makers = {"stat": _stat, "timeseries": _graph, "state-timeline": _timeline, "table": _table}
    made = makers[panel.kind](panel)
    made = made.title(panel.title).description(panel.text).datasource(SOURCE).grid_pos(place)
    made = (
        made.unit(panel.unit).no_value("none").thresholds(_steps(panel.limits)).links([_link(*board.leads)])
    )
    if panel.words:
        made = made.mappings([_mapping(panel.words)])
    if panel.kind != "table" and any("{{bot}}" in legend for _, legend in panel.queries):
        made = made.data_links([_link(*_LINKS["line"])])
    for letter, (expression, legend) in zip(ascii_uppercase, panel.queries, strict=False):
        made = made.with_target(_query(panel, letter, full(expression), legend))
    return made


def _stat(panel: Panel) -> stat.Panel:
    reduced = shared.ReduceDataOptions().calcs(["lastNotNull"])
    is_told = len(panel.limits) > 1 or panel.words
    color = common.BigValueColorMode.BACKGROUND if is_told else common.BigValueColorMode.NONE
    made = stat.Panel().reduce_options(reduced).color_mode(color).graph_mode(common.BigValueGraphMode.NONE)
    return made.text_mode(common.BigValueTextMode.NAME) if panel.is_name else made


def _graph(panel: Panel) -> timeseries.Panel:
    made = timeseries.Panel().line_width(1).fill_opacity(25 if panel.is_stacked else 0)
    made = made.legend(_legend(common.LegendDisplayMode.LIST).calcs(["lastNotNull"])).tooltip(_tooltip())
    if panel.is_from_zero:
        made = made.axis_soft_min(0)
    if panel.is_stacked:
        made = made.stacking(shared.StackingConfig().mode(common.StackingMode.NORMAL))
    if len(panel.limits) > 1:
        dashed = shared.GraphThresholdsStyleConfig().mode(common.GraphThresholdsStyleMode.DASHED)
        made = made.thresholds_style(dashed)
    return made


def _timeline(panel: Panel) -> statetimeline.Panel:
    # The words give the colours; the legend would only say them again.
    made = statetimeline.Panel().merge_values(True).show_value(common.VisibilityMode.NEVER)
    made = made.fill_opacity(80).line_width(0)
    return made.row_height(0.85).legend(_legend(common.LegendDisplayMode.LIST)).tooltip(_tooltip())


def _table(panel: Panel) -> table.Panel:
    made = table.Panel().cell_height(common.TableCellHeight.SM).align(common.FieldTextAlignment.AUTO)
    if len(panel.queries) > 1:
        made = made.with_transformation(dashboard.DataTransformerConfig(id_val="merge", options={}))
    chosen = {
        "include": {"names": [column.field for column in panel.columns]},
    }
    made = made.with_transformation(
        dashboard.DataTransformerConfig(id_val="filterFieldsByName", options=chosen)
    )
    order = {column.field: number for number, column in enumerate(panel.columns)}
    made = made.with_transformation(
        dashboard.DataTransformerConfig(id_val="organize", options={"indexByName": order})
    )
    made = made.sort_by([shared.TableSortByFieldState().display_name(panel.columns[0].title)])
    for column in panel.columns:
        made = made.override_by_name(column.field, _told(column))
    return made


def _told(column: Column) -> list[dashboard.DynamicConfigValue]:
    told: dict[str, object] = {"displayName": column.title, "unit": column.unit}
    if column.limits:
        told["thresholds"] = _steps(column.limits).build()
    if column.words:
        told["mappings"] = [_mapping(column.words)]
    if column.limits or column.words:
        told["custom.cellOptions"] = {"type": "color-text"}
    if column.link:
        title, url = _LINKS[column.link]
        told["links"] = [{"title": title, "url": url}]
    return [dashboard.DynamicConfigValue(id_val=name, value=value) for name, value in told.items()]


def _query(panel: Panel, letter: str, expression: str, legend: str) -> Any:
    query = prometheus.Dataquery().expr(expression).legend_format(legend).ref_id(letter).datasource(SOURCE)
    if panel.kind in ("timeseries", "state-timeline"):
        return query.range().exemplar(_has_exemplars(panel, expression))
    query = query.instant()
    return query.format(PromQueryFormat.TABLE) if panel.kind == "table" else query


def _has_exemplars(panel: Panel, expression: str) -> bool:
    """Say whether dots help: on lines of a rate or a quantile, which alone stand for single records."""
    return panel.kind == "timeseries" and "rate(" in expression


def _steps(limits: Limits) -> build.ThresholdsConfig:
    steps = [dashboard.Threshold(value=value, color=color) for value, color in limits]
    return build.ThresholdsConfig().mode(dashboard.ThresholdsMode.ABSOLUTE).steps(steps)


def _mapping(words: Words) -> dashboard.ValueMap:
    shown = {value: dashboard.ValueMappingResult(text=word, color=color) for value, word, color in words}
    return dashboard.ValueMap(options=shown)


def _link(title: str, url: str) -> build.DashboardLink:
    made = build.DashboardLink(title).type(dashboard.DashboardLinkType.LINK).url(url)
    return made.target_blank(not url.startswith("/d/"))


def _legend(mode: common.LegendDisplayMode) -> shared.VizLegendOptions:
    return (
        shared.VizLegendOptions()
        .show_legend(True)
        .display_mode(mode)
        .placement(common.LegendPlacement.BOTTOM)
    )


def _tooltip() -> shared.VizTooltipOptions:
    return shared.VizTooltipOptions().mode(common.TooltipDisplayMode.MULTI).sort(common.SortOrder.DESCENDING)

"""What is marked over all panels of a dashboard: releases, incidents, tripped breakers."""

from __future__ import annotations

from typing import NamedTuple

from grafana_foundation_sdk.models import dashboard

from scripts.dashboards.selecting import full

__all__ = ["MARKS", "Mark", "annotations"]

STEP = "30s"


class Mark(NamedTuple):
    """One kind of moment, or of span."""

    name: str
    color: str
    expression: str
    title: str
    text: str
    is_moment: bool = False
    """The value is the moment, in ms; else the mark lasts as long as there is a value."""


MARKS = (
    Mark(
        "Releases of bots",
        "blue",
        "trading_bot_release_timestamp_seconds{*} * 1000",
        "{{bot}}",
        "release {{version}}",
        is_moment=True,
    ),
    Mark(
        "Starts of obs",
        "purple",
        "1000 * obs_sidecar_start_timestamp_seconds{*}"
        " * on (job, instance) group_left (version) obs_build_info{*}",
        "obs at {{instance}}",
        "release {{version}} started",
        is_moment=True,
    ),
    Mark(
        "Incidents",
        "red",
        'ALERTS{*,alertstate="firing",severity=~"critical|error"}',
        "{{alertname}}",
        "{{severity}}",
    ),
    Mark("Breaker trips", "orange", "trading_breaker_tripped{*} == 1", "Breaker tripped", "{{bot}}"),
)


class _Query(dashboard.AnnotationQuery):
    """As Prometheus' source in Grafana takes it; the SDK knows only what all sources share."""

    def __init__(self, mark: Mark, source: dashboard.DataSourceRef) -> None:
        super().__init__(
            name=mark.name,
            datasource=source,
            icon_color=mark.color,
            expr=full(mark.expression),
        )
        self._mark = mark

    def to_json(self) -> dict[str, object]:
        mark = self._mark
        return {
            **super().to_json(),
            "titleFormat": mark.title,
            "textFormat": mark.text,
            # Where there is no such label a tag is left out; in a text its name would stand there.
            "tagKeys": "bot",
            "step": STEP,
            "useValueForTime": mark.is_moment,
        }


def annotations(source: dashboard.DataSourceRef) -> dashboard.AnnotationContainer:
    """Return all marks, and those that people set by hand in Grafana."""
    by_hand = dashboard.AnnotationQuery(
        name="Annotations & Alerts",
        datasource=dashboard.DataSourceRef(type_val="grafana", uid="-- Grafana --"),
        hide=True,
        icon_color="rgba(0, 211, 255, 1)",
        type_val="dashboard",
        built_in=1,
    )
    return dashboard.AnnotationContainer(list_val=[by_hand, *(_Query(mark, source) for mark in MARKS)])

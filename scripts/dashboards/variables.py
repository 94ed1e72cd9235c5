"""The variables above a dashboard. One that it has no use for is hidden, and still goes along to the next."""

from __future__ import annotations

from typing import Any

from grafana_foundation_sdk.builders import dashboard as build
from grafana_foundation_sdk.models import dashboard

from scripts.dashboards.selecting import VARIABLES

__all__ = ["ADDRESS", "QUERIES", "SOURCE", "variables"]

SOURCE = dashboard.DataSourceRef(type_val="prometheus", uid="${datasource}")
ADDRESS = "http://127.0.0.1:8080"
"""Where a reader's browser finds obs; `obs grafana export` sets another. Not a text box: an address
that stood in a link to the dashboard could be anybody's."""

_IN_MONEY = "obs_money_at_risk|trading_(equity|fees_total|pnl_today|llm_cost_total)"
QUERIES = {
    "instance": "label_values(obs_build_info, instance)",
    "bot": 'label_values(trading_bot_info{instance=~"$instance"}, bot)',
    "mode": 'label_values(trading_bot_info{instance=~"$instance"}, mode)',
    "currency": f'label_values({{__name__=~"{_IN_MONEY}",instance=~"$instance"}}, currency)',
}
_LABELS = {"instance": "Sidecar", "bot": "Bot", "mode": "Mode", "currency": "Currency"}


def variables(used: set[str]) -> list[Any]:
    """Return all variables; those that no panel of this dashboard uses are hidden."""
    return [
        build.DatasourceVariable("datasource").label("Prometheus").type("prometheus"),
        *(_asked(name, is_hidden=name not in used) for name in VARIABLES),
        build.ConstantVariable("obs").label("Address of obs").value(ADDRESS),
    ]


def _asked(name: str, *, is_hidden: bool) -> build.QueryVariable:
    hide = dashboard.VariableHide.HIDE_VARIABLE if is_hidden else dashboard.VariableHide.DONT_HIDE
    return (
        build.QueryVariable(name)
        .label(_LABELS[name])
        .hide(hide)
        .datasource(SOURCE)
        .query({"query": QUERIES[name], "refId": name})
        .refresh(dashboard.VariableRefresh.ON_TIME_RANGE_CHANGED)
        .sort(dashboard.VariableSort.ALPHABETICAL_ASC)
        .multi(True)
        .include_all(True)
        # Also finds series without the label, and all of them when nobody has said a name yet.
        .all_value(".*")
        .current(dashboard.VariableOption(text="All", value="$__all", selected=True))
    )

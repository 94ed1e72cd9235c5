"""The observability and briefing sidecar for trading bots.

The public names are resolved on first use, so that a bot which only imports `obs.handler` loads nothing
from outside the standard library.
"""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:  # `typing` costs several milliseconds in a bot that has not loaded it
    from obs.analysis import analyze as analyze
    from obs.api.dashboard_api import DashboardAPI as DashboardAPI
    from obs.api.dashboard_api import create_dashboard_api as create_dashboard_api
    from obs.api.dashboard_api import run_dashboard_server as run_dashboard_server
    from obs.attachment import Attachment as Attachment
    from obs.attachment import attach as attach
    from obs.components import SystemStatusTracker as SystemStatusTracker
    from obs.handler import event as event
    from obs.issues import IssueAnalyzer as IssueAnalyzer
    from obs.keeping.caching import CacheManager as CacheManager
    from obs.money.metrics import PerformanceMetricsCalculator as PerformanceMetricsCalculator
    from obs.money.metrics import RealTimeMetrics as RealTimeMetrics
    from obs.pipeline import AsyncLogProcessor as AsyncLogProcessor
    from obs.refreshing.config import PipelineConfig as PipelineConfig
    from obs.refreshing.factory import create_dashboard_pipeline as create_dashboard_pipeline
    from obs.refreshing.factory import run_dashboard_pipeline as run_dashboard_pipeline
    from obs.refreshing.factory import stop_dashboard_pipeline as stop_dashboard_pipeline
    from obs.refreshing.pipeline import DashboardDataPipeline as DashboardDataPipeline
    from obs.sidecar import Sidecar as Sidecar

__version__ = "0.1.0"

_HOMES = {
    "analyze": "obs.analysis",
    "Attachment": "obs.attachment",
    "attach": "obs.attachment",
    "CacheManager": "obs.keeping.caching",
    "SystemStatusTracker": "obs.components",
    "event": "obs.handler",
    "IssueAnalyzer": "obs.issues",
    "AsyncLogProcessor": "obs.pipeline",
    "DashboardAPI": "obs.api.dashboard_api",
    "create_dashboard_api": "obs.api.dashboard_api",
    "run_dashboard_server": "obs.api.dashboard_api",
    "DashboardDataPipeline": "obs.refreshing.pipeline",
    "PerformanceMetricsCalculator": "obs.money.metrics",
    "RealTimeMetrics": "obs.money.metrics",
    "PipelineConfig": "obs.refreshing.config",
    "create_dashboard_pipeline": "obs.refreshing.factory",
    "run_dashboard_pipeline": "obs.refreshing.factory",
    "stop_dashboard_pipeline": "obs.refreshing.factory",
    "Sidecar": "obs.sidecar",
}

__all__ = [*_HOMES, "__version__"]


def __getattr__(name: str) -> object:
    import importlib

    home = _HOMES.get(name)
    if home is not None:
        value = getattr(importlib.import_module(home), name)
    elif name in {"briefing", "patterns", "redaction", "handler"}:
        value = importlib.import_module(f"obs.{name}")
    else:
        raise AttributeError(f"module 'obs' has no attribute {name!r}")
    globals()[name] = value
    return value

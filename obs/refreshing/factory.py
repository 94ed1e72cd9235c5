"""One pipeline for the whole process: made on first use, run, and stopped with all it holds."""

from __future__ import annotations

import atexit
import threading
from typing import Any

from obs.refreshing.config import PipelineConfig
from obs.refreshing.pipeline import STOP_SECONDS, DashboardDataPipeline

__all__ = ["create_dashboard_pipeline", "run_dashboard_pipeline", "stop_dashboard_pipeline"]

_lock = threading.Lock()
_pipelines: list[DashboardDataPipeline] = []
"""The one of this process, or none."""


def create_dashboard_pipeline(
    config: PipelineConfig | None = None, **arguments: Any
) -> DashboardDataPipeline:
    """Return the pipeline of this process, made when there is none; it does not run yet.

    Args:
        config: Its settings; one that is there takes them over.
        arguments: `source`, `directory` and the others of `DashboardDataPipeline`, for a new one.
    """
    with _lock:
        if not _pipelines:
            _pipelines.append(DashboardDataPipeline(config, **arguments))
            atexit.register(stop_dashboard_pipeline)
        elif config is not None:
            _pipelines[0].config = config
        return _pipelines[0]


def run_dashboard_pipeline(config: PipelineConfig | None = None, **arguments: Any) -> DashboardDataPipeline:
    """Return the pipeline of this process, running; arguments as for `create_dashboard_pipeline`."""
    pipeline = create_dashboard_pipeline(config, **arguments)
    pipeline.start()
    return pipeline


def stop_dashboard_pipeline(timeout: float = STOP_SECONDS) -> bool:
    """Stop the pipeline of this process and forget it; return whether all of it has ended."""
    with _lock:
        atexit.unregister(stop_dashboard_pipeline)
        pipeline = _pipelines.pop() if _pipelines else None
    # Not under the lock: a subscriber on its last record may ask for the pipeline.
    return pipeline is None or pipeline.close(timeout)

"""Metrics: a view of the Snapshot for Prometheus and whatever reads its formats.

`TABLE` names every metric; `exposition` writes one scrape of them.
"""

from __future__ import annotations

from obs.metrics.exposition import (
    CONTENT_TYPE,
    OPENMETRICS_TYPE,
    SnapshotCollector,
    exposition,
    negotiated,
)
from obs.metrics.own import Exported, Inner
from obs.metrics.table import MAX_COMPONENTS, MAX_SERIES, TABLE

__all__ = [
    "CONTENT_TYPE",
    "MAX_COMPONENTS",
    "MAX_SERIES",
    "OPENMETRICS_TYPE",
    "TABLE",
    "Exported",
    "Inner",
    "SnapshotCollector",
    "exposition",
    "negotiated",
]

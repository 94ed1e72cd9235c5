"""Metrics: a view of the Snapshot for Prometheus and whatever reads its formats.

`TABLE` names every metric; `exposition` writes one scrape of them.
"""

from __future__ import annotations

from obs.metrics.exposition import CONTENT_TYPES, Form, SnapshotCollector, exposition, negotiated
from obs.metrics.own import Exported, Inner
from obs.metrics.table import MAX_COMPONENTS, MAX_SERIES, TABLE

__all__ = [
    "CONTENT_TYPES",
    "MAX_COMPONENTS",
    "MAX_SERIES",
    "TABLE",
    "Exported",
    "Form",
    "Inner",
    "SnapshotCollector",
    "exposition",
    "negotiated",
]

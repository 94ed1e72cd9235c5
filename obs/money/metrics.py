"""Every money figure, derived from the book: the one place that knows what a day, a rate or a rank is."""

from __future__ import annotations

from obs.money.figures import (
    AgentDetail,
    AgentPerformance,
    Efficiency,
    History,
    LlmUsage,
    LlmUsageReport,
    RealTimeMetrics,
    TrendPoint,
)

__all__ = [
    "AgentDetail",
    "AgentPerformance",
    "Efficiency",
    "History",
    "LlmUsage",
    "LlmUsageReport",
    "RealTimeMetrics",
    "TrendPoint",
]

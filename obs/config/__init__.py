"""Settings: arguments, then environment, then `obs.toml` or `[tool.obs]`, then defaults, as one frozen tree.

Every field has a default and a description, from which the documentation is made; unknown keys are errors.
Each value's origin is kept, so that `obs config` can say where it came from.
"""

from __future__ import annotations

from obs.config.alerting import AlertRoute, Alerts
from obs.config.faults import ConfigError
from obs.config.loading import Effective, load, placed
from obs.config.meaning import destination_of, expectations, grpc_place, pipeline_config
from obs.config.opentelemetry import Otlp
from obs.config.settings import Settings
from obs.config.tables import ExchangeRate, Pipeline, Thresholds
from obs.config.units import duration_ns

__all__ = [
    "AlertRoute",
    "Alerts",
    "ConfigError",
    "Effective",
    "ExchangeRate",
    "Otlp",
    "Pipeline",
    "Settings",
    "Thresholds",
    "destination_of",
    "duration_ns",
    "expectations",
    "grpc_place",
    "load",
    "pipeline_config",
    "placed",
]

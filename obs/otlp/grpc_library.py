"""The library of the extra `otlp-grpc`: whether it is there, and how it is loaded."""

from __future__ import annotations

import functools
import importlib.util
import os
from typing import Any

__all__ = ["EXTRA", "SERVICES", "is_installed", "loaded"]

EXTRA = "pip install 'obs-sidecar[otlp-grpc]'"
SERVICES = {
    "logs": "/opentelemetry.proto.collector.logs.v1.LogsService/Export",
    "traces": "/opentelemetry.proto.collector.trace.v1.TraceService/Export",
    "metrics": "/opentelemetry.proto.collector.metrics.v1.MetricsService/Export",
}
"""Signal -> its method: the path of the request."""
_VERBOSITY = "GRPC_VERBOSITY"


def is_installed() -> bool:
    """Whether the extra is there."""
    try:
        return importlib.util.find_spec("grpc") is not None
    except ValueError:
        return False


@functools.cache
def loaded() -> Any:
    """Return the library, told to be silent: it would write each failed connection to the terminal.

    Raises:
        ImportError: If the extra is not installed.
    """
    told = os.environ.get(_VERBOSITY)
    os.environ.setdefault(_VERBOSITY, "NONE")
    try:
        import grpc  # type: ignore[import-untyped]

        # It looks the variable up with its first channel.
        grpc.insecure_channel("127.0.0.1:1").close()
    finally:
        if told is None:
            os.environ.pop(_VERBOSITY, None)
    return grpc

"""The trading core that `obs` watches; it only logs and never imports its observer."""

__version__ = "0.1.0"
"""As in `trading/pyproject.toml`; every event says it as `service.version`."""

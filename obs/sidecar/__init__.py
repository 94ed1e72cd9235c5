"""The sidecar: what arrives becomes State, is stored, and is shown; in any process, and as one.

`Sidecar` works inside any process (`step`, `flush`, `run`), `python -m obs.sidecar DIRECTORY` is one.
"""

from __future__ import annotations

from obs.keeping.presence import ensure_running, running_pid, wait_processed
from obs.sidecar.orders import Orders
from obs.sidecar.showing import Audience
from obs.sidecar.sidecar import Sidecar

__all__ = ["Audience", "Orders", "Sidecar", "ensure_running", "running_pid", "wait_processed"]

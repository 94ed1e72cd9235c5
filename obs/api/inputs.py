"""What comes into a serving sidecar beside the spool, the network and files: standard input."""

from __future__ import annotations

import threading

from obs import sources
from obs.sidecar import Sidecar

__all__ = ["read_standard_input"]


def read_standard_input(sidecar: Sidecar, timezone: str) -> None:
    """Offer standard input as it comes; the thread waits when the fold is behind."""

    def read() -> None:
        for event in sources.read("-", letter="a", timezone=timezone):
            sidecar.offer(event)

    threading.Thread(target=read, name="obs-stdin", daemon=True).start()

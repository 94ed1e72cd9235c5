"""Why it did not trade: how many signals came through each gate, and what stopped the others."""

from __future__ import annotations

from obs.snapshot import Snapshot
from obs.web.model import Funnel, FunnelStage
from obs.web.reader import Reader

__all__ = ["funnels"]


def funnels(snapshot: Snapshot, reader: Reader) -> tuple[Funnel, ...]:
    """Return the funnel of all bots, then of each."""
    if snapshot.funnel is None:
        return (Funnel(is_empty=True),)
    stages = tuple(
        FunnelStage(label=reader.say.get(f"funnel.{name}", name), left=count)
        for name, count in snapshot.funnel.stages
    )
    return (Funnel(stages=stages),)

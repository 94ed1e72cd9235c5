"""The sidecar's own histograms: how late records are folded, how long drawing takes.

Stored beside State in the same transaction, so that they go on after a restart as the bots' counts do.
"""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal

import msgspec

from obs.readings import Histogram
from obs.spooling.spool_batch import SpoolLine

__all__ = ["OwnMeters"]

NS = 1_000_000_000
LAG = "obs_fold_lag_seconds"
RENDER = "obs_briefing_render_duration_seconds"


class OwnMeters(msgspec.Struct):
    """What the sidecar measures of itself."""

    lag: Histogram = msgspec.field(default_factory=Histogram)
    render: Histogram = msgspec.field(default_factory=Histogram)

    def folded(self, lines: tuple[SpoolLine, ...] | list[SpoolLine], now: int) -> None:
        """Note how late the oldest of a batch of lines was folded.

        Args:
            lines: As the spool gave them.
            now: Unix ns.
        """
        times = [
            line.glance.timestamp
            for line in lines
            if line.glance is not None
            and isinstance(line.glance.timestamp, int)
            and line.glance.timestamp > 0
        ]
        if times:
            late = Decimal(max(0, now - min(times))) / NS
            self.lag.observe(LAG, late.quantize(Decimal("1e-6")))

    def drawn(self, seconds: float) -> None:
        """Note how long the view files took."""
        self.render.observe(RENDER, Decimal(seconds).quantize(Decimal("1e-6")))

    def histograms(self) -> Mapping[str, Mapping[str, Histogram]]:
        """Return both as a part of the Snapshot's readings."""
        return {LAG: {"": self.lag.copy()}, RENDER: {"": self.render.copy()}}

    def encode(self) -> str:
        """Return them as JSON."""
        return msgspec.json.encode(self).decode()

    @classmethod
    def decode(cls, text: str) -> OwnMeters:
        """Return what `encode` gave.

        Raises:
            msgspec.DecodeError: If the text is of another version.
        """
        return msgspec.json.decode(text, type=cls)

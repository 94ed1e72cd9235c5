"""How a running sidecar is to work: what of its settings may change without a restart, always as a whole."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import msgspec

from obs.history.retention import Bounds
from obs.rules import RuleSet
from obs.watch.expectations import Expectations

if TYPE_CHECKING:
    from obs.exporting.destination import Destination

__all__ = ["Orders"]


class Orders(msgspec.Struct, frozen=True, kw_only=True):
    """Given as a whole, in force as a whole."""

    ruleset: RuleSet
    expected: Expectations
    """Markets, rhythms, limits, prices."""
    budget: int = 2000
    """Most tokens of a briefing."""
    lang: str = "en"
    templates: Path | None = None
    """Folder of templates that replace ours of the same name."""
    history: Bounds = Bounds()
    """How much history is kept."""
    follow: tuple[str, ...] = ()
    """Log files and globs to follow beside the spool."""
    timezone: str = "UTC"
    """Zone in which times of files without one are read."""
    destination: Destination | None = None
    """Where OpenTelemetry goes; nowhere when None."""
    said: tuple[str, ...] = ()
    """What a reader of the page has to know of the settings: a sentence of ours each."""

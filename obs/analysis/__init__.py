"""From events to a Snapshot: the same code for one log file, a test and the running sidecar.

`Analyzer` feeds events through redaction and rules into a `State` and takes a `Snapshot` at any moment.
"""

from __future__ import annotations

from obs.analysis.analyzer import Analyzer, Listener
from obs.analysis.recorded import analyze, letters
from obs.analysis.times import to_ns

__all__ = ["Analyzer", "Listener", "analyze", "letters", "to_ns"]

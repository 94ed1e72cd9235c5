"""The sidecar that a bot has started: with the settings of the bot's folder, until the bots are gone.

It makes room for `obs up`, and serves the page only where the settings say so; a port that is taken, settings
that are wrong and a page that cannot be served cost what they are for and nothing else.
"""

from __future__ import annotations

import gc
from pathlib import Path

from obs.keeping.stopping import Told, flags_of_signals
from obs.opening import Marker, has_settings, opened_for_a_bot

__all__ = ["run"]


def run(directory: Path, folder: Path, idle_exit: float) -> int:
    """Run until a signal, the idle time or a sidecar in the foreground ends it; return the exit code.

    Args:
        directory: The `OBS_DIR`.
        folder: Where the bot was started.
        idle_exit: Seconds without a living bot after which to end; 0 is never.

    Raises:
        SpoolBusyError, StoreError, OSError: As `Sidecar`.
    """
    if has_settings(folder) and _wants_page(folder):
        from obs.api.serve import serve_for_a_bot

        return serve_for_a_bot(directory, folder, idle_exit=idle_exit)
    stop, hurry = flags_of_signals()
    with opened_for_a_bot(directory, folder) as sidecar:
        marker = Marker(sidecar.directory)
        try:
            # What is loaded now stays; the collector need not look at it again.
            gc.freeze()
            sidecar.work(_Either(stop, marker), hurry=hurry, idle_exit=idle_exit)
        finally:
            marker.close()
    return 0


class _Either:
    """Set when one of two is."""

    def __init__(self, one: Told, other: Told) -> None:
        self._one, self._other = one, other

    def is_set(self) -> bool:
        return self._one.is_set() or self._other.is_set()


def _wants_page(folder: Path) -> bool:
    from obs.config import ConfigError, load

    try:
        return load(folder=folder).settings.page
    except ConfigError:
        return False

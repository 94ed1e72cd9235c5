"""The sidecar that a bot has started: with the settings of the bot's folder, until the bots are gone.

It makes room for `obs up`, and serves the page only where the settings say so; a port that is taken, settings
that are wrong and a page that cannot be served cost what they are for and nothing else.
"""

from __future__ import annotations

import gc
import signal
from pathlib import Path
from typing import TYPE_CHECKING

from obs.alerts.unattended import Lookout, Unattended
from obs.keeping.stopping import HANGUP, Told, flags_of_signals
from obs.opening import Marker, has_settings, opened_for_a_bot, orders_of
from obs.reloading import Reloading
from obs.sidecar import Sidecar

if TYPE_CHECKING:
    from obs.config import Settings

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
    lookout, settings = Lookout(), _settings(folder)
    with (
        opened_for_a_bot(directory, folder, audience=lookout) as sidecar,
        Unattended(sidecar, lookout, settings) as alerts,
        _reloading(sidecar, folder, settings, alerts) as reloading,
    ):
        marker = Marker(sidecar.directory)
        if HANGUP is not None:
            # Started without a terminal, so it cannot say that one is gone.
            signal.signal(HANGUP, lambda *_: reloading.ask())
        try:
            # What is loaded now stays; the collector need not look at it again.
            gc.freeze()
            sidecar.work(_Either(stop, marker), hurry=hurry, idle_exit=idle_exit)
        finally:
            marker.close()
    return 0


def _settings(folder: Path) -> Settings | None:
    """Return the settings of a folder; None where there are none, or they are wrong."""
    if not has_settings(folder):
        return None
    from obs.config import load, placed

    try:
        return placed(load(folder=folder).settings, folder)
    except ValueError:
        return None


def _reloading(sidecar: Sidecar, folder: Path, began: Settings | None, alerts: Unattended) -> Reloading:
    """Return what takes changed settings of the folder over; where there are none it loads nothing."""

    def read() -> Settings:
        from obs.config import load, placed

        return placed(load(folder=folder).settings, folder)

    return Reloading(sidecar, began, read, orders_of, folder=folder, prepare=alerts.prepare)


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

"""Alerts of a sidecar that a bot has started and nobody looks at: the same ones, without a page beside them.

Nothing of it is loaded before settings ask for alerts or somebody has made a silence.
"""

from __future__ import annotations

import contextlib
import threading
import time
from collections.abc import Callable
from types import TracebackType
from typing import TYPE_CHECKING

from obs.alerts import FILE
from obs.keeping.intake import Onlooker
from obs.snapshot import Snapshot

if TYPE_CHECKING:
    from obs.alerts.alerter import Alerter
    from obs.config import Settings
    from obs.sidecar import Sidecar

__all__ = ["Lookout", "Unattended"]

CHANGED_SECONDS = 1.0
"""Between two pictures while events come."""
AT_REST_SECONDS = 10.0
"""And while none do: silence is news as well."""


class Lookout:
    """Who is shown the pictures (`obs.sidecar.Audience`); keeps the newest of which nothing can be lost."""

    def __init__(self) -> None:
        """Want no pictures yet."""
        self.is_wanted = False
        self._shown = -1e9
        self._is_showing = False
        self._newest = self._kept = Snapshot(taken_at=time.time_ns(), live=True)

    @property
    def kept(self) -> Snapshot:
        """The newest picture that no restart takes back; from any thread."""
        return self._kept

    @property
    def onlooker(self) -> Onlooker | None:
        """Nobody wants to see the events themselves."""
        return None

    def is_due(self, *, changed: bool) -> bool:
        """Whether a picture should be taken now."""
        pause = CHANGED_SECONDS if changed else AT_REST_SECONDS
        return self.is_wanted and time.monotonic() >= self._shown + pause

    def show(self, take: Callable[[], Snapshot], *, fault: str, pending_bytes: int) -> None:
        """Take a picture and keep it.

        Args:
            take: Makes it.
            fault: What keeps the sidecar from storing; told on the files.
            pending_bytes: What waits to be read.
        """
        self._newest = take()
        self._shown = time.monotonic()

    def stored(self) -> None:
        """Know that all that was shown so far is stored."""
        self._kept = self._newest


class Unattended:
    """The alerts of one such sidecar; `with` ends them in order."""

    def __init__(self, sidecar: Sidecar, lookout: Lookout, settings: Settings | None) -> None:
        """Make them.

        Args:
            sidecar: Whose they are.
            lookout: Its audience.
            settings: With which it began; None when there was nothing to read.
        """
        self._sidecar, self._lookout, self._settings = sidecar, lookout, settings
        self._alerter: Alerter | None = None
        self._lock = threading.Lock()
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._watch, name="obs-silences", daemon=True)

    def __enter__(self) -> Unattended:
        if self._settings is not None and _asks(self._settings):
            self._open(self._settings)
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stop.set()
        self._thread.join(5.0)
        if self._alerter is not None:
            self._alerter.__exit__(kind, error, trace)

    def prepare(self, settings: Settings) -> Callable[[], None]:
        """Return what puts changed settings in force."""
        from obs.alerts.opening import wiring_of

        wiring = wiring_of(settings)

        def adopt() -> None:
            self._settings = settings
            if self._alerter is not None:
                self._alerter.adopt(wiring)
            elif wiring.is_needed:
                self._open(settings)

        return adopt

    def _watch(self) -> None:
        """Begin when somebody makes the first silence."""
        file = self._sidecar.directory / FILE
        while self._alerter is None and not self._stop.wait(2.0):
            if file.exists():
                from obs.config import Settings

                with contextlib.suppress(ValueError):
                    self._open(self._settings or Settings.model_validate({}))

    def _open(self, settings: Settings) -> None:
        from obs.alerts.opening import alerter_of

        sidecar = self._sidecar
        with self._lock:
            if self._alerter is not None or self._stop.is_set():
                return
            self._lookout.is_wanted = True
            self._alerter = alerter_of(
                settings,
                sidecar.directory,
                lambda: self._lookout.kept,
                lambda text: sidecar.post(lambda: sidecar.vault.notice(text)),
                sidecar.offer,
            )
            self._alerter.__enter__()


def _asks(settings: Settings) -> bool:
    told = settings.alerts
    return bool(
        told.routes
        or told.alertmanager.get_secret_value()
        or told.heartbeat.get_secret_value()
        or told.alive_at
    )

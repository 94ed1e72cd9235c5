"""A sidecar as the settings want it: for `obs up`, and for one that a bot has started by itself.

The second kind may never keep a bot from being watched: where the settings of the bot's folder are wrong it
works with the defaults, and its page says so.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from obs.history.retention import Bounds
from obs.keeping.presence import running_pid
from obs.keeping.viewfiles import write_whole
from obs.quoting import plain
from obs.rules import RuleError
from obs.sidecar import Audience, Orders, Sidecar
from obs.spool_reader import SpoolBusyError
from obs.spooling.sizes import bytes_of

if TYPE_CHECKING:
    from obs.config import Settings

__all__ = ["Marker", "bounds_of", "has_settings", "opened", "opened_for_a_bot", "orders_of", "taken_over"]

MARKER = "on-demand"
LEAVE = b"leave\n"
TAKE_OVER_SECONDS = 15.0
LOOK_SECONDS = 0.2
_INSIDE = {
    "OBS_DIR",
    "OBS_ENABLED",
    "OBS_HANDOVER",
    "OBS_RUN",
    "OBS_SERVICE",
    "OBS_SIDECAR",
    "OBS_SPOOL_QUOTA",
}
"""What `obs run` and `obs.attach` set themselves: it says nothing of how a sidecar should work."""


def opened(
    settings: Settings,
    directory: Path,
    *,
    files: Sequence[str] = (),
    audience: Audience | None = None,
) -> Sidecar:
    """Open a sidecar with settings.

    Args:
        settings: How it should work.
        directory: The `OBS_DIR`.
        files: Files to follow beside those of the settings; `-` is left to the caller.
        audience: Is shown each new picture.

    Raises:
        ConfigError: If a table that the settings name is wrong.
        RuleError: If a rule pack is wrong.
        SpoolBusyError, StoreError, OSError: As `Sidecar`.
    """
    orders = orders_of(settings, files)
    sidecar = Sidecar(
        directory,
        ruleset=orders.ruleset,
        expected=orders.expected,
        follow=orders.follow,
        timezone=orders.timezone,
        budget=orders.budget,
        lang=orders.lang,
        templates=orders.templates,
        audience=audience,
        store=settings.store,
        history=orders.history,
        destination=orders.destination,
    )
    for said in orders.said:
        sidecar.refuse(said)
    return sidecar


def orders_of(settings: Settings, files: Sequence[str] = ()) -> Orders:
    """Return what the settings want of a sidecar that may be running already.

    Args:
        settings: All of them.
        files: Files to follow beside those of the settings; `-` is left to the caller.

    Raises:
        ConfigError: If a table that the settings name is wrong.
        RuleError: If a rule pack is wrong.
    """
    from obs import rules
    from obs.config import destination_of, expectations

    destination, fault = destination_of(settings)
    return Orders(
        ruleset=rules.load(settings.rules),
        expected=expectations(settings),
        follow=tuple(path for path in (*files, *settings.follow) if path != "-"),
        timezone=settings.timezone,
        budget=settings.budget,
        lang=settings.lang,
        templates=settings.templates,
        history=bounds_of(settings),
        destination=destination,
        said=(fault,) if fault else (),
    )


def bounds_of(settings: Settings) -> Bounds:
    """Return how much history the settings want to be kept."""
    return Bounds(days=settings.history_days, quota=bytes_of(settings.history_quota))


def opened_for_a_bot(directory: Path, folder: Path | None, *, audience: Audience | None = None) -> Sidecar:
    """Open a sidecar with the settings of a bot's folder, or with the defaults where those are wrong.

    Args:
        directory: The `OBS_DIR`.
        folder: Where the bot was started; None has no settings.
        audience: Is shown each new picture.

    Raises:
        SpoolBusyError, StoreError, OSError: As `Sidecar`.
    """
    if folder is None or not has_settings(folder):
        return Sidecar(directory, audience=audience)
    from obs.config import ConfigError, load, placed

    try:
        return opened(placed(load(folder=folder).settings, folder), directory, audience=audience)
    except (ConfigError, RuleError) as error:
        sidecar = Sidecar(directory, audience=audience)
        sidecar.refuse(
            f"What {plain(str(error).partition(':')[0])} asks for: it is wrong and not in force, so the "
            "defaults are; `obs config` and `obs check --rules FILE` say what to mend."
        )
        return sidecar


def has_settings(folder: Path) -> bool:
    """Whether there are settings to read at all; without them none of what reads them is loaded."""
    if any(key.startswith("OBS_") and key not in _INSIDE and os.environ[key] for key in os.environ):
        return True
    if any(key.startswith("OTEL_EXPORTER_OTLP_") for key in os.environ):
        return True
    if (folder / "obs.toml").is_file():
        return True
    try:
        return b"tool.obs" in (folder / "pyproject.toml").read_bytes()
    except OSError:
        return False


class Marker:
    """Says that a sidecar was started on demand, and hears when another wants its place."""

    def __init__(self, directory: Path) -> None:
        """Mark the directory as ours.

        Raises:
            OSError: If it cannot be written.
        """
        self._path = directory / MARKER
        self._look_at = 0.0
        self._is_asked = False
        write_whole(self._path, b"%d\n" % os.getpid())

    def is_set(self) -> bool:
        """Whether we are asked to leave; looked up a few times in a second."""
        now = time.monotonic()
        if not self._is_asked and now >= self._look_at:
            self._look_at = now + LOOK_SECONDS
            try:
                self._is_asked = self._path.read_bytes() == LEAVE
            except OSError:
                # Deleted with the directory: nobody asked.
                self._is_asked = False
        return self._is_asked

    def close(self) -> None:
        """Take the mark away: there is no sidecar on demand here any more."""
        self._path.unlink(missing_ok=True)


def taken_over(directory: Path, open_it: Callable[[], Sidecar]) -> Sidecar:
    """Open a sidecar; one that was started on demand is asked to end in order first.

    Args:
        directory: The `OBS_DIR`.
        open_it: Opens it.

    Raises:
        SpoolBusyError: If another sidecar works there that nobody started on demand, or it does not leave.
    """
    deadline = time.monotonic() + TAKE_OVER_SECONDS
    asked: set[int] = set()
    while True:
        try:
            return open_it()
        except SpoolBusyError:
            pid = running_pid(directory)
            if pid is not None and pid not in asked and not _ask_to_leave(directory, pid):
                raise
            if pid is not None:
                asked.add(pid)
            if time.monotonic() >= deadline:
                raise
            time.sleep(0.05)


def _ask_to_leave(directory: Path, pid: int) -> bool:
    path = directory / MARKER
    try:
        if path.read_bytes().strip() != b"%d" % pid:
            return False
        write_whole(path, LEAVE)
    except OSError:
        return False
    return True

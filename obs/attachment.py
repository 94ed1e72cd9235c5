"""One line in a bot's own code: attach, whatever happens, and be told what came of it.

Standard library only, because it runs in the bot. A bot that cannot be observed runs on, unobserved.
"""

from __future__ import annotations

import atexit
import logging
import os
import sys
import threading
import time
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from obs.keeping.presence import ensure_running, working_folder

__all__ = ["Attachment", "attach"]

_START_SECONDS = 0.5
_attached: list[Attachment] = []


@dataclass(frozen=True)
class Attachment:
    """What `attach` came to."""

    directory: Path
    """`OBS_DIR`: where the spool and, from the sidecar, the briefings are."""
    service: str
    """The bot's name in all that is recorded."""
    active: bool
    """Whether the program's records are being kept."""
    problem: str = ""
    """Why they are not, in words; empty otherwise."""

    @property
    def briefing(self) -> Path:
        """Where the sidecar keeps the newest briefing; the file is there once a sidecar has run."""
        return self.directory / "briefings" / "latest.md"


def attach(
    directory: str | os.PathLike[str] | None = None,
    *,
    level: int = logging.NOTSET,
    service: str | None = None,
    sidecar: str = "auto",
    spool_quota: str | None = None,
) -> Attachment:
    """Keep everything this program logs from now on, and the exceptions that nobody catches.

    Records of all loggers are seen, whatever handlers and levels the program configures before or
    after; its own output does not change. A second call returns the first one's answer. Never raises.

    Args:
        directory: `OBS_DIR`; by default the environment's, else `.obs` in the working directory.
        level: Records below it are not kept; Python's numbers. 0 keeps all.
        service: The bot's name; by default the environment's `OBS_SERVICE` or `OTEL_SERVICE_NAME`, else
            its script's.
        sidecar: `"auto"` starts one for the directory when none is alive, `"never"` leaves that to you;
            `OBS_SIDECAR=never` does so from outside.
        spool_quota: How much the spool may take while nobody reads it, e.g. `"1GiB"`; by default the
            environment's `OBS_SPOOL_QUOTA`, else `"512MiB"`.
    """
    name = service or os.environ.get("OBS_SERVICE") or os.environ.get("OTEL_SERVICE_NAME") or ""
    try:
        # The program may change its working directory later.
        place = Path(directory or os.environ.get("OBS_DIR") or ".obs").absolute()
        name = name or Path(sys.argv[0] or "bot").stem or "bot"
        if os.environ.get("OBS_ENABLED") == "0":
            return Attachment(place, name, active=False, problem="OBS_ENABLED=0 switches it off")
        if not _attached:
            _attached.append(_attach(place, level, name, spool_quota))
            if sidecar == "auto" and os.environ.get("OBS_SIDECAR", "auto") == "auto":
                _start_sidecar(place)
        return _attached[0]
    except Exception as error:  # noqa: BLE001 - the observer may never hurt the bot
        return Attachment(Path(".obs"), name, active=False, problem=f"{type(error).__name__}: {error}")


def _attach(directory: Path, level: int, service: str, spool_quota: str | None) -> Attachment:
    from obs.running import bootstrap, crashes, faults

    bootstrap.install(str(directory), level, service, spool_quota)
    if "OBS_RUN" not in os.environ:
        faults.write_dumps_into(str(directory), f"{os.getpid()}-{time.time_ns():x}")
        atexit.register(faults.forget)
        crashes.hook_main(bootstrap.report)
        crashes.hook_threads(threading)
    return Attachment(directory, service, active=True)


def _start_sidecar(directory: Path) -> None:
    """Start a sidecar unless one is alive; nothing of it is loaded into the bot, and it is nobody's child."""
    # The program may go elsewhere while the thread starts.
    folder = working_folder()

    def start() -> None:
        # A bot without a sidecar runs on, and its spool waits.
        with suppress(Exception):
            ensure_running(directory, folder=folder)

    # It takes some milliseconds; a sick machine may make it seconds, and those are not the bot's.
    thread = threading.Thread(target=start, name="obs-sidecar-start", daemon=True)
    thread.start()
    thread.join(_START_SECONDS)

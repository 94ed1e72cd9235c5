"""Changed settings taken over while the sidecar runs: files are looked at twice a second, or when asked to.

Everything is read and checked first, in a thread of its own; then all of it is in force at once. Where any of
it is wrong nothing changes, and the page says what is wrong. What only a start can change is said by name.
"""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Callable, Iterable
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any

import msgspec

from obs.journal import journal
from obs.opening import has_settings
from obs.quoting import shorten
from obs.redaction import redact

if TYPE_CHECKING:
    from obs.config import Settings
    from obs.sidecar import Orders, Sidecar

__all__ = ["AT_START", "Reloading", "differing", "in_force"]

LOOK_SECONDS = 0.5
STOP_SECONDS = 5.0
MOST_WORDS = 300
"""Of an error that the page shows."""
AT_START = (
    "dir",
    "store",
    "host",
    "port",
    "token",
    "read_token",
    "allowed_hosts",
    "allowed_origins",
    "page",
    "spool_quota",
    "service",
    "otlp.grpc",
)
"""What a start alone can change; bots read their own part when they start."""

Prepare = Callable[["Settings"], Callable[[], None]]
"""Checks settings for a part that is not the sidecar's; what it returns puts them in force."""


class Reloading:
    """Watches the files behind the settings of one sidecar; `with` starts and ends it."""

    def __init__(
        self,
        sidecar: Sidecar,
        settings: Settings | None,
        read: Callable[[], Settings],
        orders: Callable[[Settings], Orders],
        *,
        folder: Path,
        prepare: Prepare = lambda _: lambda: None,
    ) -> None:
        """Make it; nothing is watched yet.

        Args:
            sidecar: Whose settings they are; told in its own thread.
            settings: With which it began; None: with the defaults, there was nothing to read.
            read: Reads the settings anew; raises what is wrong with them.
            orders: Makes of them what the sidecar works by; raises what is wrong with rules and tables.
            folder: Where `obs.toml` stands.
            prepare: Does the same for the other parts.
        """
        self._sidecar, self._read, self._orders, self._prepare = sidecar, read, orders, prepare
        self._began = settings
        self._folder = folder
        self._places = self._watched(settings)
        self._seen = _stamps(self._places)
        self._log = journal("settings")
        self._woken = threading.Event()
        self._is_asked = self._is_stopping = False
        self._thread = threading.Thread(target=self._run, name="obs-settings", daemon=True)

    def __enter__(self) -> Reloading:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._is_stopping = True
        self._woken.set()
        self._thread.join(STOP_SECONDS)

    def ask(self) -> None:
        """Read all anew, changed or not; may be called in a signal handler."""
        self._is_asked = True
        self._woken.set()

    def _run(self) -> None:
        changing = self._seen
        with contextlib.suppress(Exception):
            # Changed between the first reading and the first look: nobody would notice any more.
            has_any = self._began is not None or has_settings(self._folder)
            if has_any and self._read() != self._began:
                self._is_asked = True
        while not self._is_stopping:
            self._woken.wait(LOOK_SECONDS)
            self._woken.clear()
            found = _stamps(self._places)
            # An editor may be writing still: what has changed must have stayed so for one more look.
            is_new = found != self._seen and found == changing
            changing = found
            if self._is_stopping or not (is_new or self._is_asked):
                continue
            changed = sorted({path.name for path, _ in set(found.items()) ^ set(self._seen.items())})
            self._is_asked, self._seen = False, found
            if (fresh := self._reloaded(changed)) is not None:
                self._places = self._watched(fresh)
                self._seen = {path: found.get(path, stamp) for path, stamp in _stamps(self._places).items()}

    def _reloaded(self, changed: list[str]) -> Settings | None:
        try:
            told = self._read()
            fresh = in_force(self._began or told, told)
            orders, adopt = self._orders(fresh), self._prepare(fresh)
        except Exception as error:  # noqa: BLE001 - whatever is wrong with them, those from before hold
            self._refuse(error)
            return None
        self._began = self._began or told
        late = differing(self._began, told)
        if late:
            said = f"Changed settings hold from the next start of the sidecar: {', '.join(late)}."
            orders = msgspec.structs.replace(orders, said=(*orders.said, said))
        self._sidecar.post(lambda: self._sidecar.adopt(orders))
        adopt()
        self._log.info("settings reloaded", files=changed, from_next_start=late)
        return fresh

    def _refuse(self, error: Exception) -> None:
        # Our own errors say what to mend; of any other the text may be anything.
        is_ours = isinstance(error, (ValueError, OSError)) or type(error).__module__.startswith("obs.")
        why = redact(" ".join(str(error).split())) if is_ours else type(error).__name__
        said = (
            f"The changed settings are wrong and not in force, those before are: {shorten(why, MOST_WORDS)}."
        )
        self._sidecar.post(lambda: self._sidecar.refuse(said))
        self._log.error("settings kept", why=why)

    def _watched(self, settings: Settings | None) -> list[Path]:
        """The files and folders of which any change is news; those that are missing too."""
        told = (*settings.rules, settings.calendars, settings.prices) if settings is not None else ()
        names = (self._folder / "obs.toml", self._folder / "pyproject.toml")
        return [*names, *(self._folder / path for path in told if path is not None)]


def differing(began: Settings, fresh: Settings) -> list[str]:
    """Return the names of the settings in which two differ and that only a start changes."""
    return [name for name in AT_START if _value(began, name) != _value(fresh, name)]


def in_force(began: Settings, fresh: Settings) -> Settings:
    """Return the fresh settings, but of what only a start changes those with which it began."""
    tops = [name for name in AT_START if "." not in name]
    return fresh.model_copy(update={name: getattr(began, name) for name in tops})


def _value(settings: Any, name: str) -> Any:
    for part in name.split("."):
        settings = getattr(settings, part, None)
    return settings


def _stamps(places: Iterable[Path]) -> dict[Path, tuple[int, ...]]:
    """Return when and how each file was last written; of a folder its TOML files."""
    found: dict[Path, tuple[int, ...]] = {}
    for place in places:
        with contextlib.suppress(OSError):
            for path in (*place.glob("*.toml"), place) if place.is_dir() else (place,):
                known = path.stat()
                # A folder's own time changes with whatever is written into it.
                found[path] = (
                    (known.st_mtime_ns, known.st_ctime_ns, known.st_size, known.st_ino)
                    if path.is_file()
                    else (known.st_ino,)
                )
    return found

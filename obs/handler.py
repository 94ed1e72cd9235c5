"""What a bot imports: a handler for any `dictConfig`, and `event` for those who speak our words.

Needs the standard library alone (orjson is used where it is installed). Importing does no I/O and starts no
thread; the first record opens the spool. All doors lead to one `Capture` per process. A record is delivered
once, also when two of our handlers see it; beside the wrapped `Logger.callHandlers` (`obs.attach`, `obs run`)
a `SidecarHandler` is inert.
"""

from __future__ import annotations

import logging
import os
import weakref
from collections.abc import Callable, Mapping
from typing import Any

from obs.recording.capture import Capture, warn_once
from obs.recording.doors import Doors, text_of
from obs.recording.interruptions import is_interruption

__all__ = ["Capture", "SidecarHandler", "capture", "event", "use_door", "wrap_logging"]

# `importlib.reload` runs this file again in the same namespace: there is still only one capture.
_captures: dict[int, Capture] = globals().get("_captures", {})
_SEVERITIES = {
    "TRACE": 5,
    "DEBUG": 10,
    "INFO": 20,
    "WARN": 30,
    "WARNING": 30,
    "ERROR": 40,
    "FATAL": 50,
    "CRITICAL": 50,
}


def capture() -> Capture:
    """Return the one capture of this process."""
    found = _captures.get(0)
    return found if found is not None else _captures.setdefault(0, Capture())


def event(
    name: str,
    attributes: Mapping[str, Any] | None = None,
    /,
    *,
    severity: str | int = "INFO",
    body: str = "",
    **fields: Any,
) -> None:
    """Say one event of the vocabulary, such as `order.filled`. Never raises, never waits.

    Args:
        name: The event's name, dotted.
        attributes: Attributes under their own names, dots included: `{"order.id": "42"}`.
        severity: A word (`INFO`, `WARN`, ...) or one of `logging`'s numbers.
        body: A sentence for people.
        **fields: Further attributes; a double underscore is read as a dot (`order__id="42"`).
            Amounts may be `Decimal`.
    """
    taken = capture()
    if not taken.enabled:
        return
    try:
        if isinstance(severity, int):
            level = severity
        else:
            level = _SEVERITIES.get(severity) or _SEVERITIES.get(severity.upper(), 20)
        taken.event(name, level, body, attributes, fields)
    except Exception as error:
        if is_interruption(error):
            raise
        taken.handoff.failed.append((20, "events"))


def wrap_logging(taken: Capture | None = None) -> Callable[[], None]:
    """Hear every record that any logger dispatches, whatever handlers the bot configures later.

    Wraps `logging.Logger.callHandlers`; a second call does nothing. Every `SidecarHandler` turns inert.

    Returns:
        A function that takes the wrapper off again.
    """
    taken = capture() if taken is None else taken
    dispatch = logging.Logger.callHandlers
    if getattr(dispatch, "_obs_capture", None) is taken or not taken.enabled:
        return lambda: None
    level, accept = taken.level, taken.accept

    def callHandlers(self: logging.Logger, record: logging.LogRecord) -> None:  # noqa: N802  (logging's name)
        if record.levelno >= level:
            accept(record)
        dispatch(self, record)

    def look_twice() -> None:
        nonlocal accept
        accept = _once

    callHandlers._obs_capture = taken  # type: ignore[attr-defined]
    callHandlers._obs_look_twice = look_twice  # type: ignore[attr-defined]
    if _doors.in_use:
        look_twice()
    logging.Logger.callHandlers = callHandlers  # type: ignore[method-assign]
    taken.is_wrapped = True
    _choose_doors()

    def unwrap() -> None:
        taken.is_wrapped = False
        if logging.Logger.callHandlers is callHandlers:
            logging.Logger.callHandlers = dispatch  # type: ignore[method-assign]
        _choose_doors()

    return unwrap


class SidecarHandler(logging.Handler):
    """Hands log records to the sidecar: `{"class": "obs.handler.SidecarHandler"}` in any `dictConfig`.

    Args:
        directory: Where the spool lies; default `OBS_DIR`, else `.obs` in the working directory.
        level: As of any handler.
        service: Whose bot this is; default `OBS_SERVICE`, `OTEL_SERVICE_NAME`, else the program's name.
        durable: Write each record to the spool before its call returns (a flight recorder).
        spool_quota: How much the spool may take while nobody reads it, e.g. `"1GiB"`; default
            `OBS_SPOOL_QUOTA`, else `"512MiB"`.
        **unknown: Settings of other versions are named once on stderr and not used.
    """

    def __init__(
        self,
        directory: str | os.PathLike[str] | None = None,
        level: int | str = logging.NOTSET,
        service: str | None = None,
        durable: bool = False,
        spool_quota: str | None = None,
        **unknown: Any,
    ) -> None:
        super().__init__()
        try:
            self.setLevel(level)
        except (ValueError, TypeError):
            warn_once(f"level = {level!r} is no level; write one of DEBUG INFO WARNING ERROR CRITICAL")
        for name in unknown:
            warn_once(f'SidecarHandler knows no setting "{name}"; it is not used')
        self._capture = capture()
        self._capture.handoff.on_doubled = _choose_doors
        self._capture.install(directory, logging.NOTSET, service, durable=durable, spool_quota=spool_quota)
        _handlers.add(self)
        _choose_doors()

    def createLock(self) -> None:  # noqa: N802  (logging's name)
        """Have none: nothing here ever waits."""
        self.lock = None

    def emit(self, record: logging.LogRecord) -> None:
        """Take in one record; `handle` is set on the instance and usually bypasses this."""
        self._capture.accept(record)

    def addFilter(self, filter: Any) -> None:  # noqa: A002, N802  (logging's names)
        """Add a filter; only then does the handler ask filters at all."""
        super().addFilter(filter)
        _choose_doors()

    def flush(self) -> None:
        """Bring what waits to the spool."""
        self._capture.flush()

    def close(self) -> None:
        """Flush only: `dictConfig` closes every handler alive, and the next record must still be taken."""
        self._capture.flush()
        _handlers.discard(self)
        self.handle = self._reopen  # type: ignore[method-assign]
        _choose_doors()

    def _reopen(self, record: logging.LogRecord) -> bool:
        _handlers.add(self)
        _choose_doors()
        self.handle(record)
        return True

    def _filtered(self, record: logging.LogRecord) -> bool:
        found = self.filter(record)
        if isinstance(found, logging.LogRecord):
            record = found
        if found:
            _once(record)
        return bool(found)


_handlers: weakref.WeakSet[SidecarHandler] = globals().get("_handlers", weakref.WeakSet())
_doors: Doors = globals().get("_doors", Doors())


def use_door(name: str) -> Doors:
    """Tell that a door besides `logging` is in use: from now on it is watched that nothing comes in twice."""
    if name not in _doors.in_use:
        _doors.in_use.add(name)
        _choose_doors()
        look_twice = getattr(logging.Logger.callHandlers, "_obs_look_twice", None)
        if look_twice is not None:
            look_twice()
    return _doors


def _choose_doors() -> None:
    """Give each living handler the cheapest door that still delivers each record once."""
    living = list(_handlers)
    for handler in living:
        taken = handler._capture
        if not taken.enabled or taken.is_wrapped:
            door: Any = _ignore
        elif handler.filters:
            door = handler._filtered
        elif len(living) > 1 or _doors.in_use or taken.handoff.is_doubled:
            door = _once
        else:
            door = taken.accept
        handler.handle = door  # type: ignore[method-assign]


def _ignore(record: logging.LogRecord) -> None:
    """Take nothing: another door has it."""


def _once(record: logging.LogRecord) -> None:
    """Take a record unless this very object, or the same words by another door, were just taken."""
    taken = capture()
    try:
        if (len(_handlers) > 1 or taken.handoff.is_doubled) and _doors.has_passed(record):
            return
        if _doors.in_use and _doors.is_second("logging", record.levelno, text_of(record), record.name):
            return
    except Exception as error:
        if is_interruption(error):
            raise
    taken.accept(record)

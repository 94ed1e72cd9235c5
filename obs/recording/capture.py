"""The one capture of a process: what all doors (handler, wrapped logging, events, structlog, loguru) share.

It ties hand-off, packer and spool to the life of the process: settings from arguments and environment, the
first record, forks, the ways to exit. Making it does no I/O and starts no thread; the first record does.
"""

from __future__ import annotations

import atexit
import contextlib
import importlib
import logging
import os
import sys
import threading
import time
import weakref
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, Final

from obs import __version__
from obs.packer import Packer
from obs.recording.encoding import Encoder
from obs.recording.freezing import MUTABLE, freeze
from obs.recording.handoff import Handoff, snapshot
from obs.recording.release import told_release
from obs.recording.verdicts import Redaction
from obs.redaction import has_hint, known, redact, redact_attributes, register_environment
from obs.redaction.templates import weigh_template, weigh_value
from obs.spool import SpoolWriter
from obs.spooling import sizes
from obs.spooling.segments import REDACTED

# The spool asks for these when it opens a file. A module that is loaded by then takes no import lock: the
# packer's thread may hold one while the bot forks, and the child would wait for it for ever.
for _module in ("encodings.ascii", "errno", "fcntl", "mmap"):
    with contextlib.suppress(ImportError):
        importlib.import_module(_module)

__all__ = ["Capture", "warn_once"]

EXIT_SECONDS: Final = 2.0
"""How long the end of the process may take to bring the rest to the spool."""
FORK_WARNS: Final = sys.version_info >= (3, 12)

_LEVELS: Final = {
    "TRACE": 5,
    "DEBUG": 10,
    "INFO": 20,
    "NOTICE": 20,
    "WARN": 30,
    "WARNING": 30,
    "ERROR": 40,
    "FATAL": 50,
    "CRITICAL": 50,
}
_warned: set[str] = set()


class Capture:
    """Everything a process says goes through here, once.

    Attributes:
        enabled: False under `OBS_ENABLED=0`: every door is then a no-op.
        level: Records below it are not taken from the wrapped `Logger.callHandlers`.
        handoff: Queue and books.
    """

    def __init__(self) -> None:
        self.enabled = os.environ.get("OBS_ENABLED", "1").strip().lower() not in ("0", "false", "no", "off")
        self.level = _level(os.environ.get("OBS_LEVEL"), "OBS_LEVEL") or logging.NOTSET
        self.directory = Path(os.environ.get("OBS_DIR") or ".obs").absolute()
        self.quota_bytes = _quota(os.environ.get("OBS_SPOOL_QUOTA"), "OBS_SPOOL_QUOTA") or sizes.DEFAULT_QUOTA
        self.service = _service()
        self.is_wrapped = False
        self.spool: SpoolWriter | None = None
        self._installed = False
        self._hooked = False
        self._exiting = False
        durable = os.environ.get("OBS_DURABLE", "").strip().lower() in ("1", "true", "yes", "on")
        self.handoff = Handoff(
            Encoder(
                Redaction(
                    redact, redact_attributes, has_hint, known.is_known_hint, weigh_template, weigh_value
                )
            ),
            self._write,
            self._write_all,
            self._wake,
            durable=durable,
        )
        self.handoff.on_unannounced_fork = self._after_in_child  # type: ignore[method-assign]
        self.packer = Packer(self.handoff, self._write_books, known.known_forms)
        self.accept = self.handoff.accept

    def install(
        self,
        directory: str | os.PathLike[str] | None = None,
        level: int | str = logging.NOTSET,
        service: str | None = None,
        *,
        durable: bool = False,
        spool_quota: str | None = None,
    ) -> None:
        """Set what the first caller in a process may set; a later one joins.

        Args:
            directory: Where the spool lies; default `OBS_DIR`, else `.obs` in the working directory.
            level: Least level taken from the wrapped `callHandlers`; a number or a word.
            service: `service.name`: whose bot this is.
            durable: Write each record's line before its call returns.
            spool_quota: How much the spool may take while nobody reads it, e.g. `"512MiB"`.
        """
        if not self.enabled:
            return
        if directory is not None:
            wanted = Path(directory).absolute()
            if self._installed and wanted != self.directory:
                warn_once(f"already writing to {self.directory}; {wanted} is not used")
            else:
                self.directory = wanted
        self.level = _level(level, "level") or self.level
        if service:
            self.service = service
        if durable:
            self.handoff.set_urgent(0)
        self.quota_bytes = _quota(spool_quota, "spool_quota") or self.quota_bytes
        if self.spool is not None:
            self.spool.quota_bytes = self.quota_bytes
        self._installed = True

    def emit_record(self, record: logging.LogRecord) -> None:
        """Take in a record that a door of ours made: printed text, an uncaught exception. Never raises."""
        if not self.enabled:
            return
        try:
            item = snapshot(record)
            item.trusted = True
        except Exception:  # noqa: BLE001  (the observer may never hurt the bot)
            self.handoff.failed.append((record.levelno, record.name))
            return
        self.handoff.put(item, item.levelno)

    def event(
        self, name: str, level: int, body: Any, given: Mapping[Any, Any] | None, named: dict[str, Any]
    ) -> None:
        """Take in an event of the vocabulary; see `obs.handler.event`."""
        if named and not MUTABLE.isdisjoint(map(type, named.values())):
            named = {key: freeze(value) for key, value in named.items()}
        if given is not None:
            given = {key: freeze(value) for key, value in given.items()}
        if type(body) is not str:
            body = freeze(body)
        self.handoff.put((time.time_ns(), level, "", name, body, given, named, None), level)

    def flush(self, limit: float = EXIT_SECONDS) -> bool:
        """Bring everything that waits to the spool, within `limit` seconds; says whether nothing waits."""
        if self.spool is None or not self.enabled:
            return True
        return self.packer.flush(limit)

    def books(self) -> dict[str, int]:
        """Return the exact counts of this process; see `Handoff.books`."""
        return self.handoff.books()

    # The spool ----------------------------------------------------------------------------------------

    def _write(self, line: bytes) -> bool:
        spool = self.spool
        return spool is not None and spool.write(line)

    def _write_all(self, lines: Sequence[bytes]) -> bool:
        spool = self.spool
        return spool is not None and spool.write_all(lines)

    def _write_books(self, books: dict[str, int]) -> None:
        if self.spool is not None:
            self.spool.set_counters(books)

    def _wake(self) -> bool:
        """Open the spool, start the packer: at the first record, after a fork, after a stop."""
        if self.spool is None:
            self._open()
        if self._exiting:
            return False
        running = self.packer.start()
        self.handoff.keep_helping(awake=running)
        return running

    def _open(self) -> None:
        _make_home(self.directory)
        register_environment(os.environ)
        spool = SpoolWriter(self.directory / "spool", resource=self._resource(), quota_bytes=self.quota_bytes)
        # Two threads may both come here first: one writer wins, the other was never used.
        self.__dict__.setdefault("_first_spool", spool)
        self.spool = self.__dict__["_first_spool"]
        self._hook()

    def _resource(self) -> dict[str, str | int]:
        return {
            "service.name": self.service,
            "process.pid": os.getpid(),
            "process.parent_pid": os.getppid(),
            "process.executable.name": Path(sys.argv[0] or "python").name if sys.argv else "python",
            "process.runtime.name": sys.implementation.name,
            "process.runtime.version": sys.version.split()[0],
            "host.name": _host(),
            **told_release(os.environ),
            # Whatever we write was masked before: the sidecar need not look again.
            REDACTED: __version__,
        }

    # Life and death of the process --------------------------------------------------------------------

    def _hook(self) -> None:
        """Hear of forks and exits; once for a process and its forked children."""
        if self._hooked:
            return
        self._hooked = True
        if hasattr(os, "register_at_fork"):
            os.register_at_fork(before=self._before_fork, after_in_child=self._after_in_child)
        atexit.register(self.flush)
        _Last(self)
        with contextlib.suppress(AttributeError, RuntimeError):
            # Runs also at the end of a multiprocessing child, where atexit does not.
            threading._register_atexit(self.flush)  # type: ignore[attr-defined]
        os._exit = _flushing_exit(self, os._exit)  # type: ignore[assignment]

    def _before_fork(self) -> None:
        if FORK_WARNS:
            self.packer.stop()
            self.handoff.keep_helping(awake=False)

    def _after_in_child(self) -> None:
        """Become a process of its own: what waits is the parent's to write. Nothing is paid until we log."""
        self.handoff.begin()
        self.packer.forget()
        if self.spool is not None:
            self.spool.forget_inherited()

    def finish(self, *, clean: bool = True) -> None:
        """Write what waits, count what cannot be written, close; later records write themselves."""
        if self._exiting or self.spool is None:
            return
        self._exiting = True
        if not self.flush():
            self.handoff.abandon("spool")
            self.packer.publish(force=True)
            lost = sum(count for key, count in self.books().items() if key.startswith("dropped.spool"))
            if lost:
                warn_once(f"{lost} log records are lost: {self.spool.fault or 'the spool takes nothing'}")
        # It must be gone before the close: its books would open the segment again.
        self.packer.stop()
        self.handoff.set_urgent(-(1 << 60))
        self.handoff.keep_helping(awake=False)
        self.spool.close(clean=clean)


class _Last(logging.Handler):
    """Never attached to a logger: `logging.shutdown` closes every handler alive, nearly last at exit.

    `dictConfig` closes all handlers too, in mid-life; only after our own exit hook has run is it the end.
    """

    _kept: Any = []  # noqa: RUF012  (logging holds handlers weakly)

    def __init__(self, capture: Capture) -> None:
        super().__init__()
        self._capture = weakref.ref(capture)
        self._is_exit = False
        atexit.register(self._at_exit)
        self._kept.append(self)

    def createLock(self) -> None:  # noqa: N802  (logging's name)
        """Have none: `logging.shutdown` would wait for it."""
        self.lock = None

    def emit(self, record: logging.LogRecord) -> None:
        """Do nothing."""

    def close(self) -> None:
        """End the capture when the process ends."""
        capture = self._capture()
        if capture is not None and self._is_exit:
            capture.finish()

    def _at_exit(self) -> None:
        self._is_exit = True


def warn_once(words: str) -> None:
    """Say one line on stderr, once: a wrong setting must be seen, and must not stop a bot."""
    if words in _warned or len(_warned) > 20:
        return
    _warned.add(words)
    with contextlib.suppress(OSError):
        os.write(2, f"obs: {words}\n".encode("utf-8", "backslashreplace"))


def _flushing_exit(capture: Capture, leave: Callable[[int], Any]) -> Callable[[int], Any]:
    def _exit(status: int) -> Any:
        try:
            capture.finish()
        finally:
            leave(status)

    _exit.__wrapped__ = leave  # type: ignore[attr-defined]
    return _exit


def _make_home(directory: Path) -> None:
    """Make the folder, its owner's alone, with a `.gitignore` of its own: logs are never committed."""
    try:
        directory.mkdir(mode=0o700, parents=True, exist_ok=True)
        ignore = directory / ".gitignore"
        if not ignore.exists():
            ignore.write_text("*\n", encoding="utf-8")
    except OSError as error:
        warn_once(
            f"cannot write to {directory}: {error.strerror}; name another folder with OBS_DIR. "
            "The bot runs on unobserved"
        )


def _level(value: Any, setting: str) -> int:
    """Return a level number; what is no level is said once and read as none."""
    if value is None or value == "":
        return 0
    if isinstance(value, int) and not isinstance(value, bool):
        return int(value)
    word = str(value).strip().upper()
    if word.isdecimal():
        return int(word)
    known = _LEVELS.get(word)
    if known is None:
        named = logging.getLevelName(word)
        if isinstance(named, int):
            return named
        warn_once(f'{setting} = "{value}" is no level; write one of DEBUG INFO WARNING ERROR CRITICAL')
        return 0
    return known


def _quota(text: str | None, setting: str) -> int:
    """Return a quota in bytes; what is none is said once and read as not given (0)."""
    if not text:
        return 0
    try:
        return sizes.quota_of(str(text))
    except ValueError as error:
        warn_once(f'{setting} = "{text}" {error}')
        return 0


def _host() -> str:
    """Return the machine's name; without `socket`, whose import would be felt in a bot's first log call."""
    if hasattr(os, "uname"):
        return os.uname().nodename
    return os.environ.get("COMPUTERNAME", "")


def _service() -> str:
    """Return whose bot this is: named by the environment, else after the program."""
    for name in ("OBS_SERVICE", "OTEL_SERVICE_NAME"):
        if os.environ.get(name):
            return os.environ[name]
    script = Path(sys.argv[0]) if sys.argv and sys.argv[0] not in ("", "-c", "-m") else None
    if script is None:
        return "python"
    return script.parent.name if script.stem == "__main__" else script.stem

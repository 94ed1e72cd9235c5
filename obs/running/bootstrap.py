"""What makes a Python program attach itself under `obs run`, called from our `sitecustomize`.

It must cost next to nothing in a program that never logs, so it imports only what the interpreter has
already loaded and waits for the program's own `import logging`. Standard library only; never prints.
"""

from __future__ import annotations

import atexit
import os
import sys

from obs.running import crashes, faults, streams

TYPE_CHECKING = False
if TYPE_CHECKING:  # `typing` and its like cost a program that never logs several milliseconds
    from collections.abc import Callable
    from typing import Any

    from obs.recording.capture import Capture
    from obs.running.textlines import PrintedRecord

__all__ = ["install", "report", "start", "take_back_output"]

_started: list[int] = []
_captures: list[Capture] = []
_early: list[Callable[[Capture], None]] = []
_LEVELS = {"INFO": 20, "ERROR": 40, "CRITICAL": 50}


def start() -> None:
    """Attach this process; a second call does nothing."""
    if _started or os.environ.get("OBS_ENABLED") == "0" or _is_ours():
        return
    if _has_own_obs():
        for name in [name for name in sys.modules if name.partition(".")[0] == "obs"]:
            del sys.modules[name]
        return
    _started.append(os.getpid())
    take_back_output(os.environ.get("OBS_HANDOVER", ""))
    faults.write_dumps_into(os.environ["OBS_DIR"], os.environ["OBS_RUN"])
    for name in ("stdout", "stderr"):
        stream = getattr(sys, name)
        if stream is not None:
            streams.copy_stream(stream, name, _emit)
    crashes.hook_main(report)
    # First in, last out: the program's own exit handlers may still print and fail.
    atexit.register(_at_exit)
    for name, act in (("threading", crashes.hook_threads), ("logging", _attach_logging)):
        if name in sys.modules:
            act(sys.modules[name])
    sys.meta_path.insert(0, _WaitFor({"threading": crashes.hook_threads, "logging": _attach_logging}))


def take_back_output(handover: str) -> None:
    """Put the supervisor's real stdout and stderr in place of the pipes it had to start us with.

    Args:
        handover: `target:dev:ino:descriptor:dev:ino` per stream, joined by commas: which pipe stands at the
            target, and where the real file waits. Nothing is done unless both still are what they were.
    """
    for item in filter(None, handover.split(",")):
        try:
            target, dev, ino, descriptor, real_dev, real_ino = map(int, item.split(":"))
            found, real = os.fstat(target), os.fstat(descriptor)
            if (found.st_dev, found.st_ino) == (dev, ino) and (real.st_dev, real.st_ino) == (
                real_dev,
                real_ino,
            ):
                os.dup2(descriptor, target)
        except (OSError, ValueError):
            continue


def install(
    directory: str | None = None,
    level: int = 0,
    service: str | None = None,
    spool_quota: str | None = None,
) -> Capture:
    """Return this process's capture, attached to `logging`; its modules are loaded by the first call.

    Args:
        directory: `OBS_DIR`; the environment's by default.
        level: Records below it are not kept.
        service: The bot's name; the environment's by default.
        spool_quota: How much the spool may take; the environment's by default.
    """
    if not _captures:
        from obs import handler

        capture = handler.capture()
        capture.install(directory or os.environ.get("OBS_DIR"), level, service, spool_quota=spool_quota)
        # Our own early wrapper turns into `handler`'s, in place: no record can slip through between them.
        for become_the_wrapper in _early:
            become_the_wrapper(capture)
        if not _early:
            handler.wrap_logging(capture)
        _captures.append(capture)
        # Before `logging.shutdown`, which ends the capture: what is said after it costs a segment of its own.
        atexit.register(_at_exit)
    return _captures[0]


def report(severity: str, message: str, exc_info: crashes.ExcInfo) -> None:
    """Tell the capture of an exception that nobody caught."""
    import logging

    record = logging.LogRecord("exceptions", _LEVELS[severity], "", 0, message, None, exc_info)
    install().emit_record(record)


def _emit(stream: str, printed: PrintedRecord) -> None:
    import logging

    level = logging.ERROR if printed.stacktrace else logging.INFO
    record = logging.LogRecord(stream, level, "", 0, printed.body, None, None)
    record.__dict__["log.iostream"] = stream
    if printed.stacktrace:
        record.exc_text = printed.stacktrace
    install().emit_record(record)


def _attach_logging(logging: Any) -> None:
    """Hear every record from the first one on; only then load the capture, since many programs never log."""
    if _captures:
        # A module that is loaded again has a new `Logger`.
        sys.modules["obs.handler"].wrap_logging(_captures[0])
        return
    dispatch = logging.Logger.callHandlers
    level = 0

    def first(record: Any) -> None:
        # A second thread that comes here waits for the first one's imports, so its record is kept as well.
        try:
            capture = install()
            if record.levelno >= capture.level:
                capture.accept(record)
        except Exception:  # noqa: BLE001 - the observer may never hurt the bot
            return

    accept: Any = first

    def callHandlers(self: Any, record: Any) -> None:  # noqa: N802 - logging's name
        if record.levelno >= level:
            accept(record)
        dispatch(self, record)

    def become_the_wrapper(capture: Capture) -> None:
        nonlocal accept, level
        accept, level = capture.accept, capture.level
        # What `handler.wrap_logging` says of its own wrapper, so that it takes this one for it.
        callHandlers._obs_capture = capture  # type: ignore[attr-defined]
        callHandlers._obs_look_twice = look_twice  # type: ignore[attr-defined]
        handler = sys.modules["obs.handler"]
        if handler._doors.in_use:
            look_twice()
        capture.is_wrapped = True
        handler._choose_doors()

    def look_twice() -> None:
        nonlocal accept
        accept = sys.modules["obs.handler"]._once

    _early.append(become_the_wrapper)
    logging.Logger.callHandlers = callHandlers


def _at_exit() -> None:
    crashes.report_last()
    streams.finish_streams()


def _is_ours() -> bool:
    """Whether this process is the observer itself: it must not listen to itself."""
    words = sys.orig_argv
    if "-m" in words:
        return words[words.index("-m") + 1 :][:1] == ["obs"]
    return len(words) > 1 and os.path.basename(words[1]) in {"obs", "obs.exe"}  # noqa: PTH119


def _has_own_obs() -> bool:
    """Whether the program brings a module of our name beside its script: then the name is its own."""
    # `pathlib` would be loaded for this alone.
    path, here = os.path, _script_folder()
    if path.exists(path.join(here, "obs", "running", "bootstrap.py")):
        return False
    return path.exists(path.join(here, "obs.py")) or path.exists(path.join(here, "obs", "__init__.py"))


def _script_folder() -> str:
    """Return the folder that Python will put first on the path: the script's, else the working directory."""
    words = iter(sys.orig_argv[1:])
    for word in words:
        if word in ("-W", "-X"):
            next(words, "")
        elif not word.startswith("-"):
            return os.path.dirname(os.path.realpath(word))  # noqa: PTH120
        elif word[1:2] != "-" and word[-1:] in ("c", "m"):
            break
    return os.path.abspath(".")  # noqa: PTH100


class _WaitFor:
    """Stands first among the import finders and acts once a module has been loaded, or loaded again."""

    def __init__(self, actions: dict[str, Any]) -> None:
        self._actions = actions

    def find_spec(self, name: str, path: Any = None, target: Any = None) -> Any:
        """Return the spec that the others find, its loader told to call us; None for all other names."""
        if name not in self._actions:
            return None
        for finder in sys.meta_path:
            find = None if finder is self else getattr(finder, "find_spec", None)
            spec = None if find is None else find(name, path, target)
            if spec is not None:
                self._act_after_loading(name, spec.loader)
                return spec
        return None

    def _act_after_loading(self, name: str, loader: Any) -> None:
        action, execute = self._actions[name], loader.exec_module

        def exec_module(module: Any) -> None:
            execute(module)
            try:
                action(module)
            except Exception:  # noqa: BLE001 - the observer may never hurt the bot
                return

        try:
            loader.exec_module = exec_module
        except (AttributeError, TypeError):
            return

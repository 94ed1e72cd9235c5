"""Exceptions that nobody caught, told before the interpreter goes on with what it does about them.

The hooks of main program, threads and finalizers are chained: the one that stood there before is still
called, with the same arguments, so the program's own output does not change. asyncio needs no hook: its
default handler logs, and a log record reaches us anyway. Standard library only; never raises.
"""

from __future__ import annotations

import sys
from _thread import get_ident

from obs.running.streams import own_output

TYPE_CHECKING = False
if TYPE_CHECKING:  # `typing` and its like cost a program that never logs several milliseconds
    from collections.abc import Callable
    from types import TracebackType
    from typing import Any

    ExcInfo = tuple[type[BaseException], BaseException, TracebackType | None]
    Report = Callable[[str, str, ExcInfo], None]
    """Takes a severity word of Python's `logging`, what happened in words, and the exception."""

__all__ = ["hook_main", "hook_threads", "report_last"]

_state: dict[str, Any] = {}


def hook_main(report: Report) -> None:
    """Report what ends the main program and what is ignored in finalizers."""
    _state["report"] = report
    if getattr(sys.excepthook, "_is_obs", False):
        return
    previous, ignored = sys.excepthook, sys.unraisablehook

    def excepthook(kind: type[BaseException], value: BaseException, trace: TracebackType | None) -> None:
        _tell_end(kind, value, trace)
        with own_output():
            previous(kind, value, trace)

    def unraisablehook(unraisable: Any, /) -> None:
        _tell_unraisable(unraisable)
        with own_output():
            ignored(unraisable)

    excepthook._is_obs = True  # type: ignore[attr-defined]
    sys.excepthook, sys.unraisablehook = excepthook, unraisablehook


def hook_threads(threading: Any) -> None:
    """Report what ends a thread; also when the program puts a hook of its own there later on."""
    make_invoke = getattr(threading, "_make_invoke_excepthook", None)
    _chain_thread_hook(threading)
    if make_invoke is None or getattr(make_invoke, "_is_obs", False):
        return

    def make_invoke_excepthook() -> Any:
        _chain_thread_hook(threading)
        return make_invoke()

    make_invoke_excepthook._is_obs = True  # type: ignore[attr-defined]
    threading._make_invoke_excepthook = make_invoke_excepthook


def report_last() -> None:
    """Report at the end what a hook that displaced ours has kept from us."""
    value = getattr(sys, "last_value", None)
    if value is not None and _state:
        _tell_end(type(value), value, getattr(sys, "last_traceback", None))


def _chain_thread_hook(threading: Any) -> None:
    previous = threading.excepthook
    if getattr(previous, "_is_obs", False):
        return

    def excepthook(args: Any, /) -> None:
        name = getattr(args.thread, "name", None) or f"{get_ident()}"
        if args.exc_value is not None and not isinstance(args.exc_value, SystemExit):
            _tell("ERROR", f"uncaught exception in thread {name}", args.exc_value, args.exc_traceback)
        with own_output():
            previous(args)

    excepthook._is_obs = True  # type: ignore[attr-defined]
    threading.excepthook = excepthook


def _tell_end(kind: type[BaseException], value: BaseException, trace: TracebackType | None) -> None:
    if value is None or _state.get("last") is value:
        return
    # Kept although it holds frames: the interpreter holds the same one as `sys.last_value`.
    _state["last"] = value
    if issubclass(kind, KeyboardInterrupt):
        _tell("INFO", "stopped by KeyboardInterrupt", value, trace)
    else:
        _tell("CRITICAL", "uncaught exception: the program ends", value, trace)


def _tell_unraisable(unraisable: Any) -> None:
    value = unraisable.exc_value
    if value is not None:
        # Only the name of its type: the object may be half gone, and its repr is foreign code.
        owner = type(unraisable.object).__qualname__
        _tell("ERROR", f"exception ignored in {owner}", value, unraisable.exc_traceback)


def _tell(severity: str, message: str, value: BaseException, trace: TracebackType | None) -> None:
    report = _state.get("report")
    if report is None:
        return
    try:
        report(severity, message, (type(value), value, trace))
    except Exception:  # noqa: BLE001 - the observer may never hurt the bot
        return

"""Signals that reach the supervisor are passed on to the program it has started, each once.

The supervisor and its program share a process group, so what a terminal sends (Ctrl-C, a closed window) has
reached the program already and is not sent again; Linux tells who sent a signal, elsewhere an interrupt that
arrives while we are in the terminal's foreground is taken for the terminal's. A signal that somebody sends to
the whole group on purpose (`kill -- -PGID`) does arrive twice. A signal that was ignored when we were started
(`nohup`) stays so.
"""

from __future__ import annotations

import os
import signal
import subprocess
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from types import FrameType

from obs.running import exits

__all__ = ["Forwarder"]

_NAMES = ("SIGTERM", "SIGINT", "SIGHUP", "SIGQUIT", "SIGBREAK", "SIGUSR1", "SIGUSR2", "SIGWINCH")
_FROM_TERMINAL = {"SIGINT", "SIGQUIT", "SIGHUP", "SIGWINCH"}
_STOPPING = {"SIGTERM", "SIGINT", "SIGHUP", "SIGQUIT", "SIGBREAK"}
_BY_KERNEL = 0x80
"""`SI_KERNEL`: the terminal's driver sent it, not a process."""

_LOOK_SECONDS = 1.0


class Forwarder:
    """Stands between the outside world and one child, from before its start until it has ended."""

    def __init__(self, resized: Callable[[], bool]) -> None:
        """Begin to catch signals.

        Args:
            resized: Called when the terminal's size has changed; whether the program needs to be told.
        """
        self.stopped_by = ""
        """The last signal that asked the program to stop, by name; empty when none did."""
        self._resized = resized
        self._target: int | None = None
        self._early: list[signal.Signals] = []
        self._before: dict[signal.Signals, object] = {}
        self._mask: set[signal.Signals] | None = None
        if threading.current_thread() is threading.main_thread():
            for name in _NAMES:
                self._catch(getattr(signal, name, None))

    def attach(self, pid: int) -> None:
        """Name the child; signals that came before it are sent now."""
        self._target = pid
        if self._before and hasattr(signal, "sigtimedwait"):
            # Blocked from here on and asked for one by one, since only so we learn who sent them. Not
            # earlier: the child would have inherited it.
            watched = {signal.SIGCHLD, *self._before}
            self._mask = signal.pthread_sigmask(signal.SIG_BLOCK, watched)  # type: ignore[assignment]
        for number in self._early:
            self._send(number)

    def wait(self, process: subprocess.Popen[bytes], started: float) -> exits.Exit:
        """Wait for the child's end, passing signals on meanwhile.

        Args:
            process: The child.
            started: `time.monotonic()` of its start.
        """
        if self._mask is None:
            # Python runs our handlers while it waits.
            return exits.wait_for(process, started)
        watched = {signal.SIGCHLD, *self._before}
        while (ended := exits.look_at(process, started)) is None:
            info = signal.sigtimedwait(watched, _LOOK_SECONDS)
            if info is not None and info.si_signo != signal.SIGCHLD:
                self._pass_on(signal.Signals(info.si_signo), by_terminal=info.si_code == _BY_KERNEL)
        return ended

    def stop(self) -> None:
        """Let signals do what they did before."""
        for number, action in self._before.items():
            with suppress(ValueError, TypeError):
                signal.signal(number, action)  # type: ignore[arg-type]
        if self._mask is not None:
            # What is still pending was meant for a child that is gone.
            while signal.sigtimedwait(set(self._before), 0) is not None:
                time.sleep(0)
            signal.pthread_sigmask(signal.SIG_SETMASK, self._mask)
        self._before, self._mask, self._target = {}, None, None

    def _catch(self, number: signal.Signals | None) -> None:
        if number is None or signal.getsignal(number) == signal.SIG_IGN:
            return
        with suppress(OSError, ValueError):
            self._before[number] = signal.signal(number, self._on_signal)

    def _on_signal(self, number: int, _: FrameType | None) -> None:
        name = signal.Signals(number)
        self._pass_on(name, by_terminal=name.name in _FROM_TERMINAL and _is_in_foreground())

    def _pass_on(self, number: signal.Signals, *, by_terminal: bool) -> None:
        if number.name in _STOPPING:
            self.stopped_by = number.name
        if number.name == "SIGWINCH":
            by_terminal = not self._resized() and by_terminal
        if by_terminal:
            return
        if self._target is None:
            self._early.append(number)
        else:
            self._send(number)

    def _send(self, number: signal.Signals) -> None:
        with suppress(OSError):
            if self._target is not None:
                os.kill(self._target, number)


def _is_in_foreground() -> bool:
    for descriptor in (0, 1, 2):
        try:
            return os.tcgetpgrp(descriptor) == os.getpgrp()
        except (OSError, AttributeError):
            continue
    return False

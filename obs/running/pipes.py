"""The output of a program that is not Python: passed on byte for byte, and read along the way.

What a pipe cannot do, and where it differs from no pipe at all:

- the program writes into our pipe, so it gets SIGPIPE when the supervisor is killed (a Python program keeps
  its real output, also one that a shell script starts: see `obs.running.bootstrap.take_back_output`);
- it waits when the place we pass its output on to does not keep up, as it would have without us;
- stdout and stderr keep their order when they go to the same place, and then cannot be told apart;
- where stdout was a terminal it gets a pseudo-terminal of the same size, so colours and buffering stay;
- a program that leaves children behind with its output open keeps the supervisor until they end.
"""

from __future__ import annotations

import codecs
import contextlib
import os
import select
import sys
import threading
import time
from collections.abc import Callable, Sequence

from obs.running.textlines import LineAssembler, PrintedRecord

__all__ = ["OutputPipe", "open_pipes"]

Emit = Callable[[str, PrintedRecord], None]

_CHUNK = 65_536
_SETTLE_SECONDS = 0.2
_NAMES = {1: "stdout", 2: "stderr"}


class OutputPipe:
    """Stands between a child's descriptors and one real file of ours."""

    def __init__(self, targets: Sequence[int], emit: Emit) -> None:
        self.targets = tuple(targets)
        """The child's descriptors that write into it: 1, 2, or both."""
        self._emit = emit
        self._name = _NAMES[self.targets[0]]
        self.is_terminal = os.isatty(self.targets[0]) and _terminals() is not None
        self._read, self.write_end = _open_terminal(self.targets[0]) if self.is_terminal else os.pipe()
        self._handed_over: list[int] = []
        self._thread = threading.Thread(target=self._pump, name=f"obs-{self._name}", daemon=True)

    def hand_over(self) -> list[str]:
        """Open the real files for a Python below the child, and say where it finds them.

        Such a program needs no pipe; see `obs.running.bootstrap.take_back_output` for the words.
        """
        if sys.platform == "win32":  # pragma: no cover - a child gets no descriptors by number there
            return []
        pipe, words = os.fstat(self.write_end), []
        for target in self.targets:
            descriptor, real = os.dup(target), os.fstat(target)
            os.set_inheritable(descriptor, True)
            self._handed_over.append(descriptor)
            words.append(f"{target}:{pipe.st_dev}:{pipe.st_ino}:{descriptor}:{real.st_dev}:{real.st_ino}")
        return words

    def close_handed_over(self) -> None:
        """Close our copies of what the child has inherited."""
        while self._handed_over:
            os.close(self._handed_over.pop())

    def start(self) -> None:
        """Begin to pass on; called once the child holds its own copy of the write end."""
        os.close(self.write_end)
        self._thread.start()

    def discard(self) -> None:
        """Close both ends: the child could not be started."""
        os.close(self.write_end)
        os.close(self._read)

    def join(self) -> None:
        """Wait until nobody writes any more."""
        # In short steps, so that a signal's handler still gets its turn.
        while self._thread.is_alive():
            self._thread.join(0.2)

    def resize(self) -> None:
        """Give the pseudo-terminal the real one's size."""
        if self.is_terminal:
            _copy_size(self.targets[0], self._read)

    def _pump(self) -> None:
        decoder = codecs.getincrementaldecoder("utf-8")("replace")
        lines = LineAssembler()
        pass_on = True
        while True:
            if not _is_readable(self._read):
                self._tell(lines.settle())
                continue
            try:
                data = os.read(self._read, _CHUNK)
            except OSError:
                # A pseudo-terminal that nobody holds any more says so in this way.
                data = b""
            if not data:
                break
            pass_on = pass_on and _write_all(self.targets[0], data)
            if not pass_on:
                # Nobody reads our output: let the child feel what it would have felt.
                break
            self._tell(lines.feed(decoder.decode(data)))
        self._tell(lines.feed(decoder.decode(b"", final=True)) + lines.finish())
        os.close(self._read)

    def _tell(self, records: Sequence[PrintedRecord]) -> None:
        for record in records:
            # A spool that fails costs the record, never the program's output.
            with contextlib.suppress(Exception):
                self._emit(self._name, record)


def open_pipes(emit: Emit) -> list[OutputPipe]:
    """Return what to put in place of stdout and stderr: one pipe when both go to the same file, else two."""
    present = [target for target in (1, 2) if _is_open(target)]
    if len(present) == 2 and os.path.sameopenfile(1, 2):
        return [OutputPipe((1, 2), emit)]
    return [OutputPipe((target,), emit) for target in present]


def _is_open(descriptor: int) -> bool:
    try:
        os.fstat(descriptor)
    except OSError:
        return False
    return True


def _is_readable(descriptor: int) -> bool:
    if sys.platform == "win32":  # pragma: no cover - select knows only sockets there
        return True
    poll = getattr(select, "poll", None)
    if poll is None:  # pragma: no cover
        return bool(select.select([descriptor], [], [], _SETTLE_SECONDS)[0])
    poller = poll()
    poller.register(descriptor, select.POLLIN | select.POLLHUP | select.POLLERR)
    return bool(poller.poll(_SETTLE_SECONDS * 1000))


def _write_all(descriptor: int, data: bytes) -> bool:
    view = memoryview(data)
    while view:
        try:
            view = view[os.write(descriptor, view) :]
        except BlockingIOError:
            # Whoever gave us this descriptor made it non-blocking; we may wait, the data may not vanish.
            time.sleep(0.005)
        except OSError:
            return False
    return True


def _terminals() -> object | None:
    try:
        import fcntl
        import pty
        import termios
    except ImportError:  # pragma: no cover - Windows
        return None
    return fcntl, pty, termios


def _open_terminal(real: int) -> tuple[int, int]:
    """Return a pseudo-terminal that looks like the real one and does not touch the bytes."""
    import pty
    import termios

    ours, theirs = pty.openpty()
    with contextlib.suppress(termios.error, OSError):
        mode = termios.tcgetattr(real)
        # The real terminal will turn a line feed into two characters; once is enough.
        mode[1] &= ~termios.OPOST
        termios.tcsetattr(theirs, termios.TCSANOW, mode)
    _copy_size(real, ours)
    return ours, theirs


def _copy_size(real: int, to: int) -> None:
    import fcntl
    import termios

    with contextlib.suppress(OSError):
        fcntl.ioctl(to, termios.TIOCSWINSZ, fcntl.ioctl(real, termios.TIOCGWINSZ, b"\0" * 8))

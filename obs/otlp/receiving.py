"""One request from its bytes to its answer: unpacked, read, translated, written down, then confirmed."""

from __future__ import annotations

import threading
import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from typing import NamedTuple

from obs.keeping.inbox import Entry, Inbox, InboxFullError, entry_of, loss_of
from obs.otlp import answers, logs, unpacking, wire
from obs.otlp.answers import Answer, Form
from obs.otlp.rows import LogRow, Refused, Spoken
from obs.otlp.unpacking import UnpackError

__all__ = ["MOST_BYTES", "RETRY_SECONDS", "SIGNALS", "Receiver"]

SIGNALS = ("logs",)
MOST_BYTES = 16 << 20
"""Of one request, packed or unpacked."""
MOST_HELD = 3 * MOST_BYTES
"""Bytes of bodies that are in memory at one time, over all requests."""
RETRY_SECONDS = 5
UNREADABLE = "otlp_unreadable"
"""Reason under which records are counted that cannot be read."""


class Translated(NamedTuple):
    """What rows became."""

    entries: list[Entry]
    refused: int
    unused: Counter[str]


class Receiver:
    """Takes requests in, from any thread, and keeps the books."""

    def __init__(self, inbox: Inbox, *, clock: Callable[[], int] = time.time_ns) -> None:
        """Make one that writes into an inbox.

        Args:
            inbox: Where events wait for the fold.
            clock: Unix ns now.
        """
        self._inbox, self._clock = inbox, clock
        self._lock = threading.Lock()
        self._held = 0

    @contextmanager
    def holding(self, size: int) -> Iterator[bool]:
        """Hold a body in memory; gives False when all of them together would be too much.

        Only for the loop that serves: it is not safe in several threads.

        Args:
            size: Its bytes at most.
        """
        if self._held + size > MOST_HELD:
            yield False
            return
        self._held += size
        try:
            yield True
        finally:
            self._held -= size

    def receive(self, signal: str, kind: str, encoding: str, body: bytes) -> Answer:
        """Take one request in; when the answer is 200, what it confirms survives a kill.

        Args:
            signal: One of `SIGNALS`.
            kind: The `Content-Type`.
            encoding: The `Content-Encoding`.
            body: As it came.
        """
        form = answers.form_of(kind)
        if form is None:
            return answers.refused(Form.JSON, 415, "send application/x-protobuf or application/json")
        if self._inbox.is_full:
            return _later(form, "too much waits to be folded")
        try:
            # One at a time: what a large request becomes in memory is many times its size.
            with self._lock:
                spoken = _READERS[signal, form](unpacking.unpacked(body, encoding, MOST_BYTES))
                made = self._translated(spoken)
                self._inbox.put(made.entries)
        except UnpackError as error:
            return answers.refused(form, error.status, str(error))
        except wire.WireError as error:
            return answers.refused(form, 400, str(error))
        except InboxFullError as error:
            return _later(form, str(error))
        return answers.accepted(form, signal, made.refused, _said(made))

    def later(self, kind: str) -> Answer:
        """Return the answer that asks to send the same again later.

        Args:
            kind: The `Content-Type` of the request.
        """
        return _later(answers.form_of(kind) or Form.JSON, "too many requests are being taken in")

    def _translated(self, spoken: Iterable[Spoken]) -> Translated:
        now = self._clock()
        alike: Counter[int] = Counter()
        made = Translated([], 0, Counter())
        refused = 0
        for owner, row in spoken:
            if isinstance(row, Refused):
                refused += 1
                made.entries.append(loss_of(UNREADABLE, row.raw))
            elif isinstance(row, LogRow):
                event = logs.event_of(row, owner, now)
                entry = entry_of(event)
                alike[entry.ids[0]] += 1
                if alike[entry.ids[0]] > 1:
                    # Said twice in one batch is twice; sent again it is the same two.
                    entry = entry_of(event, occurrence=alike[entry.ids[0]])
                made.entries.append(entry)
        return made._replace(refused=refused)


def _said(made: Translated) -> str:
    return f"{made.refused} records cannot be read" if made.refused else ""


def _later(form: Form, why: str) -> Answer:
    return answers.refused(form, 503, why, headers={"Retry-After": str(RETRY_SECONDS)})


_READERS: Mapping[tuple[str, Form], Callable[[bytes], Iterable[Spoken]]] = {
    ("logs", Form.PROTOBUF): wire.read_logs,
}

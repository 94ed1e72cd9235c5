"""One request from its bytes to its answer: unpacked, read, translated, written down, then confirmed."""

from __future__ import annotations

import threading
import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import NamedTuple

from obs.events import Event
from obs.exporting.echoes import OWNER, passed_by
from obs.journal import journal
from obs.keeping.inbox import Entry, Inbox, InboxFullError, entry_of, loss_of
from obs.otlp import answers, jsonform, logs, metrics, spans, unpacking, wire
from obs.otlp.answers import Answer, Form
from obs.otlp.rows import LogRow, Owner, PointRow, Refused, Row, SpanRow, Spoken
from obs.otlp.unpacking import UnpackError
from obs.quoting import plain

__all__ = ["MOST_BYTES", "RETRY_SECONDS", "SIGNALS", "Receiver", "Taken"]

SIGNALS = ("logs", "traces", "metrics")
MOST_BYTES = 16 << 20
"""Of one request, packed or unpacked."""
MOST_HELD = 3 * MOST_BYTES
"""Bytes of bodies that are in memory at one time, over all requests."""
RETRY_SECONDS = 5
MOST_ENTRIES = 1_000
"""Written at one time: what they take in memory is bounded, whatever the size of the request."""
MOST_NAMES, MOST_TOLD = 20, 500
"""Names of metrics that one answer says, and that are said at all."""
UNREADABLE = "otlp_unreadable"
"""Reason under which records are counted that cannot be read."""


@dataclass
class Translated:
    """What the rows of one request became."""

    entries: list[Entry]
    """Those that are not written yet."""
    unused: Counter[str]
    """Metrics that say nothing to us, with how many data points they had."""
    received: int = 0
    refused: int = 0

    def refuse(self, raw: bytes) -> None:
        """Count a record that cannot be read."""
        self.refused += 1
        self.entries.append(loss_of(UNREADABLE, raw))


class Taken(NamedTuple):
    """What came of one signal."""

    requests: int = 0
    records: int = 0
    refused: int = 0
    """Of these, records that could not be read."""
    last: int = 0
    """Unix ns of the newest request."""


class Receiver:
    """Takes requests in, from any thread, and keeps the books."""

    def __init__(self, inbox: Inbox, *, own: str = "", clock: Callable[[], int] = time.time_ns) -> None:
        """Make one that writes into an inbox.

        Args:
            inbox: Where events wait for the fold.
            own: The id under which this sidecar sends: what a collector brings back counts no more.
            clock: Unix ns now.
        """
        self._inbox, self._own, self._clock = inbox, own, clock
        self._lock = threading.Lock()
        self._counting = threading.Lock()
        self._held = 0
        self._told: set[str] = set()
        self.taken: dict[str, Taken] = {}
        """By signal, since the start."""
        self._log = journal("otlp")

    @contextmanager
    def holding(self, size: int) -> Iterator[bool]:
        """Hold a body in memory; gives False when all of them together would be too much.

        Args:
            size: Its bytes at most.
        """
        with self._counting:
            has_room = self._held + size <= MOST_HELD
            self._held += size if has_room else 0
        try:
            yield has_room
        finally:
            with self._counting:
                self._held -= size if has_room else 0

    def receive(self, signal: str, kind: str, encoding: str, body: bytes) -> Answer:
        """Take one request in; when the answer is 200, what it confirms survives a kill and a power cut.

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
                made = self._taken_in(spoken)
            self._inbox.sync()
        except UnpackError as error:
            return answers.refused(form, error.status, str(error))
        except wire.WireError as error:
            return answers.refused(form, 400, str(error))
        except InboxFullError as error:
            return _later(form, str(error))
        with self._counting:
            known = self.taken.get(signal, Taken())
            self.taken[signal] = Taken(
                known.requests + 1, known.records + made.received, known.refused + made.refused, self._clock()
            )
        return answers.accepted(form, signal, made.refused, self._said(made))

    def later(self, kind: str) -> Answer:
        """Return the answer that asks to send the same again later.

        Args:
            kind: The `Content-Type` of the request.
        """
        return _later(answers.form_of(kind) or Form.JSON, "too many requests are being taken in")

    def _said(self, made: Translated) -> str:
        """What a sender should know; of metrics that are not used once, not with each of their points."""
        said: list[str] = []
        if made.refused:
            said.append(f"{made.refused} of {made.received} cannot be read")
        new = sorted(set(made.unused) - self._told)[:MOST_NAMES]
        if new and len(self._told) < MOST_TOLD:
            self._told.update(new)
            points = sum(made.unused[name] for name in new)
            said.append(f"{points} data points of metrics that are not used: {', '.join(new)}")
            self._log.info("metrics not used", names=[plain(name) for name in new])
        return "; ".join(said)

    def _is_echo(self, owner: Owner, row: Row) -> bool:
        """Whether a sidecar has made this of records that come, or came, as logs."""
        return not isinstance(row, LogRow | Refused) or self._own in passed_by(owner.resource)

    def _taken_in(self, spoken: Iterable[Spoken]) -> Translated:
        """Write down what rows become, some at a time; if the rest is refused, all of it comes again."""
        now = self._clock()
        made = Translated([], Counter())
        alike: Counter[int] = Counter()
        points: list[tuple[Owner, PointRow]] = []
        for owner, row in spoken:
            made.received += 1
            if OWNER in owner.resource and self._is_echo(owner, row):
                continue
            if isinstance(row, Refused):
                made.refuse(row.raw)
            elif isinstance(row, PointRow):
                points.append((owner, row))
            else:
                try:
                    made.entries.extend(_numbered(_entries(row, owner, now), alike))
                except Exception:  # noqa: BLE001 - foreign data: one record costs only itself
                    made.refuse(repr(row).encode("utf-8", "backslashreplace"))
            if len(made.entries) >= MOST_ENTRIES:
                self._inbox.put(made.entries)
                made.entries.clear()
        made.entries.extend(entry_of(event) for event in metrics.events_of(points, now, made.unused))
        self._inbox.put(made.entries)
        return made


def _entries(row: LogRow | SpanRow, owner: Owner, now: int) -> Iterator[tuple[Event, tuple[str, ...]]]:
    """Yield what a row says, each with further names under which the same may come."""
    if isinstance(row, SpanRow):
        yield from ((event, ()) for event in spans.events_of(row, owner, now))
        return
    event = logs.event_of(row, owner, now)
    also: tuple[str, ...] = ()
    if event.exception is not None and event.trace_id:
        # The span in which it was logged may tell it as well, when it ends.
        also = (spans.raised(event.trace_id, event.exception),)
    yield event, also


def _numbered(said: Iterable[tuple[Event, tuple[str, ...]]], alike: Counter[int]) -> Iterator[Entry]:
    """Yield entries; what is said twice in one batch is twice, and sent again it is the same two."""
    for event, also in said:
        entry = entry_of(event, also=also)
        alike[entry.ids[0]] += 1
        yield (
            entry if alike[entry.ids[0]] == 1 else entry_of(event, occurrence=alike[entry.ids[0]], also=also)
        )


def _later(form: Form, why: str) -> Answer:
    return answers.refused(form, 503, why, headers={"Retry-After": str(RETRY_SECONDS)})


_READERS: Mapping[tuple[str, Form], Callable[[bytes], Iterable[Spoken]]] = {
    ("logs", Form.PROTOBUF): wire.read_logs,
    ("traces", Form.PROTOBUF): wire.read_traces,
    ("metrics", Form.PROTOBUF): wire.read_metrics,
    ("logs", Form.JSON): jsonform.read_logs,
    ("traces", Form.JSON): jsonform.read_traces,
    ("metrics", Form.JSON): jsonform.read_metrics,
}

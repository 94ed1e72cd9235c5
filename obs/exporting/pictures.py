"""Metrics: the newest Snapshot as an OpenTelemetry request, from time to time.

Only the newest picture is worth sending, so nothing of them waits on disk: one that could not be sent before
the next came is counted as dropped, and the next one says all that it would have said. Where only what was
added is wanted, what was sent stands in a file, so that a restart neither repeats nor loses any of it.
"""

from __future__ import annotations

import contextlib
import threading
import time
from collections.abc import Mapping
from pathlib import Path

import msgspec

from obs.exporting.outbox import Counts
from obs.exporting.points import Base, request_of
from obs.exporting.sending import Answer, Transport
from obs.exporting.shaping import Shape
from obs.keeping.viewfiles import write_whole
from obs.snapshot import Snapshot

__all__ = ["Pictures"]

SENT = "sent.json"


class Pictures:
    """Sends pictures; the fold hands one over when it is due."""

    def __init__(
        self, folder: Path, transport: Transport | None, interval: float, resource: Mapping[str, str]
    ) -> None:
        """Make it; `start` begins to send.

        Args:
            folder: Of its own.
            folder: Of its own.
            transport: Where to; None: nowhere for now.
            interval: Seconds between two.
            resource: Who sends them.
        """
        self.requests: dict[str, int] = {"ok": 0, "refused": 0, "failed": 0}
        self.fault = ""
        self._transport, self._interval, self._resource = transport, interval, resource
        self._used: Transport | None = None
        self._sent_at, self._shape = folder / SENT, Shape()
        self._base: Base | None = None
        """What was sent before; None: not yet looked up, or not asked for."""
        self._started = time.time_ns()
        self._due_at = 0.0
        self._lock = threading.Condition()
        self._next: Snapshot | None = None
        self._in_hand = 0
        self._taken = self._sent = 0
        self._dropped: dict[str, int] = {}
        self._is_stopped = False
        self._thread = threading.Thread(target=self._work, name="obs-export-metrics", daemon=True)

    @property
    def is_due(self) -> bool:
        """Whether a picture should be taken now."""
        return self._transport is not None and time.monotonic() >= self._due_at

    def show(self, picture: Snapshot) -> None:
        """Take a picture; one that still waits is dropped for it."""
        self._due_at = time.monotonic() + self._interval
        with self._lock:
            self._taken += 1
            if self._next is not None:
                self._drop("replaced")
            self._next = picture
            self._lock.notify()

    def counts(self) -> Counts:
        """Return the books, in pictures; from any thread."""
        with self._lock:
            waiting = (self._next is not None) + self._in_hand
            return Counts(self._taken, self._sent, waiting, dict(self._dropped))

    @property
    def is_routed(self) -> bool:
        """Whether pictures are sent anywhere."""
        return self._transport is not None

    def start(self) -> None:
        """Begin to send; without a transport there is nothing to begin."""
        if self.is_routed and self._thread.ident is None:
            self._thread.start()

    def redirect(self, transport: Transport | None, interval: float) -> None:
        """Send by another transport from the next picture on, of which one is due at once.

        Args:
            transport: Where to; None: nowhere.
            interval: Seconds between two.
        """
        with self._lock:
            self._transport, self._interval, self.fault = transport, interval, ""
            self._due_at = 0.0

    def stop(self, seconds: float) -> None:
        """End; a picture that waits is sent if that is done in time."""
        with self._lock:
            self._is_stopped = True
            self._lock.notify()
        if self._thread.is_alive():
            self._thread.join(seconds)
        if (used := self._used) is not None:
            used.cut()
        if self._thread.is_alive():
            self._thread.join(1.0)

    def _work(self) -> None:
        while True:
            with self._lock:
                while self._next is None and not self._is_stopped:
                    self._lock.wait()
                picture, self._next = self._next, None
                if picture is None:
                    break
                self._in_hand = 1
                transport, past = self._transport, self._used
                self._used = transport
            if past is not None and past is not transport:
                past.close()
            answer = self._answer(transport, picture)
            is_taken = 200 <= answer.status < 300
            with self._lock:
                self._in_hand = 0
                if is_taken:
                    self._sent += 1
                else:
                    self._drop("refused" if answer.status else "failed")
                if transport is self._transport:
                    told = answer.fault or f"the collector answers {answer.status}"
                    self.fault = "" if is_taken else told
            self.requests["ok" if is_taken else "refused" if answer.status in (400, 413) else "failed"] += 1
        if self._used is not None:
            self._used.close()

    def shape(self, resource: Mapping[str, str], shape: Shape) -> None:
        """Give requests another shape, from the next one on.

        Args:
            resource: Who sends them.
            shape: Which kinds of metrics.
        """
        with self._lock:
            self._resource, self._shape = resource, shape

    def _answer(self, transport: Transport | None, picture: Snapshot) -> Answer:
        if transport is None:
            return Answer(0)
        try:
            is_whole = self._shape.temporality == "cumulative"
            if self._base is None and not is_whole:
                self._base = self._before()
            made = request_of(picture, self._resource, self._started, self._shape, self._base)
            answer = transport.send(made.body)
            if 200 <= answer.status < 300 and not is_whole:
                self._base = made.base
                # A disk that refuses: only a restart would repeat what was added since it last took it.
                with contextlib.suppress(OSError):
                    write_whole(self._sent_at, msgspec.json.encode(made.base))
            return answer
        except Exception as error:  # noqa: BLE001 - a picture we cannot write costs itself, not all that follow
            return Answer(0, fault=f"metrics could not be made into a request ({type(error).__name__})")

    def _before(self) -> Base:
        try:
            return msgspec.json.decode(self._sent_at.read_bytes(), type=Base)
        except (OSError, msgspec.DecodeError):
            return Base()

    def _drop(self, reason: str) -> None:
        self._dropped[reason] = self._dropped.get(reason, 0) + 1

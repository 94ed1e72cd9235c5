"""The fold's side of exporting: hears records, writes them down with each transaction, never waits.

It is a listener of the analyzer. What it takes is in the store's transaction with what was folded, so a
kill at any moment neither loses a record nor takes it twice; sending is the business of `Lane`.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import msgspec

import obs
from obs.events import Event, Severity
from obs.exporting.destination import Destination, server_of
from obs.exporting.echoes import OWNER, identity_of, passed_by
from obs.exporting.grpc_sending import GrpcPost
from obs.exporting.outbox import Counts, Outbox, Written
from obs.exporting.pictures import Pictures
from obs.exporting.sending import MOST_LINES, Lane, Post, Transport
from obs.exporting.shaping import Limits, is_sampled
from obs.exporting.traces import FAMILIES, Tracer
from obs.exporting.wire import LogForm, TraceForm, line_of_event, line_of_span
from obs.history.chronicle import uid_of
from obs.journal import journal
from obs.keeping.whereabouts import hearing_grpc_at, listening_at
from obs.snapshot import Snapshot

__all__ = ["FOLDER", "NOTE", "Books", "Exporter"]

FOLDER = "outbox"
"""In `OBS_DIR`."""
NOTE = "export"
"""Under which what was written down is stored."""
MOST_PENDING = 20_000
"""Records between two transactions; there are no more but where the store refuses."""
STOP_SECONDS = 2.0
SYNC_SECONDS = 1.0


class Books(msgspec.Struct, frozen=True):
    """What became of one signal."""

    counts: Counts
    requests: Mapping[str, int]
    fault: str


class _Note(msgspec.Struct):
    logs: Written = Written()
    traces: Written = Written()
    tracer: Tracer = msgspec.field(default_factory=Tracer)


class Exporter:
    """Everything that leaves the sidecar by the OpenTelemetry protocol."""

    def __init__(
        self, directory: Path, destination: Destination, *, clock: Callable[[], int] = time.time_ns
    ) -> None:
        """Make it; `resume` says where to go on, `start` begins to send.

        Args:
            directory: The `OBS_DIR`.
            destination: Where everything goes.
            clock: Unix ns now.
        """
        self._directory, self._destination, self._clock = directory, destination, clock
        self.id = identity_of(directory)
        self._lanes: dict[str, Lane] = {}
        for form in (LogForm(self._resource), TraceForm(self._resource)):
            # Also of a signal that goes nowhere: what waited when it was switched off still waits.
            outbox = Outbox(directory / FOLDER / form.signal, most_bytes=destination.queue_bytes)
            self._lanes[form.signal] = Lane(form, outbox, self._transport(form.signal))
        self.pictures = Pictures(
            directory / FOLDER / "metrics", self._transport("metrics"), destination.interval, self._own
        )
        self._form()
        self._lines: dict[str, list[bytes]] = {signal: [] for signal in self._lanes}
        self._lost: dict[str, dict[str, int]] = {signal: {} for signal in self._lanes}
        self._note = _Note()
        self._encoded = ""
        self._told: set[str] = set()
        self._stopped = threading.Event()
        self._syncing = threading.Thread(target=self._sync, name="obs-export-sync", daemon=True)

    @property
    def wants_all(self) -> bool:
        """Whether records that only count must be looked at one by one, as they are sent too."""
        return self._lanes["logs"].is_routed and self._destination.level <= Severity.INFO

    def redirect(self, destination: Destination | None) -> None:
        """Go on with another destination; what waits is sent there, and all books go on.

        Only for the thread that folds, between two steps. `wants_all` may change with it.

        Args:
            destination: Where everything goes now; None: nowhere, and what waits stays on disk.
        """
        self._destination = destination or Destination({})
        for signal, lane in self._lanes.items():
            lane.outbox.most_bytes = self._destination.queue_bytes
            lane.redirect(self._transport(signal))
        self.pictures.redirect(self._transport("metrics"), self._destination.interval)
        self._form()
        self.start()

    def resume(self, note: str | None) -> None:
        """Go on from what is stored; what was heard since is forgotten, it is heard again.

        Args:
            note: As `note` gave it; None where nothing is remembered.
        """
        known: _Note | None = None
        try:
            known = msgspec.json.decode(note, type=_Note) if note is not None else None
        except msgspec.DecodeError:
            known = None
        self._note, self._encoded = known or _Note(), ""
        for signal, lane in self._lanes.items():
            self._lines[signal], self._lost[signal] = [], {}
            lane.outbox.resume(getattr(known, signal) if known is not None else None)

    def start(self) -> None:
        """Begin to send, and say once what of the variables is not followed."""
        for lane in self._all():
            lane.start()
        if self._syncing.ident is None:
            self._syncing.start()
        for sentence in self._destination.unheard:
            if sentence not in self._told:
                self._told.add(sentence)
                journal("export").warning(sentence)

    def close(self) -> None:
        """Send what waits for a moment, then end; the rest waits on disk for the next life."""
        enders = [threading.Thread(target=lane.stop, args=(STOP_SECONDS,)) for lane in self._all()]
        for ender in enders:
            ender.start()
        for ender in enders:
            ender.join()
        self._stopped.set()
        if self._syncing.ident is not None:
            self._syncing.join(STOP_SECONDS)

    def heard(self, event: Event, service: str, fingerprints: Sequence[str]) -> None:
        """Take a record that was folded."""
        if OWNER in event.resource and self.id in passed_by(event.resource):
            # It was sent from here, and a collector brought it back.
            return
        for signal, hear in (("traces", self._hear_trace), ("logs", self._hear_log)):
            if self._lanes[signal].is_routed:
                try:
                    hear(event, service, fingerprints)
                except Exception:  # noqa: BLE001 - what we cannot write down costs itself, never the fold
                    self._lose(signal, "malformed")

    def _hear_trace(self, event: Event, service: str, _: Sequence[str]) -> None:
        if event.event_name.startswith(FAMILIES):
            self._encoded = ""
            for row in self._note.tracer.add(event, service):
                if is_sampled(row.trace, self._destination.shape.sampled):
                    self._take("traces", line_of_span(row))

    def _hear_log(self, event: Event, service: str, fingerprints: Sequence[str]) -> None:
        if event.severity >= self._destination.level:
            more = {"log.record.uid": uid_of(event)}
            if fingerprints:
                more["obs.issue.id"] = f"I-{fingerprints[0][:6]}"
            self._take("logs", line_of_event(self._placed(event, service), service, self._clock(), more))

    def _placed(self, event: Event, service: str) -> Event:
        """Give a record of a decision the place of its span, where the bot gave it none of its own."""
        if event.trace_id or (place := self._note.tracer.place(event, service)) is None:
            return event
        return msgspec.structs.replace(event, trace_id=place.trace, span_id=place.span)

    def counted(self, times: Sequence[int], severity: Severity, component: str, service: str) -> None:
        """Records that only counted are of a severity that is not sent."""

    def sampled(self, event: Event, service: str) -> None:
        """An example of what only counted is counted already."""

    def note(self) -> str:
        """Write down what was heard since the last time; return what is to be stored with it."""
        for signal, lane in self._lanes.items():
            lines, lost = self._lines[signal], self._lost[signal]
            if lines or lost:
                setattr(self._note, signal, lane.outbox.write(lines, lost))
                self._lines[signal], self._lost[signal] = [], {}
                self._encoded = ""
        if not self._encoded:
            self._encoded = msgspec.json.encode(self._note).decode()
        return self._encoded

    def stored(self) -> None:
        """What `note` gave is in the store."""
        for lane in self._lanes.values():
            lane.outbox.stored()

    def show(self, take: Callable[[], Snapshot]) -> None:
        """Look at a picture when metrics are due."""
        if self.pictures.is_due:
            self.pictures.show(take())

    def books(self) -> dict[str, Books]:
        """Return what became of everything, by signal; from any thread."""
        made = {
            signal: Books(counts, dict(lane.requests), lane.fault)
            for signal, lane in self._lanes.items()
            if (counts := lane.outbox.counts()).taken or lane.is_routed
        }
        if (pictures := self.pictures).is_routed or pictures.counts().taken:
            made["metrics"] = Books(pictures.counts(), dict(pictures.requests), pictures.fault)
        return made

    @property
    def said(self) -> str:
        """What the reader of a page has to know; empty while everything goes out."""
        faults = {signal: books.fault for signal, books in self.books().items() if books.fault}
        if not faults:
            return ""
        signal, fault = next(iter(faults.items()))
        waiting = sum(books.counts.waiting for books in self.books().values())
        return f"OpenTelemetry: {', '.join(faults)} not delivered ({signal}: {fault}); {waiting} records wait"

    def _sync(self) -> None:
        """Make what waits outlast a power cut, where neither fold nor sending waits for it."""
        is_over = False
        while not is_over:
            is_over = self._stopped.wait(SYNC_SECONDS)
            for lane in self._lanes.values():
                lane.outbox.sync()
                if is_over:
                    # Nobody comes again in a second.
                    lane.outbox.sync()

    def _take(self, signal: str, line: bytes) -> None:
        if len(self._lines[signal]) >= MOST_PENDING:
            self._lose(signal, "full")
        else:
            self._lines[signal].append(line)

    def _lose(self, signal: str, reason: str) -> None:
        lost = self._lost[signal]
        lost[reason] = lost.get(reason, 0) + 1

    def _all(self) -> list[Lane | Pictures]:
        return [*self._lanes.values(), self.pictures]

    @property
    def _resource(self) -> dict[str, str]:
        return {**self._destination.shape.resource, OWNER: self.id}

    @property
    def _own(self) -> dict[str, str]:
        """The resource of the sidecar itself."""
        named = self._destination.shape.service or "obs"
        return {**self._resource, "service.name": named, "service.version": obs.__version__}

    def _form(self) -> None:
        """Give what is sent its shape."""
        shape = self._destination.shape
        for signal, lane in self._lanes.items():
            lane.shape(
                self._resource, shape.limits.get(signal, Limits()), shape.batches.get(signal, MOST_LINES)
            )
        self.pictures.shape(self._own, shape)

    def _transport(self, signal: str) -> Transport | None:
        """Return what carries a signal; None where it is not sent."""
        route = self._destination.routes.get(signal)
        if route is None:
            return None
        return (GrpcPost if route.is_grpc else Post)(route, self._is_ourselves)

    def _is_ourselves(self, url: str) -> bool:
        """Whether an address is where this sidecar listens: what is sent there would come in again."""
        own = (listening_at(self._directory), hearing_grpc_at(self._directory))
        return any(address and server_of(address) == server_of(url) for address in own)

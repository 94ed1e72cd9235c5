"""From the spool's lines to folded events: each line costs at most itself.

A line becomes an event, runs through the pipeline and ends in the analyzer's State. What the spool says of
its writers (ends, losses) goes into the ledger, and the end of a bot that nobody watched becomes an event.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Sequence
from typing import Protocol

import orjson

import obs
from obs.analysis import Analyzer, Listener
from obs.events import Event, EventError, Severity, decode_line
from obs.keeping.ledger import Ledger
from obs.keeping.quiet import Heard, QuietCount
from obs.pipeline import AsyncLogProcessor, Processor
from obs.spool_reader import SpoolBatch, SpoolLine, WriterEnd
from obs.spooling.segments import REDACTED

__all__ = ["Intake", "Onlooker"]

POISON = "poison"
"""Reason under which a record is counted that ended the sidecar's process twice."""


SLICE_LINES = 500


class Onlooker(Listener, Protocol):
    """Whoever wants to see the records go by: those that were looked at, and of the others the newest."""

    def passed(self, heard: Heard) -> None:
        """Take a record that only counted."""

    def skipped(self, count: int) -> None:
        """Take how many records that only counted went by unseen."""


class Intake:
    """Folds batches of the spool; holds the analyzer and the ledger it fills."""

    def __init__(
        self,
        analyzer: Analyzer,
        ledger: Ledger,
        *,
        also: Sequence[Processor] = (),
        clock: Callable[[], int] = time.time_ns,
    ) -> None:
        """Make an intake.

        Args:
            analyzer: Where events are folded; it masks secrets first, whatever door they came by.
            ledger: Where losses are written down.
            also: Further steps, after the fold.
            clock: Unix ns now.
        """
        self.analyzer = analyzer
        self.ledger = ledger
        self.pipeline = AsyncLogProcessor([self._fold, *also])
        self.poison: frozenset[str] = frozenset()
        """Ids of records that are counted and not looked at."""
        self.exits: set[str] = set()
        """Services of which a process ended since the last look; whoever looks empties it."""
        self.living: dict[str, str] = {}
        """Writers that spoke and have not ended, with their service."""
        self.is_whole = False
        """Whether each record is looked at, also one of which it is known that it only counts."""
        self._clock = clock
        self._also = bool(also)
        self._quiet = QuietCount(analyzer)
        self._is_redacted = False
        self._onlooker: Onlooker | None = None

    def watch(self, onlooker: Onlooker | None) -> None:
        """Let someone see the records go by."""
        self._onlooker = onlooker
        if onlooker is not None:
            self.analyzer.listeners.append(onlooker)

    def take(self, batch: SpoolBatch) -> None:
        """Fold what one poll found; never raises for what is in it."""
        now = self._clock()
        lines, start = batch.lines, 0
        while start < len(lines):
            start += self._take_slice(lines, start, now)
        self.ledger.take(batch, now)
        self._take_ends(batch.ended, now)

    def accept(self, event: Event) -> bool:
        """Fold one event of another source; False when it was dropped, which is counted."""
        severity = event.severity
        if self.pipeline.process(event) is None:
            self.ledger.lose(f"dropped.failed.{severity.name}", self._clock())
            return False
        return True

    def _take_slice(self, lines: Sequence[SpoolLine], start: int, now: int) -> int:
        """Fold lines of one writer from `start` on; return how many."""
        process = lines[start].process
        if self._also or self.is_whole or self.poison or process not in self.living:
            self._take_line(lines[start], now)
            return 1
        end = min(start + SLICE_LINES, len(lines))
        if lines[end - 1].process != process:
            end = next(place for place in range(start, end) if lines[place].process != process)
        loud, counted = self._quiet.take(lines[start:end])
        if counted:
            self.pipeline.tally(counted)
        onlooker = self._onlooker
        if onlooker is not None and counted:
            onlooker.skipped(sum(counted.values()) - len(self._quiet.heard))
        heard = iter(self._quiet.heard)
        waiting = next(heard, None)
        for line in (*loud, None):
            while waiting is not None and (line is None or waiting.seq < line.seq):
                self.analyzer.remember(waiting.service, waiting.said, is_detail=waiting.is_detail)
                if onlooker is not None:
                    onlooker.passed(waiting)
                waiting = next(heard, None)
            if line is not None:
                self._take_line(line, now)
        newest = lines[end - 1].glance
        if counted and newest is not None and isinstance(newest.timestamp, int):
            self.analyzer.note_time(process, newest.timestamp)
        return end - start

    def _take_line(self, line: SpoolLine, now: int) -> None:
        uid = f"{line.process}-{line.seq}"
        if uid in self.poison:
            self.ledger.lose(POISON, now)
            return
        try:
            event = decode_line(orjson.loads(line.raw), resource=line.resource, uid=uid)
        except (EventError, ValueError, TypeError, AttributeError, RecursionError):
            self.pipeline.reject("malformed")
            self.ledger.lose("malformed", now)
            return
        if line.process not in self.living:
            self._greet(line.process, event)
        self._is_redacted = line.resource.get(REDACTED) == obs.__version__
        self.accept(event)
        self._is_redacted = False
        if event.event_name == "process.exited":
            self.exits.add(event.service)

    def _fold(self, event: Event) -> Event:
        self.analyzer.feed(event, is_redacted=self._is_redacted)
        return event

    def _greet(self, process: str, event: Event) -> None:
        service = self.living[process] = event.service
        if self.ledger.ended.pop(service, 0) and event.event_name != "process.started":
            self._tell(
                process, "process.started", service, event.timestamp, Severity.INFO, "the bot speaks again"
            )

    def _take_ends(self, ended: Iterable[WriterEnd], now: int) -> None:
        for end in ended:
            service = self.living.pop(end.process, "") or str(end.resource.get("service.name") or "")
            if service in self.living.values():
                # A worker of a bot that goes on, or the last words of one that has started again.
                continue
            self.exits.add(service)
            if not end.clean:
                self.ledger.ended[service] = now
                pid = end.resource.get("process.pid")
                self._tell(
                    end.process,
                    "process.exited",
                    service,
                    end.last_time_ns,
                    Severity.ERROR,
                    f"process {pid or 'unknown'} ended without a last word: killed, crashed or left abruptly",
                    pid=pid,
                )

    def _tell(
        self,
        process: str,
        name: str,
        service: str,
        moment: int,
        severity: Severity,
        body: str,
        pid: str | int | None = None,
    ) -> None:
        """Fold an event of our own about a writer, as the supervisor would have told it."""
        self.accept(
            Event(
                timestamp=moment,
                observed_timestamp=self._clock(),
                severity=severity,
                body=body,
                logger="obs.sidecar",
                event_name=name,
                attributes={"process.clean": False, **({"process.pid": pid} if pid else {})},
                resource={"service.name": service} if service else {},
                uid=f"{process}-{name}-{moment}",
            )
        )

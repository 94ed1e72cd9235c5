"""Run events through a list of plain functions, with a bound, and with books that always balance.

The sidecar pulls from the spool and calls `process`; sources that push use the queue in front of it. What the
functions do (redact, fold) is theirs; this module only moves events and counts them.
"""

from __future__ import annotations

import asyncio
import logging
import time
import traceback
from collections import deque
from collections.abc import Callable, Mapping, Sequence

import msgspec

from obs.events import Event, EventError, ExceptionInfo, Severity, decode_line, severity_of
from obs.masking import redact_event

__all__ = ["AsyncLogProcessor", "Entry", "PipelineCounts", "Processor", "event_of"]

Entry = Event | Mapping[str, object] | logging.LogRecord
"""An event, a mapping in our line format, or a record of the standard library."""

Processor = Callable[[Event], Event | None]
"""One step: gives the event on, changed or not, or `None` to end its way."""

SLICE_SECONDS = 0.010
"""How long a worker holds the event loop before others get their turn."""

_STANDARD = frozenset(vars(logging.makeLogRecord({}))) | {"message", "asctime", "taskName"}


class PipelineCounts(msgspec.Struct, frozen=True):
    """The books of one processor since it was made; `received` is always the sum of the other three."""

    received: int
    processed: int
    dropped: int
    waiting: int
    received_by_severity: Mapping[str, int]
    processed_by_severity: Mapping[str, int]
    dropped_by_reason: Mapping[tuple[str, str], int]
    """(reason, severity) -> count; reasons are `queue_full`, `malformed`, `filtered`, `error`."""


class AsyncLogProcessor:
    """A bounded queue in front of processors; works within one event loop, and keeps no task when idle."""

    def __init__(
        self,
        processors: Sequence[Processor] | None = None,
        *,
        capacity: int = 10_000,
        reserve: int = 1_000,
        workers: int = 1,
    ) -> None:
        """Make a processor.

        Args:
            processors: The steps, in order; `None` stands for redaction and a fold of its own.
            capacity: How many events may wait.
            reserve: The share of `capacity` kept for WARN and worse, and for forced entries.
            workers: How many tasks take from the queue; the steps are plain functions, so more than one
                only helps when other tasks of the loop are many.

        Raises:
            ValueError: If the bounds leave no room.
        """
        if not 0 <= reserve < capacity or workers < 1:
            raise ValueError(f"capacity={capacity}, reserve={reserve}, workers={workers}: leave room for one")
        self.processors = list(_default_processors() if processors is None else processors)
        self._capacity = capacity
        self._reserve = reserve
        self._workers = workers
        self._urgent: deque[Event] = deque()
        self._plain: deque[Event] = deque()
        self._tasks: set[asyncio.Task[None]] = set()
        self._received: dict[str, int] = {}
        self._processed: dict[str, int] = {}
        self._dropped: dict[tuple[str, str], int] = {}
        self.last_error = ""
        """What the latest failing processor said: its name and the exception's type, no event text."""

    async def add_log_entry(self, entry: Entry, force_priority: bool = False) -> bool:
        """Put an entry in the queue; never raises for what the entry holds.

        Args:
            entry: What to process.
            force_priority: Take it before all others, and into the reserve.

        Returns:
            False when the entry was dropped, which is counted: it cannot be read, or there is no room.
        """
        event = self._accepted(entry)
        if event is None:
            return False
        if len(self) * 2 >= self._capacity:
            # A caller that never waits for anything would starve the workers of its own loop.
            self._ensure_workers()
            await asyncio.sleep(0)
        privileged = force_priority or event.severity >= Severity.WARN
        if len(self) >= (self._capacity if privileged else self._capacity - self._reserve):
            self._drop("queue_full", event.severity)
            return False
        (self._urgent if force_priority else self._plain).append(event)
        self._ensure_workers()
        return True

    async def wait_for_completion(self, timeout: float = 5.0) -> bool:
        """Wait until nothing waits any more.

        Args:
            timeout: Seconds.

        Returns:
            Whether everything was processed within that time; what was not stays in the queue.
        """
        deadline = time.monotonic() + timeout
        while len(self):
            self._ensure_workers()
            left = deadline - time.monotonic()
            if left <= 0:
                return False
            await asyncio.wait(list(self._tasks), timeout=left, return_when=asyncio.FIRST_COMPLETED)
        return True

    def process(self, event: Event) -> Event | None:
        """Run one event through the steps at once, counted like all others; a failing step costs only it."""
        _count(self._received, event.severity.name)
        return self._run(event)

    def tally(self, counts: Mapping[str, int]) -> None:
        """Count events that took a way of their own through all steps, by name of severity."""
        for name, count in counts.items():
            self._received[name] = self._received.get(name, 0) + count
            self._processed[name] = self._processed.get(name, 0) + count

    def reject(self, reason: str, severity: Severity = Severity.UNSPECIFIED) -> None:
        """Count a record that came and could not even become an event."""
        _count(self._received, severity.name)
        self._drop(reason, severity)

    def counts(self) -> PipelineCounts:
        """Return the books as they stand."""
        return PipelineCounts(
            received=sum(self._received.values()),
            processed=sum(self._processed.values()),
            dropped=sum(self._dropped.values()),
            waiting=len(self),
            received_by_severity=dict(self._received),
            processed_by_severity=dict(self._processed),
            dropped_by_reason=dict(self._dropped),
        )

    def __len__(self) -> int:
        """How many events wait."""
        return len(self._urgent) + len(self._plain)

    def _accepted(self, entry: Entry) -> Event | None:
        try:
            event = event_of(entry)
        except Exception as error:  # noqa: BLE001 - entries hold foreign objects, whose code may raise anything
            self.last_error = f"entry of type {type(entry).__name__}: {type(error).__name__}"
            self.reject("malformed")
            return None
        _count(self._received, event.severity.name)
        return event

    def _ensure_workers(self) -> None:
        # A loop that was closed leaves its tasks behind; the next loop gets its own.
        self._tasks = {task for task in self._tasks if not task.done()}
        while len(self._tasks) < self._workers:
            task = asyncio.get_running_loop().create_task(self._work())
            self._tasks.add(task)

    async def _work(self) -> None:
        while True:
            until = time.monotonic() + SLICE_SECONDS
            while time.monotonic() < until:
                if self._urgent:
                    self._run(self._urgent.popleft())
                elif self._plain:
                    self._run(self._plain.popleft())
                else:
                    return
            await asyncio.sleep(0)

    def _run(self, event: Event) -> Event | None:
        severity = event.severity
        for processor in self.processors:
            try:
                after = processor(event)
            except Exception as error:  # noqa: BLE001 - one poisonous event must cost only itself
                name = getattr(processor, "__qualname__", type(processor).__name__)
                self.last_error = f"{name}: {type(error).__name__}"
                self._drop("error", severity)
                return None
            if after is None:
                self._drop("filtered", severity)
                return None
            event = after
        _count(self._processed, severity.name)
        return event

    def _drop(self, reason: str, severity: Severity) -> None:
        key = (reason, severity.name)
        self._dropped[key] = self._dropped.get(key, 0) + 1


def event_of(entry: Entry) -> Event:
    """Return the event that an entry stands for.

    Raises:
        EventError: If a mapping is not in our line format, or the entry is none of the three kinds.
        Exception: Whatever a foreign object inside a `LogRecord` raises when it is made text.
    """
    if isinstance(entry, Event):
        return entry
    if isinstance(entry, logging.LogRecord):
        return _event_of_record(entry)
    if isinstance(entry, Mapping):
        return decode_line(entry)
    raise EventError(f"{type(entry).__name__} is no entry: give an Event, a mapping or a LogRecord")


def _event_of_record(record: logging.LogRecord) -> Event:
    try:
        body = record.getMessage()
    except (TypeError, ValueError, KeyError):
        # Arguments that do not fit their message are the bot's mistake; the message itself still counts.
        body = str(record.msg)
    exception = None
    if record.exc_info and record.exc_info[0] is not None:
        kind, value, _ = record.exc_info
        exception = ExceptionInfo(
            type=kind.__qualname__
            if kind.__module__ == "builtins"
            else f"{kind.__module__}.{kind.__qualname__}",
            message=str(value),
            stacktrace="".join(traceback.format_exception(*record.exc_info)).rstrip("\n"),
        )
    return Event(
        timestamp=int(record.created * 1_000_000_000),
        severity=severity_of(record.levelno),
        severity_text=record.levelname,
        body=body,
        logger=record.name,
        template=record.msg if record.args and isinstance(record.msg, str) else "",
        attributes={
            key: value if isinstance(value, str | int | float | bool) or value is None else str(value)
            for key, value in vars(record).items()
            if key not in _STANDARD
        },
        resource={"process.pid": record.process} if record.process else {},
        exception=exception,
    )


def _default_processors() -> list[Processor]:
    from obs.analysis import Analyzer

    analyzer = Analyzer()

    def fold(event: Event) -> Event:
        analyzer.feed(event)
        return event

    return [redact_event, fold]


def _count(counts: dict[str, int], key: str) -> None:
    counts[key] = counts.get(key, 0) + 1

"""`DashboardDataPipeline`: computes the metrics again and again, and hands each record on.

A thread of its own runs the cycle: take a record from the source, keep it, write it as a file, offer it to
the subscribers. What fails in it is logged, counted and tried again; nothing ends it but `stop`.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, Protocol, runtime_checkable

import msgspec

from obs.dashboard import plain_json, rfc3339
from obs.journal import journal
from obs.refreshing.config import PipelineConfig
from obs.refreshing.files import Exports, HistoryFiles
from obs.refreshing.subscribers import Callback, Subscriber

__all__ = ["DashboardDataPipeline", "Metered", "PipelineStatus", "Source"]

Source = Callable[[], Any]
"""Returns the record of this moment, or None while there is none."""
RETRY_SECONDS = 1.0
"""After a failed cycle; doubled with each that follows, never longer than the interval."""
STOP_SECONDS = 5.0
TELL_SECONDS = 60.0
"""Between two lines of the log about the same trouble."""


@runtime_checkable
class Metered(Protocol):
    """What computes the record itself, such as a `PerformanceMetricsCalculator`."""

    def realtime(self) -> Any:
        """Return the record of this moment."""


class PipelineStatus(msgspec.Struct, frozen=True, kw_only=True):
    """How the pipeline stands."""

    is_running: bool
    updates: int
    """Records made since it was created."""
    failures: int
    """Cycles that failed; each was tried again."""
    last_update: int
    """Unix ns; 0 before the first."""
    fault: str
    """Why the newest cycle or its file failed, in words; empty while all is well."""
    subscribers: int
    delivered: int
    undelivered: int
    """Records that a subscriber was too slow for."""
    subscriber_failures: int
    files: int
    """History files that stand now."""


class DashboardDataPipeline:
    """Keeps metrics fresh in the background. Thread-safe; `with` starts and stops it."""

    def __init__(
        self,
        config: PipelineConfig | None = None,
        *,
        source: Source | Metered | None = None,
        picture: Callable[[], bytes] | None = None,
        directory: Path | str | None = None,
        clock: Callable[[], int] = time.time_ns,
        timer: Callable[[], float] = time.monotonic,
    ) -> None:
        """Make a pipeline that does not run yet.

        Args:
            config: Its settings; the defaults when None.
            source: Where the records come from: a function or a `PerformanceMetricsCalculator`; when None,
                what the sidecar of `directory` knows of money.
            picture: Makes what `export_snapshot` writes; the newest record when None.
            directory: The `OBS_DIR`; by default that variable, else `.obs` here.
            clock: Unix ns now: names files.
            timer: Seconds that never go back: tells when an update is due and how old a record is.
        """
        self.directory = Path(directory or os.environ.get("OBS_DIR") or ".obs").absolute()
        self._config = config or PipelineConfig()
        self._source = _callable(source, self.directory)
        self._picture = picture
        self._clock, self._timer = clock, timer
        self._exports = Exports(self.directory, self.directory / "dashboards" / "exports")
        self._wake = threading.Condition()
        self._cycle = threading.Lock()
        self._thread: threading.Thread | None = None
        self._run = 0
        self._subscribers: list[Subscriber] = []
        self._past = [0, 0, 0]
        self._record: Any = None
        self._made_at: float | None = None
        self._began_at: float | None = None
        self._failed_in_a_row = 0
        self._updates = self._failures = self._last_update = 0
        self._fault = ""
        self._told_at: dict[str, float] = {}

    @property
    def config(self) -> PipelineConfig:
        """The settings in force; assigning others takes effect at once."""
        return self._config

    @config.setter
    def config(self, config: PipelineConfig) -> None:
        with self._wake:
            self._config = config
            self._wake.notify_all()

    def configure(self, **changes: Any) -> PipelineConfig:
        """Change some settings while it runs; return all that are now in force.

        Raises:
            ValueError: If a value is out of its range; the old settings then stay.
            TypeError: If a value is of another type, or there is no such setting.
        """
        self.config = msgspec.structs.replace(self._config, **changes)
        return self._config

    @property
    def is_running(self) -> bool:
        """Whether the background thread lives and was not asked to stop."""
        thread = self._thread
        return thread is not None and thread.is_alive()

    @property
    def history(self) -> HistoryFiles:
        """The files of the updates."""
        return HistoryFiles(self._config.cache_directory or self.directory / "dashboards" / "history")

    def start(self) -> bool:
        """Begin to update in the background, at once and then each interval.

        Returns:
            False when it ran already.
        """
        with self._wake:
            if self.is_running:
                return False
            self._run += 1
            self._began_at, self._failed_in_a_row = None, 0
            self._thread = threading.Thread(
                target=self._work, args=(self._run,), name="obs-pipeline", daemon=True
            )
            self._thread.start()
        return True

    def stop(self, timeout: float = STOP_SECONDS) -> bool:
        """Stop the background thread and wait until the subscribers have what is theirs.

        Args:
            timeout: Seconds; a source or subscriber that takes longer is left behind, it ends by itself.

        Returns:
            Whether all has ended; also when it did not run.
        """
        deadline = time.monotonic() + timeout
        with self._wake:
            self._run += 1
            thread, self._thread = self._thread, None
            self._wake.notify_all()
        if thread is not None and thread is not threading.current_thread():
            thread.join(timeout)
        ended = thread is None or not thread.is_alive() or thread is threading.current_thread()
        for subscriber in self._all():
            ended = subscriber.wait(max(0.0, deadline - time.monotonic())) and ended
        return ended

    def close(self, timeout: float = STOP_SECONDS) -> bool:
        """Stop it and let the subscribers go; return whether all has ended."""
        ended = self.stop(timeout)
        for subscriber in self._all():
            self._let_go(subscriber)
        return ended

    def __enter__(self) -> DashboardDataPipeline:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def subscribe(self, callback: Callback) -> Callable[[], bool]:
        """Call a function with each new record, in a thread of its own.

        Args:
            callback: A function, or a coroutine function: it is awaited in the event loop from which
                `subscribe` was called, else in one of its own. The same one twice is told once.

        Returns:
            A function that ends the subscription.
        """
        loop = _running_loop()
        with self._wake:
            known = next((one for one in self._subscribers if one.callback == callback), None)
            if known is None:
                name = _name(callback)
                known = Subscriber(
                    callback,
                    loop=loop,
                    told=lambda error: self._tell("subscriber failed", name, error),
                )
                self._subscribers.append(known)
        return lambda: self.unsubscribe(callback)

    def unsubscribe(self, callback: Callback) -> bool:
        """Call a function no more; return whether it was subscribed."""
        found = [one for one in self._all() if one.callback == callback]
        for subscriber in found:
            self._let_go(subscriber)
        return bool(found)

    def metrics(self) -> Any:
        """Return the record in force: the newest, or a new one when that is older than the cache duration.

        Returns:
            None while the source has none, and no older one is known.
        """
        made_at = self._made_at
        age = self._config.cache_duration_minutes * 60
        if made_at is None or self._timer() - made_at >= age:
            self.refresh()
        return self._record

    def refresh(self) -> bool:
        """Make a record now, in this thread, and hand it on.

        Returns:
            False when the source failed (`status().fault` says how) or has none yet.
        """
        with self._cycle:
            self._began_at = self._timer()
            try:
                record = self._source()
            except Exception as error:  # noqa: BLE001 - whatever a source raises costs this cycle only
                self._failures += 1
                self._failed_in_a_row += 1
                self._fault = self._tell("update failed", "source", error)
                return False
            self._failed_in_a_row, self._fault = 0, ""
            if record is None:
                return False
            self._keep(record)
        for subscriber in self._all():
            if subscriber.is_closed:
                self._let_go(subscriber)
            else:
                subscriber.offer(record)
        return True

    def export_snapshot(self, name: str = "") -> Path:
        """Write the present picture as a file of `dashboards/exports`; return its path.

        Args:
            name: Of the file; empty: the time. Letters, digits, `-`, `_`, `.` and spaces, never a path.

        Raises:
            ExportError: If the name is none, or the folder is full or leads elsewhere.
            OSError: If it cannot be written.
        """
        now = self._clock()
        data = self._picture() if self._picture is not None else _document(now, self.metrics())
        return self._exports.add(name, now, data, self._config.max_cache_files)

    def status(self) -> PipelineStatus:
        """Return how it stands."""
        subscribers = self._all()
        return PipelineStatus(
            is_running=self.is_running,
            updates=self._updates,
            failures=self._failures,
            last_update=self._last_update,
            fault=self._fault,
            subscribers=len(subscribers),
            delivered=self._past[0] + sum(one.delivered for one in subscribers),
            undelivered=self._past[1] + sum(one.dropped for one in subscribers),
            subscriber_failures=self._past[2] + sum(one.failed for one in subscribers),
            files=len(self.history.names()),
        )

    def tick(self) -> float | None:
        """Do what is due; return the seconds until something is, None while nothing will be.

        The background thread calls this; whoever brings a clock of their own may call it instead.
        """
        config = self._config
        if not config.enable_real_time_updates:
            return None
        left = self._seconds_left(config)
        if left <= 0:
            self.refresh()
            left = self._seconds_left(self._config)
        return max(0.0, left)

    def _seconds_left(self, config: PipelineConfig) -> float:
        if self._began_at is None:
            return 0.0
        pause = config.update_interval_seconds
        if self._failed_in_a_row:
            pause = min(pause, RETRY_SECONDS * 2.0 ** min(self._failed_in_a_row - 1, 20))
        return self._began_at + pause - self._timer()

    def _work(self, run: int) -> None:
        while self._run == run:
            try:
                pause = self.tick()
            except Exception as error:  # noqa: BLE001 - a fault of ours must not end the cycle either
                self._failures += 1
                self._fault = self._tell("cycle failed", "pipeline", error)
                pause = RETRY_SECONDS
            with self._wake:
                if self._run == run and (pause is None or pause > 0):
                    seen = self._config
                    self._wake.wait_for(lambda: self._run != run or self._config is not seen, pause)  # noqa: B023

    def _keep(self, record: Any) -> None:
        self._record, self._made_at = record, self._timer()
        self._updates += 1
        self._last_update = self._clock()
        config = self._config
        if not config.export_to_file:
            return
        try:
            self.history.add(self._last_update, _document(self._last_update, record), config.max_cache_files)
        except Exception as error:  # noqa: BLE001 - a full disk costs the file, not the subscribers
            self._fault = self._tell("history not written", "files", error)

    def _all(self) -> list[Subscriber]:
        with self._wake:
            return list(self._subscribers)

    def _let_go(self, subscriber: Subscriber) -> None:
        subscriber.close()
        with self._wake:
            if subscriber in self._subscribers:
                self._subscribers.remove(subscriber)
                for place, count in enumerate((subscriber.delivered, subscriber.dropped, subscriber.failed)):
                    self._past[place] += count

    def _tell(self, what: str, who: str, error: BaseException) -> str:
        """Log a trouble, the same one at most once a minute; return it in words."""
        why = " ".join(f"{type(error).__name__}: {error}".split())[:500]
        now = self._timer()
        if now - self._told_at.get(what + who, -TELL_SECONDS) >= TELL_SECONDS:
            self._told_at[what + who] = now
            # Whoever embeds us may have closed or replaced standard error: a line is lost, nothing else.
            with contextlib.suppress(OSError, ValueError):
                journal("pipeline").error(what, who=who, why=why)
        return why


def _callable(source: Source | Metered | None, directory: Path) -> Source:
    if source is None:
        return lambda: _of_sidecar(directory)
    if isinstance(source, Metered):
        return source.realtime
    if callable(source):
        return source
    raise TypeError(f"source = {type(source).__name__}: give a function or what has `realtime()`")


def _of_sidecar(directory: Path) -> Any:
    from obs import looking

    return looking.current(directory).money


def _document(taken_at: int, record: Any) -> bytes:
    return plain_json({"schema": "obs.metrics/1", "taken_at": rfc3339(taken_at), "metrics": record})


def _running_loop() -> asyncio.AbstractEventLoop | None:
    try:
        return asyncio.get_running_loop()
    except RuntimeError:
        return None


def _name(callback: Callback) -> str:
    return str(getattr(callback, "__qualname__", type(callback).__name__))

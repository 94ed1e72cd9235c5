"""Subscribers: who is told of each new record, each at its own cost.

The cycle never waits for a subscriber: it puts the record down and goes on. A thread brings it to the
callback and ends when nothing waits, so a subscriber at rest costs nothing. One that is slow loses the oldest
of what waits, one that raises is counted; neither delays the cycle or another subscriber.
"""

from __future__ import annotations

import asyncio
import inspect
import threading
from collections import deque
from collections.abc import Awaitable, Callable
from concurrent.futures import CancelledError as FutureCancelledError
from concurrent.futures import Future
from typing import Any

__all__ = ["Callback", "Subscriber"]

Callback = Callable[[Any], object]
"""Takes the record; a coroutine function is awaited."""
MOST_WAITING = 16
LOOK_SECONDS = 0.2
"""How often a delivery to an event loop looks whether that loop still lives."""


class Subscriber:
    """One callback and what waits for it. Thread-safe."""

    def __init__(
        self,
        callback: Callback,
        *,
        told: Callable[[BaseException], object],
        loop: asyncio.AbstractEventLoop | None = None,
    ) -> None:
        """Make a subscriber to whom nothing has been brought yet.

        Args:
            callback: What is called with each record.
            told: Hears of each exception of the callback; must not raise.
            loop: The event loop in which an awaitable is awaited; one of its own when None.
        """
        self.callback = callback
        self.delivered = self.failed = self.dropped = 0
        self._told = told
        self._loop = loop
        self._lock = threading.Lock()
        self._waiting: deque[object] = deque()
        self._thread: threading.Thread | None = None
        self._is_working = False
        self._is_closed = False
        self._awaited: Future[object] | None = None

    @property
    def is_closed(self) -> bool:
        """Whether nothing is brought to it any more: it was closed, or its event loop has ended."""
        return self._is_closed or (self._loop is not None and self._loop.is_closed())

    def offer(self, record: object) -> None:
        """Put a record down for the callback; never waits."""
        with self._lock:
            if self.is_closed:
                return
            if len(self._waiting) == MOST_WAITING:
                self._waiting.popleft()
                self.dropped += 1
            self._waiting.append(record)
            if not self._is_working:
                self._begin()

    def wait(self, timeout: float) -> bool:
        """Wait until nothing waits for the callback; return whether that came within `timeout` seconds.

        In the callback itself, or on the loop that would have to run it, there is nothing to wait for: what
        still waits is given up.
        """
        if self._is_ours():
            self._give_up()
            return True
        thread = self._thread
        if thread is not None:
            thread.join(timeout)
        return thread is None or not thread.is_alive()

    def close(self) -> None:
        """Bring it nothing more; what waits is dropped, a coroutine that runs is cancelled."""
        self._is_closed = True
        self._give_up()

    def _give_up(self) -> None:
        with self._lock:
            self.dropped += len(self._waiting)
            self._waiting.clear()
            awaited = self._awaited
        if awaited is not None:
            awaited.cancel()

    def _begin(self) -> None:
        self._thread = threading.Thread(target=self._work, name="obs-subscriber", daemon=True)
        try:
            self._thread.start()
        except RuntimeError as error:  # no thread to be had: what waits is brought with the next record
            self._thread = None
            self._told(error)
        else:
            self._is_working = True

    def _work(self) -> None:
        while True:
            with self._lock:
                if not self._waiting or self._is_closed:
                    self._is_working = False
                    return
                record = self._waiting.popleft()
            try:
                self._deliver(record)
            except FutureCancelledError:
                self.dropped += 1
            except BaseException as error:  # noqa: BLE001 - a callback may raise anything, SystemExit as well
                self.failed += 1
                self._told(error)
            else:
                self.delivered += 1

    def _deliver(self, record: object) -> None:
        result = self.callback(record)
        if not inspect.isawaitable(result):
            return
        if self._loop is None:
            asyncio.run(_until_done(result))
            return
        coroutine = _until_done(result)
        try:
            self._awaited = asyncio.run_coroutine_threadsafe(coroutine, self._loop)
        except RuntimeError:
            coroutine.close()
            raise
        try:
            self._await(self._awaited)
        finally:
            self._awaited = None

    def _await(self, future: Future[object]) -> None:
        while True:
            try:
                future.result(LOOK_SECONDS)
                return
            except TimeoutError:
                if future.done():
                    raise
                if self.is_closed:
                    future.cancel()

    def _is_ours(self) -> bool:
        if threading.current_thread() is self._thread:
            return True
        try:
            return self._loop is not None and asyncio.get_running_loop() is self._loop
        except RuntimeError:
            return False


async def _until_done(result: Awaitable[object]) -> object:
    return await result

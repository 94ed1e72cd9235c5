"""The thread that empties the hand-off, in slices so short that the bot's event loop does not feel them.

It polls: an event or condition would make callers take a lock. Foreign objects never hold it up: their text
is made by a second thread, the renderer, which is replaced when it does not come back. Both are started
without `threading`, whose `start` waits, and both are daemons by nature. Standard library only.
"""

from __future__ import annotations

import _thread
import contextlib
import os
import sys
import time
from collections.abc import Callable
from typing import Any, Final

from obs.recording.handoff import Handoff
from obs.recording.rows import PLACEHOLDER, RENDERED

__all__ = ["Packer"]

SLICE_NS: Final = 50_000
"""Longest stretch of work before other threads are let in: 50 us keep a 2 ms timer on time, 200 us do not."""
_POLL_SECONDS: Final = 0.005
_IDLE_SECONDS: Final = 0.05
_BOOKS_SECONDS: Final = 0.2
_RENDER_SECONDS: Final = 1.5
"""How long one object may take to make its text; the promise to the reader is two seconds."""
_RENDERER_LINGERS: Final = 1.0


class Packer:
    """Keeps the hand-off empty: one polling thread, and a renderer while foreign objects come.

    Args:
        handoff: The queue to empty.
        write_books: Called with the books whenever they changed, at most five times a second.
        known: Returns another object whenever more values have been registered as secret.
    """

    def __init__(
        self,
        handoff: Handoff,
        write_books: Callable[[dict[str, int]], None],
        known: Callable[[], object] = lambda: None,
    ) -> None:
        self._handoff = handoff
        self._write_books = write_books
        self._known = known
        self._known_before: object = None
        self.forget()

    def forget(self) -> None:
        """In a forked child: the parent's threads do not exist here."""
        self._life = 0
        self._starting: dict[int, object] = {}
        self._bell = _thread.allocate_lock()
        self._bell.acquire()
        # Lives whose thread was asked for and has not ended, and what the system calls those that began.
        self._living: set[int] = set()
        self._system_ids: set[int] = set()
        self._running = False
        self._books: dict[str, int] = {}
        self._books_at = 0.0
        self._renderer = 0
        self._rendering: tuple[Any, float] | None = None
        self._rendered_at = 0.0
        self._handoff.encoder.own_threads.clear()

    def start(self) -> bool:
        """Start the thread unless it runs; False when none can be started (the interpreter is going down)."""
        if self._running:
            return True
        ticket = object()
        if self._starting.setdefault(0, ticket) is not ticket:
            return True
        try:
            self._life += 1
            self._living.add(self._life)
            _thread.start_new_thread(self._run, (self._life,))
        except (RuntimeError, MemoryError):
            self._living.discard(self._life)
            return False
        else:
            self._running = True
            return True
        finally:
            self._starting.pop(0, None)

    def stop(self, limit: float = 0.1) -> None:
        """End the thread and wait for it, as Python 3.12+ warns at forks; the next record starts another."""
        if not self._running:
            return
        self._life += 1
        self._renderer += 1
        self._ring()
        end = time.monotonic() + limit
        while self._still_there() and time.monotonic() < end:
            time.sleep(0.0002)
        self._running = False
        self._rendered_at = 0.0

    def _still_there(self) -> bool:
        """Whether the system still knows one of our threads: Python leaves before its thread is gone."""
        if self._living or self._handoff.encoder.own_threads:
            return True
        if sys.platform == "linux":
            self._system_ids = {one for one in self._system_ids if os.path.exists(f"/proc/self/task/{one}")}  # noqa: PTH110
            return bool(self._system_ids)
        return False

    def flush(self, limit: float) -> bool:
        """Bring everything that waits to the spool, on the calling thread, for at most `limit` seconds.

        Returns:
            Whether nothing waits any more.
        """
        handoff, end = self._handoff, time.monotonic() + limit
        patience = time.monotonic() + min(limit / 2, 0.5)
        while handoff.queue and time.monotonic() < end:
            if handoff.drain(5_000_000) == 0:
                if time.monotonic() > patience:
                    if handoff.is_stalled:
                        break
                    handoff.take_token()
                time.sleep(0.001)
        while handoff.later and time.monotonic() < end:
            if not self._keep_rendering():
                break
            time.sleep(0.001)
        while self._rendering is not None and time.monotonic() < end:
            time.sleep(0.001)
        self._settle_rest()
        self.publish(force=True)
        return not handoff.queue and not handoff.later

    def publish(self, *, force: bool = False) -> None:
        """Put the books where the reader finds them, when they have changed."""
        now = time.monotonic()
        if not force and now < self._books_at:
            return
        self._books_at = now + _BOOKS_SECONDS
        known = self._known()
        if known is not self._known_before:
            self._known_before = known
            self._handoff.encoder.forget_verdicts()
        books = self._handoff.books()
        del books["waiting"]
        if books != self._books:
            self._books = books
            self._write_books(books)

    def _run(self, life: int) -> None:
        handoff = self._handoff
        me = _thread.get_ident()
        handoff.encoder.own_threads.add(me)
        self._system_ids.add(_thread.get_native_id())
        pause = _POLL_SECONDS
        try:
            while life == self._life:
                try:
                    done = self._slice()
                except Exception:  # noqa: BLE001  (nothing may end this thread; the next round tries again)
                    done = 0
                if handoff.queue and done:
                    time.sleep(0)
                    continue
                pause = _POLL_SECONDS if done else min(pause * 1.5, _IDLE_SECONDS)
                # A lock that nobody else takes: a sleep that `stop` can cut short.
                self._bell.acquire(timeout=pause)
        finally:
            handoff.encoder.own_threads.discard(me)
            self._living.discard(life)

    def _slice(self) -> int:
        done = self._handoff.drain(SLICE_NS)
        if not done:
            self._handoff.forget_last()
        if self._handoff.later or self._rendering is not None:
            self._keep_rendering()
        self.publish()
        return done

    def _ring(self) -> None:
        with contextlib.suppress(RuntimeError):  # nobody waits
            self._bell.release()

    # The renderer -------------------------------------------------------------------------------------

    def _keep_rendering(self) -> bool:
        """See that a renderer runs and is not stuck; False when none can be had."""
        now = time.monotonic()
        current = self._rendering
        if current is not None:
            if now - current[1] <= _RENDER_SECONDS:
                return True
            self._give_up_on(current[0])
        elif self._rendered_at > now:
            return True
        return self._start_renderer()

    def _start_renderer(self) -> bool:
        self._renderer += 1
        self._rendered_at = time.monotonic() + 3600
        try:
            _thread.start_new_thread(self._render, (self._renderer,))
        except (RuntimeError, MemoryError):
            self._rendered_at = 0.0
            return False
        return True

    def _give_up_on(self, entry: Any) -> None:
        """Write the entry without the text that never came, and never ask that type again."""
        self._rendering = None
        self._renderer += 1
        handoff = self._handoff
        handoff.encoder.block_current()
        if not handoff.store(entry, entry[1], handoff.encoder.line(entry[0], entry[1], PLACEHOLDER)):
            handoff.later.appendleft(entry)

    def _render(self, number: int) -> None:
        handoff = self._handoff
        me = _thread.get_ident()
        handoff.encoder.own_threads.add(me)
        idle_since = time.monotonic()
        try:
            while number == self._renderer:
                if not handoff.later or handoff.is_stalled:
                    if time.monotonic() - idle_since > _RENDERER_LINGERS:
                        break
                    time.sleep(_POLL_SECONDS)
                    continue
                idle_since = time.monotonic()
                self._render_one()
                time.sleep(0)
        finally:
            handoff.encoder.own_threads.discard(me)
            if number == self._renderer:
                self._rendered_at = 0.0

    def _render_one(self) -> None:
        handoff = self._handoff
        try:
            entry = handoff.later[0]
            mine = self._rendering = (entry, time.monotonic())
            handoff.later.popleft()
        except IndexError:
            self._rendering = None
            return
        try:
            line = handoff.encoder.line(entry[0], entry[1], RENDERED)
        except BaseException:  # noqa: BLE001  (foreign code may raise anything, SystemExit too)
            line = handoff.encoder.line(entry[0], entry[1], PLACEHOLDER)
        if self._rendering is not mine:
            return  # Given up on meanwhile: the placeholder is written.
        if not handoff.store(entry, entry[1], line):
            handoff.later.appendleft(entry)
        self._rendering = None

    def _settle_rest(self) -> None:
        """At the end: what no renderer could finish is written with placeholders."""
        handoff = self._handoff
        current = self._rendering
        if current is not None:
            self._give_up_on(current[0])
        while handoff.later:
            try:
                entry = handoff.later[0]
                line = handoff.encoder.line(entry[0], entry[1], PLACEHOLDER)
                if not handoff.store(entry, entry[1], line):
                    return
                handoff.later.popleft()
            except IndexError:
                return

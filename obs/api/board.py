"""Where the fold's thread hangs up its newest picture, and everybody else reads it.

A picture is immutable and whole: version, Snapshot and what is known of the sidecar itself belong together.
Nothing here waits for a reader, and a reader never touches what the fold is working on.
"""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Callable

import msgspec

from obs.api.tail import Tail
from obs.snapshot import Snapshot

__all__ = ["Board", "Picture"]


SHARE = 4
"""Taking pictures may take one part in so many of the fold's time while somebody looks."""
LEAST_SECONDS = 0.05
MOST_SECONDS = 0.6
"""Between two pictures while events come, taking them not counted."""
EMPTY_ROOM_SECONDS = 10.0
"""Nobody looks when nobody has for so long; then pictures cost a third."""
HANGS_MS = 1_000
"""A step of the fold that takes longer is worth saying."""
AT_REST_SECONDS = 2.0
"""A new picture without any event while somebody looks: silence is news as well."""


class Picture(msgspec.Struct, frozen=True, kw_only=True):
    """What was hung up last."""

    version: int
    """Grows with each picture; 0 before the first."""
    snapshot: Snapshot
    fault: str = ""
    """What keeps the sidecar from storing or showing, in words."""
    pending_bytes: int = 0
    """Bytes of spool and files that waited to be read."""
    published: int = 0
    """Unix ms when it was hung up."""


class Board:
    """The newest picture and the newest events; filled by one thread, read by any."""

    def __init__(self, first: Snapshot, *, clock: Callable[[], int] = time.time_ns) -> None:
        """Hang up a first picture.

        Args:
            first: Shown until the fold publishes its own.
            clock: Unix ns now.
        """
        self._clock = clock
        self._picture = Picture(version=0, snapshot=first, published=clock() // 1_000_000)
        self._kept = first
        self._is_showing = False
        self.tail = Tail(start=clock() // 1_000)
        self._loop: asyncio.AbstractEventLoop | None = None
        self._news: asyncio.Event | None = None
        self._lock = threading.Lock()
        self._is_told = False
        self._looked_at = -1e9
        self._not_before = 0.0
        self._shown_at = -1e9
        self._told_of = self.tail.newest
        self.stepped = self._picture.published
        """Unix ms of the fold's last step."""

    @property
    def picture(self) -> Picture:
        """The newest picture, whole."""
        self._looked_at = time.monotonic()
        return self._picture

    @property
    def snapshot(self) -> Snapshot:
        """The newest Snapshot."""
        return self.picture.snapshot

    @property
    def kept(self) -> Snapshot:
        """The newest Snapshot of which nothing can be lost: what it counts, no restart takes back."""
        return self._kept

    @property
    def version(self) -> int:
        """Of the newest picture."""
        return self._picture.version

    @property
    def looked_at(self) -> float:
        """When anybody last read a picture, by the monotonic clock: nobody draws for an empty room."""
        return self._looked_at

    def publish(self, snapshot: Snapshot, *, fault: str = "", pending_bytes: int = 0) -> None:
        """Hang up a picture; called by the fold's thread, never waits.

        Args:
            snapshot: The picture.
            fault: What keeps the sidecar from storing or showing.
            pending_bytes: Bytes that wait to be read.
        """
        self._picture = Picture(
            version=self._picture.version + 1,
            snapshot=snapshot,
            fault=fault,
            pending_bytes=pending_bytes,
            published=self._clock() // 1_000_000,
        )
        if not self._is_showing:
            self._kept = snapshot
        self.tell()

    def tell(self) -> None:
        """Wake whoever waits in `changed`; from any thread."""
        with self._lock:
            loop = self._loop
            if loop is None or self._is_told:
                return
            self._is_told = True
        try:
            loop.call_soon_threadsafe(self._wake)
        except RuntimeError:
            # The loop has ended: nobody reads any more.
            self._loop = None

    def behind_ms(self, now: int) -> int:
        """Return how old the newest that could be shown is: 0 while the fold keeps up.

        Args:
            now: Unix ms.
        """
        picture = self._picture
        waits = now - picture.snapshot.last_event // 1_000_000 if picture.pending_bytes else 0
        hangs = now - self.stepped
        return max(0, waits, hangs if hangs > HANGS_MS else 0)

    @property
    def onlooker(self) -> Tail:
        """Who wants to see the events: the tail."""
        return self.tail

    def is_due(self, *, changed: bool) -> bool:
        """Whether a picture should be taken now; asked by the fold after each step."""
        now = time.monotonic()
        self.stepped = self._clock() // 1_000_000
        self._tell_of_lines()
        if changed:
            return now >= self._not_before
        rest = AT_REST_SECONDS if self._is_looked_at(now) else AT_REST_SECONDS * 5
        return now >= self._shown_at + rest

    def show(self, take: Callable[[], Snapshot], *, fault: str, pending_bytes: int) -> None:
        """Take a picture and hang it up; called by the fold's thread.

        Args:
            take: Makes the Snapshot.
            fault: What keeps the sidecar from storing or showing.
            pending_bytes: Bytes that wait to be read.
        """
        began = time.monotonic()
        self._is_showing = True
        try:
            self.publish(take(), fault=fault, pending_bytes=pending_bytes)
        finally:
            self._is_showing = False
            self._shown_at = time.monotonic()
            share = SHARE if self._is_looked_at(began) else SHARE * 3
            pause = (self._shown_at - began) * (share - 1)
            self._not_before = self._shown_at + min(max(pause, LEAST_SECONDS), MOST_SECONDS)

    def stored(self) -> None:
        """Know that all that was shown so far is stored; called by the fold's thread."""
        self._kept = self._picture.snapshot

    def _is_looked_at(self, now: float) -> bool:
        return now - self._looked_at < EMPTY_ROOM_SECONDS

    def _tell_of_lines(self) -> None:
        if self.tail.newest != self._told_of:
            self._told_of = self.tail.newest
            self.tell()

    async def changed(self, version: int, *, seq: int | None = None, timeout: float = 2.0) -> bool:
        """Wait until there is a newer picture than `version`, or a newer event than `seq`.

        Args:
            version: The one that is known.
            seq: Of the newest event that is known; None does not wait for events.
            timeout: Seconds after which to come back anyway.

        Returns:
            Whether there is anything new.
        """
        self._looked_at = time.monotonic()
        deadline = time.monotonic() + timeout
        while not self._has_news(version, seq):
            left = deadline - time.monotonic()
            if left <= 0:
                return False
            news = self._bell()
            # Looked at once more: the fold may have rung between the look and the bell.
            if self._has_news(version, seq):
                break
            try:
                await asyncio.wait_for(news.wait(), left)
            except TimeoutError:
                return self._has_news(version, seq)
        return True

    def _has_news(self, version: int, seq: int | None) -> bool:
        return self._picture.version > version or (seq is not None and self.tail.newest > seq)

    def _bell(self) -> asyncio.Event:
        loop = asyncio.get_running_loop()
        with self._lock:
            if self._loop is not loop or self._news is None:
                self._loop, self._news, self._is_told = loop, asyncio.Event(), False
            return self._news

    def _wake(self) -> None:
        with self._lock:
            news, self._news, self._is_told = self._news, asyncio.Event(), False
        if news is not None:
            news.set()

"""Where routes borrow what computes money figures: over a copy of the book as it stood at a moment.

The fold's own book is never read from another thread. The fold writes it down between two steps, which takes
it a few milliseconds; it is read, and counted with, in a worker thread. Of requests between two pictures only
the first makes a copy. For the page of one bot only that bot's part of the book is copied.
"""

from __future__ import annotations

import asyncio
import threading
import time
from collections import OrderedDict
from collections.abc import Callable
from typing import TYPE_CHECKING, TypeVar

from obs.api.envelope import ApiError

if TYPE_CHECKING:
    from obs.api.board import Board
    from obs.money.figures import RealTimeMetrics
    from obs.money.metrics import PerformanceMetricsCalculator
    from obs.sidecar import Sidecar

__all__ = ["Desk"]

T = TypeVar("T")
Thawed = Callable[[], "PerformanceMetricsCalculator"]
WAIT_SECONDS = 5.0
"""How long a request waits for the fold to come to the end of a step."""
FRESH_SECONDS = 1.0
"""For how long the figures of one bot stand while pictures follow one another."""
KEPT_BOTS = 32


class Desk:
    """Lends calculators to the routes of one event loop."""

    def __init__(self, sidecar: Sidecar | None = None, board: Board | None = None) -> None:
        """Make a desk; without a sidecar it lends an empty book.

        Args:
            sidecar: Whose book is lent.
            board: Its version tells when a copy is too old.
        """
        self._sidecar, self._board = sidecar, board
        self._version = -1
        self._task: asyncio.Task[PerformanceMetricsCalculator] | None = None
        self._bots: OrderedDict[str, tuple[float, asyncio.Task[RealTimeMetrics]]] = OrderedDict()
        """Bot -> when its figures were asked for, and the figures."""
        # Two figures of one copy are computed one after the other: the calculator keeps what it found.
        self._lock = threading.Lock()

    @classmethod
    def over(cls, calculator: PerformanceMetricsCalculator) -> Desk:
        """Return a desk that lends this one alone: of recorded input, nothing changes any more."""
        desk = cls()
        desk._made = lambda: calculator  # type: ignore[method-assign]
        return desk

    async def calculator(self) -> PerformanceMetricsCalculator:
        """Return what computes the figures of now; use it by `ask`, in a worker thread.

        Raises:
            ApiError: 503 when the fold does not answer in time.
        """
        version = self._board.version if self._board is not None else 0
        task = self._task
        if task is None or version != self._version or _has_failed(task):
            self._version = version
            task = self._task = asyncio.create_task(self._borrowed())
        # One client that goes away must not take the copy from the others.
        return await asyncio.shield(task)

    async def money_of(self, bot: str) -> RealTimeMetrics:
        """Return the figures of one bot alone, at most `FRESH_SECONDS` old.

        Args:
            bot: Its name.

        Raises:
            ApiError: 503 when the fold does not answer in time.
        """
        now = time.monotonic()
        asked, task = self._bots.get(bot, (0.0, None))
        if task is None or now - asked > FRESH_SECONDS or _has_failed(task):
            task = asyncio.create_task(self._figures_of(bot))
            self._bots[bot] = now, task
            while len(self._bots) > KEPT_BOTS:
                self._bots.popitem(last=False)
        self._bots.move_to_end(bot)
        return await asyncio.shield(task)

    async def _figures_of(self, bot: str) -> RealTimeMetrics:
        calculator = await self._borrowed(bot)
        alone = calculator if self._sidecar is not None else calculator.of(bot)
        return await asyncio.to_thread(self.ask, alone.realtime)

    def ask(self, figure: Callable[[], T]) -> T:
        """Return a figure of a calculator of this desk; in a worker thread."""
        with self._lock:
            return figure()

    async def _borrowed(self, bot: str = "") -> PerformanceMetricsCalculator:
        sidecar = self._sidecar
        if sidecar is None:
            return await asyncio.to_thread(self._made)
        loop = asyncio.get_running_loop()
        waiting: asyncio.Future[Thawed] = loop.create_future()

        def give(thawed: Thawed) -> None:
            if not waiting.done():
                waiting.set_result(thawed)

        def freeze() -> None:
            loop.call_soon_threadsafe(give, sidecar.frozen_metrics(bot))

        sidecar.post(freeze)
        try:
            thawed = await asyncio.wait_for(waiting, WAIT_SECONDS)
        except TimeoutError:
            raise ApiError(503, "The sidecar is busy reading; ask again.") from None
        return await asyncio.to_thread(thawed)

    def _made(self) -> PerformanceMetricsCalculator:
        from obs.money.metrics import PerformanceMetricsCalculator

        return PerformanceMetricsCalculator()


def _has_failed(task: asyncio.Task[T]) -> bool:
    return task.done() and (task.cancelled() or task.exception() is not None)

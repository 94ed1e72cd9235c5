"""What every route may use; it hangs at `request.app.state.context`."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from concurrent.futures import Executor, ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, ParamSpec, TypeVar, cast

from starlette.requests import HTTPConnection

from obs.api.board import Board
from obs.api.desk import Desk
from obs.api.tokens import Tokens
from obs.config import Settings

if TYPE_CHECKING:
    from obs.sidecar import Sidecar

__all__ = ["Context", "context_of"]

P = ParamSpec("P")
T = TypeVar("T")


def _workers() -> Executor:
    return ThreadPoolExecutor(2, thread_name_prefix="obs-work")


def _takers() -> Executor:
    return ThreadPoolExecutor(2, thread_name_prefix="obs-take")


@dataclass
class Context:
    """The parts behind the routes. A route reads the board and the history, never the fold's State."""

    settings: Settings
    """In force at this moment: one frozen tree, replaced as a whole; no route keeps it."""
    board: Board
    sidecar: Sidecar | None = None
    """Works in another thread: nothing of it may be called from a route."""
    history: Any = None
    """`obs.history.queries.History`; None where nothing is stored."""
    pipeline: Any = None
    """The dashboard's data pipeline; None when it is off."""
    receiver: Any = None
    """`obs.otlp.receiving.Receiver`; None where nothing is taken in."""
    inbox: Any = None
    """`obs.keeping.inbox.Inbox`, where alerts from outside are written down; None where none are taken."""
    alerter: Any = None
    """`obs.alerts.alerter.Alerter`, whose numbers are told; None where no messages are sent."""
    desk: Desk = field(default_factory=Desk)
    """Lends what computes money figures."""
    tokens: Tokens = field(default_factory=Tokens)
    workers: Executor = field(default_factory=_workers)
    takers: Executor = field(default_factory=_takers)
    """For what comes in and waits until the disk has it: no page may wait with it."""
    closing: asyncio.Event = field(default_factory=asyncio.Event)
    """Set when the server ends: streams end then."""

    async def offload(self, work: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        """Run what takes more than a few milliseconds in a worker thread."""
        loop = asyncio.get_running_loop()
        return await loop.run_in_executor(self.workers, lambda: work(*args, **kwargs))

    async def take_in(self, work: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        """Run what waits for the disk in a thread of its own kind."""
        loop = asyncio.get_running_loop()
        return await loop.run_in_executor(self.takers, lambda: work(*args, **kwargs))


def context_of(request: HTTPConnection) -> Context:
    """Return the context of a request."""
    return cast(Context, request.app.state.context)

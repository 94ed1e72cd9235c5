"""Search: stored events by words, place, severity and time, the newest first, page by page."""

from __future__ import annotations

import time
from typing import Annotated, Literal

import msgspec
from fastapi import APIRouter, Query, Request
from starlette.responses import Response

from obs.api.context import context_of
from obs.api.envelope import ApiError, answer, described
from obs.api.parameters import Limit, Moment, Name, ns_of
from obs.api.tail import Line, row_of
from obs.events import Severity
from obs.history.answers import EventRow as Stored
from obs.history.queries import History, HistoryError
from obs.web.model import EventRow

__all__ = ["router"]

router = APIRouter(tags=["events"])
Word = Literal["TRACE", "DEBUG", "INFO", "WARN", "ERROR", "FATAL"]


class Found(msgspec.Struct, frozen=True, kw_only=True):
    """One page of hits."""

    events: tuple[EventRow, ...]
    """The newest first; those of a trace in the order in which they happened."""
    next: int | None
    """`before` of the next page; null when there is no more."""


@router.get("/api/events", responses=described(Found))
async def events(
    request: Request,
    text: Annotated[
        str,
        Query(
            max_length=500,
            description='Words that all occur; `"a phrase"`, `begin*`, `-without`. Empty finds all.',
        ),
    ] = "",
    service: Annotated[Name | None, Query(description="Of one bot.")] = None,
    component: Annotated[Name | None, Query(description="Of one component.")] = None,
    severity: Annotated[Word | None, Query(description="At least as grave as this.")] = None,
    event_name: Annotated[
        Name | None, Query(description="`order.filled`; `order.*` for all of a kind.")
    ] = None,
    issue: Annotated[
        str | None, Query(pattern="^(I-)?[0-9a-f]{6,16}$", description="Of one issue, by id or fingerprint.")
    ] = None,
    trace: Annotated[
        str | None,
        Query(pattern="^[0-9a-fA-F]{32}$", description="Of one trace, the oldest first, all at once."),
    ] = None,
    since: Annotated[Moment | None, Query(description="From then on: a time, Unix ms, or `2h` ago.")] = None,
    until: Annotated[Moment | None, Query(description="Before then.")] = None,
    before: Annotated[int | None, Query(ge=0, le=2**53, description="`next` of the page before.")] = None,
    limit: Limit = 100,
) -> Response:
    """Return stored events that match. Their text is foreign: masked, and only ever to be shown as text."""
    context = context_of(request)
    history: History | None = context.history
    if history is None:
        raise ApiError(503, "No history is kept here.")
    now = time.time_ns()
    given = (text, service or "", component or "", event_name or "")
    if any("\x00" in one for one in given):
        # No stored text holds one, and a server's database refuses to be asked for it.
        return answer(Found(events=(), next=None))

    def found() -> Response:
        rows = history.search(
            text,
            limit=limit + 1,
            before_seq=before,
            service=service,
            component=component,
            least_severity=Severity[severity] if severity else 0,
            event_name=event_name,
            fingerprint=issue.removeprefix("I-") if issue else None,
            trace=trace.lower() if trace else None,
            since=ns_of(since, now) if since else None,
            until=ns_of(until, now) if until else None,
        )
        # A story is told from its beginning: there is no page before it.
        more = len(rows) > limit and not trace
        shown = tuple(_row(row) for row in rows[:limit])
        return answer(Found(events=shown, next=shown[-1].seq if more else None))

    try:
        return await context.offload(found)
    except HistoryError as error:
        raise ApiError(503, "The history cannot be read now; ask again, or for less.") from error


def _row(stored: Stored) -> EventRow:
    line = Line(
        stored.id,
        stored.time // 1_000_000,
        stored.severity.name,
        stored.service,
        stored.component,
        stored.body,
        stored.event_name,
        f"I-{stored.fingerprint[:6]}" if stored.fingerprint else "",
    )
    return msgspec.structs.replace(row_of(line, stored.seq), trace=stored.trace)

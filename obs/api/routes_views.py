"""The Snapshot for programs: issues, components, the funnel, and the picture as a whole."""

from __future__ import annotations

from typing import Annotated, Any

import msgspec
from fastapi import APIRouter, Path, Query, Request
from starlette.responses import Response

from obs.api.context import context_of
from obs.api.envelope import ApiError
from obs.api.parameters import Limit, Name
from obs.api.telling import tell, told, told_picture
from obs.dashboard import SCHEMA, twin
from obs.snapshot import (
    Category,
    ComponentStatus,
    Funnel,
    Issue,
    IssueSeverity,
    IssueStatus,
    Snapshot,
)
from obs.standing import Passage

__all__ = ["UNKNOWN", "IssueId", "router", "the_issue"]

router = APIRouter(tags=["views"])
CLOSED = (IssueStatus.RESOLVED, IssueStatus.ARCHIVED)
UNKNOWN: dict[int | str, dict[str, Any]] = {
    404: {"description": "There is no such issue."},
    409: {"description": "Several issues begin so."},
}
IssueId = Annotated[
    str, Path(max_length=40, description="`I-1a2b3c`, the whole fingerprint, or any unique start of it.")
]


class FunnelView(msgspec.Struct, frozen=True, kw_only=True):
    """Why it did not trade."""

    funnel: Funnel | None
    """Signals by gate since the beginning; null while no signal was seen."""
    passages: tuple[Passage, ...] = ()
    """Of the last 24 hours: all bots, then each that had any."""


@router.get("/api/issues", responses=told(list[Issue], description="The gravest first."))
async def issues(
    request: Request,
    is_open: Annotated[
        bool | None, Query(alias="open", description="Only open ones, or only closed.")
    ] = None,
    severity: Annotated[IssueSeverity | None, Query(description="At least as bad as this.")] = None,
    category: Annotated[Category | None, Query(description="Of one category.")] = None,
    component: Annotated[Name | None, Query(description="Of one component.")] = None,
    service: Annotated[Name | None, Query(description="Of one bot.")] = None,
    limit: Limit = 1_000,
) -> Response:
    """Return the issues: what is wrong, ranked by the money behind it; symptoms and closed ones as well."""
    found = [
        issue
        for issue in context_of(request).board.snapshot.issues
        if (is_open is None or (issue.status not in CLOSED) is is_open)
        and (severity is None or issue.severity.rank >= severity.rank)
        and (category is None or issue.category is category)
        and (component is None or issue.component == component)
        and (service is None or service in issue.services)
    ]
    return await context_of(request).offload(tell, found[:limit])


@router.get("/api/issues/{id}", responses=told(Issue) | UNKNOWN)
async def issue(request: Request, id: IssueId) -> Response:  # noqa: A002 - so it is called in the address
    """Return one issue in full."""
    return tell(the_issue(context_of(request).board.snapshot, id))


@router.get("/api/components", responses=told(dict[str, ComponentStatus], description="By name."))
async def components(request: Request) -> Response:
    """Return how each component stands, why, and in which rhythm it works."""
    return tell(context_of(request).board.snapshot.components)


@router.get("/api/funnel", responses=told(FunnelView))
async def funnel(request: Request) -> Response:
    """Return how far signals came and which gate stopped the others."""
    snapshot = context_of(request).board.snapshot
    return tell(FunnelView(funnel=snapshot.funnel, passages=snapshot.passages))


@router.get("/api/snapshot", responses=told_picture(f"The picture, `{SCHEMA}`."))
async def snapshot(request: Request) -> Response:
    """Return everything that is known at this instant: what `dashboards/latest.json` holds."""
    context = context_of(request)
    return await context.offload(lambda: tell(twin(context.board.snapshot)))


def the_issue(snapshot: Snapshot, wanted: str) -> Issue:
    """Return the issue of an id, its fingerprint or a unique start of either; merged ones are their whole.

    Raises:
        ApiError: 404 when there is none, 409 when there are several.
    """
    start = wanted.lower().removeprefix("i-")
    found = [one for one in snapshot.issues if start and one.is_known_as(start)]
    if not found:
        raise ApiError(404, "There is no such issue; /api/issues lists them.")
    if len(found) > 1:
        raise ApiError(409, f"This stands for {len(found)} issues; write more digits.")
    return found[0]

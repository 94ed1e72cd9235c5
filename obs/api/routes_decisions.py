"""What a person decides about an issue: resolve, archive for a while, reopen; with the control token."""

from __future__ import annotations

import sqlite3
import time
from typing import Annotated, Literal

import msgspec
from fastapi import APIRouter, Body, Path, Request
from pydantic import BaseModel, ConfigDict, Field
from starlette.responses import Response

from obs import deciding
from obs.api.context import Context, context_of
from obs.api.envelope import CODES, ApiError
from obs.api.routes_views import IssueId, the_issue
from obs.api.telling import tell, told
from obs.keeping.store import StoreError

__all__ = ["router"]

router = APIRouter(tags=["control"])
Verb = Literal["resolve", "archive", "reopen"]
_ERROR = {"application/json": {"schema": {"$ref": "#/components/schemas/Error"}}}


class DecisionRequest(BaseModel):
    """Why, and for how long."""

    model_config = ConfigDict(extra="forbid", strict=True, populate_by_name=True)

    why: str = Field("", max_length=500, description="The reason; an archived issue must have one.")
    duration: str = Field(
        deciding.ARCHIVED_FOR,
        alias="for",
        pattern=r"^([0-9]{1,5}[smhd]|ever)$",
        description="How long an issue is archived: `30m`, `2h`, `7d`, `ever`. Other verbs take none.",
    )


class Decided(msgspec.Struct, frozen=True, kw_only=True):
    """What was decided."""

    id: str
    verb: str
    wakes: int
    """Unix ns at which an archived issue wakes; 0: never, or it was not archived."""


@router.post(
    "/api/issues/{id}/{verb}",
    responses={
        **told(Decided),
        **{status: {"description": CODES[status][1], "content": _ERROR} for status in (404, 409, 413, 415)},
    },
)
async def decide(
    request: Request,
    id: IssueId,  # noqa: A002 - so it is called in the address
    verb: Annotated[Verb, Path(description="What is to become of it.")],
    wanted: Annotated[DecisionRequest | None, Body(description="Why.")] = None,
) -> Response:
    """Resolve, archive or reopen an issue; the page shows it within two seconds."""
    context = context_of(request)
    return tell(
        await context.offload(_apply, context, id, verb, wanted or DecisionRequest.model_validate({}))
    )


def _apply(context: Context, wanted: str, verb: Verb, decision: DecisionRequest) -> Decided:
    snapshot = context.board.snapshot
    issue = the_issue(snapshot, wanted)
    now = time.time_ns()
    if verb == "archive" and not decision.why.strip():
        raise ApiError(422, "why: an archived issue must have a reason.")
    wakes = deciding.wakes_at(verb, decision.duration if verb == "archive" else None, None, now)
    try:
        deciding.apply(
            context.settings.dir.absolute(),
            snapshot,
            verb,
            [issue.fingerprint],
            now=now,
            why=decision.why,
            expires=wakes,
            store=context.settings.store,
        )
    except (StoreError, OSError, sqlite3.Error):
        raise ApiError(503, "The decision cannot be stored now.", headers={"Retry-After": "2"}) from None
    except ValueError:
        raise ApiError(409, f"The issue is {issue.status} and cannot become that.") from None
    return Decided(id=issue.id, verb=verb, wakes=wakes)
